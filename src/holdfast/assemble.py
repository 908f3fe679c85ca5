"""The home of one store, and the engines in it. The only module that names engines."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from holdfast.admin.endpoints import Serving
from holdfast.admin.office import Office
from holdfast.auth.generation import Generation
from holdfast.auth.keyring import Keyring
from holdfast.blobs.files import FileBlobs
from holdfast.blobs.interface import Blobs
from holdfast.blobs.layout import Layout
from holdfast.catalog.interface import Catalog
from holdfast.catalog.rows import ACCESS_KEYS
from holdfast.catalog.sqlite import SqliteCatalog
from holdfast.config import FILE_NAME, Address, Settings

HOME_FORMAT: Final = 1
"""The layout of a home. A home of a newer format is refused."""


class HomeError(Exception):
    """The home can't be used. The text tells the operator what happened and what to do next."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where everything of one store lies. All of it belongs to one user and nobody else may look in."""

    root: Path

    @property
    def format_file(self) -> Path:
        return self.root / "schema"

    @property
    def catalog_file(self) -> Path:
        return self.root / "catalog.sqlite"

    @property
    def keyring_file(self) -> Path:
        """The key-encryption keys. Back it up apart from the rest."""
        return self.root / "keyring"

    @property
    def portal_file(self) -> Path:
        """The portal's own database: people, requests, the history of grants, notices."""
        return self.root / "portal.sqlite"

    @property
    def portal_key_file(self) -> Path:
        """What signs the portal's sessions and links. Not backed up: a new one logs everybody out, no more."""
        return self.root / "portal.key"

    @property
    def outbox(self) -> Path:
        """Mail that waits to be sent, one message a file."""
        return self.root / "outbox"

    @property
    def blobs(self) -> Path:
        return self.root / "blobs"

    @property
    def tls(self) -> Path:
        """The local certificate authority and what it issued."""
        return self.root / "tls"

    @property
    def settings_file(self) -> Path:
        return self.root / FILE_NAME

    @property
    def run(self) -> Path:
        """What only running processes need: nothing in it is backed up."""
        return self.root / "run"

    @property
    def generation_file(self) -> Path:
        return self.run / "generation"

    @property
    def collect_lock(self) -> Path:
        """Held by whoever deletes blobs, and shared by those who need that nobody does (`jobs.pause`)."""
        return self.run / "collect.lock"

    @property
    def last_backup_file(self) -> Path:
        """Where and when the last backup was made: JSON of `at_us` and `to`."""
        return self.run / "last-backup.json"

    @property
    def jobs_file(self) -> Path:
        """How the last run of each job went: JSON, written by the process that does them."""
        return self.run / "jobs.json"

    @property
    def portal_jobs_file(self) -> Path:
        """How the last run of each of the portal's own rounds went: JSON of the same shape."""
        return self.run / "portal-jobs.json"

    @property
    def scrub_file(self) -> Path:
        """How far the server's own scrub has come, and what its last pass found: JSON."""
        return self.run / "scrub.json"

    @property
    def last_scrub_file(self) -> Path:
        """When `holdfast scrub` last read everything, and what it found: JSON of `finished_us` and `faults`."""
        return self.run / "last-scrub.json"

    @property
    def serving_file(self) -> Path:
        """Written by `serve` once it listens: JSON of `pid`, `s3`, `s3_tls` (HOST:PORT), `domain`, `ext_domain`,
        `tls_dir`, `portal`, `portal_url`."""
        return self.run / "serve.json"


def open_home(settings: Settings, *, create: bool) -> Home:
    """Return the home that the settings name, made when it is not there and `create` is true. Durable when this
    returns.

    Raises HomeError when it is absent, open to other users, not a home, or of a newer format.
    """
    home = Home(settings.home)
    if not home.format_file.exists():
        _make(home, create)
    mode = stat.S_IMODE(home.root.stat().st_mode)
    if mode & 0o077:
        raise HomeError(f"{home.root} has mode {mode:04o}, so others may look in: run chmod 700 {home.root}")
    text = home.format_file.read_text(encoding="utf-8").strip()
    if not text.isdecimal():
        raise HomeError(f"{home.format_file} is damaged: it must hold the number {HOME_FORMAT}")
    if int(text) > HOME_FORMAT:
        raise HomeError(f"{home.root} is of format {text}, written by a newer holdfast: use that version")
    for directory in (home.run, home.blobs, home.tls):
        directory.mkdir(mode=0o700, exist_ok=True)
    return home


