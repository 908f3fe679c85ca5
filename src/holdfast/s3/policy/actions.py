"""The names of what a request may ask of S3, as policies spell them.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html (those that concern
buckets and objects), and the action list of the Swarm portal that the seed system's users see.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from holdfast.s3.policy.wildcards import matcher, tokenize


def _named(names: str) -> frozenset[str]:
    return frozenset(f"s3:{name}" for name in names.split())


SERVICE_ACTIONS: Final = _named("ListAllMyBuckets CreateBucket")
"""Asked of a tenancy, before there is a bucket that could have a policy."""

BUCKET_ACTIONS: Final = _named(
    """
    DeleteBucket DeleteBucketPolicy DeleteBucketWebsite GetAccelerateConfiguration GetAnalyticsConfiguration
    GetBucketAcl GetBucketCORS GetBucketLocation GetBucketLogging GetBucketNotification GetBucketObjectLockConfiguration
    GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus GetBucketPublicAccessBlock GetBucketRequestPayment
    GetBucketTagging GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration GetIntelligentTieringConfiguration
    GetInventoryConfiguration GetLifecycleConfiguration GetMetricsConfiguration GetReplicationConfiguration ListBucket
    ListBucketMultipartUploads ListBucketVersions PutAccelerateConfiguration PutAnalyticsConfiguration PutBucketAcl
    PutBucketCORS PutBucketLogging PutBucketNotification PutBucketObjectLockConfiguration PutBucketOwnershipControls
    PutBucketPolicy PutBucketPublicAccessBlock PutBucketRequestPayment PutBucketTagging PutBucketVersioning
    PutBucketWebsite PutEncryptionConfiguration PutIntelligentTieringConfiguration PutInventoryConfiguration
    PutLifecycleConfiguration PutMetricsConfiguration PutReplicationConfiguration
    """
)

OBJECT_ACTIONS: Final = _named(
    """
    AbortMultipartUpload BypassGovernanceRetention DeleteObject DeleteObjectTagging DeleteObjectVersion
    DeleteObjectVersionTagging GetObject GetObjectAcl GetObjectAttributes GetObjectLegalHold GetObjectRetention
    GetObjectTagging GetObjectTorrent GetObjectVersion GetObjectVersionAcl GetObjectVersionAttributes
    GetObjectVersionForReplication GetObjectVersionTagging GetObjectVersionTorrent ListMultipartUploadParts
    ObjectOwnerOverrideToBucketOwner PutObject PutObjectAcl PutObjectLegalHold PutObjectRetention PutObjectTagging
    PutObjectVersionAcl PutObjectVersionTagging ReplicateDelete ReplicateObject ReplicateTags RestoreObject
    """
)

ACTIONS: Final = SERVICE_ACTIONS | BUCKET_ACTIONS | OBJECT_ACTIONS
"""Every action that a policy may name and a request may be judged by."""

_BY_LOWER_CASE: Final = {action.lower(): action for action in ACTIONS}

# Swarm's names for what S3 calls otherwise. A Swarm upload in parts needs no further permission, so the bare names
# carry what S3 asks for beside PutObject.
_UPLOAD: Final = _named("PutObject AbortMultipartUpload ListMultipartUploadParts")
DIALECT: Final[Mapping[str, frozenset[str]]] = {
    "AppendObject": _UPLOAD,
    "CopyBucket": _named("PutBucketTagging"),
    "CopyObject": _UPLOAD,
    "CreateObject": _UPLOAD,
    "DeletePolicy": _named("DeleteBucketPolicy"),
    "GetBucket": _named("GetBucketLocation GetBucketTagging GetBucketVersioning"),
    "GetBucketObjectLocking": _named("GetBucketObjectLockConfiguration"),
    "GetPolicy": _named("GetBucketPolicy"),
    "PutBucketObjectLocking": _named("PutBucketObjectLockConfiguration"),
    "PutObject": _UPLOAD,
    "PutPolicy": _named("PutBucketPolicy"),
}
"""Bare action names of the seed system's dialect that do not simply lack their `s3:`."""

_DIALECT_BY_LOWER_CASE: Final = {name.lower(): actions for name, actions in DIALECT.items()}


def expand(patterns: Iterable[str]) -> frozenset[str]:
    """Every action that one of the patterns names. Case does not matter; `*` and `?` are wildcards.

    A bare pattern (`GetObject`, `Get*`, `*`) is of the seed system's dialect. Raises ValueError for a pattern that
    names nothing: a typing error must not become a rule without effect.
    """
    result: set[str] = set()
    for pattern in patterns:
        lower = pattern.lower()
        found = _DIALECT_BY_LOWER_CASE.get(lower)
        if found is None:
            if ":" not in lower and lower != "*":
                lower = f"s3:{lower}"
            known = _BY_LOWER_CASE.get(lower)
            if known is not None:
                found = frozenset((known,))
            else:
                matches = matcher(tokenize(lower, wildcards=True, variables=False))
                found = frozenset(action for name, action in _BY_LOWER_CASE.items() if matches(name))
        if not found:
            raise ValueError(f"{pattern} names no action")
        result |= found
    return frozenset(result)
