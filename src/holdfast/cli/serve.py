"""`holdfast serve`: serve S3 from a home until SIGTERM or Ctrl-C."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import sys
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from holdfast import __version__

from .desk import Desk, Refusal, desk_command, missing_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from ssl import SSLContext

    from holdfast.assemble import Home
    from holdfast.config import Address, Settings
    from holdfast.edge.sockets import Listener
    from holdfast.edge.supervisor import Addresses, Companion, Supervisor
    from holdfast.telemetry.board import Board

_PLAIN = b"This port speaks https, and a plain http request came: use https:// here.\n"
_PLAIN_ON_PORTAL = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_PLAIN), _PLAIN)
)


@desk_command(
    "holdfast serve",
    "holdfast serve --home /srv/store --s3 0.0.0.0:80 --s3 '[::]:80' --s3-tls 0.0.0.0:443 --tls-dir /etc/holdfast/tls",
    "holdfast serve --portal 0.0.0.0:8444 --portal-url https://portal.example.org:8444",
    "holdfast serve --legacy-portal 0.0.0.0:81 --portal 0.0.0.0:8444",
    "holdfast serve --domain s3.example.org --ext-domain s3-ext.example.org --trusted-proxy 192.0.2.0/24",
    name="serve",
)
@click.option("--s3", multiple=True, metavar="HOST:PORT", help="Where the inside endpoint listens (http); repeatable.")
@click.option(
    "--s3-tls", multiple=True, metavar="HOST:PORT", help="Where the outside endpoint listens (https); repeatable."
)
@click.option("--portal", multiple=True, metavar="HOST:PORT", help="Where the portal listens (https); repeatable.")
@click.option("--portal-url", metavar="URL", help="The portal's address as browsers write it, for links in mail.")
@click.option(
    "--legacy-portal",
    multiple=True,
    metavar="HOST:PORT",
    help="Where http://TENANCY.DOMAIN:81/_admin/portal leads to the portal (http); repeatable.",
)
@click.option(
    "--tls-dir",
    metavar="DIR",
    help="Certificates: NAME.pem with NAME.key, or NAME/fullchain.pem with privkey.pem. Without it a local authority"
    " in HOME/tls issues them.",
)
@click.option("--domain", metavar="NAME", help="Tenancies are http://TENANCY.NAME inside.")
@click.option("--ext-domain", metavar="NAME", help="Tenancies are https://TENANCY.NAME outside.")
@click.option("--workers", type=int, metavar="N", help="Processes that serve; 0 = one for each processor.")
@click.option(
    "--trusted-proxy",
    "trusted_proxies",
    multiple=True,
    metavar="NET",
    help="A network of proxies whose X-Forwarded-… headers are believed; repeatable.",
)
@click.option("--default-tenancy", metavar="NAME", help="The tenancy of anonymous requests that name none.")
def command(desk: Desk, /, **options: Any) -> None:
    """Serve S3 from a home, which is made when it is not there."""
    settings = desk.settings(options)
    home = desk.home(settings, create=True)
    with served(settings, home) as (supervisor, addresses):
        desk.answer(describe(home, settings, addresses), tell(home, settings, addresses))
        sys.stdout.flush()
        supervisor.watch()


@contextmanager
def served(
    settings: Settings, home: Home, *, least_level: int = logging.INFO
) -> Iterator[tuple[Supervisor, Addresses]]:
    """Start the processes of a home, and tell other commands where it is served while the block runs.

    `least_level` is that of the events to log. The block has to `watch`. Raises Refusal.
    """
    from holdfast.edge.sockets import CannotListen
    from holdfast.edge.supervisor import CannotServe, Supervisor
    from holdfast.edge.tls import NoCertificates
    from holdfast.telemetry.log import set_up_log

    set_up_log(least_level=least_level)
    _check_home(settings, home)
    _prepare_certificates(settings, home)
    supervisor = Supervisor(settings, home, companions(settings, home))
    try:
        addresses = supervisor.start()
    except (CannotServe, CannotListen, NoCertificates) as error:
        raise Refusal(str(error)) from None
    try:
        write_serving(home, settings, addresses)
        yield supervisor, addresses
    finally:
        home.serving_file.unlink(missing_ok=True)


def companions(settings: Settings, home: Home) -> Sequence[Companion]:
    """Return the processes that run beside the workers."""
    from holdfast.edge.supervisor import Companion
    from holdfast.jobs import worker

    found = [Companion("jobs", worker.run)]
    if settings.portal:
        found.append(Companion("portal", partial(_serve_portal, home), "portal"))
        found.append(Companion("portal worker", _work_for_portal))
    return found


def _serve_portal(
    home: Home, settings: Settings, board: Board, slot_number: int, listeners: Sequence[Listener]
) -> None:
    # The portal knows nothing of the edge: it is given sockets, and what makes their TLS context.
    import signal

    from holdfast.assemble import open_catalog
    from holdfast.edge.tls import server_context
    from holdfast.edge.worker import open_certificates
    from holdfast.portal import server

    # Until there are certificates to look at again: it would end the process.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    with ExitStack() as held:

        def make_context() -> SSLContext:
            # Beside the portal's own: certificates ask it whose name a connection is for.
            catalog = open_catalog(home)
            held.callback(catalog.close)
            certificates = open_certificates(settings, home, catalog)
            assert certificates is not None
            signal.signal(signal.SIGHUP, lambda *_: certificates.reload())
            return server_context(certificates, lambda: _PLAIN_ON_PORTAL)

        server.run(settings, board, slot_number, [each.socket for each in listeners], make_context)


def _work_for_portal(settings: Settings, board: Board, slot_number: int, _: Sequence[Listener]) -> None:
    from holdfast.portal import worker

    worker.run(settings, board, slot_number)


def write_serving(home: Home, settings: Settings, addresses: Addresses) -> None:
    """Tell other commands where the home is served."""
    temporary = home.serving_file.with_suffix(".new")
    temporary.write_text(json.dumps(describe(home, settings, addresses)) + "\n", encoding="utf-8")
    temporary.replace(home.serving_file)


def describe(home: Home, settings: Settings, addresses: Addresses) -> dict[str, Any]:
    """Return where the home is served, as `serve.json` and --json have it."""
    return {
        "pid": os.getpid(),
        "version": __version__,
        "home": str(home.root),
        "s3": [str(address) for address in addresses.s3],
        "s3_tls": [str(address) for address in addresses.s3_tls],
        "portal": [str(address) for address in addresses.companions.get("portal", ())],
        "portal_url": portal_url(settings, addresses),
        "legacy_portal": [str(address) for address in addresses.legacy_portal],
        "domain": settings.domain,
        "ext_domain": settings.ext_domain,
        "ca": _authority(settings, home),
        "tls_dir": str(settings.tls_dir) if _serves_https(settings) and settings.tls_dir is not None else None,
    }


def portal_url(settings: Settings, addresses: Addresses) -> str:
    """Return the portal's address as browsers write it; empty when there is no portal."""
    listened = addresses.companions.get("portal", ())
    return dataclasses.replace(settings, portal=listened).portal_origin


