"""The canonical form of a request and the key that signs it, for whoever signs and whoever verifies.

The path is taken as it came over the wire: the client encoded it once, and nothing is re-encoded or resolved.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
"""

from __future__ import annotations

import hmac
from functools import lru_cache
from hashlib import sha256
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from holdfast.s3.claims import ALGORITHM, UNSIGNED_PAYLOAD, Claim
from holdfast.s3.head import Head

_UNRESERVED: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"


def derive_signing_key(secret: str, date: str, region: str, service: str = "s3") -> bytes:
    """Derive the key that signs all requests of one day, region and service."""
    key = hmac.digest(b"AWS4" + secret.encode(), date.encode("latin-1"), "sha256")
    for step in (region, service, "aws4_request"):
        key = hmac.digest(key, step.encode("latin-1"), "sha256")
    return key


def canonical_request(claim: Claim, head: Head, host: str, path: str, query: str, payload: str) -> bytes:
    """Return the bytes whose hash is signed. `query` is canonical already; a signed header that is absent is empty."""
    get = head.headers.get
    lines = [head.method, path, query]
    for name in claim.signed_headers:
        value = host if name == "host" else get(name, "")
        if "  " in value or "\t" in value:
            value = _collapse(value)
        lines.append(f"{name}:{value}")
    lines.append("")
    lines.append(";".join(claim.signed_headers))
    lines.append(payload)
    return "\n".join(lines).encode("latin-1")


def _collapse(value: str) -> str:
    """Make one space of every run. Not by `str.split()`: bytes that Latin-1 calls white space are text in UTF-8."""
    value = value.replace("\t", " ")
    while "  " in value:
        value = value.replace("  ", " ")
    return value


def canonical_query(raw_query: str) -> str:
    """Decode and re-encode a query once, sort it by name and then value, and leave the signature itself out."""
    if not raw_query:
        return ""
    pairs = []
    for pair in raw_query.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        if name == "X-Amz-Signature":
            continue
        if name.rstrip(_UNRESERVED):
            name = _reencode(name)
        if value.rstrip(_UNRESERVED):
            value = _reencode(value)
        pairs.append((name, value))
    if len(pairs) > 1:
        pairs.sort()
    return "&".join([f"{name}={value}" for name, value in pairs])


def _reencode(text: str) -> str:
    # Delimiters and prefixes come again and again; the length is bounded so that the cache is.
    return _reencode_short(text) if len(text) <= 128 else _reencode_any(text)


def _reencode_any(text: str) -> str:
    # A plus is a space, as S3 and every reader of HTML forms take it; a client that means a plus sends %2B.
    return quote(unquote_to_bytes(text.replace("+", " ").encode("latin-1")), safe="")


_reencode_short: Final = lru_cache(maxsize=1024)(_reencode_any)


def other_spellings(claim: Claim, head: Head) -> list[tuple[str, str]]:
    """Return other (path, payload) that a client may have signed for this very request; each means the same.

    Some clients sign a path's normal form and send another spelling of it, such as `(` for `%28`. The normal form
    is made for each segment, so that `%2F` never turns into a separator: a request has one meaning for each of them.
    A presigner may sign `UNSIGNED-PAYLOAD` beside a hash in `x-amz-content-sha256`: that hash is verified anyway.
    """
    paths = [head.raw_path]
    normal = "/".join(
        [quote(unquote_to_bytes(segment.encode("latin-1")), safe="") for segment in head.raw_path.split("/")]
    )
    if normal != head.raw_path:
        paths.append(normal)
    payloads = [claim.payload]
    if claim.form == "query" and claim.payload != UNSIGNED_PAYLOAD:
        payloads.append(UNSIGNED_PAYLOAD)
    return [(path, payload) for path in paths for payload in payloads][1:]


def string_to_sign(claim: Claim, canonical: bytes) -> str:
    """Return the text that the signing key signs."""
    return f"{ALGORITHM}\n{claim.timestamp}\n{claim.scope}\n{sha256(canonical).hexdigest()}"
