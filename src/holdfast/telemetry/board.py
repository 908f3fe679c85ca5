"""The board: a page of shared memory on which the processes of one home see one another.

Each process has a slot: who it is, that it lives, since when it reads. One word is everybody's: a failed sync anywhere
makes the whole home read-only until it is started again (contract.md, "Failure"). All words are aligned and stored
whole, so no lock is needed.
"""

from __future__ import annotations

import mmap
import os
import time
from pathlib import Path
from typing import Final, NamedTuple, Self

SLOTS_MAX: Final = 1_026  # 1,024 workers at most, a process for jobs, and a spare one
_WORD: Final = 8
_SLOT_WORDS: Final = 16
_INSTANCE_WORDS: Final = 8
_HEADER_WORDS: Final = 16
_SIZE_BYTES: Final = (_HEADER_WORDS + SLOTS_MAX * _SLOT_WORDS) * _WORD
_READ_ONLY: Final = 0
_PID, _BEAT, _OLDEST_READ, _CONNECTIONS, _INSTANCE = 0, 1, 2, 3, 4


class SlotFacts(NamedTuple):
    """What one living process says of itself."""

    slot: int
    pid: int
    instance: str
    """Its instance of the blob engine; empty for a process without one."""
    beat_us: int
    """When it last said that it lives, in µs of the Unix epoch."""
    oldest_read_us: int
    """When the oldest read that is in flight began, or 0."""
    connections: int


class Board:
    """The mapped page. Made by the supervisor before it forks; other processes of the home may open it to look."""

    def __init__(self, fd: int) -> None:
        self._map = mmap.mmap(fd, _SIZE_BYTES)
        self._words = memoryview(self._map).cast("Q")

    @classmethod
    def create(cls, path: Path) -> Self:
        """Make a fresh board, writable again: what an earlier start wrote is gone.

        Only while holding the lock of `serve`.
        """
        path.unlink(missing_ok=True)
        return cls._open(path, os.O_CREAT | os.O_EXCL)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Map the board of a home that is served. Raises FileNotFoundError when none ever was."""
        return cls._open(path, 0)

    @classmethod
    def private(cls) -> Self:
        """Return a board that only this process and its children see."""
        fd = os.memfd_create("holdfast-board", os.MFD_CLOEXEC)
        try:
            os.ftruncate(fd, _SIZE_BYTES)
            return cls(fd)
        finally:
            os.close(fd)

    @classmethod
    def _open(cls, path: Path, flags: int) -> Self:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags, 0o600)
        try:
            if os.fstat(fd).st_size < _SIZE_BYTES:
                os.ftruncate(fd, _SIZE_BYTES)
            return cls(fd)
        finally:
            os.close(fd)

    @property
    def is_read_only(self) -> bool:
        """Whether a sync failed since the start: nobody writes any more."""
        return self._words[_READ_ONLY] != 0

    def set_read_only(self) -> None:
        """Stop every process of the home from writing, until it is started again."""
        self._words[_READ_ONLY] = 1

    def slot(self, index: int) -> Slot:
        """Return the slot of one process, for it alone to write."""
        assert 0 <= index < SLOTS_MAX
        start = _HEADER_WORDS + index * _SLOT_WORDS
        return Slot(self._words[start : start + _SLOT_WORDS])

    def living(self) -> list[SlotFacts]:
        """Return what every process says that has taken a slot and whose pid is alive."""
        found = []
        for index in range(SLOTS_MAX):
            start = _HEADER_WORDS + index * _SLOT_WORDS
            words = self._words[start : start + _SLOT_WORDS]
            if words[_PID] and _is_alive(words[_PID]):
                instance = words[_INSTANCE : _INSTANCE + _INSTANCE_WORDS].tobytes().rstrip(b"\0").decode()
                found.append(
                    SlotFacts(index, words[_PID], instance, words[_BEAT], words[_OLDEST_READ], words[_CONNECTIONS])
                )
        return found


class Slot:
    """One process's place on the board."""

    __slots__ = ("_words",)

    def __init__(self, words: memoryview) -> None:
        self._words = words

    def take(self, instance: str = "") -> None:
        """Write this process in. `instance` is its blob engine's."""
        text = instance.encode()
        assert len(text) <= _INSTANCE_WORDS * _WORD
        words = self._words
        words[_PID] = 0
        words[_OLDEST_READ] = 0
        words[_INSTANCE : _INSTANCE + _INSTANCE_WORDS] = memoryview(text.ljust(_INSTANCE_WORDS * _WORD, b"\0")).cast(
            "Q"
        )
        self.beat()
        words[_PID] = os.getpid()

    def beat(self, connections: int = 0) -> None:
        """Say that this process lives."""
        self._words[_BEAT] = time.time_ns() // 1000
        self._words[_CONNECTIONS] = connections

    def leave(self) -> None:
        """Take this process off the board."""
        self._words[_PID] = 0

    def set_oldest_read(self, began_us: int) -> None:
        """Say when the oldest read in flight began, in µs of the Unix epoch; 0 = none is in flight."""
        self._words[_OLDEST_READ] = began_us


class Reads:
    """The reads in flight of one process. While one is on the board, the bytes it may still need are not collected."""

    __slots__ = ("_began", "_next", "_slot")

    def __init__(self, slot: Slot) -> None:
        self._slot = slot
        self._began: dict[int, int] = {}  # in order of beginning
        self._next = 0

    def begin(self, now_us: int) -> int:
        """Put a read on the board, before its snapshot is taken, and return its ticket."""
        ticket = self._next
        self._next = ticket + 1
        if not self._began:
            self._slot.set_oldest_read(now_us)
        self._began[ticket] = now_us
        return ticket

    def end(self, ticket: int) -> None:
        """Take a read off the board."""
        del self._began[ticket]
        self._slot.set_oldest_read(next(iter(self._began.values())) if self._began else 0)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
