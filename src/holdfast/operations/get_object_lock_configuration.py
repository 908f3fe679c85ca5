"""GetObjectLockConfiguration: always "not set", since no bucket has object lock yet."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.s3.shapes import Route

from .context import Context
from .operation import Operation
from .unset import BucketRequest, Nothing, bucket_error


@dataclass(frozen=True, slots=True)
class Request(BucketRequest):
    pass


def run(context: Context, request: Request) -> Nothing:
    """Raise `ObjectLockConfigurationNotFoundError`, or what `Context.authorised` raises."""
    raise bucket_error(
        context,
        "s3:GetBucketObjectLockConfiguration",
        request,
        "ObjectLockConfigurationNotFoundError",
        "Object Lock configuration does not exist for this bucket",
    )


operation = Operation(
    name="GetObjectLockConfiguration",
    route=Route("GET", "bucket", query=("object-lock",)),
    permission="s3:GetBucketObjectLockConfiguration",
    request=Request,
    response=Nothing,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectLockConfiguration.html",
)
