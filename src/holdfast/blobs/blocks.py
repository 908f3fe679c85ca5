"""One crc32c for each 64 KiB of a blob: computed as bytes come in, checked before bytes go out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from holdfast.blobs.interface import BLOCK_BYTES, BlobCorrupt
from holdfast.s3.checksums import crc32c


class BlockChecksums:
    """Computes the checksums of a body that comes in pieces of any size."""

    __slots__ = ("_current", "_filled", "_whole")

    def __init__(self) -> None:
        self._whole: list[int] = []
        self._current = 0
        self._filled = 0

    def update(self, data: memoryview) -> None:
        """Continue with the next bytes of the body."""
        position = 0
        whole = self._whole
        if self._filled:
            position = min(BLOCK_BYTES - self._filled, len(data))
            self._current = crc32c(data[:position], self._current)
            self._filled += position
            if self._filled < BLOCK_BYTES:
                return
            whole.append(self._current)
            self._current = self._filled = 0
        last = position + (len(data) - position) // BLOCK_BYTES * BLOCK_BYTES
        for start in range(position, last, BLOCK_BYTES):
            whole.append(crc32c(data[start : start + BLOCK_BYTES], 0))
        if last < len(data):
            self._current = crc32c(data[last:], 0)
            self._filled = len(data) - last

    def finish(self) -> list[int]:
        """Return the checksum of each block; the last block may be short. Call it once, at the end."""
        if self._filled:
            self._whole.append(self._current)
            self._current = self._filled = 0
        return self._whole


def block_count(length_bytes: int) -> int:
    """Return how many blocks a body has."""
    return -(-length_bytes // BLOCK_BYTES)


def checksums_of(pieces: Iterable[bytes | memoryview]) -> list[int]:
    """Return the checksum of each block of a body that is all in memory."""
    checksums = BlockChecksums()
    for piece in pieces:
        checksums.update(memoryview(piece))
    return checksums.finish()


def check_blocks(blob_id: str, first_block: int, data: memoryview, expected: Sequence[int]) -> None:
    """Compare whole blocks, beginning with `first_block` of the blob, with their checksums. Raises `BlobCorrupt`."""
    start = 0
    for index, wanted in enumerate(expected):
        found = crc32c(data[start : start + BLOCK_BYTES], 0)
        if found != wanted:
            raise corrupt_block(blob_id, first_block + index, wanted, found)
        start += BLOCK_BYTES


def corrupt_block(blob_id: str, block: int, wanted: int, found: int) -> BlobCorrupt:
    """Say which block of which blob has rotted, for the operator."""
    return BlobCorrupt(
        f"blob {blob_id}, block {block} (bytes from {block * BLOCK_BYTES}): crc32c is {found:08x}, "
        f"{wanted:08x} was written; run holdfast scrub"
    )
