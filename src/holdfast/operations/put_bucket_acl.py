"""PutBucketAcl: a success for a list that says what holds anyway, a refusal for any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from holdfast.s3.shapes import Label, Route
from holdfast.store.receipt import Receipt

from .acls import PutAcl, check_unchanged
from .context import Context
from .operation import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(PutAcl):
    bucket: Annotated[str, Label("Bucket")]


@dataclass(frozen=True, slots=True)
class Response:
    pass


def commit(context: Context, request: Request, receipt: Receipt | None) -> Response:
    """Change nothing. Tools send `private` out of habit, and so did the sites' own scripts for years."""
    bucket = context.authorised("s3:PutBucketAcl", request.bucket)
    check_unchanged(request, bucket.owner_id)
    return Response()


operation = Operation(
    name="PutBucketAcl",
    route=Route("PUT", "bucket", query=("acl",)),
    permission="s3:PutBucketAcl",
    request=Request,
    response=Response,
    commit=commit,
    body="document",
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketAcl.html",
)
