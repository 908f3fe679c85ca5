"""Preconditions of reads, writes, deletes and copies, decided from an ETag and a time alone.

Headers come as they were sent, None if absent. ETags of ours are given without quotes; times are whole seconds since
1970, for that is all that an HTTP date can say.

Sources: RFC 9110 section 13; https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import Enum, auto

from holdfast.s3.codes import S3Error
from holdfast.s3.dates import http_date, parse_http_date


class Outcome(Enum):
    """What the preconditions of a read say."""

    HOLD = auto()
    NOT_MODIFIED = auto()
    FAILED = auto()


def evaluate_read(
    etag: str,
    modified_s: int,
    *,
    if_match: str | None = None,
    if_none_match: str | None = None,
    if_modified_since: str | None = None,
    if_unmodified_since: str | None = None,
) -> tuple[Outcome, str]:
    """Decide a read of an object that exists, and name the header that decided (or an empty string).

    If-Match outweighs If-Unmodified-Since, and If-None-Match outweighs If-Modified-Since. A malformed date is ignored.
    """
    if if_match is not None:
        if not _names(if_match, etag, is_weak_enough=False):
            return Outcome.FAILED, "If-Match"
    elif (moment := _moment(if_unmodified_since)) is not None and modified_s > moment:
        return Outcome.FAILED, "If-Unmodified-Since"
    if if_none_match is not None:
        if _names(if_none_match, etag, is_weak_enough=True):
            return Outcome.NOT_MODIFIED, "If-None-Match"
    elif (moment := _moment(if_modified_since)) is not None and modified_s <= moment:
        return Outcome.NOT_MODIFIED, "If-Modified-Since"
    return Outcome.HOLD, ""


def check_read(
    *,
    etag: str,
    modified_s: int,
    if_match: str | None = None,
    if_none_match: str | None = None,
    if_modified_since: str | None = None,
    if_unmodified_since: str | None = None,
    not_modified_headers: Mapping[str, str] | None = None,
) -> None:
    """Raise S3Error NotModified (304) or PreconditionFailed (412) if a condition of a GET or HEAD doesn't hold.

    A 304 carries ETag and Last-Modified, and `not_modified_headers`: the object's Cache-Control and Expires.
    """
    outcome, header = evaluate_read(
        etag,
        modified_s,
        if_match=if_match,
        if_none_match=if_none_match,
        if_modified_since=if_modified_since,
        if_unmodified_since=if_unmodified_since,
    )
    if outcome is Outcome.FAILED:
        raise _failed(header)
    if outcome is Outcome.NOT_MODIFIED:
        headers = {"ETag": f'"{etag}"', "Last-Modified": http_date(modified_s), **(not_modified_headers or {})}
        raise S3Error("NotModified", "Not Modified", headers=headers)


def allows_range(if_range: str, etag: str, modified_s: int) -> bool:
    """Whether a Range still means this version: else the whole of it is sent, or a client would join two versions.

    Source: RFC 9110 section 13.1.5. S3 keeps to it, though its reference does not name the header.
    """
    moment = _moment(if_range)
    if moment is not None:
        return moment == modified_s
    return _names(if_range, etag, is_weak_enough=False)


def check_copy_source(
    *,
    etag: str,
    modified_s: int,
    if_match: str | None = None,
    if_none_match: str | None = None,
    if_modified_since: str | None = None,
    if_unmodified_since: str | None = None,
) -> None:
    """Raise S3Error PreconditionFailed if an `x-amz-copy-source-if-*` doesn't hold: a copy knows no 304.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
    """
    outcome, header = evaluate_read(
        etag,
        modified_s,
        if_match=if_match,
        if_none_match=if_none_match,
        if_modified_since=if_modified_since,
        if_unmodified_since=if_unmodified_since,
    )
    if outcome is not Outcome.HOLD:
        raise _failed(f"x-amz-copy-source-{header}")


def check_write_headers(if_match: str | None, if_none_match: str | None) -> None:
    """Refuse, with NotImplemented, the conditions that S3 doesn't define for a write.

    If-None-Match knows `*` only. Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
    """
    if if_none_match is not None and if_none_match.strip() != "*":
        raise _not_implemented("If-None-Match")
    if if_match is not None and if_none_match is not None:
        raise _not_implemented("If-Match together with If-None-Match")


def check_write(current_etag: str | None, if_match: str | None, if_none_match: str | None) -> None:
    """Decide a Put, Copy or Complete against the current object's ETag; None if there is none or a delete marker.

    Raises S3Error: PreconditionFailed, or NoSuchKey for If-Match where nothing is. Only inside the commit is it final.
    """
    check_write_headers(if_match, if_none_match)
    if if_none_match is not None and current_etag is not None:
        raise _failed("If-None-Match")
    if if_match is not None:
        if current_etag is None:
            raise S3Error("NoSuchKey", "The specified key does not exist.")
        if not _names(if_match, current_etag, is_weak_enough=False):
            raise _failed("If-Match")


def check_delete(
    current_etag: str | None,
    if_match: str | None,
) -> None:
    """Decide a DeleteObject with If-Match; deleting what isn't there succeeds, whatever the condition.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObject.html, "If-Match"
    """
    if if_match is not None and current_etag is not None and not _names(if_match, current_etag, is_weak_enough=False):
        raise _failed("If-Match")


def _names(header: str, etag: str, *, is_weak_enough: bool) -> bool:
    """Whether a list of ETags, quoted or not, or `*` names this one. Our ETags are strong and have no commas."""
    for part in header.split(","):
        tag = part.strip()
        if tag == "*":
            return True
        if tag.startswith("W/"):
            if not is_weak_enough:
                continue
            tag = tag[2:]
        if tag.removeprefix('"').removesuffix('"') == etag:
            return True
    return False


def _moment(text: str | None) -> int | None:
    moment: datetime | None = parse_http_date(text) if text is not None else None
    return int(moment.timestamp()) if moment is not None else None


def _failed(header: str) -> S3Error:
    return S3Error(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        details={"Condition": header},
    )


def _not_implemented(header: str) -> S3Error:
    return S3Error(
        "NotImplemented",
        "A header you provided implies functionality that is not implemented",
        details={"Header": header},
    )
