"""GetBucketLocation: the region of a bucket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from holdfast.s3.shapes import Label, Route, Text

from .context import Context
from .operation import Operation


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]


@dataclass(frozen=True, slots=True)
class Response:
    root: ClassVar[str] = "LocationConstraint"

    region: Annotated[str, Text()]


def run(context: Context, request: Request) -> Response:
    """Return the site's region; `us-east-1` is the empty string, as S3 has it since before there were regions."""
    context.authorised("s3:GetBucketLocation", request.bucket)
    return Response("" if context.region == "us-east-1" else context.region)


operation = Operation(
    name="GetBucketLocation",
    route=Route("GET", "bucket", query=("location",)),
    permission="s3:GetBucketLocation",
    request=Request,
    response=Response,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html",
)
