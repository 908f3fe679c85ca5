"""The directories of the files engine.

blobs/<2 hex>/<container id>    segments and large blobs; the two digits spread them
staging/<container id>          large bodies on their way in
ballast                         room that is given up when even a delete finds none
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from holdfast.blobs import names
from holdfast.blobs.interface import BlobFact
from holdfast.s3.checksums import crc32c

_SPREAD = 256


class Layout:
    """Where each container of one root lies."""

    __slots__ = ("_blobs", "ballast", "root", "staging")

    def __init__(self, root: Path) -> None:
        self.root = root
        self._blobs = root / "blobs"
        self.staging = root / "staging"
        self.ballast = root / "ballast"

    def make(self) -> None:
        """Make the directories that are missing, so that no write has to, and sync them. Raises OSError."""
        if not self.root.is_dir():
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_directory(self.root.parent)
        for directory in (self._blobs, self.staging):
            directory.mkdir(mode=0o700, exist_ok=True)
        made = set(os.listdir(self._blobs))
        for name in (f"{number:02x}" for number in range(_SPREAD)):
            if name not in made:
                (self._blobs / name).mkdir(mode=0o700, exist_ok=True)
        # Also those found there: the process that made them may have died before its sync.
        for directory in (self._blobs, self.root):
            sync_directory(directory)

    def directory_of(self, container_id: str) -> Path:
        """Return the directory that holds a container."""
        return self._blobs / f"{crc32c(container_id.encode('ascii'), 0) % _SPREAD:02x}"

    def path_of(self, container_id: str) -> Path:
        """Return a container's path. A name that no engine gave never becomes one: raises ValueError."""
        if names.instance_of(container_id) is None:
            raise ValueError(f"{container_id!r} is no container's name")
        return self.directory_of(container_id) / container_id

    def scan(self) -> Iterator[BlobFact]:
        """Yield every container, in no order, while others come and go."""
        for number in range(_SPREAD):
            try:
                entries = os.scandir(self._blobs / f"{number:02x}")
            except FileNotFoundError:
                continue  # a backup has only the directories that it needs
            with entries:
                for entry in entries:
                    instance = names.instance_of(entry.name)
                    if instance is None:
                        continue
                    with contextlib.suppress(FileNotFoundError):
                        yield BlobFact(entry.name, instance, entry.stat(follow_symlinks=False).st_size)

    def remove_staging(self, except_instances: Collection[str]) -> None:
        """Remove what is half staged, save for that of the instances that live."""
        with os.scandir(self.staging) as entries:
            for entry in entries:
                if names.instance_of(entry.name) not in except_instances:
                    Path(entry.path).unlink(missing_ok=True)


def sync_directory(directory: Path) -> None:
    """Put a directory's entries on stable storage. Raises OSError."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
