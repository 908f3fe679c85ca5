"""Reading and changing rows of the SQLite catalog through one connection, within one SQLite transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import apsw

from .interface import CatalogError, CommitFn, Key, Outcome, Row, RowChanged, RowExists, Scalar, Table
from .sqlite_statements import Statements, scan_of, statements_of

_UNKNOWN: Final = object()
"""In the place of a remembered row, that it was not asked for yet."""

_TAKEN: Final = {apsw.SQLITE_CONSTRAINT_PRIMARYKEY, apsw.SQLITE_CONSTRAINT_UNIQUE}


def extended_code(error: apsw.Error) -> int:
    """Return SQLite's extended result code, 0 if there is none. Source: https://sqlite.org/rescode.html"""
    code: int = getattr(error, "extendedresult", 0)
    return code


class Rows:
    """Reading through one cursor; the part that a snapshot and a transaction have in common."""

    __slots__ = ("_execute", "_kept", "_path", "_scans", "_statements", "connection")

    def __init__(self, connection: apsw.Connection, path: Path) -> None:
        self.connection = connection
        self._execute = connection.cursor().execute
        self._path = path
        self._kept: dict[tuple[Table[Any], Key], Any] = {}
        """What was found in tables that are remembered, None among it. Belongs to one snapshot or transaction."""
        self._statements: dict[Table[Any], Statements] = {}
        self._scans: dict[tuple[Table[Any], str | None, int, str | None, bool, bool], str] = {}

    def find(self, table: Table[Row], key: Key) -> Row | None:
        if not table.is_remembered:
            return self._look_up(table, key)
        place = (table, key)
        found = self._kept.get(place, _UNKNOWN)
        if found is _UNKNOWN:
            found = self._kept[place] = self._look_up(table, key)
        return found  # type: ignore[no-any-return]

    def _look_up(self, table: Table[Row], key: Key) -> Row | None:
        statements = self._statements.get(table) or self._learn(table)
        try:
            for found in self._execute(statements.find, key):
                row: Row = statements.make_row(found)
                return row
        except apsw.Error as error:
            raise self._failed(error) from error
        return None

    def scan(
        self,
        table: Table[Row],
        prefix: Key = (),
        *,
        index: str | None = None,
        start: Scalar = None,
        after: Scalar = None,
        stop: Scalar = None,
        count_max: int | None = None,
        reverse: bool = False,
    ) -> Sequence[Row]:
        statements = self._statements.get(table) or self._learn(table)
        values = list(prefix)
        low = None
        if after is not None:
            low = ">"
            values.append(after)
        elif start is not None:
            low = ">="
            values.append(start)
        if stop is not None:
            values.append(stop)
        shape = (table, index, len(prefix), low, stop is not None, reverse)
        sql = self._scans.get(shape)
        if sql is None:
            sql = self._scans[shape] = scan_of(*shape)
        assert count_max is None or count_max >= 0, "count_max is negative"
        values.append(-1 if count_max is None else count_max)
        try:
            return list(map(statements.make_row, self._execute(sql, values)))
        except apsw.Error as error:
            raise self._failed(error) from error

    def _learn(self, table: Table[Any]) -> Statements:
        statements = self._statements[table] = statements_of(table)
        return statements

    def _failed(self, error: apsw.Error) -> Exception:
        return CatalogError(f"{self._path} cannot be read: {error}; see the disk's health and run `holdfast doctor`")


class Reader(Rows):
    """A snapshot and the connection that it is read through. Entered by one thread at a time."""

    __slots__ = ("_give_back",)

    def __init__(self, connection: apsw.Connection, path: Path, give_back: Callable[[Reader], None]) -> None:
        super().__init__(connection, path)
        self._give_back = give_back

    def __enter__(self) -> Self:
        self._kept.clear()
        try:
            # BEGIN alone would leave the choice of the moment to the first read.
            self._execute("BEGIN; SELECT 1 FROM meta")
        except apsw.Error as error:
            raise self._failed(error) from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._execute("COMMIT")
        self._give_back(self)


