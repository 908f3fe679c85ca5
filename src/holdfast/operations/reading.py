"""What GetObject and HeadObject share: which version, whether the conditions hold, and which bytes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, NamedTuple

from holdfast.catalog.rows import BucketRow, ManifestRow, ObjectRow
from holdfast.s3 import conditions, ranges
from holdfast.s3.codes import S3Error
from holdfast.s3.shapes import ETag, Header, HeaderMap, Label, Micros, Query, Status
from holdfast.store import versions
from holdfast.store.errors import AccessDenied, NoSuchKey

from . import preconditions
from .context import Context
from .stored_headers import show
from .tag_sets import decode_tags

_OVERRIDES: Final = (
    ("response_cache_control", "cache-control"),
    ("response_content_disposition", "content-disposition"),
    ("response_content_encoding", "content-encoding"),
    ("response_content_language", "content-language"),
    ("response_expires", "expires"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadRequest:
    """The request of both operations."""

    bucket: Annotated[str, Label("Bucket")]
    key: Annotated[str, Label("Key")]
    checksum_mode: Annotated[str | None, Header("x-amz-checksum-mode")] = None
    customer_algorithm: Annotated[str | None, Header("x-amz-server-side-encryption-customer-algorithm")] = None
    if_match: Annotated[str | None, Header("If-Match")] = None
    if_modified_since: Annotated[str | None, Header("If-Modified-Since")] = None
    if_none_match: Annotated[str | None, Header("If-None-Match")] = None
    if_range: Annotated[str | None, Header("If-Range")] = None
    if_unmodified_since: Annotated[str | None, Header("If-Unmodified-Since")] = None
    part_number: Annotated[int | None, Query("partNumber")] = None
    range: Annotated[str | None, Header("Range")] = None
    response_cache_control: Annotated[str | None, Query("response-cache-control")] = None
    response_content_disposition: Annotated[str | None, Query("response-content-disposition")] = None
    response_content_encoding: Annotated[str | None, Query("response-content-encoding")] = None
    response_content_language: Annotated[str | None, Query("response-content-language")] = None
    response_content_type: Annotated[str | None, Query("response-content-type")] = None
    response_expires: Annotated[str | None, Query("response-expires")] = None
    version_id: Annotated[str | None, Query("versionId")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadHead:
    """The head of both answers."""

    status: Annotated[int, Status()]
    accept_ranges: Annotated[str, Header("Accept-Ranges")] = "bytes"
    last_modified: Annotated[Micros, Header("Last-Modified")]
    content_length: Annotated[int, Header("Content-Length")]
    etag: Annotated[ETag, Header("ETag")]
    content_range: Annotated[str | None, Header("Content-Range")]
    content_type: Annotated[str, Header("Content-Type")]
    stored: Annotated[dict[str, str], HeaderMap("")]
    checksum: Annotated[dict[str, str], HeaderMap("x-amz-checksum-")]
    storage_class: Annotated[str | None, Header("x-amz-storage-class")]
    parts_count: Annotated[int | None, Header("x-amz-mp-parts-count")]
    tagging_count: Annotated[int | None, Header("x-amz-tagging-count")]


class Chosen(NamedTuple):
    """The version and the stretch of it that a request is about."""

    row: ObjectRow
    offset_bytes: int
    length_bytes: int
    is_partial: bool
    parts_count: int | None
    part: ManifestRow | None = None


def choose(context: Context, request: ReadRequest) -> Chosen:
    """Decide what is read.

    Raises `AccessDenied`, `NoSuchKey`, `NoSuchVersion`, or the S3 error of a condition or a range.
    """
    action = "s3:GetObject" if request.version_id is None else "s3:GetObjectVersion"
    bucket = _authorised(context, action, request.bucket, request.key)
    _check_overrides(context, request)
    row = get_version(context, bucket, request.key, request.version_id)
    check_no_customer_key(request.customer_algorithm)
    preconditions.check_read(request, row)
    if request.part_number is not None:
        if request.range is not None:
            raise S3Error("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
        return _part(context, row, request.part_number)
    stretch = _stretch(request, row) if request.range is not None else None
    if stretch is None:
        return Chosen(row, 0, row.size_bytes, False, None)
    first, last = stretch
    return Chosen(row, first, last - first + 1, True, None)


def head_of(request: ReadRequest, chosen: Chosen) -> dict[str, object]:
    """Return the fields of `ReadHead` for an answer."""
    row = chosen.row
    stored = show(row.metadata)
    for field, name in _OVERRIDES:
        value = getattr(request, field)
        if value is not None:
            stored[name] = value
    checksum: dict[str, str] = {}
    if (request.checksum_mode or "").upper() == "ENABLED":
        checksum = _checksum(chosen)
    content_range = None
    if chosen.is_partial and chosen.length_bytes:
        last = chosen.offset_bytes + chosen.length_bytes - 1
        content_range = f"bytes {chosen.offset_bytes}-{last}/{row.size_bytes}"
    return {
        # RFC 9110, 15.3.7: a 206 says which bytes it has. An empty part has none to say.
        "status": 206 if content_range is not None else 200,
        "last_modified": Micros(row.sequence),
        "content_length": chosen.length_bytes,
        "etag": ETag(row.etag),
        "content_range": content_range,
        "content_type": request.response_content_type or row.content_type,
        "stored": stored,
        "checksum": checksum,
        "storage_class": row.storage_class if row.storage_class != "STANDARD" else None,
        "parts_count": chosen.parts_count,
        "tagging_count": len(decode_tags(row.tags)) or None if row.tags else None,
    }


def _checksum(chosen: Chosen) -> dict[str, str]:
    """Return the checksum of what is answered: the object's, the part's, or none for a range."""
    row, part = chosen.row, chosen.part
    if not row.checksum or (chosen.is_partial and part is None):
        return {}
    algorithm, kind, value = row.checksum.split(":", 2)
    if part is not None:
        algorithm, _, value = part.checksum.partition(":")
    return {algorithm.lower(): value, "type": kind} if algorithm else {}


def get_version(context: Context, bucket: BucketRow, key: str, version_id: str | None) -> ObjectRow:
    """Return a version of a key, the current one without an id. The caller has been authorised to what is asked of it.

    Raises `NoSuchVersion`, InvalidArgument for an id of a form that was never given out, and what `missing_key` says.
    """
    check_version_id(version_id)
    try:
        return versions.get(context.rows, bucket, key, version_id)
    except NoSuchKey:
        raise missing_key(context, bucket, key) from None


def missing_key(context: Context, bucket: BucketRow, key: str) -> Exception:
    """Return the error for a key that is not there: 404 to those who may list it, 403 to others.

    A sparse Zarr array needs the 404.
    """
    # The right to a list of just this key is the right to know: a policy may give it below some prefixes only.
    if context.is_authorised("s3:ListBucket", bucket.name, facts={"s3:prefix": (key,)}):
        return NoSuchKey(bucket.name, key)
    return AccessDenied("s3:ListBucket", bucket.name, key, "no such key, and no right to know")


def check_version_id(version_id: str | None) -> None:
    """Refuse an id of a form that was never given out. Versioning is not served yet: only `null` exists."""
    if version_id is None or version_id == versions.NULL_VERSION:
        return
    if version_id and len(version_id) <= 64 and version_id.isalnum():
        return
    raise S3Error(
        "InvalidArgument",
        "Invalid version id specified",
        details={"ArgumentName": "versionId", "ArgumentValue": version_id[:256]},
    )


def check_no_customer_key(algorithm: str | None) -> None:
    """Refuse a read with the client's own key: no object here is encrypted with one, and nobody is to believe it is."""
    if algorithm is not None:
        raise S3Error("InvalidRequest", "The encryption parameters are not applicable to this object.")


