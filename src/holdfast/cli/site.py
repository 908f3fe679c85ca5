"""`holdfast site`: what operators say for the whole store, while it is served."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from .desk import Desk, desk_command
from .tables import counted, facts

if TYPE_CHECKING:
    from holdfast.admin.office import Office

_OFF = "off"
SHOWN_MAX = 20
"""How many public buckets are named to people; --json names all."""


@click.group(name="site")
def command() -> None:
    """Make the whole store read-only, announce, forbid publishing."""


def _set(desk: Desk, name: str, value: str | None, sentence: str) -> None:
    from holdfast.admin.site import set_site_setting

    with desk.office() as office:
        set_site_setting(office, name, value)
    desk.answer({name: value}, [sentence])


@desk_command(
    'holdfast site read-only on --reason "moving to new disks, back at 14:00 UTC"',
    "holdfast site read-only off",
    group=command,
    name="read-only",
)
@click.argument("state", type=click.Choice(["on", _OFF]))
@click.option(
    "--reason", default="", metavar="TEXT", help="Told to everybody whose write is refused, and in the portal."
)
def read_only(desk: Desk, state: str, reason: str) -> None:
    """Refuse every write and delete by S3, in all tenancies, within a second; reads go on.

    Commands and the server's own jobs go on too.
    """
    from holdfast.store.site import READ_ONLY

    if state == _OFF:
        _set(desk, READ_ONLY, None, "the store takes writes again")
    else:
        _set(desk, READ_ONLY, reason, "the store is read-only; holdfast site read-only off takes it back")


@desk_command(
    'holdfast site public forbid --reason "until the data policy is signed"',
    "holdfast site public allow",
    group=command,
    name="public",
)
@click.argument("state", type=click.Choice(["forbid", "allow"]))
@click.option("--reason", default="", metavar="TEXT", help="Told to everybody whose policy is refused.")
def public(desk: Desk, state: str, reason: str) -> None:
    """Forbid, or allow again, that anybody makes a bucket public, MANAGERs included.

    What is public already stays so: `holdfast site show` names it.
    """
    from holdfast.store.site import PUBLIC_FORBIDDEN

    if state == "allow":
        _set(desk, PUBLIC_FORBIDDEN, None, "buckets may be made public, by those whom their tenancies let")
        return
    _set(desk, PUBLIC_FORBIDDEN, reason, "no bucket can be made public; holdfast site public allow takes it back")
    with desk.office() as office:
        count = len(_public_buckets(office))
    if count:
        desk.hint(f"Public already, and staying so: {counted(count, 'bucket')}. holdfast site show names them.")


@desk_command(
    'holdfast site announce "Maintenance on Monday from 09:00 to 10:00 UTC: reads only."',
    "holdfast site announce --none",
    group=command,
    name="announce",
)
@click.argument("text", required=False)
@click.option("--none", "is_none", is_flag=True, help="Take the announcement away.")
def announce(desk: Desk, text: str | None, is_none: bool) -> None:
    """Show a line at the top of every page of the portal."""
    from holdfast.store.site import ANNOUNCEMENT

    if is_none == bool(text):
        raise click.UsageError("give a TEXT, or --none")
    _set(desk, ANNOUNCEMENT, text, "it is announced" if text else "nothing is announced")


@desk_command("holdfast site show", "holdfast site show --json", group=command, name="show")
def show(desk: Desk) -> None:
    """Show what holds for the whole store, and which buckets are public."""
    from holdfast.admin.site import list_site_settings
    from holdfast.store.site import ANNOUNCEMENT, PUBLIC_FORBIDDEN, READ_ONLY

    with desk.office() as office:
        with office.read() as rows:
            switches = list_site_settings(rows)
        buckets = _public_buckets(office)
    document = {
        "read_only": switches.get(READ_ONLY),
        "public_forbidden": switches.get(PUBLIC_FORBIDDEN),
        "announcement": switches.get(ANNOUNCEMENT),
        "public_buckets": buckets,
    }
    more = len(buckets) - SHOWN_MAX
    shown = ", ".join(buckets[:SHOWN_MAX]) + (f" and {more} more" if more > 0 else "")
    desk.answer(
        document,
        facts(
            [
                ("writes", _state(switches.get(READ_ONLY), "refused", "allowed")),
                ("making public", _state(switches.get(PUBLIC_FORBIDDEN), "forbidden", "as each tenancy says")),
                ("announcement", switches.get(ANNOUNCEMENT, "none")),
                ("public buckets", shown or "none"),
            ]
        ),
    )


def _state(value: str | None, on: str, off: str) -> str:
    return off if value is None else f"{on}: {value}" if value else on


def _public_buckets(office: Office) -> list[str]:
    from holdfast.admin.site import public_buckets

    with office.read() as rows:
        return [f"{tenancy}/{bucket}" for tenancy, bucket in public_buckets(rows)]
