"""Answers as bytes: status line, the headers that every answer has, and the documents of refusals."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from holdfast.s3.answer import Answer, error_document
from holdfast.s3.codes import S3Error
from holdfast.s3.dates import http_date

XML: Final = ("Content-Type", "application/xml")

# What browsers render, and so could run in the store's own origin (contract.md, "Must have"), or show as it is: that is
# harmless, and the portal shows it in frames. Looked for anywhere in a type: `a/b+xml` runs scripts too, and browsers
# forgive blanks and lists.
_RENDERED: Final = (
    *("html", "xml", "svg", "pdf", "xsl", "multipart", "message", "mhtml"),
    *("text/", "json", "javascript", "ecmascript", "image/", "audio/", "video/"),
)
_STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}
_BODILESS: Final = (204, 304)


@lru_cache(maxsize=4)
def _dated(epoch_s: int) -> str:
    return f"Date: {http_date(epoch_s)}\r\nServer: holdfast\r\nX-Content-Type-Options: nosniff\r\n"


def frame(
    answer: Answer,
    *,
    request_id: str,
    host_id: str,
    epoch_s: int,
    closes: bool,
    is_head: bool,
    more: Iterable[tuple[str, str]] = (),
) -> bytes:
    """Return an answer's head, and its body if it has one here. A payload follows it.

    Of a payload, and of a HEAD that says it, the length is among the answer's own headers.
    """
    status = answer.status
    lines = [
        _STATUS_LINES[status],
        _dated(epoch_s),
        f"x-amz-request-id: {request_id}\r\nx-amz-id-2: {host_id}\r\n",
    ]
    has_length = False
    for name, value in answer.headers:
        lines.append(f"{name}: {value}\r\n")
        if name == "Content-Length":
            has_length = True
        elif name == "Content-Type" and answer.payload is not None and _is_rendered(value):
            lines.append("Content-Security-Policy: sandbox\r\n")
    for name, value in more:
        lines.append(f"{name}: {value}\r\n")
    if not has_length and status not in _BODILESS and not (is_head and status >= 400):
        lines.append(f"Content-Length: {len(answer.body)}\r\n")
    if closes:
        lines.append("Connection: close\r\n")
    lines.append("\r\n")
    text = "".join(lines)
    # The codec lets no line break into a value; here is the last place to see one.
    assert "\r\n\r\n" not in text[:-4], "a header value holds an empty line"
    head = text.encode("latin-1", "replace")
    return head if is_head or status in _BODILESS else head + answer.body


@lru_cache(maxsize=256)
def _is_rendered(content_type: str) -> bool:
    lower = content_type.lower()
    return any(kind in lower for kind in _RENDERED)


def refusal(error: S3Error, *, resource: str, request_id: str, host_id: str) -> Answer:
    """Return the answer that tells a client of an error."""
    headers = list(error.headers.items())
    if error.status in _BODILESS:
        return Answer(error.status, headers, b"", None)
    body = error_document(error, resource, request_id, host_id)
    return Answer(error.status, [XML, *headers], body, None)
