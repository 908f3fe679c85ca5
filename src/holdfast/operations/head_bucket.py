"""HeadBucket: is there such a bucket, and may I use it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from holdfast.s3.shapes import Header, Label, Route

from .context import Context
from .operation import Operation


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]


@dataclass(frozen=True, slots=True)
class Response:
    region: Annotated[str, Header("x-amz-bucket-region")]
    access_point_alias: Annotated[bool, Header("x-amz-access-point-alias")] = False


def run(context: Context, request: Request) -> Response:
    """Answer 200, 403 or 404, all without a body. A token that is narrowed to prefixes may know of the bucket."""
    context.authorised("s3:ListBucket", request.bucket, shows_keys=False)
    return Response(context.region)


operation = Operation(
    name="HeadBucket",
    route=Route("HEAD", "bucket"),
    permission="s3:ListBucket",
    request=Request,
    response=Response,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html",
)
