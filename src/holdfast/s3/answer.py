"""What goes back over the wire: the record of an answer, and the document of a refusal."""

from __future__ import annotations

from typing import NamedTuple

from holdfast.s3 import xml
from holdfast.s3.codes import S3Error


class Answer(NamedTuple):
    """One answer, ready to be framed. `Content-Length`, `Date` and the request's ids are the edge's to add."""

    status: int
    headers: list[tuple[str, str]]
    """Names as S3 spells them. Values are Latin-1 text without CR, LF or NUL."""
    body: bytes
    payload: object | None
    """What the shape's `Payload` field held: bytes that the edge streams after the head. Never together with `body`."""


def error_document(error: S3Error, resource: str, request_id: str, host_id: str) -> bytes:
    """Write the body of a refusal. It has no namespace: botocore does not see an error that has one.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    """
    inner = [xml.element("Code", error.code), xml.element("Message", error.message)]
    inner += [xml.element(name, text) for name, text in error.details.items()]
    inner.append(xml.element("Resource", resource))
    inner.append(xml.element("RequestId", request_id))
    inner.append(xml.element("HostId", host_id))
    return xml.document("Error", inner, namespace=False)
