"""GetObjectTagging: the tags of a version; an object without any has an empty set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from holdfast.s3.shapes import Element, Header, Label, Query, Route

from .context import Context
from .operation import Operation
from .reading import get_version
from .tag_sets import TagEntry, entries


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]
    key: Annotated[str, Label("Key")]
    version_id: Annotated[str | None, Query("versionId")] = None


@dataclass(frozen=True, slots=True)
class Response:
    root: ClassVar[str] = "Tagging"

    version_id: Annotated[str | None, Header("x-amz-version-id")]
    tags: Annotated[tuple[TagEntry, ...], Element("Tag", wrapper="TagSet")]


def run(context: Context, request: Request) -> Response:
    """Return the tags by key."""
    action = "s3:GetObjectTagging" if request.version_id is None else "s3:GetObjectVersionTagging"
    bucket = context.authorised(action, request.bucket, request.key)
    row = get_version(context, bucket, request.key, request.version_id)
    return Response(request.version_id, entries(row.tags))


operation = Operation(
    name="GetObjectTagging",
    route=Route("GET", "key", query=("tagging",)),
    permission="s3:GetObjectTagging",
    request=Request,
    response=Response,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObjectTagging.html",
)
