"""What the SQLite engine promises beyond the contract: durability, faults of the disk, several processes, its file."""

from __future__ import annotations

import errno
import fcntl
import itertools
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import apsw
import pytest

from holdfast.catalog import sqlite, sqlite_schema
from holdfast.catalog.columns import order_of
from holdfast.catalog.interface import (
    CatalogBroken,
    CatalogError,
    CatalogFull,
    CatalogTooNew,
    Transaction,
)
from holdfast.catalog.marks import CommitMark
from holdfast.catalog.rows import ALL_TABLES, REFERENCES, USAGE, ReferenceRow, UsageRow
from holdfast.catalog.sqlite import SqliteCatalog
from holdfast.catalog.sqlite_rows import Writer
from holdfast.catalog.sqlite_statements import scan_of

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.db"


@pytest.fixture
def catalog(path: Path) -> Iterator[SqliteCatalog]:
    catalog = SqliteCatalog(path)
    yield catalog
    catalog.close()


def reference(blob_id: str, owner: str = "o", length_bytes: int = 0) -> ReferenceRow:
    return ReferenceRow(blob_id, owner, length_bytes)


def add(*rows: ReferenceRow) -> Callable[[Transaction], None]:
    def commit_fn(transaction: Transaction) -> None:
        for row in rows:
            transaction.add(REFERENCES, row)

    return commit_fn


def blob_ids(catalog: SqliteCatalog) -> list[str]:
    with catalog.read() as snapshot:
        return [row.blob_id for row in snapshot.scan(REFERENCES)]


def usage(live_bytes: int) -> UsageRow:
    return UsageRow("scope", live_bytes, 0, 0, 0, 0, 0, 0, 0)


def edit(path: Path, sql: str) -> None:
    """Change the file behind the engine's back. With apsw, as a second SQLite library would not see the first one's locks."""
    connection = apsw.Connection(str(path))
    connection.execute(sql)
    connection.close()


def count_up(transaction: Transaction) -> None:
    row = transaction.find(USAGE, ("scope",))
    assert row is not None
    transaction.replace(USAGE, row._replace(live_bytes=row.live_bytes + 1), row)


# --- the file -------------------------------------------------------------------------------------------------------


def test_rows_are_there_after_reopening(path: Path) -> None:
    first = SqliteCatalog(path)
    first.commit([add(reference("b"))])
    first.close()
    again = SqliteCatalog(path)
    assert blob_ids(again) == ["b"]
    again.close()


def test_only_the_owner_may_read_any_of_its_files(catalog: SqliteCatalog, path: Path) -> None:
    catalog.commit([add(reference("b"))])
    assert blob_ids(catalog) == ["b"]
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert {"catalog.db", "catalog.db-wal", "catalog.db-shm", "catalog.db-turn"} <= set(modes)
    assert set(modes.values()) == {0o600}


def test_a_clean_close_leaves_no_log_to_recover(path: Path) -> None:
    catalog = SqliteCatalog(path)
    catalog.commit([add(reference("b"))])
    catalog.close()
    log = path.with_name("catalog.db-wal")
    assert not log.exists() or log.stat().st_size == 0


def test_a_newer_catalog_is_refused_with_a_sentence_for_the_operator(path: Path) -> None:
    SqliteCatalog(path).close()
    edit(path, f"PRAGMA user_version = {sqlite_schema.SCHEMA_VERSION + 1}")
    for read_only in (False, True):
        with pytest.raises(
            CatalogTooNew, match=rf"schema version {sqlite_schema.SCHEMA_VERSION + 1}, .*newer holdfast"
        ):
            SqliteCatalog(path, read_only=read_only)


