"""Whose a bucket is: what a transfer changes, what it leaves, and who may be given one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.admin.conftest import Clock

from holdfast.admin.buckets import get_owner, list_owners, plan_transfer, transfer_bucket
from holdfast.admin.errors import AdminError, Refused, Unknown
from holdfast.admin.lookups import get_tenancy
from holdfast.admin.members import add_member, remove_member
from holdfast.admin.office import DAY_US, Office
from holdfast.admin.tenancies import create_tenancy
from holdfast.admin.users import create_user, remove_user, suspend_user
from holdfast.auth.roles import Role
from holdfast.catalog.rows import AUDIT, BUCKETS, TENANCIES, BucketRow
from holdfast.store import quotas

MAX = 3


@pytest.fixture
def site(office: Office) -> Office:
    """A tenancy in which uma owned two buckets and left, and ben, a live member, owns one."""
    tenancy = create_tenancy(office, "a-o")
    for name, role in (("mary", Role.MANAGER), ("uma", Role.USER), ("ben", Role.USER)):
        create_user(office, name)
        add_member(office, "a-o", name, role)
    add_member(office, "a-o", create_user(office, "gus").name, Role.GUEST, until_us=office.now_us() + DAY_US)
    for name, owner in (("cmip6", "uma"), ("scratch", "uma"), ("own", "ben")):
        add_bucket(office, tenancy.tenancy_id, name, user_id(office, owner))
    remove_member(office, "a-o", "uma")
    return office


def user_id(office: Office, name: str) -> str:
    from holdfast.admin.lookups import get_user

    with office.read() as rows:
        return get_user(rows, name).user_id


def add_bucket(office: Office, tenancy_id: str, name: str, owner_id: str, *, size_bytes: int = 7) -> BucketRow:
    row = BucketRow(tenancy_id, name, f"id-{name}", owner_id, 1, '{"a": "policy"}', '{"b": 1}', "cors", "tags", 50, 60)

    def add(rows: Any) -> None:
        rows.add(BUCKETS, row)
        quotas.apply(rows, rows.find(TENANCIES, (tenancy_id,)), row, quotas.Delta(size_bytes, 1))

    assert office.catalog.commit([add])[0].error is None
    return row


def bucket(office: Office, name: str) -> BucketRow:
    with office.read() as rows:
        (found,) = [row for row in rows.scan(BUCKETS) if row.name == name]
    return found


def plan(office: Office, *names: str, to: str = "mary", buckets_max: int = MAX) -> Any:
    with office.read() as rows:
        return plan_transfer(rows, get_tenancy(rows, "a-o"), names, to, office.now_us(), buckets_max)


def test_a_plan_says_what_would_change_and_changes_nothing(site: Office) -> None:
    before = bucket(site, "cmip6")
    first, second = plan(site, "scratch", "cmip6")
    assert (first.bucket, first.before.name, first.after.name) == (before, "uma", "mary")
    assert (first.size_bytes, first.object_count, first.has_policy, first.is_change) == (7, 1, True, True)
    assert second.bucket.name == "scratch"
    assert bucket(site, "cmip6") == before
    with site.read() as rows:
        assert not [row for row in rows.scan(AUDIT) if row.action == "bucket.transfer"]


def test_a_transfer_changes_the_owner_and_nothing_else_and_says_so_in_the_audit(site: Office) -> None:
    before = bucket(site, "cmip6")
    done = transfer_bucket(site, "a-o", "cmip6", "mary", buckets_max=MAX)
    assert done.is_change
    assert bucket(site, "cmip6") == before._replace(owner_id=user_id(site, "mary"))
    with site.read() as rows:
        (audited,) = [row for row in rows.scan(AUDIT) if row.action == "bucket.transfer"]
    assert (audited.subject, audited.tenancy_id) == ("a-o/cmip6", before.tenancy_id)
    assert json.loads(audited.detail) == {"before_id": before.owner_id, "user_id": user_id(site, "mary")}


def test_a_transfer_that_is_made_twice_changes_nothing_more(site: Office) -> None:
    transfer_bucket(site, "a-o", "own", "mary", buckets_max=1)
    again = transfer_bucket(site, "a-o", "own", "mary", buckets_max=1)
    assert not again.is_change
    assert bucket(site, "own").owner_id == user_id(site, "mary")


def test_what_was_seen_in_a_plan_is_what_is_transferred_or_nothing(site: Office) -> None:
    (seen,) = plan(site, "cmip6")
    transfer_bucket(site, "a-o", "cmip6", "ben", buckets_max=MAX)
    with pytest.raises(Refused, match="changed hands"):
        transfer_bucket(site, "a-o", "cmip6", "mary", buckets_max=MAX, expected=seen.bucket)
    assert bucket(site, "cmip6").owner_id == user_id(site, "ben")


@pytest.mark.parametrize(("to", "words"), [("uma", "no live member"), ("gus", "GUEST"), ("nobody-there", "no user")])
def test_who_can_answer_for_no_bucket_is_given_none(site: Office, to: str, words: str) -> None:
    with pytest.raises(AdminError, match=words):
        plan(site, "cmip6", to=to)
    with pytest.raises(AdminError, match=words):
        transfer_bucket(site, "a-o", "cmip6", to, buckets_max=MAX)
    assert bucket(site, "cmip6").owner_id == user_id(site, "uma")


def test_a_suspended_user_and_one_whose_membership_ended_are_given_none(site: Office, clock: Clock) -> None:
    suspend_user(site, "ben")
    create_user(site, "eve")
    add_member(site, "a-o", "eve", Role.USER, until_us=clock.now_us + DAY_US)
    clock.pass_days(2)
    for name in ("ben", "eve"):
        with pytest.raises(Refused, match="no live member"):
            transfer_bucket(site, "a-o", "cmip6", name, buckets_max=MAX)


def test_nobody_is_given_more_buckets_than_one_may_own(site: Office) -> None:
    with pytest.raises(Refused, match="owns 1 buckets"):
        plan(site, "cmip6", "scratch", to="ben", buckets_max=2)
    assert len(plan(site, "cmip6", "own", to="ben", buckets_max=2)) == 2, "what they own already is no more"
    transfer_bucket(site, "a-o", "cmip6", "ben", buckets_max=2)
    with pytest.raises(Refused, match="nobody owns more than 2"):
        transfer_bucket(site, "a-o", "scratch", "ben", buckets_max=2)


def test_a_bucket_of_another_tenancy_is_not_there(site: Office) -> None:
    other = create_tenancy(site, "b-o")
    add_bucket(site, other.tenancy_id, "theirs", user_id(site, "uma"))
    with pytest.raises(Unknown, match="theirs"):
        plan(site, "theirs")
    with pytest.raises(Unknown, match="theirs"):
        transfer_bucket(site, "a-o", "theirs", "mary", buckets_max=MAX)


def test_owners_are_listed_with_what_they_own_and_whether_they_still_can(site: Office, clock: Clock) -> None:
    with site.read() as rows:
        ben, uma = list_owners(rows, get_tenancy(rows, "a-o"), clock.now_us)
    assert (ben.user.name, ben.may_own, [row.name for row in ben.buckets]) == ("ben", True, ["own"])
    assert (uma.user.name, uma.may_own, uma.member) == ("uma", False, None)
    assert [row.name for row in uma.buckets] == ["cmip6", "scratch"]


def test_a_name_that_was_several_peoples_has_to_be_said_by_id(site: Office, clock: Clock) -> None:
    first = user_id(site, "uma")
    remove_user(site, "uma")
    second = create_user(site, "uma")
    with site.read() as rows:
        tenancy = get_tenancy(rows, "a-o")
        assert get_owner(rows, tenancy, "uma", clock.now_us).user.user_id == first
    add_bucket(site, tenancy.tenancy_id, "new", second.user_id)
    with site.read() as rows:
        with pytest.raises(Refused, match=first):
            get_owner(rows, tenancy, "uma", clock.now_us)
        assert [row.name for row in get_owner(rows, tenancy, first, clock.now_us).buckets] == ["cmip6", "scratch"]
        with pytest.raises(Unknown, match="did you mean"):
            get_owner(rows, tenancy, "bem", clock.now_us)
