"""What every blob engine does. A new engine starts by getting a harness here."""

from __future__ import annotations

import contextlib
import errno
import os
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.blobs.files import FileBlobs
from holdfast.blobs.interface import (
    BLOCK_BYTES,
    BlobCorrupt,
    BlobMissing,
    Blobs,
    BlobsBroken,
    BlobsFull,
    Reader,
    Slice,
    Staged,
    container_of,
)
from holdfast.blobs.layout import Layout
from holdfast.blobs.memory import MemoryBlobs, MemoryDisk
from holdfast.blobs.records import header_bytes, parse_blob_id

SMALL_BYTES_MAX = 3 * BLOCK_BYTES
SIZES = (0, 1, 4096, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, SMALL_BYTES_MAX, SMALL_BYTES_MAX + 1, 5 * 10**6)


class Harness(Protocol):
    """What a test may do to the world beneath an engine."""

    def open(self) -> Blobs:
        """Open one more instance on the same disk."""

    def damage(self, blob_id: str, offset_bytes: int) -> None:
        """Flip a bit of a blob's payload."""

    def fail_syncs(self) -> None:
        """Let every sync fail from now on."""

    def fill_up(self) -> None:
        """Let there be no space."""

    def make_room(self) -> None:
        """Let there be space again."""


class MemoryHarness:
    def __init__(self) -> None:
        self.disk = MemoryDisk()

    def open(self) -> MemoryBlobs:
        return MemoryBlobs(self.disk, small_bytes_max=SMALL_BYTES_MAX)

    def damage(self, blob_id: str, offset_bytes: int) -> None:
        self.disk.containers[container_of(blob_id)][blob_id].payload[offset_bytes] ^= 1

    def fail_syncs(self) -> None:
        self.disk.sync_fails = True

    def fill_up(self) -> None:
        self.disk.capacity_bytes = self.disk.used_bytes()

    def make_room(self) -> None:
        self.disk.capacity_bytes = 1 << 40


