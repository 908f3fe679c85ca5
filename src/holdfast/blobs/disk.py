"""What the engine asks of the file system, and what it makes of its failures.

No space refuses one write and the engine goes on. Any other failure of a write or a sync ends writing for good: after
a failed fsync the kernel may have dropped the pages and marked them clean, so that trying again would report a success
that never was (https://wiki.postgresql.org/wiki/Fsync_Errors).
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

from holdfast.blobs.interface import BlobsBroken, BlobsError, BlobsFull

BUFFERS_MAX = 1024
"""Linux takes this many buffers in one pwritev (IOV_MAX)."""

_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
# Out of descriptors or memory is a passing want of the process, no sign of a failing disk.
_PASSING = _NO_SPACE | {errno.EMFILE, errno.ENFILE, errno.ENOMEM}


class Disk:
    """Writes and syncs for one instance of an engine; remembers that a sync has failed. Thread-safe."""

    __slots__ = ("_broken_by",)

    def __init__(self) -> None:
        self._broken_by: str | None = None

    def check_whole(self) -> None:
        """Raises `BlobsBroken` once a write or a sync has failed."""
        if self._broken_by is not None:
            raise BlobsBroken(f"an earlier write failed ({self._broken_by}); restart holdfast")

    def create(self, path: Path) -> int:
        """Open a new file for writing and return its descriptor. Raises `BlobsFull` or `BlobsBroken`."""
        self.check_whole()
        try:
            return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise self._judge(error, "create", path) from error

    def write(self, fd: int, buffers: Sequence[bytes | memoryview], offset_bytes: int) -> None:
        """Write all buffers, one after the other, from an offset on. Raises `BlobsFull` or `BlobsBroken`.

        What a refused write leaves is beyond the end that its caller knows.
        """
        self.check_whole()
        first = 0
        while first < len(buffers):
            batch = buffers[first : first + BUFFERS_MAX]
            first += len(batch)
            left = sum(map(len, batch))
            while left:
                try:
                    written = os.pwritev(fd, batch, offset_bytes)
                except OSError as error:
                    raise self._judge(error, "write") from error
                if not written:
                    raise BlobsFull("the disk takes no more bytes; delete something")
                offset_bytes += written
                left -= written
                if left:
                    # A short write comes before ENOSPC; the next one says why.
                    batch = _after(batch, written)

    def sync(self, fd: int) -> None:
        """Put a file's bytes on stable storage.

        Raises `BlobsBroken`; or `BlobsFull` where space is only found wanting now (thin disks, network file systems),
        and then nothing written since the last sync may be relied on.
        """
        self.check_whole()
        try:
            os.fdatasync(fd)
        except OSError as error:
            raise self._judge(error, "sync") from error

    def sync_directory(self, directory: Path) -> None:
        """Put a directory's entries on stable storage. Raises `BlobsFull` or `BlobsBroken`."""
        self.check_whole()
        try:
            fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        except OSError as error:
            raise self._judge(error, "sync", directory) from error

    def rename(self, source: Path, target: Path) -> None:
        """Give a file its final name; durable after `sync_directory`. Raises `BlobsFull` or `BlobsBroken`."""
        self.check_whole()
        try:
            os.rename(source, target)
        except OSError as error:
            raise self._judge(error, "rename", target) from error

    def _judge(self, error: OSError, verb: str, path: Path | None = None) -> BlobsError:
        subject = f"cannot {verb} {path}" if path is not None else f"cannot {verb}"
        if error.errno in _PASSING:
            return BlobsFull(f"{subject}: {error.strerror}; delete something, or raise the limit that it names")
        self._broken_by = f"{verb}: {error.strerror}"
        return BlobsBroken(f"{subject}: {error.strerror}; this engine writes no more, restart holdfast")


def _after(buffers: Sequence[bytes | memoryview], count: int) -> list[bytes | memoryview]:
    rest: list[bytes | memoryview] = []
    for buffer in buffers:
        if count >= len(buffer):
            count -= len(buffer)
            continue
        rest.append(memoryview(buffer)[count:])
        count = 0
    return rest
