"""A coroutine that runs at once and without a task, until it has to wait.

Most requests never wait: they are read, answered from memory and the page cache, and written within one callback of
the transport. A task would cost each of them two turns of the event loop. A flow costs one only where there is
something to wait for, and reads the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar

T = TypeVar("T")
Steps = Coroutine["asyncio.Future[Any]", None, None]


@coroutine
def settled(future: asyncio.Future[T]) -> Generator[asyncio.Future[Any], None, T]:
    """Wait for a future inside a flow and return its result, or raise what it raises. Only flows understand it."""
    if not future.done():
        yield future
    return future.result()


class Flow:
    """One running coroutine, which waits for nothing but `settled`.

    It may be over when the constructor returns, or have raised there. Otherwise `on_end` is called when it is, with
    what escaped.
    """

    __slots__ = ("_on_end", "_steps", "is_over")

    def __init__(self, steps: Steps, on_end: Callable[[Exception | None], None]) -> None:
        self._steps = steps
        self._on_end = on_end
        self.is_over = False
        try:
            waited = steps.send(None)
        except StopIteration:
            self.is_over = True
        else:
            waited.add_done_callback(self._step)

    def cancel(self) -> None:
        """End the coroutine where it waits: its `finally` clauses run now, and it never wakes again. Idempotent."""
        if not self.is_over:
            self.is_over = True
            self._steps.close()

    def _step(self, _settled: asyncio.Future[Any]) -> None:
        if self.is_over:
            return
        try:
            waited = self._steps.send(None)
        except StopIteration:
            self.is_over = True
            self._on_end(None)
        except Exception as error:
            self.is_over = True
            self._on_end(error)
        else:
            waited.add_done_callback(self._step)
