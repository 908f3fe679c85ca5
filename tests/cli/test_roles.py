"""Roles are one table: what the command line gives is what `auth.roles.TABLE` says, and no option gives more."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from holdfast.assemble import Home, open_catalog, open_keyring
from holdfast.auth.callers import Caller, Callers
from holdfast.auth.decide import BucketFacts, decide, may_make_public
from holdfast.auth.roles import RIGHT_OF, TABLE, Extent, Right, Role
from holdfast.auth.scope import LIST_ACTIONS, READ_ACTIONS
from holdfast.catalog.rows import BUCKETS, TENANCIES, USERS, BucketRow
from holdfast.cli.main import cli
from holdfast.cli.member import ROLES
from holdfast.s3.policy import ACTIONS, BUCKET_ACTIONS, OBJECT_ACTIONS

if TYPE_CHECKING:
    from tests.cli.conftest import Terminal

T = "my-os-tenancy-o"
MEMBERS = {Role.GUEST: "gus", Role.USER: "uma", Role.DEPUTY: "dora", Role.MANAGER: "mary"}
BUCKET_OWNERS = {"umas": "uma", "doras": "dora", "marys": "mary"}
NAMED = {"umas": "read", "doras": "write"}
"""What is named for the GUEST."""
KEYS = ("run1/a", "run10/a", "other")
UNTIL = "2099-01-31"

Asked = tuple[str, str, str | None]


def asked() -> Iterator[Asked]:
    """Yield every action of S3 on every bucket, and on every key where it is a key's."""
    for action, bucket in itertools.product(sorted(ACTIONS), BUCKET_OWNERS):
        for key in KEYS if action in OBJECT_ACTIONS else (None,):
            yield action, bucket, key


@pytest.fixture
def site(terminal: Terminal) -> Terminal:
    """A tenancy with a member of each role, and a bucket of each who may own one; all by commands but the buckets."""
    terminal.ok("tenancy", "create", T)
    for role, user in MEMBERS.items():
        terminal.ok("user", "create", user)
        if role is not Role.GUEST:
            terminal.ok("member", "add", T, user, "--role", role.value)
    catalog = open_catalog(Home(terminal.home))
    with catalog.read() as rows:
        (tenancy,) = rows.scan(TENANCIES)
        ids = {user.name: user.user_id for user in rows.scan(USERS)}
    catalog.commit(
        [
            lambda rows, name=name, owner=owner: rows.add(
                BUCKETS, BucketRow(tenancy.tenancy_id, name, f"id-{name}", ids[owner], 1, "", "", "", "", None, None)
            )
            for name, owner in BUCKET_OWNERS.items()
        ]
    )
    catalog.close()
    named = [word for name, access in NAMED.items() for word in ("--bucket", f"{name}:{access}")]
    terminal.ok("member", "add", T, "gus", "--role", "GUEST", "--until", UNTIL, *named)
    return terminal


def caller_of(terminal: Terminal, token: str, now_us: int = 1_800_000_000_000_000) -> Caller | None:
    """Return who signs with an access key, found as the server finds it."""
    home = Home(terminal.home)
    catalog = open_catalog(home)
    try:
        material = Callers(open_keyring(home, catalog)).find(catalog.read, token, T, now_us, 0)
        return None if material is None else material.caller
    finally:
        catalog.close()


def allowed(terminal: Terminal, token: str) -> set[Asked]:
    """Return everything that an access key may do."""
    caller = caller_of(terminal, token)
    assert caller is not None
    home = Home(terminal.home)
    catalog = open_catalog(home)
    with catalog.read() as rows:
        buckets = {row.name: BucketFacts(row.name, row.bucket_id, row.owner_id, None) for row in rows.scan(BUCKETS)}
    catalog.close()
    found = set()
    for action, bucket, key in asked():
        facts = {"s3:prefix": ("run1/",)} if action in LIST_ACTIONS else {}
        where = None if action == "s3:ListAllMyBuckets" else buckets[bucket]
        if decide(caller.subject, action, where, key, facts).allowed:
            found.add((action, bucket, key))
    return found