def test_an_older_catalog_is_migrated_step_by_step_and_all_at_once(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SqliteCatalog(path).close()
    steps: list[str] = []

    def to_next(connection: apsw.Connection) -> None:
        steps.append("next")
        connection.execute("ALTER TABLE meta ADD COLUMN note TEXT")

    def to_last(connection: apsw.Connection) -> None:
        steps.append("last")
        if len(steps) < 3:
            raise LookupError("on purpose")

    version = sqlite_schema.SCHEMA_VERSION
    monkeypatch.setattr(sqlite_schema, "SCHEMA_VERSION", version + 2)
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", (*sqlite_schema.MIGRATIONS, to_next, to_last))
    with pytest.raises(CatalogError, match=rf"schema version {version}, not {version + 2}"):
        SqliteCatalog(path, read_only=True)
    with pytest.raises(LookupError):
        SqliteCatalog(path)
    assert steps == ["next", "last"]
    SqliteCatalog(path).close()
    assert steps == ["next", "last", "next", "last"]
    SqliteCatalog(path, read_only=True).close()
    assert len(steps) == 4


def test_a_database_of_somebody_else_is_left_alone(path: Path) -> None:
    edit(path, "CREATE TABLE theirs (a)")
    with pytest.raises(CatalogError, match="not a holdfast catalog"):
        SqliteCatalog(path)
    connection = apsw.Connection(str(path))
    assert connection.execute("SELECT name FROM sqlite_schema").get == "theirs"
    connection.close()


def test_a_file_that_is_no_database_is_refused(path: Path) -> None:
    path.write_bytes(b"not a database " * 1000)
    with pytest.raises(CatalogError, match="not a database"):
        SqliteCatalog(path)


def test_a_read_only_catalog_reads_and_takes_no_commits(catalog: SqliteCatalog, path: Path) -> None:
    catalog.commit([add(reference("b"))])
    reader = SqliteCatalog(path, read_only=True)
    assert blob_ids(reader) == ["b"]
    with pytest.raises(CatalogError, match="read only"):
        reader.commit([add(reference("c"))])
    reader.close()


def test_a_read_only_catalog_never_makes_a_file(path: Path) -> None:
    with pytest.raises(CatalogError):
        SqliteCatalog(path, read_only=True)
    assert list(path.parent.iterdir()) == []


def test_a_flipped_page_is_found_by_the_check(path: Path) -> None:
    catalog = SqliteCatalog(path)
    catalog.commit([add(*[reference(f"b{number:05}") for number in range(2000)])])
    catalog.close()
    image = bytearray(path.read_bytes())
    place = image.index(b"b01000")
    image[place : place + 6] = b"z01000"
    path.write_bytes(image)
    catalog = SqliteCatalog(path)
    assert [finding for finding in catalog.check() if "catalog.db" in finding]
    catalog.close()


def test_a_table_with_other_columns_is_found_by_the_check(path: Path) -> None:
    catalog = SqliteCatalog(path)
    edit(path, "ALTER TABLE usage ADD COLUMN extra INTEGER")
    assert [finding for finding in catalog.check() if "table usage has the columns" in finding]
    catalog.close()


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: table.name)
def test_no_scan_sorts(catalog: SqliteCatalog, path: Path, table: Any) -> None:
    connection = apsw.Connection(str(path))
    for index in (None, *table.indexes):
        width_max = len(order_of(table, index))
        for width, low, has_stop, reverse in itertools.product(
            range(width_max), (None, ">", ">="), (False, True), (False, True)
        ):
            sql = scan_of(table, index, width, low, has_stop, reverse)
            values = ["x"] * sql.count("?")
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
            assert len(plan) == 1, (sql, plan)
            assert plan[0].startswith("SEARCH" if width or low or has_stop else "SCAN"), (sql, plan)
    connection.close()


# --- faults of the disk ---------------------------------------------------------------------------------------------


