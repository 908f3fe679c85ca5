"""A number that all processes of a home see, by which a reader knows that nothing was committed since it looked."""

from __future__ import annotations

import mmap
import os
from pathlib import Path
from typing import Self

_WIDTH_BYTES = 8


class CommitMark:
    """A word in shared memory that is odd while a commit is on its way and grows with each one, as in a sequence lock.

    A snapshot that was opened while the mark was even, and stayed the same, shows all there is for as long as the mark
    stays: whoever was told of a commit was told after the mark had changed. Reading it costs a load from memory. It is
    written by who holds the turn. A process that died in a commit leaves it odd, and readers open snapshots of their
    own until the next commit. Source: https://docs.kernel.org/locking/seqlock.html
    """

    __slots__ = ("_map", "_words")

    def __init__(self, path: Path) -> None:
        """Map the mark in this file, and make the file if it is not there. It need not outlive a reboot."""
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if os.fstat(fd).st_size < _WIDTH_BYTES:
                os.ftruncate(fd, _WIDTH_BYTES)
            self._map = mmap.mmap(fd, _WIDTH_BYTES)
        finally:
            os.close(fd)
        self._words = memoryview(self._map).cast("Q")

    def value(self) -> int:
        """Return the mark. An aligned word is loaded whole, so no lock is needed."""
        return self._words[0]

    def __enter__(self) -> Self:
        """Say that a commit begins. Only while holding the turn."""
        self._words[0] = (self._words[0] + 1) | 1
        return self

    def __exit__(self, *_: object) -> None:
        """Say that it is over, whatever became of it."""
        self._words[0] += 1

    def close(self) -> None:
        """Unmap it. Idempotent."""
        self._words.release()
        self._map.close()
