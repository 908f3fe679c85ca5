"""`holdfast key`: access keys (tokens). A secret is shown once, by the command that makes it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from .desk import Desk, desk_command
from .kinds import DURATION, LAST_DAY_OR_NEVER
from .tables import facts, last_day, last_moment, moment

if TYPE_CHECKING:
    from holdfast.admin.access_keys import KnownKey, NewKey
    from holdfast.admin.endpoints import Endpoints
    from holdfast.catalog.rows import AccessKeyRow


@click.group(name="key")
def command() -> None:
    """Make, list, rotate and revoke access keys (tokens)."""


def _facts_of(row: AccessKeyRow) -> dict[str, Any]:
    return {
        "description": row.description,
        "read_only": bool(row.read_only),
        "buckets": json.loads(row.buckets),
        "prefixes": json.loads(row.prefixes),
        "created": moment(row.created_at_us),
    }


def _show_new(desk: Desk, key: NewKey, tenancy: str, user: str, endpoints: Endpoints) -> None:
    from holdfast.admin.access_keys import reach_text

    # The first three are the credentials file of the seed system, word for word; its readers ignore the rest.
    document = {
        "token": key.row.access_key_id,
        "secret": key.secret,
        "endpoint_url": endpoints.inside,
        "endpoint_url_ext": endpoints.outside,
        "tenancy": tenancy,
        "user": user,
        "expires": last_moment(key.ends_at_us),
        **_facts_of(key.row),
    }
    desk.answer(
        document,
        facts(
            [
                ("access key (token)", key.row.access_key_id),
                ("secret", key.secret),
                ("endpoint inside", endpoints.inside),
                ("endpoint outside", endpoints.outside),
                ("last day", last_day(key.ends_at_us)),
                ("may", reach_text(key.row)),
            ]
        ),
    )
    desk.hint("\nThe secret is shown only now. With --json the answer is a credentials file: keep it with chmod 600.")


@desk_command(
    "holdfast key create my-os-tenancy-o alice --json > credentials.json",
    'holdfast key create my-os-tenancy-o alice --description "nightly job" --expires 2027-01-31',
    "holdfast key create my-os-tenancy-o alice --read-only --bucket results --prefix cmip6/",
    group=command,
    name="create",
)
@click.argument("tenancy")
@click.argument("user")
@click.option("--description", default="", metavar="TEXT", help="What it is for.")
@click.option(
    "--expires", type=LAST_DAY_OR_NEVER, metavar="DATE|never", help="Its last day (UTC). [default: 90 days on]"
)
@click.option("--read-only", is_flag=True, help="It may read and list, nothing else.")
@click.option("--bucket", "buckets", multiple=True, metavar="BUCKET", help="It reaches only this. May be repeated.")
@click.option(
    "--prefix", "prefixes", multiple=True, metavar="PREFIX", help="It reaches only keys below this. May be repeated."
)
def create(
    desk: Desk,
    tenancy: str,
    user: str,
    description: str,
    expires: Any,
    read_only: bool,
    buckets: tuple[str, ...],
    prefixes: tuple[str, ...],
) -> None:
    """Make an access key (token) for a member. It never reaches more than the member's role does at that moment."""
    from holdfast.admin.access_keys import create_access_key
    from holdfast.admin.endpoints import endpoints_of
    from holdfast.assemble import open_keyring
    from holdfast.catalog.rows import BUCKETS

    settings = desk.settings()
    serving = desk.serving()
    with desk.office() as office:
        key = create_access_key(
            office,
            open_keyring(desk.home(settings), office.catalog),
            settings.limits,
            tenancy,
            user,
            description=description,
            expires_at_us=expires,
            read_only=read_only,
            buckets=buckets,
            prefixes=prefixes,
        )
        with office.read() as rows:
            absent = [name for name in buckets if rows.find(BUCKETS, (key.row.tenancy_id, name)) is None]
    for name in absent:
        desk.warn(f"there is no bucket `{name}` in tenancy `{tenancy}` yet: the key reaches it once it is made")
    _show_new(desk, key, tenancy, user, endpoints_of(serving, tenancy))


