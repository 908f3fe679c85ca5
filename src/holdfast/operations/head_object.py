"""HeadObject: what GetObject would answer, without the bytes."""

from __future__ import annotations

from dataclasses import dataclass

from holdfast.s3.shapes import Route

from .context import Context
from .operation import Operation
from .reading import ReadHead, ReadRequest, choose, head_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(ReadRequest):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Response(ReadHead):
    pass


def run(context: Context, request: Request) -> Response:
    """Return the head; `Content-Length` is that of the bytes which GET would send."""
    return Response(**head_of(request, choose(context, request)))  # type: ignore[arg-type]


operation = Operation(
    name="HeadObject",
    route=Route("HEAD", "key"),
    permission="s3:GetObject",
    request=Request,
    response=Response,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadObject.html",
)
