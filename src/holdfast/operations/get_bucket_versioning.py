"""GetBucketVersioning: always empty, since versioning has never been switched on in any bucket."""

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
    root: ClassVar[str] = "VersioningConfiguration"


def run(context: Context, request: Request) -> Response:
    """Return the element without a status, which is how S3 spells "never"."""
    context.authorised("s3:GetBucketVersioning", request.bucket)
    return Response()


operation = Operation(
    name="GetBucketVersioning",
    route=Route("GET", "bucket", query=("versioning",)),
    permission="s3:GetBucketVersioning",
    request=Request,
    response=Response,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketVersioning.html",
)
