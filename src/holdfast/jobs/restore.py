"""Making a home from a backup. Until the last step nobody takes the directory for a home, and a restore that was
interrupted goes on where it was.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from holdfast import assemble
from holdfast.blobs.interface import BlobCorrupt, BlobMissing

from .archive import (
    Archive,
    BackupError,
    Contents,
    containers_in,
    copy_durably,
    sha256_of,
    sync_directory,
    write_durably,
)

_MARK = "restoring"


class Owner(NamedTuple):
    """A user and a group, by number."""

    uid: int
    gid: int


class Restored(NamedTuple):
    """A home that is whole again, but for its faults and its keyring."""

    contents: Contents
    containers: int
    faults: list[str]
    """Blobs that could not be brought back whole, in sentences."""


def restore(archive: Archive, home: assemble.Home, owner: Owner | None = None) -> Restored:
    """Make a home from a backup, in a directory that is empty or not there. Durable when this returns.

    All of it is given to `owner`, which only root can; None = it belongs to who runs this.
    The keyring isn't part of a backup: the caller has to put it in its place. Raises BackupError, or OSError.
    """
    contents = archive.read_contents()
    if contents is None:
        if archive.unfinished_file.exists():
            raise BackupError(f"the backup in {archive.root} was interrupted: make it again with holdfast backup")
        raise BackupError(f"there is no backup in {archive.root}: name the directory that holds backup.json")
    _prepare(home, contents)
    # A log that an interrupted restore left would be played into the fresh copy.
    for database in (home.catalog_file, home.portal_file):
        for leftover in home.root.glob(database.name + "*"):
            leftover.unlink()
    _copy_database(archive.catalog_file(contents), home.catalog_file, contents.catalog_sha256)
    if (portal := archive.portal_file(contents)) is not None:
        _copy_database(portal, home.portal_file, contents.portal_sha256)
    if archive.settings_file.exists():
        copy_durably(archive.settings_file, home.settings_file)
    containers, faults = _copy_containers(archive, home)
    if owner is not None:
        # Before the format says that this is a home: one that its user can't write would be no home of theirs.
        for path in (home.root, *home.root.rglob("*")):
            os.chown(path, *owner, follow_symlinks=False)
    write_durably(home.format_file, f"{assemble.HOME_FORMAT}\n")
    if owner is not None:
        os.chown(home.format_file, *owner)
    (home.root / _MARK).unlink()
    sync_directory(home.root)
    return Restored(contents, containers, faults)


def owner_of(archive: Archive, home: assemble.Home) -> Owner:
    """Return whose a home restored by root should be: its directory's owner, and where that is root, the backup's."""
    for path in (home.root, archive.contents_file):
        if path.exists() and (status := path.stat()).st_uid != 0:
            return Owner(status.st_uid, status.st_gid)
    return Owner(0, 0)


def _prepare(home: assemble.Home, contents: Contents) -> None:
    mark = home.root / _MARK
    if home.root.exists() and any(home.root.iterdir()):
        if not mark.exists():
            raise BackupError(f"{home.root} is not empty: restore into an empty or new directory")
        if json.loads(mark.read_text(encoding="utf-8")) != contents.made_at_us:
            raise BackupError(f"{home.root} holds half of another backup: empty it, or name a new directory")
    home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.root.chmod(0o700)
    write_durably(mark, json.dumps(contents.made_at_us))
    sync_directory(home.root.parent)
    home.blobs.mkdir(mode=0o700, exist_ok=True)


def _copy_database(source: Path, target: Path, sha256: str) -> None:
    copy_durably(source, target)
    if sha256_of(target) != sha256:
        raise BackupError(f"{source} is damaged: restore another backup")


def _copy_containers(archive: Archive, home: assemble.Home) -> tuple[int, list[str]]:
    # Opened as a home's own catalog, so that one written by an older holdfast is migrated on the way.
    catalog = assemble.open_catalog(home)
    source = assemble.open_archive(archive.blobs)
    count = 0
    faults = []
    try:
        for container_id in containers_in(catalog):
            try:
                source.copy_to(container_id, str(home.blobs))
            except (BlobCorrupt, BlobMissing) as error:
                faults.append(str(error))
            count += 1
    finally:
        source.close()
        catalog.close()
    return count, faults
