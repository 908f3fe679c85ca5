"""Reading slices back: whole covering blocks into a buffer used again, each verified before it is handed out."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Iterator, Sequence
from typing import Protocol

from holdfast.blobs import records, wholefiles
from holdfast.blobs.blocks import block_count, check_blocks
from holdfast.blobs.interface import BLOCK_BYTES, BlobCorrupt, BlobMissing, BlobsError, Slice
from holdfast.blobs.opened import Opened, OpenedContainers

PIECE_BLOCKS = 4
PIECE_BYTES = PIECE_BLOCKS * BLOCK_BYTES
"""A reader hands out at most this much at a time; larger pieces fall out of the processor's cache."""

# What a disk or a file system says of sectors that it cannot give back.
_ROTTEN = frozenset({errno.EIO, errno.EUCLEAN, errno.EBADMSG, errno.ENODATA})

_NOTHING = memoryview(b"")
# Opportunistic: a kernel without the flag is one that never reads inline.
_NOWAIT: int = getattr(os, "RWF_NOWAIT", 0)


class _Run(Protocol):
    """One slice being read."""

    def read(self, reader: FileReader, flags: int) -> memoryview | None:
        """Return the next piece, an empty one at the end, or None if `flags` forbid the wait that it takes."""


class FileReader:
    """Goes through slices one after the other; holds one file and one buffer, however many slices there are."""

    __slots__ = ("_buffer", "_containers", "_run", "_slices")

    def __init__(self, containers: OpenedContainers, slices: Sequence[Slice]) -> None:
        self._containers = containers
        self._slices: Iterator[Slice] = iter(slices)
        self._run: _Run | None = None
        self._buffer = _NOTHING

    def read_inline(self) -> memoryview | None:
        return self._next(_NOWAIT) if self._containers.reads_inline else None

    def read(self) -> memoryview:
        piece = self._next(0)
        assert piece is not None
        return piece

    def close(self) -> None:
        self._slices = iter(())
        self._run = None
        self._buffer = _NOTHING

    def _next(self, flags: int) -> memoryview | None:
        try:
            while True:
                if self._run is None:
                    wanted = next(self._slices, None)
                    if wanted is None:
                        return _NOTHING
                    self._run = _RecordRun(wanted) if "/" in wanted.blob_id else _FileRun(wanted)
                piece = self._run.read(self, flags)
                if piece is None or len(piece):
                    return piece
                self._run = None
        except BlobsError as error:
            # Else the next call might go on after the gap, or look like the end.
            self._run = _Failed(error)
            raise

    def container(self, container_id: str, flags: int) -> Opened | None:
        """Return an open container, or None if `flags` forbid to open it."""
        opened = self._containers.find(container_id)
        return opened if opened is not None or flags else self._containers.open(container_id)

    def buffer(self, size_bytes: int) -> memoryview:
        """Return memory to read into; what was handed out before is overwritten."""
        if len(self._buffer) < size_bytes:
            self._buffer = memoryview(bytearray(size_bytes))
        return self._buffer[:size_bytes]

    def fill(self, blob_id: str, fd: int, target: memoryview, offset_bytes: int, flags: int) -> bool:
        """Fill memory from a file. Returns False if `flags` forbid the wait. Raises `BlobCorrupt`."""
        try:
            count = os.preadv(fd, (target,), offset_bytes, flags)
        except BlockingIOError:
            return False
        except OSError as error:
            if flags and error.errno == errno.EOPNOTSUPP:
                self._containers.reads_inline = False
                return False
            if error.errno in _ROTTEN:
                raise BlobCorrupt(f"blob {blob_id} cannot be read: {error.strerror}; run holdfast scrub") from error
            raise
        if count == len(target):
            return True
        if flags:
            return False
        if not count:
            raise BlobCorrupt(f"blob {blob_id}: its file ends at byte {offset_bytes}; run holdfast scrub")
        return self.fill(blob_id, fd, target[count:], offset_bytes + count, flags)


SMALL_BYTES_MAX = 64 * 1024
"""Up to this length a small blob is read at once: what is longer does not gain by it."""


class SmallReader:
    """Reads small blobs whole, each by one call of the kernel, into one buffer: what most GETs of a science store ask.

    Whatever is not as plain as that (a part of a blob, bytes that are not in memory, a file that is not open) is left
    to `FileReader`, and so is every fault but a wrong checksum.
    """

    __slots__ = ("_buffer", "_containers")

    def __init__(self, containers: OpenedContainers) -> None:
        self._containers = containers
        self._buffer = memoryview(bytearray(records.header_bytes(SMALL_BYTES_MAX) + SMALL_BYTES_MAX))

    def read(self, wanted: Slice) -> memoryview | None:
        """See `Blobs.read_small`."""
        blob_id, position, length = wanted
        containers = self._containers
        if position or length > SMALL_BYTES_MAX or "/" not in blob_id or not containers.reads_inline:
            return None
        try:
            place = records.parse_blob_id(blob_id)
        except ValueError:
            return None
        opened = containers.find(place.segment)
        if opened is None or place.length_bytes != length:
            return None
        header = records.header_bytes(length)
        data = self._buffer[: header + length]
        try:
            if os.preadv(opened.fd, (data,), place.offset_bytes, _NOWAIT) != header + length:
                return None
        except OSError:
            return None
        payload = data[header:]
        check_blocks(blob_id, 0, payload, records.checksums_in(blob_id, opened.seed, place, data[:header]))
        return payload


