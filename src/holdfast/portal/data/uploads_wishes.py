"""What a page may ask to have signed: a fixed list of operations, each with fixed fields, read from its JSON.

    {"requests": [{"operation": "UploadPart", "key": "run1/a.nc", "upload_id": "…", "part_number": 3, "crc32": "…"}]}

A field that an operation does not have is refused, not dropped.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeVar

from holdfast.operations import (
    abort_multipart_upload,
    complete_multipart_upload,
    create_multipart_upload,
    get_object,
    head_object,
    list_multipart_uploads,
    list_parts,
    put_object,
    upload_part,
)
from holdfast.operations.operation import Operation
from holdfast.s3 import checksums, names

from .signing import attachment

COUNT_MAX: Final = 100
"""Requests that are signed at once."""
TEXT_LENGTH_MAX: Final = 1024
ALGORITHM: Final = "CRC32"
"""What pages compute: a browser does so at the speed of its disk, and the parts' make the object's."""
_NO_HEADERS: Final[Mapping[str, str]] = {}

T = TypeVar("T", bound="str | int | bool")


class BadWish(Exception):
    """What a page asked for is none of what is signed. The text says what is wrong with it."""


class Wish(NamedTuple):
    """One request that a page wants to send."""

    operation: Operation[Any, Any]
    request: Any
    headers: Mapping[str, str]
    """More headers of the request than the operation's record has fields for."""
    key: str
    """What it is about; empty for a list."""
    audit: str
    """What the act is called in the audit; empty for what is part of another act."""
    changes: bool
    """Whether the act, where it is recorded, changes anything."""


def read_json(body: bytes) -> Any:
    """Return what a page sent. Raises BadWish for what is no JSON, or is nested more deeply than anything we take."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadWish("the body is not JSON") from None


def read_wishes(body: bytes, bucket: str) -> list[Wish]:
    """Return what a page asks for, in its order. Raises BadWish, or S3Error for a key that can't be one."""
    document = read_json(body)
    if not isinstance(document, dict) or set(document) != {"requests"} or not isinstance(document["requests"], list):
        raise BadWish("the body is not {requests: [...]}")
    found = document["requests"]
    if not 1 <= len(found) <= COUNT_MAX:
        raise BadWish(f"between 1 and {COUNT_MAX} requests are signed at once")
    return [_read(each, bucket) for each in found]


@dataclass(slots=True)
class _Fields:
    """The fields of one request. Each is taken once; what is left over was not asked for."""

    left: dict[str, Any]

    def take(self, name: str, kind: type[T], default: T | None = None) -> T:
        """Return a field. Raises BadWish when it is absent without a default, or of another type."""
        value = self.left.pop(name, default)
        if value is None:
            raise BadWish(f"{name} is missing")
        if type(value) is not kind:
            raise BadWish(f"{name} is not of type {kind.__name__}")
        if isinstance(value, str):
            _check_text(name, value)
        return value

    def key(self) -> str:
        value = self.take("key", str)
        names.check_key(value)
        return value

    def crc32(self) -> dict[str, str]:
        """Return the header that makes S3 check the bytes."""
        value = self.take("crc32", str)
        if not value.isascii():
            raise BadWish("crc32 is not base64")
        checksums.check_value(ALGORITHM, value)
        return {checksums.HEADER_OF[ALGORITHM]: value}

    def content_type(self) -> str:
        value = self.take("content_type", str, "") or "application/octet-stream"
        if not (value.isascii() and value.isprintable()):
            raise BadWish("content_type is not the name of a type")
        return value

    def number(self, name: str, least: int, most: int, default: int | None = None) -> int:
        value = self.take(name, int, default)
        if not least <= value <= most:
            raise BadWish(f"{name} is out of bounds")
        return value

    def condition(self) -> str | None:
        """Return what makes S3 refuse to replace an object, if the page wants that."""
        return "*" if self.take("exclusive", bool, False) else None


def _check_text(name: str, value: str) -> None:
    if len(value) > TEXT_LENGTH_MAX:
        raise BadWish(f"{name} is too long")
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON can spell half a character
        raise BadWish(f"{name} is no text") from None


Reader = Callable[[_Fields, str], Wish]


