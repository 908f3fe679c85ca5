"""Closing a tenancy: frozen, everybody told, kept readable for a while, and open again at a word of its managers.

The closing is written first and put into force once that is committed; what a crash leaves is done by the worker. Who
closes a tenancy never lifts what operators said of it: see `admin.tenancies.close_tenancy`.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Final

from django.db import IntegrityError, transaction

from holdfast.admin.errors import AdminError, Refused, Unknown
from holdfast.admin.managers import is_live
from holdfast.admin.tenancies import close_tenancy, resume_tenancy
from holdfast.catalog.rows import MEMBERS, TENANCIES, TenancyRow
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.joining import days
from holdfast.portal.joining.deciders import operators
from holdfast.portal.joining.telling import reply_to
from holdfast.portal.notices.models import Notice
from holdfast.portal.notices.notify import notify
from holdfast.portal.people.lookups import deciders_of, people_by_principal
from holdfast.portal.people.models import Person
from holdfast.portal.people.templatetags.portal import day
from holdfast.telemetry.log import get_log

from .models import Closing
from .pages import tenancy_path

TOLD_AT_ONCE: Final = 100
"""How many members one round tells: each is a mail."""
REMINDER: Final = timedelta(days=7)

_log = get_log("portal")


def find_closing(tenancy: TenancyRow) -> Closing | None:
    """Return the closing that is under way, or None."""
    return Closing.objects.filter(tenancy_id=tenancy.tenancy_id, state__in=(Closing.GRACE, Closing.DELETING)).first()


def frozen_reason(closing: Closing) -> str:
    """Return what the catalog says of a tenancy that is frozen by this closing: that, and until when it can be read."""
    return f"closing: {closing.reason} Data can be read until {day(closing.grace_ends_on)}."


def grace_end() -> date:
    """Return the last day on which data can be read of a tenancy that is closed today."""
    return days.today() + timedelta(days=house().settings.site.closing_grace_days)


def close(standing: Standing, reason: str) -> Closing:
    """Close a tenancy; it is frozen when this returns. Raises Refused where it is closed already, or not open."""
    tenancy, person = standing.tenancy, standing.person
    if tenancy.state != "active":
        raise Refused("this tenancy is suspended or read-only already: ask the operators of this site")
    with transaction.atomic():
        try:
            with transaction.atomic():
                made = Closing.objects.create(
                    tenancy_id=tenancy.tenancy_id,
                    tenancy_name=tenancy.name,
                    reason=reason if reason.endswith((".", "!", "?")) else f"{reason}.",
                    closed_by=person.principal_id,
                    closed_at=days.now(),
                    grace_ends_on=grace_end(),
                    names={person.principal_id: str(person)},
                )
        except IntegrityError:
            raise Refused("somebody else has closed this tenancy a moment ago") from None
        _tell_operators(made, person)
        transaction.on_commit(partial(freeze, made.pk))
    return made


def _tell_operators(closing: Closing, person: Person) -> None:
    text = (
        f"{person} has closed {closing.tenancy_name}: {closing.reason}\n\n"
        f"Its data can be read until {day(closing.grace_ends_on)}. After that you are asked to have them deleted; "
        "nothing is deleted before somebody does."
    )
    notify(
        operators(), "tenancy_closing", f"{closing.tenancy_name} is being closed", text,
        url=f"/operators/closings/{closing.pk}/", reply_to=reply_to(person),
    )  # fmt: skip


def freeze(closing_id: int) -> None:
    """Make the tenancy of a closing read-only. Idempotent.

    Where operators closed or suspended it meanwhile, the closing is taken back. Raises that AdminError.
    """
    try:
        with transaction.atomic():
            closing = Closing.objects.filter(pk=closing_id, state=Closing.GRACE, frozen_at=None).first()
            if closing is None:
                return
            tenancy = find_tenancy(closing)
            if tenancy is None:
                raise Unknown("tenancy any more", closing.tenancy_name)
            close_tenancy(house().office(closing.closed_by), tenancy.name, frozen_reason(closing), if_open=True)
            closing.frozen_at = days.now()
            closing.save(update_fields=["frozen_at"])
    except AdminError:
        Closing.objects.filter(pk=closing_id, state=Closing.GRACE, frozen_at=None).update(
            state=Closing.RESUMED, resumed_at=days.now(), told_state=Closing.RESUMED
        )
        raise


def find_tenancy(closing: Closing) -> TenancyRow | None:
    """Return the tenancy of a closing by its id; None once it is gone, whoever has its name by then."""
    with house().catalog.read() as rows:
        return rows.find(TENANCIES, (closing.tenancy_id,))


def take_back(standing: Standing) -> Closing:
    """Open a tenancy again whose data are not being deleted yet. Raises Refused."""
    tenancy, person = standing.tenancy, standing.person
    with transaction.atomic():
        closing = find_closing(tenancy)
        if closing is None:
            raise Refused("this tenancy is not being closed: there is nothing to take back")
        changed = Closing.objects.filter(pk=closing.pk, state=Closing.GRACE).update(
            state=Closing.RESUMED,
            resumed_by=person.principal_id,
            resumed_at=days.now(),
            names={**closing.names, person.principal_id: str(person)},
        )
        if not changed:
            raise Refused("its data are being deleted already: only operators of this site can stop that")
        # Last: what is refused here undoes the rest, and what a crash leaves is an open tenancy that the worker sees.
        resume_tenancy(house().office(person.principal_id), tenancy.name, if_closed_for=frozen_reason(closing))
        closing.refresh_from_db()
    return closing


def tend_closings() -> int:
    """Do what closings wait for, and return how much: freeze, tell members, remind, and heed what operators did."""
    done = 0
    for closing in Closing.objects.filter(state=Closing.GRACE, frozen_at=None):
        try:
            freeze(closing.pk)
            done += 1
        except AdminError as error:
            _log.warning("a closing was not put into force", tenancy=closing.tenancy_name, why=str(error))
    for closing in Closing.objects.filter(state=Closing.GRACE).exclude(frozen_at=None):
        done += _heed_operators(closing) or _remind(closing)
    untold = Closing.objects.filter(state__in=(Closing.GRACE, Closing.RESUMED)).exclude(frozen_at=None)
    for closing in untold:
        if closing.told_state != closing.state:
            done += _tell_members(closing)
    return done


def _heed_operators(closing: Closing) -> int:
    """End a closing whose tenancy operators opened again, or deleted by a command, which needs it to be empty."""
    tenancy = find_tenancy(closing)
    now = days.now()
    waiting = Closing.objects.filter(pk=closing.pk, state=Closing.GRACE)
    if tenancy is None:
        return waiting.update(state=Closing.DELETED, deleted_at=now, told_state=Closing.DELETED)
    if tenancy.state == "active":
        return waiting.update(state=Closing.RESUMED, resumed_at=now)
    return 0


def _remind(closing: Closing) -> int:
    today = days.today()
    if today > closing.grace_ends_on:
        return notify(
            operators(),
            "closing_over",
            f"The data of {closing.tenancy_name} may be deleted",
            f"{closing.tenancy_name} was closed by {_closer(closing)}, and its data could be read until "
            f"{day(closing.grace_ends_on)}. They stay until an operator has them deleted.",
            url=f"/operators/closings/{closing.pk}/",
            level="attention",
            once=f"closing:{closing.pk}:over",
        )
    tenancy = find_tenancy(closing)
    # Who closed it less than a week before the end was told when they did.
    was_told_late = closing.grace_ends_on - closing.closed_at.date() <= REMINDER
    if tenancy is None or was_told_late or today < closing.grace_ends_on - REMINDER:
        return 0
    return notify(
        deciders_of(tenancy),
        "closing_soon",
        f"{closing.tenancy_name}: data can be read until {day(closing.grace_ends_on)}",
        f"After {day(closing.grace_ends_on)} all data of {closing.tenancy_name} are deleted. Copy what is needed, and "
        "download the manifests. A MANAGER can still take the closing back.",
        url=tenancy_path(closing.tenancy_name, "close/"),
        level="warning",
        once=f"closing:{closing.pk}:soon",
    )


def _tell_members(closing: Closing) -> int:
    """Tell some of the members that have not been told of the state of a closing; return how many."""
    once = f"closing:{closing.pk}:{closing.state}"
    told = _told(once)
    people = [person for person in _members(closing) if person.pk not in told]
    if closing.state == Closing.RESUMED:
        # Who was never told that it closes need not be told that it doesn't.
        worried = _told(f"closing:{closing.pk}:{Closing.GRACE}")
        people = [person for person in people if person.pk in worried]
    with transaction.atomic():
        count = _tell(closing, people[:TOLD_AT_ONCE], once)
        if len(people) <= TOLD_AT_ONCE:
            Closing.objects.filter(pk=closing.pk, state=closing.state).update(told_state=closing.state)
    return count


def _told(once: str) -> set[int]:
    return set(Notice.objects.filter(once=once).values_list("person_id", flat=True))


def _tell(closing: Closing, people: list[Person], once: str) -> int:
    name, url = closing.tenancy_name, tenancy_path(closing.tenancy_name)
    if closing.state == Closing.RESUMED:
        text = f"{name} is not closed after all: it can be written to as before."
        return notify(people, "tenancy_closing", f"{name} stays open", text, url=url, level="success", once=once)
    text = (
        f"{name} is being closed by {_closer(closing)}.\n\nReason: {closing.reason}\n\n"
        f"It is read-only from now on. Its data can be read until {day(closing.grace_ends_on)}, and are deleted after "
        "that: copy what you need, and tell whoever reads them by a link."
    )
    subject = f"{name} is being closed: data can be read until {day(closing.grace_ends_on)}"
    return notify(people, "tenancy_closing", subject, text, url=url, level="warning", once=once)


def _closer(closing: Closing) -> str:
    return str(closing.names.get(closing.closed_by, "a manager"))


def _members(closing: Closing) -> list[Person]:
    now_us = house().now_us()
    with house().catalog.read() as rows:
        ids = [row.user_id for row in rows.scan(MEMBERS, (closing.tenancy_id,)) if is_live(row, now_us)]
    return sorted(people_by_principal(ids).values(), key=lambda person: person.pk)
