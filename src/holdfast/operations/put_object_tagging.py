"""PutObjectTagging: other tags for a version, in the place of those it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from holdfast.s3.documents import tagging
from holdfast.s3.shapes import Header, Label, Query, RawDocument, Route
from holdfast.store import versions
from holdfast.store.receipt import Receipt

from .context import Context
from .facts import tag_facts
from .operation import Operation
from .reading import get_version
from .tag_sets import encode_tags


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]
    key: Annotated[str, Label("Key")]
    tagging: Annotated[bytes, RawDocument()]
    version_id: Annotated[str | None, Query("versionId")] = None


@dataclass(frozen=True, slots=True)
class Response:
    version_id: Annotated[str | None, Header("x-amz-version-id")]


def commit(context: Context, request: Request, receipt: Receipt | None) -> Response:
    """Change the tags alone: bytes, ETag and Last-Modified stay. A policy's conditions see the old tags and the new."""
    tags = tagging.parse_object_tags(request.tagging)
    action = "s3:PutObjectTagging" if request.version_id is None else "s3:PutObjectVersionTagging"
    bucket = context.authorised(action, request.bucket, request.key, tag_facts(tags))
    row = get_version(context, bucket, request.key, request.version_id)
    versions.amend(context.changes, row._replace(tags=encode_tags(dict(tags))), row)
    return Response(request.version_id)


operation = Operation(
    name="PutObjectTagging",
    route=Route("PUT", "key", query=("tagging",)),
    permission="s3:PutObjectTagging",
    request=Request,
    response=Response,
    commit=commit,
    body="document",
    is_entrywise=True,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html",
)
