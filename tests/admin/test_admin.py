"""Tenancies, users, members, quotas: rules, and that each change leaves an audit row and raises the generation."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from holdfast.admin.access_keys import create_access_key, list_access_keys
from holdfast.admin.errors import AdminError, Refused, Taken, Unknown
from holdfast.admin.groups import give_role, take_role
from holdfast.admin.lookups import get_member, get_tenancy, get_user
from holdfast.admin.members import add_member, list_members, remove_member
from holdfast.admin.office import DAY_US, Office
from holdfast.admin.quotas import set_bucket_quota, set_tenancy_quota
from holdfast.admin.site import find_site_setting, list_site_settings, public_buckets, set_site_setting
from holdfast.admin.tenancies import (
    create_tenancy,
    delete_tenancy,
    list_tenancies,
    resume_tenancy,
    set_tenancy_rules,
    suspend_tenancy,
)
from holdfast.admin.usage import bucket_usages, tenancy_usage
from holdfast.admin.users import (
    create_user,
    disable_user,
    enable_user,
    list_users,
    remove_user,
    resume_user,
    set_email,
    suspend_user,
)
from holdfast.auth.keyring import Keyring
from holdfast.auth.roles import Role
from holdfast.catalog.rows import AUDIT, BUCKETS, TENANCIES, USAGE, USERS, BucketRow, UsageRow
from holdfast.config import Limits
from holdfast.s3 import policy


def add_bucket(office: Office, tenancy: str, name: str, owner: str = "nobody") -> BucketRow:
    with office.read() as rows:
        tenancy_id = get_tenancy(rows, tenancy).tenancy_id
    row = BucketRow(tenancy_id, name, f"id-{name}", owner, office.now_us(), "", "", "", "", None, None)
    assert office.catalog.commit([lambda rows: rows.add(BUCKETS, row)])[0].error is None
    return row


def settle(office: Office) -> None:
    """A tenancy with a MANAGER, mary, and a USER, uma."""
    create_tenancy(office, "a-o")
    for name, role in (("mary", Role.MANAGER), ("uma", Role.USER)):
        create_user(office, name)
        add_member(office, "a-o", name, role)


CHANGES: list[Callable[[Office], Any]] = [
    lambda office: create_tenancy(office, "b-o", limit_bytes=10**13),
    lambda office: suspend_tenancy(office, "a-o", "why"),
    lambda office: resume_tenancy(office, "a-o"),
    lambda office: set_tenancy_quota(office, "a-o", 5),
    lambda office: delete_tenancy(office, "a-o"),
    lambda office: create_user(office, "ben", "ben@example.org"),
    lambda office: suspend_user(office, "uma"),
    lambda office: resume_user(office, "uma"),
    lambda office: disable_user(office, "uma"),
    lambda office: enable_user(office, "uma"),
    lambda office: set_email(office, "uma", "uma@example.org"),
    lambda office: give_role(office, "a-o", "uma", Role.DEPUTY, None),
    lambda office: take_role(office, "a-o", "uma"),
    lambda office: remove_user(office, "uma"),
    lambda office: add_member(office, "a-o", "uma", Role.DEPUTY),
    lambda office: remove_member(office, "a-o", "uma"),
    lambda office: set_site_setting(office, "read_only", "new disks"),
    lambda office: set_site_setting(office, "read_only", None),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_leaves_one_audit_row_and_makes_caches_stale(office: Office, change: Callable[[Office], Any]) -> None:
    settle(office)
    with office.read() as rows:
        count = len(rows.scan(AUDIT))
    generation = office.generation.value()
    change(office)
    with office.read() as rows:
        audit = rows.scan(AUDIT)
    assert len(audit) == count + 1
    assert all(row.actor == "cli:test" for row in audit)
    assert office.generation.value() == generation + 1


def test_a_refused_change_leaves_nothing(office: Office) -> None:
    settle(office)
    with office.read() as rows:
        before = len(rows.scan(AUDIT)), rows.scan(TENANCIES), rows.scan(USERS)
    generation = office.generation.value()
    for refused in (
        lambda: create_tenancy(office, "a-o"),
        lambda: create_user(office, "uma"),
        lambda: remove_member(office, "a-o", "mary"),
        lambda: remove_user(office, "mary"),
        lambda: suspend_tenancy(office, "zz-o", ""),
    ):
        with pytest.raises(AdminError):
            refused()
    with office.read() as rows:
        assert (len(rows.scan(AUDIT)), rows.scan(TENANCIES), rows.scan(USERS)) == before
    assert office.generation.value() == generation


@pytest.mark.parametrize(
    "name", ["ab", "A-o", "-a-o", "a-o-", "a_o", "a.o", "a" * 64, "xn--a-o", "_admin", "a o", "ä-o", "a-o\n", ""]
)
def test_a_tenancy_name_that_is_no_host_label_is_refused(office: Office, name: str) -> None:
    with pytest.raises(Refused, match="3 to 63"):
        create_tenancy(office, name)


@pytest.mark.parametrize(
    "name", ["", "Anna", "a b", "-a", "a-", "*", "anonymous", "a/b", "a:b", "0" * 32, "a" * 65, "a\n", "ä"]
)
def test_a_user_name_that_could_be_read_as_something_else_is_refused(office: Office, name: str) -> None:
    with pytest.raises(Refused, match="can't be a user's name"):
        create_user(office, name)


@pytest.mark.parametrize("email", ["a", "a@", "a b@c", "a@b,c@d", "a@\x1b[31m"])
def test_a_bad_email_address_is_refused(office: Office, email: str) -> None:
    with pytest.raises(Refused, match="e-mail"):
        create_user(office, "ben", email)


def test_taken_and_unknown_names_say_so_and_unknown_ones_what_was_perhaps_meant(office: Office) -> None:
    settle(office)
    with pytest.raises(Taken, match="there is a tenancy `a-o` already"):
        create_tenancy(office, "a-o")
    with pytest.raises(Taken):
        create_user(office, "uma")
    with pytest.raises(Unknown, match="there is no tenancy `aa-o`; did you mean `a-o`"):
        suspend_tenancy(office, "aa-o", "")
    with pytest.raises(Unknown, match="there is no user `umma`; did you mean `uma`"):
        add_member(office, "a-o", "umma", Role.USER)
    create_user(office, "ben")
    with pytest.raises(Unknown, match="there is no member `ben` of tenancy `a-o`"):
        remove_member(office, "a-o", "ben")


def test_tenancies_and_users_are_listed_by_name(office: Office) -> None:
    for name in ("c-o", "a-o", "b-o"):
        create_tenancy(office, name)
        create_user(office, name[0])
    with office.read() as rows:
        assert [tenancy.name for tenancy in list_tenancies(rows)] == ["a-o", "b-o", "c-o"]
        assert [user.name for user in list_users(rows)] == ["a", "b", "c"]


def test_the_last_manager_can_be_neither_removed_nor_demoted(office: Office, clock: Any) -> None:
    settle(office)
    for act in (
        lambda: remove_member(office, "a-o", "mary"),
        lambda: add_member(office, "a-o", "mary", Role.DEPUTY),
        lambda: remove_user(office, "mary"),
    ):
        with pytest.raises(Refused, match="without a MANAGER"):
            act()
    # One whose membership has ended, or who is suspended, does not count.
    create_user(office, "max")
    add_member(office, "a-o", "max", Role.MANAGER, until_us=clock.now_us + DAY_US)
    clock.pass_days(1)
    with pytest.raises(Refused, match="without a MANAGER"):
        remove_member(office, "a-o", "mary")
    add_member(office, "a-o", "max", Role.MANAGER)
    suspend_user(office, "max")
    with pytest.raises(Refused, match="without a MANAGER"):
        remove_member(office, "a-o", "mary")
    resume_user(office, "max")
    remove_member(office, "a-o", "mary")


def test_a_tenancy_with_buckets_is_not_deleted_and_an_empty_one_is_with_its_keys_refused(
    office: Office, keyring: Keyring
) -> None:
    settle(office)
    key = create_access_key(office, keyring, Limits(), "a-o", "uma")
    bucket = add_bucket(office, "a-o", "results")
    with pytest.raises(Refused, match=r"still has buckets \(results\)"):
        delete_tenancy(office, "a-o")
    office.catalog.commit([lambda rows: rows.remove(BUCKETS, (bucket.tenancy_id, bucket.name))])
    delete_tenancy(office, "a-o")
    with office.read() as rows:
        assert list_access_keys(rows, office.now_us()) == []
        assert rows.scan(TENANCIES) == []
    # The name is free, and the new tenancy is another one.
    again = create_tenancy(office, "a-o")
    assert again.tenancy_id != key.row.tenancy_id


def test_a_removed_user_frees_the_name_for_somebody_else(office: Office) -> None:
    settle(office)
    removed = remove_user(office, "uma")
    with pytest.raises(Unknown):
        suspend_user(office, "uma")
    again = create_user(office, "uma")
    assert again.user_id != removed.user_id
    with office.read() as rows:
        assert get_user(rows, "uma").user_id == again.user_id
        assert rows.find(USERS, (removed.user_id,)) == removed
        tenancy = get_tenancy(rows, "a-o")
        assert [each.user.name for each in list_members(rows, tenancy, office.now_us())] == ["mary"]
        # Nobody is found by the id that stands in a removed user's live_name.
        with pytest.raises(Unknown):
            get_user(rows, removed.user_id)


def test_a_guest_needs_an_end_and_existing_buckets_which_only_a_guest_may_have(office: Office, clock: Any) -> None:
    settle(office)
    create_user(office, "gus")
    end_us = clock.now_us + DAY_US
    with pytest.raises(Refused, match="--until"):
        add_member(office, "a-o", "gus", Role.GUEST)
    with pytest.raises(Unknown, match="bucket `results` in tenancy"):
        add_member(office, "a-o", "gus", Role.GUEST, until_us=end_us, buckets={"results": "read"})
    with pytest.raises(Refused, match="only a GUEST"):
        add_member(office, "a-o", "gus", Role.USER, buckets={"results": "read"})
    with pytest.raises(Refused, match="past"):
        add_member(office, "a-o", "gus", Role.GUEST, until_us=clock.now_us)
    add_bucket(office, "a-o", "results")
    member = add_member(office, "a-o", "gus", Role.GUEST, until_us=end_us, buckets={"results": "write"})
    assert json.loads(member.buckets) == {"id-results": "write"}
    with office.read() as rows:
        shown = {each.user.name: each for each in list_members(rows, get_tenancy(rows, "a-o"), clock.now_us)}
    assert shown["gus"].buckets == {"results": "write"}
    assert shown["gus"].is_live


def test_adding_a_member_again_changes_the_role_and_keeps_the_beginning(office: Office, clock: Any) -> None:
    settle(office)
    with office.read() as rows:
        before = get_member(rows, get_tenancy(rows, "a-o"), get_user(rows, "uma"))
    clock.pass_days(3)
    after = add_member(office, "a-o", "uma", Role.DEPUTY)
    assert (after.role, after.created_at_us) == ("DEPUTY", before.created_at_us)


def test_a_member_who_is_meant_by_the_id_is_nobody_else_of_the_same_name(office: Office) -> None:
    settle(office)
    with office.read() as rows:
        old_id = get_user(rows, "uma").user_id
    remove_user(office, "uma")
    new_id = create_user(office, "uma").user_id
    with pytest.raises(Unknown, match="belongs to somebody else by now"):
        add_member(office, "a-o", "uma", Role.USER, user_id=old_id)
    assert add_member(office, "a-o", "uma", Role.USER, user_id=new_id).user_id == new_id
    with pytest.raises(Unknown, match="belongs to somebody else by now"):
        remove_member(office, "a-o", "uma", user_id=old_id)
    remove_member(office, "a-o", "uma", user_id=new_id, reason="left for the moon")
    with office.read() as rows:
        (detail,) = [json.loads(row.detail) for row in rows.scan(AUDIT) if row.action == "member.remove"]
    assert detail == {"user_id": new_id, "role": "USER", "revoked": 0, "reason": "left for the moon"}


def test_the_rules_of_a_tenancy_change_together_and_leave_the_rest(office: Office) -> None:
    settle(office)
    set_tenancy_quota(office, "a-o", 10**13, 7)
    with office.read() as rows:
        before = get_tenancy(rows, "a-o")
    after = set_tenancy_rules(
        office, "a-o", new_buckets="members-write", users_may_publish=True, users_may_create=False
    )
    assert after == before._replace(new_buckets="members-write", users_may_publish=1, users_may_create=0)
    with office.read() as rows:
        assert get_tenancy(rows, "a-o") == after
    with pytest.raises(Unknown):
        set_tenancy_rules(office, "b-o", new_buckets="private", users_may_publish=True, users_may_create=True)


def test_a_quota_is_set_in_part_or_whole_and_shown_beside_what_is_used(office: Office) -> None:
    settle(office)
    bucket = add_bucket(office, "a-o", "results")
    set_tenancy_quota(office, "a-o", 10**13, 7)
    set_tenancy_quota(office, "a-o", limit_objects=9)
    tenancy = set_tenancy_quota(office, "a-o", limit_bytes=None)
    assert (tenancy.limit_bytes, tenancy.limit_objects) == (None, 9)
    set_bucket_quota(office, "a-o", "results", 500)
    held = UsageRow(bucket.bucket_id, 100, 2, 10, 1, 40, 3, 7, 1)
    office.catalog.commit([lambda rows: rows.add(USAGE, held)])
    with office.read() as rows:
        usages = bucket_usages(rows, tenancy)
        assert tenancy_usage(rows, tenancy).used_bytes == 0
    assert [(usage.name, usage.used_bytes, usage.used_objects, usage.limit_bytes) for usage in usages] == [
        ("results", 150, 3, 500)
    ]


def test_audit_rows_name_what_was_done_and_hold_no_secret(office: Office, keyring: Keyring) -> None:
    settle(office)
    key = create_access_key(office, keyring, Limits(), "a-o", "uma", description="nightly")
    with office.read() as rows:
        audit = rows.scan(AUDIT)
    assert {row.action for row in audit} == {"tenancy.create", "user.create", "member.add", "key.create"}
    assert key.secret not in repr(audit)
    assert key.secret not in repr(key)


def test_a_switch_of_the_site_is_on_while_it_has_a_value(office: Office) -> None:
    def switches() -> dict[str, str]:
        with office.read() as rows:
            return dict(list_site_settings(rows))

    set_site_setting(office, "read_only", "new disks")
    set_site_setting(office, "announcement", "Monday: reads only.")
    set_site_setting(office, "read_only", "")
    assert switches() == {"announcement": "Monday: reads only.", "read_only": ""}
    set_site_setting(office, "read_only", None)
    set_site_setting(office, "read_only", None)
    assert switches() == {"announcement": "Monday: reads only."}
    with office.read() as rows:
        assert find_site_setting(rows, "read_only") is None
        assert find_site_setting(rows, "announcement") == "Monday: reads only."
        details = [json.loads(row.detail) for row in rows.scan(AUDIT) if row.action == "site.set"]
    assert {"before": None, "value": "new disks"} in details
    assert {"before": "", "value": None} in details


@pytest.mark.parametrize("value", ["two\nlines", "x" * 1001, "bell\a"])
def test_a_switch_holds_one_line_for_people(office: Office, value: str) -> None:
    with pytest.raises(Refused, match="one line of at most 1000 characters"):
        set_site_setting(office, "announcement", value)


def test_the_public_buckets_of_the_site_are_named(office: Office) -> None:
    settle(office)
    bucket = add_bucket(office, "a-o", "open")
    add_bucket(office, "a-o", "closed")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "open/*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]}).encode()
    parsed = policy.parse(text, "open", lambda kind, name: None)
    public = bucket._replace(policy=text.decode(), compiled_policy=parsed.source)
    assert office.catalog.commit([lambda rows: rows.replace(BUCKETS, public)])[0].error is None
    with office.read() as rows:
        assert public_buckets(rows) == [("a-o", "open")]
