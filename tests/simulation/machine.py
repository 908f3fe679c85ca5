"""A machine whose disk is photographed while it works: each photograph is what a kill or a power cut at that moment leaves.

Nothing really crashes, so that one run gives hundreds of crashes, and each is opened by the real engines in a directory of its own.
A kill leaves every byte that was written. A power cut leaves what was synced, and of all the rest (writes, torn or whole, in
any order; new, renamed and removed directory entries) whatever chance lets through.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import apsw

from holdfast.blobs.disk import Disk
from holdfast.blobs.files import FileBlobs

SECTOR_BYTES = 512


class _Write(NamedTuple):
    offset: int
    before: bytes
    size_before: int
    after: bytes


class Machine:
    """What the file system knows and the disk does not. Calls `on_step` before and after whatever touches the disk."""

    def __init__(self, root: Path, on_step: Callable[[str], None]) -> None:
        self.root = root
        self.on_step = on_step
        self._unsynced: dict[str, list[_Write]] = {}
        self._entries: list[tuple[str, Path, Path, bytes]] = []
        """Directory changes that are not synced: (what, path, former path, former content)."""

    def step(self, what: str) -> None:
        self.on_step(what)

    # --- what the engines did

    def wrote(self, path: str, offset: int, before: bytes, size_before: int, after: bytes) -> None:
        self._unsynced.setdefault(path, []).append(_Write(offset, before, size_before, after))

    def synced(self, path: str) -> None:
        self._unsynced.pop(path, None)

    def entered(self, what: str, path: Path, former: Path | None = None, content: bytes = b"") -> None:
        if former is not None and str(former) in self._unsynced:
            self._unsynced[str(path)] = self._unsynced.pop(str(former))
        self._entries.append((what, path, former or path, content))

    def synced_directory(self, directory: Path) -> None:
        self._entries = [entry for entry in self._entries if entry[1].parent != directory]

    # --- photographs

    def photograph(self, target: Path, chance: random.Random | None) -> None:
        """Write what a kill (`chance` None) or a power cut would leave of the root now into a new directory."""
        for directory, _, names in os.walk(self.root):
            for name in names:
                if name.endswith("-shm"):
                    continue  # made anew by whoever opens the database first
                source = Path(directory, name)
                content = bytearray(source.read_bytes())
                if chance is not None:
                    content = self._lose_writes(str(source), content, chance)
                _put(target / source.relative_to(self.root), content)
        if chance is not None:
            for entry in reversed(self._entries):
                if chance.random() < 0.5:
                    self._lose_entry(target, *entry)

    def _lose_writes(self, path: str, content: bytearray, chance: random.Random) -> bytearray:
        writes = self._unsynced.get(path, [])
        for write in reversed(writes):
            content[write.offset : write.offset + len(write.after)] = write.before
            del content[write.size_before :]
        for write in writes:
            fate = chance.random()
            if fate < 0.4:
                continue
            data = write.after
            if fate < 0.6:
                data = data[: chance.randrange(0, len(data) + 1, SECTOR_BYTES)]
            if len(content) < write.offset:
                content += bytes(write.offset - len(content))
            content[write.offset : write.offset + len(data)] = data
        return content

    def _lose_entry(self, target: Path, what: str, path: Path, former: Path, content: bytes) -> None:
        there = target / path.relative_to(self.root)
        if what == "remove":
            if not there.exists():
                _put(there, content)
        elif there.exists():
            if what == "rename":
                former_there = target / former.relative_to(self.root)
                former_there.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                there.rename(former_there)
            else:
                there.unlink()


def _put(path: Path, content: bytes | bytearray) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.write_bytes(content)


class SimulatedDisk(Disk):
    """The blob engine's door to the file system, with the machine told of everything."""

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self._machine = machine
        self._paths: dict[int, Path] = {}

    def create(self, path: Path) -> int:
        self._machine.step("create")
        fd = super().create(path)
        self._paths[fd] = path
        self._machine.entered("create", path)
        self._machine.step("created")
        return fd

    def write(self, fd: int, buffers: Sequence[bytes | memoryview], offset_bytes: int) -> None:
        self._machine.step("write")
        data = b"".join(buffers)
        size = os.fstat(fd).st_size
        before = os.pread(fd, len(data), offset_bytes)
        super().write(fd, buffers, offset_bytes)
        self._machine.wrote(str(self._paths[fd]), offset_bytes, before, size, data)
        self._machine.step("written")

    def sync(self, fd: int) -> None:
        self._machine.step("sync")
        super().sync(fd)
        self._machine.synced(str(self._paths[fd]))
        self._machine.step("synced")

    def sync_directory(self, directory: Path) -> None:
        self._machine.step("sync directory")
        super().sync_directory(directory)
        self._machine.synced_directory(directory)
        self._machine.step("synced directory")

    def rename(self, source: Path, target: Path) -> None:
        self._machine.step("rename")
        super().rename(source, target)
        for fd, path in self._paths.items():
            if path == source:
                self._paths[fd] = target
        self._machine.entered("rename", target, source)
        self._machine.step("renamed")


class SimulatedBlobs(FileBlobs):
    """The files engine on a simulated disk."""

    def __init__(self, machine: Machine, root: Path, **options: int) -> None:
        super().__init__(root, **options)
        self.machine = machine
        self._disk = self._segments._disk = SimulatedDisk(machine)

    def delete(self, container_id: str) -> bool:
        path = self._layout.path_of(container_id)
        content = path.read_bytes() if path.exists() else None
        self.machine.step("delete")
        is_gone = super().delete(container_id)
        if is_gone and content is not None:
            self.machine.entered("remove", path, None, content)
        self.machine.step("deleted")
        return is_gone


class SimulatedVFS(apsw.VFS):
    """SQLite's door to the file system."""

    def __init__(self, name: str, machine: Machine) -> None:
        self.machine = machine
        self.name = name
        super().__init__(name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return _SimulatedFile(self.machine, name, flags)


class _SimulatedFile(apsw.VFSFile):
    def __init__(self, machine: Machine, name: Any, flags: list[int]) -> None:
        self.machine = machine
        self.path = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        self.machine.step("catalog write")
        size = self.xFileSize()
        before = self.xRead(min(len(data), max(size - offset, 0)), offset) if offset < size else b""
        super().xWrite(data, offset)
        self.machine.wrote(self.path, offset, before, size, bytes(data))
        self.machine.step("catalog written")

    def xSync(self, flags: int) -> None:
        self.machine.step("catalog sync")
        super().xSync(flags)
        self.machine.synced(self.path)
        self.machine.step("catalog synced")

    def xTruncate(self, newsize: int) -> None:
        self.machine.step("catalog truncate")
        super().xTruncate(newsize)
        self.machine.synced(self.path)  # lost truncations are SQLite's own, and its log knows old frames by their salt
