"""What an access key (token) is narrowed to. A scope only ever takes away from what its member's role gives."""

from __future__ import annotations

from typing import Final, NamedTuple

from holdfast.s3.policy import BUCKET_ACTIONS, OBJECT_ACTIONS, Facts

READ_ACTIONS: Final = frozenset(
    action
    for action in ("s3:ListAllMyBuckets", *BUCKET_ACTIONS, *OBJECT_ACTIONS)
    if action.startswith(("s3:Get", "s3:List"))
)
"""What a read-only token may ask for."""

LIST_ACTIONS: Final = frozenset(("s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"))
"""Lists of keys: a token with prefixes may ask for them below one of its prefixes only."""

# What clients must know of a bucket before they touch a key in it.
_OPEN_TO_PREFIXES: Final = frozenset(("s3:GetBucketLocation", "s3:GetBucketVersioning"))


class Scope(NamedTuple):
    """What a token may reach. Empty `buckets` and `prefixes` narrow nothing; prefixes hold in every bucket in reach."""

    read_only: bool = False
    buckets: frozenset[str] = frozenset()
    """Names of buckets."""
    prefixes: tuple[str, ...] = ()
    """Beginnings of keys, compared literally: `run1` covers `run10/x` too, `run1/` does not."""

    @property
    def may_make_tokens(self) -> bool:
        """Whether tokens can be made with it: not with one that is read-only or narrowed, so that none gets wider."""
        return self == UNLIMITED


UNLIMITED: Final = Scope()


def covers_bucket(scope: Scope, bucket: str) -> bool:
    """Whether anything in the bucket can be in reach. ListBuckets shows no others."""
    return not scope.buckets or bucket in scope.buckets


def is_within(scope: Scope, action: str, bucket: str | None, key: str | None, facts: Facts) -> bool:
    """Whether a token of this scope may ask for this at all.

    `facts["s3:prefix"]` is the prefix of a list, absent counting as empty. With prefixes, a list must stay below one of
    them, and the bucket itself (its rules, making it, deleting it) is out of reach.
    """
    if scope.read_only and action not in READ_ACTIONS:
        return False
    if bucket is None:
        # A list of buckets; the answer shows those that are covered.
        return action == "s3:ListAllMyBuckets"
    if scope.buckets and bucket not in scope.buckets:
        return False
    if not scope.prefixes:
        return True
    if key is not None:
        return key.startswith(scope.prefixes)
    if action in LIST_ACTIONS:
        prefixes = facts.get("s3:prefix", ())
        return len(prefixes) == 1 and prefixes[0].startswith(scope.prefixes)
    return action in _OPEN_TO_PREFIXES
