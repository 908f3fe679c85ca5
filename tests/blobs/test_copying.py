"""Copies of containers, for a backup."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.blobs.files import FileBlobs
from holdfast.blobs.interface import BlobCorrupt, Slice, container_of
from holdfast.blobs.layout import Layout


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[FileBlobs]:
    engine = FileBlobs(tmp_path / "home", reserve_bytes=0)
    yield engine
    engine.close()


def put(blobs: FileBlobs, *bodies: bytes) -> list[Slice]:
    staged = [blobs.stage(len(body)) for body in bodies]
    for one, body in zip(staged, bodies, strict=True):
        one.write(body)
        one.seal()
    return [place for (place,) in blobs.flush(staged)]


def get(root: Path, place: Slice) -> bytes:
    blobs = FileBlobs(root, reserve_bytes=0)
    reader = blobs.open([place])
    body = b"".join(iter(lambda: bytes(reader.read()), b""))
    blobs.close()
    return body


def copy(blobs: FileBlobs, place: Slice, target: Path) -> Path:
    blobs.copy_to(container_of(place.blob_id), str(target))
    return Layout(target).path_of(container_of(place.blob_id))


def test_an_engine_opened_on_the_copies_reads_them(tmp_path: Path, blobs: FileBlobs) -> None:
    bodies = [b"small", bytes(10), bytes(3 << 20) + b"end"]
    places = put(blobs, *bodies)
    for place in places:
        copy(blobs, place, tmp_path / "copy")
    assert [get(tmp_path / "copy", place) for place in places] == bodies


def test_the_copy_of_an_open_segment_is_made_again_when_it_has_grown(tmp_path: Path, blobs: FileBlobs) -> None:
    (first,) = put(blobs, b"first")
    path = copy(blobs, first, tmp_path / "copy")
    assert path.stat().st_size <= 1 << 20
    inode = path.stat().st_ino
    copy(blobs, first, tmp_path / "copy")
    assert path.stat().st_ino == inode
    (second,) = put(blobs, b"second")
    copy(blobs, second, tmp_path / "copy")
    assert get(tmp_path / "copy", first) + get(tmp_path / "copy", second) == b"firstsecond"


def test_rot_is_copied_and_said(tmp_path: Path, blobs: FileBlobs) -> None:
    rotten, sound = put(blobs, b"rotten", b"sound")
    blobs.close()
    source = Layout(tmp_path / "home").path_of(container_of(rotten.blob_id))
    data = bytearray(source.read_bytes())
    data[65] ^= 1
    source.write_bytes(data)
    with pytest.raises(BlobCorrupt, match=rotten.blob_id):
        copy(blobs, rotten, tmp_path / "copy")
    assert get(tmp_path / "copy", sound) == b"sound"


def test_a_whole_copy_is_not_replaced_by_what_has_rotted_since(tmp_path: Path, blobs: FileBlobs) -> None:
    small, large = put(blobs, b"small", bytes(2 << 20))
    blobs.close()
    for place in (small, large):
        copy(blobs, place, tmp_path / "copy")
        source = Layout(tmp_path / "home").path_of(container_of(place.blob_id))
        data = bytearray(source.read_bytes())
        data[10] ^= 1
        data[70] ^= 1
        source.write_bytes(data)
        copy(blobs, place, tmp_path / "copy")
    assert get(tmp_path / "copy", small) + get(tmp_path / "copy", large) == b"small" + bytes(2 << 20)


def test_what_was_copied_soundly_outlives_its_rot_in_a_segment_that_grows(tmp_path: Path, blobs: FileBlobs) -> None:
    (first,) = put(blobs, b"first" * 100)
    (second,) = put(blobs, b"second")  # says that the first is durable
    copy(blobs, first, tmp_path / "copy")
    source = Layout(tmp_path / "home").path_of(container_of(first.blob_id))
    with source.open("r+b") as file:
        file.seek(100)
        file.write(b"rot")
    (third,) = put(blobs, b"third")
    copy(blobs, third, tmp_path / "copy")
    assert [get(tmp_path / "copy", place) for place in (first, second, third)] == [b"first" * 100, b"second", b"third"]


def test_a_copy_that_has_rotted_itself_is_made_again_when_its_segment_has_grown(
    tmp_path: Path, blobs: FileBlobs
) -> None:
    (first,) = put(blobs, b"first" * 100)
    put(blobs, b"second")
    path = copy(blobs, first, tmp_path / "copy")
    data = bytearray(path.read_bytes())
    data[100] ^= 1
    path.write_bytes(data)
    (third,) = put(blobs, b"third")
    copy(blobs, third, tmp_path / "copy")
    assert get(tmp_path / "copy", first) == b"first" * 100


def test_a_damaged_copy_is_made_again(tmp_path: Path, blobs: FileBlobs) -> None:
    (large,) = put(blobs, bytes(2 << 20))
    path = copy(blobs, large, tmp_path / "copy")
    path.write_bytes(path.read_bytes()[:-1])
    copy(blobs, large, tmp_path / "copy")
    assert get(tmp_path / "copy", large) == bytes(2 << 20)
