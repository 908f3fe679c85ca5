"""PutBucketTagging: other tags for a bucket, in the place of those it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from holdfast.s3.documents import tagging
from holdfast.s3.shapes import Label, RawDocument, Route
from holdfast.store import buckets
from holdfast.store.receipt import Receipt

from .context import Context
from .operation import Operation
from .tag_sets import encode_tags


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]
    tagging: Annotated[bytes, RawDocument()]


@dataclass(frozen=True, slots=True)
class Response:
    status: ClassVar[int] = 204


def commit(context: Context, request: Request, receipt: Receipt | None) -> Response:
    """Keep the tags; an empty set is none."""
    bucket = context.authorised("s3:PutBucketTagging", request.bucket)
    tags = tagging.parse_bucket_tags(request.tagging)
    buckets.change(context.changes, bucket._replace(tags=encode_tags(dict(tags))), bucket)
    return Response()


operation = Operation(
    name="PutBucketTagging",
    route=Route("PUT", "bucket", query=("tagging",)),
    permission="s3:PutBucketTagging",
    request=Request,
    response=Response,
    commit=commit,
    body="document",
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketTagging.html",
)
