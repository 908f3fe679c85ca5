"""The one decision: its order of rules, and that it never gives more than role ∩ scope."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.auth.decide import (
    ANONYMOUS,
    BucketFacts,
    Rule,
    Subject,
    decide,
    may_make_public,
    sees,
)
from holdfast.auth.roles import RIGHT_OF, TABLE, Extent, Right, Role
from holdfast.auth.scope import UNLIMITED, Scope, is_within
from holdfast.s3.policy import ACTIONS, Facts, Policy, parse

MEMBERS = frozenset({"members"})
ALICE = Subject("alice", Role.USER, MEMBERS)
BOB = Subject("bob", Role.USER, MEMBERS)
DEPUTY = Subject("dora", Role.DEPUTY, MEMBERS)
MANAGER = Subject("mary", Role.MANAGER, MEMBERS)
GUEST = Subject("gus", Role.GUEST)
OPERATOR = Subject("olga", Role.OPERATOR)


def policy(*statements: dict[str, Any]) -> Policy:
    whole = [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*", **one} for one in statements]
    return parse(json.dumps({"Version": "2012-10-17", "Statement": whole}), "b", lambda kind, name: "members" if kind == "members" else name)  # fmt: skip


def bucket(rules: Policy | None = None, owner: str = "alice", name: str = "b") -> BucketFacts:
    return BucketFacts(name, f"id-{name}", owner, rules)


def rule(subject: Subject, action: str = "s3:GetObject", rules: Policy | None = None, key: str | None = "k", **facts: str) -> Rule:  # fmt: skip
    decision = decide(
        subject, action, bucket(rules), key, {name.replace("__", ":"): (value,) for name, value in facts.items()}
    )
    assert decision.allowed is (decision.rule in (Rule.ROLE, Rule.OWNER, Rule.GUEST, Rule.POLICY))
    return decision.rule


EVERYONE = policy({})
NO_ONE = policy({"Effect": "Deny"})
BUCKET_BOUND = sorted(ACTIONS - {"s3:ListAllMyBuckets", "s3:CreateBucket"})


@pytest.mark.parametrize("action", BUCKET_BOUND)
def test_without_a_policy_the_table_alone_decides(action: str) -> None:
    assert rule(MANAGER, action) is rule(DEPUTY, action) is Rule.ROLE
    assert rule(ALICE, action) is Rule.OWNER
    for subject in (BOB, GUEST, OPERATOR, ANONYMOUS):
        assert rule(subject, action) in (Rule.NOTHING, Rule.ROLE_DENY)


@pytest.mark.parametrize("action", BUCKET_BOUND)
def test_a_policy_grants_data_to_anyone_and_the_bucket_itself_to_no_one(action: str) -> None:
    is_data = RIGHT_OF[action] in (Right.READ_DATA, Right.WRITE_DATA)
    for subject in (BOB, GUEST, ANONYMOUS):
        assert (rule(subject, action, EVERYONE) is Rule.POLICY) is is_data
    assert rule(OPERATOR, action, EVERYONE) is Rule.ROLE_DENY


@pytest.mark.parametrize("action", BUCKET_BOUND)
def test_an_explicit_deny_binds_owners_and_managers_but_for_the_policy_itself(action: str) -> None:
    undeniable = action in ("s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy")
    for subject in (MANAGER, DEPUTY, ALICE):
        assert (rule(subject, action, NO_ONE) is Rule.POLICY_DENY) is not undeniable
    for subject in (BOB, ANONYMOUS):
        assert rule(subject, action, NO_ONE) is Rule.POLICY_DENY


def test_the_list_of_buckets_and_making_one_go_by_role() -> None:
    for subject, may_list, may_make in (
        (MANAGER, True, True),
        (DEPUTY, True, True),
        (BOB, True, True),
        (GUEST, True, False),
        (OPERATOR, True, False),
        (ANONYMOUS, False, False),
    ):
        assert decide(subject, "s3:ListAllMyBuckets", None, None).allowed is may_list
        assert decide(subject, "s3:CreateBucket", BucketFacts("new", "", "", None), None).allowed is may_make


def test_a_guest_has_what_is_named_by_the_buckets_id() -> None:
    reader = GUEST._replace(guest_buckets={"id-b": "read"})
    writer = GUEST._replace(guest_buckets={"id-b": "write"})
    assert (
        rule(reader)
        is rule(reader, "s3:ListBucket", key=None)
        is rule(writer)
        is rule(writer, "s3:PutObject")
        is Rule.GUEST
    )
    assert rule(reader, "s3:PutObject") is Rule.NOTHING
    assert rule(writer, "s3:PutBucketCORS", key=None) is Rule.ROLE_DENY
    again = BucketFacts("b", "another-id", "alice", None)
    assert not decide(writer, "s3:GetObject", again, "k").allowed, "a name used again is another bucket"


def test_a_guest_owns_nothing_even_what_they_made_before() -> None:
    assert rule(ALICE._replace(role=Role.GUEST)) is Rule.NOTHING


def test_an_empty_owner_is_nobodys() -> None:
    for subject in (ANONYMOUS, ALICE, GUEST):
        assert not decide(subject, "s3:GetObject", BucketFacts("b", "", "", None), "k").allowed


def test_a_scope_is_asked_first() -> None:
    scoped = MANAGER._replace(scope=Scope(read_only=True))
    assert rule(scoped, "s3:PutObject") is Rule.SCOPE
    assert rule(scoped, "s3:GetObject", NO_ONE) is Rule.POLICY_DENY
    below = ALICE._replace(scope=Scope(prefixes=("run/",)))
    assert rule(below, key="run/1") is Rule.OWNER
    assert rule(below, "s3:ListBucket", key=None, s3__prefix="run/") is Rule.OWNER
    assert rule(below, "s3:ListBucket", key=None, s3__prefix="") is Rule.SCOPE
    assert rule(below, "s3:PutBucketPolicy", key=None) is Rule.SCOPE


def test_conditions_see_the_facts() -> None:
    listing = policy(
        {"Action": "s3:ListBucket", "Resource": "b", "Condition": {"StringLike": {"s3:prefix": "public/*"}}}
    )
    assert rule(BOB, "s3:ListBucket", listing, None, s3__prefix="public/a") is Rule.POLICY
    assert rule(BOB, "s3:ListBucket", listing, None, s3__prefix="private/a") is Rule.NOTHING


def test_absence_is_told_to_those_who_may_create_buckets_and_within_scope() -> None:
    absent = BucketFacts("b", "", "", None)
    elsewhere = Scope(buckets=frozenset({"c"}))
    for subject, may_know in (
        (ALICE, True),
        (DEPUTY, True),
        (MANAGER, True),
        (ALICE._replace(scope=elsewhere), False),
        (GUEST, False),
        (ANONYMOUS, False),
        (OPERATOR, False),
    ):
        assert decide(subject, "s3:GetObject", absent, "k").may_know_absence is may_know


@pytest.mark.parametrize(
    ("subject", "rules", "expected"),
    [
        (MANAGER, None, True),
        (DEPUTY, NO_ONE, True),
        (OPERATOR, None, True),
        (ALICE, NO_ONE, True),
        (BOB, None, False),
        (BOB, EVERYONE, True),
        (BOB, NO_ONE, False),
        (GUEST, None, False),
        (GUEST._replace(guest_buckets={"id-b": "read"}), None, True),
        (ANONYMOUS, EVERYONE, False),
        (MANAGER._replace(scope=Scope(buckets=frozenset({"c"}))), None, False),
        (ALICE._replace(scope=Scope(prefixes=("a/",))), None, True),
    ],
)
def test_who_sees_a_bucket_in_their_list(subject: Subject, rules: Policy | None, expected: bool) -> None:
    assert sees(subject, bucket(rules)) is expected


def test_who_may_make_something_public() -> None:
    assert may_make_public(MANAGER, False)
    assert may_make_public(DEPUTY, False)
    assert may_make_public(ALICE, True)
    assert not may_make_public(ALICE, False)
    assert not any(may_make_public(subject, True) for subject in (GUEST, ANONYMOUS, OPERATOR))
    assert not may_make_public(MANAGER, True, site_forbids=True)


statements = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Principal": st.sampled_from(["*", {"AWS": "alice"}, {"AWS": ["bob", "gus"]}, {"user": ["*"]}]),
        "Action": st.sampled_from(
            ["s3:*", "s3:Get*", "s3:GetObject", "PutObject", "s3:*BucketPolicy", ["ListBucket", "s3:Delete*"]]
        ),
        "Resource": st.sampled_from(["*", "b/*", "arn:aws:s3:::b", "b/a*"]),
        "Condition": st.sampled_from([{}, {"StringLike": {"s3:prefix": "a*"}}]),
    }
)
policies = st.lists(statements, max_size=3)
scopes = st.builds(
    Scope,
    st.booleans(),
    st.sampled_from([frozenset(), frozenset({"b"}), frozenset({"c"})]),
    st.sampled_from([(), ("a/",), ("z",)]),
)
subjects = st.sampled_from(
    [ALICE, BOB, DEPUTY, MANAGER, GUEST, GUEST._replace(guest_buckets={"id-b": "write"}), OPERATOR, ANONYMOUS]
)
keys = st.sampled_from([None, "k", "a/k"])
facts = st.sampled_from([{}, {"s3:prefix": ("a/",)}, {"s3:prefix": ("z",)}])


def compiled(rules: list[dict[str, Any]]) -> Policy | None:
    return policy(*rules) if rules else None


@given(subjects, scopes, st.sampled_from(sorted(ACTIONS)), policies, keys, facts)
def test_the_effective_right_is_the_role_within_the_scope(
    subject: Subject, scope: Scope, action: str, rules: list[dict[str, Any]], key: str | None, known: Facts
) -> None:
    target = bucket(compiled(rules))
    narrowed = decide(subject._replace(scope=scope), action, target, key, known).allowed
    assert narrowed is (
        decide(subject, action, target, key, known).allowed and is_within(scope, action, "b", key, known)
    )


@given(subjects, scopes, st.sampled_from(sorted(ACTIONS)), policies, statements, keys, facts)
def test_adding_a_deny_never_widens(
    subject: Subject,
    scope: Scope,
    action: str,
    rules: list[dict[str, Any]],
    more: dict[str, Any],
    key: str | None,
    known: Facts,
) -> None:
    subject = subject._replace(scope=scope)
    if decide(subject, action, bucket(policy(*rules, {**more, "Effect": "Deny"})), key, known).allowed:
        assert decide(subject, action, bucket(compiled(rules)), key, known).allowed


@given(st.sampled_from(sorted(ACTIONS)), keys, facts, st.sampled_from(["alice", ""]))
def test_nobody_gets_anything_without_a_policy(action: str, key: str | None, known: Facts, owner: str) -> None:
    assert not decide(ANONYMOUS, action, bucket(None, owner), key, known).allowed


@given(subjects, st.sampled_from(BUCKET_BOUND), policies, keys, facts)
def test_no_policy_reaches_beyond_the_table(
    subject: Subject, action: str, rules: list[dict[str, Any]], key: str | None, known: Facts
) -> None:
    if subject.role is not None and TABLE[RIGHT_OF[action]][subject.role] in (Extent.NONE, Extent.BREAK_GLASS):
        assert not decide(subject, action, bucket(compiled(rules)), key, known).allowed


def test_the_whole_table_of_roles_and_actions_holds_for_every_bucket_bound_action() -> None:
    by_role = {Role.GUEST: GUEST, Role.USER: ALICE, Role.DEPUTY: DEPUTY, Role.MANAGER: MANAGER, Role.OPERATOR: OPERATOR}
    for action in BUCKET_BOUND:
        for role, subject in by_role.items():
            reach = TABLE[RIGHT_OF[action]][role]
            own, others = bucket(owner=subject.user_id or ""), bucket(owner="somebody")
            assert decide(subject, action, others, "k").allowed is (reach is Extent.ALL)
            assert decide(subject, action, own, "k").allowed is (
                reach in (Extent.ALL, Extent.OWN, Extent.OWN_OR_POLICY)
            )
            assert subject.scope is UNLIMITED
