"""GetBucketNotificationConfiguration: always empty, since no bucket notifies anybody yet."""

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
    root: ClassVar[str] = "NotificationConfiguration"


def run(context: Context, request: Request) -> Response:
    """Return the element without a receiver."""
    context.authorised("s3:GetBucketNotification", request.bucket)
    return Response()


operation = Operation(
    name="GetBucketNotificationConfiguration",
    route=Route("GET", "bucket", query=("notification",)),
    permission="s3:GetBucketNotification",
    request=Request,
    response=Response,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketNotificationConfiguration.html",
)
