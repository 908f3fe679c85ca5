"""Group commit: one thread of a process makes many writes durable with one sync of bytes and one of rows.

Callers on the event loop hand in a commit function and, perhaps, a staged body. The thread takes all that wait, flushes the bodies, runs
the functions in one durable transaction, and only then resolves the futures, with one wake-up of the loop for the
whole batch (etcd once lost acknowledged writes by doing the last two in the other order).
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from holdfast.blobs.interface import Blobs, BlobsBroken, BlobsFull, Slice, Staged
from holdfast.catalog.interface import Catalog, CatalogBroken, CatalogFull, Outcome, Transaction

from .errors import StorageFull, StorageReadOnly

T = TypeVar("T")
BATCH_MAX = 256
"""Writes in one transaction at most, so that the turn passes on to other processes within milliseconds."""


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


class Writer:
    """The one writer of a process. `submit` belongs to the event loop, `run` to any other thread; both are thread-safe."""

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
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="holdfast-writer", daemon=True)
        self._started = False
        self._start_lock = threading.Lock()

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
        """Finish what is queued and stop the thread."""
        with self._start_lock:
            self._closing = True
            started = self._started
        self._wake.set()
        if started:
            self._thread.join()

    def _enqueue(self, waiting: _Waiting) -> None:
        if not self._started:
            with self._start_lock:
                assert not self._closing, "the writer is closed"
                if not self._started:
                    self._thread.start()
                    self._started = True
        self._queue.append(waiting)
        if not self._wake.is_set():
            self._wake.set()

    def _work(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while self._queue:
                self._commit_batch()
            if self._closing and not self._queue:
                return

    def _commit_batch(self) -> None:
        batch: list[_Waiting] = []
        places: dict[int, tuple[Slice, ...]] = {}
        functions: list[Callable[[Transaction], Any]] = []
        try:
            if self._is_read_only():
                raise StorageReadOnly
            # The batch is taken only when our turn has come: what arrived while we waited rides along.
            # The engine is given the list before it is filled, and reads it after `before` has returned.
            outcomes = self._catalog.commit(functions, lambda: self._take(batch, places, functions))
        except (BlobsFull, CatalogFull) as error:
            if not batch:
                self._take_only(batch)
            self._settle(batch, [Outcome(None, StorageFull(str(error)))] * len(batch))
        except (BlobsBroken, CatalogBroken) as error:
            self._on_broken(error)
            if not batch:
                self._take_only(batch)
            self._settle(batch, [Outcome(None, StorageReadOnly(str(error)))] * len(batch))
        except Exception as error:  # a fault of an engine fails this batch and no other
            if not batch:
                self._take_only(batch)
            self._settle(batch, [Outcome(None, error)] * len(batch))
        else:
            self._settle(batch, outcomes)

    def _take_only(self, batch: list[_Waiting]) -> None:
        while self._queue and len(batch) < BATCH_MAX:
            batch.append(self._queue.popleft())

    def _take(
        self, batch: list[_Waiting], places: dict[int, tuple[Slice, ...]], functions: list[Callable[[Transaction], Any]]
    ) -> None:
        self._take_only(batch)
        bodies = [(index, item.staged) for index, item in enumerate(batch) if item.staged is not None]
        if bodies:
            found = self._blobs.flush([staged for _, staged in bodies])
            places.update((index, slices) for (index, _), slices in zip(bodies, found, strict=True))
        now_us = self._clock_us()
        for index, item in enumerate(batch):
            functions.append(_bound(item.commit_fn, places.get(index, ()), now_us))

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
