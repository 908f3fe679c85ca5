"""Tokens that continue a list, and names in the spelling that a list's `encoding-type` asks for."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error
from collections.abc import Callable
from urllib.parse import quote

from holdfast.s3.codes import S3Error

_TOKEN_MARK = b"h1"
PAGE_MAX = 1000  # S3 answers at most 1,000 entries in a page


def seal_token(mark: str) -> str:
    """Return an opaque token for the last entry of a page."""
    return urlsafe_b64encode(_TOKEN_MARK + mark.encode()).decode()


def open_token(token: str | None) -> str:
    """Return the entry that a token continues after; empty for no token.

    Raises `InvalidArgument` for a token that we never made.
    """
    if token is None:
        return ""
    try:
        plain = urlsafe_b64decode(token.encode("ascii"))
        if not plain.startswith(_TOKEN_MARK) or urlsafe_b64encode(plain).decode() != token:
            raise ValueError(token)
        return plain[len(_TOKEN_MARK) :].decode()
    except (ValueError, Base64Error):
        raise S3Error(
            "InvalidArgument",
            "The continuation token provided is incorrect",
            details={"ArgumentName": "continuation-token", "ArgumentValue": token[:1024]},
        ) from None


def choose_encoding(encoding_type: str | None) -> Callable[[str], str]:
    """Return how a list spells keys, prefixes and markers: as they are, or percent-encoded for `url`.

    A space is `%20` and a plus `%2B`, which every client decodes alike (botocore's `unquote_plus` turns a bare plus
    into a space).
    """
    if encoding_type is None:
        return _as_is
    if encoding_type != "url":
        raise S3Error(
            "InvalidArgument",
            "Invalid Encoding Method specified in Request. The only one there is: url.",
            details={"ArgumentName": "encoding-type", "ArgumentValue": encoding_type[:256]},
        )
    return _url


def page_size(asked: int | None) -> int:
    """Return how many entries a page may hold: what was asked, 1,000 at most."""
    return PAGE_MAX if asked is None else min(asked, PAGE_MAX)


def _as_is(text: str) -> str:
    return text


def _url(text: str) -> str:
    return quote(text, safe="/*-._")
