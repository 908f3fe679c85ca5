"""GetBucketWebsite: always "not set", since no bucket is a web site."""

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
    """Raise `NoSuchWebsiteConfiguration`, or what `Context.authorised` raises."""
    raise bucket_error(
        context,
        "s3:GetBucketWebsite",
        request,
        "NoSuchWebsiteConfiguration",
        "The specified bucket does not have a website configuration",
    )


operation = Operation(
    name="GetBucketWebsite",
    route=Route("GET", "bucket", query=("website",)),
    permission="s3:GetBucketWebsite",
    request=Request,
    response=Nothing,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketWebsite.html",
)
