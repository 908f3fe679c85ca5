"""GetObjectRetention: always "not set", since no version can have a retention yet."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.s3.shapes import Route

from .context import Context
from .operation import Operation
from .unset import KeyRequest, Nothing, lock_error


@dataclass(frozen=True, slots=True)
class Request(KeyRequest):
    pass


def run(context: Context, request: Request) -> Nothing:
    """Raise `NoSuchObjectLockConfiguration`, or the error for a version that is not there."""
    raise lock_error(context, "s3:GetObjectRetention", request)


operation = Operation(
    name="GetObjectRetention",
    route=Route("GET", "key", query=("retention",)),
    permission="s3:GetObjectRetention",
    request=Request,
    response=Nothing,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectRetention.html",
)