def _read(found: Any, bucket: str) -> Wish:
    if not isinstance(found, dict):
        raise BadWish("a request is not an object")
    fields = _Fields(dict(found))
    name = fields.take("operation", str)
    reader = READERS.get(name)
    if reader is None:
        raise BadWish(f"{name[:40]!r} is not signed here: {', '.join(READERS)} are")
    wish = reader(fields, bucket)
    if fields.left:
        raise BadWish(f"{name} has no {', '.join(sorted(map(str, fields.left)))[:100]}")
    return wish


def _put_object(fields: _Fields, bucket: str) -> Wish:
    key = fields.key()
    request = put_object.Request(
        bucket=bucket,
        key=key,
        content_type=fields.content_type(),
        if_none_match=fields.condition(),
        grants={},
        metadata={},
        encryption={},
        object_lock={},
    )
    return Wish(put_object.operation, request, fields.crc32(), key, "object.upload", True)


def _create(fields: _Fields, bucket: str) -> Wish:
    key = fields.key()
    request = create_multipart_upload.Request(
        bucket=bucket,
        key=key,
        content_type=fields.content_type(),
        checksum_algorithm=ALGORITHM,
        checksum_type="FULL_OBJECT",
        grants={},
        metadata={},
        encryption={},
        object_lock={},
    )
    return Wish(create_multipart_upload.operation, request, _NO_HEADERS, key, "upload.begin", True)


def _upload_part(fields: _Fields, bucket: str) -> Wish:
    key = fields.key()
    request = upload_part.Request(
        bucket=bucket,
        key=key,
        upload_id=fields.take("upload_id", str),
        part_number=fields.number("part_number", 1, 10_000),
    )
    return Wish(upload_part.operation, request, fields.crc32(), key, "", True)


def _complete(fields: _Fields, bucket: str) -> Wish:
    key = fields.key()
    whole = fields.crc32() | {"x-amz-checksum-type": "FULL_OBJECT"}
    request = complete_multipart_upload.Request(
        bucket=bucket,
        key=key,
        upload_id=fields.take("upload_id", str),
        if_none_match=fields.condition(),
        object_size=fields.number("size", 0, 1 << 50),
        checksum={},
    )
    return Wish(complete_multipart_upload.operation, request, whole, key, "object.upload", True)


def _abort(fields: _Fields, bucket: str) -> Wish:
    key = fields.key()
    request = abort_multipart_upload.Request(bucket=bucket, key=key, upload_id=fields.take("upload_id", str))
    return Wish(abort_multipart_upload.operation, request, _NO_HEADERS, key, "upload.abort", True)


def _list_parts(fields: _Fields, bucket: str) -> Wish:
    key = fields.key()
    request = list_parts.Request(
        bucket=bucket,
        key=key,
        upload_id=fields.take("upload_id", str),
        part_number_marker=fields.number("part_number_marker", 0, 10_000, 0),
    )
    return Wish(list_parts.operation, request, _NO_HEADERS, key, "", False)


def _list_uploads(fields: _Fields, bucket: str) -> Wish:
    request = list_multipart_uploads.Request(
        bucket=bucket,
        prefix=fields.take("prefix", str, ""),
        key_marker=fields.take("key_marker", str, ""),
        upload_id_marker=fields.take("upload_id_marker", str, ""),
        # Keys may hold characters that no XML document can.
        encoding_type="url",
    )
    return Wish(list_multipart_uploads.operation, request, _NO_HEADERS, "", "", False)


def _get_object(fields: _Fields, bucket: str) -> Wish:
    key = fields.key()
    request = get_object.Request(bucket=bucket, key=key, response_content_disposition=attachment(key))
    return Wish(get_object.operation, request, _NO_HEADERS, key, "object.download", False)


def _head_object(fields: _Fields, bucket: str) -> Wish:
    key = fields.key()
    request = head_object.Request(bucket=bucket, key=key, checksum_mode="ENABLED")
    return Wish(head_object.operation, request, _NO_HEADERS, key, "", False)


READERS: Final[Mapping[str, Reader]] = {
    "PutObject": _put_object,
    "CreateMultipartUpload": _create,
    "UploadPart": _upload_part,
    "CompleteMultipartUpload": _complete,
    "AbortMultipartUpload": _abort,
    "ListParts": _list_parts,
    "ListMultipartUploads": _list_uploads,
    "GetObject": _get_object,
    "HeadObject": _head_object,
}
"""Every operation that is signed for a page. What is not here is not signed."""
