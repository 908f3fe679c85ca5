"""Copying containers durably into another directory of the same layout, for a backup."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast.blobs import inspection, names, records, wholefiles
from holdfast.blobs.interface import BlobCorrupt, BlobMissing
from holdfast.blobs.layout import Layout, sync_directory

_STRETCH_BYTES = 1 << 20
_ZEROS = bytes(_STRETCH_BYTES)


def copy(container_id: str, source: Layout, target: Layout) -> None:
    """Copy a container durably; skip one that is there and whole. Raises `BlobMissing`, `BlobCorrupt` or OSError.

    A copy with rotten bytes is kept, since the rest of it may be all there is, and then `BlobCorrupt` names what is
    rotten. A copy that is whole is never replaced by less: of a segment that has grown since, what was copied soundly
    stays as it is, whatever has become of it in the source.
    """
    try:
        fd = os.open(source.path_of(container_id), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError as error:
        raise BlobMissing(f"container {container_id} is not there; run holdfast scrub") from error
    path = target.path_of(container_id)
    try:
        if _is_whole(container_id, path, fd):
            return
        for directory in (target.staging, path.parent):
            _make_directory(directory)
        staged = target.staging / container_id
        with _sound_beginning(container_id, path) as (earlier, sound_bytes):
            _copy_bytes(earlier, sound_bytes, fd, staged)
    finally:
        os.close(fd)
    staged.rename(path)
    sync_directory(path.parent)
    faults = list(inspection.verify(container_id, path))
    if faults:
        raise BlobCorrupt(f"the copy of {container_id} at {path} is as rotten as what it was made from: {faults[0]}")


def _is_whole(container_id: str, path: Path, source: int) -> bool:
    """Whether the copy holds all that the source does. Looks at footers and headers; payloads are scrub's."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        size, source_size = os.fstat(fd).st_size, os.fstat(source).st_size
        if not names.is_segment(container_id):
            footer = os.pread(fd, wholefiles.FOOTER_BYTES, max(size - wholefiles.FOOTER_BYTES, 0))
            return wholefiles.payload_bytes(records.name_seed(container_id), size, footer) is not None
        if size == source_size and inspection.is_ended(container_id, fd):
            return True
        return _end(container_id, fd) >= _end(container_id, source)
    finally:
        os.close(fd)


def _end(container_id: str, fd: int) -> int:
    return max((found.end_bytes for found in inspection.walk(container_id, fd) if found.header is not None), default=0)


@contextmanager
def _sound_beginning(container_id: str, path: Path) -> Iterator[tuple[int, int]]:
    """Give an earlier copy of a segment, opened, and up to where it was durable and holds no fault; 0 = of no use."""
    if not names.is_segment(container_id) or not path.exists() or any(inspection.verify(container_id, path)):
        yield -1, 0
        return
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        headers = (found.header for found in inspection.walk(container_id, fd))
        yield fd, max((header.durable_bytes for header in headers if header is not None), default=0)
    finally:
        os.close(fd)


def _copy_bytes(earlier: int, earlier_bytes: int, source: int, path: Path) -> None:
    """Copy so many bytes from an earlier copy and what follows them from the source, and sync.

    Ends at the last byte that is not zero, leaves holes for zeros, and leaves nothing on a failure.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        position = end = 0
        while True:
            if position < earlier_bytes:
                data = os.pread(earlier, min(_STRETCH_BYTES, earlier_bytes - position), position)
            else:
                data = os.pread(source, _STRETCH_BYTES, position)
            if not data:
                break
            if data != _ZEROS[: len(data)]:
                _write(fd, data, position)
                end = position + len(data)
            position += len(data)
        os.ftruncate(fd, end)
        os.fsync(fd)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(fd)


def _write(fd: int, data: bytes, offset: int) -> None:
    written = os.pwrite(fd, data, offset)
    while written < len(data):
        written += os.pwrite(fd, memoryview(data)[written:], offset + written)


def _make_directory(directory: Path) -> None:
    if directory.is_dir():
        return
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Each directory that may be new is an entry of the one above.
    for parent in (directory.parent, directory.parent.parent):
        sync_directory(parent)
