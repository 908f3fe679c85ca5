"""What breaking the glass does, and giving back: access in the catalog, its history, and the word to the managers.

The catalog commits first, so that a crash leaves access that nobody was told of: the audit log has its row, from which
the history and the word are made up for by the next round.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from holdfast.admin.break_glass import SOURCE, close_break_glass, open_break_glass
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import AUDIT, MEMBERS, TENANCIES, USERS, AuditRow, MemberRow, TenancyRow
from holdfast.portal.house import house
from holdfast.portal.notices.notify import notify
from holdfast.portal.people.groups import tell_operators
from holdfast.portal.people.lookups import managers_of
from holdfast.portal.people.models import Person
from holdfast.portal.people.principals import SYSTEM_ACTOR
from holdfast.portal.tenancies.pages import tenancy_path
from holdfast.telemetry.log import get_log

from .models import BreakGlass

_AT_ONCE_MAX: Final = 100
"""Rows of the audit log that are looked at for one microsecond."""

_log = get_log("portal")


def open_for(operator: Person, tenancy: TenancyRow, said: Mapping[str, Any]) -> BreakGlass:
    """Give an operator access to data, and tell the managers. Raises Refused.

    `said` has `reason`, `access`, `buckets` (empty = all) and `minutes`.
    """
    # The portal's write lock is held until the history is written, so that a round sees both or knows of a crash.
    with transaction.atomic():
        row = open_break_glass(
            house().office(operator.principal_id),
            tenancy.name,
            operator.name,
            reason=said["reason"],
            minutes=said["minutes"],
            access=said["access"],
            buckets=said["buckets"],
        )
        return _write_down(operator, tenancy, row, said)


def close_for(operator: Person, tenancy: TenancyRow) -> None:
    """End an operator's own access before its time, and tell the managers. Idempotent."""
    with transaction.atomic():
        with house().catalog.read() as rows:
            member = rows.find(MEMBERS, (tenancy.tenancy_id, operator.principal_id))
        if member is not None and _is_untold(member):
            _settle(tenancy, member)
        if not close_break_glass(house().office(operator.principal_id), tenancy.name, operator.name):
            return
        now = timezone.now()
        still_open = BreakGlass.objects.filter(
            tenancy_id=tenancy.tenancy_id, operator=operator, closed_at=None, ends_at__gt=now
        )
        still_open.update(closed_at=now)
        text = f"The operator {operator} gave back the access to data of {tenancy.name}."
        notify(managers_of(tenancy), "break_glass", f"{tenancy.name}: an operator's access has ended", text)


def tell_untold() -> int:
    """Make up for what a crash kept from the managers: access of operators that has no history. Returns how many.

    Reads every member of the site. Access whose reason can't be found any more is ended.
    """
    with house().catalog.read() as rows:
        found = [
            (tenancy, member)
            for tenancy in rows.scan(TENANCIES)
            for member in rows.scan(MEMBERS, (tenancy.tenancy_id,))
            if member.source == SOURCE
        ]
    done = 0
    for tenancy, member in found:
        if not _is_untold(member):
            continue
        with transaction.atomic():
            with house().catalog.read() as rows:
                is_same = rows.find(MEMBERS, (member.tenancy_id, member.user_id)) == member
            if is_same and _is_untold(member):
                _settle(tenancy, member)
                done += 1
    return done


def _is_untold(member: MemberRow) -> bool:
    """Whether access to data has no history."""
    return (
        member.source == SOURCE
        and not BreakGlass.objects.filter(
            tenancy_id=member.tenancy_id, operator__principal_id=member.user_id, opened_at=_moment(member.created_at_us)
        ).exists()
    )


def _settle(tenancy: TenancyRow, member: MemberRow) -> None:
    """Write down access that has no history and tell the managers; end it where nobody knows what for it is."""
    person = Person.objects.filter(principal_id=member.user_id).first()
    with house().catalog.read() as rows:
        opened = _opening(rows, member)
        user = rows.find(USERS, (member.user_id,))
    if person is not None and opened is not None:
        _log.warning("access to data was kept from the managers by a crash: told now", tenancy=tenancy.name)
        _write_down(person, tenancy, member, json.loads(opened.detail))
        return
    assert user is not None
    _log.error("access to data had no reason in the audit log: ended", tenancy=tenancy.name, user=user.name)
    close_break_glass(house().office(SYSTEM_ACTOR), tenancy.name, user.name)
    subject = f"{tenancy.name}: an operator's access without a reason was ended"
    since = _moment(member.created_at_us)
    text = (
        f"The operator {user.name} had access to data of {tenancy.name} since {since:%d %B %Y, %H:%M} UTC, and neither "
        "the portal nor the audit log says what for. It was ended."
    )
    notify(managers_of(tenancy), "break_glass", subject, text, level="warning")
    once = f"break-glass {member.tenancy_id} {member.user_id} {member.created_at_us}"
    tell_operators("break_glass", subject, text, once=once)


def _opening(rows: Snapshot, member: MemberRow) -> AuditRow | None:
    """Return the audit row of how access began: it and the membership have one time."""
    made: Sequence[AuditRow] = rows.scan(AUDIT, (member.created_at_us,), count_max=_AT_ONCE_MAX)
    return next(
        (
            row
            for row in made
            if (row.action, row.tenancy_id) == ("break-glass.open", member.tenancy_id) and member.user_id in row.detail
        ),
        None,
    )


def _write_down(operator: Person, tenancy: TenancyRow, member: MemberRow, said: Mapping[str, Any]) -> BreakGlass:
    """Add access to the history, and tell the managers. Part of the caller's transaction."""
    assert member.until_us is not None
    made = BreakGlass.objects.create(
        tenancy_id=tenancy.tenancy_id,
        tenancy_name=tenancy.name,
        operator=operator,
        reason=said["reason"],
        access=said["access"],
        buckets=said["buckets"],
        opened_at=_moment(member.created_at_us),
        ends_at=_moment(member.until_us),
    )
    which = ", ".join(said["buckets"]) or "all buckets"
    has = "has" if member.until_us > house().now_us() else "had"
    text = (
        f"The operator {operator} {has} access to data of {tenancy.name} ({made.access}: {which}) until "
        f"{made.ends_at:%d %B %Y, %H:%M} UTC.\n\nReason: {made.reason}"
    )
    notify(
        managers_of(tenancy), "break_glass", f"An operator {has} access to {tenancy.name}", text,
        url=tenancy_path(tenancy.name, "break-glass/"), level="warning",
    )  # fmt: skip
    return made


def _moment(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC)
