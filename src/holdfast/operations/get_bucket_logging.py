"""GetBucketLogging: always empty, since no bucket writes logs into another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from holdfast.s3.shapes import Route

from .context import Context
from .operation import Operation
from .unset import BucketRequest


@dataclass(frozen=True, slots=True)
class Request(BucketRequest):
    pass


@dataclass(frozen=True, slots=True)
class Response:
    root: ClassVar[str] = "BucketLoggingStatus"


def run(context: Context, request: Request) -> Response:
    """Return the element without a target."""
    context.authorised("s3:GetBucketLogging", request.bucket)
    return Response()


operation = Operation(
    name="GetBucketLogging",
    route=Route("GET", "bucket", query=("logging",)),
    permission="s3:GetBucketLogging",
    request=Request,
    response=Response,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLogging.html",
)
