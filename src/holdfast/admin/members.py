"""Members: which user has which role in which tenancy, and until when."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from holdfast.auth.roles import Role
from holdfast.catalog.interface import Snapshot, Transaction
from holdfast.catalog.rows import BUCKETS, MEMBERS, USERS, MemberRow, TenancyRow, UserRow

from .access_keys import revoke_all
from .errors import Refused, Unknown
from .lookups import get_bucket, get_member, get_tenancy, get_user
from .managers import check_manager_left, is_live
from .office import Change, Office

ROLES: Final = (Role.USER, Role.DEPUTY, Role.MANAGER, Role.GUEST)
"""The roles that a member may have."""

Access = Literal["read", "write"]


class Membership(NamedTuple):
    """A member with the name that people know, for showing."""

    user: UserRow
    member: MemberRow
    is_live: bool
    buckets: Mapping[str, Access]
    """For a GUEST: bucket name → what is named for them there."""


def add_member(
    office: Office,
    tenancy_name: str,
    user_name: str,
    role: Role,
    *,
    until_us: int | None = None,
    buckets: Mapping[str, Access] | None = None,
    user_id: str = "",
) -> MemberRow:
    """Make a user a member, or change the role, end and buckets of one who is.

    `buckets` names what a GUEST may reach; a GUEST needs an end. Whoever joins again after the membership ended gets
    a new one: access keys of the old one stay refused. With `user_id`, only that very user is meant, and nobody else
    who has the name by now. Raises Unknown, or Refused, also where the last MANAGER would be lost.
    """
    if role is Role.GUEST and until_us is None:
        raise Refused("a GUEST's access has an end: add --until DATE")
    if role is not Role.GUEST and buckets:
        raise Refused(f"only a GUEST is limited to named buckets: a {role} reaches what the role and policies give")

    def change(rows: Transaction, now_us: int) -> Change[MemberRow]:
        if until_us is not None and until_us <= now_us:
            raise Refused("the end of the membership lies in the past: to end it now, use holdfast member remove")
        tenancy = get_tenancy(rows, tenancy_name)
        user = _get_user(rows, user_name, user_id)
        named = (
            json.dumps({get_bucket(rows, tenancy, name).bucket_id: access for name, access in buckets.items()})
            if buckets
            else ""
        )
        before = rows.find(MEMBERS, (tenancy.tenancy_id, user.user_id))
        created_at_us = now_us
        if before is not None and is_live(before, now_us):
            created_at_us = before.created_at_us
        member = MemberRow(tenancy.tenancy_id, user.user_id, role.value, until_us, named, office.source, created_at_us)
        if before is None:
            rows.add(MEMBERS, member)
        else:
            check_manager_left(rows, tenancy, before, member, now_us)
            if not is_live(before, now_us):
                revoke_all(rows, tenancy.tenancy_id, user.user_id)
            rows.replace(MEMBERS, member)
        detail = {
            "user_id": user.user_id,
            "role": role.value,
            "before": before.role if before else None,
            "until_us": until_us,
        }
        return Change(member, f"{tenancy.name}/{user.name}", tenancy.tenancy_id, detail)

    return office.commit("member.add", change)


def remove_member(office: Office, tenancy_name: str, user_name: str, *, reason: str = "", user_id: str = "") -> None:
    """End a membership now: its access keys are revoked and stay as rows. Buckets that the user owns stay.

    `reason` is for the audit. With `user_id`, only that very user is meant. Raises Unknown, or Refused for the last
    MANAGER.
    """

    def change(rows: Transaction, now_us: int) -> Change[None]:
        tenancy = get_tenancy(rows, tenancy_name)
        user = _get_user(rows, user_name, user_id)
        member = get_member(rows, tenancy, user)
        check_manager_left(rows, tenancy, member, None, now_us)
        revoked = revoke_all(rows, tenancy.tenancy_id, user.user_id)
        rows.remove(MEMBERS, (tenancy.tenancy_id, user.user_id))
        detail: dict[str, Any] = {"user_id": user.user_id, "role": member.role, **revoked.detail()}
        if reason:
            detail["reason"] = reason
        return Change(None, f"{tenancy.name}/{user.name}", tenancy.tenancy_id, detail)

    office.commit("member.remove", change)


def _get_user(rows: Snapshot, name: str, user_id: str) -> UserRow:
    user = get_user(rows, name)
    if user_id and user.user_id != user_id:
        raise Unknown("user", name, otherwise="the name belongs to somebody else by now")
    return user


def list_members(rows: Snapshot, tenancy: TenancyRow, now_us: int) -> Sequence[Membership]:
    """Return the members of a tenancy by name, ended ones included."""
    names = {bucket.bucket_id: bucket.name for bucket in rows.scan(BUCKETS, (tenancy.tenancy_id,))}
    found = []
    for member in rows.scan(MEMBERS, (tenancy.tenancy_id,)):
        user = rows.find(USERS, (member.user_id,))
        assert user is not None, "user rows are never removed"
        ids: dict[str, Access] = json.loads(member.buckets) if member.buckets else {}
        buckets = {names[bucket_id]: access for bucket_id, access in ids.items() if bucket_id in names}
        found.append(Membership(user, member, is_live(member, now_us), buckets))
    return sorted(found, key=lambda membership: membership.user.name)
