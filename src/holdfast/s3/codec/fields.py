"""The fields of a shape: what its annotations say, taken apart once when it is compiled."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from holdfast.s3.shapes import (
    Attribute,
    Document,
    Element,
    Header,
    HeaderMap,
    Label,
    Payload,
    Query,
    RawDocument,
    Status,
    Text,
)

Marker = Attribute | Document | Element | Header | HeaderMap | Label | Payload | Query | RawDocument | Status | Text
MARKERS: Final = get_args(Marker)


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final[Any] = _Absent()
"""Stands where no value is, since None is one."""


class Kind(NamedTuple):
    """The type of a value, without `| None`."""

    type: Any
    """`str`, `int`, `bool`, `datetime`, `Micros`, `ETag`, `bytes`, `dict`, or a shape. Of the items, if `is_many`."""
    is_many: bool = False
    choices: tuple[str, ...] = ()
    """What a `Literal` allows."""

    @property
    def is_shape(self) -> bool:
        """Whether it has fields of its own."""
        return isinstance(self.type, type) and (dataclasses.is_dataclass(self.type) or hasattr(self.type, "_fields"))


class Field(NamedTuple):
    """One field, at its position in the constructor."""

    position: int
    name: str
    marker: Marker
    kind: Kind
    default: Any
    """ABSENT when the value must come over the wire."""
    factory: Callable[[], Any] | None
    is_nullable: bool


def fields_of(shape: type) -> tuple[Field, ...]:
    """Take a frozen dataclass or a NamedTuple apart. Every field must carry exactly one marker."""
    hints = get_type_hints(shape, include_extras=True)
    found = []
    for position, (name, default, factory) in enumerate(_constructor(shape)):
        markers = [each for each in getattr(hints[name], "__metadata__", ()) if isinstance(each, MARKERS)]
        assert len(markers) == 1, f"{shape.__qualname__}.{name} must say how it travels, once"
        kind, is_nullable = _kind(hints[name])
        found.append(Field(position, name, markers[0], kind, default, factory, is_nullable))
    return tuple(found)


def _constructor(shape: type) -> list[tuple[str, Any, Callable[[], Any] | None]]:
    if not dataclasses.is_dataclass(shape):
        assert issubclass(shape, tuple), f"{shape.__qualname__} is neither a dataclass nor a NamedTuple"
        defaults: dict[str, Any] = getattr(shape, "_field_defaults", {})
        return [(name, defaults.get(name, ABSENT), None) for name in getattr(shape, "_fields", ())]
    return [
        (
            field.name,
            ABSENT if field.default is dataclasses.MISSING else field.default,
            None if field.default_factory is dataclasses.MISSING else field.default_factory,
        )
        for field in dataclasses.fields(shape)
        if field.init
    ]


def _kind(hint: Any) -> tuple[Kind, bool]:
    origin = get_origin(hint)
    if origin is Annotated:
        return _kind(get_args(hint)[0])
    if origin in (Union, UnionType):
        others = [each for each in get_args(hint) if each is not NoneType]
        assert len(others) == 1, f"{hint} is more than one type"
        return _kind(others[0])[0], True
    if origin in (tuple, list):
        item, _ = _kind(get_args(hint)[0])
        return item._replace(is_many=True), False
    if origin is Literal:
        choices = get_args(hint)
        assert all(isinstance(each, str) for each in choices), f"{hint} is not all text"
        return Kind(str, choices=choices), False
    return Kind(origin or hint), False
