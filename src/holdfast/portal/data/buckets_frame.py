"""The frame of every page of one bucket: what it is, who can see it, and what this person may do with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import MEMBERS, BucketRow
from holdfast.config import show_size
from holdfast.operations.context import Context
from holdfast.portal.access import Standing
from holdfast.portal.people.lookups import names_by_principal
from holdfast.portal.sizes import percent_of
from holdfast.portal.tenancies.pages import Crumb, render_in
from holdfast.store.quotas import get_usage, used_bytes, used_objects

from .buckets_paths import BUCKETS, buckets_path
from .objects_places import bucket_path
from .sharing_presets import Visibility, visibility_of


@dataclass(frozen=True, slots=True)
class BucketFacts:
    """A bucket as its pages show it."""

    row: BucketRow
    owner: str
    used_bytes: int
    """With unfinished uploads, as the limit counts."""
    objects: int
    visibility: Visibility
    may_change: bool
    """Whether this person may change who sees it, its rules and its end."""
    may_add: bool
    may_delete: bool

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def used_text(self) -> str:
        """What is used, for a bar."""
        return show_size(self.used_bytes)

    @property
    def limit_text(self) -> str:
        """The limit, for a bar."""
        return "no limit" if self.row.limit_bytes is None else show_size(self.row.limit_bytes)

    @property
    def used_percent(self) -> int:
        """How full its own limit is."""
        return min(100, percent_of(self.used_bytes, self.row.limit_bytes))


def look_at(context: Context, row: BucketRow, key: str) -> BucketFacts:
    """Return the facts of a bucket; what may be added or deleted is asked of `key`, one where the page stands."""
    usage = get_usage(context.rows, row.bucket_id)
    return BucketFacts(
        row,
        owner_name(context.rows, row),
        used_bytes(usage),
        used_objects(usage),
        visibility_of(row),
        context.is_authorised("s3:PutBucketPolicy", row.name),
        context.is_authorised("s3:PutObject", row.name, key),
        context.is_authorised("s3:DeleteObject", row.name, key),
    )


def owner_name(rows: Snapshot, row: BucketRow) -> str:
    """Return what a bucket's owner is called."""
    return owner_names(rows, [row])[row.owner_id]


def owner_names(rows: Snapshot, found: Sequence[BucketRow]) -> Mapping[str, str]:
    """Return owner id → name, for the owners of these buckets; who has left is called so. One query for all."""
    ids = {row.owner_id for row in found}
    names = names_by_principal(rows, ids)
    tenancy_ids = {row.owner_id: row.tenancy_id for row in found}
    return {
        owner_id: names.get(owner_id, owner_id)
        if rows.find(MEMBERS, (tenancy_ids[owner_id], owner_id)) is not None
        else f"{names.get(owner_id, owner_id)} (former member)"
        for owner_id in ids
    }


def render_bucket(
    request: HttpRequest,
    standing: Standing,
    facts: BucketFacts,
    template: str,
    context: Mapping[str, Any],
    *,
    crumbs: Sequence[Crumb] = (),
    status: int = 200,
) -> HttpResponse:
    """Render a page of a bucket. `crumbs` follow the bucket's own."""
    tenancy = standing.tenancy.name
    trail = [
        Crumb("Buckets", buckets_path(tenancy)),
        Crumb(facts.name, bucket_path(tenancy, facts.name) if crumbs else ""),
        *crumbs,
    ]
    paths = {
        "objects_url": bucket_path(tenancy, facts.name),
        "sharing_url": bucket_path(tenancy, facts.name, "sharing/"),
        "settings_url": bucket_path(tenancy, facts.name, "settings/"),
    }
    return render_in(
        request,
        standing,
        template,
        {"bucket": facts, **paths, **context},
        current=BUCKETS,
        crumbs=trail,
        status=status,
    )
