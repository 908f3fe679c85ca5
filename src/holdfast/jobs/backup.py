"""Copying a home into a directory, while it is served.

Collection is paused, the catalog is copied as one snapshot, and then every container that this copy names; containers
that are there and whole since an earlier backup are skipped. Only the last step, one rename, makes it the backup: until
then the one before it can be restored. A backup that was interrupted is made again, and finds most of it there.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from typing import Final, NamedTuple

from holdfast import assemble
from holdfast.blobs.interface import BlobCorrupt, BlobMissing, Blobs
from holdfast.catalog.interface import Catalog
from holdfast.store import references

from . import pause
from .archive import FORMAT, Archive, BackupError, Contents, containers_in, copy_durably, sha256_of, write_durably

_OURS: Final = ("backup.json", "unfinished", "lock")


class Made(NamedTuple):
    """A backup that is complete."""

    contents: Contents
    was_interrupted: bool
    """Whether an earlier one had been interrupted here."""
    removed: int
    """Containers of earlier backups that nothing names any more."""


def back_up(home: assemble.Home, catalog: Catalog, blobs: Blobs, archive: Archive, clock_us: Callable[[], int]) -> Made:
    """Make a backup, or bring the one that is there up to date. Durable when this returns.

    Rotten and missing blobs are named in the contents' faults, and the rest is kept. Raises BackupError, or OSError
    when the archive's disk is full or broken; then the archive still holds the backup before.
    """
    _prepare(home, archive)
    with _locked(archive):
        before = archive.read_contents()
        was_interrupted = archive.unfinished_file.exists()
        write_durably(archive.unfinished_file, "A backup is being made here, or was interrupted: make it again.\n")
        _remove_databases(archive, before)
        with pause.paused(home.collect_lock):
            made_at_us = clock_us()
            suffix = f"{made_at_us}-{secrets.token_hex(4)}.sqlite"
            # Before the catalog, so that every person in it has a user there.
            portal = f"portal-{suffix}" if assemble.snapshot_portal(home, archive.root / f"portal-{suffix}") else ""
            name = f"catalog-{suffix}"
            catalog.snapshot_to(archive.root / name)
            copy = assemble.open_catalog_copy(archive.root / name)
            try:
                containers, faults, damaged = _copy_containers(
                    copy, blobs, archive, frozenset(before.damaged if before is not None else ())
                )
            except BaseException:
                copy.close()
                raise
        try:
            size_bytes, stale = _weigh(copy, archive)
        finally:
            copy.close()
        if home.settings_file.exists():
            copy_durably(home.settings_file, archive.settings_file)
        contents = Contents(
            format=FORMAT,
            made_at_us=made_at_us,
            home=str(home.root),
            catalog=name,
            catalog_sha256=sha256_of(archive.root / name),
            containers=containers,
            size_bytes=size_bytes,
            faults=faults,
            damaged=damaged,
            portal=portal,
            portal_sha256=sha256_of(archive.root / portal) if portal else "",
        )
        archive.write_contents(contents)
        _remove_databases(archive, contents)
        kept = assemble.open_archive(archive.blobs)
        for container_id in stale:
            kept.delete(container_id)
        archive.unfinished_file.unlink()
    write_durably(home.last_backup_file, json.dumps({"at_us": made_at_us, "to": str(archive.root)}) + "\n")
    return Made(contents, was_interrupted, len(stale))


def _prepare(home: assemble.Home, archive: Archive) -> None:
    root = archive.root.resolve()
    if root == home.root.resolve() or home.root.resolve() in root.parents:
        raise BackupError(f"{archive.root} lies in the home itself: name a directory on another disk")
    if root.exists() and any(root.iterdir()) and not any((root / name).exists() for name in _OURS):
        raise BackupError(f"{archive.root} is not empty and holds no backup: name an empty or new directory")
    archive.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    archive.blobs.mkdir(mode=0o700, exist_ok=True)


@contextmanager
def _locked(archive: Archive) -> Iterator[None]:
    fd = os.open(archive.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"another backup to {archive.root} is being made now: wait for it") from None
        yield
    finally:
        os.close(fd)


def _remove_databases(archive: Archive, contents: Contents | None) -> None:
    """Remove copies of databases that are no backup's, and what SQLite left beside them."""
    kept = (contents.catalog, contents.portal) if contents is not None else ()
    for pattern in ("catalog-*.sqlite*", "portal-*.sqlite*"):
        for path in archive.root.glob(pattern):
            if path.name not in kept:
                path.unlink(missing_ok=True)


def _copy_containers(
    copy: Catalog, blobs: Blobs, archive: Archive, suspects: Collection[str]
) -> tuple[int, list[str], list[str]]:
    """Copy what the catalog's copy names; return the number of containers, the faults, and which ones they are in."""
    faults = list(copy.check())
    damaged: list[str] = []
    kept = assemble.open_archive(archive.blobs)
    count = 0
    for container_id in containers_in(copy):
        try:
            if container_id in suspects and not any(blobs.verify(container_id)):
                kept.delete(container_id)  # what was damaged has been mended in the home
            blobs.copy_to(container_id, str(archive.blobs))
            if container_id in suspects and (fault := next(kept.verify(container_id), "")):
                raise BlobCorrupt(fault)
        except (BlobCorrupt, BlobMissing) as error:
            faults.append(str(error))
            damaged.append(container_id)
        count += 1
    return count, faults, damaged


def _weigh(copy: Catalog, archive: Archive) -> tuple[int, list[str]]:
    """Return the bytes of the containers that the copy names, and which others are there."""
    size_bytes = 0
    stale = []
    for fact in assemble.open_archive(archive.blobs).scan():
        with copy.read() as rows:
            is_named = references.is_owned(rows, fact.container_id)
        if is_named:
            size_bytes += fact.size_bytes
        else:
            stale.append(fact.container_id)
    with suppress(FileNotFoundError):
        for leftover in (archive.blobs / "staging").iterdir():
            leftover.unlink()
    return size_bytes, stale
