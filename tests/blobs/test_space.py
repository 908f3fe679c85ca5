"""The reserve and the ballast."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from holdfast.blobs.interface import BlobsFull
from holdfast.blobs.layout import Layout
from holdfast.blobs.space import BALLAST_BYTES, Space


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path)
    layout.make()
    return layout


@pytest.fixture
def statvfs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The free bytes of a disk of 100 GiB, for the test to change."""
    free = [50 << 30]
    real = os.statvfs("/")

    def answer(path: Path) -> os.statvfs_result:
        fields = list(real)
        fields[0] = fields[1] = 1
        fields[2], fields[3], fields[4] = 100 << 30, free[0], free[0]
        return os.statvfs_result(fields)

    monkeypatch.setattr(os, "statvfs", answer)
    return free


def test_the_reserve_is_not_counted_as_free(layout: Layout, statvfs: list[int]) -> None:
    assert Space(layout).free_bytes() == (50 << 30) - (64 << 20)
    assert Space(layout, reserve_bytes=1000).free_bytes() == (50 << 30) - 1000


def test_free_space_is_looked_up_at_most_ten_times_a_second(layout: Layout, statvfs: list[int]) -> None:
    clock = Clock()
    space = Space(layout, 0, clock)
    first = space.free_bytes()
    statvfs[0] = 5
    assert space.is_fresh()
    assert space.free_bytes() == first
    clock.now_s = 0.11
    assert not space.is_fresh()
    assert space.free_bytes() == 5


def test_what_was_written_since_the_last_look_counts(layout: Layout, statvfs: list[int]) -> None:
    statvfs[0] = 1000
    space = Space(layout, 0, Clock())
    space.take(600)
    assert space.free_bytes() == 400
    with pytest.raises(BlobsFull, match="400 bytes are free above the reserve, 401 are wanted"):
        space.take(401)
    space.spend(500)
    assert space.free_bytes() == -100


def test_the_ballast_is_given_up_and_comes_back_when_there_is_room(layout: Layout, statvfs: list[int]) -> None:
    clock = Clock()
    space = Space(layout, 0, clock)
    assert layout.ballast.stat().st_size == BALLAST_BYTES
    statvfs[0] = 0
    space.release_ballast()
    space.release_ballast()
    for now_s in (1.0, 2.0):
        clock.now_s = now_s
        space.free_bytes()
        assert not layout.ballast.exists()
    statvfs[0] = 1 << 30
    clock.now_s = 3.0
    space.free_bytes()
    assert layout.ballast.stat().st_size == BALLAST_BYTES


def test_a_ballast_that_another_process_gave_up_comes_back_too(layout: Layout, statvfs: list[int]) -> None:
    clock = Clock()
    space = Space(layout, 0, clock)
    layout.ballast.unlink()
    clock.now_s = 1.0
    space.free_bytes()
    assert layout.ballast.stat().st_size == BALLAST_BYTES


def test_a_disk_without_room_for_the_ballast_is_opened_all_the_same(layout: Layout, statvfs: list[int]) -> None:
    statvfs[0] = 100
    assert Space(layout, 0).free_bytes() == 100
    assert not layout.ballast.exists()
