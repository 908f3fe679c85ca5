"""UploadPartCopy: a part with the bytes of an object, or of a range of it.

Bytes are read to be hashed, and never written again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from holdfast.blobs.interface import Slice
from holdfast.catalog.rows import ObjectRow, UploadRow
from holdfast.s3.codes import S3Error
from holdfast.s3.shapes import Element, ETag, Header, Label, Micros, Query, Route
from holdfast.store import multipart, quotas, versions
from holdfast.store.errors import ChangedMeanwhile
from holdfast.store.receipt import Receipt

from .context import Context
from .copying import CopySource, get_source
from .operation import Admission, Digest, Operation
from .part_checksums import DEFAULT_ALGORITHM
from .stored_headers import encryption_is_off
from .upload_part import check_part_number

_RANGE: Final = re.compile(r"bytes=(\d{1,19})-(\d{1,19})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(CopySource):
    bucket: Annotated[str, Label("Bucket")]
    key: Annotated[str, Label("Key")]
    upload_id: Annotated[str, Query("uploadId")]
    part_number: Annotated[int, Query("partNumber")]
    copy_source_range: Annotated[str | None, Header("x-amz-copy-source-range")] = None
    customer_algorithm: Annotated[str | None, Header("x-amz-server-side-encryption-customer-algorithm")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    root: ClassVar[str] = "CopyPartResult"

    last_modified: Annotated[Micros, Element("LastModified")]
    etag: Annotated[ETag, Element("ETag")]
    checksum_crc32: Annotated[str | None, Element("ChecksumCRC32")] = None
    checksum_crc32c: Annotated[str | None, Element("ChecksumCRC32C")] = None
    checksum_crc64nvme: Annotated[str | None, Element("ChecksumCRC64NVME")] = None
    checksum_sha1: Annotated[str | None, Element("ChecksumSHA1")] = None
    checksum_sha256: Annotated[str | None, Element("ChecksumSHA256")] = None


def admit(context: Context, request: Request) -> Admission:
    """Find source and upload; ask for the bytes to be hashed unless the source's own row tells ETag and checksum."""
    bucket = context.authorised("s3:PutObject", request.bucket, request.key)
    check_part_number(request.part_number, context.limits.parts_max)
    if request.customer_algorithm is not None:
        raise encryption_is_off()
    upload = multipart.get_open(context.rows, bucket, request.key, request.upload_id)
    _source, row = get_source(context, request)
    first, length = _stretch(context, request, row)
    replaced_bytes = multipart.part_bytes(context.rows, upload, request.part_number)
    quotas.check_room(context.rows, context.tenancy, bucket, quotas.Delta(upload_bytes=length - replaced_bytes))
    if _is_known(upload, row, length):
        return Admission()
    return Admission(
        checksum_algorithm=_algorithm(upload), digest=Digest(versions.resolve(context.rows, row, first, length), length)
    )


def commit(context: Context, request: Request, receipt: Receipt | None) -> Response:
    """Keep the part, if upload and source are still what they were when the bytes were hashed."""
    bucket = context.authorised("s3:PutObject", request.bucket, request.key)
    upload = multipart.get_open(context.changes, bucket, request.key, request.upload_id)
    _source, row = get_source(context, request)
    first, length = _stretch(context, request, row)
    slices: tuple[Slice, ...] = versions.resolve(context.rows, row, first, length)
    if receipt is None:
        if not _is_known(upload, row, length):
            raise ChangedMeanwhile
        algorithm, _, value = row.checksum.split(":", 2)
        etag = row.etag
    else:
        if receipt.slices != slices:
            raise ChangedMeanwhile
        algorithm, value, etag = receipt.checksum_algorithm, receipt.checksum, receipt.md5_hex
    part = multipart.put_part(
        context.changes,
        context.tenancy,
        bucket,
        upload,
        request.part_number,
        slices=slices,
        size_bytes=length,
        etag=etag,
        checksum=f"{algorithm}:{value}",
        now_us=context.now_us,
    )
    shown: dict[str, str] = {f"checksum_{algorithm.lower()}": value} if upload.checksum_algorithm else {}
    return Response(last_modified=Micros(part.modified_us), etag=ETag(etag), **shown)


def _stretch(context: Context, request: Request, row: ObjectRow) -> tuple[int, int]:
    """Return offset and length of what is copied; unlike GET's, this range must lie within the object."""
    if request.copy_source_range is None:
        first, length = 0, row.size_bytes
    else:
        match = _RANGE.fullmatch(request.copy_source_range.strip())
        if match is None:
            raise S3Error(
                "InvalidArgument",
                "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the"
                " zero-based offsets of the first and last bytes to copy",
                details={"ArgumentName": "x-amz-copy-source-range", "ArgumentValue": request.copy_source_range[:256]},
            )
        first, last = int(match[1]), int(match[2])
        if first > last or last >= row.size_bytes:
            raise S3Error(
                "InvalidRange" if first <= last else "InvalidArgument",
                f"Range specified is not valid for source object of size: {row.size_bytes}",
                details={"ArgumentName": "x-amz-copy-source-range", "ArgumentValue": request.copy_source_range[:256]},
            )
        length = last - first + 1
    if length > context.limits.put_bytes_max:
        raise S3Error(
            "InvalidRequest",
            "The specified copy source is larger than the maximum allowable size for a copy source:"
            f" {context.limits.put_bytes_max}",
        )
    return first, length


def _is_known(upload: UploadRow, row: ObjectRow, length: int) -> bool:
    """Whether the source, copied whole, was written at once with the very checksum that the upload keeps."""
    return (
        length == row.size_bytes
        and not row.manifest_id
        and "-" not in row.etag
        and row.checksum.startswith(f"{_algorithm(upload)}:FULL_OBJECT:")
    )


def _algorithm(upload: UploadRow) -> str:
    return upload.checksum_algorithm or DEFAULT_ALGORITHM


operation = Operation(
    name="UploadPartCopy",
    route=Route("PUT", "key", query=("partNumber", "uploadId"), headers=("x-amz-copy-source",)),
    permission="s3:PutObject",
    request=Request,
    response=Response,
    admit=admit,
    commit=commit,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html",
)
