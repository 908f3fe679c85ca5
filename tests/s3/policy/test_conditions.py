"""Condition operators mean what AWS's reference says, absent and manifold facts included."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from holdfast.s3.policy.conditions import CONDITION_KEYS, compile_condition, find_key


def holds(operator: str, key: str, wanted: str | Sequence[str], *values: str, **others: str) -> bool:
    condition = compile_condition(operator, key, [wanted] if isinstance(wanted, str) else wanted, variables=True)
    facts: dict[str, Sequence[str]] = {"aws:" + name: (value,) for name, value in others.items()}
    if values:
        facts[condition.key] = values
    return condition.holds(facts)


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "value", "expected"),
    [
        ("StringEquals", "s3:prefix", "a/", "a/", True),
        ("StringEquals", "s3:prefix", "a/", "A/", False),
        ("StringEquals", "s3:prefix", "a*", "ab", False),
        ("StringEquals", "s3:prefix", "", "", True),
        ("StringNotEquals", "s3:prefix", "a/", "b/", True),
        ("StringNotEquals", "s3:prefix", "a/", "a/", False),
        ("StringEqualsIgnoreCase", "s3:x-amz-acl", "Private", "pRIVATE", True),
        ("StringNotEqualsIgnoreCase", "s3:x-amz-acl", "Private", "pRIVATE", False),
        ("StringLike", "s3:x-amz-copy-source", "b/public/*", "b/public/x/y", True),
        ("StringLike", "s3:x-amz-copy-source", "b/public/*", "b/private/x", False),
        ("StringNotLike", "aws:Referer", "http://www.example.com/*", "http://other/", True),
        ("stringlike", "AWS:REFERER", "http://*", "http://x", True),
        ("NumericLessThanEquals", "s3:max-keys", "10", "10", True),
        ("NumericLessThan", "s3:max-keys", "10", "10", False),
        ("NumericGreaterThan", "s3:max-keys", "10", "9", False),
        ("NumericGreaterThanEquals", "s3:signatureAge", "10.5", "10.5", True),
        ("NumericEquals", "s3:max-keys", "10", "10.0", True),
        ("NumericNotEquals", "s3:max-keys", "10", "10", False),
        ("NumericLessThan", "s3:max-keys", "10", "junk", False),
        ("NumericLessThan", "s3:signatureAge", "1.2", "1.1", True),
        ("DateGreaterThan", "aws:CurrentTime", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", True),
        ("DateLessThan", "aws:CurrentTime", "2026-01-01", "2026-01-02T00:00:00Z", False),
        ("DateLessThan", "aws:CurrentTime", "2026-01-01T01:00:00+01:00", "2025-12-31T23:59:59Z", True),
        ("DateEquals", "aws:EpochTime", "1970-01-01T00:00:10Z", "10", True),
        ("NumericGreaterThan", "aws:EpochTime", "9", "10", True),
        ("Bool", "aws:SecureTransport", "true", "true", True),
        ("Bool", "aws:SecureTransport", "False", "true", False),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", "10.1.2.3", True),
        ("IpAddress", "aws:SourceIp", "10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("IpAddress", "aws:SourceIp", "10.0.0.1", "10.0.0.2", False),
        ("NotIpAddress", "aws:SourceIp", "10.0.0.0/8", "192.0.2.1", True),
        ("IpAddress", "aws:SourceIp", "2001:db8::/32", "2001:db8::1", True),
        ("IpAddress", "aws:SourceIp", "2001:db8::/32", "10.0.0.1", False),
        ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:user/a*", "arn:aws:iam::lab-o:user/alice", True),
        ("ArnEquals", "aws:PrincipalArn", "arn:aws:iam::*:user/alice", "arn:aws:iam::lab-o:user/alice", True),
        ("ArnLike", "aws:PrincipalArn", "arn:*:user/alice", "arn:aws:iam::lab-o:user/alice", False),
        ("ArnNotLike", "aws:PrincipalArn", "arn:aws:iam::*:user/a*", "arn:aws:iam::lab-o:user/bob", True),
        ("Null", "s3:x-amz-server-side-encryption", "true", "AES256", False),
        ("Null", "s3:x-amz-server-side-encryption", "false", "AES256", True),
        ("StringEquals", "s3:ExistingObjectTag/Security", "public", "public", True),
    ],
)
def test_operators(operator: str, key: str, wanted: str, value: str, expected: bool) -> None:
    assert holds(operator, key, wanted, value) is expected


@pytest.mark.parametrize(
    ("operator", "expected"),
    [
        ("StringEquals", False),
        ("StringNotEquals", True),
        ("StringLikeIfExists", True),
        ("StringNotLikeIfExists", True),
        ("ForAnyValue:StringEquals", False),
        ("ForAnyValue:StringNotEquals", False),
        ("ForAllValues:StringEquals", True),
        ("ForAllValues:StringNotEquals", True),
    ],
)
def test_an_absent_fact_meets_what_is_negated_or_if_exists_or_of_all_values(operator: str, expected: bool) -> None:
    assert holds(operator, "s3:prefix", "a") is expected


def test_null_is_met_by_absence() -> None:
    assert holds("Null", "s3:x-amz-server-side-encryption", "true")
    assert not holds("Null", "s3:x-amz-server-side-encryption", "false")


def test_several_wanted_values_are_alternatives_and_for_a_negation_all_excluded() -> None:
    assert holds("StringEquals", "s3:prefix", ["a", "b"], "b")
    assert not holds("StringNotEquals", "s3:prefix", ["a", "b"], "b")
    assert holds("StringNotEquals", "s3:prefix", ["a", "b"], "c")


@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("ForAllValues:StringEquals", ("a", "b"), True),
        ("ForAllValues:StringEquals", ("a", "c"), False),
        ("ForAnyValue:StringEquals", ("a", "c"), True),
        ("ForAnyValue:StringEquals", ("c", "d"), False),
        ("ForAnyValue:StringNotEquals", ("a", "c"), True),
        ("ForAnyValue:StringNotEquals", ("a", "b"), False),
        ("ForAllValues:StringNotEquals", ("c", "d"), True),
        ("ForAllValues:StringNotEquals", ("a", "d"), False),
    ],
)
def test_quantifiers_over_several_facts(operator: str, values: tuple[str, ...], expected: bool) -> None:
    assert holds(operator, "s3:RequestObjectTagKeys", ["a", "b"], *values) is expected


def test_a_variable_in_a_value_stands_for_its_fact() -> None:
    assert holds("StringEquals", "s3:prefix", "${aws:username}/", "alice/", username="alice")
    assert not holds("StringLike", "s3:prefix", "${AWS:UserName}/*", "bob/x", username="alice")
    assert not holds("StringEquals", "s3:prefix", "${aws:username}/", "/")


@pytest.mark.parametrize(
    ("operator", "key", "value", "complaint"),
    [
        ("StringEquals", "s3:nonsense", "x", "invalid condition key"),
        ("StringEquals", "aws:SourceVpc", "x", "invalid condition key"),
        ("StringEquals", "s3:ExistingObjectTag/", "x", "invalid condition key"),
        ("StringFrobs", "s3:prefix", "x", "Invalid Condition type"),
        ("BinaryEquals", "s3:prefix", "x", "Invalid Condition type"),
        ("ForSomeValues:StringEquals", "s3:prefix", "x", "Invalid Condition type"),
        ("NullIfExists", "s3:prefix", "true", "Invalid Condition type"),
        ("Null", "s3:prefix", "maybe", "Null takes true or false"),
        ("NumericEquals", "s3:prefix", "1", "cannot test"),
        ("StringEquals", "aws:SourceIp", "10.0.0.1", "cannot test"),
        ("IpAddress", "s3:prefix", "10.0.0.1", "cannot test"),
        ("IpAddress", "aws:SourceIp", "10.0.0.300", "no value"),
        ("IpAddress", "aws:SourceIp", "*", "no value"),
        ("NumericEquals", "s3:max-keys", "ten", "no value"),
        ("NumericEquals", "s3:max-keys", "Infinity", "no value"),
        ("NumericEquals", "s3:max-keys", "9" * 100, "no value"),
        ("DateEquals", "aws:CurrentTime", "soon", "no value"),
        ("DateEquals", "aws:CurrentTime", "9" * 40, "no value"),
        ("Bool", "aws:SecureTransport", "1", "no value"),
        ("StringEquals", "s3:prefix", "${aws:nonsense}", "invalid policy variable"),
    ],
)
def test_what_could_silently_never_match_is_refused(operator: str, key: str, value: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        compile_condition(operator, key, [value], variables=True)


def test_keys_have_no_case_but_the_tag_at_their_end_has() -> None:
    for key in CONDITION_KEYS:
        assert find_key(key.upper()) == key
    assert find_key("S3:existingobjecttag/Project") == "s3:ExistingObjectTag/Project"
