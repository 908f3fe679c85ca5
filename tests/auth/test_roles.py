"""The table of roles is whole, ordered as people expect, and covers every action of S3."""

from __future__ import annotations

import pytest

from holdfast.auth.roles import RIGHT_OF, TABLE, Extent, Right, Role, extent
from holdfast.s3.policy import ACTIONS

# The order of extents along which roles grow; operators stand beside it.
BREADTH = {Extent.NONE: 0, Extent.NAMED: 1, Extent.IF_TENANCY_ALLOWS: 1, Extent.OWN: 2, Extent.OWN_OR_POLICY: 2, Extent.ALL: 3}  # fmt: skip


def test_every_right_says_something_of_every_role() -> None:
    assert set(TABLE) == set(Right)
    assert all(set(row) == set(Role) for row in TABLE.values())


def test_every_action_of_s3_belongs_to_one_right() -> None:
    assert set(RIGHT_OF) == ACTIONS


@pytest.mark.parametrize("right", Right)
def test_each_role_may_what_the_one_below_may(right: Right) -> None:
    reaches = [BREADTH[TABLE[right][role]] for role in (Role.GUEST, Role.USER, Role.DEPUTY, Role.MANAGER)]
    assert reaches == sorted(reaches)


@pytest.mark.parametrize(
    ("action", "right"),
    [
        ("s3:ListAllMyBuckets", Right.LIST_BUCKETS),
        ("s3:CreateBucket", Right.CREATE_BUCKET),
        ("s3:DeleteBucket", Right.CHANGE_BUCKET),
        ("s3:PutBucketPolicy", Right.CHANGE_BUCKET),
        ("s3:GetBucketPolicy", Right.CHANGE_BUCKET),
        ("s3:PutBucketCORS", Right.CHANGE_BUCKET),
        ("s3:PutBucketTagging", Right.CHANGE_BUCKET),
        ("s3:GetBucketCORS", Right.READ_DATA),
        ("s3:GetBucketLocation", Right.READ_DATA),
        ("s3:ListBucket", Right.READ_DATA),
        ("s3:GetObject", Right.READ_DATA),
        ("s3:ListMultipartUploadParts", Right.READ_DATA),
        ("s3:PutObject", Right.WRITE_DATA),
        ("s3:DeleteObject", Right.WRITE_DATA),
        ("s3:AbortMultipartUpload", Right.WRITE_DATA),
        ("s3:PutObjectTagging", Right.WRITE_DATA),
        ("s3:BypassGovernanceRetention", Right.WRITE_DATA),
    ],
)
def test_actions_fall_under_the_right_that_people_expect(action: str, right: Right) -> None:
    assert RIGHT_OF[action] is right


def test_only_managers_and_operators_grant_roles_and_only_operators_suspend() -> None:
    assert [role for role in Role if extent(role, Right.GRANT_ROLES) is Extent.ALL] == [Role.MANAGER, Role.OPERATOR]
    assert [role for role in Role if extent(role, Right.SUSPEND) is Extent.ALL] == [Role.OPERATOR]
    assert [role for role in Role if extent(role, Right.SET_QUOTA) is Extent.ALL] == [Role.OPERATOR]


def test_nobody_has_a_right_of_their_own() -> None:
    assert {right for right in Right if extent(None, right) is not Extent.NONE} == {Right.READ_DATA, Right.WRITE_DATA}
