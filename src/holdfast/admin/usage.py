"""Usage: what a tenancy and each of its buckets hold, from the counters that every write keeps exact."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import BUCKETS, USERS, BucketRow, TenancyRow, UsageRow
from holdfast.store.quotas import get_usage, used_bytes, used_objects


class Usage(NamedTuple):
    """What a tenancy or a bucket holds, beside its limits (None = no limit)."""

    name: str
    owner: str
    """The owner of a bucket by name; empty for a tenancy."""
    used_bytes: int
    used_objects: int
    live_bytes: int
    live_objects: int
    upload_bytes: int
    """In parts of unfinished uploads; they count against the limit."""
    upload_parts: int
    reserved_bytes: int
    """Held for bodies that are coming in now."""
    limit_bytes: int | None
    limit_objects: int | None


def tenancy_usage(rows: Snapshot, tenancy: TenancyRow) -> Usage:
    """Return what a tenancy holds in all."""
    return _usage(tenancy, "", get_usage(rows, tenancy.tenancy_id))


def bucket_usage(rows: Snapshot, bucket: BucketRow) -> Usage:
    """Return what one bucket holds."""
    owner = rows.find(USERS, (bucket.owner_id,))
    return _usage(bucket, owner.name if owner else bucket.owner_id, get_usage(rows, bucket.bucket_id))


def bucket_usages(rows: Snapshot, tenancy: TenancyRow) -> Sequence[Usage]:
    """Return what each bucket of a tenancy holds, the fullest first."""
    found = [bucket_usage(rows, bucket) for bucket in rows.scan(BUCKETS, (tenancy.tenancy_id,))]
    return sorted(found, key=lambda usage: (-usage.used_bytes, usage.name))


def _usage(scope: TenancyRow | BucketRow, owner: str, row: UsageRow) -> Usage:
    return Usage(
        name=scope.name,
        owner=owner,
        used_bytes=used_bytes(row),
        used_objects=used_objects(row),
        live_bytes=row.live_bytes,
        live_objects=row.live_objects,
        upload_bytes=row.upload_bytes,
        upload_parts=row.upload_parts,
        reserved_bytes=row.reserved_bytes,
        limit_bytes=scope.limit_bytes,
        limit_objects=scope.limit_objects,
    )
