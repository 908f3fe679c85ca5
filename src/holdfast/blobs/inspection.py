"""Reading whole containers to find what has rotted."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from holdfast.blobs import names, records, wholefiles
from holdfast.blobs.blocks import block_count, corrupt_block
from holdfast.blobs.interface import BLOCK_BYTES
from holdfast.s3.checksums import crc32c

_HEADER_READ_BYTES = 4096
"""Enough for the header of a record of 60 MiB."""
_STRETCH_BYTES = 1 << 20


class Found(NamedTuple):
    """What lies at an offset of a segment: a record, or bytes up to `end_bytes` that no header describes."""

    offset_bytes: int
    end_bytes: int
    header: records.Header | None


def verify(container_id: str, path: Path) -> Iterator[str]:
    """Read a whole container and yield one sentence for each fault found in it.

    In a segment that was cut off by a crash, what lies beyond the last known sync is no fault: it was never
    acknowledged, or a row names it and reading that row's slice tells.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError as error:
        yield f"container {container_id} cannot be opened: {error.strerror}"
        return
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)
        yield from (
            _faults_in_segment(container_id, fd)
            if names.is_segment(container_id)
            else _faults_in_file(container_id, fd)
        )
    except OSError as error:
        yield f"container {container_id} cannot be read: {error.strerror}"
    finally:
        os.close(fd)


def walk(container_id: str, fd: int) -> Iterator[Found]:
    """Yield what lies in a segment, in order, up to its end mark or its end. Reads headers only. Raises OSError."""
    seed = records.name_seed(container_id)
    size = os.fstat(fd).st_size
    offset = 0
    while offset < size:
        header = records.find_header(seed, offset, memoryview(os.pread(fd, _HEADER_READ_BYTES, offset)))
        if header is not None:
            end = offset + records.record_bytes(header.length_bytes)
            yield Found(offset, end, header)
            if not header.length_bytes:
                return
        else:
            end = _next_header(seed, fd, offset + records.ALIGNMENT_BYTES, size)
            yield Found(offset, end, None)
        offset = end


def is_ended(container_id: str, fd: int) -> bool:
    """Whether a segment was closed in order, with an end mark."""
    offset = os.fstat(fd).st_size - records.header_bytes(0)
    mark = memoryview(os.pread(fd, records.header_bytes(0), max(offset, 0)))
    header = records.find_header(records.name_seed(container_id), offset, mark)
    return header is not None and not header.length_bytes


def _next_header(seed: int, fd: int, offset: int, size: int) -> int:
    """Return where the next sound header begins, or the size."""
    while offset < size:
        stretch = os.pread(fd, _STRETCH_BYTES + _HEADER_READ_BYTES, offset)
        view = memoryview(stretch)
        at = stretch.find(records.MAGIC)
        while 0 <= at < _STRETCH_BYTES:
            if not (offset + at) % records.ALIGNMENT_BYTES and records.find_header(seed, offset + at, view[at:]):
                return offset + at
            at = stretch.find(records.MAGIC, at + 1)
        offset += _STRETCH_BYTES
    return size


def _faults_in_segment(container_id: str, fd: int) -> Iterator[str]:
    durable = 0
    faults: list[tuple[int, str]] = []
    for offset, end, header in walk(container_id, fd):
        if header is None:
            faults.append(
                (offset, f"segment {container_id}: bytes {offset} to {end} hold no sound record; run holdfast scrub")
            )
            continue
        durable = max(durable, header.durable_bytes)
        blob_id = records.blob_id(container_id, offset, header.length_bytes)
        payload = offset + records.header_bytes(header.length_bytes)
        faults += (
            (offset, fault) for fault in _faulty_blocks(blob_id, fd, payload, 0, header.length_bytes, header.checksums)
        )
    for offset, fault in faults:
        if offset < durable:
            yield fault


def _faults_in_file(container_id: str, fd: int) -> Iterator[str]:
    seed = records.name_seed(container_id)
    size = os.fstat(fd).st_size
    footer = os.pread(fd, wholefiles.FOOTER_BYTES, max(size - wholefiles.FOOTER_BYTES, 0))
    length = wholefiles.payload_bytes(seed, size, footer)
    if length is None:
        yield f"blob {container_id}: its footer is damaged or its size is not {size}; run holdfast scrub"
        return
    for page, first in enumerate(range(0, block_count(length), wholefiles.PAGE_ENTRIES)):
        count = wholefiles.page_bytes(length, page) // 4 - 1
        data = memoryview(os.pread(fd, 4 * (count + 1), length + page * wholefiles.PAGE_BYTES))
        if wholefiles.page_crc(seed, page, data[:-4]) != int.from_bytes(data[-4:], "little"):
            yield f"blob {container_id}, page {page} of its checksums is damaged; run holdfast scrub"
            continue
        begin = first * BLOCK_BYTES
        stop = min(begin + count * BLOCK_BYTES, length)
        yield from _faulty_blocks(container_id, fd, 0, begin, stop, struct.unpack(f"<{count}I", data[:-4]))


def _faulty_blocks(
    blob_id: str, fd: int, payload: int, begin: int, stop: int, checksums: tuple[int, ...]
) -> Iterator[str]:
    """Compare the blocks of a payload that lie between two of its offsets with their checksums."""
    buffer = memoryview(bytearray(min(_STRETCH_BYTES, stop - begin)))
    wanted = iter(checksums)
    for start in range(begin, stop, _STRETCH_BYTES):
        data = buffer[: min(_STRETCH_BYTES, stop - start)]
        count = os.preadv(fd, [data], payload + start)
        if count < len(data):
            yield f"blob {blob_id}: its file ends at byte {payload + start + count}; run holdfast scrub"
            return
        for at in range(0, len(data), BLOCK_BYTES):
            found, expected = crc32c(data[at : at + BLOCK_BYTES], 0), next(wanted)
            if found != expected:
                yield str(corrupt_block(blob_id, (start + at) // BLOCK_BYTES, expected, found))
