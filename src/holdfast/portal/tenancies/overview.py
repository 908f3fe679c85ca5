"""What the page of a tenancy shows a person: the state, what is used, how to reach it, and who answers for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from holdfast.admin.access_keys import access_key_rows, last_uses
from holdfast.admin.endpoints import Endpoints, endpoints_of
from holdfast.admin.managers import is_live
from holdfast.admin.usage import Usage, bucket_usage, tenancy_usage
from holdfast.auth.roles import Right, Role
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import MEMBERS, BucketRow, TenancyRow
from holdfast.config import show_size
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.people.lookups import names_by_principal

from .first_steps import Facts
from .pages import tenancy_path
from .quota_bars import QuotaBar, byte_bar, object_bar
from .shelf import Ending, buckets_seen, ending_of

BARS_MAX: Final = 8
"""Buckets with a bar of their own; the rest is summed up as Other."""


class Bar(NamedTuple):
    """One row of the chart of buckets."""

    label: str
    value: str
    percent: int
    url: str


class Officer(NamedTuple):
    """Somebody who answers for a tenancy."""

    name: str
    role: str


class Reach(NamedTuple):
    """How the tenancy is reached."""

    endpoints: Endpoints
    has_inside: bool
    has_outside: bool
    has_local_authority: bool


class Overview(NamedTuple):
    """All that the page shows."""

    usage: Usage | None
    """None for whom the sum of all buckets is none of their business."""
    bars: Sequence[QuotaBar]
    chart: Sequence[Bar]
    bucket_count: int
    officers: Sequence[Officer]
    ending: Ending | None
    reach: Reach
    facts: Facts

    @property
    def used_text(self) -> str:
        return "" if self.usage is None else show_size(self.usage.used_bytes)

    @property
    def objects_text(self) -> str:
        return "" if self.usage is None else f"{self.usage.live_objects:,}"

    @property
    def uploads_text(self) -> str:
        """What lies in unfinished uploads; empty when nothing does."""
        return show_size(self.usage.upload_bytes) if self.usage is not None and self.usage.upload_bytes else ""


def overview(standing: Standing) -> Overview:
    """Return what a person sees of a tenancy. One snapshot of the catalog, one query for names."""
    opened = house()
    now_us = opened.now_us()
    tenancy = standing.tenancy
    with opened.catalog.read() as rows:
        seen = buckets_seen(rows, standing)
        usages = [(row, bucket_usage(rows, row)) for row in seen]
        usage = None if standing.role is Role.GUEST else tenancy_usage(rows, tenancy)
        officers = _officers(rows, tenancy, now_us)
        facts = _facts(rows, standing, usages, now_us)
    serving = opened.serving()
    bars = [] if usage is None else [bar for bar in (byte_bar(usage), object_bar(usage)) if bar is not None]
    return Overview(
        usage=usage,
        bars=bars,
        chart=_chart(standing, [each for _, each in usages]),
        bucket_count=len(seen),
        officers=officers,
        ending=ending_of(standing.member),
        reach=Reach(
            endpoints_of(serving, tenancy.name),
            bool(serving.s3),
            bool(serving.s3_tls),
            bool(serving.s3_tls) and serving.tls_dir is None,
        ),
        facts=facts,
    )


def officers_of(tenancy: TenancyRow) -> Sequence[Officer]:
    """Return the live MANAGERs and DEPUTYs of a tenancy by name, MANAGERs first."""
    opened = house()
    with opened.catalog.read() as rows:
        return _officers(rows, tenancy, opened.now_us())


def _officers(rows: Snapshot, tenancy: TenancyRow, now_us: int) -> Sequence[Officer]:
    found = {
        member.user_id: member.role
        for member in rows.scan(MEMBERS, (tenancy.tenancy_id,))
        if member.role in (Role.MANAGER, Role.DEPUTY) and is_live(member, now_us)
    }
    names = names_by_principal(rows, found)
    officers = [Officer(names[user_id], role) for user_id, role in found.items() if user_id in names]
    return sorted(officers, key=lambda officer: (officer.role != Role.MANAGER, officer.name))


def _chart(standing: Standing, usages: Sequence[Usage]) -> Sequence[Bar]:
    """Return a bar for each of the fullest buckets and one for the rest, as long as they are full."""
    ordered = sorted(usages, key=lambda usage: (-usage.used_bytes, usage.name))
    rest = ordered[BARS_MAX:]
    sums = [(usage.name, usage.used_bytes, _link(standing, usage.name)) for usage in ordered[:BARS_MAX]]
    if rest:
        sums.append((f"Other ({len(rest)})", sum(usage.used_bytes for usage in rest), ""))
    longest = max((used for _, used, _ in sums), default=0)
    return [Bar(name, show_size(used), 100 * used // longest if longest else 0, url) for name, used, url in sums]


def _link(standing: Standing, bucket: str) -> str:
    # Operators see names and sizes, not what is within.
    return "" if standing.is_operator else tenancy_path(standing.tenancy.name, f"buckets/{bucket}/")


def _facts(rows: Snapshot, standing: Standing, usages: Sequence[tuple[BucketRow, Usage]], now_us: int) -> Facts:
    if standing.member is None:
        return Facts(has_token=True, has_tested=True, has_uploaded=True)
    user_id = standing.person.principal_id
    keys = access_key_rows(rows, standing.tenancy, user_id)
    # Where a role reaches all buckets, or only named ones, nobody's own bucket is waited for.
    filled = [row for row, usage in usages if usage.live_objects or usage.upload_parts]
    return Facts(
        has_token=any(
            key.state == "active" and (key.expires_at_us is None or now_us < key.expires_at_us) for key in keys
        ),
        has_tested=bool(last_uses(rows, [key.access_key_id for key in keys])),
        has_uploaded=any(row.owner_id == user_id or standing.role is not Role.USER for row in filled),
        may_upload=standing.may(Right.CREATE_BUCKET),
    )
