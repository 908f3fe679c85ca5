"""The open segment: where one instance puts all its small blobs, one batch and one sync at a time."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from holdfast.blobs import names, records
from holdfast.blobs.disk import Disk
from holdfast.blobs.interface import BlobsFull
from holdfast.blobs.layout import Layout

PREALLOCATION_BYTES = 4 << 20
"""Room is asked for in steps of this, so that segments that grow side by side do not fragment each other."""

_PADDING = bytes(records.ALIGNMENT_BYTES)


class Body(NamedTuple):
    """A sealed small body."""

    pieces: Sequence[bytes]
    length_bytes: int
    checksums: list[int]
    tag: bytes


class SegmentWriter:
    """Appends records to segments of one instance. Used by one thread at a time.

    The end is known, not asked for: what a refused write left beyond it is overwritten by the next one. A segment whose
    sync failed is never written again, and neither is one of an earlier run. A shared lock on the open segment keeps
    `delete`, also of other processes, away from it.
    """

    def __init__(
        self, layout: Layout, disk: Disk, instance: str, segment_bytes_max: int, free_bytes: Callable[[], int]
    ) -> None:
        self._layout = layout
        self._disk = disk
        self._instance = instance
        self._segment_bytes_max = segment_bytes_max
        self._free_bytes = free_bytes
        self._numbers = itertools.count()
        self._fd: int | None = None
        self._name = ""
        self._seed = 0
        self._end = 0
        self._allocated = 0

    def append(self, bodies: Sequence[Body]) -> list[str]:
        """Put bodies on stable storage with one sync and return their blob ids. Raises `BlobsFull` or `BlobsBroken`."""
        self._disk.check_whole()
        growth = sum(records.record_bytes(body.length_bytes) for body in bodies)
        if self._fd is not None and self._end + growth > self._segment_bytes_max and self._end:
            self._finish()
        fd = self._fd if self._fd is not None else self._begin()
        buffers: list[bytes | memoryview] = []
        blob_ids: list[str] = []
        offset = durable = self._end
        for body in bodies:
            header = records.encode(self._seed, offset, durable, body.length_bytes, body.checksums, body.tag)
            buffers.append(header)
            buffers += body.pieces
            padding = -(len(header) + body.length_bytes) % records.ALIGNMENT_BYTES
            if padding:
                buffers.append(_PADDING[:padding])
            blob_ids.append(records.blob_id(self._name, offset, body.length_bytes))
            offset += len(header) + body.length_bytes + padding
        self._preallocate(fd, offset)
        try:
            self._disk.write(fd, buffers, durable)
        except BlobsFull:
            # Give back what the half-written batch and the preallocation took.
            with contextlib.suppress(OSError):
                os.ftruncate(fd, durable)
            self._allocated = durable
            raise
        try:
            self._disk.sync(fd)
        except BaseException:
            self._abandon()
            raise
        self._end = offset
        return blob_ids

    def close(self) -> None:
        """End the open segment and give back the room it did not use. Idempotent."""
        if self._fd is not None:
            self._finish()

    def _begin(self) -> int:
        name = names.segment_id(self._instance, next(self._numbers))
        path = self._layout.path_of(name)
        fd = self._disk.create(path)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH)
            self._disk.sync_directory(path.parent)
        except BaseException:
            os.close(fd)
            path.unlink(missing_ok=True)
            raise
        self._fd, self._name, self._seed = fd, name, records.name_seed(name)
        self._end = self._allocated = 0
        return fd

    def _preallocate(self, fd: int, end: int) -> None:
        if end <= self._allocated:
            return
        step = min(PREALLOCATION_BYTES, self._free_bytes() // 16)
        room = min(-(-end // PREALLOCATION_BYTES) * PREALLOCATION_BYTES, end + max(step, 0))
        self._allocated = max(room, end)
        # It only makes writing smoother: no space, or no support for it, is for the write to find out.
        with contextlib.suppress(OSError):
            os.posix_fallocate(fd, self._end, self._allocated - self._end)

    def _finish(self) -> None:
        """Write the end mark, which says that everything before it was durable, and cut off the unused room.

        Not synced: nothing depends on it. A segment without the mark is one whose last batch may be half written.
        """
        assert self._fd is not None
        mark = records.encode(self._seed, self._end, self._end, 0, [], b"")
        with contextlib.suppress(OSError):
            os.ftruncate(self._fd, self._end)
            os.pwrite(self._fd, mark, self._end)
        self._abandon()

    def _abandon(self) -> None:
        assert self._fd is not None
        os.close(self._fd)
        self._fd = None
