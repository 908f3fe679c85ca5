"""One worker process: opens the engines, serves its sockets, and drains when it is told to go."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import ssl
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Final, NamedTuple
from urllib.parse import urlsplit

import uvloop

from holdfast import assemble
from holdfast.auth.callers import Callers
from holdfast.catalog.interface import Catalog
from holdfast.catalog.rows import TENANCIES
from holdfast.config import Settings
from holdfast.operations.registry import OPERATIONS
from holdfast.store.writer import Writer
from holdfast.telemetry.access import AccessLog
from holdfast.telemetry.board import Board, Reads
from holdfast.telemetry.log import get_log
from holdfast.telemetry.metrics import Metrics

from .authority import LocalAuthority
from .call import S3Handler
from .connection import Connection
from .former_portal import FormerPortalHandler
from .gateway import THREADS, Gateway, compile_entries
from .hall import Hall
from .identity import Identifier
from .snapshots import Snapshots
from .sockets import BACKLOG, Listener
from .switches import Switches
from .tls import CertificateDirectory, Certificates, IssuedCertificates, server_context

HANDSHAKE_TIMEOUT_S: Final = 10.0
SHUTDOWN_TIMEOUT_S: Final = 2.0
_GC_THRESHOLD: Final = 20_000
"""Requests leave no cycles behind, so that looking for some every 700 objects is work for nothing."""

_log = get_log("edge")


class Post(NamedTuple):
    """What a worker is given by the supervisor."""

    number: int
    settings: Settings
    home: assemble.Home
    board: Board
    metrics: Metrics
    listeners: Sequence[Listener]
    former_portal: Sequence[Listener]
    """Where people came to the portal of the seed system."""
    lifeline: int
    """A descriptor that comes to its end when the supervisor is gone."""


def run(post: Post, tell_ready: int) -> None:
    """Serve until SIGTERM or the end of the lifeline. Writes a byte to `tell_ready` once it listens."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(post, tell_ready))


async def _serve(post: Post, tell_ready: int) -> None:
    settings, board = post.settings, post.board
    catalog = assemble.open_catalog(post.home)
    blobs = assemble.open_blobs(post.home)
    writer = Writer(
        catalog,
        blobs,
        is_read_only=lambda: board.is_read_only,
        on_broken=lambda error: _break(board, error),
    )
    generation = assemble.open_generation(post.home)
    slot = board.slot(post.number)
    slot.take(blobs.instance)
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="holdfast-body")
    access_log = AccessLog(post.home.root / "log" / "access.log")
    certificates = open_certificates(settings, post.home, catalog)
    snapshots = Snapshots(catalog)
    gateway = Gateway(
        catalog=catalog,
        snapshots=snapshots,
        blobs=blobs,
        writer=writer,
        identifier=Identifier(
            catalog,
            Callers(assemble.open_keyring(post.home, catalog)),
            generation.value,
            settings.default_tenancy,
            timedelta(seconds=settings.limits.clock_skew_s),
            settings.limits.presigned_life_s_max,
        ),
        switches=Switches(catalog.read, generation.value),
        router=compile_entries(OPERATIONS, post.metrics, settings.limits),
        limits=settings.limits,
        region=settings.region,
        domains=(settings.domain, settings.ext_domain),
        board=board,
        reads=Reads(slot),
        metrics=post.metrics,
        page=post.metrics.page(post.number),
        access_log=access_log,
        jobs_file=post.home.jobs_file,
        certificates=certificates,
        portal_origin=settings.portal_origin,
        threads=threads,
    )
    handler = S3Handler(gateway)
    hall = Hall(handler, settings.limits, settings.trusted_proxies)
    lobby = Hall(FormerPortalHandler(gateway), settings.limits, settings.trusted_proxies)

    def each_round() -> None:
        slot.beat(hall.connection_count + lobby.connection_count)
        access_log.flush()
        if gateway.key_uses.is_due(gateway.clock_us()):
            gateway.key_uses.write(writer, gateway.clock_us())

    context = server_context(certificates, handler.refuse_plain) if certificates is not None else None
    servers = [await _listen(hall, listener, context) for listener in post.listeners]
    servers += [await _listen(lobby, listener, None) for listener in post.former_portal]
    hall.start_rounds(each_round)
    lobby.start_rounds()
    stopped = _watch(post, certificates, access_log)
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_THRESHOLD)
    os.write(tell_ready, b"r")
    os.close(tell_ready)

    await stopped.wait()
    for server in servers:
        server.close()
    await asyncio.gather(*(each.stop(settings.limits.drain_timeout_s) for each in (hall, lobby)))
    await asyncio.wait([gateway.key_uses.write(writer, gateway.clock_us())])
    await asyncio.get_running_loop().run_in_executor(threads, writer.close)
    threads.shutdown()
    slot.leave()
    blobs.close()
    generation.close()
    snapshots.release()
    catalog.close()
    access_log.close()


def open_certificates(
    settings: Settings, home: assemble.Home, catalog: Catalog, clock_s: Callable[[], float] = time.monotonic
) -> Certificates | None:
    """Return where certificates come from; None when nothing is served by https, neither S3 nor the portal.

    Needs no event loop, so that the portal's process opens its own. Raises NoCertificates.
    """
    if not settings.s3_tls and not settings.portal:
        return None
    if settings.tls_dir is not None:
        return CertificateDirectory(settings.tls_dir, clock_s)

    def is_tenancy(name: str) -> bool:
        with catalog.read() as rows:
            return bool(rows.scan(TENANCIES, (name,), index="by_name", count_max=1))

    hosts = dict.fromkeys(("localhost", os.uname().nodename.lower(), "127.0.0.1", "::1"))
    listening = (*settings.s3_tls, *settings.portal)
    hosts.update(dict.fromkeys(address.host for address in listening if address.host not in ("0.0.0.0", "::")))
    if portal_host := urlsplit(settings.portal_origin).hostname:
        hosts[portal_host] = None
    return IssuedCertificates(
        LocalAuthority(home.tls), (settings.ext_domain, settings.domain), tuple(hosts), is_tenancy
    )


async def _listen(hall: Hall, listener: Listener, context: ssl.SSLContext | None) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    if not listener.is_secure:
        return await loop.create_server(
            lambda: Connection(hall, is_secure=False), sock=listener.socket, backlog=BACKLOG
        )
    assert context is not None
    return await loop.create_server(
        lambda: Connection(hall, is_secure=True),
        sock=listener.socket,
        backlog=BACKLOG,
        ssl=context,
        ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S,
        ssl_shutdown_timeout=SHUTDOWN_TIMEOUT_S,
    )


def _watch(post: Post, certificates: Certificates | None, access_log: AccessLog) -> asyncio.Event:
    """Return the event of being told to go; SIGHUP reloads what may change while we serve."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def reload() -> None:
        if certificates is not None:
            certificates.reload()
        access_log.reopen()

    def bereave() -> None:
        loop.remove_reader(post.lifeline)
        stopped.set()

    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    loop.add_reader(post.lifeline, bereave)
    return stopped


def _break(board: Board, error: Exception) -> None:
    board.set_read_only()
    _log.critical("a sync failed: the home is read-only until it is started again", exc_info=error)
