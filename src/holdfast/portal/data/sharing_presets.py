"""Presets: what most people want of a bucket's policy, each by a name, in plain words, and as a policy document.

A new preset is one more record here. What a bucket's policy amounts to is recognised by what it means, whoever wrote
it and in whichever dialect.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from holdfast.auth.policies import MEMBERS_SUFFIX, members_group_id, new_bucket_policy
from holdfast.catalog.rows import BucketRow, TenancyRow
from holdfast.s3.policy import ACTIONS, from_json, is_public
from holdfast.s3.policy.actions import expand

# Zarr and xarray take a missing chunk for a refusal unless they may list, so that reading always goes with listing:
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html, "Permissions".
_PUBLIC: Final = ("s3:GetBucketLocation", "s3:GetObject", "s3:GetObjectAttributes", "s3:ListBucket")
_DROP: Final = ("s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:ListMultipartUploadParts", "s3:PutObject")


class Preset(NamedTuple):
    """One thing that a bucket's policy can say."""

    name: str
    label: str
    """What a list of buckets says: who can see it."""
    hint: str
    """A sentence more, where one chooses."""
    is_public: bool
    effect: str
    """What is true once it is put, as the end of a sentence; `{it}` is the bucket, or what it holds."""
    build: Callable[[TenancyRow, str], str]
    """Returns the document for a bucket, empty for no policy."""


def _statement(tenancy: TenancyRow, bucket: str, sid: str, principal: Any, actions: tuple[str, ...]) -> str:
    statement = {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": principal,
        "Action": list(actions),
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)


def _members(tenancy: TenancyRow) -> Mapping[str, list[str]]:
    return {"group": [f"{tenancy.name}{MEMBERS_SUFFIX}"]}


PRESETS: Final = (
    Preset(
        "private",
        "Private: owner, managers and deputies",
        "Nobody else sees it or what is in it.",
        False,
        "only the owner, managers and deputies can see {it}",
        lambda tenancy, bucket: "",
    ),
    Preset(
        "members-read",
        "All members can read",
        "Everybody in the tenancy but guests can list and download.",
        False,
        "every member of the tenancy but guests can list and download {it}",
        lambda tenancy, bucket: new_bucket_policy(tenancy._replace(new_buckets="members-read"), bucket),
    ),
    Preset(
        "members-write",
        "All members can read and write",
        "Everybody in the tenancy but guests can list, download, add, replace and delete.",
        False,
        "every member of the tenancy but guests can list, download, replace and delete {it}",
        lambda tenancy, bucket: new_bucket_policy(tenancy._replace(new_buckets="members-write"), bucket),
    ),
    Preset(
        "drop-box",
        "Drop box: members can add, not read",
        "Members can add files, and replace one whose name they know; only the owner, managers and deputies see them.",
        False,
        "every member but guests can add to the bucket, and only the owner, managers and deputies can see {it}",
        lambda tenancy, bucket: _statement(tenancy, bucket, "drop-box", _members(tenancy), _DROP),
    ),
    Preset(
        "public-read",
        "Anyone on the internet can list and download",
        "No account is needed. Nobody but the owner, managers and deputies can change it.",
        True,
        "anyone on the internet can list and download {it}",
        lambda tenancy, bucket: _statement(tenancy, bucket, "public-read", "*", _PUBLIC),
    ),
)

BY_NAME: Final[Mapping[str, Preset]] = {preset.name: preset for preset in PRESETS}
PRIVATE: Final = BY_NAME["private"]


def example_document(bucket: str) -> str:
    """Return a policy to begin with: one person who reads one folder."""
    statements = [
        {
            "Effect": "Allow",
            "Principal": {"user": ["alice"]},
            "Action": ["s3:GetObject"],
            "Resource": [f"arn:aws:s3:::{bucket}/results/*"],
        },
        {
            "Effect": "Allow",
            "Principal": {"user": ["alice"]},
            "Action": ["s3:ListBucket"],
            "Resource": [f"arn:aws:s3:::{bucket}"],
            "Condition": {"StringLike": {"s3:prefix": ["results/*"]}},
        },
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)


class Visibility(NamedTuple):
    """Who can see a bucket, as a list of buckets says it."""

    label: str
    is_public: bool
    preset: Preset | None
    """None for a policy that is none of them."""


def visibility_of(bucket: BucketRow) -> Visibility:
    """Return what a bucket's policy amounts to."""
    if not bucket.compiled_policy:
        return Visibility(PRIVATE.label, False, PRIVATE)
    meant = meaning(bucket.compiled_policy, bucket.name, members_group_id(bucket.tenancy_id))
    preset = _meanings().get(meant)
    if preset is not None:
        return Visibility(preset.label, preset.is_public, preset)
    opens = is_public(from_json(bucket.compiled_policy))
    return Visibility("Custom policy, open to the public" if opens else "Custom policy", opens, None)


Meaning = frozenset[tuple[Any, ...]]


@lru_cache(maxsize=1024)
def meaning(compiled: str, bucket: str, members_id: str) -> Meaning:
    """Return what a compiled policy says, whatever the order and spelling: equal where two say the same in two buckets.

    A pure function of its arguments, so that remembering is safe.
    """
    return frozenset(_meaning(fields, bucket, members_id) for fields in json.loads(compiled)["statements"])


def _meaning(fields: Mapping[str, Any], bucket: str, members_id: str) -> tuple[Any, ...]:
    actions = expand(fields["actions"])
    return (
        fields["allows"],
        fields["everyone"],
        frozenset(fields["users"]),
        frozenset("members" if group == members_id else group for group in fields["groups"]),
        fields["but_principals"],
        ACTIONS - actions if fields["but_actions"] else actions,
        frozenset(pattern.removeprefix(bucket) for pattern in fields["resources"]),
        fields["but_resources"],
        tuple(sorted(json.dumps(condition) for condition in fields["conditions"])),
    )


_EXAMPLE: Final = TenancyRow("t", "example", "active", "", "private", 0, 1, None, None, 0)


@lru_cache(maxsize=1)
def _meanings() -> Mapping[Meaning, Preset]:
    from holdfast.s3.policy import parse

    found = {}
    for preset in PRESETS:
        document = preset.build(_EXAMPLE, "bucket")
        if document:
            compiled = parse(document, "bucket", lambda kind, name: members_group_id("t")).source
            found[meaning(compiled, "bucket", members_group_id("t"))] = preset
    return found
