"""Group commit: what rides together, what fails alone, and what a caller is told when the world fails."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from holdfast.blobs.interface import BlobsBroken, Slice, Staged, container_of
from holdfast.blobs.memory import MemoryBlobs, MemoryDisk
from holdfast.catalog.interface import CatalogBroken, CatalogError, CatalogFull, CommitFn, Outcome
from holdfast.catalog.memory import MemoryCatalog
from holdfast.catalog.rows import USAGE, UsageRow
from holdfast.store.errors import ChangedMeanwhile, StorageFull, StorageReadOnly
from holdfast.store.writer import BATCH_MAX, Turn, Writer

SMALL_BYTES_MAX = 1000


class Catalog(MemoryCatalog):
    """Memory, with a turn that can be held back and faults that can be ordered."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = threading.Event()
        self.turn.set()
        self.faults: list[Exception | None] = []
        """What the next commits raise after `before`, in the place of committing."""
        self.batches: list[int] = []

    def commit(self, commit_fns: Sequence[CommitFn[Any]], before: Callable[[], None] | None = None) -> list[Outcome]:
        assert self.turn.wait(10)
        if before is not None:
            before()
        if self.faults and (fault := self.faults.pop(0)) is not None:
            raise fault
        self.batches.append(len(commit_fns))
        return super().commit(commit_fns)


class Blobs(MemoryBlobs):
    ballast_released = 0

    def release_ballast(self) -> None:
        self.ballast_released += 1


class World:
    """The engines, a writer on them, and what it said of broken ones."""

    def __init__(self) -> None:
        self.catalog = Catalog()
        self.disk = MemoryDisk()
        self.blobs = Blobs(self.disk, small_bytes_max=SMALL_BYTES_MAX)
        self.broken_by: list[Exception] = []
        self.is_read_only = False
        self.writer = Writer(
            self.catalog,
            self.blobs,
            clock_us=lambda: 77,
            is_read_only=lambda: self.is_read_only,
            on_broken=self.broken_by.append,
        )

    def stage(self, body: bytes) -> Staged:
        staged = self.blobs.stage(len(body))
        staged.write(body)
        staged.seal()
        return staged

    def rows(self) -> set[str]:
        with self.catalog.read() as rows:
            return {row.scope_id for row in rows.scan(USAGE)}

    def containers(self) -> int:
        return len(self.disk.containers)


@pytest.fixture
def world() -> Iterator[World]:
    world = World()
    yield world
    world.catalog.turn.set()
    world.writer.close()


def add(name: str) -> Callable[[Turn], str]:
    def commit(turn: Turn) -> str:
        turn.rows.add(USAGE, UsageRow(name, *[0] * 8))
        return name

    return commit


def refuse(turn: Turn) -> None:
    turn.rows.add(USAGE, UsageRow("half", *[0] * 8))
    raise ChangedMeanwhile


async def settle(*futures: asyncio.Future[Any]) -> list[Any]:
    return await asyncio.wait_for(asyncio.gather(*futures, return_exceptions=True), 10)


async def test_a_write_is_told_its_result_its_bytes_and_the_time_of_its_commit(world: World) -> None:
    turns: list[Turn] = []
    future = world.writer.submit(lambda turn: turns.append(turn) or "done", world.stage(b"body"))  # type: ignore[func-returns-value]
    assert await settle(future) == ["done"]
    assert turns[0].now_us == 77
    (place,) = turns[0].slices
    assert world.blobs.open([place]).read() == b"body"


async def test_what_arrives_while_the_turn_is_awaited_rides_in_one_transaction(world: World) -> None:
    world.catalog.turn.clear()
    futures = [world.writer.submit(add(f"{number:03}")) for number in range(BATCH_MAX + 7)]
    world.catalog.turn.set()
    assert await settle(*futures) == [f"{number:03}" for number in range(BATCH_MAX + 7)]
    assert world.catalog.batches == [BATCH_MAX, 7]


