"""`holdfast usage`: what a tenancy and its buckets hold, exact to the last acknowledged write."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .desk import Desk, desk_command
from .tables import aligned, limit_text

if TYPE_CHECKING:
    from holdfast.admin.usage import Usage


@desk_command("holdfast usage my-os-tenancy-o", "holdfast usage my-os-tenancy-o --bucket results --json", name="usage")
@click.argument("tenancy")
@click.option("--bucket", metavar="BUCKET", help="Show this bucket alone.")
def command(desk: Desk, tenancy: str, bucket: str | None) -> None:
    """Show what a tenancy and each of its buckets hold, the fullest first."""
    from holdfast.admin.lookups import get_bucket, get_tenancy
    from holdfast.admin.usage import bucket_usage, bucket_usages, tenancy_usage

    with desk.office() as office, office.read() as rows:
        found = get_tenancy(rows, tenancy)
        if bucket is not None:
            usage = bucket_usage(rows, get_bucket(rows, found, bucket))
            desk.answer({"tenancy": tenancy, "bucket": bucket, **usage._asdict()}, aligned(_HEAD, [_cells(usage)]))
            return
        total, buckets = tenancy_usage(rows, found), bucket_usages(rows, found)
    document = {**total._asdict(), "tenancy": tenancy, "buckets": [usage._asdict() for usage in buckets]}
    del document["name"], document["owner"]
    lines = aligned(_HEAD, [_cells(total, "(all)"), *(_cells(usage) for usage in buckets)])
    desk.answer(document, lines)


_HEAD = ("BUCKET", "OWNER", "USED", "QUOTA", "FULL", "OBJECTS", "IN UPLOADS", "RESERVED")


def _cells(usage: Usage, name: str = "") -> tuple[str, ...]:
    from holdfast.config import show_size

    return (
        name or usage.name,
        usage.owner,
        show_size(usage.used_bytes),
        limit_text(usage.limit_bytes, is_bytes=True),
        f"{100 * usage.used_bytes / usage.limit_bytes:.1f}%" if usage.limit_bytes else "-",
        f"{usage.used_objects:,}",
        show_size(usage.upload_bytes),
        show_size(usage.reserved_bytes),
    )
