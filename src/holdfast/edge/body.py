"""One request's body on its way in: received straight into reused buffers, in flat memory, with back-pressure.

A body does not begin by itself: until `begin` is called nothing of it is read but what came in one piece with the head.
Then it hands out pieces: whole buffers, and a shorter last one. Two buffers go round: one fills while the other is
hashed and written.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from holdfast.s3.codes import S3Error

from .flow import settled
from .heads import ChunkReader

PIECE_BYTES: Final = 1 << 20
BUFFERS_PER_BODY: Final = 2
_EMPTY: Final = memoryview(b"")


class Buffers:
    """Buffers of one size for the long bodies of a worker, kept for the next body up to a few."""

    def __init__(self, kept_max: int = 8) -> None:
        self._free: list[bytearray] = []
        self._kept_max = kept_max

    def take(self) -> bytearray:
        return self._free.pop() if self._free else bytearray(PIECE_BYTES)

    def give(self, buffer: bytearray) -> None:
        if len(self._free) < self._kept_max and len(buffer) == PIECE_BYTES:
            self._free.append(buffer)


class Body:
    """A body of known length (`Content-Length`) or one in HTTP's chunks (`length_bytes` None)."""

    def __init__(
        self,
        length_bytes: int | None,
        initial: memoryview,
        buffers: Buffers,
        scratch: memoryview,
        set_flowing: Callable[[bool], None],
    ) -> None:
        """`initial` came with the head; it and `scratch` are the worker's, and others write into them when the callback
        is over.
        """
        self.length_bytes = length_bytes
        self.received_bytes = 0
        """Of the connection's bytes, chunk sizes included: what the least rate is measured by."""
        self.is_complete = length_bytes == len(initial)
        """Whether every byte of it has arrived, be it taken or not."""
        self.has_begun = False
        self._initial = initial
        self._left = length_bytes or 0
        self._buffers = buffers
        self._scratch = scratch
        self._set_flowing = set_flowing
        self._chunks = ChunkReader(self._deposit) if length_bytes is None else None
        self._filling: bytearray | None = None
        self._filled = 0
        self._ready: deque[tuple[bytearray, int]] = deque()
        self._lent: deque[bytearray] = deque()
        self._count = 0  # of buffers in use by this body
        self._waiter: asyncio.Future[None] | None = None
        self._fault: Exception | None = None

    @property
    def left_bytes(self) -> int:
        """Of a body of known length that has not begun: what has not come yet."""
        return self._left - len(self._initial)

    @property
    def has_more(self) -> bool:
        """Bytes of another request came after chunks, and were not kept."""
        return self._chunks is not None and self._chunks.has_more

    @property
    def wants_bytes(self) -> bool:
        """Whether the connection should read on into this body now."""
        return self.has_begun and not self.is_complete and self._filling is not None

    # --- the flow's side

    def find_whole(self) -> memoryview | None:
        """Return all of a body that came with its head, without a copy: valid until the flow waits.

        None = receive it.
        """
        if self.is_complete and not self.has_begun and self._chunks is None:
            self.has_begun = True
            self.received_bytes = len(self._initial)
            return self._initial
        return None

    def begin(self) -> None:
        """Start receiving."""
        assert not self.has_begun
        self.has_begun = True
        initial, self._initial = self._initial, _EMPTY
        short = self.length_bytes is not None and self.length_bytes <= PIECE_BYTES
        self._filling = bytearray(self.length_bytes or 0) if short else self._buffers.take()
        self._count = 1
        if self._chunks is None:
            self._copy(initial)
        else:
            while initial and self._fault is None:
                # No run of chunks decodes to more than what it came in, so that each fits.
                step = min(len(initial), PIECE_BYTES - self._filled)
                self._feed_chunks(initial[:step])
                initial = initial[step:]
        if not self.is_complete and self._fault is None:
            self._set_flowing(self._filling is not None)

    async def next_piece(self) -> memoryview:
        """Return the next piece, for use until it is given back; empty at the end.

        Raises what `fail` was told.
        """
        while not self._ready:
            if self._fault is not None:
                raise self._fault
            if self.is_complete:
                return _EMPTY
            self._waiter = asyncio.get_running_loop().create_future()
            await settled(self._waiter)
            self._waiter = None
        buffer, size = self._ready.popleft()
        self._lent.append(buffer)
        return memoryview(buffer)[:size]

    def give_back(self) -> None:
        """Return the oldest piece that was handed out, so that its buffer is filled again."""
        buffer = self._lent.popleft()
        if self.is_complete or self._filling is not None:
            self._buffers.give(buffer)
            self._count -= 1
            return
        self._filling = buffer
        self._filled = 0
        if self._fault is None:
            self._set_flowing(True)

    def release(self) -> None:
        """Give all buffers back: nobody takes pieces any more, and no thread works on one. Idempotent."""
        for buffer in [*self._lent, *(buffer for buffer, _ in self._ready)]:
            self._buffers.give(buffer)
        self._lent.clear()
        self._ready.clear()
        if self._filling is not None and self.is_complete:
            self._buffers.give(self._filling)
            self._filling = None

    # --- the connection's side

    def hold(self) -> None:
        """Keep what came with the head, since the flow waits for something else first."""
        if not self.has_begun and self._initial:
            self._initial = memoryview(bytes(self._initial))

    def get_buffer(self) -> memoryview:
        """Return where the connection's next bytes go. Only while `wants_bytes`."""
        assert self._filling is not None
        if self._chunks is not None:
            return self._scratch[: min(len(self._scratch), PIECE_BYTES - self._filled)]
        room = min(self._left, len(self._filling) - self._filled)
        return memoryview(self._filling)[self._filled : self._filled + room]

    def received(self, count: int) -> None:
        """Know that this many bytes were put into the buffer."""
        if self._chunks is not None:
            self._feed_chunks(self._scratch[:count])
            if not self.is_complete and self._filling is None:
                self._set_flowing(False)
            return
        self.received_bytes += count
        self._left -= count
        self._filled += count
        self._advance()

    def fail(self, fault: Exception) -> None:
        """Say that the rest will never come, or is of no use any more: whoever waits for it is told."""
        if not self.is_complete and self._fault is None:
            self._fault = fault
            self._wake()

    def _copy(self, data: memoryview) -> None:
        self.received_bytes += len(data)
        self._left -= len(data)
        while data:
            assert self._filling is not None
            step = min(len(data), len(self._filling) - self._filled)
            self._filling[self._filled : self._filled + step] = data[:step]
            self._filled += step
            data = data[step:]
            self._advance()

    def _feed_chunks(self, data: memoryview) -> None:
        assert self._chunks is not None
        self.received_bytes += len(data)
        try:
            self._chunks.feed(data)
        except S3Error as fault:
            self.fail(fault)
            return
        if self._chunks.is_complete:
            self.is_complete = True
            self._finish_piece()
        else:
            self._advance()

    def _deposit(self, data: bytes) -> None:
        assert self._filling is not None
        self._filling[self._filled : self._filled + len(data)] = data
        self._filled += len(data)

    def _advance(self) -> None:
        """Hand out the buffer when it is full or the body is at its end."""
        assert self._filling is not None
        if self._chunks is None and self._left == 0:
            self.is_complete = True
            self._finish_piece()
        elif self._filled == len(self._filling):
            self._finish_piece()
            if self._count < BUFFERS_PER_BODY:
                self._count += 1
                self._filling = self._buffers.take()
            else:
                self._set_flowing(False)

    def _finish_piece(self) -> None:
        filling, self._filling = self._filling, None
        if filling is None:
            return
        if self._filled:
            self._ready.append((filling, self._filled))
        else:
            self._buffers.give(filling)
        self._filled = 0
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
