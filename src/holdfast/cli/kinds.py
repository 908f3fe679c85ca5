"""Kinds of arguments: sizes, dates, durations, and a GUEST's buckets."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import click

from holdfast.config import parse_size

if TYPE_CHECKING:
    _Kind = click.ParamType[Any]
else:
    _Kind = click.ParamType  # It has no type argument at run time before click 8.2.

DAY: Final = timedelta(days=1)
_UNITS_US: Final = {"m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}


class _Size(_Kind):
    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        if value == "none":
            return value
        try:
            return parse_size(value)
        except ValueError as error:
            self.fail(f"{error}; or none for no limit", param, ctx)


class _Count(_Kind):
    name = "count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str) or value == "none":
            return value
        if not re.fullmatch(r"\d{1,18}", value, re.ASCII):
            self.fail(f"{value!r} is not a whole number, nor none for no limit", param, ctx)
        return int(value)


class _LastDay(_Kind):
    """A date, as the end of that day in UTC: microseconds of the Unix epoch."""

    name = "date"

    def __init__(self, *, allows_never: bool) -> None:
        self.allows_never = allows_never

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        if self.allows_never and value == "never":
            return value
        try:
            return end_of_day_us(date.fromisoformat(value))
        except (ValueError, OverflowError):
            also = ", nor never" if self.allows_never else ""
            self.fail(f"{value!r} is not a date such as 2027-01-31{also}", param, ctx)


class _Duration(_Kind):
    """A length of time in microseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        match = re.fullmatch(r"(\d{1,6})([mhd])", value, re.ASCII)
        if match is None:
            self.fail(f"{value!r} is not a length of time such as 30m, 24h or 7d", param, ctx)
        return int(match[1]) * _UNITS_US[match[2]]


class GuestBucket(NamedTuple):
    """One bucket named for a GUEST."""

    name: str
    access: Literal["read", "write"]


class _GuestBucket(_Kind):
    name = "bucket"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, GuestBucket):
            return value
        bucket, _, access = value.partition(":")
        if not bucket or access not in ("", "read", "write"):
            self.fail(f"{value!r} is not NAME, NAME:read or NAME:write", param, ctx)
        return GuestBucket(bucket, access or "read")


def end_of_day_us(day: date) -> int:
    """Return the first microsecond after a day in UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + DAY.total_seconds()) * 1_000_000


def limit_of(given: int | str | None) -> int | Literal["keep"] | None:
    """Return the limit that an option asks for: what is not given stays as it is, and `none` takes a limit away."""
    if given is None:
        return "keep"
    return None if isinstance(given, str) else given


SIZE: Final = _Size()
COUNT: Final = _Count()
LAST_DAY: Final = _LastDay(allows_never=False)
LAST_DAY_OR_NEVER: Final = _LastDay(allows_never=True)
DURATION: Final = _Duration()
GUEST_BUCKET: Final = _GuestBucket()