class FilesHarness:
    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.opened: list[FileBlobs] = []
        self._monkeypatch = monkeypatch
        self._pwritev = os.pwritev

    def open(self) -> FileBlobs:
        self.opened.append(FileBlobs(self.root, small_bytes_max=SMALL_BYTES_MAX, reserve_bytes=0))
        return self.opened[-1]

    def damage(self, blob_id: str, offset_bytes: int) -> None:
        if "/" in blob_id:
            place = parse_blob_id(blob_id)
            offset_bytes += place.offset_bytes + header_bytes(place.length_bytes)
        with Layout(self.root).path_of(container_of(blob_id)).open("r+b") as file:
            file.seek(offset_bytes)
            byte = file.read(1)[0]
            file.seek(offset_bytes)
            file.write(bytes([byte ^ 1]))

    def fail_syncs(self) -> None:
        def fail(fd: int) -> None:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        self._monkeypatch.setattr(os, "fdatasync", fail)

    def fill_up(self) -> None:
        """Take half of the first write and nothing of the next, as a full disk does."""
        is_first = True

        def write_half(fd: int, buffers: Sequence[bytes], offset: int) -> int:
            nonlocal is_first
            if not is_first:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            is_first = False
            whole = b"".join(buffers)
            return self._pwritev(fd, [whole[: len(whole) // 2]], offset)

        self._monkeypatch.setattr(os, "pwritev", write_half)

    def make_room(self) -> None:
        self._monkeypatch.setattr(os, "pwritev", self._pwritev)


@pytest.fixture(params=["memory", "files"])
def harness(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    if request.param == "memory":
        yield MemoryHarness()
        return
    files = FilesHarness(tmp_path / "home", monkeypatch)
    yield files
    monkeypatch.undo()
    for blobs in files.opened:
        blobs.close()


@pytest.fixture
def blobs(harness: Harness) -> Blobs:
    return harness.open()


def noise(size_bytes: int, seed: int = 0) -> bytes:
    return random.Random(f"{seed} {size_bytes}").randbytes(size_bytes)


def staged(blobs: Blobs, body: bytes, *, is_length_known: bool = True, piece_bytes: int = 100_000) -> Staged:
    one = blobs.stage(len(body) if is_length_known else None, b"tag")
    for start in range(0, len(body), piece_bytes):
        one.write(memoryview(body)[start : start + piece_bytes])
    return one


def put(blobs: Blobs, *bodies: bytes) -> list[Slice]:
    """Store bodies that are not empty with one flush; return where each lies."""
    sealed = [staged(blobs, body) for body in bodies]
    for one in sealed:
        one.seal()
    return [place for (place,) in blobs.flush(sealed)]


def pieces_of(reader: Reader) -> Iterator[bytes]:
    while True:
        piece = reader.read_inline()
        if piece is None:
            piece = reader.read()
        if not piece:
            return
        yield bytes(piece)


def get(blobs: Blobs, *slices: Slice) -> bytes:
    """Return the bytes of slices, read in each way that there is."""
    reader = blobs.open(slices)
    try:
        found = b"".join(pieces_of(reader))
    finally:
        reader.close()
    for each in slices[:1]:
        small = blobs.read_small(each)
        assert small is None or bytes(small) == found[: each.length_bytes]
    return found


@pytest.mark.parametrize("size_bytes", SIZES)
@pytest.mark.parametrize("is_length_known", [True, False])
@pytest.mark.parametrize("piece_bytes", [BLOCK_BYTES, 100_000, 10**7])
def test_a_body_reads_back_as_it_was_written(
    blobs: Blobs, size_bytes: int, is_length_known: bool, piece_bytes: int
) -> None:
    body = noise(size_bytes)
    one = staged(blobs, body, is_length_known=is_length_known, piece_bytes=piece_bytes)
    assert one.size_bytes == size_bytes
    one.seal()
    (slices,) = blobs.flush([one])
    assert sum(piece.length_bytes for piece in slices) == size_bytes
    assert get(blobs, *slices) == body


def test_an_empty_body_has_no_slices(blobs: Blobs) -> None:
    one = staged(blobs, b"")
    one.seal()
    assert blobs.flush([one]) == [()]
    assert get(blobs) == b""


def test_a_flush_answers_in_the_order_it_was_asked(blobs: Blobs) -> None:
    bodies = [noise(size, seed) for seed, size in enumerate((10, SMALL_BYTES_MAX + 10, 70_000, 300_000, 1))]
    assert [get(blobs, place) for place in put(blobs, *bodies)] == bodies


def test_small_blobs_share_a_container_and_large_ones_do_not(blobs: Blobs) -> None:
    small, other, large = put(blobs, b"a", b"b", noise(SMALL_BYTES_MAX + 1))
    assert container_of(small.blob_id) == container_of(other.blob_id) != small.blob_id
    assert container_of(large.blob_id) == large.blob_id


def test_a_memory_that_is_written_may_be_used_again_at_once(blobs: Blobs) -> None:
    buffer = bytearray(b"before")
    one = blobs.stage(6)
    one.write(memoryview(buffer))
    buffer[:] = b"after!"
    one.seal()
    (slices,) = blobs.flush([one])
    assert get(blobs, *slices) == b"before"


def test_instances_never_give_the_same_name(harness: Harness) -> None:
    first, second = harness.open(), harness.open()
    assert first.instance != second.instance
    names = [place.blob_id for blobs in (first, second) for place in put(blobs, b"same", noise(10**6))]
    assert len(set(names)) == len(names)


def test_another_instance_reads_what_one_has_flushed(harness: Harness) -> None:
    places = put(harness.open(), b"small", noise(10**6))
    assert get(harness.open(), *places) == b"small" + noise(10**6)


def test_a_scan_yields_every_container_with_its_instance(harness: Harness) -> None:
    first, second = harness.open(), harness.open()
    places = [*put(first, b"a", noise(10**6)), *put(second, b"b")]
    found = {fact.container_id: fact for fact in first.scan()}
    assert set(found) == {container_of(place.blob_id) for place in places}
    assert [found[container_of(place.blob_id)].instance for place in places] == [
        first.instance,
        first.instance,
        second.instance,
    ]
    assert found[places[1].blob_id].size_bytes >= 10**6


@pytest.mark.parametrize("size_bytes", [10, 10**6])
@pytest.mark.parametrize("is_sealed", [True, False])
def test_a_discarded_body_leaves_nothing(blobs: Blobs, size_bytes: int, is_sealed: bool) -> None:
    one = staged(blobs, noise(size_bytes))
    if is_sealed:
        one.seal()
    one.discard()
    one.discard()
    assert list(blobs.scan()) == []


@pytest.mark.parametrize("size_bytes", [10, 10**6])
def test_a_discard_after_the_flush_does_nothing(blobs: Blobs, size_bytes: int) -> None:
    one = staged(blobs, noise(size_bytes))
    one.seal()
    (slices,) = blobs.flush([one])
    one.discard()
    assert get(blobs, *slices) == noise(size_bytes)


def test_a_body_that_is_not_sealed_cannot_be_flushed(blobs: Blobs) -> None:
    with pytest.raises(AssertionError):
        blobs.flush([staged(blobs, b"half")])


def test_a_body_shorter_than_announced_cannot_be_sealed(blobs: Blobs) -> None:
    one = blobs.stage(10)
    one.write(b"nine more")
    with pytest.raises(AssertionError):
        one.seal()


def test_a_deleted_container_is_missing_and_can_be_deleted_again(blobs: Blobs) -> None:
    (place,) = put(blobs, noise(10**6))
    assert blobs.delete(container_of(place.blob_id))
    assert blobs.delete(container_of(place.blob_id))
    assert list(blobs.scan()) == []
    with pytest.raises(BlobMissing, match=place.blob_id):
        get(blobs, place)


def test_a_container_is_not_deleted_while_an_instance_appends_to_it(harness: Harness) -> None:
    writer, other = harness.open(), harness.open()
    (place,) = put(writer, b"first")
    container_id = container_of(place.blob_id)
    assert not other.delete(container_id)
    assert not writer.delete(container_id)
    (second,) = put(writer, b"second")
    assert get(other, place, second) == b"firstsecond"
    writer.close()
    assert other.delete(container_id)
    with pytest.raises(BlobMissing):
        get(harness.open(), place)


def test_a_container_is_open_until_its_writer_has_closed_it(harness: Harness) -> None:
    writer, other = harness.open(), harness.open()
    small, large = put(writer, b"small", noise(10**6))
    assert writer.is_open(container_of(small.blob_id))
    assert other.is_open(container_of(small.blob_id))
    assert not other.is_open(container_of(large.blob_id))
    writer.close()
    assert not other.is_open(container_of(small.blob_id))
    other.delete(container_of(small.blob_id))
    assert not other.is_open(container_of(small.blob_id))


@pytest.mark.parametrize("size_bytes", [SMALL_BYTES_MAX, 10**6])
@pytest.mark.parametrize("offset_bytes", [0, BLOCK_BYTES - 1, BLOCK_BYTES, SMALL_BYTES_MAX - 1])
def test_a_flipped_bit_is_named_and_never_handed_out(
    harness: Harness, blobs: Blobs, size_bytes: int, offset_bytes: int
) -> None:
    body = noise(size_bytes)
    (place,) = put(blobs, body)
    harness.damage(place.blob_id, offset_bytes)
    reader = blobs.open([place])
    seen = bytearray()
    with pytest.raises(BlobCorrupt, match=rf"{place.blob_id}.*block {offset_bytes // BLOCK_BYTES} .*holdfast scrub"):
        seen.extend(byte for piece in pieces_of(reader) for byte in piece)
    assert body.startswith(seen)
    assert len(seen) <= offset_bytes
    with pytest.raises(BlobCorrupt):
        reader.read()


def test_a_flipped_bit_of_a_small_blob_is_never_handed_out_at_once_either(harness: Harness, blobs: Blobs) -> None:
    body = noise(5_000)
    (place,) = put(blobs, body)
    assert get(blobs, place) == body
    harness.damage(place.blob_id, 4_999)
    small: memoryview | None = None
    with contextlib.suppress(BlobCorrupt):
        small = blobs.read_small(place)
    assert small is None


@pytest.mark.parametrize("size_bytes", [SMALL_BYTES_MAX, 10**6])
def test_a_slice_beside_a_rotten_block_is_read(harness: Harness, blobs: Blobs, size_bytes: int) -> None:
    body = noise(size_bytes)
    (place,) = put(blobs, body)
    harness.damage(place.blob_id, BLOCK_BYTES)
    assert get(blobs, Slice(place.blob_id, 5, BLOCK_BYTES - 5)) == body[5:BLOCK_BYTES]
    assert get(blobs, Slice(place.blob_id, 2 * BLOCK_BYTES, 7)) == body[2 * BLOCK_BYTES : 2 * BLOCK_BYTES + 7]


@pytest.mark.parametrize("size_bytes", [10, 10**6])
def test_verify_names_a_rotten_block_and_nothing_else(harness: Harness, blobs: Blobs, size_bytes: int) -> None:
    place, other = put(blobs, noise(size_bytes), noise(size_bytes, 1))
    put(blobs, b"the next batch")
    containers = sorted({container_of(place.blob_id), container_of(other.blob_id)})
    assert [fault for container_id in containers for fault in blobs.verify(container_id)] == []
    harness.damage(place.blob_id, 5)
    (fault,) = [fault for container_id in containers for fault in blobs.verify(container_id)]
    assert place.blob_id in fault
    assert get(blobs, other) == noise(size_bytes, 1)


@pytest.mark.parametrize("size_bytes", [10, 10**6])
def test_a_slice_past_the_end_of_its_blob_is_refused(blobs: Blobs, size_bytes: int) -> None:
    (place,) = put(blobs, noise(size_bytes))
    with pytest.raises(BlobCorrupt, match=place.blob_id):
        get(blobs, Slice(place.blob_id, 1, size_bytes))


def test_a_missing_blob_between_others_is_no_gap(blobs: Blobs) -> None:
    gone, before, after = put(blobs, noise(10**6), noise(10**6, 1), noise(10**6, 2))
    blobs.delete(gone.blob_id)
    reader = blobs.open([before, gone, after])
    with pytest.raises(BlobMissing):
        list(pieces_of(reader))
    with pytest.raises(BlobMissing):
        reader.read()


@pytest.mark.parametrize("size_bytes", [10, 10**6])
def test_a_reader_that_met_a_fault_does_not_go_on_behind_it(blobs: Blobs, size_bytes: int) -> None:
    (place,) = put(blobs, noise(size_bytes))
    reader = blobs.open([place, Slice(place.blob_id, 1, size_bytes), place])
    with pytest.raises(BlobCorrupt):
        list(pieces_of(reader))
    for _ in range(2):
        with pytest.raises(BlobCorrupt):
            reader.read()


def test_opening_raises_nothing_before_the_first_read(blobs: Blobs) -> None:
    blobs.open([Slice("sabcdefgh-0/0.10", 0, 10)]).close()
    blobs.open([Slice("never a name", 0, 10)]).close()


def test_after_a_failed_sync_the_instance_writes_no_more_but_reads(harness: Harness, blobs: Blobs) -> None:
    (kept,) = put(blobs, b"kept")
    harness.fail_syncs()
    with pytest.raises(BlobsBroken):
        put(blobs, b"lost")
    for size_bytes in (10, 10**6):
        with pytest.raises(BlobsBroken, match="restart holdfast"):
            put(blobs, noise(size_bytes))
    assert get(blobs, kept) == b"kept"
    assert get(harness.open(), kept) == b"kept"


@pytest.mark.parametrize("size_bytes", [1000, 10**6])
def test_a_full_disk_refuses_a_body_and_harms_no_other(harness: Harness, blobs: Blobs, size_bytes: int) -> None:
    (kept,) = put(blobs, noise(1000, 1))
    one = blobs.stage(size_bytes)

    def finish() -> None:
        one.write(noise(size_bytes))
        one.seal()
        blobs.flush([one])

    harness.fill_up()
    with pytest.raises(BlobsFull):
        finish()
    one.discard()
    assert get(blobs, kept) == noise(1000, 1)
    harness.make_room()
    (later,) = put(blobs, noise(size_bytes, 2))
    assert get(blobs, kept, later) == noise(1000, 1) + noise(size_bytes, 2)
    assert [fault for fact in blobs.scan() for fault in blobs.verify(fact.container_id)] == []


def test_a_copy_is_made_once_and_then_skipped(blobs: Blobs, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    target.mkdir()
    for place in put(blobs, b"small", noise(10**6)):
        for _ in range(2):
            blobs.copy_to(container_of(place.blob_id), str(target))


def test_there_is_no_copy_of_what_is_not_there(blobs: Blobs, tmp_path: Path) -> None:
    with pytest.raises(BlobMissing):
        blobs.copy_to("sabcdefgh-0", str(tmp_path))


def test_a_live_instance_keeps_what_it_stages_when_others_clean_up(harness: Harness) -> None:
    living, other = harness.open(), harness.open()
    one = staged(living, noise(10**6))
    other.remove_staging({living.instance, other.instance})
    one.seal()
    (slices,) = living.flush([one])
    assert get(other, *slices) == noise(10**6)


def test_many_slices_are_read_lazily_and_in_order(blobs: Blobs) -> None:
    places = put(blobs, *(b"%05d" % number for number in range(100)), noise(10**6))
    slices = [*places[:-1], Slice(places[-1].blob_id, 5, 3)] * 20
    expected = b"".join([*(b"%05d" % number for number in range(100)), noise(10**6)[5:8]])
    assert get(blobs, *slices) == expected * 20


def test_pieces_are_at_most_a_mebibyte(blobs: Blobs) -> None:
    (place,) = put(blobs, noise(5 * 10**6))
    assert max(map(len, pieces_of(blobs.open([place])))) <= 1 << 20


def test_a_reader_outlives_the_deletion_of_what_it_reads(blobs: Blobs) -> None:
    body = noise(5 * 10**6)
    (place,) = put(blobs, body)
    reader = blobs.open([place])
    first = bytes(reader.read())
    blobs.delete(place.blob_id)
    assert first + b"".join(pieces_of(reader)) == body


BODY_SIZES = st.one_of(st.integers(1, 200), st.integers(1, 4 * BLOCK_BYTES), st.sampled_from(SIZES[1:]))


@given(data=st.data(), sizes=st.lists(BODY_SIZES, min_size=1, max_size=5))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_slices_of_any_blobs_read_back_as_the_bytes_there(
    blobs: Blobs, data: st.DataObject, sizes: list[int]
) -> None:
    bodies = [noise(size_bytes, seed) for seed, size_bytes in enumerate(sizes)]
    places = put(blobs, *bodies)
    slices: list[Slice] = []
    expected: list[bytes] = []
    for index in data.draw(st.lists(st.integers(0, len(sizes) - 1), max_size=8)):
        start = data.draw(st.integers(0, sizes[index]))
        stop = data.draw(st.integers(start, sizes[index]))
        slices.append(Slice(places[index].blob_id, start, stop - start))
        expected.append(bodies[index][start:stop])
    assert get(blobs, *slices) == b"".join(expected)
