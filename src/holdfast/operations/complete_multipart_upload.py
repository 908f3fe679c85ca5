"""CompleteMultipartUpload: the listed parts become one object, in one transaction and without a byte moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, ClassVar

from holdfast.catalog.rows import PartRow, UploadRow
from holdfast.s3 import checksums
from holdfast.s3.codes import S3Error
from holdfast.s3.shapes import Document, Element, ETag, Header, HeaderMap, Label, Query, Route
from holdfast.store import multipart
from holdfast.store.errors import InvalidPart, InvalidPartOrder, NoSuchUpload, ObjectTooLarge, PartTooSmall
from holdfast.store.receipt import Receipt

from . import preconditions
from .context import Context
from .operation import Operation
from .part_checksums import FULL_OBJECT_ALGORITHMS, Kind, join


@dataclass(frozen=True, slots=True)
class CompletedPart:
    part_number: Annotated[int, Element("PartNumber")]
    etag: Annotated[str | None, Element("ETag")] = None
    checksum_crc32: Annotated[str | None, Element("ChecksumCRC32")] = None
    checksum_crc32c: Annotated[str | None, Element("ChecksumCRC32C")] = None
    checksum_crc64nvme: Annotated[str | None, Element("ChecksumCRC64NVME")] = None
    checksum_sha1: Annotated[str | None, Element("ChecksumSHA1")] = None
    checksum_sha256: Annotated[str | None, Element("ChecksumSHA256")] = None

    def checksum(self, algorithm: str) -> str | None:
        """Return what the client says of this part by one algorithm."""
        value: str | None = getattr(self, f"checksum_{algorithm.lower()}")
        return value


@dataclass(frozen=True, slots=True)
class CompletedUpload:
    parts: Annotated[tuple[CompletedPart, ...], Element("Part")] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]
    key: Annotated[str, Label("Key")]
    upload_id: Annotated[str, Query("uploadId")]
    upload: Annotated[CompletedUpload | None, Document("CompleteMultipartUpload")] = None
    checksum: Annotated[dict[str, str], HeaderMap("x-amz-checksum-")]
    if_match: Annotated[str | None, Header("If-Match")] = None
    if_none_match: Annotated[str | None, Header("If-None-Match")] = None
    object_size: Annotated[int | None, Header("x-amz-mp-object-size")] = None


@dataclass(frozen=True, slots=True)
class Response:
    root: ClassVar[str] = "CompleteMultipartUploadResult"

    location: Annotated[str, Element("Location")]
    bucket: Annotated[str, Element("Bucket")]
    key: Annotated[str, Element("Key")]
    etag: Annotated[ETag, Element("ETag")]
    checksum_crc32: Annotated[str | None, Element("ChecksumCRC32")] = None
    checksum_crc32c: Annotated[str | None, Element("ChecksumCRC32C")] = None
    checksum_crc64nvme: Annotated[str | None, Element("ChecksumCRC64NVME")] = None
    checksum_sha1: Annotated[str | None, Element("ChecksumSHA1")] = None
    checksum_sha256: Annotated[str | None, Element("ChecksumSHA256")] = None
    checksum_type: Annotated[str | None, Element("ChecksumType")] = None


def commit(context: Context, request: Request, receipt: Receipt | None) -> Response:
    """Check the list against the parts, and make the object. Repeated with the same parts it answers the same."""
    bucket = context.authorised("s3:PutObject", request.bucket, request.key)
    listed = request.upload.parts if request.upload is not None else ()
    if not listed:
        raise S3Error("MalformedXML", "The list of parts is empty. Name at least one part.")
    if len(listed) > context.limits.parts_max:
        raise S3Error("MalformedXML", f"The list names more than {context.limits.parts_max} parts.")
    preconditions.check_put_headers(request.if_match, request.if_none_match)
    answered = multipart.find_completion(context.changes, bucket, request.key, request.upload_id)
    if answered is not None:
        return _repeat(context, request, answered, listed)
    upload = multipart.get_open(context.changes, bucket, request.key, request.upload_id)
    chosen = _choose(context, upload, listed)
    kind = Kind(upload.checksum_algorithm, upload.checksum_type) if upload.checksum_algorithm else None
    etag = checksums.etag_of_parts([bytes.fromhex(part.etag) for part in chosen])
    checksum = _checksum(kind, chosen)
    _check_whole(request, kind, checksum, sum(part.size_bytes for part in chosen))
    multipart.complete(
        context.changes,
        context.tenancy,
        bucket,
        upload,
        chosen,
        etag=etag,
        checksum=":".join(checksum) if checksum else "",
        version_id=context.new_id,
        now_us=context.now_us,
        result={"parts": _signature(listed), "etag": etag, "checksum": ":".join(checksum) if checksum else ""},
        condition=preconditions.write_condition(bucket.name, request.key, request.if_match, request.if_none_match),
    )
    return _answer(context, request, etag, checksum)


def _choose(context: Context, upload: UploadRow, listed: Sequence[CompletedPart]) -> list[PartRow]:
    if any(item.part_number <= previous.part_number for previous, item in pairwise(listed)):
        raise InvalidPartOrder(upload.upload_id)
    held = {part.part_number: part for part in multipart.list_parts(context.changes, upload)}
    chosen: list[PartRow] = []
    for item in listed:
        part = held.get(item.part_number)
        if part is None or item.etag is None or item.etag.strip().strip('"') != part.etag:
            raise InvalidPart(upload.upload_id, item.part_number, item.etag or "")
        algorithm, _, value = part.checksum.partition(":")
        for name in checksums.ALGORITHMS:
            given = item.checksum(name)
            if given is not None and (name != algorithm or given != value):
                raise InvalidPart(upload.upload_id, item.part_number, item.etag)
        chosen.append(part)
    for part in chosen[:-1]:
        if part.size_bytes < context.limits.part_bytes_min:
            raise PartTooSmall(part.part_number, part.size_bytes, context.limits.part_bytes_min, part.etag)
    size_bytes = sum(part.size_bytes for part in chosen)
    if size_bytes > context.limits.object_bytes_max:
        raise ObjectTooLarge(size_bytes, context.limits.object_bytes_max)
    return chosen


def _checksum(kind: Kind | None, chosen: Sequence[PartRow]) -> tuple[str, str, str] | None:
    """Return (algorithm, type, value) for the object; None where the parts' checksums make none of the whole.

    An upload that was begun without one keeps what its parts were sent with, if that can be joined: botocore sends a
    CRC32 with each part and tells nothing of it when it begins.
    """
    wanted = kind or Kind(chosen[0].checksum.partition(":")[0], "FULL_OBJECT")
    if wanted.type == "FULL_OBJECT" and wanted.algorithm not in FULL_OBJECT_ALGORITHMS:
        return None
    values: list[tuple[str, int]] = []
    for part in chosen:
        algorithm, _, value = part.checksum.partition(":")
        if algorithm != wanted.algorithm:
            return None
        values.append((value, part.size_bytes))
    return wanted.algorithm, wanted.type, join(wanted, values)


def _check_whole(request: Request, kind: Kind | None, checksum: tuple[str, str, str] | None, size_bytes: int) -> None:
    if request.object_size is not None and request.object_size != size_bytes:
        raise S3Error(
            "InvalidRequest",
            "The provided 'x-amz-mp-object-size' header value does not match the size of the parts together.",
        )
    given_type = request.checksum.get("type")
    if given_type is not None and checksum is not None and given_type.upper() != checksum[1]:
        raise S3Error(
            "InvalidRequest",
            f"The upload was created using the {checksum[1]} checksum mode."
            " The complete request must use the same checksum mode.",
        )
    for name, value in request.checksum.items():
        if name in ("type", "algorithm", "mode"):
            continue
        if checksum is None or name.upper() != checksum[0]:
            raise S3Error(
                "InvalidRequest",
                "Checksum Type mismatch occurred,"
                f" expected checksum Type: {kind.algorithm.lower() if kind else 'null'}, actual checksum Type: {name}",
            )
        # A client that sends a composite value may leave the number of parts out.
        if value not in (checksum[2], checksum[2].partition("-")[0]):
            raise S3Error(
                "BadDigest", f"The {name} you specified did not match the calculated checksum of the whole object."
            )


def _signature(listed: Sequence[CompletedPart]) -> str:
    return ",".join(f"{item.part_number}:{(item.etag or '').strip().strip(chr(34))}" for item in listed)


def _repeat(context: Context, request: Request, answered: dict[str, str], listed: Sequence[CompletedPart]) -> Response:
    if answered["parts"] != _signature(listed):
        raise NoSuchUpload(request.upload_id)
    algorithm, kind, value = answered["checksum"].split(":", 2) if answered["checksum"] else ("", "", "")
    return _answer(context, request, answered["etag"], (algorithm, kind, value) if algorithm else None)


def _answer(context: Context, request: Request, etag: str, checksum: tuple[str, str, str] | None) -> Response:
    scheme = "https" if context.is_secure else "http"
    location = f"{scheme}://{context.head.headers.get('host', '')}{context.head.raw_path}"
    if checksum is None:
        return Response(location, request.bucket, request.key, ETag(etag))
    algorithm, kind, value = checksum
    shown: dict[str, str] = {f"checksum_{algorithm.lower()}": value}
    return Response(location, request.bucket, request.key, ETag(etag), checksum_type=kind, **shown)


operation = Operation(
    name="CompleteMultipartUpload",
    route=Route("POST", "key", query=("uploadId",)),
    permission="s3:PutObject",
    request=Request,
    response=Response,
    commit=commit,
    body="document",
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html",
)
