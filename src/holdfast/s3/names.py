"""Names of buckets, tenancies and keys, and where they stand in a request's path and in a copy's source.

A key is any UTF-8 text of 1 to 1,024 bytes without NUL. It is compared by its bytes, and never becomes a path in a file
system: `..`, `//` and other normal forms of Unicode are ordinary text.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html,
https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from holdfast.s3.codes import S3Error

KEY_LENGTH_MAX_BYTES: Final = 1024  # S3 user guide, "object keys"
NAME_LENGTH_MIN: Final = 3  # characters; S3 user guide, "bucket naming rules"
NAME_LENGTH_MAX: Final = 63  # characters; the same, and the length of a DNS label (RFC 1035)
RESERVED_NAMES: Final = frozenset(("_admin", ".TOKEN"))
"""First segments of a path that belong to the seed system's own pages; no bucket can have such a name."""

_LABEL: Final = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_BUCKET: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", re.ASCII)
_BUCKET_CHARACTERS: Final = re.compile("[a-z0-9.-]+", re.ASCII)
_TENANCY: Final = re.compile(_LABEL, re.ASCII)
_IP_ADDRESS: Final = re.compile(r"\d+\.\d+\.\d+\.\d+", re.ASCII)
_BAD_ESCAPE: Final = re.compile("%(?![0-9A-Fa-f]{2})")
_BUCKET_PREFIXES: Final = ("xn--", "sthree-", "amzn-s3-demo-")
_BUCKET_SUFFIXES: Final = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


class CopySource(NamedTuple):
    """What `x-amz-copy-source` names."""

    bucket: str
    key: str
    version_id: str | None


def find_bucket_name_fault(name: str) -> str | None:
    """Say in a sentence what is wrong with the name of a bucket that is to be made; None if nothing is.

    Labels that begin or end with a hyphen are refused as well, for they can't be part of a hostname.
    """
    if not NAME_LENGTH_MIN <= len(name) <= NAME_LENGTH_MAX:
        return f"A bucket's name has {NAME_LENGTH_MIN} to {NAME_LENGTH_MAX} characters; this one has {len(name)}."
    if _BUCKET_CHARACTERS.fullmatch(name) is None:
        return "A bucket's name is made of lower-case letters, digits, hyphens and dots: no capitals, spaces or others."
    if _BUCKET.fullmatch(name) is None:
        return "A bucket's name begins and ends with a letter or a digit, and so does each part between dots."
    if _IP_ADDRESS.fullmatch(name) is not None:
        return "A bucket's name must not look like an IP address."
    for prefix in _BUCKET_PREFIXES:
        if name.startswith(prefix):
            return f"Names that begin with {prefix} are reserved by S3."
    for suffix in _BUCKET_SUFFIXES:
        if name.endswith(suffix):
            return f"Names that end with {suffix} are reserved by S3."
    return None


def is_bucket_name(name: str) -> bool:
    """Whether a bucket may be made with this name."""
    return find_bucket_name_fault(name) is None


def check_bucket_name(name: str) -> None:
    """Raise S3Error InvalidBucketName if no bucket may be made with this name."""
    if not is_bucket_name(name):
        raise S3Error("InvalidBucketName", "The specified bucket is not valid.", details={"BucketName": name})


def find_tenancy_name_fault(name: str) -> str | None:
    """Say in a sentence what is wrong with a tenancy's name, which is a label of its hostnames; None if nothing is."""
    if not NAME_LENGTH_MIN <= len(name) <= NAME_LENGTH_MAX:
        return f"A tenancy's name has {NAME_LENGTH_MIN} to {NAME_LENGTH_MAX} characters; this one has {len(name)}."
    if _TENANCY.fullmatch(name) is None:
        return "A tenancy's name is made of lower-case letters, digits and hyphens, with no hyphen at either end."
    if name[2:4] == "--":
        # RFC 5891: such labels are for encoded names, and look like something else to a reader.
        return "A tenancy's name has no two hyphens in third and fourth place."
    return None


