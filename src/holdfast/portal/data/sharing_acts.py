"""Changing who can see a bucket, safe against somebody who did so meanwhile."""

from __future__ import annotations

import hashlib

from holdfast.catalog.rows import BUCKETS, BucketRow
from holdfast.operations import delete_bucket_policy, put_bucket_policy
from holdfast.operations.context import Context
from holdfast.s3.codes import S3Error

from .acting import Acting, Hand
from .sharing_presets import visibility_of


class Unchanged(Exception):
    """What is wanted is so already: nothing is written, and nothing recorded."""


def may_publish(context: Context) -> bool:
    """Whether this person may make a bucket public, as PutBucketPolicy decides it."""
    try:
        put_bucket_policy.check_may_publish(context)
    except S3Error:
        return False
    return True


def mark_of(text: str) -> str:
    """Return what a page remembers a document by, to see whether somebody changed it since."""
    return hashlib.sha256(text.encode()).hexdigest()


def put_policy(hand: Hand, bucket: str, document: str) -> None:
    """Put a policy, or take it away with an empty document."""
    if document:
        request = put_bucket_policy.Request(bucket=bucket, policy=document.encode())
        hand.do(put_bucket_policy.operation, request)
    else:
        hand.do(delete_bucket_policy.operation, delete_bucket_policy.Request(bucket))


def change_policy(acting: Acting, bucket: str, document: str, seen: str | None) -> bool:
    """Put a policy in the place of the one that was seen (`mark_of`; None = whatever is there), and record both.

    Returns whether anything changed: to say the same again is no change and no conflict. Raises PreconditionFailed when
    somebody put another one since, and what PutBucketPolicy raises.
    """

    def act(hand: Hand) -> tuple[BucketRow, BucketRow]:
        context = hand.context(delete_bucket_policy.operation, delete_bucket_policy.Request(bucket))
        before = context.authorised("s3:PutBucketPolicy", bucket)
        if before.policy == document:
            raise Unchanged
        check_seen(before.policy, seen, "who can see this bucket")
        put_policy(hand, bucket, document)
        after = hand.rows.find(BUCKETS, (before.tenancy_id, bucket))
        assert after is not None
        return before, after

    def detail(done: tuple[BucketRow, BucketRow]) -> dict[str, object]:
        before, after = done
        return {
            "before": visibility_of(before).label,
            "after": visibility_of(after).label,
            "before_policy": before.policy,
            "policy": after.policy,
        }

    try:
        acting.transact(act, audit="bucket.set-policy", subject=bucket, detail=detail)
    except Unchanged:
        return False
    return True


def check_seen(text: str, seen: str | None, what: str) -> None:
    """Raise PreconditionFailed unless a document is the one that was seen; None = whatever is there."""
    if seen is not None and mark_of(text) != seen:
        raise S3Error(
            "PreconditionFailed",
            f"Somebody changed {what} since you looked. Nothing was changed by you: look at it again first.",
        )
