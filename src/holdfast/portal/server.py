"""The process that serves the portal: Django behind uvicorn, on sockets that the supervisor bound."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import uvicorn
import uvloop

from holdfast import assemble
from holdfast.config import Settings
from holdfast.telemetry.board import Board

from .connection import BrowserConnection

if TYPE_CHECKING:
    from django.core.handlers.asgi import ASGIHandler

DRAIN_S: Final = 10
KEEP_ALIVE_S: Final = 30
CONNECTIONS_MAX: Final = 512
HANDSHAKE_TIMEOUT_S: Final = 10.0
SHUTDOWN_TIMEOUT_S: Final = 2.0
_PARENT_LOOK_S: Final = 1.0


def application(settings: Settings, home: assemble.Home) -> ASGIHandler:
    """Return Django for a home, as an ASGI application."""
    from .start import configure, migrate

    configure(settings, home)
    migrate(home)
    from .handler import Handler

    return Handler()


def run(
    settings: Settings,
    board: Board,
    slot_number: int,
    sockets: Sequence[socket.socket],
    make_context: Callable[[], ssl.SSLContext],
) -> None:
    """Serve until SIGTERM, or until the supervisor is gone. A companion of `serve`; called in a process of its own.

    `make_context` makes the TLS context, whose certificates are found anew at SIGHUP.
    """
    from .house import open_house

    home = assemble.Home(settings.home)
    opened = open_house(settings, home, board)
    slot = board.slot(slot_number)
    slot.take()
    app = application(settings, home)
    # What Django keeps for ever is a large heap: looking through it now and then would hold up a page for 100 ms.
    gc.collect()
    gc.freeze()
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(app, settings, sockets, make_context(), slot.beat))
    finally:
        slot.leave()
        opened.close()


class _Listening(uvicorn.Server):
    """uvicorn's server, with a context of ours and an end to handshakes that go nowhere."""

    def __init__(self, config: uvicorn.Config, context: ssl.SSLContext) -> None:
        super().__init__(config)
        self._context = context

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end. uvicorn would raise the signal once more, which ends a process before it cleans up."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=[])
        loop = asyncio.get_running_loop()
        for each in sockets or ():
            self.servers.append(
                await loop.create_server(
                    lambda: BrowserConnection(self.config, self.server_state, self.lifespan.state, loop),
                    sock=each,
                    ssl=self._context,
                    ssl_handshake_timeout=HANDSHAKE_TIMEOUT_S,
                    ssl_shutdown_timeout=SHUTDOWN_TIMEOUT_S,
                    backlog=self.config.backlog,
                )
            )


async def _serve(
    app: Any,
    settings: Settings,
    sockets: Sequence[socket.socket],
    context: ssl.SSLContext,
    beat: Callable[[], None],
) -> None:
    BrowserConnection.limits = settings.limits
    BrowserConnection.trusted = settings.trusted_proxies
    config = uvicorn.Config(
        app,
        http=BrowserConnection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=[str(network) for network in settings.trusted_proxies],
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_S,
        limit_concurrency=CONNECTIONS_MAX,
    )
    config.load()
    server = _Listening(config, context)
    parent = os.getppid()

    async def watch() -> None:
        # A supervisor that was killed can send no signal.
        while not server.should_exit:
            beat()
            if os.getppid() != parent:
                server.should_exit = True
            await asyncio.sleep(_PARENT_LOOK_S)

    watching = asyncio.create_task(watch())
    try:
        await server.serve(sockets=list(sockets))
    finally:
        watching.cancel()
