"""Bucket policies as the catalog keeps them: who their names mean, and the compiled form at each request."""

from __future__ import annotations

import json
from typing import Final

from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import MEMBERS, USERS, BucketRow, TenancyRow
from holdfast.s3.policy import Policy, PrincipalKind, Resolve, from_json

MEMBERS_SUFFIX: Final = "-members"
"""Ends the name of the built-in group of a tenancy. The suffix is reserved: no other group may have it."""

_READ: Final = (
    "s3:GetBucketCORS", "s3:GetBucketLocation", "s3:GetBucketTagging", "s3:GetBucketVersioning", "s3:GetObject*",
    "s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions",
)  # fmt: skip
_WRITE: Final = ("s3:AbortMultipartUpload", "s3:DeleteObject*", "s3:ListMultipartUploadParts", "s3:PutObject*")
_MEMBERS_MAY: Final = {"members-read": _READ, "members-write": _READ + _WRITE}


def find_policy(bucket: BucketRow) -> Policy | None:
    """Return the bucket's policy, ready to evaluate, or None when it has none.

    Compiled forms are remembered by their text, so that a changed policy counts from its commit on. Raises ValueError
    for a stored text that can't be read: it must not pass for no policy.
    """
    return from_json(bucket.compiled_policy) if bucket.compiled_policy else None


def members_group_id(tenancy_id: str) -> str:
    """Return the id of the built-in group of everybody in a tenancy but its GUESTs."""
    return f"{tenancy_id}{MEMBERS_SUFFIX}"


def resolver(rows: Snapshot, tenancy: TenancyRow) -> Resolve:
    """Return what finds the id behind a name in a policy of this tenancy, for `holdfast.s3.policy.parse`.

    A user is found by name or by id, and only as a member of the tenancy: who belongs to another one is as unknown as
    nobody.
    """

    def resolve(kind: PrincipalKind, name: str) -> str | None:
        if kind == "members":
            return members_group_id(tenancy.tenancy_id) if name in ("*", tenancy.name) else None
        if kind == "group":
            is_members = name == f"{tenancy.name}{MEMBERS_SUFFIX}"
            return members_group_id(tenancy.tenancy_id) if is_members else None
        named = rows.scan(USERS, (name,), index="by_live_name", count_max=1)
        user = named[0] if named else rows.find(USERS, (name,))
        if user is None or user.state == "removed" or rows.find(MEMBERS, (tenancy.tenancy_id, user.user_id)) is None:
            return None
        return user.user_id

    return resolve


def new_bucket_policy(tenancy: TenancyRow, bucket: str) -> str:
    """Return the document that a new bucket of this tenancy begins with; empty when its buckets begin private."""
    actions = _MEMBERS_MAY.get(tenancy.new_buckets)
    if actions is None:
        return ""
    statement = {
        "Sid": tenancy.new_buckets,
        "Effect": "Allow",
        "Principal": {"group": [f"{tenancy.name}{MEMBERS_SUFFIX}"]},
        "Action": list(actions),
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)
