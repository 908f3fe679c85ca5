"""The board: what the processes of a home know of one another."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from holdfast.telemetry.board import Board, Reads


def test_a_slot_tells_of_its_process() -> None:
    board = Board.private()
    slot = board.slot(3)
    slot.take("0123456789abcdef")
    slot.beat(7)
    slot.set_oldest_read(42)
    (found,) = board.living()
    assert (found.slot, found.pid, found.instance) == (3, os.getpid(), "0123456789abcdef")
    assert (found.oldest_read_us, found.connections) == (42, 7)
    slot.leave()
    assert board.living() == []


def test_the_dead_are_not_among_the_living() -> None:
    board = Board.private()
    pid = os.fork()
    if not pid:
        board.slot(0).take("child")
        os._exit(0)
    os.waitpid(pid, 0)
    assert board.living() == []


def test_a_failed_sync_is_seen_by_every_process_and_gone_after_a_start(tmp_path: Path) -> None:
    board = Board.create(tmp_path / "board")
    other = Board.open(tmp_path / "board")
    assert not other.is_read_only
    board.set_read_only()
    assert other.is_read_only
    assert not Board.create(tmp_path / "board").is_read_only


def test_a_home_that_was_never_served_has_no_board(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Board.open(tmp_path / "board")


def test_the_oldest_read_is_on_the_board_until_it_ends() -> None:
    board = Board.private()
    slot = board.slot(0)
    slot.take()
    reads = Reads(slot)

    def oldest() -> int:
        return board.living()[0].oldest_read_us

    first, second = reads.begin(100), reads.begin(200)
    assert oldest() == 100
    reads.end(first)
    assert oldest() == 200
    third = reads.begin(300)
    reads.end(second)
    assert oldest() == 300
    reads.end(third)
    assert oldest() == 0
