"""Usage and limits as bars: what is used of what, in words and whole percents."""

from __future__ import annotations

from typing import NamedTuple

from holdfast.admin.usage import Usage
from holdfast.config import show_size
from holdfast.portal.sizes import percent_of


class QuotaBar(NamedTuple):
    """What components/quota_bar.html is given."""

    used: str
    limit: str
    percent: int
    """Rounded down, so that 100 means full."""
    label: str


def byte_bar(usage: Usage) -> QuotaBar | None:
    """Return the bar of bytes; None where there is no limit."""
    if usage.limit_bytes is None:
        return None
    percent = percent_of(usage.used_bytes, usage.limit_bytes)
    return QuotaBar(show_size(usage.used_bytes), show_size(usage.limit_bytes), percent, "Storage used")


def object_bar(usage: Usage) -> QuotaBar | None:
    """Return the bar of objects; None where there is no limit."""
    if usage.limit_objects is None:
        return None
    percent = percent_of(usage.used_objects, usage.limit_objects)
    return QuotaBar(f"{usage.used_objects:,}", f"{usage.limit_objects:,} objects", percent, "Objects used")