def by_the_table(role: Role, action: str, bucket: str) -> bool:
    """Say what the table says, in the words of the table alone. No bucket here has a policy."""
    right = RIGHT_OF[action]
    match TABLE[right][role]:
        case Extent.ALL:
            return True
        case Extent.OWN | Extent.OWN_OR_POLICY:
            return right is Right.LIST_BUCKETS or BUCKET_OWNERS[bucket] == MEMBERS[role]
        case Extent.NAMED:
            if right is Right.LIST_BUCKETS:
                return True
            return NAMED.get(bucket) == "write" or (bucket in NAMED and right is Right.READ_DATA)
        case other:
            assert other is Extent.NONE
            return False


@pytest.mark.parametrize("role", MEMBERS)
def test_a_key_may_exactly_what_the_table_says_of_its_members_role(site: Terminal, role: Role) -> None:
    token = site.json("key", "create", T, MEMBERS[role])["token"]
    assert allowed(site, token) == {each for each in asked() if by_the_table(role, each[0], each[1])}


SCOPES: tuple[tuple[str, ...], ...] = (
    ("--read-only",),
    ("--bucket", "umas"),
    ("--bucket", "umas", "--bucket", "doras"),
    ("--prefix", "run1/"),
    ("--read-only", "--bucket", "doras", "--prefix", "run1/"),
    ("--expires", "never"),
    ("--expires", "never", "--read-only", "--bucket", "umas"),
    ("--description", "all of it", "--expires", UNTIL),
)


@pytest.mark.parametrize("role", MEMBERS)
def test_no_option_of_a_key_reaches_beyond_its_members_role(site: Terminal, role: Role) -> None:
    whole = allowed(site, site.json("key", "create", T, MEMBERS[role])["token"])
    for words in SCOPES:
        made = site.json("key", "create", T, MEMBERS[role], *words)
        within = allowed(site, made["token"])
        assert within <= whole, words
        if "--read-only" in words:
            assert {action for action, _, _ in within} <= READ_ACTIONS
        if "--bucket" in words:
            covered = {each for each in within if each[0] in BUCKET_ACTIONS | OBJECT_ACTIONS}
            assert {bucket for _, bucket, _ in covered} <= set(words)
        if "--prefix" in words:
            assert {key for _, _, key in within if key is not None} <= {"run1/a"}


@pytest.mark.parametrize("role", MEMBERS)
def test_a_key_that_is_rotated_reaches_no_more_than_before(site: Terminal, role: Role) -> None:
    for words in SCOPES:
        old = site.json("key", "create", T, MEMBERS[role], *words)["token"]
        before = allowed(site, old)
        assert allowed(site, site.json("key", "rotate", old)["token"]) == before


@pytest.mark.parametrize(("before", "after"), list(itertools.permutations((Role.USER, Role.DEPUTY, Role.MANAGER), 2)))
def test_a_changed_role_counts_for_keys_that_are_there_already(site: Terminal, before: Role, after: Role) -> None:
    site.ok("user", "create", "max")
    site.ok("member", "add", T, "max", "--role", before.value)
    token = site.json("key", "create", T, "max")["token"]
    site.ok("member", "add", T, "max", "--role", after.value)
    others = {each for each in asked() if BUCKET_OWNERS[each[1]] != MEMBERS[after]}
    expected = {each for each in others if by_the_table(after, each[0], each[1])}
    assert {each for each in allowed(site, token) if each in others} == expected


def test_a_key_of_a_guest_names_only_buckets_that_are_named_for_them(site: Terminal) -> None:
    assert "not named for this GUEST" in site.refused("key", "create", T, "gus", "--bucket", "marys")
    assert "not named for this GUEST" in site.refused("key", "create", T, "gus", "--bucket", "umas", "--bucket", "no")
    assert caller_of(site, site.json("key", "create", T, "gus", "--bucket", "umas")["token"]) is not None


