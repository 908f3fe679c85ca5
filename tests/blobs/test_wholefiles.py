"""Large blobs, each in a file of its own."""

from __future__ import annotations

import errno
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.blobs import wholefiles
from holdfast.blobs.files import FileBlobs
from holdfast.blobs.interface import BLOCK_BYTES, BlobCorrupt, BlobsBroken, BlobsFull, Slice, Staged
from holdfast.blobs.layout import Layout

BODY = random.Random("body").randbytes(2_000_000)


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[FileBlobs]:
    engine = FileBlobs(tmp_path, reserve_bytes=0)
    yield engine
    engine.close()


def staged(blobs: FileBlobs, body: bytes = BODY) -> Staged:
    one = blobs.stage(len(body), b"tag")
    one.write(body)
    return one


def put(blobs: FileBlobs, body: bytes = BODY) -> Slice:
    one = staged(blobs, body)
    one.seal()
    ((place,),) = blobs.flush([one])
    return place


def get(blobs: FileBlobs, place: Slice) -> bytes:
    reader = blobs.open([place])
    return b"".join(iter(lambda: bytes(reader.read()), b""))


def path_of(tmp_path: Path, place: Slice) -> Path:
    return Layout(tmp_path).path_of(place.blob_id)


def files_in(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def test_a_sealed_body_is_synced_renamed_and_its_directory_synced_in_that_order(
    tmp_path: Path, blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    fdatasync, rename, fsync = os.fdatasync, os.rename, os.fsync

    def sync(fd: int) -> None:
        calls.append(f"fdatasync {Path(os.readlink(f'/proc/self/fd/{fd}')).parent.name}")
        fdatasync(fd)

    def move(source: Path, target: Path) -> None:
        calls.append("rename")
        rename(source, target)

    def sync_directory(fd: int) -> None:
        calls.append(f"fsync {Path(os.readlink(f'/proc/self/fd/{fd}')).name}")
        fsync(fd)

    one = staged(blobs)
    monkeypatch.setattr(os, "fdatasync", sync)
    monkeypatch.setattr(os, "rename", move)
    monkeypatch.setattr(os, "fsync", sync_directory)
    one.seal()
    ((place,),) = blobs.flush([one])
    assert calls == ["fdatasync staging", "rename", f"fsync {path_of(tmp_path, place).parent.name}"]


def test_a_body_of_unknown_length_goes_to_a_file_only_when_it_grows(tmp_path: Path, blobs: FileBlobs) -> None:
    one = blobs.stage(None)
    one.write(bytes(blobs.small_bytes_max))
    assert files_in(tmp_path / "staging") == []
    one.write(b"x")
    assert len(files_in(tmp_path / "staging")) == 1
    one.discard()
    assert files_in(tmp_path / "staging") == []


def test_the_staging_of_the_dead_is_removed_and_that_of_the_living_kept(tmp_path: Path) -> None:
    dead, living = FileBlobs(tmp_path, reserve_bytes=0), FileBlobs(tmp_path, reserve_bytes=0)
    staged(dead)
    one = staged(living)
    (tmp_path / "staging" / "left by hand").touch()
    living.remove_staging({living.instance})
    assert [path.name[1:9] for path in files_in(tmp_path / "staging")] == [living.instance]
    one.discard()


@pytest.mark.parametrize("from_the_end", [1, 20, 45, 52, 54, 60, 100])
def test_a_flipped_bit_in_the_footer_or_the_table_is_found(tmp_path: Path, blobs: FileBlobs, from_the_end: int) -> None:
    place = put(blobs)
    path = path_of(tmp_path, place)
    data = bytearray(path.read_bytes())
    assert len(data) == len(BODY) + 4 * 32 + wholefiles.FOOTER_BYTES
    data[-from_the_end] ^= 4
    path.write_bytes(data)
    with pytest.raises(BlobCorrupt, match=rf"{place.blob_id}.*run holdfast scrub"):
        get(blobs, place)
    (fault,) = blobs.verify(place.blob_id)
    assert place.blob_id in fault


@pytest.mark.parametrize("change", [-1, 1, -len(BODY)])
def test_a_file_of_another_size_is_found(tmp_path: Path, blobs: FileBlobs, change: int) -> None:
    place = put(blobs)
    path = path_of(tmp_path, place)
    os.truncate(path, path.stat().st_size + change)
    with pytest.raises(BlobCorrupt):
        get(blobs, place)
    assert len(list(blobs.verify(place.blob_id))) == 1


def test_a_byte_lost_from_the_middle_is_found_before_any_is_read(tmp_path: Path, blobs: FileBlobs) -> None:
    place = put(blobs)
    data = path_of(tmp_path, place).read_bytes()
    path_of(tmp_path, place).write_bytes(data[:-100_000] + data[-99_999:])
    with pytest.raises(BlobCorrupt, match="its size is not"):
        get(blobs, place)


def test_another_blobs_file_under_its_name_is_found(tmp_path: Path, blobs: FileBlobs) -> None:
    place, other = put(blobs), put(blobs, BODY[::-1])
    path_of(tmp_path, place).write_bytes(path_of(tmp_path, other).read_bytes())
    with pytest.raises(BlobCorrupt):
        get(blobs, place)


def test_verify_names_every_rotten_block(tmp_path: Path, blobs: FileBlobs) -> None:
    place = put(blobs)
    data = bytearray(path_of(tmp_path, place).read_bytes())
    for block in (0, 3, 30):
        data[block * BLOCK_BYTES + 7] ^= 1
    path_of(tmp_path, place).write_bytes(data)
    assert [fault.split("block ")[1].split(" ")[0] for fault in blobs.verify(place.blob_id)] == ["0", "3", "30"]


def test_a_read_takes_only_the_page_of_the_table_that_it_needs(
    tmp_path: Path, blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wholefiles, "PAGE_ENTRIES", 5)
    monkeypatch.setattr(wholefiles, "PAGE_BYTES", 24)
    place = put(blobs)
    assert get(blobs, place) == BODY
    assert list(blobs.verify(place.blob_id)) == []
    data = bytearray(path_of(tmp_path, place).read_bytes())
    data[len(BODY) + 24] ^= 1
    path_of(tmp_path, place).write_bytes(data)
    first_page = 5 * BLOCK_BYTES
    assert get(blobs, Slice(place.blob_id, 0, first_page)) == BODY[:first_page]
    assert get(blobs, Slice(place.blob_id, 2 * first_page, 10)) == BODY[2 * first_page : 2 * first_page + 10]
    with pytest.raises(BlobCorrupt, match="page 1 of its checksums"):
        get(blobs, Slice(place.blob_id, first_page, 1))


def test_a_failed_sync_breaks_the_instance_and_the_body_gets_no_final_name(
    tmp_path: Path, blobs: FileBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, lost, late = put(blobs), staged(blobs), staged(blobs)

    def fail(fd: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", fail)
        with pytest.raises(BlobsBroken):
            lost.seal()
    for refused in (late.seal, lambda: late.write(b"more"), lambda: staged(blobs)):
        with pytest.raises(BlobsBroken):
            refused()
    for one in (lost, late):
        one.discard()
    assert [path.name for path in files_in(tmp_path / "blobs")] == [kept.blob_id]
    assert files_in(tmp_path / "staging") == []
    assert get(blobs, kept) == BODY


def test_a_large_body_stops_at_the_reserve(tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path, reserve_bytes=1 << 60)
    assert blobs.free_bytes() < 0
    with pytest.raises(BlobsFull, match="reserve"):
        staged(blobs)
    blobs.close()
