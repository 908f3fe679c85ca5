"""Blobs in memory: the specification that the other engines are held against, and the engine of fast tests.

A `MemoryDisk` is what outlives the process: open a second `MemoryBlobs` on it and you see what a restart would see.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from holdfast.blobs import names
from holdfast.blobs.blocks import block_count, check_blocks, checksums_of
from holdfast.blobs.interface import (
    BLOCK_BYTES,
    BlobCorrupt,
    BlobFact,
    BlobMissing,
    BlobsBroken,
    BlobsError,
    BlobsFull,
    Slice,
    Staged,
    container_of,
)

PIECE_BYTES = 4 * BLOCK_BYTES
"""A reader hands out at most this much at a time."""


class _Blob(NamedTuple):
    payload: bytearray
    checksums: list[int]
    tag: bytes


@dataclass(slots=True)
class MemoryDisk:
    """What stays when an engine goes: containers by name, each with its blobs by blob id. Tests turn its faults on."""

    capacity_bytes: int = 1 << 40
    containers: dict[str, dict[str, _Blob]] = field(default_factory=dict)
    open_segments: set[str] = field(default_factory=set)
    """What live engines still append to; a test that kills one removes its segment here, as the kernel would a lock."""
    sync_fails: bool = False

    def used_bytes(self) -> int:
        """Bytes of all payloads."""
        return sum(len(blob.payload) for blobs in self.containers.values() for blob in blobs.values())


class _MemoryStaged:
    __slots__ = ("_blobs", "_pieces", "_state", "length_bytes", "size_bytes", "tag")

    def __init__(self, blobs: MemoryBlobs, length_bytes: int | None, tag: bytes) -> None:
        self._blobs = blobs
        self._pieces: list[bytes] = []
        self._state = "open"
        self.length_bytes = length_bytes
        self.size_bytes = 0
        self.tag = tag

    def write(self, data: memoryview | bytes) -> None:
        assert self._state == "open", f"a {self._state} body takes no more bytes"
        self._blobs.check_room(self.size_bytes + len(data))
        self._pieces.append(bytes(data))
        self.size_bytes += len(data)

    def seal(self) -> None:
        assert self._state == "open", f"a {self._state} body cannot be sealed"
        assert self.length_bytes in (None, self.size_bytes), f"{self.size_bytes} of {self.length_bytes} bytes came"
        self._blobs.check_whole()
        self._state = "sealed"

    def discard(self) -> None:
        if self._state != "flushed":
            self._pieces.clear()
            self._state = "discarded"

    def take(self) -> _Blob:
        """Hand the body over to the engine, which has made it durable."""
        assert self._state == "sealed", f"a {self._state} body cannot be flushed"
        return _Blob(bytearray(b"".join(self._pieces)), checksums_of(self._pieces), self.tag)

    def flushed(self) -> None:
        """Know that rows may name the body from now on."""
        self._pieces.clear()
        self._state = "flushed"


class _MemoryReader:
    __slots__ = ("_disk", "_error", "_inline", "_pieces")

    def __init__(self, disk: MemoryDisk, slices: Sequence[Slice], inline: bool) -> None:
        self._disk = disk
        self._pieces = self._walk(slices)
        self._inline = inline
        self._error: BlobsError | None = None

    def _walk(self, slices: Sequence[Slice]) -> Iterator[memoryview]:
        for piece in slices:
            blob = self._disk.containers.get(container_of(piece.blob_id), {}).get(piece.blob_id)
            if blob is None:
                raise BlobMissing(f"blob {piece.blob_id} is not there; run holdfast scrub")
            stop = piece.offset_bytes + piece.length_bytes
            if stop > len(blob.payload):
                raise BlobCorrupt(f"blob {piece.blob_id} ends before byte {stop}; run holdfast scrub")
            position = piece.offset_bytes
            while position < stop:
                first = position // BLOCK_BYTES
                covered = min(first * BLOCK_BYTES + PIECE_BYTES, block_count(stop) * BLOCK_BYTES)
                end = min(covered, len(blob.payload))
                covering = memoryview(bytes(blob.payload[first * BLOCK_BYTES : end]))
                check_blocks(piece.blob_id, first, covering, blob.checksums[first : block_count(end)])
                yield covering[position - first * BLOCK_BYTES : min(end, stop) - first * BLOCK_BYTES]
                position = min(end, stop)

    def read_inline(self) -> memoryview | None:
        return self.read() if self._inline else None

    def read(self) -> memoryview:
        if self._error is not None:
            raise self._error
        try:
            return next(self._pieces, memoryview(b""))
        except BlobsError as error:
            self._error = error
            raise

    def close(self) -> None:
        self._pieces = iter(())


class MemoryBlobs:
    """An engine that keeps everything in memory. With `inline=False` its readers always ask for a thread."""

    def __init__(self, disk: MemoryDisk | None = None, *, small_bytes_max: int = 1 << 20, inline: bool = True) -> None:
        self.disk = disk if disk is not None else MemoryDisk()
        self._instance = names.random_name()
        self._small_bytes_max = small_bytes_max
        self._inline = inline
        self._numbers = itertools.count()
        self._segment = names.segment_id(self._instance, 0)
        self._offset = 0
        self._is_broken = False

    @property
    def instance(self) -> str:
        return self._instance

    @property
    def small_bytes_max(self) -> int:
        return self._small_bytes_max

    def check_room(self, wanted_bytes: int) -> None:
        """Raises `BlobsFull`."""
        if wanted_bytes > self.free_bytes():
            raise BlobsFull(f"{wanted_bytes} bytes are wanted, {self.free_bytes()} are free; delete something")

    def check_whole(self) -> None:
        """Raises `BlobsBroken` after a sync has failed."""
        if self._is_broken:
            raise BlobsBroken("an earlier sync failed; restart holdfast")

    def stage(self, length_bytes: int | None, tag: bytes = b"") -> Staged:
        assert len(tag) <= 32
        return _MemoryStaged(self, length_bytes, tag)

    def flush(self, staged: Sequence[Staged]) -> list[tuple[Slice, ...]]:
        self.check_whole()
        mine = [body for body in staged if isinstance(body, _MemoryStaged)]
        assert len(mine) == len(staged), "only an engine's own bodies can be flushed"
        taken = [body.take() for body in mine]
        self.check_room(sum(len(blob.payload) for blob in taken))
        if self.disk.sync_fails:
            self._is_broken = True
            raise BlobsBroken("the disk lost what was to be synced; restart holdfast")
        placed = [self._place(blob) for blob in taken]
        for body in mine:
            body.flushed()
        return placed

    def _place(self, blob: _Blob) -> tuple[Slice, ...]:
        size_bytes = len(blob.payload)
        if not size_bytes:
            return ()
        if size_bytes > self._small_bytes_max:
            blob_id = names.file_id(self._instance, next(self._numbers))
        else:
            blob_id = f"{self._segment}/{self._offset}.{size_bytes}"
            self._offset += size_bytes
            self.disk.open_segments.add(self._segment)
        self.disk.containers.setdefault(container_of(blob_id), {})[blob_id] = blob
        return (Slice(blob_id, 0, size_bytes),)

    def read_small(self, wanted: Slice) -> memoryview | None:
        return None

    def open(self, slices: Sequence[Slice]) -> _MemoryReader:
        return _MemoryReader(self.disk, slices, self._inline)

    def is_open(self, container_id: str) -> bool:
        return container_id in self.disk.open_segments

    def delete(self, container_id: str) -> bool:
        if container_id in self.disk.open_segments:
            return False
        self.disk.containers.pop(container_id, None)
        return True

    def scan(self) -> Iterator[BlobFact]:
        for container_id, blobs in list(self.disk.containers.items()):
            instance = names.instance_of(container_id)
            assert instance is not None
            yield BlobFact(container_id, instance, sum(len(blob.payload) for blob in blobs.values()))

    def verify(self, container_id: str) -> Iterator[str]:
        blobs = self.disk.containers.get(container_id)
        if blobs is None:
            yield f"container {container_id} is not there"
            return
        for blob_id, blob in list(blobs.items()):
            try:
                check_blocks(blob_id, 0, memoryview(bytes(blob.payload)), blob.checksums)
            except BlobsError as fault:
                yield str(fault)

    def copy_to(self, container_id: str, directory: str) -> None:
        """Write the container's payloads, one after the other, into a file of its name: nobody restores a test."""
        blobs = self.disk.containers.get(container_id)
        if blobs is None:
            raise BlobMissing(f"container {container_id} is not there")
        with Path(directory, container_id).open("wb") as copy:
            copy.writelines(blob.payload for blob in blobs.values())
            copy.flush()
            os.fsync(copy.fileno())

    def free_bytes(self) -> int:
        return self.disk.capacity_bytes - self.disk.used_bytes()

    def release_ballast(self) -> None:
        """Do nothing: rows need no room here."""

    def remove_staging(self, except_instances: Collection[str]) -> None:
        """Do nothing: what is staged in memory is gone with its process."""

    def close(self) -> None:
        self.disk.open_segments.discard(self._segment)