def test_a_guest_has_an_end_and_no_key_outlives_it(site: Terminal) -> None:
    assert "add --until" in site.refused("member", "add", T, "gus", "--role", "GUEST", "--bucket", "umas")
    made = site.json("key", "create", T, "gus", "--expires", "never")
    assert made["expires"] == f"{UNTIL}T23:59:59Z"
    end_us = 4_073_587_200_000_000  # 2099-02-01T00:00:00Z
    assert caller_of(site, made["token"], end_us - 1) is not None
    assert caller_of(site, made["token"], end_us) is None


@pytest.mark.parametrize("role", [role for role in MEMBERS if role is not Role.GUEST])
def test_only_a_guest_is_limited_to_named_buckets(site: Terminal, role: Role) -> None:
    refusal = site.refused("member", "add", T, MEMBERS[role], "--role", role.value, "--bucket", "umas")
    assert "only a GUEST" in refusal


@pytest.mark.parametrize("role", MEMBERS)
@pytest.mark.parametrize("may_publish", [False, True])
def test_who_may_publish_is_the_tables_and_the_tenancys_switch(
    terminal: Terminal, role: Role, may_publish: bool
) -> None:
    terminal.ok("tenancy", "create", T, *(["--users-may-publish"] if may_publish else []))
    terminal.ok("user", "create", "max")
    terminal.ok("member", "add", T, "max", "--role", role.value, *(["--until", UNTIL] if role is Role.GUEST else []))
    caller = caller_of(terminal, terminal.json("key", "create", T, "max")["token"])
    assert caller is not None
    assert caller.tenancy is not None
    extent = TABLE[Right.MAKE_PUBLIC][role]
    expected = extent is Extent.ALL or (extent is Extent.IF_TENANCY_ALLOWS and may_publish)
    assert may_make_public(caller.subject, bool(caller.tenancy.users_may_publish)) is expected


def test_the_command_line_makes_members_of_every_role_but_the_operators(site: Terminal) -> None:
    assert set(ROLES) == {role.value for role in TABLE[Right.READ_DATA]} - {"OPERATOR"}
    assert site.run("member", "add", T, "uma", "--role", "OPERATOR").exit_code == 2


COMMANDS_OF: dict[Right, set[str]] = {
    Right.LIST_BUCKETS: {"usage"},
    Right.OWN_TOKENS: {"key create", "key rotate"},
    Right.OTHERS_TOKENS: {"key list", "key revoke", "keyring new"},
    Right.MAKE_PUBLIC: {"site public"},
    Right.GRANT_ROLES: {"member add", "member remove", "member list", "tenancy transfer", "tenancy delete"},
    Right.SUSPEND: {"tenancy suspend", "tenancy resume"},
    Right.SET_QUOTA: {"tenancy set-quota"},
}
"""The commands by which an operator has a right of the table."""
OF_THE_SITE = {
    "tenancy create", "tenancy list", "tenancy show", "user create", "user list", "user suspend", "user resume",
    "user remove", "user invite", "user sync-directory", "admin create", "admin list", "admin remove", "mail list", "mail show", "mail remove",
    "site read-only", "site announce", "site show", "keyring rotate", "serve", "demo", "dns", "backup", "restore", "scrub", "doctor", "bench",
}  # fmt: skip
"""What concerns the machine, the site's people, or tenancies as such: no role in a tenancy has any of it."""


def leaves(command: click.Command, path: str = "") -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield path
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        yield from leaves(child, f"{path} {name}".strip())


def test_an_operator_has_a_command_for_what_the_table_gives_and_none_for_what_it_does_not() -> None:
    reading = (Extent.NONE, Extent.BREAK_GLASS)
    refused = {right for right in Right if TABLE[right][Role.OPERATOR] in reading}
    assert refused == {Right.CREATE_BUCKET, Right.READ_DATA, Right.WRITE_DATA, Right.CHANGE_BUCKET}
    assert refused.isdisjoint(COMMANDS_OF)
    # A new command has to be named above: whoever adds one says by which right an operator has it.
    known = OF_THE_SITE.union(*COMMANDS_OF.values())
    assert set(leaves(cli)) <= known


def test_a_home_is_closed_to_who_does_not_own_it(site: Terminal) -> None:
    Path(site.home).chmod(0o755)
    assert "others may look in" in site.refused("tenancy", "list")
