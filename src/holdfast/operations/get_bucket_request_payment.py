"""GetBucketRequestPayment: the bucket's owner, always; nobody is sent a bill for a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from holdfast.s3.shapes import Element, Route

from .context import Context
from .operation import Operation
from .unset import BucketRequest


@dataclass(frozen=True, slots=True)
class Request(BucketRequest):
    pass


@dataclass(frozen=True, slots=True)
class Response:
    root: ClassVar[str] = "RequestPaymentConfiguration"

    payer: Annotated[str, Element("Payer")] = "BucketOwner"


def run(context: Context, request: Request) -> Response:
    """Return S3's default."""
    context.authorised("s3:GetBucketRequestPayment", request.bucket)
    return Response()


operation = Operation(
    name="GetBucketRequestPayment",
    route=Route("GET", "bucket", query=("requestPayment",)),
    permission="s3:GetBucketRequestPayment",
    request=Request,
    response=Response,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketRequestPayment.html",
)
