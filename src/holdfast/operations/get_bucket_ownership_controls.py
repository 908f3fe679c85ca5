"""GetBucketOwnershipControls: always "not set", since ownership is no choice here, ACLs are off."""

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
    """Raise `OwnershipControlsNotFoundError`, or what `Context.authorised` raises."""
    raise bucket_error(
        context,
        "s3:GetBucketOwnershipControls",
        request,
        "OwnershipControlsNotFoundError",
        "The bucket ownership controls were not found",
    )


operation = Operation(
    name="GetBucketOwnershipControls",
    route=Route("GET", "bucket", query=("ownershipControls",)),
    permission="s3:GetBucketOwnershipControls",
    request=Request,
    response=Nothing,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketOwnershipControls.html",
)
