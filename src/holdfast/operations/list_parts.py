"""ListParts: what an open upload holds so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from holdfast.catalog.rows import PartRow
from holdfast.s3.shapes import Element, ETag, Label, Micros, Query, Route
from holdfast.store import multipart

from .context import Context
from .operation import Operation
from .owners import Owner, find_owner
from .paging import page_size


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]
    key: Annotated[str, Label("Key")]
    upload_id: Annotated[str, Query("uploadId")]
    max_parts: Annotated[int | None, Query("max-parts")] = None
    part_number_marker: Annotated[int | None, Query("part-number-marker")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartEntry:
    part_number: Annotated[int, Element("PartNumber")]
    last_modified: Annotated[Micros, Element("LastModified")]
    etag: Annotated[ETag, Element("ETag")]
    size: Annotated[int, Element("Size")]
    checksum_crc32: Annotated[str | None, Element("ChecksumCRC32")] = None
    checksum_crc32c: Annotated[str | None, Element("ChecksumCRC32C")] = None
    checksum_crc64nvme: Annotated[str | None, Element("ChecksumCRC64NVME")] = None
    checksum_sha1: Annotated[str | None, Element("ChecksumSHA1")] = None
    checksum_sha256: Annotated[str | None, Element("ChecksumSHA256")] = None


@dataclass(frozen=True, slots=True)
class Response:
    root: ClassVar[str] = "ListPartsResult"

    bucket: Annotated[str, Element("Bucket")]
    key: Annotated[str, Element("Key")]
    upload_id: Annotated[str, Element("UploadId")]
    part_number_marker: Annotated[int, Element("PartNumberMarker")]
    next_part_number_marker: Annotated[int, Element("NextPartNumberMarker")]
    max_parts: Annotated[int, Element("MaxParts")]
    is_truncated: Annotated[bool, Element("IsTruncated")]
    parts: Annotated[tuple[PartEntry, ...], Element("Part")]
    initiator: Annotated[Owner, Element("Initiator")]
    owner: Annotated[Owner, Element("Owner")]
    storage_class: Annotated[str, Element("StorageClass")]
    checksum_algorithm: Annotated[str | None, Element("ChecksumAlgorithm")]
    checksum_type: Annotated[str | None, Element("ChecksumType")]


def run(context: Context, request: Request) -> Response:
    """Return a page of parts by number."""
    bucket = context.authorised("s3:ListMultipartUploadParts", request.bucket, request.key)
    upload = multipart.get_open(context.rows, bucket, request.key, request.upload_id)
    count_max = page_size(request.max_parts)
    marker = request.part_number_marker or 0
    found = multipart.list_parts(context.rows, upload, after=marker, count_max=count_max + 1)
    shown = found[:count_max]
    owner = find_owner(context, upload.created_by)
    return Response(
        bucket=bucket.name,
        key=request.key,
        upload_id=upload.upload_id,
        part_number_marker=marker,
        next_part_number_marker=shown[-1].part_number if shown else 0,
        max_parts=count_max,
        is_truncated=len(found) > count_max > 0,
        parts=tuple(_entry(part) for part in shown),
        initiator=owner,
        owner=owner,
        storage_class=upload.storage_class,
        checksum_algorithm=upload.checksum_algorithm or None,
        checksum_type=upload.checksum_type or None,
    )


def _entry(part: PartRow) -> PartEntry:
    algorithm, _, value = part.checksum.partition(":")
    checksum: dict[str, str] = {f"checksum_{algorithm.lower()}": value} if algorithm else {}
    return PartEntry(
        part_number=part.part_number,
        last_modified=Micros(part.modified_us),
        etag=ETag(part.etag),
        size=part.size_bytes,
        **checksum,
    )


operation = Operation(
    name="ListParts",
    route=Route("GET", "key", query=("uploadId",)),
    permission="s3:ListMultipartUploadParts",
    request=Request,
    response=Response,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListParts.html",
)
