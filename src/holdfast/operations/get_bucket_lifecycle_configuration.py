"""GetBucketLifecycleConfiguration: always "not set", since no bucket has lifecycle rules yet."""

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
    """Raise `NoSuchLifecycleConfiguration`, or what `Context.authorised` raises."""
    raise bucket_error(
        context,
        "s3:GetLifecycleConfiguration",
        request,
        "NoSuchLifecycleConfiguration",
        "The lifecycle configuration does not exist",
    )


operation = Operation(
    name="GetBucketLifecycleConfiguration",
    route=Route("GET", "bucket", query=("lifecycle",)),
    permission="s3:GetLifecycleConfiguration",
    request=Request,
    response=Nothing,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLifecycleConfiguration.html",
)