async def test_nobody_is_told_before_the_whole_batch_is_durable(world: World) -> None:
    order: list[str] = []
    world.catalog.turn.clear()
    first = world.writer.submit(lambda turn: order.append("first runs"))
    first.add_done_callback(lambda _: order.append("first is told"))
    last = world.writer.submit(lambda turn: order.append("last runs"))
    world.catalog.turn.set()
    await settle(first, last)
    assert order == ["first runs", "last runs", "first is told"]


async def test_a_write_that_is_refused_is_undone_alone(world: World) -> None:
    world.catalog.turn.clear()
    futures = [world.writer.submit(add("a")), world.writer.submit(refuse), world.writer.submit(add("b"))]
    world.catalog.turn.set()
    before, refused, after = await settle(*futures)
    assert (before, after) == ("a", "b")
    assert isinstance(refused, ChangedMeanwhile)
    assert world.rows() == {"a", "b"}


async def test_a_large_body_whose_write_is_refused_leaves_nothing(world: World) -> None:
    (refused,) = await settle(world.writer.submit(refuse, world.stage(bytes(SMALL_BYTES_MAX + 1))))
    assert isinstance(refused, ChangedMeanwhile)
    world.writer.close()
    assert world.containers() == 0


async def test_a_refused_small_body_takes_nothing_from_those_it_shares_a_segment_with(world: World) -> None:
    world.catalog.turn.clear()
    kept: list[Slice] = []
    futures = [
        world.writer.submit(lambda turn: kept.extend(turn.slices), world.stage(b"kept")),
        world.writer.submit(refuse, world.stage(b"refused")),
    ]
    world.catalog.turn.set()
    await settle(*futures)
    world.writer.close()
    assert world.blobs.open(kept).read() == b"kept"


async def test_without_room_for_bodies_they_are_refused_and_what_has_none_goes_on(world: World) -> None:
    staged = world.stage(b"body")
    world.disk.capacity_bytes = 0
    world.catalog.turn.clear()
    futures = [world.writer.submit(add("body"), staged), world.writer.submit(add("delete"))]
    world.catalog.turn.set()
    body, deletion = await settle(*futures)
    assert isinstance(body, StorageFull)
    assert deletion == "delete"
    assert world.rows() == {"delete"}


async def test_writing_resumes_by_itself_when_there_is_room_again(world: World) -> None:
    staged = world.stage(b"body")
    world.disk.capacity_bytes = 0
    (refused,) = await settle(world.writer.submit(add("full"), staged))
    assert isinstance(refused, StorageFull)
    world.disk.capacity_bytes = 1 << 20
    assert await settle(world.writer.submit(add("resumed"), world.stage(b"body"))) == ["resumed"]
    assert world.broken_by == []


async def test_without_room_for_rows_deletes_are_tried_again_with_what_the_ballast_gives(world: World) -> None:
    world.catalog.faults = [CatalogFull("full")]
    world.catalog.turn.clear()
    large = world.stage(bytes(SMALL_BYTES_MAX + 1))
    futures = [world.writer.submit(add("body"), large), world.writer.submit(add("delete"))]
    world.catalog.turn.set()
    body, deletion = await settle(*futures)
    assert isinstance(body, StorageFull)
    assert deletion == "delete"
    assert world.blobs.ballast_released == 1
    assert world.containers() == 0


async def test_without_room_for_rows_even_then_everything_is_refused_and_the_next_write_goes_on(world: World) -> None:
    world.catalog.faults = [CatalogFull("full"), CatalogFull("full")]
    (refused,) = await settle(world.writer.submit(add("refused")))
    assert isinstance(refused, StorageFull)
    assert await settle(world.writer.submit(add("next"))) == ["next"]


@pytest.mark.parametrize("fault", [CatalogBroken("sync"), BlobsBroken("sync")])
async def test_after_a_failed_sync_the_world_is_told_first_and_the_batch_is_refused(
    world: World, fault: Exception
) -> None:
    world.catalog.faults = [fault]
    told: list[int] = []
    future = world.writer.submit(add("a"), world.stage(bytes(SMALL_BYTES_MAX + 1)))
    future.add_done_callback(lambda _: told.append(len(world.broken_by)))
    (refused,) = await settle(future)
    assert isinstance(refused, StorageReadOnly)
    assert told == [1]
    world.writer.close()
    # Its row may be there after a restart, so its bytes have to be.
    assert world.containers() == 1


