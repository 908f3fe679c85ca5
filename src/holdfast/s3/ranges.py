"""The `Range` header, and the stricter range of UploadPartCopy.

Source: RFC 9110 section 14; https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
"""

from __future__ import annotations

from typing import Final, NamedTuple

from holdfast.s3.codes import S3Error

_DIGITS_MAX: Final = 19  # enough for 2^63; a longer number is past the end of every object
_BEYOND: Final = 10**_DIGITS_MAX


class ByteRange(NamedTuple):
    """One range as it was asked for; it means nothing until it meets a size."""

    first: int | None
    """Offset of the first byte; None for a suffix."""
    last: int | None
    """Offset of the last byte, inclusive; None for "to the end". For a suffix, the number of bytes."""
    text: str
    """The header's value, to be quoted in a refusal."""


def parse_range(text: str) -> ByteRange | None:
    """Read `bytes=a-b`, `bytes=a-` or `bytes=-n`.

    None means that the header is to be ignored and the whole object sent: S3 does so with several ranges, other
    units and malformed text.
    """
    unit, equals, spec = text.partition("=")
    if not equals or unit.strip(" \t").lower() != "bytes":
        return None
    first_text, dash, last_text = (part.strip(" \t") for part in spec.partition("-"))
    if not dash:
        return None
    first = _number(first_text)
    last = _number(last_text)
    if (first is None and (first_text or last is None)) or (last is None and last_text):
        return None
    if first is not None and last is not None and last < first:
        return None
    return ByteRange(first, last, text)


def resolve(byte_range: ByteRange, size_bytes: int) -> tuple[int, int] | None:
    """Return the offsets of the first and the last byte that a range means in an object of that size.

    None = the whole object is sent: the last bytes of an empty one are all it has, which no Content-Range can say. AWS
    does so, and readers of footers count on it (arrow-rs-object-store#846, floci#1141).
    Raises S3Error InvalidRange (416) if there is none: past the end, `bytes=-0`, or the beginning of an empty object.
    """
    first, last, text = byte_range
    if first is None:
        assert last is not None
        if last and not size_bytes:
            return None
        first = max(size_bytes - last, 0)
        last = size_bytes - 1
    elif last is None or last >= size_bytes:
        last = size_bytes - 1
    if first >= size_bytes:
        raise S3Error(
            "InvalidRange",
            "The requested range is not satisfiable",
            details={"RangeRequested": text, "ActualObjectSize": str(size_bytes)},
            headers={"Content-Range": f"bytes */{size_bytes}"},
        )
    return first, last


def resolve_copy_range(text: str, size_bytes: int) -> tuple[int, int]:
    """Return the offsets of the first and the last byte of an `x-amz-copy-source-range`.

    It names both ends and is never clamped. Raises S3Error InvalidArgument.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPartCopy.html
    """
    byte_range = parse_range(text)
    if byte_range is None or byte_range.first is None or byte_range.last is None or not text.startswith("bytes="):
        raise _bad_copy_range(
            text,
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the "
            "zero-based offsets of the first and last bytes to copy",
        )
    if byte_range.last >= size_bytes:
        raise _bad_copy_range(text, f"Range specified is not valid for source object of size: {size_bytes}")
    return byte_range.first, byte_range.last


def _bad_copy_range(text: str, why: str) -> S3Error:
    details = {"ArgumentName": "x-amz-copy-source-range", "ArgumentValue": text}
    return S3Error("InvalidArgument", why, details=details)


def _number(text: str) -> int | None:
    if not (text.isascii() and text.isdigit()):
        return None
    digits = text.lstrip("0")
    return int(digits or "0") if len(digits) <= _DIGITS_MAX else _BEYOND
