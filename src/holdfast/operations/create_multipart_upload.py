"""CreateMultipartUpload: open an upload whose parts will become one object."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from holdfast.catalog.rows import UploadRow
from holdfast.s3.shapes import Element, Header, Label, Route
from holdfast.store import multipart
from holdfast.store.receipt import Receipt

from .context import Context
from .operation import Operation
from .part_checksums import choose_kind
from .stored_headers import StoredHeaders, read_facts

US_PER_DAY = 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(StoredHeaders):
    bucket: Annotated[str, Label("Bucket")]
    key: Annotated[str, Label("Key")]
    checksum_algorithm: Annotated[str | None, Header("x-amz-checksum-algorithm")] = None
    checksum_type: Annotated[str | None, Header("x-amz-checksum-type")] = None


@dataclass(frozen=True, slots=True)
class Response:
    root: ClassVar[str] = "InitiateMultipartUploadResult"

    checksum_algorithm: Annotated[str | None, Header("x-amz-checksum-algorithm")]
    checksum_type: Annotated[str | None, Header("x-amz-checksum-type")]
    bucket: Annotated[str, Element("Bucket")]
    key: Annotated[str, Element("Key")]
    upload_id: Annotated[str, Element("UploadId")]


def commit(context: Context, request: Request, receipt: Receipt | None) -> Response:
    """Open the upload. Its headers and tags are those that the object will have."""
    bucket = context.authorised("s3:PutObject", request.bucket, request.key)
    if request.tagging:
        context.authorised("s3:PutObjectTagging", request.bucket, request.key)
    facts = read_facts(context, request)
    kind = choose_kind(request.checksum_algorithm, request.checksum_type)
    # Ids begin with their time, so that uploads of one key are listed in the order in which they began.
    upload_id = f"{context.now_us:014x}{context.new_id}"
    multipart.create(
        context.changes,
        UploadRow(
            bucket_id=bucket.bucket_id,
            key=request.key,
            upload_id=upload_id,
            created_by=context.caller.id,
            created_at_us=context.now_us,
            content_type=facts.content_type,
            metadata=facts.metadata,
            tags=facts.tags,
            storage_class=facts.storage_class,
            checksum_algorithm=kind.algorithm if kind else "",
            checksum_type=kind.type if kind else "",
            manifest_id=upload_id,
            expires_at_us=context.now_us + context.limits.upload_life_days * US_PER_DAY,
        ),
    )
    return Response(kind.algorithm if kind else None, kind.type if kind else None, bucket.name, request.key, upload_id)


operation = Operation(
    name="CreateMultipartUpload",
    route=Route("POST", "key", query=("uploads",)),
    permission="s3:PutObject",
    request=Request,
    response=Response,
    commit=commit,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html",
)
