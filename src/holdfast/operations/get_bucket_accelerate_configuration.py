"""GetBucketAccelerateConfiguration: always empty, since there is nothing to accelerate."""

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
    root: ClassVar[str] = "AccelerateConfiguration"


def run(context: Context, request: Request) -> Response:
    """Return the element without a status."""
    context.authorised("s3:GetAccelerateConfiguration", request.bucket)
    return Response()


operation = Operation(
    name="GetBucketAccelerateConfiguration",
    route=Route("GET", "bucket", query=("accelerate",)),
    permission="s3:GetAccelerateConfiguration",
    request=Request,
    response=Response,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketAccelerateConfiguration.html",
)
