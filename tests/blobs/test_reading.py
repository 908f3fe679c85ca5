"""What the files engine's readers hold open, and when they wait."""

from __future__ import annotations

import errno
import gc
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.blobs.files import FileBlobs
from holdfast.blobs.interface import BLOCK_BYTES, BlobCorrupt, Slice
from holdfast.blobs.layout import Layout
from holdfast.blobs.opened import OpenedContainers


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[FileBlobs]:
    engine = FileBlobs(tmp_path, reserve_bytes=0, small_bytes_max=10)
    yield engine
    engine.close()


def put(blobs: FileBlobs, body: bytes) -> Slice:
    one = blobs.stage(len(body))
    one.write(body)
    one.seal()
    ((place,),) = blobs.flush([one])
    return place


def descriptors() -> int:
    # A failed test elsewhere may have left its reader to a reference cycle.
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


def test_a_container_that_is_not_open_yet_is_left_to_a_thread(blobs: FileBlobs) -> None:
    place = put(blobs, b"body")
    reader = blobs.open([place])
    assert reader.read_inline() is None
    assert bytes(reader.read()) == b"body"


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[FileBlobs]:
    """An engine that keeps what is up to a mebibyte in segments."""
    engine = FileBlobs(tmp_path / "shelf", reserve_bytes=0, small_bytes_max=1 << 20)
    yield engine
    engine.close()


@pytest.mark.parametrize("size_bytes", [1, 5_000, BLOCK_BYTES])
def test_a_small_blob_in_memory_is_read_at_once(shelf: FileBlobs, size_bytes: int) -> None:
    body = os.urandom(size_bytes)
    place = put(shelf, body)
    assert shelf.read_small(place) is None  # its file is not open yet
    shelf.open([place]).read()
    small = shelf.read_small(place)
    assert small is not None
    assert bytes(small) == body


def test_what_is_not_a_whole_small_blob_in_memory_is_left_to_a_reader(
    shelf: FileBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large, file = (put(shelf, bytes(size)) for size in (5_000, BLOCK_BYTES + 1, 2 << 20))
    for place in (small, large, file):
        shelf.open([place]).read()
    assert shelf.read_small(large) is None
    assert shelf.read_small(file) is None
    assert shelf.read_small(small._replace(offset_bytes=1, length_bytes=4_999)) is None
    assert shelf.read_small(small._replace(length_bytes=4_999)) is None
    assert shelf.read_small(small._replace(length_bytes=5_001)) is None
    assert shelf.read_small(small._replace(blob_id="no/name")) is None
    for count in (0, errno.EAGAIN):

        def cut_short(fd: int, buffers: list[memoryview], offset: int, flags: int = 0, count: int = count) -> int:
            if count:
                raise OSError(count, os.strerror(count))
            return 10

        with monkeypatch.context() as patched:
            patched.setattr(os, "preadv", cut_short)
            assert shelf.read_small(small) is None


def test_a_read_that_would_wait_is_left_to_a_thread_and_loses_nothing(
    blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large = put(blobs, b"small"), put(blobs, bytes(range(250)) * 4000)
    preadv = os.preadv

    def would_wait(fd: int, buffers: list[memoryview], offset: int, flags: int = 0) -> int:
        if flags:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        return preadv(fd, buffers, offset, flags)

    monkeypatch.setattr(os, "preadv", would_wait)
    reader = blobs.open([small, large])
    seen = bytearray()
    while len(seen) < 5 + 10**6:
        assert reader.read_inline() is None
        seen += reader.read()
    assert not reader.read()
    assert seen == b"small" + bytes(range(250)) * 4000


def test_a_file_system_that_cannot_promise_not_to_wait_is_asked_once(
    blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = put(blobs, b"body")
    asked: list[int] = []
    preadv = os.preadv

    def unsupported(fd: int, buffers: list[memoryview], offset: int, flags: int = 0) -> int:
        if flags:
            asked.append(fd)
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return preadv(fd, buffers, offset, flags)

    monkeypatch.setattr(os, "preadv", unsupported)
    assert bytes(blobs.open([place]).read()) == b"body"
    for _ in range(3):
        reader = blobs.open([place])
        assert reader.read_inline() is None
        assert bytes(reader.read()) == b"body"
    assert len(asked) == 1


def test_a_sector_that_cannot_be_read_is_rot(blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    place = put(blobs, b"body")

    def fail(fd: int, buffers: list[memoryview], offset: int, flags: int = 0) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(os, "preadv", fail)
        with pytest.raises(BlobCorrupt, match=f"{place.blob_id} cannot be read: Input/output error"):
            blobs.open([place]).read()


def with_few_descriptors(case: str, directory: Path) -> None:
    command = [sys.executable, "-m", "tests.blobs.few_descriptors", case, str(directory)]
    ran = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0, ran.stderr


def test_few_descriptors_are_enough_for_many_containers(tmp_path: Path) -> None:
    with_few_descriptors("read_many_containers", tmp_path)


def test_containers_kept_for_later_give_way_to_what_is_needed_now(tmp_path: Path) -> None:
    with_few_descriptors("read_when_all_are_taken", tmp_path)


def test_readers_close_what_the_cache_has_let_go_of(blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    before = descriptors()
    place = put(blobs, bytes(10**6))
    reader = blobs.open([place])
    reader.read()
    blobs.delete(place.blob_id)
    assert descriptors() == before + 1
    reader.close()
    assert descriptors() == before


def test_the_space_of_what_another_process_deleted_is_not_held_for_ever(tmp_path: Path, blobs: FileBlobs) -> None:
    layout = Layout(tmp_path)
    opened = OpenedContainers(layout)
    gone, kept = put(blobs, bytes(1000)), put(blobs, bytes(1000))
    for place in (gone, kept):
        opened.open(place.blob_id)
    layout.path_of(gone.blob_id).unlink()
    for _ in range(4):
        opened.forget_deleted(1)
    assert opened.find(gone.blob_id) is None
    assert opened.find(kept.blob_id) is not None
