"""Where the microseconds of one GET, HEAD and PUT of 4 KiB go: each step of a request, timed alone in one process.

    python bench/budget.py

The steps are called as the worker calls them, again and again, so that everything is in the processor's caches: the
sum is what a request costs at best, without the kernel's part. `whole` is the same request through the connection,
which pays for the way between the steps too. Times are CPU times of this process, the least of several rounds.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.load import Credentials, Prepared, prepare

from holdfast.admin.access_keys import create_access_key
from holdfast.admin.members import add_member
from holdfast.admin.office import Office
from holdfast.admin.tenancies import create_tenancy
from holdfast.admin.users import create_user
from holdfast.auth.callers import Callers
from holdfast.auth.generation import Generation
from holdfast.auth.keyring import Keyring
from holdfast.auth.roles import Role
from holdfast.blobs.files import FileBlobs
from holdfast.blobs.interface import Slice
from holdfast.catalog.sqlite import SqliteCatalog
from holdfast.config import Limits
from holdfast.edge.answers import frame
from holdfast.edge.asked import Asked
from holdfast.edge.call import S3Handler
from holdfast.edge.connection import Connection
from holdfast.edge.gateway import Gateway, compile_entries
from holdfast.edge.hall import Hall
from holdfast.edge.hosts import find_place, read_origin
from holdfast.edge.identity import Identifier
from holdfast.edge.snapshots import Snapshots
from holdfast.edge.switches import Switches
from holdfast.operations.context import Context
from holdfast.operations.registry import OPERATIONS
from holdfast.s3.checksums import Hasher
from holdfast.store.receipt import Receipt
from holdfast.store.writer import Writer
from holdfast.telemetry.access import AccessLog
from holdfast.telemetry.board import Board, Reads
from holdfast.telemetry.metrics import Metrics

HOST = "bench-o.s3.test"
TENANCY = "bench-o"
SIZE_BYTES = 4096
CALLS, ROUNDS, BATCH = 2000, 9, 32


class Silent:
    """A transport that takes everything and sends nothing: what the kernel costs is not of this budget."""

    def get_extra_info(self, name: str) -> Any:
        return ("127.0.0.1", 5) if name == "peername" else None

    def set_write_buffer_limits(self, **_limits: int) -> None: ...

    def write(self, data: bytes) -> None: ...

    def writelines(self, pieces: Any) -> None: ...

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


class Desk:
    """A worker's gateway over real engines, and one connection to it."""

    def __init__(self, home: Path) -> None:
        (home / "blobs").mkdir(parents=True)
        self.catalog = SqliteCatalog(home / "catalog.sqlite")
        blobs = FileBlobs(home / "blobs", reserve_bytes=0)
        generation, keyring, limits = Generation.private(), Keyring({1: bytes(32)}), Limits()
        office = Office(
            self.catalog, generation, "bench", now_us=lambda: time.time_ns() // 1000, random=random.Random(1)
        )
        create_tenancy(office, TENANCY, limit_bytes=10**14)
        create_user(office, "bench")
        add_member(office, TENANCY, "bench", Role.USER)
        made = create_access_key(office, keyring, limits, TENANCY, "bench")
        self.credentials = Credentials(made.row.access_key_id, made.secret)
        metrics, board = Metrics([operation.name for operation in OPERATIONS], 1), Board.private()
        self.gateway = Gateway(
            catalog=self.catalog,
            snapshots=Snapshots(self.catalog),
            blobs=blobs,
            writer=Writer(self.catalog, blobs),
            identifier=Identifier(self.catalog, Callers(keyring), generation.value, None),
            switches=Switches(self.catalog.read, generation.value),
            router=compile_entries(OPERATIONS, metrics, limits),
            limits=limits,
            region="us-east-1",
            domains=("s3.test",),
            board=board,
            reads=Reads(board.slot(0)),
            metrics=metrics,
            page=metrics.page(0),
            access_log=AccessLog(home / "log" / "access.log"),
            jobs_file=home / "jobs.json",
            portal_origin="https://portal.test",
        )
        self.hall = Hall(S3Handler(self.gateway), limits)
        self.connection = Connection(self.hall, is_secure=False)
        self.connection.connection_made(Silent())  # type: ignore[arg-type]

    def prepare(self, method: str, key: str, body: bytes = b"") -> Prepared:
        return prepare(method, HOST, key, "", body, self.credentials)

    def receive(self, request: Prepared) -> None:
        """Let a request come in; one that needs not wait is answered when this returns."""
        data = request.head + request.body
        self.hall.receive[: len(data)] = data
        self.connection.buffer_updated(len(data))

    async def ask(self, request: Prepared) -> None:
        self.receive(request)
        while self.connection._phase.name == "BUSY":
            await asyncio.sleep(0.001)

    def asked(self, method: str, key: str, body: bytes = b"") -> Asked:
        """Return a request as the gateway has it once operation and caller are known."""
        gateway = self.gateway
        message = self.hall.heads.read(self.prepare(method, f"/bench/{key}", body).head)
        headers, now_us = message.head.headers, gateway.clock_us()
        origin = read_origin(headers, "127.0.0.1", is_secure=False, is_trusted=False)
        identity = gateway.identifier.identify(message.head, origin, find_place(HOST, gateway.domains), now_us)
        entry = gateway.router.find(method, "key", {}, headers)
        return Asked(
            gateway, self.connection, message, None, origin, identity, entry, "bench", key, {}, "ID", now_us
        )  # fmt: skip


def least_us(call: Callable[[], object], calls: int = CALLS) -> float:
    """Return the CPU time of one call in µs, the least of several rounds."""
    best = float("inf")
    for _ in range(ROUNDS):
        began = time.process_time_ns()
        for _ in range(calls):
            call()
        best = min(best, (time.process_time_ns() - began) / calls / 1000)
    return best


