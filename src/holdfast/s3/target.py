"""The query string of a request target."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from holdfast.s3.codes import S3Error

PARAMETER_COUNT_MAX: Final = 100
"""A presigned listing has about 15."""

SIGNATURE: Final = "X-Amz-Signature"
"""The parameter that makes a URL a presigned one."""

_SIGNATURE_PARAMETERS: Final = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-content-sha256",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
    }
)
_SPLITS_HEADERS: Final = re.compile("[\r\n\0]")
_BAD_ESCAPE: Final = re.compile("%(?![0-9A-Fa-f]{2})")


def parse_query(raw_query: str) -> dict[str, str]:
    """Read a raw query (the wire's bytes as Latin-1) into its parameters; `name` and `name=` are the empty string.

    A `+` is a space, as S3 reads it: clients that mean a plus send `%2B`. Of a repeated parameter the least value
    counts, for the router and the codec alike: a signature covers all of them but not their order, so that whoever
    holds a presigned URL could else choose. Raises InvalidURI for a broken escape, for what is not UTF-8, and for too
    many.
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
            name, value = _decode(name), _decode(value)
            query[name] = min(query[name], value) if name in query else value
    return query


def hoisted_headers(query: Mapping[str, str]) -> dict[str, str]:
    """Return the `x-amz-…` headers that a presigned URL carries as parameters, by lower-case name, as wire text.

    Some SDKs (JavaScript, Java, Go) move metadata, tags and checksums there, and S3 reads them as headers. Merge them
    below the real headers before anything is decided, so that router, policy conditions and codec see one request.
    Raises InvalidArgument for a line break or NUL.
    """
    hoisted: dict[str, str] = {}
    for name, text in query.items():
        lower = name.lower()
        if lower.startswith("x-amz-") and lower not in _SIGNATURE_PARAMETERS:
            if _SPLITS_HEADERS.search(name + text):
                details = {"ArgumentName": name, "ArgumentValue": text}
                raise S3Error("InvalidArgument", f"Argument {name} must not hold line breaks or NUL", details=details)
            hoisted.setdefault(lower, text.encode().decode("latin-1"))
    return hoisted


def _decode(text: str) -> str:
    if text.isascii() and "%" not in text and "+" not in text:
        return text
    if _BAD_ESCAPE.search(text):
        raise S3Error("InvalidURI", "Couldn't parse the specified URI: a % in the query needs two hex digits after it")
    try:
        return unquote_to_bytes(text.replace("+", " ").encode("latin-1")).decode("utf-8")
    except UnicodeError:
        raise S3Error("InvalidURI", "Couldn't parse the specified URI: the query is not UTF-8") from None
