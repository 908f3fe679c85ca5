from __future__ import annotations

import dataclasses
import itertools
import json
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from tests.jobs.depot import BUCKET, TENANCY, Crash, Depot

from holdfast import assemble
from holdfast.blobs.files import FileBlobs
from holdfast.blobs.interface import Blobs
from holdfast.blobs.layout import Layout
from holdfast.catalog.rows import OBJECTS
from holdfast.config import Settings
from holdfast.jobs import archive as archives
from holdfast.jobs import backup as backups
from holdfast.jobs import pause
from holdfast.jobs import restore as restores
from holdfast.jobs.archive import Archive, BackupError, Contents
from holdfast.jobs.backup import back_up
from holdfast.jobs.collect import collect
from holdfast.jobs.restore import restore
from holdfast.jobs.scrub import scrub
from holdfast.store import versions


class Site:
    """A depot in files, and directories for backups and new homes."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = assemble.open_home(Settings(home=root / "home"), create=True)
        self.depot = Depot(assemble.open_catalog(self.home), self.open_blobs)
        self.archive = Archive(root / "backup")
        self._numbers = itertools.count()

    def open_blobs(self) -> Blobs:
        return FileBlobs(self.home.blobs, small_bytes_max=1000, reserve_bytes=0, segment_bytes_max=20_000)

    def back_up(self) -> backups.Made:
        return back_up(
            self.home,
            self.depot.catalog,
            assemble.open_archive(self.home.blobs),
            self.archive,
            self.depot.workshop.clock_us,
        )

    def new_home(self) -> assemble.Home:
        return assemble.Home(self.root / f"new-{next(self._numbers)}")

    def close(self) -> None:
        self.depot.blobs.close()
        self.depot.workshop.blobs.close()
        self.depot.catalog.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    site = Site(tmp_path)
    yield site
    site.close()


def contents_of(home: assemble.Home) -> dict[str, bytes]:
    """Return every object of a home, read back verified."""
    catalog = assemble.open_catalog(home)
    blobs = assemble.open_archive(home.blobs)
    found = {}
    try:
        with catalog.read() as rows:
            for row in rows.scan(OBJECTS, (BUCKET.bucket_id,)):
                reader = blobs.open(versions.resolve(rows, row, 0, row.size_bytes))
                found[row.key] = b"".join(bytes(piece) for piece in iter(reader.read, b""))
        assert list(scrub(catalog, blobs)) == []
    finally:
        catalog.close()
    return found


def fill(site: Site) -> dict[str, bytes]:
    depot = site.depot
    bodies = {f"small/{number}": depot.noise(300) for number in range(40)} | {
        "large": depot.noise(50_000),
        "empty": b"",
    }
    for key, body in bodies.items():
        depot.put(key, body)
    parts = [depot.noise(6000), depot.noise(10)]
    depot.multipart("many", *parts)
    depot.copy("large", "copy")
    return bodies | {"many": b"".join(parts), "copy": bodies["large"]}


def test_every_object_of_the_snapshot_reads_back_identical_after_a_restore(site: Site) -> None:
    bodies = fill(site)
    site.home.settings_file.write_text('region = "eu-west-1"\n')
    made = site.back_up()
    assert made.contents.faults == []
    home = site.new_home()
    restored = restore(site.archive, home)
    assert restored.faults == []
    assert restored.containers == made.contents.containers
    assert contents_of(home) == bodies
    assert home.settings_file.read_text() == 'region = "eu-west-1"\n'
    assemble.open_home(Settings(home=home.root), create=False)
    assert home.root.stat().st_mode & 0o777 == 0o700
    assert home.catalog_file.stat().st_mode & 0o777 == 0o600


def write_portal(home: assemble.Home, name: str) -> None:
    """Let the portal's database hold one row more, in the log beside it and not in the file yet."""
    connection = sqlite3.connect(home.portal_file)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("CREATE TABLE IF NOT EXISTS people (name TEXT)")
    connection.execute("INSERT INTO people VALUES (?)", (name,))
    connection.commit()
    connection.close()


def people_of(home: assemble.Home) -> list[str]:
    with closing(sqlite3.connect(home.portal_file)) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM people ORDER BY name")]


