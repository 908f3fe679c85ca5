"""A small store for the tests of jobs: rows and blobs in memory, a clock that is set by hand, and crashes."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from typing import Any

from holdfast.blobs.interface import Blobs, Slice, container_of
from holdfast.blobs.memory import MemoryBlobs, MemoryDisk
from holdfast.catalog.interface import Catalog, Transaction
from holdfast.catalog.memory import MemoryCatalog
from holdfast.catalog.rows import (
    BUCKETS,
    GARBAGE,
    REFERENCES,
    TENANCIES,
    USAGE,
    BucketRow,
    ObjectRow,
    TenancyRow,
    UploadRow,
    UsageRow,
)
from holdfast.jobs.workshop import MARGIN_US, Workshop
from holdfast.store import buckets, multipart, versions
from holdfast.telemetry.board import Board, Slot

TENANCY = TenancyRow("t1", "ten-o", "active", "", "private", 0, 1, None, None, 1)
BUCKET = BucketRow("t1", "bucket", "b1", "u1", 1, "", "", "", "", None, None)
SMALL_BYTES_MAX = 1000
DAY_US = 86_400_000_000


class Depot:
    """One home. `blobs` is the engine of a worker that lives; `workshop` is what jobs are given."""

    def __init__(self, catalog: Catalog | None = None, open_blobs: Callable[[], Blobs] | None = None) -> None:
        self.disk = MemoryDisk()
        self.catalog = catalog if catalog is not None else MemoryCatalog()
        self.open_blobs = open_blobs or (lambda: MemoryBlobs(self.disk, small_bytes_max=SMALL_BYTES_MAX))
        self.board = Board.private()
        self.now_us = 1_000 * DAY_US
        self._ids = itertools.count(1)
        self._random = random.Random(1)
        self.blobs = self.open_blobs()
        self.slot: Slot = self.board.slot(0)
        self.slot.take(self.blobs.instance)
        self.workshop = Workshop(self.catalog, self.open_blobs(), self.board, lambda: self.now_us)
        self.board.slot(1).take(self.workshop.blobs.instance)
        self.commit(lambda tx: tx.add(TENANCIES, TENANCY))
        self.commit(lambda tx: buckets.create(tx, BUCKET, 10))

    # --- what workers do

    def commit(self, change: Callable[[Transaction], Any]) -> Any:
        (outcome,) = self.catalog.commit([change])
        if outcome.error is not None:
            raise outcome.error
        return outcome.result

    def noise(self, size_bytes: int) -> bytes:
        return self._random.randbytes(size_bytes)

    def stage(self, body: bytes) -> tuple[Slice, ...]:
        staged = self.blobs.stage(len(body))
        staged.write(body)
        staged.seal()
        (slices,) = self.blobs.flush([staged])
        return slices

    def put(self, key: str, body: bytes) -> ObjectRow:
        return self.link(key, versions.Body(len(body), "e" * 32, "", self.stage(body)))

    def link(self, key: str, body: versions.Body) -> ObjectRow:
        self.now_us += 1
        return self.commit(
            lambda tx: versions.put(
                tx, TENANCY, BUCKET, key, versions.Facts(), body,
                version_id=f"v{next(self._ids)}", created_by="u1", now_us=self.now_us,
            )
        )  # fmt: skip

    def copy(self, source: str, key: str) -> ObjectRow:
        with self.catalog.read() as rows:
            row = versions.get(rows, BUCKET, source)
            slices = () if row.manifest_id else versions.resolve(rows, row, 0, row.size_bytes)
        return self.link(key, versions.Body(row.size_bytes, row.etag, "", slices, row.manifest_id, row.part_count))

    def delete(self, key: str) -> None:
        self.now_us += 1
        self.commit(lambda tx: versions.remove(tx, TENANCY, BUCKET, key, now_us=self.now_us))

    def create_upload(self, key: str, life_us: int = 7 * DAY_US) -> UploadRow:
        name = f"up{next(self._ids)}"
        row = UploadRow(
            "b1", key, name, "u1", self.now_us, "t", "", "", "STANDARD", "", "", name, self.now_us + life_us
        )
        self.commit(lambda tx: multipart.create(tx, row))
        return row

    def put_part(self, upload: UploadRow, part_number: int, slices: tuple[Slice, ...]) -> None:
        self.commit(
            lambda tx: multipart.put_part(
                tx, TENANCY, BUCKET, upload, part_number, slices=slices,
                size_bytes=sum(each.length_bytes for each in slices), etag="e" * 32, checksum="", now_us=self.now_us,
            )
        )  # fmt: skip

    def complete(self, upload: UploadRow) -> ObjectRow:
        return self.commit(
            lambda tx: multipart.complete(
                tx, TENANCY, BUCKET, upload, multipart.list_parts(tx, upload), etag="e-1", checksum="",
                version_id=f"v{next(self._ids)}", now_us=self.now_us, result={},
            )
        )  # fmt: skip

    def multipart(self, key: str, *bodies: bytes) -> ObjectRow:
        upload = self.create_upload(key)
        for number, body in enumerate(bodies, start=1):
            self.put_part(upload, number, self.stage(body))
        return self.complete(upload)

    # --- what tests see

    def get(self, key: str) -> bytes:
        with self.catalog.read() as rows:
            row = versions.get(rows, BUCKET, key)
            return self.read(*versions.resolve(rows, row, 0, row.size_bytes))

    def read(self, *slices: Slice) -> bytes:
        reader = self.blobs.open(slices)
        try:
            return b"".join(bytes(piece) for piece in iter(reader.read, b""))
        finally:
            reader.close()

    def containers(self) -> set[str]:
        return {fact.container_id for fact in self.blobs.scan()}

    def garbage(self) -> dict[str, str]:
        with self.catalog.read() as rows:
            return {row.blob_id: row.kind for row in rows.scan(GARBAGE)}

    def owners(self) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        with self.catalog.read() as rows:
            for row in rows.scan(REFERENCES):
                found.setdefault(row.blob_id, set()).add(row.owner)
        return found

    def usage(self) -> UsageRow:
        with self.catalog.read() as rows:
            found = rows.find(USAGE, ("t1",))
        assert found is not None
        return found

    def bucket(self) -> BucketRow:
        with self.catalog.read() as rows:
            return rows.scan(BUCKETS, ("t1",))[0]

    # --- what befalls it

    def wait(self, us: int = MARGIN_US + 1) -> None:
        """Let so much time pass that garbage made until now may go."""
        self.now_us += us

    def kill_worker(self) -> None:
        """Let the worker die, and another take its place."""
        self.blobs.close()  # the kernel would free its locks
        self.blobs = self.open_blobs()
        self.slot.take(self.blobs.instance)


class Crash(BaseException):
    """The process was killed here."""


class Fragile:
    """An engine in front of another, that is killed before or after one of its calls."""

    def __init__(self, engine: Any, countdown: list[int], names: tuple[str, ...]) -> None:
        self._engine = engine
        self._countdown = countdown
        self._names = names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._engine, name)
        if name not in self._names:
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            self._step()
            result = found(*args, **kwargs)
            self._step()
            return result

        return call

    def _step(self) -> None:
        self._countdown[0] -= 1
        if self._countdown[0] == 0:
            raise Crash


def fragile(workshop: Workshop, steps: int) -> Workshop:
    """Return the workshop as a process sees it that is killed after so many steps; each call is two."""
    countdown = [steps]
    return Workshop(
        Fragile(workshop.catalog, countdown, ("commit",)),
        Fragile(workshop.blobs, countdown, ("flush", "delete", "remove_staging")),
        workshop.board,
        workshop.clock_us,
    )


def assert_sound(depot: Depot) -> None:
    """Every blob that has an owner is on the disk."""
    owned = {container_of(blob_id) for blob_id in depot.owners() if not blob_id.startswith("m:")}
    assert owned <= depot.containers()
