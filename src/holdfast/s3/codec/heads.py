"""Writing requests: the head that a client would have sent for a typed request, from which the codec reads it again.

For requests that never came over a wire but are judged as if they had: a policy's conditions ask for parameters and
headers, not for fields.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote

from holdfast.s3.codec.fields import Field, fields_of
from holdfast.s3.codec.spelling import Writer, header_writer_of
from holdfast.s3.head import Head
from holdfast.s3.shapes import ETag, Header, HeaderMap, Label, Query, Route

HeadWriter = Callable[[Any, Mapping[str, str]], Head]

_HEADER_SAFE: Final = {str: lambda text: text, ETag: lambda tag: tag}


def compile_head(route: Route, shape: type) -> HeadWriter:
    """Return a writer `(request, more_headers) -> Head` in path style.

    `more_headers` (lower-case names) are those that no field holds, such as `user-agent`; a field's value wins. What
    travels in the body is left out. Nothing is signed.
    """
    fields = fields_of(shape)
    labels = {field.marker.name: field.name for field in fields if isinstance(field.marker, Label)}
    parameters = [
        (field.name, field.marker.name, _writer(field)) for field in fields if isinstance(field.marker, Query)
    ]
    headers = [
        (field.name, field.marker.name.lower(), _writer(field)) for field in fields if isinstance(field.marker, Header)
    ]
    maps = [(field.name, field.marker.prefix.lower()) for field in fields if isinstance(field.marker, HeaderMap)]
    # One that is a field, too, is written with its value alone: of a repeated parameter the least counts.
    named = {name for _, name, _ in parameters}
    fixed = [name if "=" in name else f"{name}=" for name in route.query if name not in named]

    def write(request: Any, more_headers: Mapping[str, str]) -> Head:
        path = "/" + "/".join(
            quote(getattr(request, labels[name]), safe="/" if name == "Key" else "")
            for name in ("Bucket", "Key")
            if name in labels
        )
        query = list(fixed)
        for attribute, name, spell in parameters:
            value = getattr(request, attribute)
            if value is not None:
                query.append(f"{quote(name, safe='')}={quote(spell(value), safe='')}")
        sent = dict(more_headers)
        for attribute, name, spell in headers:
            value = getattr(request, attribute)
            if value is not None and value != ():
                sent[name] = spell(value)
        for attribute, prefix in maps:
            sent.update((prefix + name, text) for name, text in getattr(request, attribute).items())
        return Head(route.method, path, "&".join(query), sent)

    return write


def _writer(field: Field) -> Writer:
    marker = field.marker
    assert isinstance(marker, Header | Query)
    if not field.kind.is_many and field.kind.type in _HEADER_SAFE:
        return _HEADER_SAFE[field.kind.type]
    return header_writer_of(field.kind, marker.name)
