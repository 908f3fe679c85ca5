"""Tags of objects and buckets: the Tagging document and the `x-amz-tagging` header.

A set of tags is a tuple of (key, value) in order of their keys, so that equal sets are equal values.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectTagging.html
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final, TypeAlias
from urllib.parse import quote, unquote_to_bytes

from holdfast.s3 import xml
from holdfast.s3.codes import S3Error

Tags: TypeAlias = tuple[tuple[str, str], ...]

OBJECT_TAG_COUNT_MAX: Final = 10
BUCKET_TAG_COUNT_MAX: Final = 50
KEY_CHARACTERS_MAX: Final = 128
VALUE_CHARACTERS_MAX: Final = 256
RESERVED_PREFIX: Final = "aws:"

_PUNCTUATION: Final = frozenset("_.:/=+-@")


def parse_object_tags(body: bytes) -> Tags:
    """Read the body of PutObjectTagging. Raises MalformedXML, InvalidTag, or BadRequest for too many."""
    return check(_tags_in(body), OBJECT_TAG_COUNT_MAX, "Object")


def parse_bucket_tags(body: bytes) -> Tags:
    """Read the body of PutBucketTagging. Raises MalformedXML, InvalidTag, or BadRequest for too many."""
    return check(_tags_in(body), BUCKET_TAG_COUNT_MAX, "Bucket")


def parse_header(value: str) -> Tags:
    """Read an `x-amz-tagging` header, tags of an object as a URL query: `k=v&k2=v2`; a key alone has an empty value.

    Raises InvalidArgument for what is no such query or names a key twice, else as parse_object_tags.
    """
    pairs: list[tuple[str, str]] = []
    for field in value.split("&"):
        if not field:
            continue
        key, _, text = field.partition("=")
        if "=" in text:
            raise _invalid_header(value)
        pairs.append((_decode(key, value), _decode(text, value)))
    if len({key for key, _ in pairs}) != len(pairs):
        raise _invalid_header(value)
    return check(pairs, OBJECT_TAG_COUNT_MAX, "Object")


def write(tags: Tags) -> bytes:
    """The answer of GetObjectTagging and GetBucketTagging."""
    rows = [f"<Tag>{xml.element('Key', key)}{xml.element('Value', value)}</Tag>" for key, value in tags]
    return xml.document("Tagging", ("<TagSet>", *rows, "</TagSet>"))


def write_header(tags: Tags) -> str:
    """The inverse of parse_header."""
    return "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in tags)


def check(pairs: Iterable[tuple[str, str]], count_max: int, what: str) -> Tags:
    """The tags in order of their keys, or the error that S3 has for them. `what` is Object or Bucket."""
    tags = sorted(pairs)
    if len(tags) > count_max:
        raise S3Error("BadRequest", f"{what} tags cannot be greater than {count_max}")
    previous = None
    for key, value in tags:
        if not key or len(key) > KEY_CHARACTERS_MAX or not _is_plain(key):
            raise S3Error("InvalidTag", "The TagKey you have provided is invalid", details={"TagKey": key})
        if len(value) > VALUE_CHARACTERS_MAX or not _is_plain(value):
            raise S3Error("InvalidTag", "The TagValue you have provided is invalid", details={"TagKey": key})
        if key.lower().startswith(RESERVED_PREFIX):
            raise S3Error("InvalidTag", "System tags cannot be added/updated by requester", details={"TagKey": key})
        if key == previous:
            raise S3Error("InvalidTag", "Cannot provide multiple Tags with the same key", details={"TagKey": key})
        previous = key
    return tuple(tags)


def _is_plain(text: str) -> bool:
    """Letters, digits and spaces of any script, and a little punctuation."""
    return all(
        (character.isascii() and character.isalnum())
        or character in _PUNCTUATION
        or unicodedata.category(character)[0] in "LNZ"
        for character in text
    )


def _tags_in(body: bytes) -> list[tuple[str, str]]:
    root = xml.parse_root(body, "Tagging")
    tag_set = xml.child(root, "TagSet")
    if tag_set is None:
        raise xml.malformed()
    return [(xml.required_text(tag, "Key"), xml.required_text(tag, "Value")) for tag in xml.children(tag_set, "Tag")]


def _decode(text: str, header: str) -> str:
    try:
        # The header's own characters were read as Latin-1 from the wire; those of a query are UTF-8, escaped or not.
        return unquote_to_bytes(text.replace("+", " ").encode("latin-1")).decode()
    except UnicodeError as error:
        raise _invalid_header(header) from error


def _invalid_header(value: str) -> S3Error:
    return S3Error(
        "InvalidArgument",
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name"
        " duplicates.",
        details={"ArgumentName": "x-amz-tagging", "ArgumentValue": value},
    )
