"""The list of a tenancy's buckets: those that a person sees, a page at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from holdfast.auth.decide import BucketFacts, sees
from holdfast.auth.policies import find_policy
from holdfast.auth.roles import Extent, Right, extent
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import BUCKETS, BucketRow
from holdfast.operations import create_bucket, list_buckets
from holdfast.operations.context import Context
from holdfast.store import buckets
from holdfast.store.errors import AccessDenied, NoSuchBucket, TenancyClosed
from holdfast.store.quotas import get_usage, used_bytes, used_objects

from .acting import Acting
from .buckets_frame import owner_names
from .buckets_paths import buckets_path
from .objects_places import bucket_path
from .sharing_presets import Visibility, visibility_of

PAGE_LENGTH: Final = 50
ALLOWED_FILTER_LENGTH: Final = 63


class Row(NamedTuple):
    """One bucket in the list."""

    name: str
    url: str
    owner: str
    is_own: bool
    used_bytes: int
    objects: int
    visibility: Visibility
    created_at_us: int


class Shelf(NamedTuple):
    """A page of the list."""

    rows: Sequence[Row]
    total: int
    """How many there are, on all pages."""
    is_filtered: bool
    summary: str
    previous_url: str
    next_url: str
    may_create: bool


def read_shelf(acting: Acting, rows: Snapshot, wanted: str, page_number: int) -> Shelf:
    """Return a page of the buckets that a person sees and whose names contain what is wanted. Pages count from 1."""
    context = acting.context(rows, list_buckets.operation, list_buckets.Request())
    tenancy = context.tenancy
    wanted = wanted.strip().lower()[:ALLOWED_FILTER_LENGTH]
    found = buckets_seen(context, wanted)
    last_page = max(1, -(-len(found) // PAGE_LENGTH))
    page_number = min(max(1, page_number), last_page)
    start = (page_number - 1) * PAGE_LENGTH
    shown = found[start : start + PAGE_LENGTH]
    owners = owner_names(rows, shown)
    listed = []
    for row in shown:
        usage = get_usage(rows, row.bucket_id)
        listed.append(
            Row(
                row.name,
                bucket_path(tenancy.name, row.name),
                owners[row.owner_id],
                row.owner_id == context.caller.id,
                used_bytes(usage),
                used_objects(usage),
                visibility_of(row),
                row.created_at_us,
            )
        )

    def page_url(number: int) -> str:
        return buckets_path(tenancy.name, q=wanted, page=str(number) if number > 1 else "")

    return Shelf(
        listed,
        len(found),
        bool(wanted),
        f"{start + 1:,}–{start + len(shown):,} of {len(found):,}" if len(found) > PAGE_LENGTH else "",
        page_url(page_number - 1) if page_number > 1 else "",
        page_url(page_number + 1) if page_number < last_page else "",
        may_create(context),
    )


def buckets_seen(context: Context, wanted: str = "") -> list[BucketRow]:
    """Return the buckets that a person sees and whose names contain a text, by name. Raises what ListBuckets raises."""
    tenancy = context.authorised_in_tenancy("s3:ListAllMyBuckets")
    return [row for row in buckets.scan(context.rows, tenancy) if wanted in row.name and _is_seen(context, row)]


def get_bucket_seen(context: Context, name: str) -> BucketRow:
    """Return a bucket that a person sees. Raises NoSuchBucket, whether there is none or one that they don't see."""
    tenancy = context.authorised_in_tenancy("s3:ListAllMyBuckets")
    row = context.rows.find(BUCKETS, (tenancy.tenancy_id, name))
    if row is None or not _is_seen(context, row):
        raise NoSuchBucket(name)
    return row


def _is_seen(context: Context, row: BucketRow) -> bool:
    subject = context.caller.subject
    # A policy takes time to read: not for those who see all buckets whatever it says.
    return extent(subject.role, Right.LIST_BUCKETS) is Extent.ALL or sees(
        subject, BucketFacts(row.name, row.bucket_id, row.owner_id, find_policy(row))
    )


def may_create(context: Context) -> bool:
    """Whether this person may make buckets here."""
    try:
        create_bucket.check_may_create(context, "any-name")
    except (AccessDenied, TenancyClosed):
        return False
    return True
