"""`holdfast dns`: the names that a hosts file or a name server must know."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from typing import TYPE_CHECKING

import click

from .desk import Desk, desk_command

if TYPE_CHECKING:
    from holdfast.admin.endpoints import Serving


@desk_command(
    "holdfast dns",
    "holdfast dns --address 192.0.2.10 --address 2001:db8::10 --buckets",
    name="dns",
)
@click.option(
    "--address",
    "addresses",
    multiple=True,
    metavar="IP",
    help="Where the store is reached; repeatable. [default: the addresses that it listens on]",
)
@click.option("--buckets", is_flag=True, help="Name each bucket in the hosts lines too, for virtual-host style.")
def command(desk: Desk, addresses: tuple[str, ...], buckets: bool) -> None:
    """Print hosts lines and zone records for all tenancies."""
    from holdfast.admin.endpoints import hosts_lines, zone_lines
    from holdfast.admin.tenancies import list_tenancies
    from holdfast.catalog.rows import BUCKETS

    serving = desk.serving()
    for address in addresses:
        try:
            ip_address(address)
        except ValueError:
            raise click.UsageError(f"{address!r} is not an IP address") from None
    found = list(dict.fromkeys(addresses)) or _own_addresses(serving)
    with desk.office() as office, office.read() as rows:
        tenancies = [
            (
                tenancy.name,
                [bucket.name for bucket in rows.scan(BUCKETS, (tenancy.tenancy_id,))] if buckets else [],
            )
            for tenancy in list_tenancies(rows)
        ]
    hosts = [line for address in found for line in hosts_lines(serving, address, tenancies)]
    zone = [line for address in found for line in zone_lines(serving, address)]
    lines = ["# Lines for /etc/hosts; that file knows no wildcards, so use path style, or --buckets."]
    lines += hosts or ["# (no tenancy yet)"]
    lines += ["", "; Records for a name server; they cover every tenancy and bucket, those to come too.", *zone]
    desk.answer({"addresses": found, "hosts": hosts, "zone": zone}, lines)


def _own_addresses(serving: Serving) -> list[str]:
    """Return the addresses that the store listens on; where it listens on all of a family, this machine's own."""
    found: list[str] = []
    for listening in (*serving.s3, *serving.s3_tls):
        try:
            listened = ip_address(listening.host)
        except ValueError:
            continue
        if not listened.is_unspecified:
            found.append(str(listened))
            continue
        family = socket.AF_INET if listened.version == 4 else socket.AF_INET6
        target = "192.0.2.1" if listened.version == 4 else "2001:db8::1"  # For documentation only: nothing is sent.
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((target, 9))
                found.append(str(probe.getsockname()[0]))
        except OSError:
            continue  # This machine has no route, or no addresses, of that family.
    return list(dict.fromkeys(found)) or ["127.0.0.1"]
