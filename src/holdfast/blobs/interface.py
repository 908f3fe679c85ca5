"""What every blob engine promises: immutable, checksummed bytes under names that are never used twice.

A body is staged, then flushed to stable storage, and only then may a row name it. A staged body that no row
names is garbage.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple, Protocol

BLOCK_BYTES = 64 * 1024
"""Every 64 KiB of a blob has a crc32c of its own, so that any slice verifies by whole covering blocks."""


class Slice(NamedTuple):
    """A run of bytes in a blob."""

    blob_id: str
    offset_bytes: int
    length_bytes: int


class BlobFact(NamedTuple):
    """One blob or container found by `scan`."""

    container_id: str
    instance: str
    """The instance of the engine that wrote it; its blobs without a row are garbage once that instance is gone."""
    size_bytes: int


def container_of(blob_id: str) -> str:
    """Return the name of what is deleted when the last blob in it is gone: the segment, or the blob itself.

    Small payloads share a segment; their blob ids are `segment/offset`. Pure text, no look-up.
    """
    return blob_id.partition("/")[0]


class Staged(Protocol):
    """A body on its way in. Not thread-safe; each call may block, so large bodies are written from a worker thread."""

    def write(self, data: memoryview | bytes) -> None:
        """Append bytes. The engine has copied or written them when this returns. Raises `BlobsFull`."""

    def seal(self) -> None:
        """Say that the body is whole. For a large body this makes the bytes durable under their final name.

        Raises `BlobsFull` or `BlobsBroken`.
        """

    def discard(self) -> None:
        """Forget the body and remove what it left. Idempotent; does nothing after `flush`."""

    @property
    def size_bytes(self) -> int:
        """Bytes written so far."""


class Reader(Protocol):
    """An open slice: yields its bytes in order, each verified before it is yielded."""

    def read_inline(self) -> memoryview | None:
        """Return the next verified piece if it can be had without waiting for a disk, else None. Empty = the end.

        The memory is valid until the next call. Raises `BlobCorrupt` or `BlobMissing`.
        """

    def read(self) -> memoryview:
        """Return the next verified piece, waiting for the disk if need be. Empty = the end. Same memory rule."""

    def close(self) -> None:
        """Release the file and the buffer. Idempotent."""


class Blobs(Protocol):
    """An engine. `stage` and `open` are quick enough for an event loop; `flush`, `delete` and `scan` are not."""

    @property
    def instance(self) -> str:
        """The random name of this opening of the engine, part of every blob id that it makes."""

    @property
    def small_bytes_max(self) -> int:
        """Up to this size `write` and `seal` only copy memory and may be called on an event loop's thread."""

    def stage(self, length_bytes: int | None, tag: bytes = b"") -> Staged:
        """Begin a body of this length (None = unknown).

        `tag` (at most 32 bytes) is kept beside it, for repairs by hand.
        """

    def flush(self, staged: Sequence[Staged]) -> list[tuple[Slice, ...]]:
        """Make sealed bodies durable, with one sync for all that share a segment, and return where each one lies.

        An empty body has no slices. Raises `BlobsFull` (nothing of this call is durable, the engine goes on) or
        `BlobsBroken` (a sync failed: this engine writes no more until it is opened again). Called by one thread at a
        time.
        """

    def read_small(self, wanted: Slice) -> memoryview | None:
        """Return the whole of a small blob, verified, if that is quick and needs no disk; None = `open` it.

        For the event loop's thread alone: the memory is valid until the next call. Raises `BlobCorrupt`.
        """

    def open(self, slices: Sequence[Slice]) -> Reader:
        """Open a run of slices for reading. Raises nothing until the first piece is read."""

    def is_open(self, container_id: str) -> bool:
        """Whether an instance, also of another process, still appends to this container.

        Once it is not it never will be again: its last batch was flushed, and committed or not, before it was closed.
        """

    def delete(self, container_id: str) -> bool:
        """Remove a container and its bytes. A container that is not there is no error.

        Returns False, and does nothing, while an instance, also of another process, still appends to it: ask again
        later. Readers that have it open read on.
        """

    def scan(self) -> Iterator[BlobFact]:
        """Yield every container that exists, in no order, while others write."""

    def verify(self, container_id: str) -> Iterator[str]:
        """Read a whole container and yield one sentence for each fault found in it."""

    def copy_to(self, container_id: str, directory: str) -> None:
        """Copy a container durably into another directory of the same layout, for a backup.

        Skips one already there and whole. Raises `BlobCorrupt` when the copy, which is kept, holds rotten bytes, and
        `BlobMissing` when there is nothing to copy.
        """

    def free_bytes(self) -> int:
        """Bytes that may still be written before the reserve for deletes is touched; 0 or less = refuse new bodies."""

    def release_ballast(self) -> None:
        """Give up room that was kept for it, so that a delete's rows find some on a full disk.

        It is taken back when there is room again. Does nothing on an engine that keeps none.
        """

    def remove_staging(self, except_instances: Collection[str]) -> None:
        """Remove bodies that were half staged by instances that are gone. Names the instances that live."""

    def close(self) -> None:
        """Release files. Idempotent."""


class BlobsError(Exception):
    """Something is wrong with the blob engine."""


class BlobsFull(BlobsError):
    """No space is left for a body. Nothing of it stays; deletes make room."""


class BlobsBroken(BlobsError):
    """A sync failed. The engine must be opened anew before it writes again."""


class BlobMissing(BlobsError):
    """A row names a blob that is not there."""


class BlobCorrupt(BlobsError):
    """Bytes read differ from the checksum written with them. They were not handed out."""
