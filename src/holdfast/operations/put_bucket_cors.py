"""PutBucketCors: which web pages of other origins may use a bucket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from holdfast.s3.documents import cors
from holdfast.s3.shapes import Label, RawDocument, Route
from holdfast.store import buckets
from holdfast.store.receipt import Receipt

from .context import Context
from .operation import Operation


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]
    rules: Annotated[bytes, RawDocument()]


@dataclass(frozen=True, slots=True)
class Response:
    pass


def commit(context: Context, request: Request, receipt: Receipt | None) -> Response:
    """Keep the rules in the spelling that GetBucketCors answers, so that two clients' spellings of the same are one."""
    bucket = context.authorised("s3:PutBucketCORS", request.bucket)
    document = cors.write(cors.parse(request.rules)).decode()
    buckets.change(context.changes, bucket._replace(cors=document), bucket)
    return Response()


operation = Operation(
    name="PutBucketCors",
    route=Route("PUT", "bucket", query=("cors",)),
    permission="s3:PutBucketCORS",
    request=Request,
    response=Response,
    commit=commit,
    body="document",
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketCors.html",
)
