"""`holdfast tenancy`: each tenancy has its own buckets, hostnames, members and quota."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .desk import Desk, desk_command
from .kinds import COUNT, SIZE, limit_of
from .tables import facts, limit_text, moment
from .transfer import transfer

if TYPE_CHECKING:
    from holdfast.admin.endpoints import Endpoints
    from holdfast.admin.usage import Usage
    from holdfast.catalog.rows import TenancyRow

NEW_BUCKETS = ("private", "members-read", "members-write")


@click.group(name="tenancy")
def command() -> None:
    """Create, list, limit, suspend and delete tenancies; give buckets to other owners."""


command.add_command(transfer)


def _document(tenancy: TenancyRow, endpoints: Endpoints, usage: Usage) -> dict[str, Any]:
    return {
        "name": tenancy.name,
        "id": tenancy.tenancy_id,
        "state": tenancy.state,
        "reason": tenancy.reason,
        "new_buckets": tenancy.new_buckets,
        "users_may_publish": bool(tenancy.users_may_publish),
        "users_may_create": bool(tenancy.users_may_create),
        "limit_bytes": tenancy.limit_bytes,
        "limit_objects": tenancy.limit_objects,
        "used_bytes": usage.used_bytes,
        "used_objects": usage.used_objects,
        "endpoint_url": endpoints.inside,
        "endpoint_url_ext": endpoints.outside,
        "created": moment(tenancy.created_at_us),
    }


def _lines(document: dict[str, Any]) -> list[str]:
    state = document["state"] + (f": {document['reason']}" if document["reason"] else "")
    used, limit = document["used_bytes"], document["limit_bytes"]
    from holdfast.config import show_size

    return facts(
        [
            ("tenancy", document["name"]),
            ("state", state),
            ("endpoint inside", document["endpoint_url"]),
            ("endpoint outside", document["endpoint_url_ext"]),
            ("used", f"{show_size(used)} in {document['used_objects']:,} objects"),
            ("quota", f"{limit_text(limit, is_bytes=True)}, objects {limit_text(document['limit_objects'])}"),
            ("new buckets", document["new_buckets"]),
            ("users may", _rights(document)),
            ("created", document["created"]),
        ]
    )


def _rights(document: dict[str, Any]) -> str:
    rights = [
        right
        for right, name in (("create buckets", "users_may_create"), ("publish", "users_may_publish"))
        if document[name]
    ]
    return ", ".join(rights) or "use what others share with them"


def _show(desk: Desk, tenancy: TenancyRow, usage: Usage) -> None:
    from holdfast.admin.endpoints import endpoints_of

    document = _document(tenancy, endpoints_of(desk.serving(), tenancy.name), usage)
    desk.answer(document, _lines(document))


@desk_command(
    "holdfast tenancy create my-os-tenancy-o --quota 10TB",
    "holdfast tenancy create my-os-tenancy-o --new-buckets members-write",
    group=command,
    name="create",
)
@click.argument("name")
@click.option(
    "--quota", type=SIZE, metavar="SIZE|none", help="The most bytes it may hold: 10TB = 10^13, 10TiB = 10 · 2^40."
)
@click.option("--objects", type=COUNT, metavar="N|none", help="The most objects it may hold.")
@click.option(
    "--new-buckets",
    type=click.Choice(NEW_BUCKETS),
    default="private",
    show_default=True,
    help="Who may use a new bucket beside its owner and managers.",
)
@click.option(
    "--users-may-publish", is_flag=True, help="Let USERs make their buckets public, not only MANAGERs and DEPUTYs."
)
@click.option("--users-may-not-create", is_flag=True, help="Let only MANAGERs and DEPUTYs create buckets.")
def create(
    desk: Desk,
    name: str,
    quota: int | str | None,
    objects: int | str | None,
    new_buckets: str,
    users_may_publish: bool,
    users_may_not_create: bool,
) -> None:
    """Create a tenancy."""
    from holdfast.admin.tenancies import create_tenancy
    from holdfast.admin.usage import tenancy_usage

    with desk.office(create=True) as office:
        tenancy = create_tenancy(
            office,
            name,
            limit_bytes=quota if isinstance(quota, int) else None,
            limit_objects=objects if isinstance(objects, int) else None,
            new_buckets=new_buckets,
            users_may_publish=users_may_publish,
            users_may_create=not users_may_not_create,
        )
        with office.read() as rows:
            usage = tenancy_usage(rows, tenancy)
    _show(desk, tenancy, usage)
    desk.hint(f"\nNext: holdfast user create USER, then holdfast member add {name} USER --role MANAGER")


@desk_command("holdfast tenancy list", "holdfast tenancy list --json", group=command, name="list")
def list_(desk: Desk) -> None:
    """List all tenancies, with what they hold."""
    from holdfast.admin.endpoints import endpoints_of
    from holdfast.admin.tenancies import list_tenancies
    from holdfast.admin.usage import tenancy_usage
    from holdfast.config import show_size

    serving = desk.serving()
    with desk.office() as office, office.read() as rows:
        documents = [
            _document(tenancy, endpoints_of(serving, tenancy.name), tenancy_usage(rows, tenancy))
            for tenancy in list_tenancies(rows)
        ]
    table = [
        (
            each["name"],
            each["state"],
            show_size(each["used_bytes"]),
            limit_text(each["limit_bytes"], is_bytes=True),
            f"{each['used_objects']:,}",
            each["endpoint_url"],
        )
        for each in documents
    ]
    desk.table(documents, ("TENANCY", "STATE", "USED", "QUOTA", "OBJECTS", "ENDPOINT INSIDE"), table)


@desk_command("holdfast tenancy show my-os-tenancy-o", group=command, name="show")
@click.argument("name")
def show(desk: Desk, name: str) -> None:
    """Show one tenancy: its state, endpoints, quota and what it holds."""
    from holdfast.admin.lookups import get_tenancy
    from holdfast.admin.usage import tenancy_usage

    with desk.office() as office, office.read() as rows:
        tenancy = get_tenancy(rows, name)
        usage = tenancy_usage(rows, tenancy)
    _show(desk, tenancy, usage)


@desk_command(
    "holdfast tenancy set-quota my-os-tenancy-o 20TB",
    "holdfast tenancy set-quota my-os-tenancy-o none --objects 5000000",
    "holdfast tenancy set-quota my-os-tenancy-o 1TB --bucket scratch",
    group=command,
    name="set-quota",
)
@click.argument("name")
@click.argument("quota", type=SIZE, required=False, metavar="[SIZE|none]")
@click.option("--objects", type=COUNT, metavar="N|none", help="The most objects.")
@click.option("--bucket", metavar="BUCKET", help="Limit this bucket, beside the tenancy's own limit.")
def set_quota(desk: Desk, name: str, quota: int | str | None, objects: int | str | None, bucket: str | None) -> None:
    """Set how many bytes and objects a tenancy, or one of its buckets, may hold. Nothing is deleted.

    Past its quota, writes are refused, and reads and every kind of delete work.
    """
    from holdfast.admin.lookups import get_tenancy
    from holdfast.admin.quotas import set_bucket_quota, set_tenancy_quota
    from holdfast.admin.usage import bucket_usage, tenancy_usage
    from holdfast.config import show_size

    if quota is None and objects is None:
        raise click.UsageError("give a SIZE, --objects, or both")
    with desk.office() as office:
        if bucket is not None:
            row = set_bucket_quota(office, name, bucket, limit_of(quota), limit_of(objects))
            with office.read() as rows:
                usage = bucket_usage(rows, row)
        else:
            tenancy = set_tenancy_quota(office, name, limit_of(quota), limit_of(objects))
            with office.read() as rows:
                usage = tenancy_usage(rows, get_tenancy(rows, tenancy.name))
    document = {"tenancy": name, "bucket": bucket, **_figures(usage)}
    scope = f"bucket {bucket} of tenancy {name}" if bucket else f"tenancy {name}"
    bytes_text, objects_text = limit_text(usage.limit_bytes, is_bytes=True), limit_text(usage.limit_objects)
    desk.answer(
        document,
        [
            f"{scope}: quota {bytes_text}, objects {objects_text}; "
            f"holds {show_size(usage.used_bytes)} in {usage.used_objects:,} objects"
        ],
    )
    if usage.limit_bytes is not None and usage.used_bytes > usage.limit_bytes:
        desk.hint("It holds more than that: writes are refused until enough is deleted.")


def _figures(usage: Usage) -> dict[str, int | None]:
    return {
        "limit_bytes": usage.limit_bytes,
        "limit_objects": usage.limit_objects,
        "used_bytes": usage.used_bytes,
        "used_objects": usage.used_objects,
    }


def _change_state(desk: Desk, tenancy: TenancyRow, sentence: str) -> None:
    desk.answer({"name": tenancy.name, "state": tenancy.state, "reason": tenancy.reason}, [sentence])


@desk_command(
    'holdfast tenancy suspend my-os-tenancy-o --reason "leaked key, ticket 4711"',
    'holdfast tenancy suspend my-os-tenancy-o --read-only --reason "closing on 31 January"',
    group=command,
    name="suspend",
)
@click.argument("name")
@click.option("--reason", default="", help="Kept with it: holdfast tenancy show tells it to operators.")
@click.option("--read-only", is_flag=True, help="Refuse writes alone: reads and deletes go on.")
def suspend(desk: Desk, name: str, reason: str, read_only: bool) -> None:
    """Refuse all S3 to a tenancy within a second, anonymous and presigned requests too. Nothing is deleted."""
    from holdfast.admin.tenancies import close_tenancy, suspend_tenancy

    with desk.office() as office:
        tenancy = close_tenancy(office, name, reason) if read_only else suspend_tenancy(office, name, reason)
    state = "read-only" if read_only else "suspended"
    _change_state(desk, tenancy, f"tenancy {name} is {state}; holdfast tenancy resume {name} takes it back")


@desk_command("holdfast tenancy resume my-os-tenancy-o", group=command, name="resume")
@click.argument("name")
def resume(desk: Desk, name: str) -> None:
    """Take a suspension back."""
    from holdfast.admin.tenancies import resume_tenancy

    with desk.office() as office:
        tenancy = resume_tenancy(office, name)
    _change_state(desk, tenancy, f"tenancy {name} is active")


@desk_command("holdfast tenancy delete my-os-tenancy-o", group=command, name="delete")
@click.argument("name")
def delete(desk: Desk, name: str) -> None:
    """Delete a tenancy that has no buckets, with its memberships. Its access keys are refused from then on."""
    from holdfast.admin.tenancies import delete_tenancy

    with desk.office() as office:
        delete_tenancy(office, name)
    desk.answer({"name": name, "state": "deleted"}, [f"tenancy {name} is deleted"])
