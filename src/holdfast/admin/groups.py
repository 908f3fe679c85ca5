"""Memberships that come from groups of a directory or identity provider, and go with them.

What the command line or a manager in the portal gave is theirs alone: nothing here changes or ends it while it lasts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from holdfast.auth.roles import Role
from holdfast.catalog.interface import Snapshot, Transaction
from holdfast.catalog.rows import MEMBERS, TENANCIES, MemberRow, TenancyRow, UserRow

from .access_keys import revoke_all
from .lookups import get_tenancy, get_user
from .managers import check_manager_left, is_live
from .office import DAY_US, Change, Office, Source


class Step(NamedTuple):
    """What has to change for one person in one tenancy."""

    tenancy: str
    role: Role | None
    """None = the membership ends."""


def plan(
    rows: Snapshot, user: UserRow, source: Source, wanted: Mapping[str, Role], until_us: int | None, now_us: int
) -> Sequence[Step]:
    """Return what has to change so that a person has these roles from a source, by tenancy. Unknown tenancies are left
    out.
    """
    held = {member.tenancy_id: member for member in rows.scan(MEMBERS, (user.user_id,), index="by_user")}
    steps = []
    for name, role in sorted(wanted.items()):
        found = rows.scan(TENANCIES, (name,), index="by_name", count_max=1)
        if found and _lacks(held.pop(found[0].tenancy_id, None), source, role, until_us, now_us):
            steps.append(Step(name, role))
    for tenancy_id, member in held.items():
        tenancy = rows.find(TENANCIES, (tenancy_id,))
        if tenancy is not None and member.source == source:
            steps.append(Step(tenancy.name, None))
    return steps


def _lacks(member: MemberRow | None, source: Source, role: Role, until_us: int | None, now_us: int) -> bool:
    if member is None or not is_live(member, now_us):
        return True
    if member.source != source:
        return False
    # An end that moves with each log-in is written anew once a day, not each time.
    is_late = until_us is not None and (member.until_us is None or until_us - member.until_us > DAY_US)
    return member.role != role.value or is_late


def give_role(office: Office, tenancy_name: str, user_name: str, role: Role, until_us: int | None) -> MemberRow:
    """Make a user a member by a group, or change the role that a group gave. Returns the membership as it is then.

    One of another source is left as it is while it lasts. Raises Unknown, or Refused where the last MANAGER would be
    lost.
    """

    def change(rows: Transaction, now_us: int) -> Change[MemberRow]:
        tenancy, user = get_tenancy(rows, tenancy_name), get_user(rows, user_name)
        before = rows.find(MEMBERS, (tenancy.tenancy_id, user.user_id))
        lives = before is not None and is_live(before, now_us)
        if before is not None and lives and before.source != office.source:
            return _kept(tenancy, user, before)
        since_us = before.created_at_us if before is not None and lives else now_us
        member = MemberRow(tenancy.tenancy_id, user.user_id, role.value, until_us, "", office.source, since_us)
        if before is None:
            rows.add(MEMBERS, member)
        else:
            check_manager_left(rows, tenancy, before, member, now_us)
            if not lives:
                revoke_all(rows, tenancy.tenancy_id, user.user_id)
            rows.replace(MEMBERS, member)
        detail = {
            "user_id": user.user_id,
            "role": role.value,
            "before": before.role if before else None,
            "until_us": until_us,
            "source": office.source,
        }
        return Change(member, f"{tenancy.name}/{user.name}", tenancy.tenancy_id, detail)

    return office.commit("member.add", change)


def take_role(office: Office, tenancy_name: str, user_name: str) -> None:
    """End a membership that a group gave: its access keys are revoked. One of another source is left as it is.

    Raises Unknown, or Refused for the last MANAGER.
    """

    def change(rows: Transaction, now_us: int) -> Change[None]:
        tenancy, user = get_tenancy(rows, tenancy_name), get_user(rows, user_name)
        member = rows.find(MEMBERS, (tenancy.tenancy_id, user.user_id))
        if member is None or member.source != office.source:
            return Change(None, f"{tenancy.name}/{user.name}", tenancy.tenancy_id, {"kept": True})
        check_manager_left(rows, tenancy, member, None, now_us)
        revoked = revoke_all(rows, tenancy.tenancy_id, user.user_id)
        rows.remove(MEMBERS, (tenancy.tenancy_id, user.user_id))
        detail = {"user_id": user.user_id, "role": member.role, **revoked.detail(), "source": office.source}
        return Change(None, f"{tenancy.name}/{user.name}", tenancy.tenancy_id, detail)

    office.commit("member.remove", change)


def _kept(tenancy: TenancyRow, user: UserRow, member: MemberRow) -> Change[MemberRow]:
    return Change(member, f"{tenancy.name}/{user.name}", tenancy.tenancy_id, {"kept": True})
