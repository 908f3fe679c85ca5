"""Buckets of who left: whose they are, and giving them to somebody who is there. Looked at first, changed after."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from holdfast.admin.access_keys import list_access_keys
from holdfast.admin.buckets import Owner, Transfer, list_owners, plan_transfer, transfer_bucket
from holdfast.admin.errors import AdminError, Refused, Unknown
from holdfast.admin.managers import is_live
from holdfast.auth.roles import Role
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import MEMBERS, USERS
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.notices.notify import notify
from holdfast.portal.people.lookups import names_by_principal, people_by_principal, user_names
from holdfast.store.quotas import get_usage, used_bytes, used_objects

from .pages import tenancy_path


class OwnerStatus(NamedTuple):
    """A word and the kind of `components/status.html`."""

    word: str
    kind: str


FORMER = OwnerStatus("former member", "warn")
SUSPENDED = OwnerStatus("suspended", "error")
GUEST = OwnerStatus("GUEST by now", "warn")


class Line(NamedTuple):
    """An owner of buckets, with what they hold."""

    owner: Owner
    label: str
    status: OwnerStatus
    size_bytes: int
    object_count: int


class Plan(NamedTuple):
    """What a transfer would change, and a mark of exactly that."""

    transfers: Sequence[Transfer]
    new_owner: str
    mark: str


def status_of_owner(owner: Owner, now_us: int) -> OwnerStatus:
    """Return what an owner is in the tenancy now."""
    if owner.member is None or not is_live(owner.member, now_us) or owner.user.state == "removed":
        return FORMER
    if owner.user.state != "active":
        return SUSPENDED
    return OwnerStatus(owner.member.role, "ok") if owner.may_own else GUEST


def owner_lines(rows: Snapshot, standing: Standing, *, everybody: bool) -> Sequence[Line]:
    """Return the owners that can't answer for their buckets any more, or all of them. Reads every bucket's row."""
    now_us = house().now_us()
    owners = [each for each in list_owners(rows, standing.tenancy, now_us) if everybody or not each.may_own]
    names = names_by_principal(rows, {owner.user.user_id for owner in owners})
    lines = []
    for owner in owners:
        usages = [get_usage(rows, bucket.bucket_id) for bucket in owner.buckets]
        lines.append(
            Line(
                owner,
                names.get(owner.user.user_id, owner.user.name),
                status_of_owner(owner, now_us),
                sum(map(used_bytes, usages)),
                sum(map(used_objects, usages)),
            )
        )
    return lines


def get_line(rows: Snapshot, standing: Standing, owner_id: str) -> Line:
    """Return an owner of buckets of this tenancy by id. Raises Unknown, for owners elsewhere too."""
    for line in owner_lines(rows, standing, everybody=True):
        if line.owner.user.user_id == owner_id:
            return line
    raise Unknown("owner of a bucket", owner_id, (), f" in {standing.tenancy.name}")


def names_of_owners(rows: Snapshot, standing: Standing, owner: Owner) -> Sequence[str]:
    """Return the user names of who may own buckets here beside this owner, in order. A scan of the members."""
    now_us = house().now_us()
    ids = [
        member.user_id
        for member in rows.scan(MEMBERS, (standing.tenancy.tenancy_id,))
        if member.role != Role.GUEST and is_live(member, now_us) and member.user_id != owner.user.user_id
    ]
    return sorted(user_names(rows, ids).values())


def key_states(rows: Snapshot, standing: Standing, owner: Owner) -> Sequence[tuple[str, str, str]]:
    """Return the access keys that an owner has or had here: id, description, state."""
    user = rows.find(USERS, (owner.user.user_id,))
    if user is None:
        return ()
    found = list_access_keys(rows, house().now_us(), standing.tenancy, user)
    return [(each.row.access_key_id, each.row.description, each.state) for each in found]


def plan(rows: Snapshot, standing: Standing, owner: Owner, names: Iterable[str], new_owner: str) -> Plan:
    """Return what would change if these buckets of an owner were somebody else's. Raises Unknown or Refused."""
    owned = {bucket.name for bucket in owner.buckets}
    wanted = sorted(set(names))
    strange = [name for name in wanted if name not in owned]
    if strange:
        raise Refused(f"`{strange[0]}` is no bucket of {owner.user.name} any more: look again")
    if not wanted:
        raise Refused("choose at least one bucket")
    if new_owner == owner.user.name and owner.may_own:
        raise Refused(f"they are {new_owner}'s already: choose somebody else")
    opened = house()
    transfers = plan_transfer(
        rows, standing.tenancy, wanted, new_owner, opened.now_us(), opened.settings.limits.buckets_max
    )
    seen = "\n".join(f"{each.bucket.bucket_id} {each.bucket.owner_id} {each.after.user_id}" for each in transfers)
    return Plan(transfers, new_owner, hashlib.sha256(seen.encode()).hexdigest())


def carry_out(standing: Standing, owner: Owner, planned: Plan) -> tuple[Sequence[Transfer], str]:
    """Transfer what was planned; return what was done, and why the rest was not."""
    opened = house()
    office = opened.office(standing.person.principal_id)
    done: list[Transfer] = []
    refusal = ""
    for each in planned.transfers:
        try:
            done.append(
                transfer_bucket(
                    office,
                    standing.tenancy.name,
                    each.bucket.name,
                    planned.new_owner,
                    buckets_max=opened.settings.limits.buckets_max,
                    expected=each.bucket,
                )
            )
        except AdminError as error:
            refusal = str(error)
            break
    if done:
        _tell(standing, owner, done)
    return done, refusal


def _tell(standing: Standing, owner: Owner, done: Sequence[Transfer]) -> None:
    """Tell the new owner, and the old one where they are still a member."""
    tenancy = standing.tenancy.name
    names = ", ".join(each.bucket.name for each in done[:20]) + (" and more" if len(done) > 20 else "")
    after = done[0].after
    ids = {after.user_id} | ({owner.user.user_id} if owner.member is not None else set())
    people = people_by_principal(ids - {standing.person.principal_id})
    for principal_id, person in people.items():
        if principal_id == after.user_id:
            subject = f"You own buckets of {tenancy} now"
            text = f"{standing.person} made you the owner of {names}. You decide who shares them."
        else:
            subject = f"Buckets of yours in {tenancy} have a new owner"
            text = f"{standing.person} made {after.name} the owner of {names}. Their policies stay as they were."
        notify([person], "bucket_transfer", subject, text, url=tenancy_path(tenancy, "buckets/"))
