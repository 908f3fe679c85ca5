"""GetBucketReplication: always "not set", since no bucket is replicated."""

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
    """Raise `ReplicationConfigurationNotFoundError`, or what `Context.authorised` raises."""
    raise bucket_error(
        context,
        "s3:GetReplicationConfiguration",
        request,
        "ReplicationConfigurationNotFoundError",
        "The replication configuration was not found",
    )


operation = Operation(
    name="GetBucketReplication",
    route=Route("GET", "bucket", query=("replication",)),
    permission="s3:GetReplicationConfiguration",
    request=Request,
    response=Nothing,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketReplication.html",
)
