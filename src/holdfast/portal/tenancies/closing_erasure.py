"""The end of a closing: an operator has the data deleted, the worker does it, and a certificate stays."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final

from django.db import transaction

from holdfast.admin.erasure import begin_erasure, erase_step
from holdfast.admin.errors import AdminError, Refused, Taken, Unknown
from holdfast.admin.managers import is_live
from holdfast.admin.tenancies import delete_tenancy
from holdfast.auth.roles import Role
from holdfast.catalog.interface import CatalogError
from holdfast.catalog.rows import MEMBERS
from holdfast.operations.errors import to_s3
from holdfast.portal.house import house
from holdfast.portal.joining import days
from holdfast.portal.notices.notify import notify
from holdfast.portal.people.lookups import names_by_principal, people_by_principal
from holdfast.portal.people.models import Person
from holdfast.portal.people.templatetags.portal import day
from holdfast.store.errors import ObjectLocked, StoreError
from holdfast.store.site import READ_ONLY, find_setting
from holdfast.telemetry.log import get_log

from .closing import find_tenancy, frozen_reason
from .models import Closing

ROUND_S: Final = 2.0
"""How long one round deletes: the worker has other work too."""

_log = get_log("portal")


def erased_reason(closing: Closing) -> str:
    """Return what the catalog says of a tenancy whose data are being deleted."""
    return f"closed on {day(closing.closed_at)}: its data are being deleted."


def get_closing(number: int) -> Closing:
    """Return a closing. Raises Unknown."""
    found = Closing.objects.filter(pk=number).first()
    if found is None:
        raise Unknown("closing", str(number))
    return found


def why_not_yet(closing: Closing) -> str:
    """Say why the data can't be deleted now, or nothing when they can."""
    if closing.state == Closing.DELETING:
        return "they are being deleted already"
    if closing.state != Closing.GRACE:
        return f"this closing is {closing.state}"
    if closing.frozen_at is None:
        return "the tenancy is not frozen yet: look again in a few seconds"
    if days.today() <= closing.grace_ends_on:
        return f"they can be read until {day(closing.grace_ends_on)}: wait until that day is over"
    return ""


def confirm(operator: Person, number: int) -> Closing:
    """Have the data of a closed tenancy deleted, from now on, with nobody in it. Raises Unknown, Taken or Refused."""
    with transaction.atomic():
        closing = get_closing(number)
        refusal = why_not_yet(closing)
        if refusal:
            raise (Taken if closing.state == Closing.DELETING else Refused)(refusal)
        closing.manager_ids, closing.names = _people(closing, operator)
        closing.state = Closing.DELETING
        closing.told_state = Closing.DELETING
        closing.confirmed_by = operator.principal_id
        closing.confirmed_at = days.now()
        office = house().office(operator.principal_id)
        # Last: what is refused undoes the rest, and after a crash it may be asked for again.
        held = begin_erasure(office, closing.tenancy_id, erased_reason(closing), closed_for=frozen_reason(closing))
        closing.holdings = [list(each) for each in held]
        closing.save()
    return closing


def _people(closing: Closing, operator: Person) -> tuple[list[str], dict[str, str]]:
    now_us = house().now_us()
    with house().catalog.read() as rows:
        managers = [
            row.user_id
            for row in rows.scan(MEMBERS, (closing.tenancy_id,))
            if row.role == Role.MANAGER and is_live(row, now_us)
        ]
        names = names_by_principal(rows, {*managers, closing.closed_by, operator.principal_id})
    return sorted({*managers, closing.closed_by}), {**closing.names, **names}


def erase() -> int:
    """Go on with the deletions that operators asked for; return how many objects went. A few seconds at most."""
    waiting = list(Closing.objects.filter(state=Closing.DELETING).order_by("confirmed_at"))
    if not waiting or _is_maintenance():
        return 0
    until_s = time.monotonic() + ROUND_S
    return sum(_erase_some(closing, until_s) for closing in waiting)


