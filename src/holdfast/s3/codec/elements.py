"""Writing shapes as XML: one function for each element, joined."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, TypeVar

from holdfast.s3 import xml
from holdfast.s3.codec.fields import Field, Kind, fields_of
from holdfast.s3.codec.spelling import element_writer_of
from holdfast.s3.shapes import XMLNS, Attribute, Element, ETag, Text

T = TypeVar("T")
Writer = Callable[[Any], str]

XSI = "http://www.w3.org/2001/XMLSchema-instance"


def compile_document_writer(shape: type[T], root: str, xmlns: str = XMLNS) -> Callable[[T], bytes]:
    """Return what writes a shape as a whole document, prolog included. An empty `xmlns` leaves the namespace out."""
    return document_writer(root, xmlns, fields_of(shape))


def document_writer(root: str, xmlns: str, fields: Iterable[Field]) -> Callable[[Any], bytes]:
    """As `compile_document_writer`, from those fields of a shape that travel in the document."""
    write = _shape_writer(root, tuple(fields), f' xmlns="{xml.escape(xmlns)}"' if xmlns else "")

    def write_document(value: Any) -> bytes:
        return (xml.PROLOG + write(value)).encode()

    return write_document


def _shape_writer(name: str, fields: tuple[Field, ...], xmlns: str = "") -> Writer:
    inside = [field for field in fields if not isinstance(field.marker, Attribute)]
    write_attributes = _attributes_writer([field for field in fields if isinstance(field.marker, Attribute)])
    writers = [_field_writer(field) for field in inside]
    values_of = getter_of([field.name for field in inside])
    before, after = f"<{name}{xmlns}>", f"</{name}>"

    def write(value: Any) -> str:
        # An answer of 1,000 entries is made here: a comprehension and one join are the cheapest that was found.
        pairs = zip(writers, values_of(value), strict=True)
        inner = "".join([write_field(each) for write_field, each in pairs if each is not None])
        return f"{before}{inner}{after}"

    if write_attributes is None:
        return write

    def write_with_attributes(value: Any) -> str:
        inner = write(value)[len(before) :]
        return f"{before[:-1]}{write_attributes(value)}>{inner}"

    return write_with_attributes


def getter_of(names: list[str]) -> Callable[[Any], tuple[Any, ...]]:
    """Return what takes these attributes out of a record, as a tuple even if they are fewer than two."""
    if len(names) >= 2:
        return attrgetter(*names)
    if not names:
        return lambda value: ()
    get_one = attrgetter(names[0])
    return lambda value: (get_one(value),)


def _attributes_writer(fields: list[Field]) -> Writer | None:
    if not fields:
        return None
    values_of = getter_of([field.name for field in fields])
    names = [field.marker.name for field in fields if isinstance(field.marker, Attribute)]
    # A prefix has to be declared, and S3 does so on the element itself.
    before = [f' xmlns:xsi="{XSI}" {name}' if name.startswith("xsi:") else f" {name}" for name in names]

    def write(value: Any) -> str:
        pairs = zip(before, values_of(value), strict=True)
        return "".join([f'{name}="{xml.escape(text)}"' for name, text in pairs if text is not None])

    return write


def _field_writer(field: Field) -> Writer:
    if isinstance(field.marker, Text):
        return _text_writer(field.kind)
    assert isinstance(field.marker, Element), f"{field.name}: {field.marker} has no place in a document"
    name, wrapper = field.marker
    if not field.kind.is_many:
        return _element_writer(name, field.kind)
    write_one = _element_writer(name, field.kind._replace(is_many=False))
    before, after = (f"<{wrapper}>", f"</{wrapper}>") if wrapper else ("", "")

    def write_all(values: Iterable[Any]) -> str:
        return f"{before}{''.join(map(write_one, values))}{after}"

    return write_all


def _text_writer(kind: Kind) -> Writer:
    if kind.type is str:
        return xml.escape
    if kind.type is ETag:
        return lambda tag: f"&quot;{xml.escape(tag)}&quot;"
    return element_writer_of(kind)


def _element_writer(name: str, kind: Kind) -> Writer:
    if kind.is_shape:
        return _shape_writer(name, fields_of(kind.type))
    spell = _text_writer(kind)
    before, after = f"<{name}>", f"</{name}>"

    def write(value: Any) -> str:
        return f"{before}{spell(value)}{after}"

    return write
