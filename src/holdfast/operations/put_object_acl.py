"""PutObjectAcl: a success for a list that says what holds anyway, a refusal for any other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from holdfast.s3.shapes import Label, Query, Route
from holdfast.store.receipt import Receipt

from .acls import PutAcl, check_unchanged
from .context import Context
from .operation import Operation
from .reading import get_version


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(PutAcl):
    bucket: Annotated[str, Label("Bucket")]
    key: Annotated[str, Label("Key")]
    version_id: Annotated[str | None, Query("versionId")] = None


@dataclass(frozen=True, slots=True)
class Response:
    pass


def commit(context: Context, request: Request, receipt: Receipt | None) -> Response:
    """Change nothing of the version, which has to be there."""
    action = "s3:PutObjectAcl" if request.version_id is None else "s3:PutObjectVersionAcl"
    bucket = context.authorised(action, request.bucket, request.key)
    get_version(context, bucket, request.key, request.version_id)
    check_unchanged(request, bucket.owner_id)
    return Response()


operation = Operation(
    name="PutObjectAcl",
    route=Route("PUT", "key", query=("acl",)),
    permission="s3:PutObjectAcl",
    request=Request,
    response=Response,
    commit=commit,
    body="document",
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAcl.html",
)
