"""The load: many keep-alive connections that send requests made and signed beforehand, and count what comes back.

Signing happens before the clock starts, so that the loader costs less than the server. One process, one loop, plain
transports: an answer is recognised by its Content-Length, and each connection sends its next request when the last
byte of the answer is in.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple, cast

import uvloop

from holdfast.s3.head import Head
from holdfast.s3.sigv4 import sign_headers


class Credentials(NamedTuple):
    access_key_id: str
    secret: str


class Prepared(NamedTuple):
    """One request, ready to send."""

    head: bytes
    body: bytes


def prepare(
    method: str, host: str, path: str, query: str = "", body: bytes = b"", credentials: Credentials | None = None
) -> Prepared:
    """Return a request with its payload hash signed; unsigned without credentials."""
    headers = {"host": host}
    if credentials is not None:
        head = Head(method, path, query, headers)
        headers |= sign_headers(
            head,
            access_key_id=credentials.access_key_id,
            secret=credentials.secret,
            region="us-east-1",
            signed_at=datetime.now(UTC),
            payload=hashlib.sha256(body).hexdigest(),
        )
    if body or method in ("PUT", "POST"):
        headers["content-length"] = str(len(body))
    target = f"{path}?{query}" if query else path
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return Prepared("\r\n".join(lines).encode("latin-1"), body)


@dataclass
class Tally:
    """What came back."""

    done: int = 0
    failed: int = 0
    received_bytes: int = 0
    first_failure: bytes = b""
    finished: asyncio.Event = field(default_factory=asyncio.Event)
    open: int = 0


class _Client(asyncio.Protocol):
    def __init__(self, requests: Iterator[Prepared], tally: Tally) -> None:
        self._requests = requests
        self._tally = tally
        self._head = bytearray()
        self._missing_bytes = 0
        self._is_head_request = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._tally.open += 1
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        self._tally.open -= 1
        if not self._tally.open:
            self._tally.finished.set()

    def _send(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._transport.close()
            return
        self._is_head_request = request.head.startswith(b"HEAD")
        self._transport.write(request.head)
        if request.body:
            self._transport.write(request.body)

    def data_received(self, data: bytes) -> None:
        self._tally.received_bytes += len(data)
        if self._missing_bytes:
            self._missing_bytes -= len(data)
            if self._missing_bytes <= 0:
                self._end()
            return
        self._head += data
        end = self._head.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._head[:end]).lower()
        body_bytes = len(self._head) - end - 4
        status = head[9:12]
        if not status.startswith(b"2"):
            self._tally.failed += 1
            self._tally.first_failure = self._tally.first_failure or bytes(self._head)
        length = 0
        for line in head.split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line[15:])
        if self._is_head_request or status in (b"204", b"304"):
            length = 0
        self._head.clear()
        self._missing_bytes = length - body_bytes
        if self._missing_bytes <= 0:
            self._end()

    def _end(self) -> None:
        self._missing_bytes = 0
        self._tally.done += 1
        self._send()


async def _run(address: tuple[str, int], requests: Sequence[Prepared], connections: int) -> Tally:
    loop = asyncio.get_running_loop()
    tally = Tally()
    queue = iter(requests)
    for _ in range(min(connections, len(requests))):
        await loop.create_connection(lambda: _Client(queue, tally), *address)
    await tally.finished.wait()
    return tally


def run_load(address: tuple[str, int], requests: Sequence[Prepared], connections: int = 32) -> Tally:
    """Send all requests once over so many connections, and return what came back."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_run(address, requests, connections))