def test_the_portals_database_comes_back_as_it_was_at_the_backup_and_closed_to_others(site: Site) -> None:
    fill(site)
    write_portal(site.home, "ann")
    site.back_up()
    write_portal(site.home, "ben")
    home = site.new_home()
    restore(site.archive, home)
    assert people_of(home) == ["ann"]
    assert home.portal_file.stat().st_mode & 0o777 == 0o600
    site.back_up()
    assert len(list(site.archive.root.glob("portal-*"))) == 1
    home = site.new_home()
    restore(site.archive, home)
    assert people_of(home) == ["ann", "ben"]


def test_a_damaged_copy_of_the_portals_database_is_not_restored(site: Site) -> None:
    write_portal(site.home, "ann")
    site.back_up()
    (copy,) = site.archive.root.glob("portal-*.sqlite")
    content = bytearray(copy.read_bytes())
    content[-1] ^= 1
    copy.write_bytes(content)
    with pytest.raises(BackupError, match="damaged"):
        restore(site.archive, site.new_home())


def test_a_backup_that_was_made_before_there_was_a_portal_is_restored(site: Site) -> None:
    bodies = fill(site)
    site.back_up()
    document = json.loads(site.archive.contents_file.read_text())
    del document["portal"], document["portal_sha256"]
    site.archive.contents_file.write_text(json.dumps(document))
    home = site.new_home()
    restore(site.archive, home)
    assert contents_of(home) == bodies
    assert not home.portal_file.exists()


def make_older(path: Path) -> None:
    """Take from a catalog's file what the first version of the schema did not have."""
    first = sqlite3.connect(":memory:")
    first.executescript((Path(__file__).parents[1] / "catalog" / "schema-1.sql").read_text())
    known = {name for (name,) in first.execute("SELECT name FROM sqlite_schema")}
    connection = apsw.Connection(str(path))
    for kind, name in connection.execute("SELECT type, name FROM sqlite_schema WHERE sql IS NOT NULL").fetchall():
        if name not in known:
            connection.execute(f'DROP {kind} IF EXISTS "{name}"')
    connection.pragma("user_version", 1)
    connection.close()


def test_a_backup_of_an_older_holdfast_is_restored_and_migrated(site: Site) -> None:
    bodies = fill(site)
    site.back_up()
    contents = site.archive.read_contents()
    assert contents is not None
    path = site.archive.catalog_file(contents)
    make_older(path)
    site.archive.write_contents(dataclasses.replace(contents, catalog_sha256=archives.sha256_of(path)))
    home = site.new_home()
    assert restore(site.archive, home).faults == []
    assert contents_of(home) == bodies
    catalog = assemble.open_catalog(home)
    assert list(catalog.check()) == []
    catalog.close()


def test_a_backup_holds_neither_the_keyring_nor_anything_of_run(site: Site) -> None:
    fill(site)
    site.home.keyring_file.write_bytes(b"secret of secrets")
    site.home.tls.mkdir(exist_ok=True)
    (site.home.tls / "ca.key").write_bytes(b"secret of the authority")
    site.back_up()
    for path in site.archive.root.rglob("*"):
        assert path.is_dir() or b"secret of" not in path.read_bytes()
    assert {path.name for path in site.archive.root.iterdir()} == {
        "backup.json",
        "blobs",
        "lock",
        next(site.archive.root.glob("catalog-*.sqlite")).name,
    }


def test_a_backup_under_load_is_one_moment_of_the_store(site: Site) -> None:
    """Writers, deletes and the collector go on; each object's body says which round wrote it."""
    depot = site.depot
    fill(site)
    stopped = threading.Event()
    failures: list[BaseException] = []
    warm = threading.Event()

    def write() -> None:
        try:
            for number in itertools.count():
                if stopped.is_set():
                    return
                if number == 5:
                    warm.set()
                # Both keys change in one transaction, so that a snapshot shows the same round in both.
                slices = [depot.stage(f"{number:06d}".encode() * size) for size in (10, 500)]

                def both(tx: Any, slices: Any = slices, number: int = number) -> None:
                    for key, run in zip(("pair/a", "pair/b"), slices, strict=True):
                        versions.put(
                            tx, TENANCY, BUCKET, key, versions.Facts(),
                            versions.Body(sum(each.length_bytes for each in run), "e", "", run),
                            version_id=f"w{number}{key[-1]}", created_by="u1", now_us=depot.now_us,
                        )  # fmt: skip

                depot.commit(both)
                depot.put(f"new/{number}", depot.noise(2000))
                if number >= 3:
                    depot.delete(f"new/{number - 3}")
                depot.wait()
                collect(depot.workshop, lambda: pause.collecting(site.home.collect_lock))
        except BaseException as error:
            failures.append(error)
        finally:
            warm.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        warm.wait()
        for _ in range(5):
            made = site.back_up()
            assert made.contents.faults == []
            home = site.new_home()
            assert restore(site.archive, home).faults == []
            found = contents_of(home)
            assert found["pair/a"][:6] == found["pair/b"][:6]
            assert found["large"] == found["copy"]
    finally:
        stopped.set()
        writer.join()
    assert failures == []


