"""Break-glass: an operator's access to data of a tenancy, for a reason, for hours, and seen by its managers.

It is the membership of a GUEST: buckets by name, no way to change rules, members or others' tokens, and an end that
the store itself enforces. Keys made under it are refused when it ends.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from holdfast.auth.roles import Role
from holdfast.catalog.interface import Snapshot, Transaction
from holdfast.catalog.rows import BUCKETS, MEMBERS, MemberRow, TenancyRow

from .access_keys import revoke_all
from .errors import Refused
from .lookups import get_bucket, get_tenancy, get_user
from .managers import is_live
from .members import Access
from .office import Change, Office

SOURCE: Final = "break-glass"
REASON_LENGTH_MIN: Final = 20
REASON_LENGTH_MAX: Final = 1_000
MINUTES_MIN: Final = 15
MINUTES_MAX: Final = 8 * 60
_MINUTE_US: Final = 60_000_000


def open_break_glass(
    office: Office,
    tenancy_name: str,
    user_name: str,
    *,
    reason: str,
    minutes: int,
    access: Access = "read",
    buckets: Sequence[str] = (),
) -> MemberRow:
    """Give an operator access to buckets of a tenancy for so many minutes. `buckets` empty = all that are there now.

    Raises Unknown, or Refused for a reason that says nothing, a time out of bounds, and who is a member already.
    """
    if not REASON_LENGTH_MIN <= len(reason.strip()) <= REASON_LENGTH_MAX:
        raise Refused(f"say why in {REASON_LENGTH_MIN} to {REASON_LENGTH_MAX} characters: managers read it")
    if not MINUTES_MIN <= minutes <= MINUTES_MAX:
        raise Refused(f"break-glass lasts from {MINUTES_MIN} minutes to {MINUTES_MAX // 60} hours")

    def change(rows: Transaction, now_us: int) -> Change[MemberRow]:
        tenancy, user = get_tenancy(rows, tenancy_name), get_user(rows, user_name)
        found = (
            [get_bucket(rows, tenancy, name) for name in buckets]
            if buckets
            else rows.scan(BUCKETS, (tenancy.tenancy_id,))
        )
        before = rows.find(MEMBERS, (tenancy.tenancy_id, user.user_id))
        if before is not None and is_live(before, now_us):
            what = "has broken the glass" if before.source == SOURCE else f"is a member, as {before.role},"
            raise Refused(f"`{user.name}` {what} in tenancy `{tenancy.name}` already")
        named = json.dumps({bucket.bucket_id: access for bucket in found})
        until_us = now_us + minutes * _MINUTE_US
        row = MemberRow(tenancy.tenancy_id, user.user_id, Role.GUEST.value, until_us, named, SOURCE, now_us)
        if before is None:
            rows.add(MEMBERS, row)
        else:
            revoke_all(rows, tenancy.tenancy_id, user.user_id)
            rows.replace(MEMBERS, row)
        detail = {
            "user_id": user.user_id,
            "reason": reason.strip(),
            "access": access,
            "until_us": until_us,
            "buckets": sorted(bucket.name for bucket in found),
        }
        return Change(row, f"{tenancy.name}/{user.name}", tenancy.tenancy_id, detail)

    return office.commit("break-glass.open", change)


def close_break_glass(office: Office, tenancy_name: str, user_name: str) -> bool:
    """End an operator's access now, their keys with it; return whether there was any. Idempotent. Raises Unknown."""

    def change(rows: Transaction, now_us: int) -> Change[bool]:
        tenancy, user = get_tenancy(rows, tenancy_name), get_user(rows, user_name)
        row = rows.find(MEMBERS, (tenancy.tenancy_id, user.user_id))
        was_open = row is not None and row.source == SOURCE
        if was_open:
            revoke_all(rows, tenancy.tenancy_id, user.user_id)
            rows.remove(MEMBERS, (tenancy.tenancy_id, user.user_id))
        detail = {"user_id": user.user_id, "was_open": was_open}
        return Change(was_open, f"{tenancy.name}/{user.name}", tenancy.tenancy_id, detail)

    return office.commit("break-glass.close", change)


def open_glasses(rows: Snapshot, tenancy: TenancyRow, now_us: int) -> Sequence[MemberRow]:
    """Return which operators have access to data of a tenancy now."""
    return [row for row in rows.scan(MEMBERS, (tenancy.tenancy_id,)) if row.source == SOURCE and is_live(row, now_us)]
