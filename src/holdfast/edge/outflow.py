"""Bodies on their way out: slices read, verified and sent piece by piece, no faster than the client takes them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Final

from holdfast.blobs.interface import Blobs, Reader, Slice

from .connection import Connection
from .flow import settled

BREATH_BYTES: Final = 8 << 20
"""After this much without a pause other connections get their turn."""


class Outflow:
    """One payload being sent.

    The first piece is read before the answer's head leaves, so that a bad blob can still be an error.
    """

    def __init__(self, blobs: Blobs, slices: Sequence[Slice], connection: Connection, threads: Executor) -> None:
        self._reader: Reader = blobs.open(slices)
        self._connection = connection
        self._threads = threads
        self._reading: asyncio.Future[memoryview] | None = None
        self._left_bytes = sum(each.length_bytes for each in slices)
        self.sent_bytes = 0

    async def send(self, head: bytes, first: memoryview) -> None:
        """Send the head, the first piece, and all that follows.

        Raises what reading raises: the connection must then be cut.
        """
        connection = self._connection
        piece = first
        breath_bytes = BREATH_BYTES
        while piece:
            connection.write_piece(piece, head)
            head = b""
            self.sent_bytes += len(piece)
            self._left_bytes -= len(piece)
            if connection.is_backed_up:
                await connection.drained()
                breath_bytes = self.sent_bytes + BREATH_BYTES
            elif self.sent_bytes >= breath_bytes:
                await _breathe()
                breath_bytes = self.sent_bytes + BREATH_BYTES
            if self._left_bytes <= 0:
                return
            piece = await self.read()
        raise EOFError(f"the slices of a payload end {self._left_bytes} bytes before what the catalog says")

    async def read(self) -> memoryview:
        """Return the next piece: at once when it is in memory, else from a thread. Empty = the end."""
        piece = self._reader.read_inline()
        if piece is not None:
            return piece
        self._reading = asyncio.get_running_loop().run_in_executor(self._threads, self._reader.read)
        piece = await settled(self._reading)
        self._reading = None
        return piece

    def close(self) -> None:
        """Release the file, once no thread reads from it any more. Idempotent."""
        reading, self._reading = self._reading, None
        if reading is not None and not reading.done():
            reading.add_done_callback(self._close_after)
        else:
            self._reader.close()

    def _close_after(self, reading: asyncio.Future[memoryview]) -> None:
        reading.exception()  # nobody is left to be told
        self._reader.close()


async def _breathe() -> None:
    loop = asyncio.get_running_loop()
    turn: asyncio.Future[None] = loop.create_future()
    loop.call_soon(turn.set_result, None)
    await settled(turn)
