"""Tenancies: each has its own bucket namespace, hostnames, members and quota."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from holdfast.catalog.interface import RowExists, Snapshot, Transaction
from holdfast.catalog.rows import BUCKETS, MEMBERS, TENANCIES, USAGE, TenancyRow

from .access_keys import revoke_all
from .errors import Refused, Taken
from .lookups import get_tenancy
from .names import check_tenancy_name
from .office import Change, Office

NEW_BUCKETS: Final = ("private", "members-read", "members-write")
"""The policies that a tenancy's new buckets may begin with."""


def create_tenancy(
    office: Office,
    name: str,
    *,
    limit_bytes: int | None = None,
    limit_objects: int | None = None,
    new_buckets: str = "private",
    users_may_publish: bool = False,
    users_may_create: bool = True,
    tenancy_id: str = "",
) -> TenancyRow:
    """Create a tenancy. `None` = no limit. Raises Taken, or Refused for a bad name.

    Whoever chose a `tenancy_id` before (by `Office.new_id`) may ask again after a crash: the one that is there under
    it is returned as it is.
    """
    check_tenancy_name(name)
    assert new_buckets in NEW_BUCKETS
    chosen_id = tenancy_id
    tenancy_id = tenancy_id or office.new_id()
    if chosen_id:
        with office.read() as snapshot:
            made = snapshot.find(TENANCIES, (chosen_id,))
        if made is not None:
            return made

    def change(rows: Transaction, now_us: int) -> Change[TenancyRow]:
        tenancy = TenancyRow(
            tenancy_id=tenancy_id,
            name=name,
            state="active",
            reason="",
            new_buckets=new_buckets,
            users_may_publish=int(users_may_publish),
            users_may_create=int(users_may_create),
            limit_bytes=limit_bytes,
            limit_objects=limit_objects,
            created_at_us=now_us,
        )
        try:
            rows.add(TENANCIES, tenancy)
        except RowExists:
            raise Taken(f"there is a tenancy `{name}` already") from None
        detail = {"limit_bytes": limit_bytes, "limit_objects": limit_objects, "new_buckets": new_buckets}
        return Change(tenancy, name, tenancy_id, detail)

    return office.commit("tenancy.create", change)


def list_tenancies(rows: Snapshot) -> Sequence[TenancyRow]:
    """Return all tenancies by name."""
    return rows.scan(TENANCIES, index="by_name")


def suspend_tenancy(office: Office, name: str, reason: str) -> TenancyRow:
    """Refuse all S3 to a tenancy, anonymous and presigned too, until it is resumed. Nothing of it is deleted meanwhile.

    `reason` is shown to its managers. Idempotent; the newest reason stands. Raises Unknown.
    """
    return _set_state(office, "tenancy.suspend", name, "suspended", reason)


def close_tenancy(office: Office, name: str, reason: str, *, if_open: bool = False) -> TenancyRow:
    """Make a tenancy read-only: reads and deletes go on, writes are refused. Idempotent. Raises Unknown.

    With `if_open` it is Refused where the tenancy is suspended, or read-only for another reason: who may close a
    tenancy may not do away with what operators said.
    """
    return _set_state(office, "tenancy.close", name, "readonly", reason, _is_open_or_closed_for if if_open else None)


def resume_tenancy(office: Office, name: str, *, if_closed_for: str | None = None) -> TenancyRow:
    """Take a suspension or closing back. Idempotent. Raises Unknown.

    With `if_closed_for` it is Refused where the tenancy is suspended, or read-only for another reason than this.
    """
    if if_closed_for is None:
        return _set_state(office, "tenancy.resume", name, "active", "")
    reason = if_closed_for
    return _set_state(
        office, "tenancy.resume", name, "active", "", lambda before, _: _is_open_or_closed_for(before, reason)
    )


def _is_open_or_closed_for(before: TenancyRow, reason: str) -> bool:
    return before.state == "active" or (before.state == "readonly" and before.reason == reason)


def _set_state(
    office: Office,
    action: str,
    name: str,
    state: str,
    reason: str,
    may: Callable[[TenancyRow, str], bool] | None = None,
) -> TenancyRow:
    def change(rows: Transaction, now_us: int) -> Change[TenancyRow]:
        before = get_tenancy(rows, name)
        if may is not None and not may(before, reason):
            is_what = "suspended" if before.state == "suspended" else "read-only"
            why = f" ({before.reason})" if before.reason else ""
            raise Refused(f"tenancy `{name}` is {is_what}{why}: ask the operators of this site")
        tenancy = before._replace(state=state, reason=reason)
        rows.replace(TENANCIES, tenancy)
        return Change(tenancy, name, tenancy.tenancy_id, {"before": before.state, "reason": reason})

    return office.commit(action, change)


def set_tenancy_rules(
    office: Office, name: str, *, new_buckets: str, users_may_publish: bool, users_may_create: bool
) -> TenancyRow:
    """Say what a tenancy's new buckets begin with, and what its USERs may. Idempotent. Raises Unknown.

    Buckets that are there stay as they are.
    """
    assert new_buckets in NEW_BUCKETS

    def change(rows: Transaction, now_us: int) -> Change[TenancyRow]:
        before = get_tenancy(rows, name)
        tenancy = before._replace(
            new_buckets=new_buckets, users_may_publish=int(users_may_publish), users_may_create=int(users_may_create)
        )
        rows.replace(TENANCIES, tenancy)
        detail = {
            "new_buckets": new_buckets,
            "users_may_publish": users_may_publish,
            "users_may_create": users_may_create,
            "before": [before.new_buckets, bool(before.users_may_publish), bool(before.users_may_create)],
        }
        return Change(tenancy, name, tenancy.tenancy_id, detail)

    return office.commit("tenancy.rules", change)


def delete_tenancy(office: Office, name: str) -> None:
    """Delete a tenancy that has no buckets, with its memberships. Its access keys are revoked and stay as rows.

    Raises Unknown, or Refused while there are buckets: emptying them is left to S3 clients, where it can be seen and
    undone.
    """

    def change(rows: Transaction, now_us: int) -> Change[None]:
        tenancy = get_tenancy(rows, name)
        buckets = rows.scan(BUCKETS, (tenancy.tenancy_id,), count_max=4)
        if buckets:
            shown = ", ".join(bucket.name for bucket in buckets[:3]) + (" and more" if len(buckets) > 3 else "")
            raise Refused(
                f"tenancy `{name}` still has buckets ({shown}): delete them through S3 first, "
                "for example with s3cmd rb --recursive --force"
            )
        revoke_all(rows, tenancy.tenancy_id)
        for member in rows.scan(MEMBERS, (tenancy.tenancy_id,)):
            rows.remove(MEMBERS, (tenancy.tenancy_id, member.user_id))
        if rows.find(USAGE, (tenancy.tenancy_id,)) is not None:
            rows.remove(USAGE, (tenancy.tenancy_id,))
        rows.remove(TENANCIES, (tenancy.tenancy_id,))
        return Change(None, name, tenancy.tenancy_id)

    office.commit("tenancy.delete", change)
