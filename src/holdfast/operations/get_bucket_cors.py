"""GetBucketCors: the rules for web pages of other origins."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from holdfast.s3.codes import S3Error
from holdfast.s3.shapes import Header, Label, RawDocument, Route

from .context import Context
from .operation import Operation


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]


@dataclass(frozen=True, slots=True)
class Response:
    rules: Annotated[bytes, RawDocument()]
    content_type: Annotated[str, Header("Content-Type")] = "application/xml"


def run(context: Context, request: Request) -> Response:
    """Return the document that PutBucketCors kept, or raise NoSuchCORSConfiguration."""
    bucket = context.authorised("s3:GetBucketCORS", request.bucket)
    if not bucket.cors:
        raise S3Error(
            "NoSuchCORSConfiguration",
            "The CORS configuration does not exist",
            details={"BucketName": bucket.name},
        )
    return Response(bucket.cors.encode())


operation = Operation(
    name="GetBucketCors",
    route=Route("GET", "bucket", query=("cors",)),
    permission="s3:GetBucketCORS",
    request=Request,
    response=Response,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketCors.html",
)