@desk_command(
    "holdfast key list my-os-tenancy-o",
    "holdfast key list my-os-tenancy-o alice --json",
    "holdfast key list --user alice",
    group=command,
    name="list",
)
@click.argument("tenancy", required=False)
@click.argument("user", required=False)
@click.option("--user", "any_user", metavar="USER", help="The keys of this user in all tenancies.")
def list_(desk: Desk, tenancy: str | None, user: str | None, any_user: str | None) -> None:
    """List access keys (tokens) of a tenancy, of one of its users, or all. Secrets are not shown.

    A use is one whose signature verified, told within a minute; --json says when to the second, from where and by what.
    """
    from holdfast.admin.access_keys import list_access_keys, reach_text
    from holdfast.admin.lookups import get_tenancy, get_user

    user = user or any_user
    with desk.office() as office, office.read() as rows:
        keys = list_access_keys(
            rows,
            office.now_us(),
            get_tenancy(rows, tenancy) if tenancy else None,
            get_user(rows, user) if user else None,
        )
    table = [
        (
            key.row.access_key_id,
            key.tenancy_name,
            key.user_name,
            key.state,
            last_day(key.row.expires_at_us),
            moment(key.last_use.last_used_us)[:10] if key.last_use else "never",
            reach_text(key.row),
            key.row.description,
        )
        for key in keys
    ]
    head = ("ACCESS KEY (TOKEN)", "TENANCY", "USER", "STATE", "LAST DAY", "LAST USED", "MAY", "DESCRIPTION")
    desk.table([_document(key) for key in keys], head, table)


def _document(key: KnownKey) -> dict[str, Any]:
    use = key.last_use
    return {
        "token": key.row.access_key_id,
        "tenancy": key.tenancy_name,
        "user": key.user_name,
        "state": key.state,
        "expires": last_moment(key.row.expires_at_us),
        "last_used": moment(use.last_used_us) if use else None,
        "last_used_from": use.source_ip if use else None,
        "last_used_by": use.user_agent if use else None,
        **_facts_of(key.row),
    }


@desk_command("holdfast key revoke AKEXAMPLE0EXAMPLE0EX", group=command, name="revoke")
@click.argument("token")
def revoke(desk: Desk, token: str) -> None:
    """Refuse an access key (token) within a second, for good."""
    from holdfast.admin.access_keys import revoke_access_key

    with desk.office() as office:
        revoke_access_key(office, token)
    desk.answer({"token": token, "state": "revoked"}, [f"access key {token} is revoked"])


@desk_command(
    "holdfast key rotate AKEXAMPLE0EXAMPLE0EX --json > credentials.json",
    "holdfast key rotate AKEXAMPLE0EXAMPLE0EX --overlap 24h",
    group=command,
    name="rotate",
)
@click.argument("token")
@click.option(
    "--overlap", type=DURATION, default=0, metavar="TIME", help="How long the old one still works: 30m, 24h, 7d."
)
def rotate(desk: Desk, token: str, overlap: int) -> None:
    """Make a new pair in the place of an access key (token), with the same reach and as long a life."""
    from holdfast.admin.access_keys import rotate_access_key
    from holdfast.admin.endpoints import endpoints_of
    from holdfast.assemble import open_keyring
    from holdfast.catalog.rows import TENANCIES, USERS

    settings = desk.settings()
    serving = desk.serving()
    with desk.office() as office:
        keyring = open_keyring(desk.home(settings), office.catalog)
        key = rotate_access_key(office, keyring, settings.limits, token, overlap)
        with office.read() as rows:
            tenancy = rows.find(TENANCIES, (key.row.tenancy_id,))
            user = rows.find(USERS, (key.row.user_id,))
    assert tenancy is not None
    assert user is not None
    _show_new(desk, key, tenancy.name, user.name, endpoints_of(serving, tenancy.name))
