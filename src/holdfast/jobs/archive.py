"""What a backup is: a directory with a copy of the catalog, the blobs that it names, and a page that says it is whole.

backup.json              the last complete backup; replaced in one step, so that what it says is always so
catalog-….sqlite         the catalog that it names
portal-….sqlite          the portal's database that it names, if there was one
holdfast.toml            the settings, if there were any
blobs/                   containers, as the files engine lays them out
lock                     held by whoever makes a backup here
unfinished               there while a backup is being made, or after it was interrupted

The keyring is never in it: who has the backup alone can read every object, but use no access key.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from holdfast.blobs.interface import container_of
from holdfast.catalog.interface import Catalog
from holdfast.catalog.rows import REFERENCES
from holdfast.config import FILE_NAME
from holdfast.store.references import MANIFEST_PREFIX

FORMAT: Final = 1
PAGE: Final = 1000
_STRETCH_BYTES: Final = 1 << 20


class BackupError(Exception):
    """A backup can't be made or used. The text says what happened and what to do next."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What `backup.json` says."""

    format: int
    made_at_us: int
    """When its snapshot was taken: it holds every write acknowledged before."""
    home: str
    catalog: str
    """The name of the catalog's file."""
    catalog_sha256: str
    containers: int
    size_bytes: int
    """Of its blobs, as files."""
    faults: Sequence[str]
    """What could not be copied whole, in sentences. Empty for a sound home."""
    damaged: Sequence[str]
    """The containers among that. The next backup finds copies of them, and must not take them for whole."""
    portal: str = ""
    """The name of the portal's database; empty where the home has none."""
    portal_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Archive:
    """A directory that holds a backup, or will."""

    root: Path

    @property
    def contents_file(self) -> Path:
        return self.root / "backup.json"

    @property
    def unfinished_file(self) -> Path:
        return self.root / "unfinished"

    @property
    def lock_file(self) -> Path:
        return self.root / "lock"

    @property
    def settings_file(self) -> Path:
        return self.root / FILE_NAME

    @property
    def blobs(self) -> Path:
        return self.root / "blobs"

    def catalog_file(self, contents: Contents) -> Path:
        return self.root / contents.catalog

    def portal_file(self, contents: Contents) -> Path | None:
        return self.root / contents.portal if contents.portal else None

    def read_contents(self) -> Contents | None:
        """Return what the last complete backup says of itself, None if there is none. Raises BackupError."""
        try:
            document = json.loads(self.contents_file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise BackupError(f"{self.contents_file} can't be read: {error}; make a new backup") from None
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise BackupError(f"{self.contents_file} is of another format: use the holdfast that wrote it")
        fields = {field.name: field.default for field in dataclasses.fields(Contents)}
        needed = {name for name, default in fields.items() if default is dataclasses.MISSING}
        named = (document.get("catalog"), document.get("portal"))
        if not needed <= document.keys() or any("/" in str(name) for name in named):
            raise BackupError(f"{self.contents_file} is damaged; make a new backup")
        return Contents(**{name: document[name] for name in fields if name in document})

    def write_contents(self, contents: Contents) -> None:
        """Say, durably and in one step, that this is now the backup."""
        write_durably(self.contents_file, json.dumps(dataclasses.asdict(contents), indent=2) + "\n")


def containers_in(catalog: Catalog, after: str = "") -> Iterator[str]:
    """Yield every container in which something has an owner, in order, each once; those after `after`, a container too.

    Flat in memory. No snapshot is held between two of them.
    """
    while True:
        with catalog.read() as rows:
            found = rows.scan(REFERENCES, (), after=after, count_max=PAGE)
        for row in found:
            container_id = container_of(row.blob_id)
            # A segment's blobs are neighbours; "0" is the character after "/" (see references.is_owned).
            if container_of(after) != container_id and not row.blob_id.startswith(MANIFEST_PREFIX):
                yield container_id
            after = row.blob_id
        if len(found) < PAGE:
            return


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while stretch := file.read(_STRETCH_BYTES):
            digest.update(stretch)
    return digest.hexdigest()


def write_durably(path: Path, text: str) -> None:
    """Put a file with this text in the place of what is there, in one step. Durable when this returns."""
    temporary = path.with_name(path.name + ".new")
    with temporary.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_directory(path.parent)


def copy_durably(source: Path, target: Path) -> None:
    """Copy a file with mode 0600, in one step. Durable when this returns."""
    temporary = target.with_name(target.name + ".new")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with source.open("rb") as reader, open(fd, "wb") as writer:
        while stretch := reader.read(_STRETCH_BYTES):
            writer.write(stretch)
        writer.flush()
        os.fsync(fd)
    temporary.replace(target)
    sync_directory(target.parent)


def sync_directory(directory: Path) -> None:
    """Put a directory's entries on stable storage."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