class _Failed:
    """What is left of a reader that has met a fault: it says so each time."""

    __slots__ = ("_error",)

    def __init__(self, error: BlobsError) -> None:
        self._error = error

    def read(self, reader: FileReader, flags: int) -> memoryview | None:
        raise self._error


class _RecordRun:
    """A slice of a small blob: header and blocks at once from its beginning, else one after the other."""

    __slots__ = ("_blob_id", "_checksums", "_opened", "_place", "_position", "_stop")

    def __init__(self, wanted: Slice) -> None:
        self._blob_id, self._position, length = wanted
        self._stop = self._position + length
        try:
            self._place = records.parse_blob_id(wanted.blob_id)
        except ValueError as error:
            raise BlobMissing(f"{wanted.blob_id!r} is no blob's name; run holdfast scrub") from error
        if self._stop > self._place.length_bytes:
            raise _past_the_end(wanted, self._place.length_bytes)
        self._opened: Opened | None = None
        self._checksums: tuple[int, ...] | None = None

    def read(self, reader: FileReader, flags: int) -> memoryview | None:
        if self._position == self._stop:
            return _NOTHING
        opened = self._opened
        if opened is None:
            opened = self._opened = reader.container(self._place.segment, flags)
            if opened is None:
                return None
        place = self._place
        header = records.header_bytes(place.length_bytes)
        first = self._position // BLOCK_BYTES
        begin = first * BLOCK_BYTES
        end = min(begin + PIECE_BYTES, block_count(self._stop) * BLOCK_BYTES, place.length_bytes)
        # The header lies before the first block, so that a read from the beginning takes both at once.
        lead = header if not first else 0
        if self._checksums is None and first:
            found = memoryview(bytearray(header))
            if not reader.fill(self._blob_id, opened.fd, found, place.offset_bytes, flags):
                return None
            self._checksums = records.checksums_in(self._blob_id, opened.seed, place, found)
        data = reader.buffer(lead + end - begin)
        if not reader.fill(self._blob_id, opened.fd, data, place.offset_bytes + header + begin - lead, flags):
            return None
        if self._checksums is None:
            self._checksums = records.checksums_in(self._blob_id, opened.seed, place, data[:header])
        data = data[lead:]
        check_blocks(self._blob_id, first, data, self._checksums[first : block_count(end)])
        piece = data[self._position - begin : min(end, self._stop) - begin]
        self._position += len(piece)
        return piece


class _FileRun:
    """A slice of a large blob: blocks, and of the table of checksums only the page that they need."""

    __slots__ = ("_blob_id", "_opened", "_page", "_page_number", "_position", "_stop", "_wanted")

    def __init__(self, wanted: Slice) -> None:
        self._wanted = wanted
        self._blob_id, self._position, length = wanted
        self._stop = self._position + length
        self._opened: Opened | None = None
        self._page = _NOTHING
        self._page_number = -1

    def read(self, reader: FileReader, flags: int) -> memoryview | None:
        if self._position == self._stop:
            return _NOTHING
        opened = self._opened
        if opened is None:
            opened = self._opened = reader.container(self._blob_id, flags)
            if opened is None:
                return None
        if self._stop > opened.payload_bytes:
            raise _past_the_end(self._wanted, opened.payload_bytes)
        first = self._position // BLOCK_BYTES
        page, entry = divmod(first, wholefiles.PAGE_ENTRIES)
        if page != self._page_number and not self._load_page(reader, opened, page, flags):
            return None
        begin = first * BLOCK_BYTES
        count = min(PIECE_BLOCKS, block_count(self._stop) - first, wholefiles.PAGE_ENTRIES - entry)
        end = min(begin + count * BLOCK_BYTES, opened.payload_bytes)
        data = reader.buffer(end - begin)
        if not reader.fill(self._blob_id, opened.fd, data, begin, flags):
            return None
        check_blocks(self._blob_id, first, data, struct.unpack_from(f"<{count}I", self._page, 4 * entry))
        piece = data[self._position - begin : min(end, self._stop) - begin]
        self._position += len(piece)
        return piece

    def _load_page(self, reader: FileReader, opened: Opened, page: int, flags: int) -> bool:
        size = wholefiles.page_bytes(opened.payload_bytes, page)
        data = memoryview(bytearray(size))
        if not reader.fill(self._blob_id, opened.fd, data, opened.payload_bytes + page * wholefiles.PAGE_BYTES, flags):
            return False
        found = wholefiles.page_crc(opened.seed, page, data[:-4])
        wanted = int.from_bytes(data[-4:], "little")
        if found != wanted:
            raise BlobCorrupt(
                f"blob {self._blob_id}, page {page} of its checksums: crc32c is {found:08x}, {wanted:08x} was written; "
                "run holdfast scrub"
            )
        self._page, self._page_number = data, page
        return True


def _past_the_end(wanted: Slice, length_bytes: int) -> BlobCorrupt:
    return BlobCorrupt(
        f"blob {wanted.blob_id} is {length_bytes} bytes, but {wanted.length_bytes} from {wanted.offset_bytes} on "
        "are asked for; run holdfast scrub"
    )
