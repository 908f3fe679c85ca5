"""S3 served in this process: memory engines, a loop in a thread, and a client that writes raw bytes into a socket."""

from __future__ import annotations

import asyncio
import dataclasses
import random
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import pytest
import uvloop

from holdfast.admin.access_keys import create_access_key
from holdfast.admin.members import add_member
from holdfast.admin.office import Office
from holdfast.admin.tenancies import create_tenancy
from holdfast.admin.users import create_user
from holdfast.auth.callers import Callers
from holdfast.auth.generation import Generation
from holdfast.auth.keyring import Keyring
from holdfast.auth.roles import Role
from holdfast.blobs.interface import Blobs
from holdfast.blobs.memory import MemoryBlobs
from holdfast.catalog.memory import MemoryCatalog
from holdfast.config import Limits
from holdfast.edge.call import S3Handler
from holdfast.edge.connection import Connection
from holdfast.edge.gateway import Gateway, compile_entries
from holdfast.edge.hall import Hall
from holdfast.edge.identity import Identifier
from holdfast.edge.snapshots import Snapshots
from holdfast.edge.switches import Switches
from holdfast.operations.registry import OPERATIONS
from holdfast.s3.head import Head
from holdfast.s3.sigv4 import sign_headers
from holdfast.store.writer import Writer
from holdfast.telemetry.board import Board, Reads
from holdfast.telemetry.metrics import Metrics

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOW_US = int(NOW.timestamp()) * 1_000_000
TENANCY = "my-o"
T = TypeVar("T")


class Answered(NamedTuple):
    """An answer as it came over the wire."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of an error document."""
        return self.body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode()


class Wire:
    """A socket to the server, read answer by answer."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=20)
        self._file = self.socket.makefile("rb")

    def send(self, data: bytes) -> Wire:
        self.socket.sendall(data)
        return self

    def read(self, *, is_head: bool = False) -> Answered:
        """Read one answer. Raises EOFError when the server closed instead."""
        line = self._file.readline()
        if not line:
            raise EOFError("the connection is closed")
        assert line.startswith(b"HTTP/1.1 "), line
        headers: dict[str, str] = {}
        while (field := self._file.readline()) != b"\r\n":
            assert field.endswith(b"\r\n"), field
            name, _, value = field.decode("latin-1").partition(":")
            assert name.lower() not in headers, f"{name} stands twice in the answer"
            headers[name.lower()] = value.strip()
        length = 0 if is_head else int(headers.get("content-length", "0"))
        body = self._file.read(length)
        assert len(body) == length, "the answer was cut short"
        return Answered(int(line[9:12]), headers, body)

    def is_closed(self) -> bool:
        """Whether the server says no more. Waits for its end of the connection."""
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        self._file.close()
        self.socket.close()


@dataclass
class Served:
    """A served store, with one tenancy, a MANAGER's access key and a bucket called `data`."""

    port: int
    gateway: Gateway
    hall: Hall
    blobs: MemoryBlobs
    token: str
    secret: str
    office: Office
    loop: asyncio.AbstractEventLoop

    def on_loop(self, function: Callable[[], T]) -> T:
        """Call something on the server's own thread."""

        async def call() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(call(), self.loop).result(20)

    def pass_time(self, seconds: float) -> None:
        """Let the connections believe that it is so much later."""
        self.on_loop(lambda: self.hall.check_times(self.loop.time() + seconds))

    def connect(self) -> Wire:
        return Wire(self.port)

    def head(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        query: str = "",
        payload: str = "UNSIGNED-PAYLOAD",
        host: str = "127.0.0.1",
    ) -> bytes:
        """Return the bytes of a signed head; only `headers` that begin with x-amz- and the host are signed."""
        more = {name.lower(): value for name, value in (headers or {}).items()}
        signed = {"host": host, **{name: value for name, value in more.items() if name.startswith("x-amz-")}}
        added = sign_headers(
            Head(method, path, query, signed),
            access_key_id=self.token,
            secret=self.secret,
            region="us-east-1",
            signed_at=NOW,
            payload=payload,
        )
        return raw_head(method, f"{path}?{query}" if query else path, {"host": host, **more, **added})

    def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answered:
        """Send one signed request on a connection of its own and return the answer."""
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        if body or method == "PUT":
            fields.setdefault("content-length", str(len(body)))
        path, _, query = path.partition("?")
        wire = self.connect()
        try:
            wire.send(self.head(method, path, fields, query=query, payload=sha256(body).hexdigest()) + body)
            return wire.read(is_head=method == "HEAD")
        finally:
            wire.close()


def raw_head(method: str, target: str, headers: Mapping[str, str]) -> bytes:
    """Return a head as bytes."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {target} HTTP/1.1\r\n{fields}\r\n".encode("latin-1")


@contextmanager
def serving(
    *,
    proxies: tuple[Any, ...] = (),
    small_bytes_max: int = 1 << 20,
    inline: bool = True,
    engine: Blobs | None = None,
    portal: str = "",
    **limits: int,
) -> Iterator[Served]:
    """Serve in a thread, from this blob engine if one is given, beside a portal at this URL. `limits` are fields of
    `Limits`.
    """
    catalog, generation, keyring = MemoryCatalog(), Generation.private(), Keyring({1: bytes(32)})
    blobs = MemoryBlobs(small_bytes_max=small_bytes_max, inline=inline)
    bounds = dataclasses.replace(Limits(), **limits)
    office = Office(catalog, generation, "test", now_us=lambda: NOW_US, random=random.Random(1))
    create_tenancy(office, TENANCY)
    create_user(office, "alice")
    add_member(office, TENANCY, "alice", Role.MANAGER)
    key = create_access_key(office, keyring, bounds, TENANCY, "alice")
    board = Board.private()
    writer = Writer(catalog, engine or blobs, clock_us=lambda: NOW_US, is_read_only=lambda: board.is_read_only)
    metrics = Metrics((operation.name for operation in OPERATIONS), 1)
    threads = ThreadPoolExecutor(2)
    gateway = Gateway(
        snapshots=Snapshots(catalog),
        catalog=catalog,
        blobs=engine or blobs,
        writer=writer,
        identifier=Identifier(catalog, Callers(keyring), generation.value, None),
        switches=Switches(catalog.read, generation.value),
        router=compile_entries(OPERATIONS, metrics, bounds),
        limits=bounds,
        region="us-east-1",
        domains=("s3.localhost", "s3-ext.localhost"),
        board=board,
        reads=Reads(board.slot(0)),
        metrics=metrics,
        page=metrics.page(0),
        access_log=None,
        jobs_file=Path("/nonexistent/jobs.json"),
        portal_origin=portal,
        threads=threads,
        clock_us=lambda: NOW_US,
    )
    loop = uvloop.new_event_loop()
    hall = Hall(S3Handler(gateway), bounds, proxies)
    thread = threading.Thread(target=loop.run_forever, name="test-server")
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(
            loop.create_server(lambda: Connection(hall, is_secure=False), "127.0.0.1", 0), loop
        ).result(20)
        port = server.sockets[0].getsockname()[1]
        served = Served(port, gateway, hall, blobs, key.row.access_key_id, key.secret, office, loop)
        assert served.ask("PUT", "/data").status == 200
        yield served

        async def stop() -> None:
            server.close()
            await hall.stop(0.5)

        asyncio.run_coroutine_threadsafe(stop(), loop).result(20)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()
        writer.close()
        threads.shutdown()
        generation.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as found:
        yield found


@pytest.fixture
def wire(served: Served) -> Iterator[Wire]:
    found = served.connect()
    yield found
    found.close()
