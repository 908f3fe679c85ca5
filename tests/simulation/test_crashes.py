"""Crashes at every step of every kind of write: what was acknowledged is there, and of the rest all or nothing.

`HOLDFAST_SIMULATION_SEEDS=200` runs more seeds. A failure prints its seed, step and kind; `HOLDFAST_SIMULATION_SEED=…` replays one.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.simulation.machine import Machine, SimulatedBlobs, SimulatedVFS
from tests.simulation.workload import BUCKET, EXPECTED_REFUSALS, LIMIT_BYTES, TENANCY, State, Workload, Write

import holdfast.blobs.segments
import holdfast.catalog.sqlite
from holdfast.blobs.files import FileBlobs
from holdfast.blobs.interface import Blobs, container_of
from holdfast.catalog.interface import Catalog, Outcome, Snapshot
from holdfast.catalog.rows import GARBAGE, MANIFESTS, OBJECTS, PARTS, REFERENCES, UPLOADS, USAGE
from holdfast.catalog.sqlite import SqliteCatalog
from holdfast.jobs.collect import collect, collect_orphans
from holdfast.jobs.compact import compact
from holdfast.jobs.workshop import MARGIN_US, Workshop
from holdfast.store import buckets, quotas, references, versions
from holdfast.store.listing import list_page
from holdfast.store.slices import decode_slices
from holdfast.store.writer import Writer, _Waiting
from holdfast.telemetry.board import Board

SEED = os.environ.get("HOLDFAST_SIMULATION_SEED")
SEEDS = [int(SEED)] if SEED else range(int(os.environ.get("HOLDFAST_SIMULATION_SEEDS", "4")))
BATCHES = 40
PHOTOGRAPHS_PER_STEP = 0.12
SIZES = {"small_bytes_max": 100_000, "segment_bytes_max": 500_000, "reserve_bytes": 0}


class InlineThread:
    """A thread that is over when it has started, so that a seed is one and the same history each time."""

    def __init__(self, target: Any, args: tuple[Any, ...], **_: Any) -> None:
        self._run = lambda: target(*args)

    def start(self) -> None:
        self._run()

    def is_alive(self) -> bool:
        return False

    def join(self) -> None:
        return


@pytest.fixture
def folder() -> Iterator[Path]:
    # In memory: thousands of syncs of a real disk would take minutes and prove no more, since losses are simulated.
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="holdfast-", dir=shared if shared.is_dir() else None))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def small_world(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holdfast.catalog.sqlite, "CHECKPOINT_PAGES", 30)
    monkeypatch.setattr(holdfast.catalog.sqlite, "CHECKPOINT_RETRY_PAGES", 10)
    monkeypatch.setattr(holdfast.catalog.sqlite, "Thread", InlineThread)
    monkeypatch.setattr(holdfast.blobs.segments, "PREALLOCATION_BYTES", 1 << 16)


class Run:
    """One history: the engines on a simulated machine, the state that was acknowledged, and photographs to judge."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self.seed = seed
        self.chance = random.Random(seed ^ 0x5EED)
        self.machine = Machine(folder / "home", self.on_step)
        self.steps = 0
        self.is_watching = False
        self.photographs: list[tuple[Path, str]] = []
        self.judged = 0
        self.vfs = SimulatedVFS(f"simulated-{seed}", self.machine)
        self.blobs = SimulatedBlobs(self.machine, folder / "home/blobs", **SIZES)
        self.catalog = SqliteCatalog(folder / "home/catalog.sqlite", vfs=self.vfs.name)
        self.workload = Workload(seed, self.blobs)
        self.writer = Writer(self.catalog, self.blobs, clock_us=self.now_us)
        # Jobs are another process, with an instance of its own.
        self.jobs_blobs = SimulatedBlobs(self.machine, folder / "home/blobs", **SIZES)
        self.board = Board.private()
        self.board.slot(0).take(self.blobs.instance)
        self.board.slot(1).take(self.jobs_blobs.instance)
        self.compacted = 0
        self.state = State()
        (outcome,) = self.catalog.commit([lambda tx: buckets.create(tx, BUCKET, 10)])
        assert outcome.error is None

    def now_us(self) -> int:
        self.workload.now_us += 1000
        return self.workload.now_us

    def on_step(self, what: str) -> None:
        self.steps += 1
        if self.is_watching and self.chance.random() < PHOTOGRAPHS_PER_STEP:
            target = self.folder / f"photograph-{self.steps}"
            is_power_cut = self.chance.random() < 0.7
            self.machine.photograph(target, random.Random(self.chance.random()) if is_power_cut else None)
            self.photographs.append((target, f"{'power cut' if is_power_cut else 'kill'} at step {self.steps}: {what}"))

    def go(self) -> None:
        self.is_watching = True
        for _ in range(BATCHES):
            before = self.state.copy()
            if self.workload.random.random() < 0.2:
                self.collect()
                described = "compaction and collection"
            else:
                writes = self.workload.batch(self.state)
                described = "; ".join(write.name for write in writes)
                self.commit(writes)
            # After the acknowledgement, before anything else: here the new state is the only one allowed.
            self.judge(before, described)
            before = self.state.copy()
            self.on_step("acknowledged")
            self.judge(before, f"after {described}")
        self.is_watching = False
        self.jobs_blobs.close()
        self.blobs.close()
        self.catalog.close()
        self.vfs.unregister()

    def commit(self, writes: list[Write]) -> None:
        """Commit a batch in this thread, as the writer does in its own."""
        outcomes: list[Outcome] = []
        self.writer._queue.extend(_Waiting(write.commit, write.staged, None, outcomes.append) for write in writes)
        self.writer._commit_batch()
        for write, outcome in zip(writes, outcomes, strict=True):
            if outcome.error is None:
                write.apply(self.state)
            else:
                assert isinstance(outcome.error, EXPECTED_REFUSALS), (self.seed, write.name, outcome.error)
        assert self.state.held_bytes() <= LIMIT_BYTES

    def collect(self) -> None:
        self.workload.now_us += 10 * MARGIN_US
        workshop = Workshop(self.catalog, self.jobs_blobs, self.board, clock_us=self.now_us)
        self.compacted += compact(workshop).blobs
        collect(workshop)

    def judge(self, before: State, described: str) -> None:
        for home, how in self.photographs:
            try:
                inspect(home, before, self.state, self.workload.now_us)
            except BaseException as error:
                error.add_note(f"seed {self.seed}, {how}, during: {described}")
                raise
            shutil.rmtree(home)
            self.judged += 1
        self.photographs.clear()


