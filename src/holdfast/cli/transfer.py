"""`holdfast tenancy transfer`: buckets of who left, or is away, become another member's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from .desk import Desk, desk_command

if TYPE_CHECKING:
    from holdfast.admin.buckets import Transfer
    from holdfast.admin.office import Office


@desk_command(
    "holdfast tenancy transfer my-os-tenancy-o alice --from bob --dry-run",
    "holdfast tenancy transfer my-os-tenancy-o alice --from bob",
    "holdfast tenancy transfer my-os-tenancy-o alice --bucket scratch --bucket results",
    name="transfer",
)
@click.argument("name")
@click.argument("user")
@click.option("--from", "owner", metavar="USER", help="All buckets of this owner, who may have left: a name, or an id.")
@click.option("--bucket", "buckets", multiple=True, metavar="BUCKET", help="This bucket. May be given more than once.")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
def transfer(desk: Desk, name: str, user: str, owner: str | None, buckets: tuple[str, ...], dry_run: bool) -> None:
    """Make buckets of a tenancy another member's. Their data, policies and limits stay as they are."""
    from holdfast.admin.buckets import transfer_bucket
    from holdfast.config import show_size

    if bool(owner) == bool(buckets):
        raise click.UsageError("say which: either --from USER, or --bucket BUCKET")
    buckets_max = desk.settings().limits.buckets_max
    with desk.office() as office:
        done = _plan(office, name, user, owner, buckets, buckets_max)
        if not dry_run:
            done = [
                transfer_bucket(office, name, each.bucket.name, user, buckets_max=buckets_max, expected=each.bucket)
                for each in done
            ]
    documents = [_document(name, each, dry_run) for each in done]
    table = [
        (each["bucket"], each["from"], each["to"], show_size(each["used_bytes"]), f"{each['used_objects']:,}")
        for each in documents
    ]
    desk.table(documents, ("BUCKET", "FROM", "TO", "SIZE", "OBJECTS"), table)
    if dry_run:
        desk.hint("Nothing was changed: run it again without --dry-run.")


def _plan(
    office: Office, name: str, user: str, owner: str | None, buckets: Sequence[str], buckets_max: int
) -> Sequence[Transfer]:
    from holdfast.admin.buckets import get_owner, plan_transfer
    from holdfast.admin.lookups import get_tenancy

    with office.read() as rows:
        tenancy = get_tenancy(rows, name)
        if owner:
            buckets = [row.name for row in get_owner(rows, tenancy, owner, office.now_us()).buckets]
        return plan_transfer(rows, tenancy, buckets, user, office.now_us(), buckets_max)


def _document(tenancy: str, each: Transfer, dry_run: bool) -> dict[str, Any]:
    return {
        "tenancy": tenancy,
        "bucket": each.bucket.name,
        "from": each.before.name if each.before else each.bucket.owner_id,
        "from_id": each.bucket.owner_id,
        "to": each.after.name,
        "used_bytes": each.size_bytes,
        "used_objects": each.object_count,
        "is_done": not dry_run,
    }
