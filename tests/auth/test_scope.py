"""A token's scope only takes away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.auth.scope import READ_ACTIONS, UNLIMITED, Scope, covers_bucket, is_within
from holdfast.s3.policy import ACTIONS

RUNS = Scope(prefixes=("run1/", "run2/"))


def test_no_limits_take_nothing_away() -> None:
    assert all(is_within(UNLIMITED, action, "b", None, {}) for action in ACTIONS)
    assert is_within(UNLIMITED, "s3:ListAllMyBuckets", None, None, {})


def test_a_read_only_token_reads_and_lists_and_no_more() -> None:
    scope = Scope(read_only=True)
    assert {action for action in ACTIONS if is_within(scope, action, "b", "k", {})} == READ_ACTIONS
    assert {"s3:GetObject", "s3:ListBucket", "s3:ListAllMyBuckets"} <= READ_ACTIONS
    assert (
        not {"s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:CreateBucket", "s3:RestoreObject"}
        & READ_ACTIONS
    )


def test_buckets_limit_to_themselves_and_leave_the_list_of_buckets_to_be_filtered() -> None:
    scope = Scope(buckets=frozenset({"b"}))
    assert is_within(scope, "s3:PutObject", "b", "k", {})
    assert is_within(scope, "s3:CreateBucket", "b", None, {})
    assert not is_within(scope, "s3:PutObject", "c", "k", {})
    assert not is_within(scope, "s3:CreateBucket", "c", None, {})
    assert is_within(scope, "s3:ListAllMyBuckets", None, None, {})
    assert covers_bucket(scope, "b")
    assert not covers_bucket(scope, "c")


@pytest.mark.parametrize(
    ("key", "expected"),
    [("run1/x", True), ("run2/", True), ("run1", False), ("run10/x", False), ("", False), ("x/run1/y", False)],
)
def test_prefixes_limit_keys(key: str, expected: bool) -> None:
    assert is_within(RUNS, "s3:PutObject", "b", key, {}) is expected


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [(["run1/"], True), (["run2/a/"], True), (["run"], False), ([""], False), ([], False), (["x"], False)],
)
@pytest.mark.parametrize("action", ["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"])
def test_prefixes_limit_lists_to_what_lies_below_them(action: str, prefix: list[str], expected: bool) -> None:
    assert is_within(RUNS, action, "b", None, {"s3:prefix": prefix}) is expected


def test_a_list_that_forgets_to_say_its_prefix_is_refused() -> None:
    assert not is_within(RUNS, "s3:ListBucket", "b", None, {})


def test_prefixes_put_the_bucket_itself_out_of_reach() -> None:
    open_actions = {action for action in ACTIONS if is_within(RUNS, action, "b", None, {"s3:prefix": [""]})}
    assert open_actions == {"s3:GetBucketLocation", "s3:GetBucketVersioning"}


def test_only_an_unlimited_token_makes_tokens() -> None:
    assert Scope().may_make_tokens
    assert not Scope(read_only=True).may_make_tokens
    assert not Scope(buckets=frozenset({"b"})).may_make_tokens
    assert not RUNS.may_make_tokens


prefixes = st.lists(st.text("ab/", min_size=1, max_size=3), max_size=2).map(tuple)
scopes = st.builds(Scope, st.booleans(), st.frozensets(st.sampled_from("bc"), max_size=2), prefixes)


@given(
    scopes, st.booleans(), st.sampled_from(sorted(ACTIONS)), st.sampled_from("bcd"), st.none() | st.text("ab/", max_size=4),
    st.text("ab/", max_size=4), st.data(),
)  # fmt: skip
def test_shrinking_a_scope_never_widens_it(
    scope: Scope, read_only: bool, action: str, bucket: str, key: str | None, prefix: str, data: st.DataObject
) -> None:
    buckets = data.draw(st.frozensets(st.sampled_from(sorted(scope.buckets or "bcd")), min_size=1))
    longer = tuple(one + data.draw(st.text("ab/", max_size=2)) for one in scope.prefixes) or data.draw(prefixes)
    smaller = Scope(scope.read_only or read_only, buckets, longer)
    facts = {"s3:prefix": [prefix]}
    assert is_within(scope, action, bucket, key, facts) or not is_within(smaller, action, bucket, key, facts)
