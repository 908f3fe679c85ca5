"""Group commit: one thread of a process makes many writes durable with one sync of bytes and one of rows.

Callers on the event loop hand in a commit function and, perhaps, a staged body. The thread takes all that wait,
flushes the bodies, runs the functions in one durable transaction, and only then resolves the futures, with one
wake-up of the loop for the whole batch (etcd once lost acknowledged writes by doing the last two in the other order).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeVar

from holdfast.blobs.interface import Blobs, BlobsBroken, BlobsFull, Slice, Staged, container_of
from holdfast.catalog.interface import Catalog, CatalogBroken, CatalogError, CatalogFull, Outcome, Transaction

from .errors import StorageFull, StorageReadOnly

T = TypeVar("T")
BATCH_MAX = 256
"""Writes in one transaction at most, so that the turn passes on to other processes within milliseconds."""
GATHER_S = 0.0005
"""How long to wait for more writes where several came at once last time: then fewer syncs serve them all, and the loop
is left alone to read them in. CPU of a 4 KiB PUT, one core, 32 connections: 0.25 ms with it, 0.28 to 0.34 without."""
GATHER_FROM = 3
"""From how many writes in a batch on the next one gathers. One client, or two, never wait."""


class Turn(NamedTuple):
    """What a commit function is run with."""

    rows: Transaction
    slices: tuple[Slice, ...]
    """Where the staged body lies, durably; empty without one."""
    now_us: int
    """The time of the commit, in µs of the Unix epoch."""


TurnFn = Callable[[Turn], T]


class _Waiting(NamedTuple):
    commit_fn: TurnFn[Any]
    staged: Staged | None
    loop: asyncio.AbstractEventLoop | None
    future: Any


class _Batch:
    """What one transaction is made of; empty until the turn has come."""

    __slots__ = ("functions", "is_taken", "items", "places")

    def __init__(self) -> None:
        self.items: list[_Waiting] = []
        self.functions: list[Callable[[Transaction], Any]] = []
        self.places: list[tuple[Slice, ...]] = []
        """Where the body of each item lies; filled only once they are durable."""
        self.is_taken = False


class Writer:
    """The one writer of a process. `submit` belongs to the event loop, `run` to any other thread; both are
    thread-safe.
    """

    def __init__(
        self,
        catalog: Catalog,
        blobs: Blobs,
        *,
        clock_us: Callable[[], int] = lambda: time.time_ns() // 1000,
        is_read_only: Callable[[], bool] = lambda: False,
        on_broken: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._clock_us = clock_us
        self._is_read_only = is_read_only
        self._on_broken = on_broken
        self._queue: deque[_Waiting] = deque()
        self._wake = threading.Event()
        self._gathers = False
        self._is_closing = False
        self._thread = threading.Thread(target=self._work, name="holdfast-writer", daemon=True)
        self._is_started = False
        self._lock = threading.Lock()

    def submit(self, commit_fn: TurnFn[T], staged: Staged | None = None) -> asyncio.Future[T]:
        """Queue one write and return the future of its durable outcome. Called on the running loop's thread.

        The future raises what `commit_fn` raised, `StorageFull`, or `StorageReadOnly`. A body handed in is discarded
        on failure. A write whose caller was cancelled may still take effect.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._enqueue(_Waiting(commit_fn, staged, loop, future))
        return future

    def run(self, commit_fn: TurnFn[T], staged: Staged | None = None) -> T:
        """Make one write and wait for its durable outcome. For threads without a loop: jobs and commands."""
        answer: deque[Outcome] = deque()
        done = threading.Event()

        def settle(outcome: Outcome) -> None:
            answer.append(outcome)
            done.set()

        self._enqueue(_Waiting(commit_fn, staged, None, settle))
        done.wait()
        result, error = answer[0]
        if error is not None:
            raise error
        return result  # type: ignore[no-any-return]

    def close(self) -> None:
        """Finish what is queued and stop the thread. What is handed in later is refused with `StorageReadOnly`."""
        with self._lock:
            self._is_closing = True
            started = self._is_started
        self._wake.set()
        if started:
            self._thread.join()

    def _enqueue(self, waiting: _Waiting) -> None:
        with self._lock:
            if not self._is_closing:
                self._queue.append(waiting)
                if not self._is_started:
                    self._thread.start()
                    self._is_started = True
                self._wake.set()
                return
        self._settle([waiting], [_refused(StorageReadOnly("the store is being stopped"))])

    def _work(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._queue:
                if self._gathers:
                    time.sleep(GATHER_S)
                self._commit_batch()
            with self._lock:
                if self._is_closing and not self._queue:
                    return

    def _commit_batch(self) -> None:
        batch = _Batch()
        try:
            if self._is_read_only():
                raise StorageReadOnly
            # The batch is taken only when our turn has come: what arrived while we waited rides along.
            # The engine is given the list before it is filled, and reads it after `before` has returned.
            outcomes = self._catalog.commit(batch.functions, lambda: self._take(batch))
        except CatalogFull as error:
            self._take_unless_taken(batch)
            self._settle_when_full(batch, error)
        except (BlobsBroken, CatalogBroken) as error:
            self._on_broken(error)
            self._take_unless_taken(batch)
            self._settle(batch.items, [_refused(StorageReadOnly(str(error)))] * len(batch.items))
        except CatalogError as error:
            # Nothing was changed, so that no row will ever name the bodies.
            refused = _refused(error)
            self._take_unless_taken(batch)
            self._settle(batch.items, [refused] * len(batch.items))
            self._remove_unwanted(batch, [refused] * len(batch.places))
        except Exception as error:  # a fault of an engine fails this batch and no other
            self._take_unless_taken(batch)
            self._settle(batch.items, [_refused(error)] * len(batch.items))
        else:
            self._settle(batch.items, outcomes)
            self._remove_unwanted(batch, outcomes)

    def _take_unless_taken(self, batch: _Batch) -> None:
        while not batch.is_taken and self._queue and len(batch.items) < BATCH_MAX:
            batch.items.append(self._queue.popleft())
        batch.is_taken = True

    def _take(self, batch: _Batch) -> None:
        self._take_unless_taken(batch)
        self._gathers = len(batch.items) >= GATHER_FROM
        bodies = [item for item in batch.items if item.staged is not None]
        found: Sequence[tuple[Slice, ...]] = ()
        if bodies:
            try:
                found = self._blobs.flush([item.staged for item in bodies if item.staged is not None])
            except BlobsFull as error:
                # Deletes that ride with bodies for which there is no room still have to work: they make the room.
                batch.items = [item for item in batch.items if item.staged is None]
                self._settle(bodies, [_refused(StorageFull(str(error)))] * len(bodies))
        places = iter(found)
        now_us = self._clock_us()
        for item in batch.items:
            slices = next(places) if item.staged is not None else ()
            batch.places.append(slices)
            batch.functions.append(_bound(item.commit_fn, slices, now_us))

    def _settle_when_full(self, batch: _Batch, error: CatalogFull) -> None:
        """Refuse the bodies of a batch that found no room for its rows, and try the rest again without the ballast."""
        full = _refused(StorageFull(str(error)))
        rest = [item for item in batch.items if item.staged is None]
        bodies = [item for item in batch.items if item.staged is not None]
        self._settle(bodies, [full] * len(bodies))
        self._remove_unwanted(batch, [full] * len(batch.places))
        if not rest:
            return
        self._blobs.release_ballast()
        now_us = self._clock_us()
        try:
            outcomes = self._catalog.commit([_bound(item.commit_fn, (), now_us) for item in rest])
        except CatalogFull:
            outcomes = [full] * len(rest)
        except CatalogBroken as broken:
            self._on_broken(broken)
            outcomes = [_refused(StorageReadOnly(str(broken)))] * len(rest)
        except Exception as fault:
            outcomes = [_refused(fault)] * len(rest)
        self._settle(rest, outcomes)

    def _remove_unwanted(self, batch: _Batch, outcomes: Sequence[Outcome]) -> None:
        """Delete the large bodies whose rows were refused for certain.

        The collector would only know them as garbage when this process is gone.
        """
        for slices, outcome in zip(batch.places, outcomes, strict=True):
            if outcome.error is not None and slices and container_of(slices[0].blob_id) == slices[0].blob_id:
                with suppress(OSError):
                    self._blobs.delete(slices[0].blob_id)

    def _settle(self, batch: Sequence[_Waiting], outcomes: Sequence[Outcome]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Outcome]]] = {}
        for item, outcome in zip(batch, outcomes, strict=True):
            if outcome.error is not None and item.staged is not None:
                item.staged.discard()
            if item.loop is None:
                item.future(outcome)
            else:
                by_loop.setdefault(item.loop, []).append((item.future, outcome))
        for loop, settled in by_loop.items():
            try:
                loop.call_soon_threadsafe(_resolve, settled)
            except RuntimeError:  # the loop is closed: nobody waits any more, and what was committed stays
                continue


def _refused(error: Exception) -> Outcome:
    return Outcome(None, error)


def _bound(commit_fn: TurnFn[Any], slices: tuple[Slice, ...], now_us: int) -> Callable[[Transaction], Any]:
    return lambda rows: commit_fn(Turn(rows, slices, now_us))


def _resolve(settled: Sequence[tuple[asyncio.Future[Any], Outcome]]) -> None:
    for future, (result, error) in settled:
        if future.done():
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)
