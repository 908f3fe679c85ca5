"""The query string of a request target."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import unquote_to_bytes

from holdfast.s3.codes import S3Error

PARAMETER_COUNT_MAX: Final = 100
"""A presigned listing has about 15."""

_BAD_ESCAPE: Final = re.compile("%(?![0-9A-Fa-f]{2})")


def parse_query(raw_query: str) -> dict[str, str]:
    """Read a raw query (the wire's bytes as Latin-1) into its parameters; `name` and `name=` are the empty string.

    A `+` is a space, as S3 reads it: clients that mean a plus send `%2B`. Of a repeated parameter the first counts,
    for the router and the codec alike. Raises InvalidURI for a broken escape, for what is not UTF-8, and for too many.
    """
    if not raw_query:
        return {}
    pairs = raw_query.split("&", PARAMETER_COUNT_MAX)
    if len(pairs) > PARAMETER_COUNT_MAX:
        raise S3Error("InvalidURI", f"A request has at most {PARAMETER_COUNT_MAX} query parameters")
    query: dict[str, str] = {}
    for pair in pairs:
        if pair:
            name, _, value = pair.partition("=")
            query.setdefault(_decode(name), _decode(value))
    return query


def _decode(text: str) -> str:
    if text.isascii() and "%" not in text and "+" not in text:
        return text
    if _BAD_ESCAPE.search(text):
        raise S3Error("InvalidURI", "Couldn't parse the specified URI: a % in the query needs two hex digits after it")
    try:
        return unquote_to_bytes(text.replace("+", " ").encode("latin-1")).decode("utf-8")
    except UnicodeError:
        raise S3Error("InvalidURI", "Couldn't parse the specified URI: the query is not UTF-8") from None