def inspect(home: Path, before: State, after: State, now_us: int) -> None:
    """Open what a crash left, and hold it against what was acknowledged; then collect garbage, and look again."""
    catalog = SqliteCatalog(home / "catalog.sqlite")
    blobs = FileBlobs(home / "blobs", **SIZES)
    try:
        assert list(catalog.check()) == []
        with catalog.read() as rows:
            found = read_all(rows, blobs)
            assert found in (before, after), "what is there is neither what was nor what was to be"
            check_counts(rows, found)
        board = Board.private()
        board.slot(0).take(blobs.instance)
        for later in (10, 20):  # dead manifests first, then what their parts held
            clock_us = now_us + later * MARGIN_US
            workshop = Workshop(catalog, blobs, board, clock_us=partial(int, clock_us))
            collect_orphans(workshop)
            collect(workshop)
        with catalog.read() as rows:
            assert read_all(rows, blobs) == found
            check_counts(rows, found)
            owned = {container_of(row.blob_id) for row in rows.scan(REFERENCES)}
            owned = {name for name in owned if not name.startswith(references.MANIFEST_PREFIX)}
            assert {fact.container_id for fact in blobs.scan()} == owned, "what is left is not what is owned"
            assert rows.scan(GARBAGE) == []
        check_writing(catalog, blobs, found, now_us)
    finally:
        blobs.close()
        catalog.close()


def read_all(rows: Snapshot, blobs: Blobs) -> State:
    """Return every byte that rows name, read and verified."""
    found = State()
    listed = [row for row in list_page(rows, "b").entries if isinstance(row, OBJECTS.row)]
    assert [row.key for row in listed] == [row.key for row in rows.scan(OBJECTS)]
    for row in listed:
        found.objects[row.key] = body = read(blobs, versions.resolve(rows, row, 0, row.size_bytes))
        assert len(body) == row.size_bytes
    for upload in rows.scan(UPLOADS):
        parts = rows.scan(PARTS, (upload.upload_id,))
        found.uploads[upload.upload_id] = (
            upload.key,
            {part.part_number: read(blobs, decode_slices(part.slices)) for part in parts},
        )
    for entry in rows.scan(MANIFESTS):
        assert len(read(blobs, decode_slices(entry.slices))) == entry.size_bytes
    return found


def read(blobs: Blobs, slices: Any) -> bytes:
    reader = blobs.open(slices)
    try:
        return b"".join(bytes(piece) for piece in iter(reader.read, b""))
    finally:
        reader.close()


def check_counts(rows: Snapshot, found: State) -> None:
    assert {row.scope_id for row in rows.scan(USAGE)} <= {"t", "b"}
    for scope in ("t", "b"):
        usage = quotas.get_usage(rows, scope)
        parts = [body for _, held in found.uploads.values() for body in held.values()]
        assert usage.live_bytes == sum(map(len, found.objects.values()))
        assert usage.live_objects == len(found.objects)
        assert (usage.upload_bytes, usage.upload_parts) == (sum(map(len, parts)), len(parts))
        assert (usage.reserved_bytes, usage.reserved_objects) == (0, 0)


def check_writing(catalog: Catalog, blobs: Blobs, found: State, now_us: int) -> None:
    """What was left can be written to, also at a full quota: an object goes, and another comes."""
    writer = Writer(catalog, blobs, clock_us=lambda: now_us + 1)
    if found.objects:
        key = min(found.objects)
        writer.run(lambda turn: versions.remove(turn.rows, TENANCY, BUCKET, key, now_us=turn.now_us))
    body = b"" if found.held_bytes() > LIMIT_BYTES - 100 else b"after the crash"
    staged = blobs.stage(len(body))
    staged.write(body)
    staged.seal()
    made = writer.run(
        lambda turn: versions.put(
            turn.rows, TENANCY, BUCKET, "new", versions.Facts(), versions.Body(len(body), "e", "", turn.slices),
            version_id="new", created_by="u", now_us=turn.now_us,
        ),
        staged,
    )  # fmt: skip
    writer.close()
    with catalog.read() as rows:
        assert read(blobs, versions.resolve(rows, made, 0, made.size_bytes)) == body


@pytest.mark.parametrize("seed", SEEDS)
def test_a_crash_at_any_step_loses_nothing_acknowledged_and_shows_no_half(seed: int, folder: Path) -> None:
    run = Run(folder, seed)
    run.go()
    print(f"seed {seed}: {run.judged} crashes in {run.steps} steps, {run.compacted} blobs moved")
    assert run.judged > 50
