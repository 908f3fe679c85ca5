"""Bodies on their way in: from the connection's buffers through an intake into a staged blob, or into memory for a
document.

A short body is hashed where it lies, on the event loop. Of a long one, one piece fills while a thread hashes and writes
the one before: one thread for both, since a second one cost more than it brought (speed.md, "Traps met").
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Final

from holdfast.blobs.interface import Staged

from .body import Body
from .flow import settled
from .intake import Digests, Intake

INLINE_BYTES_MAX: Final = 128 * 1024
"""Hashing this much takes 0.3 ms; more than that is a thread's work."""


class Inflow:
    """One body coming in. `staged` is None for a document, whose intake keeps the bytes."""

    def __init__(
        self, body: Body | None, intake: Intake, staged: Staged | None, threads: Executor, *, inline: bool
    ) -> None:
        """`inline`: feeding and sealing only use the processor and memory, so that short pieces may be taken on the
        loop's thread.
        """
        self._body = body
        self._intake = intake
        self._staged = staged
        self._threads = threads
        self._inline = inline
        self._work: asyncio.Future[Any] | None = None

    async def receive(self) -> Digests:
        """Take the whole body in, check every promise about it, and seal it.

        Raises S3Error, or what the blob engine raises.
        """
        body, intake = self._body, self._intake
        if body is not None:
            whole = body.find_whole()
            if whole is not None:
                if self._inline:
                    intake.feed(whole)
                else:
                    copy = memoryview(bytes(whole))  # others write there once this flow waits
                    await self._do(lambda: intake.feed(copy), len(copy))
            else:
                body.begin()
                piece = await body.next_piece()
                while piece:
                    work = self._start(intake.feed, piece)
                    following = await body.next_piece()
                    if work is not None:
                        await settled(work)
                        self._work = None
                    body.give_back()
                    piece = following
        digests = intake.finish()
        if self._staged is not None:
            await self._do(self._staged.seal, digests.size_bytes)
        return digests

    def close(self, *, discards: bool) -> None:
        """Give the buffers back, and discard what was staged if it comes to nothing, once no thread works on them."""
        work, self._work = self._work, None
        if work is not None and not work.done():
            work.add_done_callback(lambda done: self._close_after(done, discards))
        else:
            self._release(discards)

    def _close_after(self, work: asyncio.Future[Any], discards: bool) -> None:
        work.exception()  # nobody is left to be told
        self._release(discards)

    def _release(self, discards: bool) -> None:
        if self._body is not None:
            self._body.release()
        if discards and self._staged is not None:
            self._staged.discard()

    def _start(self, step: Callable[[memoryview], None], piece: memoryview) -> asyncio.Future[Any] | None:
        if self._inline and len(piece) <= INLINE_BYTES_MAX:
            step(piece)
            return None
        self._work = asyncio.get_running_loop().run_in_executor(self._threads, step, piece)
        self._work.add_done_callback(self._interrupt)
        return self._work

    def _interrupt(self, work: asyncio.Future[Any]) -> None:
        """Stop waiting for the next piece when the one before it was found to be bad."""
        error = work.exception() if not work.cancelled() else None
        if isinstance(error, Exception) and self._body is not None:
            self._body.fail(error)

    async def _do(self, step: Callable[[], None], size_bytes: int) -> None:
        if self._inline and size_bytes <= INLINE_BYTES_MAX:
            step()
            return
        self._work = asyncio.get_running_loop().run_in_executor(self._threads, step)
        await settled(self._work)
        self._work = None
