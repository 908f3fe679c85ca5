"""How a large blob lies in a file of its own: payload, table of block checksums, footer.

The table comes in pages, so that a reader takes only the page it needs and can trust it:

    up to 1023 x 4   crc32c of each 64 KiB of the payload
    4                crc32c of the page, begun from the crc32c of the file's name and the page's number

The footer ends the file:

    4   magic and version, b"HFF1"
    4   zeros
    8   length of the payload
    32  tag, filled up with zeros
    4   crc32c of the above, begun from the crc32c of the file's name

Numbers are little-endian.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from struct import Struct

from holdfast.blobs import records
from holdfast.blobs.blocks import BlockChecksums, block_count
from holdfast.blobs.disk import Disk
from holdfast.blobs.interface import BlobsError
from holdfast.blobs.layout import Layout
from holdfast.s3.checksums import crc32c

MAGIC = b"HFF1"
WRITEBACK_BYTES = 8 << 20
"""The kernel is asked to begin writing each stretch of this size: the wait of the last sync falls by two thirds."""

PAGE_ENTRIES = 1023
PAGE_BYTES = 4 * (PAGE_ENTRIES + 1)
_FOOTER = Struct("<4s4xQ32s")
FOOTER_BYTES = _FOOTER.size + 4


def page_bytes(length_bytes: int, page: int) -> int:
    """Return the size of a page of the table: full, or what is left for the last one."""
    return 4 * (min(PAGE_ENTRIES, block_count(length_bytes) - page * PAGE_ENTRIES) + 1)


def file_bytes(length_bytes: int) -> int:
    """Return the size of the whole file for a payload of this length."""
    blocks = block_count(length_bytes)
    return length_bytes + 4 * (blocks + -(-blocks // PAGE_ENTRIES)) + FOOTER_BYTES


def page_crc(seed: int, page: int, entries: memoryview) -> int:
    """Return the checksum of one page of the table."""
    return crc32c(entries, crc32c(page.to_bytes(4, "little"), seed))


def encode_tail(seed: int, length_bytes: int, checksums: Sequence[int], tag: bytes) -> bytes:
    """Return the table and the footer."""
    tail = bytearray()
    for page, first in enumerate(range(0, len(checksums), PAGE_ENTRIES)):
        entries = checksums[first : first + PAGE_ENTRIES]
        packed = Struct(f"<{len(entries)}I").pack(*entries)
        tail += packed
        tail += page_crc(seed, page, memoryview(packed)).to_bytes(4, "little")
    footer = _FOOTER.pack(MAGIC, length_bytes, tag)
    return bytes(tail) + footer + crc32c(footer, seed).to_bytes(4, "little")


def payload_bytes(seed: int, file_size_bytes: int, footer: bytes) -> int | None:
    """Return the length of the payload that a footer states, or None if the footer is damaged or the size is wrong."""
    if len(footer) != FOOTER_BYTES or footer[:4] != MAGIC:
        return None
    if crc32c(footer[:-4], seed) != int.from_bytes(footer[-4:], "little"):
        return None
    length: int = _FOOTER.unpack_from(footer)[1]
    return length if file_bytes(length) == file_size_bytes else None


class WholeFileWriter:
    """A large body on its way from `staging` to its final name. Used by one thread at a time."""

    __slots__ = ("_checksums", "_disk", "_fd", "_handed_over", "_layout", "_name", "_path", "_tag", "size_bytes")

    def __init__(self, layout: Layout, disk: Disk, container_id: str, tag: bytes) -> None:
        """Create the staging file. Raises `BlobsFull` or `BlobsBroken`."""
        self._layout = layout
        self._disk = disk
        self._name = container_id
        self._tag = tag
        self._checksums = BlockChecksums()
        self._path: Path = layout.staging / container_id
        self._fd: int | None = disk.create(self._path)
        self._handed_over = 0
        self.size_bytes = 0

    @property
    def container_id(self) -> str:
        """The blob's id once it is sealed."""
        return self._name

    def write(self, pieces: Sequence[bytes | memoryview]) -> None:
        """Append bytes. Raises `BlobsFull` or `BlobsBroken`."""
        assert self._fd is not None
        self._disk.write(self._fd, pieces, self.size_bytes)
        for piece in pieces:
            self._checksums.update(memoryview(piece))
            self.size_bytes += len(piece)
        if self.size_bytes - self._handed_over >= WRITEBACK_BYTES:
            # sync_file_range is not in Python; on Linux this begins the writing too, and drops only what is clean.
            with contextlib.suppress(OSError):
                os.posix_fadvise(
                    self._fd, self._handed_over, self.size_bytes - self._handed_over, os.POSIX_FADV_DONTNEED
                )
            self._handed_over = self.size_bytes

    def seal(self) -> None:
        """Make the body durable under its final name. Raises `BlobsFull` or `BlobsBroken`."""
        assert self._fd is not None
        tail = encode_tail(records.name_seed(self._name), self.size_bytes, self._checksums.finish(), self._tag)
        self._disk.write(self._fd, [tail], self.size_bytes)
        there, wanted = os.fstat(self._fd).st_size, file_bytes(self.size_bytes)
        if there != wanted:
            raise BlobsError(f"staged blob {self._name} is {there} bytes, {wanted} were written; check the file system")
        self._disk.sync(self._fd)
        final = self._layout.path_of(self._name)
        self._disk.rename(self._path, final)
        self._path = final
        self._disk.sync_directory(final.parent)
        self._close()

    def discard(self) -> None:
        """Remove the file, sealed or not. Idempotent."""
        self._close()
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
