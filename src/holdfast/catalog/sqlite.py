"""The catalog in one SQLite file, shared by the worker processes of one machine.

Durable by the write-ahead log with `synchronous=FULL`: a commit returns when its log is synced. One process writes at a
time, in fair turns (`turns.py`), because SQLite's own busy handler sleeps and starves. Readers see a snapshot and never
wait. Source: https://sqlite.org/wal.html
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock, Thread
from typing import Any, Final
from weakref import WeakSet

import apsw

from .interface import CatalogBroken, CatalogError, CatalogFull, CommitFn, Outcome, Table
from .marks import CommitMark
from .rows import ALL_TABLES
from .sqlite_rows import Reader, Writer, extended_code
from .sqlite_schema import check_schema, check_version, prepare_schema
from .turns import Turn

PAGE_BYTES = 4096
"""Measured with object rows in random order: 8 and 16 KiB cost 10 to 20 % more CPU a durable row and a point read."""

CACHE_KIB = 24 * 1024
"""Page cache of each reading connection: with 10^6 keys a point read costs 1.1 times what it does with 10^3, and with
8 MiB 1.3 times. A commit empties it of what it changed. No mmap: a bad sector would then kill the process by SIGBUS,
where a read call reports an error."""

WRITER_CACHE_KIB = 8 * 1024
"""Page cache of the writing connection, where more was not seen to help."""

BUSY_TIMEOUT_MS = 10_000
"""How long to wait for a program that is not holdfast (the `sqlite3` shell, say) to give the write lock back."""

CHECKPOINT_PAGES = 4000
"""Length of the log, 16 MiB, at which a checkpoint begins. Recovery after a crash reads little more than this."""

CHECKPOINT_RETRY_PAGES = 1000
"""How much the log grows before the next try, when older snapshots kept a checkpoint from starting it afresh."""

CHECKPOINT_WAIT_MS = 50
"""How long a checkpoint that has the turn waits for older snapshots to end."""

LOG_BYTES_KEPT = 64 * 1024 * 1024
"""What a log that long snapshots made longer is cut down to."""

# Multi-thread mode: we see to it that a connection is used by one thread at a time, so SQLite needs no mutex around
# each column that it returns. That is a quarter of a scan.
_FLAGS: Final = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_NOMUTEX
_READ_ONLY_FLAGS: Final = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_NOMUTEX

# Faults met before COMMIT that cannot have touched the file: the transaction is rolled back and the engine goes on.
_HARMLESS_FAULTS: Final = {
    apsw.SQLITE_IOERR_READ,
    apsw.SQLITE_IOERR_SHORT_READ,
    apsw.SQLITE_IOERR_NOMEM,
    apsw.SQLITE_IOERR_SHMMAP,
    apsw.SQLITE_IOERR_SHMOPEN,
}


class SqliteCatalog:
    """A `Catalog` in a file, made with mode 0600 when it is not there. Beside it lie its log and the files of its turn.

    Raises CatalogTooNew for a file of a newer holdfast, and CatalogError for one that can't be opened. With `read_only`
    it neither makes nor migrates the file and takes no commits. `vfs` names a registered SQLite VFS, to test faults.

    Open it after a fork, or close it before. SQLite's table of the locks of a process is copied by a fork and then
    wrong, so the child can use neither this catalog nor a new one of the same file, and is told so. Nor may a process
    open the file by other means than apsw: POSIX drops all its locks when it closes any descriptor of the file.
    """

    def __init__(
        self,
        path: Path,
        *,
        read_only: bool = False,
        tables: Sequence[Table[Any]] = ALL_TABLES,
        vfs: str | None = None,
    ) -> None:
        self._path = path
        self._read_only = read_only
        self._tables = tuple(tables)
        self._vfs = vfs
        self._is_closed = False
        self._broken = ""
        self._turn: Turn | None = None
        self._mark: CommitMark | None = None
        self._forget()
        try:
            with self._explained():
                self._open_read_only() if read_only else self._open_or_make()
        except BaseException:
            self.close()
            raise
        self._identity = _identity(path)
        _OPENED.add(self)

    @property
    def reads_inline(self) -> bool:
        return True

    def mark(self) -> int | None:
        if self._mark is None:
            return None
        value = self._mark.value()
        return None if value & 1 else value

    def read(self) -> Reader:
        try:
            return self._free_readers.pop()
        except IndexError:
            return self._open_reader()

    def commit(self, commit_fns: Sequence[CommitFn[Any]], before: Callable[[], None] | None = None) -> list[Outcome]:
        with self._writing:
            writer = self._writer or self._open_writer()
            if self._broken:
                raise CatalogBroken(self._broken)
            assert self._turn is not None
            assert self._mark is not None
            with self._turn, self._mark:
                if self._is_full:
                    self._reuse_log(writer.connection)
                if before is not None:
                    before()
                try:
                    outcomes = writer.run(commit_fns)
                except apsw.Error as error:
                    raise self._given_up(writer, error) from error
                except BaseException as error:
                    if not writer.roll_back():
                        raise self._break("a transaction could not be rolled back") from error
                    raise
            if self._log_pages >= self._checkpoint_at:
                self._start_checkpoint()
            return outcomes

    def snapshot_to(self, path: Path) -> None:
        """Copy page by page, synced, mode 0600. The copy opens as a catalog. Raises FileExistsError."""
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            with self._explained(), self._connected(self._read_only) as source:
                copy = apsw.Connection(os.fspath(path), flags=_FLAGS)
                try:
                    copy.pragma("journal_mode", "off")
                    copy.pragma("synchronous", "off")
                    # All pages in one step, so that it is one snapshot, and so that writers never make it start again.
                    with copy.backup("main", source, "main") as backup:
                        backup.step(-1)
                finally:
                    copy.close()
            _sync(path)
            _sync(path.parent)
        except BaseException:
            path.unlink()
            raise

    def check(self) -> Iterator[str]:
        """Yield a sentence for each fault. Reads the whole file."""
        with self._explained(), self._connected(self._read_only) as connection:
            for (finding,) in connection.execute("PRAGMA integrity_check"):
                if finding != "ok":
                    yield f"{self._path}: {finding}"
            yield from check_schema(connection, self._tables)

    def close(self) -> None:
        """Close the connections; the last process to do so empties the log. Open snapshots live on until they end."""
        if self._is_closed:
            return
        self._is_closed = True
        with self._writing:
            if self._checkpoint is not None:
                self._checkpoint.join()
            closing = [reader.connection for reader in self._free_readers]
            if self._writer is not None:
                closing.append(self._writer.connection)
            for connection in closing:
                if self._broken:
                    # The log may hold the only good copy of a page.
                    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
                connection.close()
            if self._turn is not None:
                self._turn.close()
            if self._mark is not None:
                self._mark.close()
                self._mark = None
            self._forget()

    def _forget(self) -> None:
        """Begin with no connections and free locks: at the start, at the end, and in a forked child."""
        self._free_readers: list[Reader] = []
        self._writer: Writer | None = None
        self._writing = Lock()
        self._checkpoint: Thread | None = None
        self._checkpoint_at = CHECKPOINT_PAGES
        self._log_pages = 0
        self._is_full = False
        """Whether the last commit found no space."""

    def _leave_to_parent(self) -> None:
        """In a forked child, let go of what is the parent's without closing it: closing would act on its files."""
        _INHERITED[self._identity] = (self._free_readers, self._writer)
        if self._turn is not None:
            self._turn.close()  # else the parent's turn would outlive it here
            self._turn = None
        if self._mark is not None:
            self._mark.close()
            self._mark = None
        self._forget()

    def _open_or_make(self) -> None:
        # Only a file that nobody has open yet: closing this descriptor would drop the locks of other connections.
        with suppress(FileExistsError):
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        _sync(self._path.parent)
        self._turn = Turn(self._path.with_name(self._path.name + "-turn"))
        self._mark = CommitMark(self._path.with_name(self._path.name + "-mark"))
        with self._turn, self._mark:
            connection = self._connect()
            connection.pragma("page_size", PAGE_BYTES)
            connection.pragma("journal_mode", "wal")
            prepare_schema(connection, self._path, self._tables)
            # After a failed sync the log may look whole, in memory, and yet have a hole on the disk. Moving it into the
            # database before the first commit makes that good.
            with suppress(apsw.BusyError):
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        self._adopt_writer(connection)

    def _open_read_only(self) -> None:
        connection = self._connect(read_only=True)
        check_version(connection, self._path, is_older_allowed=False)
        self._free_readers.append(Reader(connection, self._path, self._free_readers.append))

    def _open_reader(self) -> Reader:
        self._check_open()
        with self._explained():
            connection = self._connect(self._read_only)
            connection.pragma("query_only", True)
        # The list of now: a snapshot that ends after `close` is not given to anybody again.
        return Reader(connection, self._path, self._free_readers.append)

    def _open_writer(self) -> Writer:
        self._check_open()
        if self._read_only:
            raise CatalogError(f"{self._path} was opened to be read only")
        with self._explained():
            return self._adopt_writer(self._connect())

    def _adopt_writer(self, connection: apsw.Connection) -> Writer:
        connection.pragma("cache_size", -WRITER_CACHE_KIB)
        connection.set_wal_hook(self._note_log)
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        self._writer = Writer(connection, self._path)
        return self._writer

    def _connect(self, read_only: bool = False) -> apsw.Connection:
        if _INHERITED and _identity(self._path) in _INHERITED:
            raise CatalogError(f"{self._path} was open when this process was forked; close it before the fork")
        flags = _READ_ONLY_FLAGS if read_only else _FLAGS
        connection = apsw.Connection(os.fspath(self._path), flags=flags, vfs=self._vfs, statementcachesize=300)
        connection.set_busy_timeout(BUSY_TIMEOUT_MS)
        connection.pragma("synchronous", "full")
        connection.pragma("cache_size", -CACHE_KIB)
        connection.pragma("temp_store", "memory")
        connection.pragma("journal_size_limit", LOG_BYTES_KEPT)
        connection.wal_autocheckpoint(0)
        return connection

    @contextmanager
    def _connected(self, read_only: bool = False) -> Iterator[apsw.Connection]:
        self._check_open()
        connection = self._connect(read_only)
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn errors of SQLite into one for the operator."""
        try:
            yield
        except apsw.FullError as error:
            raise CatalogFull(f"no space is left for {self._path}") from error
        except apsw.Error as error:
            raise CatalogError(f"{self._path}: {error}; run `holdfast doctor`") from error

    def _check_open(self) -> None:
        if self._is_closed:
            raise CatalogError(f"{self._path} is closed")

    def _given_up(self, writer: Writer, error: apsw.Error) -> CatalogError:
        """Roll back and return what to raise."""
        is_undone = writer.roll_back()
        code = extended_code(error)
        if not is_undone:
            return self._break(f"a transaction could not be rolled back after: {error}")
        # The index of the log is made longer after the log itself was synced: no room for that in a COMMIT leaves a
        # transaction in the log that nobody sees, and that a crash brings back.
        is_full = isinstance(error, apsw.FullError) or (code == apsw.SQLITE_IOERR_SHMSIZE and not writer.is_committing)
        if is_full:
            self._is_full = True
            return CatalogFull(f"no space is left for {self._path}; nothing was changed")
        if isinstance(error, apsw.IOError) and (writer.is_committing or code not in _HARMLESS_FAULTS):
            return self._break(str(error))
        if isinstance(error, apsw.BusyError):
            return CatalogError(f"another program has held the lock of {self._path} for {BUSY_TIMEOUT_MS / 1000:.0f} s")
        return CatalogError(f"{self._path}: {error}; nothing was changed; run `holdfast doctor`")

    def _break(self, why: str) -> CatalogBroken:
        """Take no more commits, in any process, and return the error that says so."""
        self._broken = f"{self._path}: {why}; see the disk's health, then restart holdfast"
        if self._turn is not None:
            with suppress(OSError):  # this process stops in any case
                self._turn.fail()
        return CatalogBroken(self._broken)

    def _note_log(self, connection: apsw.Connection, name: str, pages: int) -> int:
        self._log_pages = pages
        if pages < CHECKPOINT_PAGES:
            self._checkpoint_at = CHECKPOINT_PAGES
        return apsw.SQLITE_OK

    def _reuse_log(self, connection: apsw.Connection) -> None:
        """Move the log into the database before its time, so that commits begin it afresh and need no room.

        Else deletes on a full disk would fill what is left of the log, and whatever room they are given (the ballast),
        and then be refused for good.
        """
        connection.set_busy_timeout(CHECKPOINT_WAIT_MS)
        try:
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
            self._is_full = False
        except (apsw.BusyError, apsw.FullError):
            pass  # the next commit tries again
        except apsw.Error as error:
            raise self._break(str(error)) from error
        finally:
            connection.set_busy_timeout(BUSY_TIMEOUT_MS)

    def _start_checkpoint(self) -> None:
        if self._checkpoint is None or not self._checkpoint.is_alive():
            assert self._turn is not None
            self._checkpoint_at = self._log_pages + CHECKPOINT_RETRY_PAGES
            turn = self._turn.another()
            self._checkpoint = Thread(target=self._run_checkpoint, args=(turn,), name="checkpoint", daemon=True)
            self._checkpoint.start()

    def _run_checkpoint(self, turn: Turn) -> None:
        """Move the log into the database: nearly all of it beside the writers, and the rest in a turn.

        Without the second part a busy log would never be found wholly moved, and so never start afresh.
        """
        try:
            connection = self._connect()
            try:
                connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
                connection.set_busy_timeout(CHECKPOINT_WAIT_MS)
                with turn:
                    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_RESTART)
            finally:
                connection.close()
        except (apsw.BusyError, apsw.FullError, CatalogBroken):
            pass  # the next try comes when the log has grown
        except apsw.Error as error:
            self._break(str(error))
        finally:
            turn.close()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_OPENED: WeakSet[SqliteCatalog] = WeakSet()

_INHERITED: dict[tuple[int, int], object] = {}
"""In a forked child, the parent's connections by the identity of their file; kept, so that nothing closes them."""


def _identity(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_dev, status.st_ino


def _after_fork() -> None:
    for catalog in list(_OPENED):
        if not catalog._is_closed:
            catalog._leave_to_parent()


os.register_at_fork(after_in_child=_after_fork)
