"""The engine for one machine: small blobs in segments, large ones in files of their own, all on a local file system."""

from __future__ import annotations

import fcntl
import itertools
import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from holdfast.blobs import copying, inspection, names
from holdfast.blobs.disk import Disk
from holdfast.blobs.interface import BlobFact, Slice, Staged
from holdfast.blobs.layout import Layout
from holdfast.blobs.opened import OpenedContainers
from holdfast.blobs.reading import FileReader, SmallReader
from holdfast.blobs.segments import Body, SegmentWriter
from holdfast.blobs.space import Space
from holdfast.blobs.staging import StagedBody
from holdfast.blobs.wholefiles import WholeFileWriter

SMALL_BYTES_MAX = 1 << 20
"""Above this a file's own sync, rename and directory sync are little beside its bytes (docs/decisions/0003)."""
SMALL_BYTES_CEILING = 32 << 20
"""Scrub reads 4 KiB to find a record's header."""
SEGMENT_BYTES_MAX = 128 << 20


class FileBlobs:
    """One instance of the files engine. Any number of processes may have one each on the same root.

    Open it after the worker has forked. Raises OSError when the directories cannot be made. An `is_archive` is a
    backup, perhaps on a disk that can't be written: nothing is made or kept free in it, and no body is staged.
    """

    def __init__(
        self,
        root: Path,
        *,
        reserve_bytes: int | None = None,
        small_bytes_max: int = SMALL_BYTES_MAX,
        segment_bytes_max: int = SEGMENT_BYTES_MAX,
        is_archive: bool = False,
    ) -> None:
        assert small_bytes_max <= SMALL_BYTES_CEILING
        self._layout = Layout(root)
        if not is_archive:
            self._layout.make()
        self._instance = names.random_name()
        self._small_bytes_max = small_bytes_max
        self._numbers = itertools.count()
        self._disk = Disk()
        self._space = Space(self._layout, reserve_bytes, has_ballast=not is_archive)
        self._containers = OpenedContainers(self._layout)
        self._small = SmallReader(self._containers)
        self._segments = SegmentWriter(
            self._layout, self._disk, self._instance, segment_bytes_max, self._space.free_bytes
        )

    @property
    def instance(self) -> str:
        return self._instance

    @property
    def small_bytes_max(self) -> int:
        return self._small_bytes_max

    def stage(self, length_bytes: int | None, tag: bytes = b"") -> Staged:
        return StagedBody(length_bytes, tag, self._small_bytes_max, self._new_file, self._space.take)

    def _new_file(self, tag: bytes) -> WholeFileWriter:
        container_id = names.file_id(self._instance, next(self._numbers))
        return WholeFileWriter(self._layout, self._disk, container_id, tag)

    def flush(self, staged: Sequence[Staged]) -> list[tuple[Slice, ...]]:
        self._disk.check_whole()
        mine: list[StagedBody] = []
        small: list[Body] = []
        for body in staged:
            assert isinstance(body, StagedBody), "only an engine's own bodies can be flushed"
            assert body.is_sealed, "only a sealed body can be flushed"
            mine.append(body)
            if body.body is not None and body.size_bytes:
                small.append(body.body)
        blob_ids = iter(self._segments.append(small) if small else ())
        self._space.spend(sum(body.length_bytes for body in small))
        placed: list[tuple[Slice, ...]] = []
        for body in mine:
            if not body.size_bytes:
                placed.append(())
            else:
                placed.append((Slice(body.container_id or next(blob_ids), 0, body.size_bytes),))
            body.flushed()
        return placed

    def read_small(self, wanted: Slice) -> memoryview | None:
        return self._small.read(wanted)

    def open(self, slices: Sequence[Slice]) -> FileReader:
        return FileReader(self._containers, slices)

    def is_open(self, container_id: str) -> bool:
        with self._alone(container_id) as path:
            return path is None

    def delete(self, container_id: str) -> bool:
        self._containers.forget(container_id)
        with self._alone(container_id) as path:
            if path is None:
                return False
            path.unlink(missing_ok=True)
            return True

    @contextmanager
    def _alone(self, container_id: str) -> Iterator[Path | None]:
        """Give a container's path, which need not exist, while nobody can append to it; None while somebody does."""
        path = self._layout.path_of(container_id)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            yield path
            return
        try:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield None
                return
            yield path
        finally:
            os.close(fd)

    def scan(self) -> Iterator[BlobFact]:
        return self._layout.scan()

    def verify(self, container_id: str) -> Iterator[str]:
        return inspection.verify(container_id, self._layout.path_of(container_id))

    def copy_to(self, container_id: str, directory: str) -> None:
        copying.copy(container_id, self._layout, Layout(Path(directory)))

    def free_bytes(self) -> int:
        if not self._space.is_fresh():
            # Once in a while is often enough to find what other processes have deleted, and never much at once.
            self._containers.forget_deleted(16)
        return self._space.free_bytes()

    def release_ballast(self) -> None:
        self._space.release_ballast()

    def remove_staging(self, except_instances: Collection[str]) -> None:
        self._layout.remove_staging(except_instances)

    def close(self) -> None:
        self._segments.close()
        self._containers.clear()
