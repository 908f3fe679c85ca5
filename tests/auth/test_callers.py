"""Who a key belongs to, and that a change of keys, members, users or tenancies is seen at once or within a second."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from holdfast.admin.access_keys import NewKey, create_access_key, revoke_access_key
from holdfast.admin.members import add_member, remove_member
from holdfast.admin.office import DAY_US, Office
from holdfast.admin.tenancies import close_tenancy, create_tenancy, delete_tenancy, suspend_tenancy
from holdfast.admin.users import create_user, remove_user, suspend_user
from holdfast.auth.callers import AGE_MAX_US, ENTRIES_MAX, Callers, Material, anonymous_caller
from holdfast.auth.decide import ANONYMOUS
from holdfast.auth.generation import Generation
from holdfast.auth.keyring import Keyring, secret_context
from holdfast.auth.roles import Role
from holdfast.auth.scope import UNLIMITED, Scope
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.memory import MemoryCatalog
from holdfast.catalog.rows import ACCESS_KEYS, BUCKETS, BucketRow
from holdfast.config import Limits
from holdfast.store.errors import TenancyClosed

NOW_US = 1_800_000_000_000_000


class Site:
    """A tenancy a-o with mary (MANAGER) and uma (USER), and a second one, b-o."""

    def __init__(self) -> None:
        self.now_us = NOW_US
        self.keyring = Keyring({1: bytes(32)})
        self.generation = Generation.private()
        self.office = Office(
            MemoryCatalog(), self.generation, "cli:test", now_us=lambda: self.now_us, random=random.Random(4)
        )
        self.callers = Callers(self.keyring)
        self.reads = 0
        create_tenancy(self.office, "a-o")
        create_tenancy(self.office, "b-o")
        for name, role in (("mary", Role.MANAGER), ("uma", Role.USER)):
            create_user(self.office, name)
            add_member(self.office, "a-o", name, role)

    def key(self, tenancy: str = "a-o", user: str = "uma", **facts: Any) -> NewKey:
        return create_access_key(self.office, self.keyring, Limits(), tenancy, user, **facts)

    def read(self) -> AbstractContextManager[Snapshot]:
        self.reads += 1
        return self.office.catalog.read()

    def find(self, access_key_id: str, tenancy: str | None = None, generation: int | None = None) -> Material | None:
        seen = self.generation.value() if generation is None else generation
        return self.callers.find(self.read, access_key_id, tenancy, self.now_us, seen)


@pytest.fixture
def site() -> Site:
    return Site()


def test_a_key_gives_its_secret_and_a_caller_with_the_live_role_and_the_keys_scope(site: Site) -> None:
    new = site.key(read_only=True, buckets=["b"], prefixes=["p/"])
    material = site.find(new.row.access_key_id, "a-o")
    assert material is not None
    assert material.secret == new.secret
    caller = material.caller
    assert caller.tenancy is not None
    assert (caller.tenancy.name, caller.display_name, caller.id) == ("a-o", "uma", new.row.user_id)
    assert not caller.is_anonymous
    assert caller.subject.role is Role.USER
    assert caller.subject.scope == Scope(True, frozenset({"b"}), ("p/",))
    assert caller.subject.groups == {f"{caller.tenancy.tenancy_id}-members"}
    assert new.secret not in repr(material)


def test_a_key_without_narrowing_has_the_unlimited_scope_itself(site: Site) -> None:
    material = site.find(site.key().row.access_key_id)
    assert material is not None
    assert material.caller.subject.scope is UNLIMITED


def test_a_guest_is_in_no_group_and_has_their_named_buckets(site: Site) -> None:
    create_user(site.office, "gus")
    tenancy_id = add_member(site.office, "a-o", "gus", Role.GUEST, until_us=NOW_US + DAY_US).tenancy_id
    row = BucketRow(tenancy_id, "results", "id-results", "x", 0, "", "", "", "", None, None)
    site.office.catalog.commit([lambda rows: rows.add(BUCKETS, row)])
    add_member(site.office, "a-o", "gus", Role.GUEST, until_us=NOW_US + DAY_US, buckets={"results": "write"})
    material = site.find(site.key(user="gus").row.access_key_id)
    assert material is not None
    assert material.caller.subject.groups == frozenset()
    assert material.caller.subject.guest_buckets == {"id-results": "write"}


def test_a_key_is_unknown_on_another_tenancys_host_and_an_unknown_host(site: Site) -> None:
    access_key_id = site.key().row.access_key_id
    assert site.find(access_key_id, "b-o") is None
    assert site.find(access_key_id, "zz-o") is None
    assert site.find(access_key_id, "a-o") is not None
    assert site.find(access_key_id, None) is not None
    assert site.find("NOBODY") is None


REFUSALS: list[Callable[[Site, NewKey], Any]] = [
    lambda site, key: revoke_access_key(site.office, key.row.access_key_id),
    lambda site, key: suspend_user(site.office, "uma"),
    lambda site, key: remove_user(site.office, "uma"),
    lambda site, key: remove_member(site.office, "a-o", "uma"),
    lambda site, key: delete_tenancy(site.office, "a-o"),
]


@pytest.mark.parametrize("refuse", REFUSALS)
def test_a_key_that_does_not_stand_any_more_is_unknown_at_the_next_request(
    site: Site, refuse: Callable[[Site, NewKey], Any]
) -> None:
    key = site.key()
    assert site.find(key.row.access_key_id) is not None
    refuse(site, key)
    assert site.find(key.row.access_key_id) is None


@pytest.mark.parametrize("refuse", REFUSALS)
def test_a_change_whose_maker_died_before_raising_the_generation_is_seen_within_a_second(
    site: Site, refuse: Callable[[Site, NewKey], Any]
) -> None:
    key = site.key()
    stale = site.generation.value()
    assert site.find(key.row.access_key_id, generation=stale) is not None
    refuse(site, key)
    site.now_us += AGE_MAX_US - 1
    assert site.find(key.row.access_key_id, generation=stale) is not None
    site.now_us += 1
    assert site.find(key.row.access_key_id, generation=stale) is None


def test_a_narrower_role_holds_at_the_next_request(site: Site) -> None:
    key = site.key(user="mary")
    create_user(site.office, "max")
    add_member(site.office, "a-o", "max", Role.MANAGER)
    for role in (Role.MANAGER, Role.USER):
        add_member(site.office, "a-o", "mary", role)
        material = site.find(key.row.access_key_id)
        assert material is not None
        assert material.caller.subject.role is role


def test_a_key_ends_on_the_microsecond_also_from_the_cache(site: Site) -> None:
    by_key = site.key(expires_at_us=NOW_US + 500).row.access_key_id
    add_member(site.office, "a-o", "mary", Role.MANAGER, until_us=NOW_US + 500)
    by_member = site.key(user="mary", expires_at_us="never").row.access_key_id
    for access_key_id in (by_key, by_member):
        site.now_us = NOW_US + 499
        assert site.find(access_key_id) is not None
        site.now_us = NOW_US + 500
        assert site.find(access_key_id) is None


def test_the_catalog_is_read_once_a_second_and_not_for_each_request(site: Site) -> None:
    access_key_id = site.key().row.access_key_id
    for _ in range(100):
        site.now_us += AGE_MAX_US // 200
        site.find(access_key_id)
    assert site.reads == 1


def test_a_clock_that_steps_back_does_not_keep_an_entry_alive(site: Site) -> None:
    access_key_id = site.key().row.access_key_id
    site.find(access_key_id)
    site.now_us -= 3600 * 1_000_000
    site.find(access_key_id)
    assert site.reads == 2


def test_guessing_ids_fills_no_memory_and_many_keys_are_forgotten_oldest_first(site: Site) -> None:
    for number in range(50):
        site.find(f"GUESS{number}")
    assert len(site.callers._entries) == 0
    row = site.key().row
    context_ids = [f"{number:020}" for number in range(3)]
    site.find(row.access_key_id)
    entry = site.callers._entries[row.access_key_id]
    site.callers._entries.update({f"K{number}": entry for number in range(ENTRIES_MAX - 1)})
    for access_key_id in context_ids:
        sealed, version = site.keyring.seal("s", secret_context(row.tenancy_id, access_key_id))
        copy = row._replace(access_key_id=access_key_id, sealed_secret=sealed, key_version=version)
        site.office.catalog.commit([lambda rows, copy=copy: rows.add(ACCESS_KEYS, copy)])
        assert site.find(access_key_id) is not None
    assert len(site.callers._entries) == ENTRIES_MAX
    assert row.access_key_id not in site.callers._entries


def test_a_suspended_tenancy_is_closed_to_all_and_a_readonly_one_to_what_adds(site: Site) -> None:
    access_key_id = site.key().row.access_key_id

    def may(action: str) -> bool:
        material = site.find(access_key_id)
        assert material is not None
        with site.read() as rows:
            anonymous = anonymous_caller(rows, "a-o")
        answers = set()
        for caller in (material.caller, anonymous):
            try:
                caller.check_open(action)
                answers.add(True)
            except TenancyClosed:
                answers.add(False)
        assert len(answers) == 1
        return answers.pop()

    actions = ("s3:GetObject", "s3:ListBucket", "s3:ListAllMyBuckets", "s3:DeleteObject", "s3:DeleteBucket", "s3:AbortMultipartUpload", "s3:PutObject", "s3:CreateBucket", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy")  # fmt: skip
    assert all(may(action) for action in actions)
    close_tenancy(site.office, "a-o", "closing")
    assert [action for action in actions if not may(action)] == [
        "s3:PutObject",
        "s3:CreateBucket",
        "s3:PutBucketPolicy",
        "s3:DeleteBucketPolicy",
    ]
    suspend_tenancy(site.office, "a-o", "leak")
    assert not any(may(action) for action in actions)


def test_an_anonymous_caller_is_nobody_in_the_hosts_tenancy_or_in_none(site: Site) -> None:
    with site.read() as rows:
        named, unknown, bare = (anonymous_caller(rows, name) for name in ("a-o", "zz-o", None))
    assert named.tenancy is not None
    assert named.tenancy.name == "a-o"
    assert unknown.tenancy is bare.tenancy is None
    assert all(
        caller.is_anonymous and caller.subject is ANONYMOUS and caller.id == "anonymous" for caller in (named, bare)
    )