def _make(home: Home, create: bool) -> None:
    if not create:
        raise HomeError(
            f"there is no holdfast home at {home.root}: name another with --home or HOLDFAST_HOME, "
            f"or make this one with holdfast serve --home {home.root}"
        )
    if home.root.exists() and any(not _may_precede(entry.name) for entry in home.root.iterdir()):
        if home.format_file.exists():
            return  # Another process was first: it writes the format before anything else.
        raise HomeError(f"{home.root} is not empty and not a holdfast home: name an empty or new directory")
    home.root.mkdir(mode=0o700, parents=True, exist_ok=True)
    home.root.chmod(0o700)
    # The format comes last: a home that was half made by a crash is made again, by whoever comes next.
    temporary = home.root / f"schema.new.{os.getpid()}"
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(f"{HOME_FORMAT}\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(home.format_file)
    finally:
        temporary.unlink(missing_ok=True)
    for directory in (home.root, home.root.parent):
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _may_precede(name: str) -> bool:
    """Whether a new home may find this: settings, an empty disk's own folder, what a crash left of making a home."""
    return name in ("holdfast.toml", "lost+found") or name.startswith("schema.new.")


def open_catalog(home: Home) -> Catalog:
    """Open the catalog of a home, made when there is none yet. Raises CatalogError, or HomeError if it is lost."""
    if not home.catalog_file.exists() and next(open_archive(home.blobs).scan(), None) is not None:
        # A new one would name none of the blobs, so that all of them were garbage.
        raise HomeError(
            f"{home.catalog_file} is lost, but there are blobs in {home.blobs}: put the catalog back, "
            "or restore a backup into a new home, see docs/how-to/back-up-and-restore.md"
        )
    return SqliteCatalog(home.catalog_file)


def open_catalog_copy(path: Path) -> Catalog:
    """Open a copy of a catalog that `snapshot_to` wrote, to read it alone. Raises CatalogError."""
    return SqliteCatalog(path, read_only=True)


def snapshot_portal(home: Home, path: Path) -> bool:
    """Write a consistent copy of the portal's database to a new file of mode 0600; False when the home has none.

    Others read and write meanwhile. The copy is durable when this returns.
    """
    if not home.portal_file.exists():
        return False
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with closing(sqlite3.connect(home.portal_file)) as source, closing(sqlite3.connect(path)) as target:
            source.backup(target)
            # A copy in WAL mode would need files beside it to be read.
            target.execute("PRAGMA journal_mode=DELETE")
        os.fsync(fd)
    finally:
        os.close(fd)
    return True


def open_archive(directory: Path) -> Blobs:
    """Open the blobs of a backup, to read them and copy them out of it."""
    return FileBlobs(directory, is_archive=True)


def open_blobs(home: Home) -> Blobs:
    """Open the blobs of a home, as an instance of their own. After a fork, never before."""
    return FileBlobs(home.blobs)


def release_ballast(home: Home) -> None:
    """Give up the ballast of a full disk, so that rows of a delete find room. A worker restores it when there is some.

    For a process that commits rows and holds no blobs; others ask their own engine.
    """
    Layout(home.blobs).ballast.unlink(missing_ok=True)


def open_keyring(home: Home, catalog: Catalog) -> Keyring:
    """Open the keyring of a home; it is made with the first access key.

    Raises KeyringError when it is lost or unsafe.
    """

    def has_sealed() -> bool:
        with catalog.read() as rows:
            return bool(rows.scan(ACCESS_KEYS, count_max=1))

    return Keyring.load_or_create(home.keyring_file, has_sealed)


def open_generation(home: Home) -> Generation:
    """Open the counter that tells every process of this home that keys, members or tenancies changed."""
    return Generation.open(home.generation_file)


@contextmanager
def open_office(home: Home, actor: str) -> Iterator[Office]:
    """Open what `admin` needs, beside a running server or without one."""
    catalog = open_catalog(home)
    generation = open_generation(home)
    try:
        yield Office(catalog, generation, actor)
    finally:
        generation.close()
        catalog.close()


def find_serving(home: Home, settings: Settings) -> Serving:
    """Return where the home is served now, or where it would be by these settings."""
    running = _read_serving(home)
    if running is None:
        return Serving(
            settings.domain,
            settings.ext_domain,
            settings.s3,
            settings.s3_tls,
            False,
            settings.tls_dir,
            settings.portal_origin,
            settings.portal,
            settings.legacy_portal,
        )
    return Serving(
        running.get("domain", settings.domain),
        running.get("ext_domain", settings.ext_domain),
        tuple(_address(text) for text in running["s3"]),
        tuple(_address(text) for text in running["s3_tls"]),
        True,
        Path(running["tls_dir"]) if running.get("tls_dir") else None,
        running.get("portal_url", ""),
        tuple(_address(text) for text in running.get("portal", ())),
        tuple(_address(text) for text in running.get("legacy_portal", ())),
    )


def _read_serving(home: Home) -> dict[str, Any] | None:
    try:
        document: dict[str, Any] = json.loads(home.serving_file.read_text(encoding="utf-8"))
        os.kill(document["pid"], 0)
    except PermissionError:
        pass  # It lives, as another user.
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return document


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return Address(host.strip("[]"), int(port))
