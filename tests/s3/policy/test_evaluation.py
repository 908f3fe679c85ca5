"""What a policy says of a request, and whether it is public."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.s3.policy import ACTIONS, ANONYMOUS, Facts, Policy, PrincipalFacts, evaluate, fact_keys, is_public, parse

ALICE = PrincipalFacts("alice", frozenset({"members"}))
BOB = PrincipalFacts("bob", frozenset({"members"}))


def policy(*statements: dict[str, Any]) -> Policy:
    whole = [{"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*", **one} for one in statements]
    whole = [{name: value for name, value in one.items() if value is not None} for one in whole]
    return parse(json.dumps({"Version": "2012-10-17", "Statement": whole}), "b", lambda kind, name: "members" if kind == "members" else name)  # fmt: skip


def verdict(rules: Policy, who: PrincipalFacts = ANONYMOUS, action: str = "s3:GetObject", key: str | None = "k", **facts: str) -> str:  # fmt: skip
    return evaluate(rules, who, action, "b", key, {name.replace("__", ":"): (value,) for name, value in facts.items()})


def test_silence_is_no_answer() -> None:
    assert verdict(policy({"Action": "s3:PutObject"})) == "none"


def test_an_explicit_deny_wins_wherever_it_stands() -> None:
    allow, deny = {}, {"Effect": "Deny", "Action": "s3:GetObject"}
    assert verdict(policy(allow, deny)) == verdict(policy(deny, allow)) == "deny"
    assert verdict(policy(allow, deny), action="s3:PutObject") == "allow"


def test_a_deny_but_for_one_reaches_all_others() -> None:
    rules = policy({}, {"Effect": "Deny", "Principal": None, "NotPrincipal": {"AWS": "alice"}})
    assert verdict(rules, ALICE) == "allow"
    assert verdict(rules, BOB) == verdict(rules) == "deny"


def test_object_actions_on_the_bucket_itself_are_not_covered_by_its_keys() -> None:
    rules = policy({"Resource": "arn:aws:s3:::b/*"})
    assert verdict(rules, key="k") == "allow"
    assert verdict(rules, action="s3:ListBucket", key=None) == "none"


def test_all_conditions_must_hold() -> None:
    rules = policy(
        {"Condition": {"StringEquals": {"s3:prefix": "a", "s3:delimiter": "/"}, "Bool": {"aws:SecureTransport": True}}}
    )
    assert verdict(rules, s3__prefix="a", s3__delimiter="/", aws__SecureTransport="true") == "allow"
    assert verdict(rules, s3__prefix="a", s3__delimiter="/", aws__SecureTransport="false") == "none"
    assert verdict(rules, s3__prefix="a", aws__SecureTransport="true") == "none"


def test_an_allow_that_is_turned_by_an_absent_fact_grants_nothing() -> None:
    # Without a name "all but your own folder" must not come to mean "all", nor "unlike your name" anything.
    for statement in (
        {"Resource": None, "NotResource": "arn:aws:s3:::b/${aws:username}/*"},
        {"Condition": {"StringNotLike": {"s3:prefix": "${aws:username}/*"}}},
    ):
        assert verdict(policy(statement)) == "none"
        assert verdict(policy(statement), ALICE, aws__username="alice") == "allow"


def test_a_deny_that_is_turned_by_an_absent_fact_still_denies() -> None:
    rules = policy({}, {"Effect": "Deny", "Resource": None, "NotResource": "arn:aws:s3:::b/${aws:username}/*"})
    assert verdict(rules) == "deny"
    assert verdict(rules, ALICE, key="alice/k", aws__username="alice") == "allow"


def test_needed_facts_are_named_by_action() -> None:
    rules = policy(
        {"Action": "s3:GetObject", "Condition": {"StringEquals": {"s3:existingobjecttag/a": "b"}}},
        {"Action": "s3:ListBucket", "Condition": {"StringLike": {"s3:prefix": "${aws:username}/*"}}},
        {"Action": "s3:PutObject", "Resource": "arn:aws:s3:::b/${aws:userid}/*"},
    )
    assert fact_keys(rules, "s3:GetObject") == {"s3:ExistingObjectTag/a"}
    assert fact_keys(rules, "s3:ListBucket") == {"s3:prefix", "aws:username"}
    assert fact_keys(rules, "s3:PutObject") == {"aws:userid"}
    assert fact_keys(rules, "s3:DeleteObject") == frozenset()


@pytest.mark.parametrize(
    ("statement", "public"),
    [
        ({}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"anonymous": ["*"]}}, True),
        ({"Principal": {"AWS": "alice"}}, False),
        ({"Principal": {"AWS": ["alice", "*"]}}, True),
        ({"Principal": {"user": ["*"]}}, False),
        ({"Effect": "Deny"}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/32"}}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "2001:db8::/32"]}}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "0.0.0.0/1"}}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "::/0"]}}}, True),
        ({"Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}, True),
        ({"Condition": {"IpAddressIfExists": {"aws:SourceIp": "10.0.0.0/8"}}}, True),
        ({"Condition": {"StringEquals": {"aws:username": "alice"}}}, False),
        ({"Condition": {"StringLike": {"aws:username": "a*"}}}, True),
        ({"Condition": {"StringLike": {"aws:username": "${aws:username}"}}}, True),
        ({"Condition": {"ForAllValues:StringEquals": {"aws:userid": "alice"}}}, True),
        ({"Condition": {"StringLike": {"aws:Referer": "http://www.example.com/*"}}}, True),
        ({"Condition": {"StringEquals": {"s3:x-amz-acl": "private"}}}, True),
        ({"Condition": {"StringLike": {"s3:prefix": "public/*"}}}, True),
    ],
)
def test_public_is_what_everyone_gets_unless_a_condition_fixes_who_they_are(
    statement: dict[str, Any], public: bool
) -> None:
    assert is_public(policy(statement)) is public


def test_a_second_statement_makes_a_policy_public_and_a_deny_does_not_unmake_it() -> None:
    assert is_public(policy({"Principal": {"AWS": "alice"}}, {"Action": "s3:ListBucket"}))
    assert is_public(policy({}, {"Effect": "Deny"}))


statements = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Principal": st.sampled_from(["*", {"AWS": "alice"}, {"AWS": ["bob"]}, {"user": ["*"]}]),
        "Action": st.sampled_from(["s3:*", "s3:Get*", "s3:GetObject", "PutObject", ["ListBucket", "s3:Delete*"]]),
        "Resource": st.sampled_from(["*", "b/*", "arn:aws:s3:::b", "b/a*"]),
        "Condition": st.sampled_from([{}, {"StringLike": {"s3:prefix": "a*"}}, {"Null": {"s3:prefix": "true"}}]),
    }
)
people = st.sampled_from([ALICE, BOB, ANONYMOUS])
actions = st.sampled_from(sorted(ACTIONS))
keys = st.sampled_from([None, "k", "a/k"])
request_facts: st.SearchStrategy[Facts] = st.sampled_from([{}, {"s3:prefix": ["a/"]}, {"s3:prefix": ["z"]}])
ORDER = {"deny": 0, "none": 1, "allow": 2}


@given(st.lists(statements, min_size=1, max_size=4), statements, people, actions, keys, request_facts)
def test_another_deny_never_widens_and_another_allow_never_narrows(
    before: list[dict[str, Any]], more: dict[str, Any], who: PrincipalFacts, action: str, key: str | None, facts: Facts
) -> None:
    old = evaluate(policy(*before), who, action, "b", key, facts)
    with_deny = evaluate(policy(*before, {**more, "Effect": "Deny"}), who, action, "b", key, facts)
    with_allow = evaluate(policy({**more, "Effect": "Allow"}, *before), who, action, "b", key, facts)
    assert with_deny in ("deny", old)
    assert ORDER[with_allow] >= ORDER[old] if old != "deny" else with_allow == "deny"


@given(st.lists(statements, min_size=1, max_size=4), actions, keys, request_facts)
def test_what_an_anonymous_request_may_do_is_public(
    rules: list[dict[str, Any]], action: str, key: str | None, facts: Facts
) -> None:
    compiled = policy(*rules)
    if evaluate(compiled, ANONYMOUS, action, "b", key, facts) == "allow":
        assert is_public(compiled)
