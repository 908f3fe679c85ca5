"""GetPublicAccessBlock: always "not set", since who may make a bucket public is set for the tenancy."""

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
    """Raise `NoSuchPublicAccessBlockConfiguration`, or what `Context.authorised` raises."""
    raise bucket_error(
        context,
        "s3:GetBucketPublicAccessBlock",
        request,
        "NoSuchPublicAccessBlockConfiguration",
        "The public access block configuration was not found",
    )


operation = Operation(
    name="GetPublicAccessBlock",
    route=Route("GET", "bucket", query=("publicAccessBlock",)),
    permission="s3:GetBucketPublicAccessBlock",
    request=Request,
    response=Nothing,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetPublicAccessBlock.html",
)
