"""What a tenancy holds, by state and by bucket, as one person may see it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from holdfast.auth.roles import Extent, Right
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import BUCKETS, BucketRow, TenancyRow, UsageRow
from holdfast.portal.access import Standing
from holdfast.portal.people.lookups import names_by_principal
from holdfast.portal.sizes import percent_of
from holdfast.store.errors import NoSuchBucket
from holdfast.store.quotas import get_usage, used_bytes, used_objects

from .shelf import buckets_seen

FULL_PERCENT = 100


class Share(NamedTuple):
    """One state that bytes are in, with the words for it."""

    label: str
    text: str
    size_bytes: int
    object_count: int | None
    """None where nothing is counted."""


class BucketShare(NamedTuple):
    """What one bucket holds."""

    bucket: BucketRow
    owner: str
    used_bytes: int
    used_objects: int
    upload_bytes: int


class Figures(NamedTuple):
    """A tenancy's quota and what is used of it."""

    used_bytes: int
    used_objects: int
    limit_bytes: int | None
    limit_objects: int | None
    shares: Sequence[Share]

    @property
    def percent(self) -> int:
        """Of the quota in bytes; 0 where there is none."""
        return percent_of(self.used_bytes, self.limit_bytes)

    @property
    def objects_percent(self) -> int:
        """Of the most objects; 0 where there is no limit."""
        return percent_of(self.used_objects, self.limit_objects)

    @property
    def is_full(self) -> bool:
        return max(self.percent, self.objects_percent) >= FULL_PERCENT


def sees_totals(standing: Standing) -> bool:
    """Whether a person may know what the whole tenancy holds: a GUEST knows their named buckets alone."""
    return standing.extent(Right.LIST_BUCKETS) is not Extent.NAMED


def find_figures(rows: Snapshot, standing: Standing) -> Figures:
    """Return the figures of a tenancy. A point read."""
    usage = get_usage(rows, standing.tenancy.tenancy_id)
    return Figures(
        used_bytes(usage),
        used_objects(usage),
        standing.tenancy.limit_bytes,
        standing.tenancy.limit_objects,
        tuple(_shares(usage)),
    )


def _shares(usage: UsageRow) -> Sequence[Share]:
    shares = [
        Share("Objects", "What is stored and can be read.", usage.live_bytes, usage.live_objects),
        Share(
            "Unfinished uploads",
            "Parts that no object was made of yet. They are aborted after seven days.",
            usage.upload_bytes,
            usage.upload_parts,
        ),
        Share(
            "Reserved",
            "Room held for large bodies that are coming in now. It is in no sum.",
            usage.reserved_bytes,
            None,
        ),
    ]
    if usage.noncurrent_bytes or usage.noncurrent_objects:
        shares.insert(
            1, Share("Older versions", "Versions that were replaced.", usage.noncurrent_bytes, usage.noncurrent_objects)
        )
    return shares


def find_bucket_shares(rows: Snapshot, standing: Standing) -> Sequence[BucketShare]:
    """Return what the buckets hold that a person sees, the fullest first, without names of owners.

    Costs a point read for each.
    """
    found = []
    for bucket in buckets_seen(rows, standing):
        usage = get_usage(rows, bucket.bucket_id)
        found.append(BucketShare(bucket, "", used_bytes(usage), used_objects(usage), usage.upload_bytes))
    found.sort(key=lambda share: (-share.used_bytes, share.bucket.name))
    return found


def get_own_bucket(rows: Snapshot, tenancy: TenancyRow, name: str) -> BucketRow:
    """Return a bucket of a tenancy. Raises NoSuchBucket, in the same words for one that is another tenancy's."""
    found = rows.find(BUCKETS, (tenancy.tenancy_id, name))
    if found is None:
        raise NoSuchBucket(name)
    return found


def with_owners(rows: Snapshot, shares: Sequence[BucketShare]) -> Sequence[BucketShare]:
    """Return some of them with the names of their owners. One query."""
    names = names_by_principal(rows, {share.bucket.owner_id for share in shares})
    return [share._replace(owner=names.get(share.bucket.owner_id, "somebody who is gone")) for share in shares]