def _is_maintenance() -> bool:
    with house().catalog.read() as rows:
        return find_setting(rows, READ_ONLY) is not None


def _erase_some(closing: Closing, until_s: float) -> int:
    """Delete until the time is over or there is nothing left. At least one step, so that each gets its turn."""
    objects = size_bytes = 0
    office = house().office(closing.confirmed_by)
    try:
        while True:
            step = erase_step(office, closing.tenancy_id, erased_reason(closing))
            objects += step.objects
            size_bytes += step.size_bytes
            if step.is_empty:
                tenancy = find_tenancy(closing)
                if tenancy is not None:
                    delete_tenancy(office, tenancy.name)
                break
            if time.monotonic() >= until_s:
                _note(closing, objects, size_bytes)
                return objects
    except Unknown:
        pass  # It is gone: a crash came between its end and our writing it down.
    except AdminError as error:
        _note(closing, objects, size_bytes, str(error))
        _stop(closing)
        return objects
    except (StoreError, CatalogError) as error:
        why = _words_of(error)
        if why != closing.fault:
            # Once: it is tried again each second, for as long as an object is locked.
            _log.error("a closed tenancy can't be deleted further now", tenancy=closing.tenancy_name, why=why)
        _note(closing, objects, size_bytes, why)
        return objects
    _note(closing, objects, size_bytes)
    _finish(closing)
    return objects


def _words_of(error: StoreError | CatalogError) -> str:
    """Say why the deletion does not go on, and when it will. No key: those are data, and operators read this."""
    if not isinstance(error, ObjectLocked):
        return to_s3(error).message if isinstance(error, StoreError) else str(error)
    if error.until_us is None:
        return "An object is kept by a legal hold. The deletion goes on by itself once that is taken off."
    until = datetime.fromtimestamp(error.until_us / 1_000_000, UTC)
    return f"An object is locked until {until:%d %B %Y, %H:%M} UTC. The deletion goes on by itself then."


def _note(closing: Closing, objects: int, size_bytes: int, fault: str = "") -> None:
    if not objects and not size_bytes and fault == closing.fault:
        return
    closing.deleted_objects += objects
    closing.deleted_bytes += size_bytes
    closing.fault = fault
    closing.save(update_fields=["deleted_objects", "deleted_bytes", "fault"])


def _stop(closing: Closing) -> None:
    """End a closing that operators took back while its data were being deleted."""
    with transaction.atomic():
        changed = Closing.objects.filter(pk=closing.pk, state=Closing.DELETING).update(
            state=Closing.RESUMED, resumed_at=days.now(), told_state=Closing.RESUMED
        )
        if changed:
            text = (
                f"Operators took {closing.tenancy_name} back while its data were being deleted: "
                f"{closing.deleted_objects:,} of {closing.held_objects:,} objects are gone, the others are there."
            )
            _tell(closing, f"{closing.tenancy_name} was taken back", text, f"/tenancies/{closing.tenancy_name}/")


def _finish(closing: Closing) -> None:
    with transaction.atomic():
        changed = Closing.objects.filter(pk=closing.pk, state=Closing.DELETING).update(
            state=Closing.DELETED, deleted_at=days.now(), told_state=Closing.DELETED, fault=""
        )
        if changed:
            text = (
                f"{closing.tenancy_name} is gone, with {closing.held_objects:,} objects in {len(closing.holdings):,} "
                "buckets. The certificate says what was deleted, when, and by whom. Keep it."
            )
            _tell(closing, f"{closing.tenancy_name} is deleted", text, f"/certificates/{closing.pk}/")


def _tell(closing: Closing, subject: str, text: str, url: str) -> None:
    people = people_by_principal({*closing.manager_ids, closing.confirmed_by}).values()
    notify(sorted(people, key=lambda person: person.name), "tenancy_closing", subject, text, url=url)
