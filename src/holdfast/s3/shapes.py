"""How a request or an answer is declared: frozen dataclasses whose `Annotated` fields say where each value travels.

    @dataclass(frozen=True, slots=True)
    class Request:
        bucket: Annotated[str, Label("Bucket")]
        key: Annotated[str, Label("Key")]
        range: Annotated[str | None, Header("Range")] = None

The order of the fields is the order on the wire. A field that may be None is left out when it is. The types say the
spelling: `int`, `bool` (`true`/`false`), `str`, `Micros` (an HTTP date in a header, ISO 8601 in an element), `ETag`
(quoted).
"""

from __future__ import annotations

from typing import Literal, NamedTuple, NewType

Micros = NewType("Micros", int)
"""A moment, in microseconds of the Unix epoch. Written to the second in headers, as `…000Z` in elements."""

ETag = NewType("ETag", str)
"""An entity tag without its quotes; they are added where it is written."""

XMLNS = "http://s3.amazonaws.com/doc/2006-03-01/"


class Label(NamedTuple):
    """A part of the path: `Bucket` or `Key`, percent-decoded."""

    name: Literal["Bucket", "Key"]


class Query(NamedTuple):
    """A query parameter. On a `str | None` field: absent is None, `?name` and `?name=` are the empty string."""

    name: str


class Header(NamedTuple):
    """One header field."""

    name: str


class HeaderMap(NamedTuple):
    """All header fields that begin with a prefix, as `dict[str, str]` from the rest of the name to the value."""

    prefix: str


class Element(NamedTuple):
    """A child element. On `tuple[X, ...]` it repeats; `wrapper` names an element around the repetition."""

    name: str
    wrapper: str = ""


class Attribute(NamedTuple):
    """An attribute of the element that the enclosing shape is written as."""

    name: str


class Text(NamedTuple):
    """The text of the element itself (`<LocationConstraint>…</LocationConstraint>`)."""


class Document(NamedTuple):
    """The request's body: an XML document read into the field's shape, whose root must be `root`."""

    root: str


class RawDocument(NamedTuple):
    """The body as it came, in `bytes`: a policy, or a document with a reader of its own."""


class Status(NamedTuple):
    """The HTTP status of an answer. Without such a field it is 200, or 204 for an answer that says so (`status:
    ClassVar`).
    """


class Payload(NamedTuple):
    """The object's bytes: a run of slices that the edge streams after the head. Not part of any document."""


class Route(NamedTuple):
    """Where an operation is found: method, level, and the query parameters and headers that set it apart."""

    method: Literal["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"]
    level: Literal["service", "bucket", "key"]
    query: tuple[str, ...] = ()
    """Parameters that must be there. `name=value` demands a value: `list-type=2`."""
    headers: tuple[str, ...] = ()
    """Lower-case names of headers that must be there: `x-amz-copy-source`."""