async def test_a_failed_sync_of_bodies_reaches_no_row(world: World) -> None:
    staged = world.stage(b"body")
    world.disk.sync_fails = True
    (refused,) = await settle(world.writer.submit(add("a"), staged))
    assert isinstance(refused, StorageReadOnly)
    assert len(world.broken_by) == 1
    assert world.rows() == set()


async def test_a_read_only_store_refuses_without_asking_an_engine(world: World) -> None:
    world.is_read_only = True
    staged = world.stage(b"body")
    assert [type(error) for error in await settle(world.writer.submit(add("a"), staged))] == [StorageReadOnly]
    assert world.catalog.batches == []
    world.is_read_only = False
    assert await settle(world.writer.submit(add("b"))) == ["b"]


async def test_another_fault_of_the_catalog_fails_one_batch_and_no_other(world: World) -> None:
    world.catalog.faults = [CatalogError("somebody holds the lock")]
    (refused,) = await settle(world.writer.submit(add("a"), world.stage(bytes(SMALL_BYTES_MAX + 1))))
    assert isinstance(refused, CatalogError)
    assert await settle(world.writer.submit(add("b"))) == ["b"]
    assert world.broken_by == []
    # Nothing was committed, and so the large body would have stayed until this process ended.
    assert world.containers() == 0


async def test_closing_finishes_what_is_queued_and_refuses_what_comes_later(world: World) -> None:
    world.catalog.turn.clear()
    queued = world.writer.submit(add("queued"))
    closing = asyncio.get_running_loop().run_in_executor(None, world.writer.close)
    world.catalog.turn.set()
    await closing
    assert await settle(queued) == ["queued"]
    (refused,) = await settle(world.writer.submit(add("late")))
    assert isinstance(refused, StorageReadOnly)
    with pytest.raises(StorageReadOnly):
        world.writer.run(add("late"))
    assert world.rows() == {"queued"}


def test_a_writer_that_was_never_used_closes(world: World) -> None:
    world.writer.close()
    world.writer.close()


async def test_a_cancelled_caller_hinders_nobody(world: World) -> None:
    world.catalog.turn.clear()
    gone = world.writer.submit(add("gone"))
    stays = world.writer.submit(add("stays"))
    gone.cancel()
    world.catalog.turn.set()
    assert await settle(stays) == ["stays"]
    assert "stays" in world.rows()


def test_a_loop_that_is_closed_hinders_nobody(world: World) -> None:
    async def leave() -> None:
        world.writer.submit(add("left behind"))

    world.catalog.turn.clear()
    asyncio.run(leave())
    world.catalog.turn.set()
    assert world.writer.run(add("b")) == "b"
    assert world.rows() == {"left behind", "b"}


def test_a_thread_without_a_loop_waits_for_its_outcome(world: World) -> None:
    assert world.writer.run(add("a"), world.stage(b"body")) == "a"
    with pytest.raises(ChangedMeanwhile):
        world.writer.run(refuse)


def test_many_threads_are_all_answered_while_it_closes(world: World) -> None:
    told: list[str] = []

    def hammer(name: str) -> None:
        try:
            for number in range(200):
                told.append(world.writer.run(add(f"{name}-{number}")))
        except StorageReadOnly:
            return

    threads = [threading.Thread(target=hammer, args=(f"t{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    while len(told) < 50:
        threads[0].join(0.001)
    world.writer.close()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert world.rows() == set(told)


def test_a_container_of_a_large_body_is_the_body_itself() -> None:
    # What `_remove_unwanted` stands on.
    blobs = MemoryBlobs(small_bytes_max=1)
    large, small = blobs.stage(2), blobs.stage(1)
    for staged, body in ((large, b"ab"), (small, b"a")):
        staged.write(body)
        staged.seal()
    (large_slice,), (small_slice,) = blobs.flush([large, small])
    assert container_of(large_slice.blob_id) == large_slice.blob_id
    assert container_of(small_slice.blob_id) != small_slice.blob_id
