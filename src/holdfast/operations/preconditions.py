"""Conditions on reads and writes, put to the row they are about.

A condition on a write is asked twice: before the body, to spare it, and inside the commit, where it decides.
"""

from __future__ import annotations

from typing import Protocol

from holdfast.catalog.rows import ObjectRow
from holdfast.s3 import conditions, dates
from holdfast.s3.codes import S3Error
from holdfast.store.errors import NoSuchKey
from holdfast.store.versions import Condition

from .stored_headers import show


class ReadConditions(Protocol):
    """The four conditional headers of a read."""

    @property
    def if_match(self) -> str | None: ...
    @property
    def if_none_match(self) -> str | None: ...
    @property
    def if_modified_since(self) -> str | None: ...
    @property
    def if_unmodified_since(self) -> str | None: ...


def check_read(request: ReadConditions, row: ObjectRow) -> None:
    """Raise `NotModified` (304, with what a cache needs) or `PreconditionFailed` when a condition does not hold."""
    if (
        request.if_match is None
        and request.if_none_match is None
        and request.if_modified_since is None
        and request.if_unmodified_since is None
    ):
        return
    conditions.check_read(
        etag=row.etag,
        modified_s=row.sequence // 1_000_000,
        if_match=request.if_match,
        if_none_match=request.if_none_match,
        if_modified_since=request.if_modified_since,
        if_unmodified_since=request.if_unmodified_since,
        not_modified_headers={
            name.title(): value for name, value in show(row.metadata).items() if name in ("cache-control", "expires")
        },
    )


def check_put_headers(if_match: str | None, if_none_match: str | None, write_offset: int | None = None) -> None:
    """Refuse conditions that S3 does not define for writes, before anything else is asked."""
    if write_offset is not None:
        raise S3Error("NotImplemented", "Appending to an object is not supported. Put the object whole.")
    conditions.check_write_headers(if_match, if_none_match)


def write_condition(bucket: str, key: str, if_match: str | None, if_none_match: str | None) -> Condition:
    """Return the condition of a Put, Copy or Complete: If-None-Match: * wants no object, If-Match that very one."""

    def check(current: ObjectRow | None) -> None:
        if if_match is None and if_none_match is None:
            return
        if current is None and if_match is not None:
            raise NoSuchKey(bucket, key)
        conditions.check_write(None if current is None else current.etag, if_match, if_none_match)

    return check


def delete_condition(
    bucket: str, key: str, if_match: str | None, modified: str | None, size_bytes: int | None
) -> Condition:
    """Return the condition of a DeleteObject: the ETag, the time and the size that the version must have."""

    def check(current: ObjectRow | None) -> None:
        if current is None or (if_match is None and modified is None and size_bytes is None):
            return
        conditions.check_delete(current.etag, if_match)
        if modified is not None:
            wanted = dates.parse_http_date(modified) or dates.parse_iso_date(modified)
            if wanted is None or int(wanted.timestamp()) != current.sequence // 1_000_000:
                raise _failed("x-amz-if-match-last-modified-time")
        if size_bytes is not None and size_bytes != current.size_bytes:
            raise _failed("x-amz-if-match-size")

    return check


def _failed(header: str) -> S3Error:
    return S3Error(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        details={"Condition": header},
    )
