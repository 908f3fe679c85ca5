"""GetBucketEncryption: always "not set", since no bucket has a default encryption yet."""

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
    """Raise `ServerSideEncryptionConfigurationNotFoundError`, or what `Context.authorised` raises."""
    raise bucket_error(
        context,
        "s3:GetEncryptionConfiguration",
        request,
        "ServerSideEncryptionConfigurationNotFoundError",
        "The server side encryption configuration was not found",
    )


operation = Operation(
    name="GetBucketEncryption",
    route=Route("GET", "bucket", query=("encryption",)),
    permission="s3:GetEncryptionConfiguration",
    request=Request,
    response=Nothing,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketEncryption.html",
)