class FaultyDisk(apsw.VFS):
    """A VFS that passes everything on until it is told to fail."""

    def __init__(self, name: str) -> None:
        self.vfs_name = name
        self.is_full = False
        self.failing_sync = ""
        """The end of the name of the file whose syncs fail."""
        self.syncs: list[str] = []
        super().__init__(name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        return FaultyFile(self, name, flags)


class FaultyFile(apsw.VFSFile):
    def __init__(self, disk: FaultyDisk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        self.disk = disk
        self.name = name.filename() if isinstance(name, apsw.URIFilename) else str(name)
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:
        if self.disk.is_full:
            super().xWrite(data[: len(data) // 2], offset)
            raise apsw.FullError("no space left on device")
        super().xWrite(data, offset)

    def xSync(self, flags: int) -> None:
        self.disk.syncs.append(self.name.rpartition("/")[2])
        if self.disk.failing_sync and self.name.endswith(self.disk.failing_sync):
            error: Any = apsw.IOError(os.strerror(errno.EIO))
            error.extendedresult = apsw.SQLITE_IOERR_FSYNC
            raise error
        super().xSync(flags)


@pytest.fixture
def disk() -> Iterator[FaultyDisk]:
    disk = FaultyDisk("faulty")
    yield disk
    disk.unregister()


@pytest.fixture
def faulty(disk: FaultyDisk, path: Path) -> Iterator[SqliteCatalog]:
    catalog = SqliteCatalog(path, vfs=disk.vfs_name)
    catalog.commit([add(reference("before"))])
    yield catalog
    disk.is_full = False
    disk.failing_sync = ""
    catalog.close()


def test_a_commit_syncs_the_log_once(faulty: SqliteCatalog, disk: FaultyDisk) -> None:
    disk.syncs.clear()
    faulty.commit([add(reference(str(number))) for number in range(10)])
    assert disk.syncs == ["catalog.db-wal"]


def test_a_commit_that_changes_nothing_syncs_nothing(faulty: SqliteCatalog, disk: FaultyDisk) -> None:
    disk.syncs.clear()
    faulty.commit([lambda t: t.find(REFERENCES, ("before", "o")), add(reference("before"))])
    faulty.commit([add(reference("new"), reference("before"))])
    assert disk.syncs == []
    assert blob_ids(faulty) == ["before"]


def test_a_full_disk_refuses_the_commit_changes_nothing_and_goes_on_when_there_is_space(
    faulty: SqliteCatalog, disk: FaultyDisk, path: Path
) -> None:
    for commit_fns in ([add(reference("1"))], [add(reference("2")), add(reference("3"))]):
        disk.is_full = True
        with pytest.raises(CatalogFull, match="nothing was changed"):
            faulty.commit(commit_fns)
        assert blob_ids(faulty) == ["before"]
        disk.is_full = False
        faulty.commit([add(reference("later"))])
        assert blob_ids(faulty) == ["before", "later"]
        faulty.commit([lambda t: t.remove(REFERENCES, ("later", "o"))])
    other = SqliteCatalog(path)
    assert blob_ids(other) == ["before"]
    assert list(other.check()) == []
    other.close()


def test_a_disk_that_fills_up_within_a_function_fails_the_whole_commit_even_if_the_function_hides_it(
    faulty: SqliteCatalog, disk: FaultyDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add_more_than_the_cache_holds(transaction: Transaction) -> None:
        disk.is_full = True
        try:
            for number in range(400):
                transaction.add(REFERENCES, reference(f"{number:03}" + "x" * 40_000))
        except CatalogError:
            pass

    with pytest.raises(CatalogFull):
        faulty.commit([add(reference("first")), add_more_than_the_cache_holds])
    disk.is_full = False
    assert blob_ids(faulty) == ["before"]
    faulty.commit([add(reference("later"))])
    assert blob_ids(faulty) == ["before", "later"]


def test_a_failed_sync_of_the_log_is_never_acknowledged_and_ends_all_commits(
    faulty: SqliteCatalog, disk: FaultyDisk
) -> None:
    disk.failing_sync = "-wal"
    with pytest.raises(CatalogBroken, match="restart holdfast"):
        faulty.commit([add(reference("lost"))])
    disk.failing_sync = ""
    calls: list[str] = []
    with pytest.raises(CatalogBroken):
        faulty.commit([add(reference("never"))], before=lambda: calls.append("before"))
    assert calls == []
    assert blob_ids(faulty) == ["before"]


@pytest.mark.parametrize(("is_committing", "expected"), [(False, CatalogFull), (True, CatalogBroken)])
def test_no_room_for_the_index_of_the_log_is_harmless_only_before_the_log_is_written(
    catalog: SqliteCatalog, monkeypatch: pytest.MonkeyPatch, is_committing: bool, expected: type[Exception]
) -> None:
    fault = apsw.IOError("no room for the index")
    fault.extendedresult = apsw.SQLITE_IOERR_SHMSIZE

    def run(writer: Writer, commit_fns: Sequence[Any]) -> list[Any]:
        writer.is_committing = is_committing
        raise fault

    monkeypatch.setattr(Writer, "run", run)
    with pytest.raises(expected):
        catalog.commit([add(reference("ghost"))])


def test_a_failed_sync_ends_the_commits_of_every_process_until_each_opens_the_catalog_anew(
    faulty: SqliteCatalog, disk: FaultyDisk, path: Path
) -> None:
    other = SqliteCatalog(path)
    disk.failing_sync = "-wal"
    with pytest.raises(CatalogBroken):
        faulty.commit([add(reference("lost"))])
    with pytest.raises(CatalogBroken, match="restart"):
        other.commit([add(reference("never"))])
    other.close()
    faulty.close()
    disk.failing_sync = ""
    again = SqliteCatalog(path)
    again.commit([add(reference("later"))])
    assert set(blob_ids(again)) - {"lost"} == {"before", "later"}
    again.close()


def test_opening_moves_the_log_of_a_crash_into_the_database(path: Path) -> None:
    catalog = SqliteCatalog(path)
    child = SPAWN.Process(target=_commit_and_die, args=(path,))
    catalog.close()
    child.start()
    child.join()
    log = path.with_name("catalog.db-wal")
    assert log.stat().st_size > 0
    catalog = SqliteCatalog(path)
    assert log.stat().st_size == 0
    assert blob_ids(catalog) == ["b"]
    catalog.close()


def _commit_and_die(path: Path) -> None:
    SqliteCatalog(path).commit([add(reference("b"))])
    os.kill(os.getpid(), signal.SIGKILL)


# --- the log --------------------------------------------------------------------------------------------------------


def wait_for_checkpoint(catalog: SqliteCatalog) -> None:
    assert catalog._checkpoint is not None
    catalog._checkpoint.join()


def test_the_log_starts_afresh_when_it_has_grown(
    catalog: SqliteCatalog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "CHECKPOINT_PAGES", 50)
    log = path.with_name("catalog.db-wal")
    sizes = []
    for number in range(300):
        catalog.commit([add(reference(f"{number:03}" + "x" * 5000))])
        if catalog._checkpoint is not None:
            wait_for_checkpoint(catalog)
        sizes.append(log.stat().st_size)
    assert max(sizes) < 100 * (sqlite.PAGE_BYTES + 24) < 300 * 5000


def test_a_long_snapshot_delays_a_fresh_log_but_no_commit_and_later_the_log_is_cut_down(
    catalog: SqliteCatalog, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "CHECKPOINT_PAGES", 20)
    monkeypatch.setattr(sqlite, "CHECKPOINT_RETRY_PAGES", 20)
    monkeypatch.setattr(sqlite, "CHECKPOINT_WAIT_MS", 1)
    other = SqliteCatalog(path)
    with other.read() as snapshot:
        assert snapshot.scan(REFERENCES) == []
        for number in range(100):
            catalog.commit([add(reference(f"{number:03}" + "x" * 5000))])
        wait_for_checkpoint(catalog)
        assert snapshot.scan(REFERENCES) == []
        long_pages = catalog._log_pages
    assert long_pages > 100
    for number in range(100, 140):
        catalog.commit([add(reference(f"{number:03}" + "x" * 5000))])
        wait_for_checkpoint(catalog)
    assert catalog._log_pages < 100
    other.close()


def test_a_failed_sync_in_a_checkpoint_ends_all_commits(
    faulty: SqliteCatalog, disk: FaultyDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "CHECKPOINT_PAGES", 1)
    faulty._checkpoint_at = 1
    disk.failing_sync = "catalog.db"
    faulty.commit([add(reference("acknowledged"))])
    wait_for_checkpoint(faulty)
    disk.failing_sync = ""
    with pytest.raises(CatalogBroken):
        faulty.commit([add(reference("never"))])
    assert blob_ids(faulty) == ["acknowledged", "before"]


# --- several processes ----------------------------------------------------------------------------------------------


def test_the_mark_tells_of_the_commits_of_others_and_of_one_that_is_on_its_way(
    catalog: SqliteCatalog, path: Path
) -> None:
    other = SqliteCatalog(path)
    before, within = other.mark(), []
    catalog.commit([lambda transaction: within.append(other.mark())])
    assert within == [None]
    assert before != other.mark() == catalog.mark()
    other.close()


def test_a_commit_that_was_killed_leaves_the_mark_unknown_until_the_next_one(
    catalog: SqliteCatalog, path: Path
) -> None:
    CommitMark(path.with_name(f"{path.name}-mark")).__enter__()
    assert catalog.mark() is None
    catalog.commit([lambda transaction: None])
    assert catalog.mark() is not None


def test_a_failed_commit_changes_the_mark_too(catalog: SqliteCatalog) -> None:
    before = catalog.mark()
    with pytest.raises(KeyboardInterrupt):
        catalog.commit([_interrupt])
    assert catalog.mark() not in (None, before)


def _interrupt(transaction: Any) -> None:
    raise KeyboardInterrupt


def test_commits_of_several_processes_lose_no_update(catalog: SqliteCatalog, path: Path) -> None:
    catalog.commit([lambda t: t.add(USAGE, usage(0))])
    children = [SPAWN.Process(target=_count, args=(path, 150)) for _ in range(2)]
    for child in children:
        child.start()
    for _ in range(150):
        catalog.commit([count_up])
    for child in children:
        child.join()
        assert child.exitcode == 0
    with catalog.read() as snapshot:
        assert snapshot.find(USAGE, ("scope",)) == usage(450)
    assert list(catalog.check()) == []


def _count(path: Path, times: int) -> None:
    catalog = SqliteCatalog(path)
    for _ in range(times):
        [outcome] = catalog.commit([count_up])
        assert outcome.error is None
        with catalog.read() as snapshot:
            assert snapshot.find(USAGE, ("scope",)) is not None
    catalog.close()


def test_a_process_killed_in_its_turn_blocks_nobody_and_leaves_nothing(catalog: SqliteCatalog, path: Path) -> None:
    catalog.commit([add(reference("before"))])
    for moment in ("before", "function"):
        mine, theirs = SPAWN.Pipe()
        child = SPAWN.Process(target=_stop_in_turn, args=(path, moment, theirs))
        child.start()
        theirs.close()
        assert mine.recv() == "in turn"
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        catalog.commit([add(reference(f"after {moment}"))])
        child.join()
    assert blob_ids(catalog) == ["after before", "after function", "before"]


def _stop_in_turn(path: Path, moment: str, pipe: Connection) -> None:
    catalog = SqliteCatalog(path)

    def stop() -> None:
        pipe.send("in turn")
        signal.pause()

    def add_and_stop(transaction: Transaction) -> None:
        transaction.add(REFERENCES, reference("half"))
        stop()

    catalog.commit([add_and_stop], before=stop if moment == "before" else None)


def test_a_forked_child_can_neither_use_nor_harm_the_parents_catalog(catalog: SqliteCatalog, path: Path) -> None:
    def try_everything() -> None:
        with pytest.raises(CatalogError, match="before the fork"):
            catalog.commit([add(reference("child"))])
        with pytest.raises(CatalogError, match="before the fork"):
            blob_ids(catalog)
        with pytest.raises(CatalogError, match="before the fork"):
            SqliteCatalog(path)
        catalog.close()

    catalog.commit([add(reference("before"))])
    with catalog.read() as snapshot:
        child = multiprocessing.get_context("fork").Process(target=try_everything)
        child.start()
        child.join()
        assert child.exitcode == 0
        assert [row.blob_id for row in snapshot.scan(REFERENCES)] == ["before"]
    catalog.commit([add(reference("behind"))])
    assert blob_ids(catalog) == ["before", "behind"]


def test_a_catalog_closed_before_a_fork_may_be_opened_in_the_child(path: Path) -> None:
    SqliteCatalog(path).close()
    child = multiprocessing.get_context("fork").Process(target=_open_and_close, args=(path,))
    child.start()
    child.join()
    assert child.exitcode == 0


def test_opening_the_file_twice_in_a_process_keeps_its_locks(catalog: SqliteCatalog, path: Path) -> None:
    """POSIX drops a process's locks on a file when the process closes any descriptor of it.

    Without them another process may think itself the last one that has the file open, and delete the log.
    """
    assert blob_ids(catalog) == []
    SqliteCatalog(path).close()
    child = SPAWN.Process(target=_exit_with_1_if_locked, args=(path,))
    child.start()
    child.join()
    assert child.exitcode == 1


def _exit_with_1_if_locked(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.lockf(
            descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002
        )  # SHARED_SIZE, SHARED_FIRST in os_unix.c
    except BlockingIOError:
        sys.exit(1)


def _open_and_close(path: Path) -> None:
    SqliteCatalog(path).close()


def test_another_program_that_holds_the_lock_is_waited_for_only_so_long(catalog: SqliteCatalog, path: Path) -> None:
    assert catalog._writer is not None
    catalog._writer.connection.set_busy_timeout(1)
    other = apsw.Connection(str(path))
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(CatalogError, match="another program"):
        catalog.commit([add(reference("b"))])
    other.execute("ROLLBACK")
    other.close()
    catalog.commit([add(reference("b"))])
    assert blob_ids(catalog) == ["b"]
