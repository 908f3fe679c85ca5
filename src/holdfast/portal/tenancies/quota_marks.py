"""Telling managers that a tenancy fills up: at 80, 90 and 100 %, once each time that it comes to be so.

What was told is written down. It is forgotten when use has fallen well below the mark, so that a tenancy that goes up
and down around one does not mail anybody every minute.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from django.db import transaction

from holdfast.catalog.rows import TENANCIES, TenancyRow
from holdfast.config import show_size
from holdfast.portal.house import house
from holdfast.portal.notices.notify import notify
from holdfast.portal.people.lookups import deciders_of
from holdfast.portal.sizes import percent_of
from holdfast.store.quotas import get_usage, used_bytes, used_objects

from .models import QuotaMark
from .pages import tenancy_path

MARKS: Final = (80, 90, 100)
SLACK: Final = 5
"""By how many percent use falls below a mark before it may be told again."""

WHAT_WORKS: Final = (
    "Writes that need more room are refused with 403 QuotaExceeded. Reading goes on, and so do deletes of every kind, "
    "aborting uploads, and putting something smaller in the place of an object."
)


class Fullness(NamedTuple):
    """How full a tenancy is, by the fuller of its two limits."""

    percent: int
    used: str
    limit: str
    is_objects: bool


def fullness_of(tenancy: TenancyRow, bytes_used: int, objects_used: int) -> Fullness:
    """Return how full a tenancy is; 0 % without limits."""
    by_bytes = percent_of(bytes_used, tenancy.limit_bytes)
    by_objects = percent_of(objects_used, tenancy.limit_objects)
    if by_objects > by_bytes:
        return Fullness(by_objects, f"{objects_used:,} objects", f"{tenancy.limit_objects or 0:,}", True)
    return Fullness(by_bytes, show_size(bytes_used), show_size(tenancy.limit_bytes or 0), False)


def next_mark(before: int, percent: int) -> int:
    """Return the mark that holds from now on, given the one that was told (0 = none)."""
    reached = max((mark for mark in MARKS if percent >= mark), default=0)
    if reached >= before:
        return reached
    return max((mark for mark in MARKS if mark <= before and percent > mark - SLACK), default=0)


def watch_quotas() -> int:
    """Compare each tenancy with what was told of it, and tell what is new; return how many tenancies that was.

    Costs a point read for each tenancy, and one query.
    """
    marks = {mark.tenancy_id: mark.percent for mark in QuotaMark.objects.all()}
    with house().catalog.read() as rows:
        found = [
            (tenancy, fullness_of(tenancy, used_bytes(usage), used_objects(usage)))
            for tenancy in rows.scan(TENANCIES)
            for usage in [get_usage(rows, tenancy.tenancy_id)]
        ]
    told = 0
    for tenancy, fullness in found:
        before = marks.pop(tenancy.tenancy_id, 0)
        mark = next_mark(before, fullness.percent)
        if mark != before:
            _set_mark(tenancy, fullness, before, mark)
            told += mark > before
    if marks:
        QuotaMark.objects.filter(tenancy_id__in=list(marks)).delete()  # Of tenancies that are gone.
    return told


def _set_mark(tenancy: TenancyRow, fullness: Fullness, before: int, mark: int) -> None:
    with transaction.atomic():
        if mark:
            QuotaMark.objects.update_or_create(tenancy_id=tenancy.tenancy_id, defaults={"percent": mark})
        else:
            QuotaMark.objects.filter(tenancy_id=tenancy.tenancy_id).delete()
        if mark > before:
            _tell(tenancy, fullness, mark)


def _tell(tenancy: TenancyRow, fullness: Fullness, mark: int) -> None:
    is_full = mark == MARKS[-1]
    subject = f"{tenancy.name} is full" if is_full else f"{tenancy.name} is {mark} % full"
    holds = f"{tenancy.name} holds {fullness.used} of {fullness.limit}: {fullness.percent} % of its quota."
    ahead = "" if is_full else "When it is full: "
    ways = "Delete what is not needed, abort unfinished uploads, or ask for another quota."
    notify(
        deciders_of(tenancy),
        "quota_mark",
        subject,
        f"{holds}\n\n{ahead}{WHAT_WORKS}\n\n{ways}",
        url=tenancy_path(tenancy.name, "quota/"),
        level="error" if is_full else "warning",
    )
