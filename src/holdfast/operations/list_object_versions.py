"""ListObjectVersions: a page of a bucket's versions by key. Each key has one, `null`, until versioning is served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from holdfast.catalog.rows import ObjectRow
from holdfast.s3.codes import S3Error
from holdfast.s3.shapes import Element, ETag, Label, Micros, Query, Route
from holdfast.store import listing
from holdfast.store.versions import NULL_VERSION

from .context import Context
from .listed import PrefixEntry
from .operation import Operation
from .owners import Owner, find_owner
from .paging import choose_encoding, page_size
from .reading import check_version_id


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]
    delimiter: Annotated[str | None, Query("delimiter")] = None
    encoding_type: Annotated[str | None, Query("encoding-type")] = None
    key_marker: Annotated[str | None, Query("key-marker")] = None
    max_keys: Annotated[int | None, Query("max-keys")] = None
    prefix: Annotated[str | None, Query("prefix")] = None
    version_id_marker: Annotated[str | None, Query("version-id-marker")] = None


@dataclass(frozen=True, slots=True)
class VersionEntry:
    key: Annotated[str, Element("Key")]
    version_id: Annotated[str, Element("VersionId")]
    is_latest: Annotated[bool, Element("IsLatest")]
    last_modified: Annotated[Micros, Element("LastModified")]
    etag: Annotated[ETag, Element("ETag")]
    checksum_algorithm: Annotated[str | None, Element("ChecksumAlgorithm")]
    checksum_type: Annotated[str | None, Element("ChecksumType")]
    size: Annotated[int, Element("Size")]
    owner: Annotated[Owner, Element("Owner")]
    storage_class: Annotated[str, Element("StorageClass")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """Nothing but S3's own elements: minio-go takes an unknown one for a broken answer."""

    root: ClassVar[str] = "ListVersionsResult"

    name: Annotated[str, Element("Name")]
    prefix: Annotated[str, Element("Prefix")]
    key_marker: Annotated[str, Element("KeyMarker")]
    version_id_marker: Annotated[str, Element("VersionIdMarker")]
    next_key_marker: Annotated[str | None, Element("NextKeyMarker")]
    next_version_id_marker: Annotated[str | None, Element("NextVersionIdMarker")]
    max_keys: Annotated[int, Element("MaxKeys")]
    delimiter: Annotated[str | None, Element("Delimiter")]
    encoding_type: Annotated[str | None, Element("EncodingType")]
    is_truncated: Annotated[bool, Element("IsTruncated")]
    versions: Annotated[tuple[VersionEntry, ...], Element("Version")]
    common_prefixes: Annotated[tuple[PrefixEntry, ...], Element("CommonPrefixes")]


def run(context: Context, request: Request) -> Response:
    """Return the page after the markers.

    A key's only version is never after its own marker, so that the version's marker is checked and echoed, no more.
    """
    bucket = context.authorised("s3:ListBucketVersions", request.bucket)
    spell = choose_encoding(request.encoding_type)
    _check_markers(request)
    page = listing.list_page(
        context.rows,
        bucket.bucket_id,
        prefix=request.prefix or "",
        delimiter=request.delimiter or "",
        after=request.key_marker or "",
        count_max=page_size(request.max_keys),
    )
    rows = [entry for entry in page.entries if isinstance(entry, ObjectRow)]
    owners = {user_id: find_owner(context, user_id) for user_id in {row.created_by for row in rows}}
    ends_in_version = page.is_truncated and isinstance(page.entries[-1], ObjectRow)
    return Response(
        name=bucket.name,
        prefix=spell(request.prefix or ""),
        key_marker=spell(request.key_marker or ""),
        version_id_marker=request.version_id_marker or "",
        next_key_marker=spell(page.after) if page.is_truncated else None,
        next_version_id_marker=NULL_VERSION if ends_in_version else None,
        max_keys=page_size(request.max_keys),
        delimiter=spell(request.delimiter) if request.delimiter else None,
        encoding_type=request.encoding_type,
        is_truncated=page.is_truncated,
        versions=tuple(_entry(row, spell(row.key), owners[row.created_by]) for row in rows),
        common_prefixes=tuple(
            PrefixEntry(spell(entry.text)) for entry in page.entries if isinstance(entry, listing.CommonPrefix)
        ),
    )


def _check_markers(request: Request) -> None:
    # minio-go and others send an empty marker for the first page.
    if not request.version_id_marker:
        return
    if not request.key_marker:
        raise S3Error(
            "InvalidArgument",
            "A version-id marker cannot be specified without a key marker.",
            details={"ArgumentName": "version-id-marker", "ArgumentValue": request.version_id_marker[:256]},
        )
    check_version_id(request.version_id_marker)


def _entry(row: ObjectRow, key: str, owner: Owner) -> VersionEntry:
    algorithm = kind = None
    if row.checksum:
        algorithm, kind, _ = row.checksum.split(":", 2)
    return VersionEntry(
        key=key,
        version_id=NULL_VERSION,
        is_latest=True,
        last_modified=Micros(row.sequence),
        etag=ETag(row.etag),
        checksum_algorithm=algorithm,
        checksum_type=kind,
        size=row.size_bytes,
        owner=owner,
        storage_class=row.storage_class,
    )


operation = Operation(
    name="ListObjectVersions",
    route=Route("GET", "bucket", query=("versions",)),
    permission="s3:ListBucketVersions",
    request=Request,
    response=Response,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html",
)