def _authorised(context: Context, action: str, bucket: str, key: str) -> BucketRow:
    """Return the bucket, as `Context.authorised`; who may list a key that is not there is told that it is not there."""
    try:
        return context.authorised(action, bucket, key)
    except AccessDenied:
        lists = {"s3:prefix": (key,)}
        if not context.is_authorised("s3:ListBucket", bucket, facts=lists):
            raise
        row = context.authorised("s3:ListBucket", bucket, facts=lists)
        if versions.find(context.rows, row, key) is not None:
            raise
    raise NoSuchKey(bucket, key)


def _check_overrides(context: Context, request: ReadRequest) -> None:
    if not context.caller.is_anonymous:
        return
    named = [field for field, _ in _OVERRIDES if getattr(request, field) is not None]
    if named or request.response_content_type is not None:
        raise S3Error("InvalidRequest", "Request specific response headers cannot be used for anonymous GET requests.")


def _stretch(request: ReadRequest, row: ObjectRow) -> tuple[int, int] | None:
    """Return the first and the last byte that a range means; None = send the whole object."""
    if_range = request.if_range
    if if_range is not None and not conditions.allows_range(if_range, row.etag, row.sequence // 1_000_000):
        return None
    wanted = ranges.parse_range(request.range or "")
    return ranges.resolve(wanted, row.size_bytes) if wanted is not None else None


def _part(context: Context, row: ObjectRow, part_number: int) -> Chosen:
    if not 1 <= part_number <= 10_000:
        raise S3Error("InvalidArgument", "Part number must be an integer between 1 and 10000, inclusive")
    count = max(row.part_count, 1)
    if part_number > count:
        raise S3Error(
            "InvalidPartNumber",
            "The requested partnumber is not satisfiable",
            details={"PartNumberRequested": str(part_number), "ActualPartCount": str(count)},
        )
    if not row.manifest_id:
        return Chosen(row, 0, row.size_bytes, True, None)
    # Clients begin with part 1, to learn how many there are: that must not cost all of them.
    part = versions.parts(context.rows, row, count_max=part_number)[-1]
    return Chosen(row, part.end_offset - part.size_bytes, part.size_bytes, True, count, part)
