"""How single values are spelt, in both directions: numbers, truth, dates, tags, and text that has to fit a header."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from holdfast.s3 import dates
from holdfast.s3.codec.fields import Kind
from holdfast.s3.shapes import ETag, Micros

INTEGER_MAX: Final = 2**63 - 1
"""What every engine can keep. Nothing that S3 counts comes near it."""
INTEGER_DIGITS_MAX: Final = 19
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SPLITS_HEADERS: Final = re.compile("[\r\n\0]")

Reader = Callable[[str], Any]
Writer = Callable[[Any], str]


def reader_of(kind: Kind) -> Reader | None:
    """Return what turns text into a value, or None where the text is the value.

    The reader raises ValueError whose text completes the sentence "Argument max-keys …".
    """
    one = _item_reader(kind)
    if not kind.is_many:
        return one
    read = one or str

    def read_list(text: str) -> tuple[Any, ...]:
        return tuple(read(item.strip()) for item in text.split(",") if item.strip())

    return read_list


def _item_reader(kind: Kind) -> Reader | None:
    if kind.choices:
        return _choice_reader(kind.choices)
    if kind.type is str:
        return None
    readers: dict[Any, Reader] = {
        int: read_integer,
        bool: read_truth,
        Micros: read_micros,
        datetime: read_moment,
        ETag: read_etag,
    }
    assert kind.type in readers, f"{kind.type} has no spelling as text"
    return readers[kind.type]


def _choice_reader(choices: tuple[str, ...]) -> Reader:
    def read_choice(text: str) -> str:
        if text not in choices:
            raise ValueError(f"must be {choices[0] if len(choices) == 1 else 'one of ' + ', '.join(choices)}")
        return text

    return read_choice


def read_integer(text: str) -> int:
    """Read a count or a position, without a sign. The length is limited before the conversion, which is quadratic."""
    digits = text.strip()
    if len(digits) <= INTEGER_DIGITS_MAX and digits.isascii() and digits.isdigit():
        value = int(digits)
        if value <= INTEGER_MAX:
            return value
    raise ValueError(f"must be an integer between 0 and {INTEGER_MAX}")


def read_truth(text: str) -> bool:
    """Read `true` or `false` in any case: the SDKs differ."""
    word = text.strip().lower()
    if word == "true":
        return True
    if word == "false":
        return False
    raise ValueError("must be true or false")


def read_moment(text: str) -> datetime:
    """Read an HTTP date or an ISO 8601 one, as UTC."""
    moment = dates.parse_iso_date(text.strip()) or dates.parse_http_date(text.strip())
    if moment is None:
        raise ValueError("must be a date like 2026-11-23T01:02:03Z or Mon, 23 Nov 2026 01:02:03 GMT")
    return moment


def read_micros(text: str) -> int:
    """Read a date as microseconds of the Unix epoch."""
    return (read_moment(text) - _EPOCH) // timedelta(microseconds=1)


def read_etag(text: str) -> str:
    """Read an entity tag, with or without its quotes: clients send both."""
    tag = text.strip()
    return tag[1:-1] if len(tag) >= 2 and tag[0] == tag[-1] == '"' else tag


def header_writer_of(kind: Kind, name: str) -> Writer:
    """Return what writes a value as the value of the header `name`."""
    if kind.is_many:
        one = header_writer_of(kind._replace(is_many=False), name)
        return lambda values: ",".join(map(one, values))
    if kind.type in (Micros, datetime) and name.lower() in ISO_HEADERS:
        return element_writer_of(kind)
    writers: dict[Any, Writer] = {
        str: header_text,
        int: str,
        bool: _write_truth,
        Micros: lambda micros: dates.http_date(micros // 1_000_000),
        datetime: lambda moment: dates.http_date(int(moment.timestamp())),
        ETag: lambda tag: header_text(f'"{tag}"'),
    }
    assert kind.type in writers, f"{kind.type} has no spelling as a header"
    return writers[kind.type]


ISO_HEADERS: Final = frozenset({"x-amz-object-lock-retain-until-date"})
"""Dates that S3 spells in ISO 8601 in a header too."""


def element_writer_of(kind: Kind) -> Writer:
    """Return what writes a value as XML text, except `str`, which is escaped by its caller."""
    writers: dict[Any, Writer] = {
        int: str,
        bool: _write_truth,
        Micros: lambda micros: dates.iso_date(micros // 1_000_000),
        datetime: lambda moment: dates.iso_date(int(moment.timestamp())),
    }
    assert kind.type in writers, f"{kind.type} has no spelling as an element"
    return writers[kind.type]


def _write_truth(value: Any) -> str:
    return "true" if value else "false"


def splits_headers(text: str) -> bool:
    """Whether this text would end the header that it is written into."""
    return _SPLITS_HEADERS.search(text) is not None


def header_text(text: str) -> str:
    """Return text as it may stand in a header: Latin-1, or an RFC 2047 encoded word, as S3 answers such metadata.

    What came in a header is Latin-1 and goes back byte for byte. Everything else was checked where it came in.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
    """
    if text.isascii() and text.isprintable():
        return text
    if splits_headers(text):
        # Not an assert: nothing may switch off the last guard against response splitting.
        raise AssertionError(f"header value {text!r} has a line break and was not refused where it came in")
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return f"=?UTF-8?B?{b64encode(text.encode('utf-8', 'replace')).decode('ascii')}?="
    return text
