"""GetObject: an object's bytes, whole, by range or by part."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from holdfast.blobs.interface import Slice
from holdfast.s3.shapes import Payload, Route
from holdfast.store import versions

from .context import Context
from .operation import Operation
from .reading import ReadHead, ReadRequest, choose, head_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(ReadRequest):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Response(ReadHead):
    body: Annotated[tuple[Slice, ...], Payload()]


def run(context: Context, request: Request) -> Response:
    """Return the head and the slices to stream after it."""
    chosen = choose(context, request)
    slices = versions.resolve(context.rows, chosen.row, chosen.offset_bytes, chosen.length_bytes)
    return Response(body=slices, **head_of(request, chosen))  # type: ignore[arg-type]


operation = Operation(
    name="GetObject",
    route=Route("GET", "key"),
    permission="s3:GetObject",
    request=Request,
    response=Response,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html",
)
