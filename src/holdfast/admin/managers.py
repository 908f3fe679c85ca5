"""The last MANAGER: a tenancy that has one never loses it by a command."""

from __future__ import annotations

from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import MEMBERS, USERS, MemberRow, TenancyRow

from .errors import Refused


def is_live(member: MemberRow, now_us: int) -> bool:
    """Whether the membership has not ended."""
    return member.until_us is None or now_us < member.until_us


def other_managers(rows: Snapshot, tenancy_id: str, user_id: str, now_us: int) -> list[MemberRow]:
    """Return the live MANAGERs of a tenancy other than this user, suspended users left out."""
    return [
        member
        for member in rows.scan(MEMBERS, (tenancy_id,))
        if member.role == "MANAGER"
        and member.user_id != user_id
        and is_live(member, now_us)
        and _is_active(rows, member)
    ]


def has_manager(rows: Snapshot, tenancy_id: str, now_us: int) -> bool:
    """Whether a tenancy has a live MANAGER, were they suspended or disabled: somebody who comes back."""
    for member in rows.scan(MEMBERS, (tenancy_id,)):
        if member.role == "MANAGER" and is_live(member, now_us):
            user = rows.find(USERS, (member.user_id,))
            if user is not None and user.state != "removed":
                return True
    return False


def _is_active(rows: Snapshot, member: MemberRow) -> bool:
    user = rows.find(USERS, (member.user_id,))
    return user is not None and user.state == "active"


def check_manager_left(
    rows: Snapshot, tenancy: TenancyRow, before: MemberRow, after: MemberRow | None, now_us: int
) -> None:
    """Raise Refused when a change of one membership (None = removal) takes away the tenancy's last live MANAGER."""
    if before.role != "MANAGER" or not is_live(before, now_us) or (after is not None and after.role == "MANAGER"):
        return
    if not other_managers(rows, tenancy.tenancy_id, before.user_id, now_us):
        raise Refused(
            f"this would leave tenancy `{tenancy.name}` without a MANAGER: make somebody else MANAGER first, "
            f"with holdfast member add {tenancy.name} USER --role MANAGER"
        )
