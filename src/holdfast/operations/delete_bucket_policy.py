"""DeleteBucketPolicy: leave a bucket to its owner and the tenancy's managers."""

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
    """Succeed too when there is no policy. What a policy denies, this among it, never keeps its owner from it."""
    bucket = context.authorised("s3:DeleteBucketPolicy", request.bucket)
    buckets.change(context.changes, bucket._replace(policy="", compiled_policy=""), bucket)
    return Response()


operation = Operation(
    name="DeleteBucketPolicy",
    route=Route("DELETE", "bucket", query=("policy",)),
    permission="s3:DeleteBucketPolicy",
    request=Request,
    response=Response,
    commit=commit,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteBucketPolicy.html",
)
