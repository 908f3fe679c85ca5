"""From the names that people write to rows."""

from __future__ import annotations

from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import BUCKETS, MEMBERS, TENANCIES, USERS, BucketRow, MemberRow, TenancyRow, UserRow

from .errors import Unknown


def get_tenancy(rows: Snapshot, name: str) -> TenancyRow:
    """Return the tenancy of this name. Raises Unknown."""
    found = rows.scan(TENANCIES, (name,), index="by_name", count_max=1)
    if not found:
        known = (tenancy.name for tenancy in rows.scan(TENANCIES))
        raise Unknown("tenancy", name, known)
    return found[0]


def get_user(rows: Snapshot, name: str) -> UserRow:
    """Return the user who has this name now. Raises Unknown."""
    found = rows.scan(USERS, (name,), index="by_live_name", count_max=1)
    if not found or found[0].state == "removed":
        known = (user.name for user in rows.scan(USERS) if user.state != "removed")
        raise Unknown("user", name, known)
    return found[0]


def get_member(rows: Snapshot, tenancy: TenancyRow, user: UserRow) -> MemberRow:
    """Return the membership of a user, live or ended. Raises Unknown."""
    member = rows.find(MEMBERS, (tenancy.tenancy_id, user.user_id))
    if member is None:
        raise Unknown("member", user.name, (), f" of tenancy `{tenancy.name}`")
    return member


def get_bucket(rows: Snapshot, tenancy: TenancyRow, name: str) -> BucketRow:
    """Return a bucket of a tenancy. Raises Unknown."""
    bucket = rows.find(BUCKETS, (tenancy.tenancy_id, name))
    if bucket is None:
        near = (other.name for other in rows.scan(BUCKETS, (tenancy.tenancy_id,)))
        raise Unknown("bucket", name, near, f" in tenancy `{tenancy.name}`")
    return bucket
