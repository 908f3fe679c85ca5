"""Containers kept open for reading: opening a file costs more than reading a small blob from it."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
from collections import OrderedDict

from holdfast.blobs import names, records, wholefiles
from holdfast.blobs.interface import BlobCorrupt, BlobMissing
from holdfast.blobs.layout import Layout

OPEN_MAX = 1024


class Opened:
    """One open container. Its descriptor is closed when the last one who holds it lets go, so that a reader can go on
    with a container that was deleted or pushed out of the cache meanwhile.
    """

    __slots__ = ("fd", "payload_bytes", "seed")

    def __init__(self, fd: int, seed: int) -> None:
        self.fd = fd
        self.seed = seed
        self.payload_bytes = 0
        """A large blob's length; 0 for segments."""

    def __del__(self) -> None:
        os.close(self.fd)


class OpenedContainers:
    """The containers read last, at most a quarter of the descriptors that the process may have. Thread-safe:

    each step on the dict is atomic under the GIL, and losing a race costs one more `open`.
    """

    __slots__ = ("_count_max", "_layout", "_opened", "_unchecked", "reads_inline")

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._opened: OrderedDict[str, Opened] = OrderedDict()
        self._unchecked: list[str] = []
        soft_limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._count_max = OPEN_MAX if soft_limit == resource.RLIM_INFINITY else min(OPEN_MAX, max(soft_limit // 4, 1))
        self.reads_inline = hasattr(os, "RWF_NOWAIT")
        """False once the file system has said that it cannot promise not to wait (tmpfs, some network ones)."""

    def __len__(self) -> int:
        return len(self._opened)

    def find(self, container_id: str) -> Opened | None:
        """Return a container that is open already. Never waits."""
        opened = self._opened.get(container_id)
        if opened is not None:
            with contextlib.suppress(KeyError):
                self._opened.move_to_end(container_id)
        return opened

    def open(self, container_id: str) -> Opened:
        """Return a container, opening it if need be. Raises `BlobMissing`, `BlobCorrupt` or OSError."""
        opened = self.find(container_id)
        if opened is not None:
            return opened
        opened = self._open(container_id)
        self._opened[container_id] = opened
        while len(self._opened) > self._count_max:
            self._forget_oldest()
        self.forget_deleted(1)
        return opened

    def forget(self, container_id: str) -> None:
        """Let go of a container that is deleted."""
        self._opened.pop(container_id, None)

    def forget_deleted(self, count: int) -> None:
        """Look at the next few containers and let go of those that another process has deleted.

        An open file keeps its disk space.
        """
        for _ in range(min(count, len(self._opened))):
            try:
                container_id = self._unchecked.pop()
            except IndexError:
                self._unchecked = list(self._opened)
                continue
            opened = self._opened.get(container_id)
            if opened is not None and os.fstat(opened.fd).st_nlink == 0:
                self.forget(container_id)

    def clear(self) -> None:
        """Let go of all."""
        self._opened.clear()

    def _forget_oldest(self) -> bool:
        try:
            self._opened.popitem(last=False)
        except KeyError:
            return False
        return True

    def _open(self, container_id: str) -> Opened:
        try:
            path = self._layout.path_of(container_id)
        except ValueError as error:
            raise BlobMissing(f"{error}; run holdfast scrub") from error
        while True:
            try:
                fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            except FileNotFoundError as error:
                raise BlobMissing(f"container {container_id} is not at {path}; run holdfast scrub") from error
            except OSError as error:
                # Out of descriptors: what is only kept for later goes first.
                if error.errno not in (errno.EMFILE, errno.ENFILE) or not self._forget_oldest():
                    raise
            else:
                break
        opened = Opened(fd, records.name_seed(container_id))
        if not names.is_segment(container_id):
            opened.payload_bytes = _payload_bytes(container_id, opened)
        return opened


def _payload_bytes(container_id: str, opened: Opened) -> int:
    size = os.fstat(opened.fd).st_size
    footer = os.pread(opened.fd, wholefiles.FOOTER_BYTES, max(size - wholefiles.FOOTER_BYTES, 0))
    length = wholefiles.payload_bytes(opened.seed, size, footer)
    if length is None:
        raise BlobCorrupt(f"blob {container_id}: its footer is damaged or its size is not {size}; run holdfast scrub")
    return length
