"""CopyObject: a new object with the bytes of another, by rows alone.

Only a checksum of another kind makes the bytes be read.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from holdfast.catalog.rows import ObjectRow
from holdfast.s3 import checksums
from holdfast.s3.codes import S3Error
from holdfast.s3.names import CopySource as SourceName
from holdfast.s3.shapes import Element, ETag, Header, Label, Micros, Route
from holdfast.store import quotas, versions
from holdfast.store.errors import ChangedMeanwhile
from holdfast.store.receipt import Receipt

from . import preconditions
from .context import Context
from .copying import CopySource, get_source
from .facts import tag_facts
from .operation import Admission, Digest, Operation
from .stored_headers import StoredHeaders, read_facts
from .tag_sets import decode_tags


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(StoredHeaders, CopySource):
    bucket: Annotated[str, Label("Bucket")]
    key: Annotated[str, Label("Key")]
    checksum_algorithm: Annotated[str | None, Header("x-amz-checksum-algorithm")] = None
    if_match: Annotated[str | None, Header("If-Match")] = None
    if_none_match: Annotated[str | None, Header("If-None-Match")] = None
    metadata_directive: Annotated[str | None, Header("x-amz-metadata-directive")] = None
    range: Annotated[str | None, Header("Range")] = None
    tagging_directive: Annotated[str | None, Header("x-amz-tagging-directive")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    root: ClassVar[str] = "CopyObjectResult"

    last_modified: Annotated[Micros, Element("LastModified")]
    etag: Annotated[ETag, Element("ETag")]
    checksum_type: Annotated[str | None, Element("ChecksumType")] = None
    checksum_crc32: Annotated[str | None, Element("ChecksumCRC32")] = None
    checksum_crc32c: Annotated[str | None, Element("ChecksumCRC32C")] = None
    checksum_crc64nvme: Annotated[str | None, Element("ChecksumCRC64NVME")] = None
    checksum_sha1: Annotated[str | None, Element("ChecksumSHA1")] = None
    checksum_sha256: Annotated[str | None, Element("ChecksumSHA256")] = None


def admit(context: Context, request: Request) -> Admission:
    """Decide everything once on a snapshot, and ask for the bytes to be hashed where rows cannot tell the checksum."""
    bucket = context.authorised("s3:PutObject", request.bucket, request.key)
    source, row = get_source(context, request)
    _facts(context, request, source, row)
    current = versions.find(context.rows, bucket, request.key)
    preconditions.write_condition(bucket.name, request.key, request.if_match, request.if_none_match)(current)
    delta = quotas.Delta(row.size_bytes - (current.size_bytes if current else 0), 0 if current else 1)
    quotas.check_room(context.rows, context.tenancy, bucket, delta)
    if request.checksum_algorithm is None:
        return Admission()
    wanted = checksums.read_algorithm(request.checksum_algorithm)
    if row.checksum.startswith(f"{wanted}:FULL_OBJECT:"):
        return Admission()
    return Admission(
        checksum_algorithm=wanted,
        digest=Digest(versions.resolve(context.rows, row, 0, row.size_bytes), row.size_bytes),
    )


def commit(context: Context, request: Request, receipt: Receipt | None) -> Response:
    """Make the copy from the source's rows as they are in this transaction."""
    bucket = context.authorised("s3:PutObject", request.bucket, request.key)
    source, row = get_source(context, request)
    facts = _facts(context, request, source, row)
    checksum = row.checksum
    if receipt is not None:
        if receipt.slices != versions.resolve(context.rows, row, 0, row.size_bytes):
            raise ChangedMeanwhile
        checksum = f"{receipt.checksum_algorithm}:FULL_OBJECT:{receipt.checksum}"
    copied = versions.put(
        context.changes,
        context.tenancy,
        bucket,
        request.key,
        facts,
        versions.Body(
            row.size_bytes,
            row.etag,
            checksum,
            () if row.manifest_id else versions.resolve(context.rows, row, 0, row.size_bytes),
            row.manifest_id,
            row.part_count,
        ),
        version_id=context.new_id,
        created_by=context.caller.id,
        now_us=context.now_us,
        condition=preconditions.write_condition(bucket.name, request.key, request.if_match, request.if_none_match),
    )
    shown: dict[str, str] = {}
    if checksum:
        algorithm, kind, value = checksum.split(":", 2)
        shown = {"checksum_type": kind, f"checksum_{algorithm.lower()}": value}
    return Response(last_modified=Micros(copied.sequence), etag=ETag(copied.etag), **shown)


def _facts(context: Context, request: Request, source: SourceName, row: ObjectRow) -> versions.Facts:
    """Return what the copy is to have of headers and tags. Raises for directives and sizes that S3 refuses."""
    metadata_directive = _directive("x-amz-metadata-directive", request.metadata_directive)
    tagging_directive = _directive("x-amz-tagging-directive", request.tagging_directive)
    if request.range is not None:
        raise S3Error("InvalidRequest", "A range cannot be copied by CopyObject. Use UploadPartCopy.")
    preconditions.check_put_headers(request.if_match, request.if_none_match)
    if row.size_bytes > context.limits.put_bytes_max:
        raise S3Error(
            "InvalidRequest",
            "The specified copy source is larger than the maximum allowable size for a copy source:"
            f" {context.limits.put_bytes_max}",
        )
    given = read_facts(context, request)
    is_self = (source.bucket, source.key) == (request.bucket, request.key)
    changes = metadata_directive == "REPLACE" or tagging_directive == "REPLACE" or request.storage_class is not None
    if is_self and not (changes or request.website_redirect_location is not None or request.checksum_algorithm):
        raise S3Error(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing the"
            " object's metadata, storage class, website redirect location or encryption attributes.",
        )
    replaces = metadata_directive == "REPLACE"
    if tagging_directive == "REPLACE":
        tags = given.tags
        if tags:
            context.authorised("s3:PutObjectTagging", request.bucket, request.key)
    else:
        tags = row.tags
        if tags:
            context.authorised(
                "s3:GetObjectTagging", source.bucket, source.key, owner_header="x-amz-source-expected-bucket-owner"
            )
            copied = tag_facts(decode_tags(tags).items())
            context.authorised("s3:PutObjectTagging", request.bucket, request.key, copied)
    return versions.Facts(
        content_type=given.content_type if replaces else row.content_type,
        metadata=given.metadata if replaces else row.metadata,
        tags=tags,
        storage_class=given.storage_class,
    )


def _directive(header: str, value: str | None) -> str:
    if value is None:
        return "COPY"
    if value not in ("COPY", "REPLACE"):
        raise S3Error(
            "InvalidArgument",
            f"Unknown directive. {header} is COPY or REPLACE.",
            details={"ArgumentName": header, "ArgumentValue": value[:256]},
        )
    return value


operation = Operation(
    name="CopyObject",
    route=Route("PUT", "key", headers=("x-amz-copy-source",)),
    permission="s3:PutObject",
    request=Request,
    response=Response,
    admit=admit,
    commit=commit,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html",
)
