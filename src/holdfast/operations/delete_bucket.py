"""DeleteBucket: remove an empty bucket."""

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
    """Remove the bucket and its unfinished uploads; its name is free at once."""
    bucket = context.authorised("s3:DeleteBucket", request.bucket)
    buckets.remove(context.changes, context.tenancy, bucket, context.now_us)
    return Response()


operation = Operation(
    name="DeleteBucket",
    route=Route("DELETE", "bucket"),
    permission="s3:DeleteBucket",
    request=Request,
    response=Response,
    commit=commit,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucket.html",
)
