"""One connection of a browser: uvicorn's own, with the limits that it lacks.

Without them a client that sends a letter a minute, or a head without an end, would keep the portal busy for nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any, ClassVar, Final

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from holdfast.config import Limits, Network

BODY_TIMEOUT_S: Final = 60.0
"""A form is at most 1 MiB (DATA_UPLOAD_MAX_MEMORY_SIZE): data go to S3, not through here."""
PER_ADDRESS_MAX: Final = 64
"""A browser opens six. Trusted proxies are exempt: behind them is everybody."""


class BrowserConnection(HttpToolsProtocol):
    """A connection that is cut when its head is too long or too slow, its body is too slow, or there are too many."""

    limits: ClassVar[Limits] = Limits()
    trusted: ClassVar[Sequence[Network]] = ()
    _by_address: ClassVar[Counter[str]] = Counter()

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._address = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        address = peer[0] if isinstance(peer, tuple) else ""
        if not _is_in(address, self.trusted):
            self._address = address
            self._by_address[address] += 1
            if self._by_address[address] > PER_ADDRESS_MAX:
                transport.close()
                return
        self._expect(self.limits.header_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect(None)
        if self._address:
            self._by_address[self._address] -= 1
            if not self._by_address[self._address]:
                del self._by_address[self._address]
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0
        self._expect(self.limits.header_timeout_s)

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._expect(BODY_TIMEOUT_S)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._expect(None)
        super().on_message_complete()

    def _count(self, size_bytes: int) -> None:
        self._head_bytes += size_bytes
        if self._head_bytes > self.limits.head_bytes_max:
            raise httptools.HttpParserError("the head of the request is too long")

    def _expect(self, timeout_s: float | None) -> None:
        """Cut the connection unless the next step is made in so many seconds; None = there is none to wait for."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if timeout_s is None else self.loop.call_later(timeout_s, self._cut)

    def _cut(self) -> None:
        self._timer = None
        self.transport.abort()


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    try:
        return any(ip_address(address.partition("%")[0]) in network for network in networks)
    except ValueError:
        return False