def steps_of_a_read(desk: Desk) -> dict[str, Callable[[], object]]:
    """Return the steps of a GET, in their order."""
    gateway, head = desk.gateway, desk.prepare("GET", "/bench/key").head
    asked = desk.asked("GET", "key")
    message, entry, origin = asked.message, asked.entry, asked.origin
    run = entry.operation.run
    assert run is not None
    with gateway.snapshots as rows:
        context, request = asked.context(rows), asked.read_request(b"")
        response = run(context, request)
        answer = entry.write_response(response)
    place = find_place(HOST, gateway.domains)
    told = {"request_id": "ID", "host_id": gateway.host_id, "epoch_s": asked.began_us // 1_000_000}

    def snapshot() -> None:
        with gateway.snapshots:
            pass

    return {
        "head: llhttp, names and values": lambda: desk.hall.heads.read(head),
        "place: host, path, operation": lambda: (
            read_origin(message.head.headers, "127.0.0.1", is_secure=False, is_trusted=False),
            find_place(HOST, gateway.domains),
            gateway.router.find("GET", "key", {}, message.head.headers),
        ),
        "identity: claim, key, signature": lambda: gateway.identifier.identify(
            message.head, origin, place, asked.began_us
        ),
        "request: headers and query as the operation's": lambda: asked.read_request(b""),
        "snapshot, and the board of reads": lambda: (gateway.reads.end(gateway.reads.begin(1)), snapshot()),
        "operation: right, rows, conditions": lambda: run(asked.context(rows), request),
        "answer: headers, head": lambda: frame(
            entry.write_response(response), **told, closes=False, is_head=False, more=(("Vary", "Origin"),)
        ),
        "bytes: read and verified": lambda: gateway.blobs.read_small(answer.payload[0]),  # type: ignore[index]
        "count: metrics and access log": lambda: (
            gateway.page.count(entry.number, 200, 0, SIZE_BYTES, 100),
            gateway.access_log.add(  # type: ignore[union-attr]
                asked.began_us, "ID", "127.0.0.1", "KEY", TENANCY, "GetObject", "GET", "/bench/key", "", 200, "", 0,
                SIZE_BYTES, 100, "agent",
            ),
        ),
    }  # fmt: skip


def steps_of_a_write(desk: Desk, body: bytes) -> dict[str, Callable[[], object]]:
    """Return the steps of a PUT that a GET has not."""
    gateway = desk.gateway
    asked = desk.asked("PUT", "other", body)
    admit = asked.entry.operation.admit
    assert admit is not None
    request, data = asked.read_request(b""), memoryview(body)

    def digest() -> None:
        hasher = Hasher(("CRC64NVME",), md5=True, sha256_hex=True)
        hasher.update(data)
        hasher.sha256_hex(), hasher.md5_hex(), hasher.checksum("CRC64NVME")

    def stage() -> None:
        staged = gateway.blobs.stage(SIZE_BYTES, b"tag")
        staged.write(data)
        staged.seal()

    def admitted() -> None:
        with gateway.snapshots as rows:
            admit(asked.context(rows), request)

    return {
        "admission: right and room": admitted,
        "digests: MD5, SHA-256, CRC-64": digest,
        "body: copied, its block's checksum": stage,
    }


def _commit_fn(asked: Asked, context: Context, request: Any, receipt: Receipt) -> Callable[[Any], object]:
    commit = asked.entry.operation.commit
    assert commit is not None
    return lambda tx: commit(context.within(tx, asked.began_us), request, receipt)


def commit_us(desk: Desk) -> float:
    """Return the CPU time, in µs a PUT, of the rows of a batch: transaction, quota, references, sync of the log."""
    best, number = float("inf"), 0
    for _ in range(30):
        batch = []
        with desk.gateway.snapshots as rows:
            for _ in range(BATCH):
                number += 1
                asked = desk.asked("PUT", f"new-{number}", b"x")
                receipt = Receipt((Slice(f"segment/{number * 5000}.4096", 0, 4096),), 4096, "d" * 32, "CRC64NVME", "=")
                batch.append((asked, asked.context(rows), asked.read_request(b""), receipt))
        wanted = [_commit_fn(*each) for each in batch]
        began = time.process_time_ns()
        outcomes = desk.catalog.commit(wanted)
        best = min(best, (time.process_time_ns() - began) / BATCH / 1000)
        assert not [outcome.error for outcome in outcomes if outcome.error is not None]
    return best


async def measure(home: Path) -> None:
    desk = Desk(home)
    body = os.urandom(SIZE_BYTES)
    await desk.ask(desk.prepare("PUT", "/bench"))
    await desk.ask(desk.prepare("PUT", "/bench/key", body))
    get, head = desk.prepare("GET", "/bench/key"), desk.prepare("HEAD", "/bench/key")
    for _ in range(3):
        await desk.ask(get)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)
    print("| step | µs |\n|---|---:|")
    total = 0.0
    for name, step in steps_of_a_read(desk).items():
        total += (took := least_us(step))
        print(f"| {name} | {took:.1f} |")
    print(f"| sum of a GET's steps | {total:.1f} |")
    print(f"| whole GET | {least_us(lambda: desk.receive(get)):.1f} |")
    print(f"| whole HEAD | {least_us(lambda: desk.receive(head)):.1f} |")
    for name, step in steps_of_a_write(desk, body).items():
        print(f"| PUT: {name} | {least_us(step):.1f} |")
    print(f"| PUT: rows, in a batch of {BATCH}, synced | {commit_us(desk):.1f} |")


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="holdfast-budget-") as name,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        runner.run(measure(Path(name)))


if __name__ == "__main__":
    main()
