"""DeleteBucketTagging: take all tags from a bucket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from holdfast.s3.shapes import Label, Route
from holdfast.store import buckets
from holdfast.store.receipt import Receipt

from .context import Context
from .operation import Operation


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]


@dataclass(frozen=True, slots=True)
class Response:
    status: ClassVar[int] = 204


def commit(context: Context, request: Request, receipt: Receipt | None) -> Response:
    """Succeed too when there are none. S3 has one permission for putting tags and for taking them away."""
    bucket = context.authorised("s3:PutBucketTagging", request.bucket)
    buckets.change(context.changes, bucket._replace(tags=""), bucket)
    return Response()


operation = Operation(
    name="DeleteBucketTagging",
    route=Route("DELETE", "bucket", query=("tagging",)),
    permission="s3:PutBucketTagging",
    request=Request,
    response=Response,
    commit=commit,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketTagging.html",
)
