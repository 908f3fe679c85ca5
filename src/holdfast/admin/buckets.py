"""Buckets and the people who answer for them: whose they are, and how they come to be somebody else's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from holdfast.auth.roles import Extent, Right, Role, extent
from holdfast.catalog.interface import Snapshot, Transaction
from holdfast.catalog.rows import BUCKETS, MEMBERS, USERS, BucketRow, MemberRow, TenancyRow, UserRow
from holdfast.store import buckets
from holdfast.store.quotas import get_usage, used_bytes, used_objects

from .errors import Refused, Unknown
from .lookups import get_bucket, get_tenancy, get_user
from .managers import is_live
from .office import Change, Office


class Transfer(NamedTuple):
    """A bucket that would change hands, or has: what stays is everything but its owner."""

    bucket: BucketRow
    before: UserRow | None
    """None for an owner whose row is lost."""
    after: UserRow
    size_bytes: int
    object_count: int
    has_policy: bool

    @property
    def is_change(self) -> bool:
        """Whether it is not the new owner's already."""
        return self.bucket.owner_id != self.after.user_id


class Owner(NamedTuple):
    """Somebody who owns buckets of a tenancy."""

    user: UserRow
    member: MemberRow | None
    """The membership, live or ended; None for who has none any more."""
    may_own: bool
    """Whether they can answer for buckets now: who left, is suspended, or is a GUEST by now, can't."""
    buckets: Sequence[BucketRow]


def list_owners(rows: Snapshot, tenancy: TenancyRow, now_us: int) -> Sequence[Owner]:
    """Return who owns buckets of a tenancy, by name, with their buckets by name. Reads every bucket's row."""
    owned: dict[str, list[BucketRow]] = {}
    for bucket in rows.scan(BUCKETS, (tenancy.tenancy_id,)):
        owned.setdefault(bucket.owner_id, []).append(bucket)
    found = []
    for user_id, its_buckets in owned.items():
        user = rows.find(USERS, (user_id,)) or UserRow(user_id, user_id, "", "removed", user_id, 0)
        member = rows.find(MEMBERS, (tenancy.tenancy_id, user_id))
        found.append(Owner(user, member, _may_own(user, member, now_us), its_buckets))
    return sorted(found, key=lambda owner: (owner.user.name, owner.user.user_id))


def get_owner(rows: Snapshot, tenancy: TenancyRow, name: str, now_us: int) -> Owner:
    """Return who owns buckets of a tenancy, by name or id.

    Raises Unknown, or Refused where the name was several people's.
    """
    owners = list_owners(rows, tenancy, now_us)
    found = [owner for owner in owners if name in (owner.user.name, owner.user.user_id)]
    if not found:
        known = (owner.user.name for owner in owners)
        raise Unknown("owner of a bucket", name, known, f" in tenancy `{tenancy.name}`")
    if len(found) > 1:
        ids = ", ".join(owner.user.user_id for owner in found)
        raise Refused(
            f"`{name}` was the name of several people who own buckets here: say whose, by one of the ids {ids}"
        )
    return found[0]


def plan_transfer(
    rows: Snapshot,
    tenancy: TenancyRow,
    names: Sequence[str],
    new_owner: str,
    now_us: int,
    buckets_max: int,
) -> Sequence[Transfer]:
    """Return what would change if these buckets were a member's, by name, and change nothing.

    Raises what `transfer_bucket` would: Unknown, or Refused.
    """
    user = _get_new_owner(rows, tenancy, new_owner, now_us)
    planned = [_transfer(rows, get_bucket(rows, tenancy, name), user) for name in sorted(set(names))]
    _check_room(rows, tenancy, user, sum(each.is_change for each in planned), buckets_max)
    return planned


def transfer_bucket(
    office: Office,
    tenancy_name: str,
    name: str,
    new_owner: str,
    *,
    buckets_max: int,
    expected: BucketRow | None = None,
) -> Transfer:
    """Make a bucket a live member's: USER, DEPUTY or MANAGER. What is in it, its policy, CORS and limits stay.

    Idempotent. With `expected`, only as long as the bucket is the one, and is owned by whom, that row says: what was
    seen in a plan. Raises Unknown, or Refused.
    """

    def change(rows: Transaction, now_us: int) -> Change[Transfer]:
        tenancy = get_tenancy(rows, tenancy_name)
        bucket = get_bucket(rows, tenancy, name)
        if expected is not None and (bucket.bucket_id, bucket.owner_id) != (expected.bucket_id, expected.owner_id):
            raise Refused(f"bucket `{name}` has changed hands, or was made anew, since you looked: look again first")
        user = _get_new_owner(rows, tenancy, new_owner, now_us)
        done = _transfer(rows, bucket, user)
        if done.is_change:
            _check_room(rows, tenancy, user, 1, buckets_max)
            buckets.change(rows, bucket._replace(owner_id=user.user_id), bucket)
        detail = {"before_id": bucket.owner_id, "user_id": user.user_id}
        return Change(done, f"{tenancy.name}/{name}", tenancy.tenancy_id, detail)

    return office.commit("bucket.transfer", change)


def _transfer(rows: Snapshot, bucket: BucketRow, user: UserRow) -> Transfer:
    usage = get_usage(rows, bucket.bucket_id)
    before = rows.find(USERS, (bucket.owner_id,))
    return Transfer(bucket, before, user, used_bytes(usage), used_objects(usage), bool(bucket.policy))


def _get_new_owner(rows: Snapshot, tenancy: TenancyRow, name: str, now_us: int) -> UserRow:
    user = get_user(rows, name)
    member = rows.find(MEMBERS, (tenancy.tenancy_id, user.user_id))
    if not _may_own(user, member, now_us):
        is_guest = member is not None and is_live(member, now_us) and user.state == "active"
        what = "is a GUEST" if is_guest else "is no live member"
        raise Refused(
            f"`{name}` {what} of tenancy `{tenancy.name}`: a bucket's new owner is a USER, DEPUTY or MANAGER there"
        )
    return user


def _may_own(user: UserRow, member: MemberRow | None, now_us: int) -> bool:
    """Whether somebody can answer for a bucket: a live member whose role reaches the rules of own buckets."""
    return (
        user.state == "active"
        and member is not None
        and is_live(member, now_us)
        and extent(Role(member.role), Right.CHANGE_BUCKET) is not Extent.NONE
    )


def _check_room(rows: Snapshot, tenancy: TenancyRow, user: UserRow, more: int, buckets_max: int) -> None:
    owned = sum(1 for row in rows.scan(BUCKETS, (tenancy.tenancy_id,)) if row.owner_id == user.user_id)
    if owned + more > buckets_max:
        raise Refused(
            f"`{user.name}` owns {owned} buckets here, and nobody owns more than {buckets_max}: choose fewer buckets, "
            "or another owner"
        )
