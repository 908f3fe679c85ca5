"""Segments on disk: what they hold, and what a failing disk leaves of them."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from holdfast.blobs import records
from holdfast.blobs.blocks import BlockChecksums, checksums_of
from holdfast.blobs.files import FileBlobs
from holdfast.blobs.interface import BLOCK_BYTES, BlobCorrupt, BlobsBroken, BlobsFull, Slice, container_of
from holdfast.blobs.layout import Layout
from holdfast.s3.checksums import crc32c


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[FileBlobs]:
    engine = FileBlobs(tmp_path, reserve_bytes=0)
    yield engine
    engine.close()


def put(blobs: FileBlobs, *bodies: bytes, tag: bytes = b"") -> list[Slice]:
    staged = [blobs.stage(len(body), tag) for body in bodies]
    for one, body in zip(staged, bodies, strict=True):
        one.write(body)
        one.seal()
    return [place for (place,) in blobs.flush(staged)]


def get(blobs: FileBlobs, place: Slice) -> bytes:
    reader = blobs.open([place])
    return b"".join(iter(lambda: bytes(reader.read()), b""))


def path_of(tmp_path: Path, place: Slice) -> Path:
    return Layout(tmp_path).path_of(container_of(place.blob_id))


def flip(path: Path, offset_bytes: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset_bytes] ^= 0x10
    path.write_bytes(data)


def faults(blobs: FileBlobs, place: Slice) -> list[str]:
    return list(blobs.verify(container_of(place.blob_id)))


@given(pieces=st.lists(st.integers(0, 2 * BLOCK_BYTES), max_size=6))
@settings(max_examples=40)
def test_block_checksums_do_not_depend_on_how_the_body_was_cut(pieces: list[int]) -> None:
    body = bytes(index % 251 for index in range(sum(pieces)))
    checksums = BlockChecksums()
    position = 0
    for size_bytes in pieces:
        checksums.update(memoryview(body)[position : position + size_bytes])
        position += size_bytes
    assert checksums.finish() == [
        crc32c(body[start : start + BLOCK_BYTES], 0) for start in range(0, len(body), BLOCK_BYTES)
    ]


@given(size_bytes=st.integers(1, 3 * BLOCK_BYTES), tag=st.binary(max_size=32), offset=st.integers(0, 1 << 40))
def test_a_record_header_is_found_again_only_at_its_place(size_bytes: int, tag: bytes, offset: int) -> None:
    tag = tag.rstrip(b"\0")
    checksums = checksums_of([bytes(size_bytes)])
    header = memoryview(records.encode(7, offset, 3, size_bytes, checksums, tag))
    assert len(header) == records.header_bytes(size_bytes)
    assert records.find_header(7, offset, header) == records.Header(size_bytes, 3, tag, tuple(checksums))
    assert records.find_header(7, offset + 8, header) is None
    assert records.find_header(8, offset, header) is None


def test_the_format_on_disk_is_the_one_that_is_written_down(tmp_path: Path, blobs: FileBlobs) -> None:
    (place,) = put(blobs, b"hello", tag=b"version-1")
    name = container_of(place.blob_id)
    assert place.blob_id == f"{name}/0.5"
    data = path_of(tmp_path, place).read_bytes()
    fields = b"HFR1" + (5).to_bytes(4, "little") + bytes(8) + bytes(8) + b"version-1".ljust(32, b"\0")
    fields += crc32c(b"hello", 0).to_bytes(4, "little")
    assert data[:72] == fields + crc32c(fields, crc32c(name.encode(), 0)).to_bytes(4, "little") + b"hello\0\0\0"


def test_one_flush_is_one_write_and_one_sync(blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    put(blobs, b"the segment is open now")
    calls: list[str] = []
    pwritev, fdatasync = os.pwritev, os.fdatasync

    def write(fd: int, buffers: Sequence[bytes], offset: int) -> int:
        calls.append("write")
        return pwritev(fd, buffers, offset)

    def sync(fd: int) -> None:
        calls.append("sync")
        fdatasync(fd)

    monkeypatch.setattr(os, "pwritev", write)
    monkeypatch.setattr(os, "fdatasync", sync)
    put(blobs, *(b"body" for _ in range(100)))
    assert calls == ["write", "sync"]


def test_a_new_segment_s_directory_is_synced_before_the_first_flush_returns(
    blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def record(fd: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{fd}"))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", record)
    (place,) = put(blobs, b"first")
    assert synced == [str(path_of(tmp_path, place).parent)]


def test_a_full_segment_is_ended_and_the_next_one_begun(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path, reserve_bytes=0, segment_bytes_max=10_000)
    places = [put(blobs, bytes([number]) * 4000)[0] for number in range(5)]
    assert [container_of(place.blob_id)[-1] for place in places] == ["0", "0", "1", "1", "2"]
    assert path_of(tmp_path, places[0]).stat().st_size == 2 * 4064 + records.header_bytes(0)
    assert [get(blobs, place) for place in places] == [bytes([number]) * 4000 for number in range(5)]
    assert [fault for place in places for fault in faults(blobs, place)] == []
    blobs.close()


def test_closing_gives_back_what_was_preallocated(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path, reserve_bytes=0)
    (place,) = put(blobs, bytes(4000))
    assert path_of(tmp_path, place).stat().st_size > 4064
    blobs.close()
    blobs.close()
    assert path_of(tmp_path, place).stat().st_size == 4064 + records.header_bytes(0)
    assert faults(blobs, place) == []


def test_a_segment_without_preallocation_works_as_well(
    blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(fd: int, offset: int, size: int) -> None:
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    monkeypatch.setattr(os, "posix_fallocate", refuse)
    first, second = put(blobs, b"first")[0], put(blobs, b"second")[0]
    assert get(blobs, first) + get(blobs, second) == b"firstsecond"


def test_a_segment_is_never_written_after_its_sync_failed(
    blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (kept,) = put(blobs, b"kept")
    fdatasync = os.fdatasync

    def fail(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(BlobsBroken, match="restart holdfast"):
        put(blobs, b"lost")
    monkeypatch.setattr(os, "fdatasync", fdatasync)
    before = path_of(tmp_path, kept).read_bytes()
    with pytest.raises(BlobsBroken):
        put(blobs, b"refused")
    blobs.close()
    assert path_of(tmp_path, kept).read_bytes() == before
    assert get(blobs, kept) == b"kept"


def test_a_failed_directory_sync_breaks_the_instance(blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", fail)
        with pytest.raises(BlobsBroken):
            put(blobs, b"lost")
    with pytest.raises(BlobsBroken):
        put(blobs, b"refused")


def test_a_sync_that_finds_no_space_refuses_and_goes_on_in_another_segment(
    blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    (kept,) = put(blobs, b"kept")

    def fail(fd: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", fail)
        with pytest.raises(BlobsFull):
            put(blobs, b"refused")
    (later,) = put(blobs, b"later")
    assert container_of(later.blob_id) != container_of(kept.blob_id)
    assert get(blobs, kept) + get(blobs, later) == b"keptlater"


def test_a_disk_that_takes_little_at_a_time_gets_every_byte_in_its_place(
    blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    pwritev = os.pwritev

    def write_little(fd: int, buffers: Sequence[bytes], offset: int) -> int:
        return pwritev(fd, [b"".join(buffers)[:1000]], offset)

    monkeypatch.setattr(os, "pwritev", write_little)
    bodies = [bytes(range(256)) * number for number in range(1, 20)]
    assert [get(blobs, place) for place in put(blobs, *bodies)] == bodies


def test_a_write_cut_short_by_the_kernel_leaves_nothing_and_the_next_one_fits(tmp_path: Path, blobs: FileBlobs) -> None:
    (kept,) = put(blobs, bytes(4000))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The kernel writes up to the limit and only then refuses, as it does on a full disk.
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(BlobsFull):
            put(blobs, bytes(4000), bytes(4000))
        assert path_of(tmp_path, kept).stat().st_size == 4064
        (later,) = put(blobs, b"later")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert container_of(later.blob_id) == container_of(kept.blob_id)
    assert get(blobs, kept) + get(blobs, later) == bytes(4000) + b"later"
    assert faults(blobs, kept) == []


@pytest.mark.parametrize("error", [errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EDQUOT])
def test_what_passes_refuses_and_does_not_break(blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch, error: int) -> None:
    real_open = os.open

    def refuse(path: Path, flags: int, mode: int = 0o777) -> int:
        if flags & os.O_CREAT:
            raise OSError(error, os.strerror(error))
        return real_open(path, flags, mode)

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        with pytest.raises(BlobsFull):
            put(blobs, b"refused")
        with pytest.raises(BlobsFull):
            put(blobs, bytes(2 << 20))
    (place,) = put(blobs, b"later")
    assert get(blobs, place) == b"later"


@pytest.mark.parametrize("offset_bytes", [0, 5, 10, 20, 30, 56, 60])
def test_a_flipped_bit_in_a_header_is_found(tmp_path: Path, blobs: FileBlobs, offset_bytes: int) -> None:
    first, second = put(blobs, b"first")[0], put(blobs, b"second")[0]
    flip(path_of(tmp_path, first), offset_bytes)
    with pytest.raises(BlobCorrupt, match=first.blob_id):
        get(blobs, first)
    assert get(blobs, second) == b"second"
    (fault,) = faults(blobs, first)
    assert "bytes 0 to 72 hold no sound record" in fault


def test_a_flipped_bit_in_the_header_of_a_part_read_is_found(tmp_path: Path, blobs: FileBlobs) -> None:
    (place,) = put(blobs, bytes(3 * BLOCK_BYTES))
    flip(path_of(tmp_path, place), 10)
    with pytest.raises(BlobCorrupt):
        get(blobs, Slice(place.blob_id, 2 * BLOCK_BYTES, 1))


def test_a_record_moved_to_another_place_is_not_taken_for_the_one_there(tmp_path: Path, blobs: FileBlobs) -> None:
    first, second = put(blobs, b"first", b"other")
    path = path_of(tmp_path, first)
    data = path.read_bytes()
    path.write_bytes(data[72:144] + data[72:])
    assert get(blobs, second) == b"other"
    with pytest.raises(BlobCorrupt, match="damaged or another's"):
        get(blobs, first)


def test_a_segment_cut_short_is_found_by_its_reader(tmp_path: Path, blobs: FileBlobs) -> None:
    first, second = put(blobs, b"first", bytes(BLOCK_BYTES))
    os.truncate(path_of(tmp_path, second), 1000)
    assert get(blobs, first) == b"first"
    with pytest.raises(BlobCorrupt, match="ends at byte 1000"):
        get(blobs, second)


def torn(tmp_path: Path, blobs: FileBlobs, tail: bytes) -> tuple[Slice, Path]:
    """A segment of two acknowledged batches, then a third of which a crash left only this."""
    put(blobs, b"first")
    (second,) = put(blobs, b"second")
    path = path_of(tmp_path, second)
    with path.open("r+b") as file:
        file.seek(144)
        file.write(tail)
    return second, path


@pytest.mark.parametrize("tail", [b"", b"HFR1", os.urandom(5000), bytes(100) + os.urandom(3000)], ids=len)
def test_a_torn_tail_is_no_fault(tmp_path: Path, blobs: FileBlobs, tail: bytes) -> None:
    second, _ = torn(tmp_path, blobs, tail)
    assert faults(blobs, second) == []
    assert get(blobs, second) == b"second"


def test_a_batch_of_which_only_the_end_reached_the_disk_is_no_fault(tmp_path: Path, blobs: FileBlobs) -> None:
    put(blobs, b"acknowledged")
    lost, whole = put(blobs, bytes(range(256)) * 40, b"the last of the batch")
    path = path_of(tmp_path, lost)
    data = bytearray(path.read_bytes())
    begin, end = (records.parse_blob_id(place.blob_id).offset_bytes for place in (lost, whole))
    data[begin:end] = bytes(end - begin)
    path.write_bytes(data)
    assert faults(blobs, lost) == []
    assert get(blobs, whole) == b"the last of the batch"
    with pytest.raises(BlobCorrupt):
        get(blobs, lost)


def test_damage_before_a_known_sync_is_a_fault_even_if_it_looks_torn(tmp_path: Path, blobs: FileBlobs) -> None:
    first, second = put(blobs, b"first")[0], put(blobs, bytes(5000))[0]
    put(blobs, b"third")
    path = path_of(tmp_path, first)
    data = bytearray(path.read_bytes())
    data[72:5000] = bytes(5000 - 72)
    path.write_bytes(data)
    (fault,) = faults(blobs, second)
    assert "bytes 72 to" in fault


def test_a_segment_closed_in_order_is_checked_to_its_very_end(tmp_path: Path, blobs: FileBlobs) -> None:
    (only,) = put(blobs, b"only")
    blobs.close()
    flip(path_of(tmp_path, only), records.header_bytes(4))
    (fault,) = faults(blobs, only)
    assert only.blob_id in fault


@given(cut=st.integers(0, 20_000), junk=st.binary(max_size=64))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_cut_makes_verify_or_a_reader_fail_in_another_way(
    tmp_path_factory: pytest.TempPathFactory, cut: int, junk: bytes
) -> None:
    root = tmp_path_factory.mktemp("cut")
    blobs = FileBlobs(root, reserve_bytes=0)
    places = [put(blobs, bytes([number]) * size)[0] for number, size in enumerate((100, 9000, 7, 5000))]
    path = path_of(root, places[0])
    data = path.read_bytes()
    path.write_bytes(data[:cut] + junk)
    list(blobs.verify(container_of(places[0].blob_id)))
    for number, (place, size) in enumerate(zip(places, (100, 9000, 7, 5000), strict=True)):
        try:
            assert get(blobs, place) == bytes([number]) * size
        except BlobCorrupt:
            assert cut < records.parse_blob_id(place.blob_id).offset_bytes + records.header_bytes(size) + size
    blobs.close()
