"""Reading XML documents into shapes.

Tolerant where clients differ (namespaces, unknown elements, white space around numbers), strict where two readers could
disagree about what was meant: a value given twice, of the wrong type, or missing is MalformedXML.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from holdfast.s3 import xml
from holdfast.s3.codec.fields import ABSENT, Field, Kind, fields_of
from holdfast.s3.codec.spelling import reader_of
from holdfast.s3.codec.twins import constructor_of
from holdfast.s3.shapes import Attribute, Element, Text

T = TypeVar("T")
ElementReader = Callable[[xml.Element], Any]

LONG_BODY_BYTES_MAX: Final = 8 * 1024 * 1024
"""For the documents that list keys and parts (contract.md, section 3)."""
LONG_ROOTS: Final = frozenset({"Delete", "CompleteMultipartUpload"})


def compile_document(shape: type[T], root: str, max_bytes: int | None = None) -> Callable[[bytes], T]:
    """Return a reader of documents whose root element is `root`.

    `max_bytes` defaults to what the root is allowed. The reader raises MalformedXML or MaxMessageLengthExceeded.
    """
    limit = max_bytes or (LONG_BODY_BYTES_MAX if root in LONG_ROOTS else xml.BODY_BYTES_MAX)
    read_root = _shape_reader(shape)

    def read(body: bytes) -> T:
        return read_root(xml.parse_root(body, root, limit))  # type: ignore[no-any-return]

    return read


def _shape_reader(shape: type) -> ElementReader:
    fields = fields_of(shape)
    construct: Callable[..., Any] = constructor_of(shape)
    by_name: dict[str, tuple[int, ElementReader, bool]] = {}
    aside: list[tuple[int, str, ElementReader]] = []
    for field in fields:
        if not isinstance(field.marker, Element):
            aside.append((field.position, *_aside_reader(field)))
            continue
        name, wrapper = field.marker
        read = _wrapped_reader(name, field.kind) if wrapper else _child_reader(name, field.kind)
        assert (wrapper or name) not in by_name, f"{shape.__qualname__} reads {wrapper or name} twice"
        by_name[wrapper or name] = (field.position, read, field.kind.is_many and not wrapper)
    repeated = [position for position, _, is_many in by_name.values() if is_many]
    empty = [ABSENT] * len(fields)

    def read_shape(element: xml.Element) -> Any:
        values = empty.copy()
        for child in element.children:
            slot = by_name.get(child.name)
            if slot is None:
                continue
            position, read, is_many = slot
            if values[position] is ABSENT:
                values[position] = [read(child)] if is_many else read(child)
            elif is_many:
                values[position].append(read(child))
            else:
                raise xml.malformed(f"{element.name} has more than one {child.name}")
        for position, _, read in aside:
            values[position] = read(element)
        for position in repeated:
            if values[position] is not ABSENT:
                values[position] = tuple(values[position])
        if ABSENT in values:
            _fill(values, fields, element.name)
        return construct(*values)

    return read_shape


def _fill(values: list[Any], fields: tuple[Field, ...], parent: str) -> None:
    for position, value in enumerate(values):
        if value is ABSENT:
            values[position] = default_of(fields[position])
            if values[position] is ABSENT:
                marker = fields[position].marker
                assert isinstance(marker, Element | Attribute)
                raise xml.malformed(f"{parent} has no {getattr(marker, 'wrapper', '') or marker.name}")


def default_of(field: Field) -> Any:
    """What a field holds when nothing came over the wire; ABSENT if something had to."""
    if field.factory is not None:
        return field.factory()
    return None if field.default is ABSENT and field.is_nullable else field.default


def _child_reader(name: str, kind: Kind) -> ElementReader:
    if kind.is_shape:
        return _shape_reader(kind.type)
    convert = reader_of(kind._replace(is_many=False))

    def read_child(element: xml.Element) -> Any:
        if element.children:
            raise xml.malformed(f"{name} holds elements where text belongs")
        return element.text if convert is None else _converted(convert, name, element.text)

    return read_child


def _wrapped_reader(name: str, kind: Kind) -> ElementReader:
    assert kind.is_many, f"only a repeated element has a wrapper, not {name}"
    read = _child_reader(name, kind)

    def read_wrapped(element: xml.Element) -> Any:
        return tuple([read(child) for child in element.children if child.name == name])

    return read_wrapped


def _aside_reader(field: Field) -> tuple[str, ElementReader]:
    marker = field.marker
    assert isinstance(marker, Text | Attribute), f"{field.name}: {marker} has no place in a document"
    convert = reader_of(field.kind) or str
    if isinstance(marker, Text):
        return "", lambda element: _converted(convert, element.name, element.text)
    # xml.parse takes the prefixes away: `xsi:type` is found as `type`.
    name = marker.name.rpartition(":")[2]

    def read_attribute(element: xml.Element) -> Any:
        text = element.attributes.get(name)
        return ABSENT if text is None else _converted(convert, name, text)

    return name, read_attribute


def _converted(convert: Callable[[str], Any], name: str, text: str) -> Any:
    try:
        return convert(text)
    except ValueError as error:
        raise xml.malformed(f"{name} {error}") from None
