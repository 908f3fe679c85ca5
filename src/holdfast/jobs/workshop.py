"""What every job is given: the engines, the board on which the living are seen, the clock, and the word to stop."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from holdfast.blobs.interface import Blobs
from holdfast.catalog.interface import Catalog, Transaction
from holdfast.telemetry.board import Board

Result = TypeVar("Result")

MARGIN_US: Final = 60_000_000
"""What is garbage is kept for this long at least, for reads that a board can't tell of and clocks that are set."""


def _now_us() -> int:
    return time.time_ns() // 1000


class Living(Collection[str]):
    """The instances of the blob engine that live. Each question looks at the board anew.

    A process writes its instance there before its first file. So whoever lists files or rows first, and asks about
    each one found, never takes the work of a process that has only just begun for a dead one's.
    """

    def __init__(self, board: Board) -> None:
        self._board = board

    def __contains__(self, instance: object) -> bool:
        return any(slot.instance == instance for slot in self._board.living())

    def __iter__(self) -> Iterator[str]:
        return iter({slot.instance for slot in self._board.living() if slot.instance})

    def __len__(self) -> int:
        return len(set(self))


@dataclass(frozen=True, slots=True)
class Workshop:
    """What every job is given first. Jobs commit in small steps, and may be stopped or killed between any two."""

    catalog: Catalog
    blobs: Blobs
    board: Board
    clock_us: Callable[[], int] = _now_us
    is_stopping: Callable[[], bool] = lambda: False

    @property
    def living(self) -> Living:
        """The instances that live, seen anew at each question."""
        return Living(self.board)

    def commit(self, change: Callable[[Transaction], Result]) -> Result:
        """Make one durable change, or raise what it raised."""
        outcome = self.catalog.commit([change])[0]
        if outcome.error is not None:
            raise outcome.error
        result: Result = outcome.result
        return result

    def collectable_before_us(self) -> int:
        """Return the time before which garbage must have been made that no read in flight can still see."""
        oldest_us = self.clock_us()
        for slot in self.board.living():
            if slot.oldest_read_us:
                oldest_us = min(oldest_us, slot.oldest_read_us)
        return oldest_us - MARGIN_US
