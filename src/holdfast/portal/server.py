"""The process that serves the portal: Django behind uvicorn, on sockets that the supervisor bound."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from holdfast import assemble
from holdfast.config import Settings
from holdfast.telemetry.board import Board

if TYPE_CHECKING:
    from django.core.handlers.asgi import ASGIHandler

DRAIN_S: Final = 10
KEEP_ALIVE_S: Final = 30
CONNECTIONS_MAX: Final = 512
_PARENT_LOOK_S: Final = 1.0


def application(settings: Settings, home: assemble.Home) -> ASGIHandler:
    """Return Django for a home, as an ASGI application."""
    from .start import configure, migrate

    configure(settings, home)
    migrate(home)
    from django.core.asgi import get_asgi_application

    return get_asgi_application()


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
    try:
        asyncio.run(_serve(application(settings, home), settings, sockets, make_context(), slot.beat))
    finally:
        slot.leave()
        opened.close()


async def _serve(
    app: Any,
    settings: Settings,
    sockets: Sequence[socket.socket],
    context: ssl.SSLContext,
    beat: Callable[[], None],
) -> None:
    import uvicorn

    config = uvicorn.Config(
        app,
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
    config.ssl = context
    server = uvicorn.Server(config)
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
