"""One counter that all processes of a home see: it says whether keys, members or tenancies may have changed."""

from __future__ import annotations

import fcntl
import mmap
import os
import threading
from pathlib import Path
from typing import Final, Self

_WIDTH_BYTES: Final = 8


class Generation:
    """A counter in shared memory (design.md §4.11). Reading it costs a load from memory and no system call.

    Every commit that changes who may do what raises it, after the commit. A process that dies between the two leaves
    caches that nobody called stale, so each entry also ages out within a second (`callers.AGE_MAX_US`).
    """

    __slots__ = ("_fd", "_lock", "_map", "_words")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()
        self._map = mmap.mmap(fd, _WIDTH_BYTES)
        self._words = memoryview(self._map).cast("Q")

    @classmethod
    def open(cls, path: Path) -> Self:
        """Map the counter in this file, and make the file if it is not there. The count need not outlive a reboot."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.ftruncate(fd, _WIDTH_BYTES)
            return cls(fd)
        except BaseException:
            os.close(fd)
            raise

    @classmethod
    def private(cls) -> Self:
        """Return a counter that only this process and its children see."""
        fd = os.memfd_create("holdfast-generation", os.MFD_CLOEXEC)
        os.ftruncate(fd, _WIDTH_BYTES)
        return cls(fd)

    def value(self) -> int:
        """Return the count. An aligned word is loaded whole, so no lock is needed."""
        return self._words[0]

    def raise_(self) -> None:
        """Make every reader in every process see another count."""
        # Two that add at once must not write the same sum: a reader that came between would take the second change
        # for the first. The file's lock belongs to the whole process (a flock would be shared with forked workers),
        # so threads need another.
        with self._lock:
            fcntl.lockf(self._fd, fcntl.LOCK_EX, _WIDTH_BYTES)
            try:
                self._words[0] += 1
            finally:
                fcntl.lockf(self._fd, fcntl.LOCK_UN, _WIDTH_BYTES)

    def close(self) -> None:
        """Unmap the counter. Idempotent."""
        if self._fd >= 0:
            self._words.release()
            self._map.close()
            os.close(self._fd)
            self._fd = -1
