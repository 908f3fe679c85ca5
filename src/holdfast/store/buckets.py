"""Buckets: making, finding, changing and removing them within a tenancy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from holdfast.catalog.interface import Snapshot, Transaction
from holdfast.catalog.rows import BUCKETS, OBJECTS, USAGE, BucketRow, TenancyRow

from . import multipart, quotas
from .errors import BucketNotEmpty, BucketTaken, TooManyBuckets

UNFINISHED_MAX: Final = 10_000
"""Uploads, and parts of them, that a bucket may still have when it is removed: 0.2 s of everybody's turn."""


def create(tx: Transaction, bucket: BucketRow, buckets_max: int) -> None:
    """Make a bucket. Raises `BucketTaken` or `TooManyBuckets` (counted for each owner)."""
    taken = tx.find(BUCKETS, (bucket.tenancy_id, bucket.name))
    if taken is not None:
        raise BucketTaken(bucket.name, is_own=taken.owner_id == bucket.owner_id)
    owned = sum(1 for row in tx.scan(BUCKETS, (bucket.tenancy_id,)) if row.owner_id == bucket.owner_id)
    if owned >= buckets_max:
        raise TooManyBuckets(buckets_max)
    tx.add(BUCKETS, bucket)
    tx.add(USAGE, quotas.empty_usage(bucket.bucket_id))


def scan(rows: Snapshot, tenancy: TenancyRow, after: str = "", count_max: int | None = None) -> Sequence[BucketRow]:
    """Return the buckets of a tenancy by name."""
    return rows.scan(BUCKETS, (tenancy.tenancy_id,), after=after or None, count_max=count_max)


def change(tx: Transaction, row: BucketRow, expected: BucketRow) -> None:
    """Put a changed row (policy, CORS, tags, limits, owner) in the place of the one that was read in this
    transaction.
    """
    tx.replace(BUCKETS, row, expected)


def remove(tx: Transaction, tenancy: TenancyRow, bucket: BucketRow, now_us: int) -> None:
    """Remove an empty bucket, and with it its unfinished uploads, which S3 does not count as content.

    Raises `BucketNotEmpty`, also where there are so many uploads that everybody's turn would be held up. Completed ones
    stay until they are forgotten: nobody finds them any more, since a bucket's id is never used again.
    """
    if tx.scan(OBJECTS, (bucket.bucket_id,), count_max=1):
        raise BucketNotEmpty(bucket.name)
    uploads = multipart.list_uploads(tx, bucket, count_max=UNFINISHED_MAX)
    if uploads.is_truncated or quotas.get_usage(tx, bucket.bucket_id).upload_parts > UNFINISHED_MAX:
        raise BucketNotEmpty(bucket.name, has_uploads=True)
    for upload in uploads.uploads:
        multipart.abort(tx, tenancy, bucket, upload, now_us)
    tx.remove(BUCKETS, (bucket.tenancy_id, bucket.name))
    if tx.find(USAGE, (bucket.bucket_id,)) is not None:
        tx.remove(USAGE, (bucket.bucket_id,))
