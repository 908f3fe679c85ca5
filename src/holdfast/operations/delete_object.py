"""DeleteObject: remove the current version of a key. A key that is not there is removed already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from holdfast.s3.shapes import Header, Label, Query, Route
from holdfast.store import versions
from holdfast.store.receipt import Receipt

from . import preconditions
from .context import Context
from .operation import Operation
from .reading import check_version_id


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]
    key: Annotated[str, Label("Key")]
    if_match: Annotated[str | None, Header("If-Match")] = None
    if_match_last_modified_time: Annotated[str | None, Header("x-amz-if-match-last-modified-time")] = None
    if_match_size: Annotated[int | None, Header("x-amz-if-match-size")] = None
    version_id: Annotated[str | None, Query("versionId")] = None


@dataclass(frozen=True, slots=True)
class Response:
    status: ClassVar[int] = 204

    version_id: Annotated[str | None, Header("x-amz-version-id")] = None


def commit(context: Context, request: Request, receipt: Receipt | None) -> Response:
    """Remove the version; passes at a full quota. With `versionId`, only `null` names anything."""
    action = "s3:DeleteObject" if request.version_id is None else "s3:DeleteObjectVersion"
    bucket = context.authorised(action, request.bucket, request.key)
    check_version_id(request.version_id)
    condition = preconditions.delete_condition(
        bucket.name, request.key, request.if_match, request.if_match_last_modified_time, request.if_match_size
    )
    if request.version_id in (None, versions.NULL_VERSION):
        versions.remove(
            context.changes, context.tenancy, bucket, request.key, now_us=context.now_us, condition=condition
        )
    return Response(request.version_id)


operation = Operation(
    name="DeleteObject",
    route=Route("DELETE", "key"),
    permission="s3:DeleteObject",
    request=Request,
    response=Response,
    commit=commit,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html",
)
