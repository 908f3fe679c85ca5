"""Writing responses: a status, headers in the order of the fields, and perhaps one document."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from holdfast.s3.answer import Answer
from holdfast.s3.codec.elements import compile_document_writer, document_writer, getter_of
from holdfast.s3.codec.fields import Field, fields_of
from holdfast.s3.codec.spelling import Writer, header_text, header_writer_of
from holdfast.s3.shapes import (
    XMLNS,
    Attribute,
    Document,
    Element,
    Header,
    HeaderMap,
    Payload,
    RawDocument,
    Status,
    Text,
)

T = TypeVar("T")

XML_TYPE: Final = ("Content-Type", "application/xml")


def compile_response(shape: type[T]) -> Callable[[T], Answer]:
    """Return a writer of answers.

    The shape's `status: ClassVar[int]` (200) holds unless a `Status` field says otherwise. With `Element`, `Text` or
    `Attribute` fields the body is a document whose root is `root: ClassVar[str]` in the namespace
    `xmlns: ClassVar[str]` (S3's; empty for none); with a `Document` or `RawDocument` field it is that.
    """
    fields = fields_of(shape)
    in_head = [field for field in fields if isinstance(field.marker, Header | HeaderMap)]
    plan = [_header_plan(field) for field in in_head]
    headers_of = getter_of([field.name for field in in_head])
    fixed_status: int = getattr(shape, "status", 200) if _only(fields, Status) is None else 0
    status_of = _attribute_of(_only(fields, Status))
    payload_of = _attribute_of(_only(fields, Payload))
    write_body, is_xml = _body_writer(shape, fields)

    def answer(response: T) -> Answer:
        headers = [XML_TYPE] if is_xml else []
        for (name, write), value in zip(plan, headers_of(response), strict=True):
            if value is None:
                continue
            if write is not None:
                headers.append((name, write(value)))
            else:
                for rest, text in value.items():
                    headers.append((header_text(name + rest), header_text(text)))
        return Answer(
            fixed_status or status_of(response),
            headers,
            write_body(response),
            payload_of(response),
        )

    return answer


def _header_plan(field: Field) -> tuple[str, Writer | None]:
    if isinstance(field.marker, HeaderMap):
        return field.marker.prefix, None
    assert isinstance(field.marker, Header)
    return field.marker.name, header_writer_of(field.kind, field.marker.name)


def _only(fields: tuple[Field, ...], *markers: type) -> Field | None:
    found = [field for field in fields if isinstance(field.marker, markers)]
    assert len(found) <= 1, f"{found[1].name} is one {found[1].marker} too many"
    return found[0] if found else None


def _attribute_of(field: Field | None) -> Callable[[Any], Any]:
    if field is None:
        return lambda response: None
    (get,) = (getter_of([field.name]),)
    return lambda response: get(response)[0]


def _body_writer(shape: type, fields: tuple[Field, ...]) -> tuple[Callable[[Any], bytes], bool]:
    inside = [field for field in fields if isinstance(field.marker, Element | Text | Attribute)]
    whole = _only(fields, Document, RawDocument)
    assert not (inside and whole), f"{shape.__qualname__} has two bodies"
    assert not ((inside or whole) and _only(fields, Payload)), f"{shape.__qualname__} has a document and a payload"
    if inside or hasattr(shape, "root"):
        return document_writer(getattr(shape, "root"), getattr(shape, "xmlns", XMLNS), inside), True  # noqa: B009
    if whole is None:
        return lambda response: b"", False
    value_of = _attribute_of(whole)
    if isinstance(whole.marker, RawDocument):
        return value_of, False
    assert isinstance(whole.marker, Document)
    write = compile_document_writer(whole.kind.type, whole.marker.root, getattr(shape, "xmlns", XMLNS))
    return lambda response: write(value_of(response)), True
