"""Names in a policy mean people of the bucket's tenancy, by ids that are never used again."""

from __future__ import annotations

import random

import pytest

from holdfast.admin.lookups import get_tenancy
from holdfast.admin.members import add_member, remove_member
from holdfast.admin.office import Office
from holdfast.admin.tenancies import create_tenancy
from holdfast.admin.users import create_user, remove_user
from holdfast.auth.decide import BucketFacts, Subject, decide
from holdfast.auth.generation import Generation
from holdfast.auth.policies import find_policy, members_group_id, new_bucket_policy, resolver
from holdfast.auth.roles import Role
from holdfast.catalog.memory import MemoryCatalog
from holdfast.catalog.rows import BucketRow, TenancyRow
from holdfast.s3.codes import S3Error
from holdfast.s3.policy import parse, to_json


@pytest.fixture
def office() -> Office:
    office = Office(
        MemoryCatalog(), Generation.private(), "cli:test", now_us=lambda: 1_000_000, random=random.Random(4)
    )
    for name in ("a-o", "b-o"):
        create_tenancy(office, name)
    for tenancy, user in (("a-o", "uma"), ("b-o", "ben")):
        create_user(office, user)
        add_member(office, tenancy, user, Role.USER)
    return office


def tenancy_of(office: Office) -> TenancyRow:
    with office.read() as rows:
        return get_tenancy(rows, "a-o")


def test_a_name_means_a_member_and_others_are_as_unknown_as_nobody(office: Office) -> None:
    tenancy = tenancy_of(office)
    with office.read() as rows:
        resolve = resolver(rows, tenancy)
        uma = resolve("user", "uma")
        assert uma is not None
        assert resolve("user", uma) == uma
        assert resolve("user", "ben") is None
        assert resolve("user", "nobody") is None
        assert resolve("group", "a-o-members") == resolve("members", "*") == resolve("members", "a-o")
        assert resolve("members", "*") == members_group_id(tenancy.tenancy_id)
        assert resolve("group", "b-o-members") is None
        assert resolve("members", "b-o") is None
        assert resolve("group", "other") is None


def test_a_name_that_is_used_again_is_somebody_else(office: Office) -> None:
    tenancy = tenancy_of(office)
    with office.read() as rows:
        before = resolver(rows, tenancy)("user", "uma")
    remove_user(office, "uma")
    with office.read() as rows:
        assert resolver(rows, tenancy)("user", "uma") is None
        assert resolver(rows, tenancy)("user", before or "") is None
    create_user(office, "uma")
    add_member(office, "a-o", "uma", Role.USER)
    with office.read() as rows:
        assert resolver(rows, tenancy)("user", "uma") not in (None, before)


def test_who_left_the_tenancy_is_unknown(office: Office) -> None:
    tenancy = tenancy_of(office)
    remove_member(office, "a-o", "uma")
    with office.read() as rows:
        assert resolver(rows, tenancy)("user", "uma") is None


@pytest.mark.parametrize(
    ("new_buckets", "may"),
    [
        ("private", set()),
        ("members-read", {"s3:GetObject", "s3:ListBucket"}),
        (
            "members-write",
            {"s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload"},
        ),
    ],
)
def test_a_new_buckets_policy_gives_members_what_the_tenancy_says_and_nobody_else_anything(
    office: Office, new_buckets: str, may: set[str]
) -> None:
    tenancy = tenancy_of(office)._replace(new_buckets=new_buckets)
    document = new_bucket_policy(tenancy, "data")
    compiled = ""
    if document:
        with office.read() as rows:
            compiled = to_json(parse(document, "data", resolver(rows, tenancy)))
    row = BucketRow(tenancy.tenancy_id, "data", "id", "owner", 0, document, compiled, "", "", None, None)
    bucket = BucketFacts("data", "id", "owner", find_policy(row))
    member = Subject("uma", Role.USER, frozenset({members_group_id(tenancy.tenancy_id)}))
    stranger = Subject("gus", Role.GUEST)
    actions = {"s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:PutBucketPolicy", "s3:GetBucketPolicy", "s3:DeleteBucket"}  # fmt: skip

    def allowed(subject: Subject) -> set[str]:
        return {
            a for a in actions if decide(subject, a, bucket, "k" if "Object" in a or "Upload" in a else None).allowed
        }

    assert allowed(member) == may
    assert allowed(stranger) == set()


def test_a_bucket_without_a_policy_has_none_and_an_unreadable_one_is_an_error(office: Office) -> None:
    row = BucketRow("t", "data", "id", "owner", 0, "", "", "", "", None, None)
    assert find_policy(row) is None
    with pytest.raises(ValueError):
        find_policy(row._replace(compiled_policy="{"))


def test_a_policy_that_names_a_stranger_is_malformed(office: Office) -> None:
    tenancy = tenancy_of(office)
    document = '{"Statement": {"Effect": "Allow", "Principal": {"user": ["ben"]}, "Action": "GetObject", "Resource": "data/*"}}'
    with office.read() as rows, pytest.raises(S3Error, match="MalformedPolicy"):
        parse(document, "data", resolver(rows, tenancy))