def tell(home: Home, settings: Settings, addresses: Addresses) -> list[str]:
    """Return what a person at the terminal should know."""
    port = _port(addresses.s3, 80)
    tls_port = _port(addresses.s3_tls, 443)
    lines = [f"holdfast {__version__} serves {home.root} with {settings.worker_count} workers"]
    lines += [
        f"  inside   http://{_reachable(address)}   http://TENANCY.{settings.domain}{port}" for address in addresses.s3
    ]
    lines += [
        f"  outside  https://{_reachable(address)}   https://TENANCY.{settings.ext_domain}{tls_port}"
        for address in addresses.s3_tls
    ]
    if url := portal_url(settings, addresses):
        lines.append(f"  portal   {url}")
    lines += [f"  legacy   http://{_reachable(address)}   leads to the portal" for address in addresses.legacy_portal]
    if authority := _authority(settings, home):
        lines.append(
            f"  trust    {authority}   (the local authority's certificate, for clients of the outside endpoint)"
        )
    lines.append("  health   /health/live  /health/ready")
    if all(map(_is_loopback, (*addresses.s3, *addresses.s3_tls))):
        example = _port(addresses.s3, 80) or ":80"
        lines.append(
            f"  not reachable from other machines: use --s3 0.0.0.0{example} (and --s3-tls 0.0.0.0{tls_port or ':443'})"
        )
    lines.append("  stop with Ctrl-C or SIGTERM")
    return lines


def _check_home(settings: Settings, home: Home) -> None:
    """Refuse here, in one sentence, what would else end every process with a traceback. Nothing is open afterwards."""
    from holdfast.admin.errors import Unknown
    from holdfast.admin.lookups import get_tenancy
    from holdfast.assemble import open_catalog, open_keyring
    from holdfast.portal.upstream import check_upstream

    if settings.portal:
        check_upstream(settings)
    catalog = open_catalog(home)
    try:
        open_keyring(home, catalog)
        if settings.default_tenancy is not None:
            with catalog.read() as rows:
                get_tenancy(rows, settings.default_tenancy)
    except Unknown as error:
        # It may be made while we serve, as on the first start; until then unsigned requests that name none are refused.
        click.echo(f"holdfast: the default tenancy: {missing_in(home.root, error)}", err=True)
    finally:
        catalog.close()


def _prepare_certificates(settings: Settings, home: Home) -> None:
    if not _serves_https(settings):
        return
    from datetime import UTC, datetime

    from holdfast.edge.authority import LocalAuthority
    from holdfast.edge.tls import CertificateDirectory, NoCertificates

    if settings.tls_dir is None:
        LocalAuthority(home.tls).prepare(datetime.now(UTC))
        return
    try:
        CertificateDirectory(settings.tls_dir, lambda: 0.0)
    except NoCertificates as error:
        raise Refusal(str(error)) from None


def _authority(settings: Settings, home: Home) -> str | None:
    return str(Path(home.tls) / "ca.pem") if _serves_https(settings) and settings.tls_dir is None else None


def _serves_https(settings: Settings) -> bool:
    return bool(settings.s3_tls or settings.portal)


def _port(addresses: Iterable[Address], default: int) -> str:
    for address in addresses:
        return "" if address.port == default else f":{address.port}"
    return ""


def _reachable(address: Address) -> str:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)
    return str(address._replace(host=host))


def _is_loopback(address: Address) -> bool:
    return address.host in ("localhost", "::1") or address.host.startswith("127.")
