"""Reading requests into shapes.

The work follows what the client sent, not what the shape could hold: a PutObject knows forty headers and gets eight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from holdfast.s3.codec.documents import compile_document, default_of
from holdfast.s3.codec.fields import ABSENT, Field, fields_of
from holdfast.s3.codec.spelling import Reader, reader_of, splits_headers
from holdfast.s3.codec.twins import constructor_of
from holdfast.s3.codes import S3Error
from holdfast.s3.head import Head
from holdfast.s3.shapes import Document, Header, HeaderMap, Label, Query, RawDocument

T = TypeVar("T")
RequestReader = Callable[[Head, str, str, Mapping[str, str], bytes], T]

ARGUMENT_CHARS_MAX: Final = 1024
"""How much of a bad value is told back."""

CONDITION_DATES: Final = frozenset(
    {
        "if-modified-since",
        "if-unmodified-since",
        "x-amz-copy-source-if-modified-since",
        "x-amz-copy-source-if-unmodified-since",
    }
)
"""A malformed date here is as if it had not been sent (RFC 9110, sections 13.1.3 and 13.1.4)."""


def invalid_argument(name: str, value: str, why: str) -> S3Error:
    """The refusal of one header or query parameter, with the facts that AWS gives."""
    details = {"ArgumentName": name, "ArgumentValue": value[:ARGUMENT_CHARS_MAX]}
    return S3Error("InvalidArgument", f"Argument {name} {why}", details=details)


def compile_request(shape: type[T]) -> RequestReader[T]:
    """Return a reader `(head, bucket, key, query, body) -> shape`.

    `query` is what `target.parse_query` gave. An empty value of an optional field that is not text counts as absent.
    Raises InvalidArgument for a bad value, InvalidRequest for a missing one, MalformedXML for the document.
    """
    fields = fields_of(shape)
    construct = constructor_of(shape)
    defaults = [default_of(field) for field in fields]
    factories = [(field.position, field.factory) for field in fields if field.factory]
    headers = {_header_name(field): (field.position, _value_reader(field)) for field in _of(fields, Header)}
    queries = {field.marker.name: (field.position, _value_reader(field)) for field in _of(fields, Query)}
    maps = [(field.marker.prefix.lower(), field.position) for field in _of(fields, HeaderMap)]
    prefixes = tuple(prefix for prefix, _ in maps)
    buckets = [field.position for field in _of(fields, Label) if field.marker.name == "Bucket"]
    keys = [field.position for field in _of(fields, Label) if field.marker.name == "Key"]
    bodies = [(field.position, _body_reader(field)) for field in _of(fields, Document) + _of(fields, RawDocument)]
    required = [field for field in _of(fields, Header) + _of(fields, Query) if default_of(field) is ABSENT]
    markers = (Header, Query, HeaderMap, Label, Document, RawDocument)
    assert all(isinstance(field.marker, markers) for field in fields), f"{shape.__qualname__} is not all of a request"
    assert len(headers) == len(_of(fields, Header)), f"{shape.__qualname__} reads a header twice"
    assert len(queries) == len(_of(fields, Query)), f"{shape.__qualname__} reads a query parameter twice"

    def read(head: Head, bucket: str, key: str, query: Mapping[str, str], body: bytes) -> T:
        values = defaults.copy()
        for position, factory in factories:
            values[position] = factory()
        for _, position in maps:
            values[position] = {}
        for position in buckets:
            values[position] = bucket
        for position in keys:
            values[position] = key
        for name, text in head.headers.items():
            # Much of what comes in a header is stored and goes out in one: refused now, it fails no GET later.
            if not text.isprintable() and splits_headers(text):
                raise invalid_argument(name, text, "must not hold line breaks or NUL")
            if name in headers:
                position, convert = headers[name]
                values[position] = text if convert is None else convert(text)
            elif name.startswith(prefixes):
                for prefix, position in maps:
                    if name.startswith(prefix):
                        values[position][name[len(prefix) :]] = text
        if query:
            for name, text in query.items():
                if name in queries:
                    position, convert = queries[name]
                    values[position] = text if convert is None else convert(text)
        for position, read_body in bodies:
            values[position] = read_body(body)
        for field in required:
            if values[field.position] is ABSENT:
                raise _missing(field)
        return construct(*values)

    return read


def _of(fields: tuple[Field, ...], marker: type) -> list[Any]:
    return [field for field in fields if isinstance(field.marker, marker)]


def _header_name(field: Field) -> str:
    assert isinstance(field.marker, Header)
    return field.marker.name.lower()


def _missing(field: Field) -> S3Error:
    assert isinstance(field.marker, Header | Query)
    where = "header" if isinstance(field.marker, Header) else "query parameter"
    return S3Error("InvalidRequest", f"Missing required {where} for this request: {field.marker.name}")


def _value_reader(field: Field) -> Reader | None:
    marker = field.marker
    assert isinstance(marker, Header | Query)
    name = marker.name
    if isinstance(marker, Query) and name.startswith("response-"):
        return lambda text: _checked_override(name, text)
    convert = reader_of(field.kind)
    if convert is None:
        return None
    read = convert
    default = default_of(field)
    is_ignored_when_malformed = name.lower() in CONDITION_DATES

    def read_value(text: str) -> Any:
        if not text and default is not ABSENT:
            return default
        try:
            return read(text)
        except ValueError as error:
            if is_ignored_when_malformed:
                return default
            raise invalid_argument(name, text, str(error)) from None

    return read_value


def _checked_override(name: str, text: str) -> str:
    # The only query parameters that become headers of an answer. The second sentence is AWS's own.
    if splits_headers(text):
        raise invalid_argument(name, text, "must not hold line breaks or NUL")
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        details = {"ArgumentName": name, "ArgumentValue": text[:ARGUMENT_CHARS_MAX]}
        message = "Header value cannot be represented using ISO-8859-1."
        raise S3Error("InvalidArgument", message, details=details) from None
    return text


def _body_reader(field: Field) -> Callable[[bytes], Any]:
    if isinstance(field.marker, RawDocument):
        return bytes
    assert isinstance(field.marker, Document)
    read = compile_document(field.kind.type, field.marker.root)
    default = default_of(field)
    if default is ABSENT:
        return read
    return lambda body: read(body) if body else default
