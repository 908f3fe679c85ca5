"""Dates as S3 writes and reads them. All of them are UTC; what S3 tells of a version has whole seconds.

Sources: RFC 9110 section 5.6.7 (HTTP dates, three forms to read and one to write);
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html (`x-amz-date`).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_IMF_FIXDATE: Final = re.compile(
    r"[A-Z][a-z]{2}, (?P<day>\d{1,2}) (?P<month>[A-Z][a-z]{2}) (?P<year>\d{4}) "
    r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d) (?:GMT|UTC|[+-]0000)",
    re.ASCII,
)
_RFC_850: Final = re.compile(
    r"[A-Z][a-z]{5,8}, (?P<day>\d\d)-(?P<month>[A-Z][a-z]{2})-(?P<year>\d\d) "
    r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d) GMT",
    re.ASCII,
)
_ASCTIME: Final = re.compile(
    r"[A-Z][a-z]{2} (?P<month>[A-Z][a-z]{2}) (?P<day>[ \d]\d) "
    r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d) (?P<year>\d{4})",
    re.ASCII,
)
_ISO_8601: Final = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
    r"(?:T(?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.(?P<fraction>\d{1,9}))?)?"
    r"(?P<zone>Z|[+-]\d\d:?\d\d))?",
    re.ASCII,
)


@lru_cache(maxsize=4096)
def http_date(epoch_s: int) -> str:
    """Write seconds since 1970 for a header: `Wed, 12 Oct 2009 17:50:00 GMT`."""
    moment = _EPOCH + timedelta(seconds=epoch_s)
    return (
        f"{_DAYS[moment.weekday()]}, {moment.day:02d} {_MONTHS[moment.month - 1]} {moment.year:04d} "
        f"{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d} GMT"
    )


@lru_cache(maxsize=4096)
def iso_date(epoch_s: int) -> str:
    """Write seconds since 1970 for XML, with the milliseconds that clients expect: `2009-10-12T17:50:00.000Z`."""
    moment = _EPOCH + timedelta(seconds=epoch_s)
    return (
        f"{moment.year:04d}-{moment.month:02d}-{moment.day:02d}"
        f"T{moment.hour:02d}:{moment.minute:02d}:{moment.second:02d}.000Z"
    )


def amz_date(moment: datetime) -> str:
    """Write a UTC moment as signatures want it: `20091012T175000Z`."""
    return f"{moment:%Y%m%dT%H%M%SZ}"


@lru_cache(maxsize=256)
def _parse_amz_date(text: str) -> datetime | None:
    digits = text[:8] + text[9:15]
    if text[8] != "T" or text[15] != "Z" or not (digits.isascii() and digits.isdigit()):
        return None
    return _build(text[:4], text[4:6], text[6:8], text[9:11], text[11:13], text[13:15])


def parse_amz_date(text: str) -> datetime | None:
    """Read `YYYYMMDDTHHMMSSZ`; None if it is anything else."""
    # The length is tested before the cache, so that what a stranger sends can't make the cache large.
    return _parse_amz_date(text) if len(text) == 16 else None


def parse_http_date(text: str) -> datetime | None:
    """Read an HTTP date in any of its three forms; None if it is malformed, which callers ignore as RFC 9110 says."""
    if match := _IMF_FIXDATE.fullmatch(text) or _ASCTIME.fullmatch(text):
        year = match["year"]
    elif match := _RFC_850.fullmatch(text):
        # There is no clock here to say "more than 50 years ahead", so the century turns where POSIX's strptime turns.
        year = f"{'19' if match['year'] >= '69' else '20'}{match['year']}"
    else:
        return None
    if match["month"] not in _MONTHS:
        return None
    month = _MONTHS.index(match["month"]) + 1
    return _build(year, str(month), match["day"], match["hour"], match["minute"], match["second"])


def parse_iso_date(text: str) -> datetime | None:
    """Read an ISO-8601 date (midnight UTC) or a moment with its zone, to the microsecond; None if it is malformed."""
    match = _ISO_8601.fullmatch(text)
    if match is None:
        return None
    moment = _build(*(match[name] or "0" for name in ("year", "month", "day", "hour", "minute", "second")))
    if moment is None:
        return None
    if match["fraction"]:
        moment += timedelta(microseconds=int(match["fraction"][:6].ljust(6, "0")))
    zone = match["zone"]
    if zone and zone != "Z":
        minutes = int(zone[1:3]) * 60 + int(zone[-2:])
        try:
            moment -= timedelta(minutes=minutes if zone[0] == "+" else -minutes)
        except OverflowError:
            return None
    return moment


def _build(year: str, month: str, day: str, hour: str, minute: str, second: str) -> datetime | None:
    try:
        # A leap second has no place in datetime; the second before it is near enough for a condition.
        return datetime(int(year), int(month), int(day), int(hour), int(minute), min(int(second), 59), tzinfo=UTC)
    except ValueError:
        return None
