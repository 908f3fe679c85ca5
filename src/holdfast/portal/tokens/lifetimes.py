"""How long a token may live: the choices of its form, within what the site allows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Final, Literal

from holdfast.admin.office import DAY_US
from holdfast.config import Limits

CUSTOM: Final = "custom"
NEVER: Final = "never"
_YEARS_MAX: Final = 100
_PRESETS: Final = {7: "7 days", 30: "30 days", 90: "90 days", 365: "1 year"}


def choices(limits: Limits) -> list[tuple[str, str]]:
    """Return the choices of “Expiration date”: value and words. The site's usual life is among them."""
    days = sorted({*_PRESETS, limits.key_life_days})
    allowed = [each for each in days if not limits.key_life_days_max or each <= limits.key_life_days_max]
    found = [(str(each), _PRESETS.get(each, f"{each} days")) for each in allowed]
    found.append((CUSTOM, "Another date"))
    if not limits.key_life_days_max:
        found.append((NEVER, "Never"))
    return found


def initial(limits: Limits) -> str:
    """Return the choice that a new form begins with."""
    usual = str(limits.key_life_days)
    values = [value for value, _ in choices(limits)]
    return usual if usual in values else values[0]


def end_us(choice: str, last_day: date | None, now_us: int) -> int | Literal["never"]:
    """Return the end that a choice means, in µs of the Unix epoch. A date is valid to its end, in UTC."""
    if choice == NEVER:
        return "never"
    if choice != CUSTOM:
        return now_us + int(choice) * DAY_US
    assert last_day is not None, "the form checks it"
    after = datetime(last_day.year, last_day.month, last_day.day, tzinfo=UTC) + timedelta(days=1)
    return int(after.timestamp()) * 1_000_000


def fault_of(last_day: date | None, limits: Limits, now_us: int) -> str:
    """Return what is wrong with a last day, in a sentence; empty = nothing is."""
    if last_day is None:
        return "Say the last day."
    if last_day < today(now_us):
        return "This day is past."
    latest = last_day_max(limits, now_us)
    if latest is not None and last_day > latest:
        return f"Tokens live at most {limits.key_life_days_max} days here."
    if last_day > today(now_us) + timedelta(days=366 * _YEARS_MAX):
        return "Choose a nearer day, or none at all."
    return ""


def last_day_max(limits: Limits, now_us: int) -> date | None:
    """Return the latest date that the site allows; None = any."""
    if not limits.key_life_days_max:
        return None
    return today(now_us) + timedelta(days=limits.key_life_days_max)


def today(now_us: int) -> date:
    """Return the day in UTC."""
    return datetime.fromtimestamp(now_us / 1_000_000, UTC).date()
