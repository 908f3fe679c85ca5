"""`holdfast member`: who has which role in a tenancy, and until when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from .desk import Desk, desk_command
from .kinds import GUEST_BUCKET, LAST_DAY, GuestBucket
from .tables import last_day, last_moment, moment

if TYPE_CHECKING:
    from holdfast.admin.members import Membership

ROLES = ("USER", "DEPUTY", "MANAGER", "GUEST")


@click.group(name="member")
def command() -> None:
    """Say who has which role in a tenancy."""


def _document(tenancy: str, each: Membership) -> dict[str, Any]:
    return {
        "tenancy": tenancy,
        "user": each.user.name,
        "role": each.member.role,
        "until": last_moment(each.member.until_us),
        "is_live": each.is_live,
        "user_state": each.user.state,
        "buckets": dict(each.buckets),
        "source": each.member.source,
        "since": moment(each.member.created_at_us),
    }


@desk_command(
    "holdfast member add my-os-tenancy-o alice --role MANAGER",
    "holdfast member add my-os-tenancy-o carol --role GUEST --until 2027-01-31 --bucket results --bucket drop:write",
    group=command,
    name="add",
)
@click.argument("tenancy")
@click.argument("user")
@click.option("--role", type=click.Choice(ROLES, case_sensitive=False), required=True, help="What the member may do.")
@click.option("--until", type=LAST_DAY, metavar="DATE", help="The last day of membership (UTC).")
@click.option(
    "--bucket",
    "buckets",
    type=GUEST_BUCKET,
    multiple=True,
    metavar="NAME[:read|write]",
    help="What a GUEST may reach: read unless it says write. May be given more than once.",
)
def add(desk: Desk, tenancy: str, user: str, role: str, until: int | None, buckets: tuple[GuestBucket, ...]) -> None:
    """Make a user a member of a tenancy, or change the role, last day and buckets of one who is."""
    from holdfast.admin.lookups import get_tenancy
    from holdfast.admin.managers import other_managers
    from holdfast.admin.members import add_member, list_members
    from holdfast.auth.roles import Role

    named = {bucket.name: bucket.access for bucket in buckets}
    with desk.office() as office:
        member = add_member(office, tenancy, user, Role(role), until_us=until, buckets=named)
        with office.read() as rows:
            found = get_tenancy(rows, tenancy)
            shown = next(each for each in list_members(rows, found, office.now_us()) if each.user.name == user)
            is_sole = not other_managers(rows, found.tenancy_id, member.user_id, office.now_us())
    last = f" until {last_day(until)}" if until else ""
    reach = " and reaches " + ", ".join(f"{name} ({access})" for name, access in shown.buckets.items())
    line = f"{user} is {role} of tenancy {tenancy}{last}{reach if shown.buckets else ''}"
    desk.answer(_document(tenancy, shown), [line])
    if role == "MANAGER" and until and is_sole:
        desk.hint(f"{user} is the only MANAGER: from {last_day(until)} on the tenancy has none. Name another in time.")
    if role == "GUEST" and not buckets:
        desk.hint("No bucket is named, so this GUEST reaches only what policies grant: add --bucket NAME[:read|write].")
    desk.hint(f"Next: holdfast key create {tenancy} {user} --json > credentials.json")


@desk_command("holdfast member remove my-os-tenancy-o bob", group=command, name="remove")
@click.argument("tenancy")
@click.argument("user")
def remove(desk: Desk, tenancy: str, user: str) -> None:
    """End a membership now. The member's access keys (tokens) for the tenancy are revoked; their buckets stay."""
    from holdfast.admin.members import remove_member

    with desk.office() as office:
        remove_member(office, tenancy, user)
    document = {"tenancy": tenancy, "user": user, "role": None}
    desk.answer(document, [f"{user} is no member of tenancy {tenancy} any more; their access keys are refused"])


@desk_command("holdfast member list my-os-tenancy-o", group=command, name="list")
@click.argument("tenancy")
def list_(desk: Desk, tenancy: str) -> None:
    """List the members of a tenancy, ended ones included."""
    from holdfast.admin.lookups import get_tenancy
    from holdfast.admin.members import list_members

    with desk.office() as office, office.read() as rows:
        members = list_members(rows, get_tenancy(rows, tenancy), office.now_us())
    table = [
        (
            each.user.name,
            each.member.role,
            "-" if each.member.until_us is None else last_day(each.member.until_us),
            _state(each),
            " ".join(f"{name}:{access}" for name, access in each.buckets.items()),
        )
        for each in members
    ]
    desk.table([_document(tenancy, each) for each in members], ("USER", "ROLE", "UNTIL", "STATE", "BUCKETS"), table)


def _state(each: Membership) -> str:
    if not each.is_live:
        return "ended"
    return "active" if each.user.state == "active" else f"user {each.user.state}"
