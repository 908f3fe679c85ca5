"""One connection of a browser: uvicorn's own, with the limits that it lacks.

Without them a client that sends a letter a minute, or a head or a body without an end, would keep the portal busy for
nothing, and fill its disk: Django takes a body whole, into a file, before any page is asked.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any, ClassVar, Final, cast

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from holdfast.config import Limits, Network

from .crowd import PER_PLACE_MAX, UNFINISHED_PER_PLACE_MAX, Crowd, drop_one, place_of
from .visits import new_visit_id

FORM_BYTES_MAX: Final = 1 << 20
"""The longest body that a page or the API reads (DATA_UPLOAD_MAX_MEMORY_SIZE): data go to S3, not through here."""
BODY_BYTES_MAX: Final = FORM_BYTES_MAX + (64 << 10)
"""What is longer never reaches Django. In between, Django refuses it, as a page or in the shape of the API's errors.
So much stays in memory (FILE_UPLOAD_MAX_MEMORY_SIZE is 2.5 MiB)."""
BODY_TIMEOUT_S: Final = 10.0
"""How long a body may take, and as much more as its bytes take at the least rate."""
BODY_BYTES_PER_S_MIN: Final = 32 << 10
HEALTH: Final = b"/health/"
"""Answered however many are connected: a monitor that is refused would restart a portal that works."""


class BrowserConnection(HttpToolsProtocol):
    """A connection that is cut when what it sends is too long or too slow, or there are too many from one place."""

    limits: ClassVar[Limits] = Limits()
    trusted: ClassVar[Sequence[Network]] = ()
    crowd: ClassVar[Crowd] = Crowd()

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any], _loop: Any = None) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._head_bytes = 0
        self._body_bytes = 0
        self._body_began_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._is_unfinished = False
        self._is_refused = False
        self.place = ""
        self.waits_since_s: float | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.waits_since_s = self.loop.time()
        peer = transport.get_extra_info("peername")
        address = peer[0] if isinstance(peer, tuple) else ""
        if not _is_in(address, self.trusted):
            self.place = place_of(address)
            self.crowd.connections[self.place] += 1
            if self.crowd.connections[self.place] > PER_PLACE_MAX:
                transport.close()
                return
        self._make_room()
        self._expect(self.limits.header_timeout_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect(None)
        self._finish()
        if self.place:
            drop_one(self.crowd.connections, self.place)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # What still comes of a body that was refused is thrown away until the client has read why.
        if not self._is_refused:
            super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = self._body_bytes = 0
        self._expect(self.limits.header_timeout_s)
        if self.place and not self._is_unfinished:
            self._is_unfinished = True
            self.crowd.unfinished[self.place] += 1
            if self.crowd.unfinished[self.place] > UNFINISHED_PER_PLACE_MAX:
                self._stop("too many requests of this address are unfinished")

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._announced_bytes() > BODY_BYTES_MAX:
            before = cast("RequestResponseCycle | None", self.cycle)
            self._refuse_body(is_turn=before is None or before.response_complete)
        self._body_began_s = self.loop.time()
        self._expect(BODY_TIMEOUT_S, self._check_rate)
        self.limit_concurrency = None if self.url.partition(b"?")[0] == HEALTH else self.config.limit_concurrency
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > BODY_BYTES_MAX:  # It came in chunks, which announce no length.
            is_turn = not self.pipeline and not self.cycle.response_started
            # Django stops reading, and forgets what it has.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self._refuse_body(is_turn=is_turn)
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._expect(None)
        self._finish()
        self.waits_since_s = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        if not self.pipeline:
            self.waits_since_s = self.loop.time()
        super().on_response_complete()

    def send_400_response(self, msg: str) -> None:
        """Say that the request is none, unless it was refused already (`_stop`)."""
        if not self._is_refused:
            super().send_400_response(msg)

    def _announced_bytes(self) -> int:
        """Return the length that the head announces; 0 where it announces none. The parser has checked it."""
        return next((int(value) for name, value in self.headers if name == b"content-length"), 0)

    def _refuse_body(self, *, is_turn: bool) -> None:
        """Answer 413 and close, or just cut where an answer to an earlier request comes first."""
        if is_turn:
            self.transport.write(too_big(self.url, self.headers))
            self._is_refused = True
            self.transport.close()
        self._stop("the body of the request is too long")

    def _stop(self, why: str) -> None:
        """End the reading of this connection. What was written before is sent, where `close` was called."""
        if not self._is_refused:
            self._is_refused = True
            self.transport.abort()
        raise httptools.HttpParserError(why)

    def _make_room(self) -> None:
        most = self.config.limit_concurrency
        if most is None or len(self.connections) < most:
            return
        goes = self.crowd.find_who_goes(each for each in self.connections if isinstance(each, BrowserConnection))
        if goes is not None:
            # The loop tells it only later that it is lost, when this one may have been refused for its sake.
            self.connections.discard(goes)
            goes.transport.abort()

    def _finish(self) -> None:
        if self._is_unfinished:
            self._is_unfinished = False
            drop_one(self.crowd.unfinished, self.place)

    def _count(self, size_bytes: int) -> None:
        self._head_bytes += size_bytes
        if self._head_bytes > self.limits.head_bytes_max:
            raise httptools.HttpParserError("the head of the request is too long")

    def _expect(self, timeout_s: float | None, otherwise: Callable[[], None] | None = None) -> None:
        """Cut the connection unless the next step is made in so many seconds; None = there is none to wait for."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if timeout_s is None else self.loop.call_later(timeout_s, otherwise or self._cut)

    def _check_rate(self) -> None:
        due_s = self._body_began_s + BODY_TIMEOUT_S + self._body_bytes / BODY_BYTES_PER_S_MIN
        left_s = due_s - self.loop.time()
        if left_s <= 0:
            self._cut()
        else:
            self._expect(left_s, self._check_rate)

    def _cut(self) -> None:
        self._timer = None
        self.transport.abort()


def too_big(url: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Return the answer to a request whose body is too long: as JSON for the API and for scripts, else as text."""
    text = "A body has at most 1 MiB."
    visit_id = new_visit_id()
    kind = next((value for name, value in headers if name == b"content-type"), b"")
    if url.startswith(b"/api/") or kind.lower().startswith(b"application/json"):
        shown = json.dumps({"error": {"code": "TooBig", "message": text, "request_id": visit_id}})
        content_type = "application/json"
    else:
        shown, content_type = f"{text}\n", "text/plain; charset=utf-8"
    lines = (
        "HTTP/1.1 413 Content Too Large",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(shown)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        f"X-Request-Id: {visit_id}",
        "Connection: close",
    )
    return ("\r\n".join(lines) + "\r\n\r\n" + shown).encode("ascii")


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    try:
        return any(ip_address(address.partition("%")[0]) in network for network in networks)
    except ValueError:
        return False
