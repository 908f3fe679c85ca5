"""Making buckets and turning their switches, safe against somebody who did so meanwhile."""

from __future__ import annotations

from holdfast.catalog import rows as tables
from holdfast.catalog.rows import BucketRow, TenancyRow
from holdfast.operations import create_bucket, delete_bucket, delete_bucket_cors, get_bucket_cors, put_bucket_cors
from holdfast.store.errors import BucketTaken

from . import cors_switch
from .acting import Acting, Hand
from .sharing_acts import Unchanged, check_seen, put_policy
from .sharing_presets import Preset


def make_bucket(acting: Acting, tenancy: TenancyRow, name: str, preset: Preset, *, web_pages: bool) -> None:
    """Make a bucket with who sees it, all or nothing. Raises BucketTaken, and what CreateBucket raises."""

    def act(hand: Hand) -> None:
        # S3 lets its oldest region make one's own bucket again, and the policy below would then replace the one it has.
        taken = hand.rows.find(tables.BUCKETS, (acting.tenancy_id, name))
        if taken is not None:
            raise BucketTaken(name, is_own=taken.owner_id == acting.principal_id)
        hand.do(create_bucket.operation, create_bucket.Request(bucket=name, grants={}))
        put_policy(hand, name, preset.build(tenancy, name))
        if web_pages:
            hand.do(put_bucket_cors.operation, put_bucket_cors.Request(name, cors_switch.DOCUMENT))

    detail = {"preset": preset.name, "web_pages": web_pages}
    acting.transact(act, audit="bucket.create", subject=name, detail=lambda done: detail)


def remove_bucket(acting: Acting, name: str) -> None:
    """Delete a bucket that is empty. Raises BucketNotEmpty, and what DeleteBucket raises."""
    acting.commit(delete_bucket.operation, delete_bucket.Request(name), audit="bucket.delete", subject=name)


def set_web_pages(acting: Acting, bucket: str, turns_on: bool, seen: str | None) -> None:
    """Turn the switch for web pages on or off; rules of somebody's own are replaced.

    `seen` is the mark of the rules that were seen (`mark_of`), None for whatever is there. To say the same again is no
    change. Raises PreconditionFailed, and what PutBucketCors raises.
    """
    wanted = cors_switch.DOCUMENT.decode() if turns_on else ""

    def act(hand: Hand) -> str:
        context = hand.context(get_bucket_cors.operation, get_bucket_cors.Request(bucket))
        before: BucketRow = context.authorised("s3:PutBucketCORS", bucket)
        if before.cors == wanted:
            raise Unchanged
        check_seen(before.cors, seen, "which web pages may read this bucket")
        if turns_on:
            hand.do(put_bucket_cors.operation, put_bucket_cors.Request(bucket, cors_switch.DOCUMENT))
        else:
            hand.do(delete_bucket_cors.operation, delete_bucket_cors.Request(bucket))
        return before.cors

    def detail(before: str) -> dict[str, str]:
        return {"before": before, "after": wanted}

    try:
        acting.transact(act, audit="bucket.set-cors", subject=bucket, detail=detail)
    except Unchanged:
        return
