"""DeleteObjectTagging: take all tags from a version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from holdfast.s3.shapes import Header, Label, Query, Route
from holdfast.store import versions
from holdfast.store.receipt import Receipt

from .context import Context
from .operation import Operation
from .reading import get_version


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]
    key: Annotated[str, Label("Key")]
    version_id: Annotated[str | None, Query("versionId")] = None


@dataclass(frozen=True, slots=True)
class Response:
    status: ClassVar[int] = 204

    version_id: Annotated[str | None, Header("x-amz-version-id")]


def commit(context: Context, request: Request, receipt: Receipt | None) -> Response:
    """Succeed too when there are none; the object itself has to be there."""
    action = "s3:DeleteObjectTagging" if request.version_id is None else "s3:DeleteObjectVersionTagging"
    bucket = context.authorised(action, request.bucket, request.key)
    row = get_version(context, bucket, request.key, request.version_id)
    if row.tags:
        versions.amend(context.changes, row._replace(tags=""), row)
    return Response(request.version_id)


operation = Operation(
    name="DeleteObjectTagging",
    route=Route("DELETE", "key", query=("tagging",)),
    permission="s3:DeleteObjectTagging",
    request=Request,
    response=Response,
    commit=commit,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjectTagging.html",
)
