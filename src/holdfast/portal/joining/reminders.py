"""Reminders: of access that ends, of access that has ended, of requests that wait, and of tenancies without MANAGER.

Made from the catalog's memberships, so that those of the command line are reminded too. Each is sent once, whatever
the number of rounds: the notice's `once` says which it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from django.db import transaction

from holdfast.admin.break_glass import SOURCE as BREAK_GLASS
from holdfast.admin.managers import is_live, other_managers
from holdfast.catalog.rows import MEMBERS, TENANCIES, USERS, MemberRow, TenancyRow
from holdfast.portal.house import house
from holdfast.portal.people.backends import may_log_in
from holdfast.portal.people.lookups import people_by_principal
from holdfast.portal.people.models import Person

from . import days
from .models import AccessRequest, Grant
from .telling import tell_ended, tell_ending, tell_of_last_manager, tell_pending

LOOK_BACK_DAYS: Final = 30
"""For how long after an end people are told of it still: a portal that was off for longer tells nobody."""
WEEK: Final = timedelta(days=7)


class Step(NamedTuple):
    """A reminder before an end."""

    name: str
    is_final: bool

    def begins(self, last_day: date) -> date:
        """Return the first day on which it is sent."""
        if self.name == "2 months":
            return days.add_months(last_day, -2)
        return last_day - timedelta(days=14 if self.name == "2 weeks" else 2)


STEPS: Final = (Step("2 months", False), Step("2 weeks", False), Step("2 days", True))


class _Ending(NamedTuple):
    tenancy: TenancyRow
    member: MemberRow
    user_name: str
    last_day: date
    is_last_manager: bool


def remind() -> int:
    """Send every reminder that is due and was not sent; return how many."""
    return _remind_of_ends() + _remind_of_requests()


def due_step(last_day: date, began: date, today: date) -> Step | None:
    """Return the latest reminder that is due for access from `began` to `last_day`; None when there is none.

    Access that was granted for less than a reminder's time is not reminded of that one: it would come at once.
    """
    due = None
    for step in STEPS:
        if began < step.begins(last_day) <= today:
            due = step
    return due


def _remind_of_ends() -> int:
    today = days.today()
    endings = list(_endings(today))
    people = people_by_principal({each.member.user_id for each in endings})
    began = _began(endings)
    sent = 0
    for each in endings:
        key = f"{each.tenancy.tenancy_id}:{each.last_day}"
        person = people.get(each.member.user_id)
        with transaction.atomic():
            if each.last_day < today:
                if person is not None and may_log_in(person):
                    sent += tell_ended(person, each.tenancy, each.member.role, each.last_day, once=f"ended:{key}")
                step_name = "ended"
            else:
                step = due_step(each.last_day, began[each.tenancy.tenancy_id, each.member.user_id], today)
                if step is None:
                    continue
                step_name = step.name
                if person is not None and may_log_in(person):
                    sent += _remind(person, each, step, f"ending:{key}:{step.name}")
            if each.is_last_manager:
                name = str(person) if person is not None else each.user_name
                sent += tell_of_last_manager(each.tenancy, name, each.last_day, once=f"manager:{key}:{step_name}")
    return sent


def _remind(person: Person, each: _Ending, step: Step, once: str) -> int:
    return tell_ending(person, each.tenancy, each.member.role, each.last_day, is_final=step.is_final, once=once)


def _endings(today: date) -> Iterable[_Ending]:
    """Yield the memberships whose end is near, ahead or behind."""
    opened = house()
    now_us = opened.now_us()
    earliest = days.end_of(today - timedelta(days=LOOK_BACK_DAYS))
    latest = days.end_of(days.add_months(today, days.EXPIRING_MONTHS))
    with opened.catalog.read() as rows:
        for tenancy in rows.scan(TENANCIES):
            for member in rows.scan(MEMBERS, (tenancy.tenancy_id,)):
                # An operator's access to data is of hours, and they are who is told of what is amiss.
                if member.source == BREAK_GLASS or member.until_us is None or not earliest <= member.until_us <= latest:
                    continue
                user = rows.find(USERS, (member.user_id,))
                if user is None or user.state != "active":
                    continue
                # Others who are MANAGER when this one has ended; before that, those whose own end is not sooner.
                horizon_us = max(now_us, member.until_us)
                is_last = member.role == "MANAGER" and not any(
                    is_live(other, horizon_us)
                    for other in other_managers(rows, tenancy.tenancy_id, member.user_id, now_us)
                )
                yield _Ending(tenancy, member, user.name, days.last_day_of(member.until_us), is_last)


def _began(endings: Iterable[_Ending]) -> Mapping[tuple[str, str], date]:
    """Return when the access that ends was granted: by the newest grant, else by the membership's beginning."""
    granted = {
        (tenancy_id, principal_id): at.date()
        for tenancy_id, principal_id, at in Grant.objects.filter(
            is_head=True, principal_id__in=[each.member.user_id for each in endings]
        ).values_list("tenancy_id", "principal_id", "granted_at")
    }
    return {
        (each.tenancy.tenancy_id, each.member.user_id): granted.get(
            (each.tenancy.tenancy_id, each.member.user_id), _day(each.member.created_at_us)
        )
        for each in endings
    }


def _day(at_us: int) -> date:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).date()


def _remind_of_requests() -> int:
    """Tell those who decide again, once a week, of each request that waits."""
    now = days.now()
    sent = 0
    waiting = AccessRequest.objects.filter(state=AccessRequest.PENDING, asked_at__lte=now - WEEK).exclude(tenancy_id="")
    for request in waiting:
        with house().catalog.read() as rows:
            tenancy = rows.find(TENANCIES, (request.tenancy_id,))
        if tenancy is not None:
            with transaction.atomic():
                sent += tell_pending(request, tenancy, week=(now - request.asked_at) // WEEK)
    return sent