class Writer(Rows):
    """A durable transaction, again and again. The savepoint of a function is opened by its first change.

    A remembered row that is replaced is written at the end of the transaction, once, however many functions replaced
    it: what a tenancy and a bucket hold changes with every object of a batch.

    Its owner holds the turn while `run` runs, and rolls back if that raises.
    """

    __slots__ = ("_has_savepoint", "_undo", "_unwritten", "fault", "is_committing")

    def __init__(self, connection: apsw.Connection, path: Path) -> None:
        super().__init__(connection, path)
        self._has_savepoint = False
        self._unwritten: set[tuple[Table[Any], Key]] = set()
        """Which remembered rows the file doesn't have yet."""
        self._undo: list[tuple[tuple[Table[Any], Key], Any, bool]] = []
        """What the function that runs changed in `_kept`, the oldest first: place, what was there, was it unwritten."""
        self.is_committing = False
        """Whether what `run` raised came from COMMIT, so that it may have been written in part."""
        self.fault: apsw.Error | None = None
        """An error that no savepoint can undo, even when the function that met it swallowed it."""

    def add(self, table: Table[Row], row: Row) -> None:
        statements = self._statements.get(table) or self._learn(table)
        if not self._has_savepoint:
            self._open_savepoint()
        try:
            self._execute(statements.insert, row)
        except apsw.Error as error:
            raise self._refused(table, row, error) from error
        if table.is_remembered:
            self._keep((table, statements.key_of(row)), row)

    def scan(self, table: Table[Row], prefix: Key = (), **how: Any) -> Sequence[Row]:
        if table.is_remembered and self._unwritten:
            if not self._has_savepoint:
                self._open_savepoint()
            try:
                # They stay marked: should this function fail, the savepoint takes what is written here back.
                self._write_kept(table)
            except apsw.Error as error:
                raise self._failed(error) from error
        return super().scan(table, prefix, **how)

    def replace(self, table: Table[Row], row: Row, expected: Row | None = None) -> None:
        statements = self._statements.get(table) or self._learn(table)
        key = statements.key_of(row)
        if expected is not None and self.find(table, key) != expected:
            raise RowChanged(f"{table.name}: {key!r}")
        if table.is_remembered and not table.unique:
            if self.find(table, key) is None:
                raise RowChanged(f"{table.name}: {key!r}")
            self._keep((table, key), row, is_unwritten=True)
            return
        if not self._has_savepoint:
            self._open_savepoint()
        try:
            self._execute(statements.update, row)
        except apsw.Error as error:
            raise self._refused(table, row, error) from error
        if not self.connection.changes():
            raise RowChanged(f"{table.name}: {key!r}")
        if table.is_remembered:
            self._keep((table, key), row)

    def remove(self, table: Table[Row], key: Key) -> Row:
        there = self.find(table, key)
        if there is None:
            raise RowChanged(f"{table.name}: {key!r}")
        if not self._has_savepoint:
            self._open_savepoint()
        try:
            self._execute(statements_of(table).delete, key)
        except apsw.Error as error:
            raise self._failed(error) from error
        if table.is_remembered:
            self._keep((table, key), None)
        return there

    def run(self, commit_fns: Sequence[CommitFn[Any]]) -> list[Outcome]:
        """Run the functions between BEGIN and COMMIT. Raises apsw.Error when the transaction as a whole has failed."""
        self.fault = None
        self.is_committing = False
        self._kept.clear()
        self._unwritten.clear()
        execute = self._execute
        execute("BEGIN IMMEDIATE")
        # The only function needs no savepoint: undoing it is undoing everything.
        is_alone = len(commit_fns) == 1
        outcomes = []
        for commit_fn in commit_fns:
            self._has_savepoint = is_alone
            self._undo.clear()
            try:
                outcome = Outcome(commit_fn(self), None)
            except Exception as error:
                outcome = Outcome(None, error)
            outcomes.append(outcome)
            if self.fault is not None:
                raise self.fault
            if is_alone:
                if outcome.error is not None:
                    execute("ROLLBACK")
                    return outcomes
                continue
            if outcome.error is not None:
                self._forget_changes()
            if self._has_savepoint:
                if outcome.error is not None:
                    execute("ROLLBACK TO fn")
                execute("RELEASE fn")
        for table in {table for table, _ in self._unwritten}:
            self._write_kept(table)
        self.is_committing = True
        execute("COMMIT")
        return outcomes

    def roll_back(self) -> bool:
        """Undo the whole transaction, and return whether nothing is left of it."""
        if self.connection.in_transaction:
            try:
                self._execute("ROLLBACK")
            except apsw.Error:
                return False
        return not self.connection.in_transaction

    def _keep(self, place: tuple[Table[Any], Key], row: Any, *, is_unwritten: bool = False) -> None:
        self._undo.append((place, self._kept.get(place, _UNKNOWN), place in self._unwritten))
        self._remember(place, row, is_unwritten)

    def _forget_changes(self) -> None:
        """Remember again what there was before the function that failed."""
        for place, row, is_unwritten in reversed(self._undo):
            self._remember(place, row, is_unwritten)

    def _remember(self, place: tuple[Table[Any], Key], row: Any, is_unwritten: bool) -> None:
        self._kept[place] = row  # _UNKNOWN is looked up as if nothing were kept
        if is_unwritten:
            self._unwritten.add(place)
        else:
            self._unwritten.discard(place)

    def _write_kept(self, table: Table[Any]) -> None:
        for place in self._unwritten:
            if place[0] is table:
                self._execute(statements_of(table).update, self._kept[place])

    def _open_savepoint(self) -> None:
        self._execute("SAVEPOINT fn")
        self._has_savepoint = True

    def _refused(self, table: Table[Any], row: Any, error: apsw.Error) -> Exception:
        if isinstance(error, apsw.ConstraintError):
            if extended_code(error) in _TAKEN:
                return RowExists(f"{table.name}: {error}")
            return TypeError(f"{table.name}: {error}")
        return self._failed(error)

    def _failed(self, error: apsw.Error) -> Exception:
        self.fault = error
        return super()._failed(error)
