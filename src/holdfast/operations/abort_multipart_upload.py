"""AbortMultipartUpload: forget an upload and free its parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from holdfast.s3.shapes import Label, Query, Route
from holdfast.store import multipart
from holdfast.store.receipt import Receipt

from .context import Context
from .operation import Operation


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]
    key: Annotated[str, Label("Key")]
    upload_id: Annotated[str, Query("uploadId")]


@dataclass(frozen=True, slots=True)
class Response:
    status: ClassVar[int] = 204


def commit(context: Context, request: Request, receipt: Receipt | None) -> Response:
    """Abort; passes at a full quota. Abort and Complete exclude each other: the second finds no open upload."""
    bucket = context.authorised("s3:AbortMultipartUpload", request.bucket, request.key)
    upload = multipart.get_open(context.changes, bucket, request.key, request.upload_id)
    multipart.abort(context.changes, context.tenancy, bucket, upload, context.now_us)
    return Response()


operation = Operation(
    name="AbortMultipartUpload",
    route=Route("DELETE", "key", query=("uploadId",)),
    permission="s3:AbortMultipartUpload",
    request=Request,
    response=Response,
    commit=commit,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_AbortMultipartUpload.html",
)
