"""The day until which a tenancy was granted: managers are reminded before it, and operators when it has come.

Nothing is closed or deleted by a date.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from holdfast.catalog.rows import TENANCIES, TenancyRow
from holdfast.portal.house import house
from holdfast.portal.joining import days
from holdfast.portal.joining.deciders import operators
from holdfast.portal.notices.notify import notify
from holdfast.portal.people.lookups import managers_of
from holdfast.portal.people.templatetags.portal import day

from .models import TenancyTerm
from .pages import tenancy_path

REMINDERS: Final = ((timedelta(days=2), "2 days"), (timedelta(weeks=2), "2 weeks"), (timedelta(days=61), "2 months"))
"""How long before the end managers are reminded, the last one first."""


def remind_of_terms() -> int:
    """Remind of terms that end soon or have ended, once each; return how many people were told."""
    today = days.today()
    told = 0
    for term in TenancyTerm.objects.filter(ends_on__lte=today + REMINDERS[-1][0]):
        with house().catalog.read() as rows:
            tenancy = rows.find(TENANCIES, (term.tenancy_id,))
        if tenancy is None:
            term.delete()
        elif tenancy.state == "active":
            told += _remind(tenancy, term.ends_on, today)
    return told


def _remind(tenancy: TenancyRow, ends_on: date, today: date) -> int:
    once = f"term:{tenancy.tenancy_id}:{ends_on.isoformat()}"
    if ends_on < today:
        return notify(
            operators(),
            "term_over",
            f"The time of {tenancy.name} is over",
            f"{tenancy.name} was granted until {day(ends_on)}. Its managers were reminded, and asked for no later end. "
            "Ask them whether it is still needed. Nothing was changed.",
            url=f"/operators/tenancies/{tenancy.name}/",
            level="warning",
            once=f"{once}:over",
        )
    lead = next(words for before, words in REMINDERS if ends_on <= today + before)
    return notify(
        managers_of(tenancy),
        "term_ending",
        f"{tenancy.name} was granted until {day(ends_on)}",
        f"The tenancy {tenancy.name} was granted until {day(ends_on)}. Is it still needed?\n\n"
        "Yes: ask for a later end, under Quota. No: tell its members, and close it. Until then nothing changes: "
        "nothing is closed or deleted by a date.",
        url=tenancy_path(tenancy.name, "quota/"),
        level="warning",
        once=f"{once}:{lead}",
    )
