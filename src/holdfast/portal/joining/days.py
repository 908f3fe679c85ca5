"""Days on which access ends. A last day counts whole, in UTC; the portal's clock says which day it is."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from typing import Final, NamedTuple

from holdfast.portal.house import house

EXPIRING_MONTHS: Final = 2
"""Access that ends within this is EXPIRING: its holder is reminded, and pages say so."""
EXTEND_DAYS: Final = 65
"""From how many days before the end on people may ask to extend: a little before the first reminder."""
YEARS_MAX: Final = 10
"""The longest that access is granted for at once."""


class Preset(NamedTuple):
    """How long access may last, to choose from."""

    value: str
    months: int
    label: str


PRESETS: Final = (
    Preset("6m", 6, "6 months"),
    Preset("1y", 12, "1 year"),
    Preset("2y", 24, "2 years"),
    Preset("3y", 36, "3 years"),
    Preset("5y", 60, "5 years"),
    Preset("10y", 120, "10 years"),
)


def now() -> datetime:
    """Return the time by the clock of the house."""
    return datetime.fromtimestamp(house().now_us() / 1_000_000, UTC)


def today() -> date:
    """Return the day by the clock of the house."""
    return now().date()


def end_of(last_day: date) -> int:
    """Return when access with this last day ends: the midnight after it, in µs of the Unix epoch."""
    midnight = datetime.combine(last_day + timedelta(days=1), time(), UTC)
    return int(midnight.timestamp()) * 1_000_000


def last_day_of(until_us: int) -> date:
    """Return the last day of access that ends then."""
    return datetime.fromtimestamp((until_us - 1) / 1_000_000, UTC).date()


def add_months(day: date, months: int) -> date:
    """Return the same day some months later; the last of the month where there is no such day."""
    month_index = day.year * 12 + day.month - 1 + months
    year, month = month_index // 12, month_index % 12 + 1
    return date(year, month, min(day.day, calendar.monthrange(year, month)[1]))


def latest_day() -> date:
    """Return the latest last day that can be granted today."""
    return add_months(today(), YEARS_MAX * 12)


def usual_day() -> date:
    """Return the last day of access that begins today and lasts as long as it usually does here."""
    return today() + timedelta(days=house().settings.site.grant_days)


def is_expiring(until_us: int | None, expiring_us: int) -> bool:
    """Whether access that lasts until then, None = without an end, is EXPIRING; `expiring_us` is `expiring_until()`."""
    return until_us is not None and until_us < expiring_us


def expiring_until() -> int:
    """Return before which end, in µs of the Unix epoch, access is EXPIRING today."""
    return end_of(add_months(today(), EXPIRING_MONTHS))