def test_a_second_backup_copies_only_what_is_new_and_drops_what_nobody_names(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = fill(site)
    site.depot.put("gone", b"gone" * 1000)
    site.back_up()
    blobs = Layout(site.archive.blobs)
    before = {fact.container_id: blobs.path_of(fact.container_id).stat().st_ino for fact in blobs.scan()}
    site.depot.delete("gone")
    site.depot.put("new", b"x" * 5000)
    assert site.back_up().removed == 1
    after = {fact.container_id: blobs.path_of(fact.container_id).stat().st_ino for fact in blobs.scan()}
    kept = before.keys() & after.keys()
    assert len(kept) >= 1
    grown = {name for name in kept if before[name] != after[name]}
    assert len(grown) <= 1, "only the open segment was copied again"
    home = site.new_home()
    restore(site.archive, home)
    assert contents_of(home) == bodies | {"new": b"x" * 5000}


def killed_at(monkeypatch: pytest.MonkeyPatch, step: int, modules: tuple[Any, ...]) -> Callable[[], bool]:
    """Let the n-th durable step die; returns whether it was reached."""
    count = itertools.count(1)
    reached = []

    def fragile(found: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if next(count) == step:
                reached.append(True)
                raise Crash
            return found(*args, **kwargs)

        return call

    for module in modules:
        for name in ("write_durably", "copy_durably"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, fragile(getattr(module, name)))
    monkeypatch.setattr(FileBlobs, "copy_to", fragile(FileBlobs.copy_to))
    monkeypatch.setattr(FileBlobs, "delete", fragile(FileBlobs.delete))
    monkeypatch.setattr(Archive, "write_contents", fragile(Archive.write_contents))
    return lambda: bool(reached)


def test_a_backup_killed_at_any_step_leaves_the_one_before_and_is_finished_by_the_next(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = fill(site)
    site.back_up()
    site.depot.delete("many")
    site.depot.put("large", b"changed" * 999)
    second = {**first, "large": b"changed" * 999}
    del second["many"]
    shutil.copytree(site.archive.root, site.root / "pristine")
    for step in itertools.count(1):
        shutil.rmtree(site.archive.root)
        shutil.copytree(site.root / "pristine", site.archive.root)
        with monkeypatch.context() as patch:
            reached = killed_at(patch, step, (backups,))
            try:
                site.back_up()
            except Crash:
                pass
        home = site.new_home()
        restore(site.archive, home)
        assert contents_of(home) in (first, second)
        made = site.back_up()
        assert not made.was_interrupted or reached()
        home = site.new_home()
        restore(site.archive, home)
        assert contents_of(home) == second
        shutil.rmtree(home.root)
        if not reached():
            assert step > 5
            return


def test_an_interrupted_first_backup_is_recognised_and_what_it_copied_is_used(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    bodies = fill(site)
    with monkeypatch.context() as patch:
        killed_at(patch, 4, (backups,))
        with pytest.raises(Crash):
            site.back_up()
    with pytest.raises(BackupError, match="was interrupted: make it again"):
        restore(site.archive, site.new_home())
    copied = {fact.container_id: fact for fact in Layout(site.archive.blobs).scan()}
    assert copied
    inodes = {name: Layout(site.archive.blobs).path_of(name).stat().st_ino for name in copied}
    assert site.back_up().was_interrupted
    assert inodes == {name: Layout(site.archive.blobs).path_of(name).stat().st_ino for name in copied}
    assert not site.archive.unfinished_file.exists()
    home = site.new_home()
    restore(site.archive, home)
    assert contents_of(home) == bodies


def test_a_restore_killed_at_any_step_goes_on(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = fill(site)
    site.back_up()
    for step in itertools.count(1):
        home = site.new_home()
        with monkeypatch.context() as patch:
            reached = killed_at(patch, step, (restores,))
            try:
                restore(site.archive, home)
            except Crash:
                if step > 1:  # before, there is nothing but an empty directory
                    with pytest.raises(assemble.HomeError):
                        assemble.open_home(Settings(home=home.root), create=True)
                patch.undo()
                restore(site.archive, home)
        assert contents_of(home) == bodies
        if not reached():
            assert step > 5
            return


def test_a_rotten_blob_is_named_and_the_rest_is_backed_up(site: Site) -> None:
    bodies = fill(site)
    row = site.depot.put("rotten", b"y" * 3000)
    path = Layout(site.home.blobs).path_of(row.slices.split(":")[0])
    with path.open("r+b") as file:
        file.write(b"z")
    made = site.back_up()
    assert len(made.contents.faults) == 1
    assert row.slices.split(":")[0] in made.contents.faults[0]
    home = site.new_home()
    restored = restore(site.archive, home)
    assert len(restored.faults) == 1
    catalog = assemble.open_catalog(home)
    found = [str(fault) for fault in scrub(catalog, assemble.open_archive(home.blobs))]
    catalog.close()
    assert len(found) == 1
    assert "tenancy ten-o, bucket bucket, key rotten" in found[0]
    assert bodies


def test_a_rotten_blob_is_named_by_each_backup_until_it_is_mended(site: Site) -> None:
    row = site.depot.put("rotten", b"y" * 3000)
    container_id = row.slices.split(":")[0]
    path = Layout(site.home.blobs).path_of(container_id)
    for byte in (b"z", b"z", b"y"):
        with path.open("r+b") as file:
            file.write(byte)
        contents = site.back_up().contents
        is_damaged = byte != b"y"
        assert (len(contents.faults), contents.damaged) == ((1, [container_id]) if is_damaged else (0, []))
    assert restore(site.archive, site.new_home()).faults == []


def test_a_restore_refuses_what_is_not_a_whole_backup_or_not_an_empty_home(site: Site, tmp_path: Path) -> None:
    fill(site)
    with pytest.raises(BackupError, match=r"no backup in .* name the directory that holds backup\.json"):
        restore(Archive(tmp_path), site.new_home())
    site.back_up()
    with pytest.raises(BackupError, match="is not empty: restore into an empty or new directory"):
        restore(site.archive, site.home)
    with next(site.archive.root.glob("catalog-*.sqlite")).open("r+b") as file:
        file.seek(4096)
        file.write(b"!")
    with pytest.raises(BackupError, match=r"is damaged: restore another backup"):
        restore(site.archive, site.new_home())


def test_a_backup_is_not_made_among_other_files_in_the_home_or_twice_at_once(site: Site) -> None:
    site.archive.root.mkdir()
    (site.archive.root / "thesis.tex").touch()
    with pytest.raises(BackupError, match="is not empty and holds no backup"):
        site.back_up()
    (site.archive.root / "thesis.tex").unlink()
    site.archive = Archive(site.home.root / "backup")
    with pytest.raises(BackupError, match="lies in the home itself"):
        site.back_up()
    site.archive = Archive(site.root / "backup")
    with backups._locked(site.archive), pytest.raises(BackupError, match="being made now"):
        site.back_up()


def test_a_backup_that_cannot_be_written_can_be_restored(site: Site) -> None:
    bodies = fill(site)
    site.back_up()
    before = sorted(path.name for path in site.archive.root.rglob("*"))
    home = site.new_home()
    restore(site.archive, home)
    assert sorted(path.name for path in site.archive.root.rglob("*")) == before, "nothing is written beside it"
    assert contents_of(home) == bodies


def test_what_backup_json_says_is_read_back(site: Site) -> None:
    contents = Contents(archives.FORMAT, 5, "/home", "catalog-5.sqlite", "00", 1, 2, ["a fault"], ["sx-1"])
    site.archive.root.mkdir()
    site.archive.write_contents(contents)
    assert site.archive.read_contents() == contents
    for text in ("{", "[]", '{"format": 2}', '{"format": 1}'):
        site.archive.contents_file.write_text(text)
        with pytest.raises(BackupError, match=r"backup\.json"):
            site.archive.read_contents()
    assert os.path.exists(site.archive.root)