def is_tenancy_name(name: str) -> bool:
    """Whether a tenancy may have this name."""
    return find_tenancy_name_fault(name) is None


def check_key(key: str) -> None:
    """Raise S3Error if a key, from wherever it comes, is no key: KeyTooLongError, InvalidArgument, InvalidURI."""
    # Characters have at most four bytes each, so short keys need no encoding to be known as short.
    if not key:
        raise S3Error("InvalidArgument", "An object's key has at least one character.")
    if "\0" in key:
        raise S3Error("InvalidArgument", "An object's key holds no NUL character.")
    if key.isascii():
        length_bytes = len(key)
    else:
        try:
            length_bytes = len(key.encode())
        except UnicodeEncodeError:
            raise _bad_uri() from None
    if length_bytes > KEY_LENGTH_MAX_BYTES:
        raise S3Error(
            "KeyTooLongError",
            "Your key is too long",
            details={"Size": str(length_bytes), "MaxSizeAllowed": str(KEY_LENGTH_MAX_BYTES)},
        )


def decode_key(raw_key: str) -> str:
    """Decode a key from its place in a path, once; an empty one stays empty (there is no key).

    Raises S3Error: InvalidURI for a broken escape or invalid UTF-8, and what `check_key` raises.
    """
    if not raw_key:
        return ""
    key = _decode(raw_key)
    check_key(key)
    return key


def split_path(raw_path: str) -> tuple[str, str]:
    """Return the bucket and the key that a path-style path names, decoded once; either may be empty.

    The bucket ends at the first slash that isn't encoded. Its name is not checked: what was never made isn't there.
    Raises what `decode_key` raises.
    """
    bucket, _, raw_key = raw_path.removeprefix("/").partition("/")
    if "%" in bucket or not bucket.isascii():
        bucket = _decode(bucket)
        if "\0" in bucket:
            raise _bad_uri()
    return bucket, decode_key(raw_key)


def parse_copy_source(text: str) -> CopySource:
    """Read `x-amz-copy-source`: `[/]bucket/key[?versionId=id]`, percent-encoded as a whole or in parts.

    It is decoded once; a `?` that belongs to the key is encoded, and the slash after the bucket may be.
    Raises S3Error: InvalidArgument, NotImplemented for access points, and what `decode_key` raises.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
    """
    raw_path, question, query = text.partition("?")
    path = _decode(raw_path).removeprefix("/")
    if path.startswith("arn:"):
        raise S3Error("NotImplemented", "Copying from an access point is not implemented. Name a bucket and a key.")
    bucket, _, key = path.partition("/")
    if not bucket or not key:
        raise _bad_source(text, "Copy Source must mention the source bucket and key: sourcebucket/sourcekey")
    check_key(key)
    if not question:
        return CopySource(bucket, key, None)
    name, _, raw_version_id = query.partition("=")
    if name != "versionId":
        raise _bad_source(text, "A question mark in the key of a copy source has to be encoded as %3F.")
    version_id = _decode(raw_version_id)
    if not version_id or "\0" in version_id:
        raise _bad_source(text, "Version id cannot be the empty string")
    return CopySource(bucket, key, version_id)


def _decode(raw: str) -> str:
    if "%" not in raw and raw.isascii():
        return raw
    if _BAD_ESCAPE.search(raw):
        raise _bad_uri()
    try:
        # Strict UTF-8 knows no surrogates and no overlong forms, so there is one spelling in bytes of each key.
        return unquote_to_bytes(raw.encode("latin-1")).decode()
    except UnicodeDecodeError:
        raise _bad_uri() from None


def _bad_uri() -> S3Error:
    return S3Error("InvalidURI", "Couldn't parse the specified URI. Its text is not percent-encoded UTF-8.")


def _bad_source(text: str, why: str) -> S3Error:
    return S3Error("InvalidArgument", why, details={"ArgumentName": "x-amz-copy-source", "ArgumentValue": text})
