"""GetObjectAttributes: ETag, checksum, parts, storage class and size, without the bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final

from holdfast.catalog.rows import ManifestRow, ObjectRow
from holdfast.s3.codes import S3Error
from holdfast.s3.shapes import Element, Header, Label, Micros, Query, Route
from holdfast.store import versions

from .context import Context
from .operation import Operation
from .paging import page_size
from .reading import get_version

ATTRIBUTES: Final = frozenset(("ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"))


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]
    key: Annotated[str, Label("Key")]
    attributes: Annotated[str, Header("x-amz-object-attributes")] = ""
    max_parts: Annotated[int | None, Header("x-amz-max-parts")] = None
    part_number_marker: Annotated[int | None, Header("x-amz-part-number-marker")] = None
    version_id: Annotated[str | None, Query("versionId")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checksum:
    crc32: Annotated[str | None, Element("ChecksumCRC32")] = None
    crc32c: Annotated[str | None, Element("ChecksumCRC32C")] = None
    crc64nvme: Annotated[str | None, Element("ChecksumCRC64NVME")] = None
    sha1: Annotated[str | None, Element("ChecksumSHA1")] = None
    sha256: Annotated[str | None, Element("ChecksumSHA256")] = None
    type: Annotated[str | None, Element("ChecksumType")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    crc32: Annotated[str | None, Element("ChecksumCRC32")] = None
    crc32c: Annotated[str | None, Element("ChecksumCRC32C")] = None
    crc64nvme: Annotated[str | None, Element("ChecksumCRC64NVME")] = None
    sha1: Annotated[str | None, Element("ChecksumSHA1")] = None
    sha256: Annotated[str | None, Element("ChecksumSHA256")] = None
    part_number: Annotated[int, Element("PartNumber")]
    size: Annotated[int, Element("Size")]


@dataclass(frozen=True, slots=True)
class ObjectParts:
    is_truncated: Annotated[bool, Element("IsTruncated")]
    max_parts: Annotated[int, Element("MaxParts")]
    next_part_number_marker: Annotated[int, Element("NextPartNumberMarker")]
    part_number_marker: Annotated[int, Element("PartNumberMarker")]
    parts: Annotated[tuple[Part, ...], Element("Part")]
    parts_count: Annotated[int, Element("PartsCount")]


@dataclass(frozen=True, slots=True)
class Response:
    root: ClassVar[str] = "GetObjectAttributesResponse"

    last_modified: Annotated[Micros, Header("Last-Modified")]
    etag: Annotated[str | None, Element("ETag")]
    """Without quotes, here alone."""
    checksum: Annotated[Checksum | None, Element("Checksum")]
    object_parts: Annotated[ObjectParts | None, Element("ObjectParts")]
    storage_class: Annotated[str | None, Element("StorageClass")]
    object_size: Annotated[int | None, Element("ObjectSize")]


def run(context: Context, request: Request) -> Response:
    """Return the attributes that are asked for.

    Needs the right to read the object and, as at AWS, the right to read its attributes.
    """
    suffix = "" if request.version_id is None else "Version"
    bucket = context.authorised(f"s3:GetObject{suffix}", request.bucket, request.key)
    context.authorised(f"s3:GetObject{suffix}Attributes", request.bucket, request.key)
    wanted = _wanted(request.attributes)
    row = get_version(context, bucket, request.key, request.version_id)
    return Response(
        last_modified=Micros(row.sequence),
        etag=row.etag if "ETag" in wanted else None,
        checksum=_checksum(row) if "Checksum" in wanted else None,
        object_parts=_parts(context, request, row) if "ObjectParts" in wanted and row.manifest_id else None,
        storage_class=row.storage_class if "StorageClass" in wanted else None,
        object_size=row.size_bytes if "ObjectSize" in wanted else None,
    )


def _wanted(header: str) -> frozenset[str]:
    wanted = frozenset(name for item in header.split(",") if (name := item.strip()))
    if not wanted:
        raise S3Error(
            "InvalidRequest",
            "The x-amz-object-attributes header specifying the attributes to be retrieved is either missing or empty",
        )
    if not wanted <= ATTRIBUTES:
        raise S3Error(
            "InvalidArgument",
            "Invalid attribute name specified. x-amz-object-attributes lists one or more of:"
            f" {', '.join(sorted(ATTRIBUTES))}.",
            details={"ArgumentName": "x-amz-object-attributes", "ArgumentValue": header[:256]},
        )
    return wanted


def _checksum(row: ObjectRow) -> Checksum | None:
    if not row.checksum:
        return None
    algorithm, kind, value = row.checksum.split(":", 2)
    # A composite value is shown without its `-N` here (API_Checksum); the number of parts is told by ObjectParts.
    shown = {algorithm.lower(): value.partition("-")[0]}
    return Checksum(type=kind, **shown)


def _parts(context: Context, request: Request, row: ObjectRow) -> ObjectParts:
    count_max = page_size(request.max_parts)
    marker = request.part_number_marker or 0
    after = [part for part in versions.parts(context.rows, row) if part.part_number > marker]
    shown = after[:count_max]
    # AWS lists the parts only of an object that was uploaded with checksums of its parts.
    is_composite = ":COMPOSITE:" in row.checksum or row.checksum.startswith(("CRC32:", "CRC32C:", "CRC64NVME:"))
    return ObjectParts(
        is_truncated=len(after) > count_max,
        max_parts=count_max,
        next_part_number_marker=shown[-1].part_number if shown else 0,
        part_number_marker=marker,
        parts=tuple(_part(part) for part in shown) if is_composite else (),
        parts_count=row.part_count,
    )


def _part(part: ManifestRow) -> Part:
    algorithm, _, value = part.checksum.partition(":")
    shown: dict[str, str] = {algorithm.lower(): value} if algorithm else {}
    return Part(part_number=part.part_number, size=part.size_bytes, **shown)


operation = Operation(
    name="GetObjectAttributes",
    route=Route("GET", "key", query=("attributes",)),
    permission="s3:GetObject",
    request=Request,
    response=Response,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectAttributes.html",
)
