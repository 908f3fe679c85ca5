"""GetBucketPolicy: the policy of a bucket, in the very bytes that were put."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from holdfast.catalog.rows import BucketRow
from holdfast.s3.codes import S3Error
from holdfast.s3.shapes import Header, Label, RawDocument, Route

from .context import Context
from .operation import Operation


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]


@dataclass(frozen=True, slots=True)
class Response:
    policy: Annotated[bytes, RawDocument()]
    content_type: Annotated[str, Header("Content-Type")] = "application/json"


def run(context: Context, request: Request) -> Response:
    """Return the document: tools compare what they get with what they put. Raises NoSuchBucketPolicy."""
    bucket = context.authorised("s3:GetBucketPolicy", request.bucket)
    if not bucket.policy:
        raise no_policy(bucket)
    return Response(bucket.policy.encode())


def no_policy(bucket: BucketRow) -> S3Error:
    """Return the error for a bucket without a policy."""
    return S3Error("NoSuchBucketPolicy", "The bucket policy does not exist", details={"BucketName": bucket.name})


operation = Operation(
    name="GetBucketPolicy",
    route=Route("GET", "bucket", query=("policy",)),
    permission="s3:GetBucketPolicy",
    request=Request,
    response=Response,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketPolicy.html",
)
