"""What every catalog engine promises: typed rows, snapshots, and durable all-or-nothing transactions.

Engines are key-value shaped. A `Table` is declared by its row type and primary key; an engine stores rows and keeps
them in the order of their keys. What rows mean is decided in `store`, once for all engines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

Row = TypeVar("Row", bound=NamedTuple)
Scalar = str | int | bytes | None
Key = tuple[Scalar, ...]
Result = TypeVar("Result")


@dataclass(frozen=True, eq=False)
class Table(Generic[Row]):
    """A declared table. Compared by identity; declared once, in `rows.py`.

    `row` is a NamedTuple class whose fields are `str`, `int` (64 bits), `bytes` or one of them or None. `key` names the
    columns of the primary key, in order; they are never None. `indexes` maps a name to the columns of a secondary
    order; an index is not unique unless its name is in `unique` (None is never taken), and always continues with what
    it lacks of the primary key. Text is ordered by the bytes of its UTF-8, and None comes first.

    `is_remembered` is for a table of which few rows are asked for again and again within one snapshot or transaction:
    an engine may keep what it found, and write what was replaced many times once, before it commits.
    """

    name: str
    row: type[Row]
    key: tuple[str, ...]
    indexes: dict[str, tuple[str, ...]] = field(default_factory=dict)
    unique: frozenset[str] = frozenset()
    is_remembered: bool = False


class Snapshot(Protocol):
    """A consistent view of the whole catalog: it shows every transaction acknowledged before it began, and no other."""

    def find(self, table: Table[Row], key: Key) -> Row | None:
        """Return the row with this whole primary key, or None."""

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
        """Return rows whose key (or index) begins with `prefix`, in order, at most `count_max`.

        `start` (inclusive), `after` (exclusive, wins over `start`) and `stop` (exclusive) bound the column that follows
        the prefix; None there is within no bounds. With `reverse` the order is turned round, and the bounds keep their
        meaning (start/after below, stop above). In an index the columns of the primary key follow those of the index.
        """


class Transaction(Snapshot, Protocol):
    """A snapshot that can be changed. It sees its own changes."""

    def add(self, table: Table[Row], row: Row) -> None:
        """Add a row. Raises `RowExists` when its primary key or a unique index is taken.

        Raises TypeError or ValueError for a value that its column cannot hold, as `replace` does.
        """

    def replace(self, table: Table[Row], row: Row, expected: Row | None = None) -> None:
        """Put a row in the place of the one with the same primary key.

        Raises `RowChanged` when there is none, or when `expected` is given and differs from what is there, and
        `RowExists` when another row has its place in a unique index.
        """

    def remove(self, table: Table[Row], key: Key) -> Row:
        """Remove a row and return it. Raises `RowChanged` when there is none."""


CommitFn = Callable[[Transaction], Result]


class Outcome(NamedTuple):
    """What became of one commit function: its result, or the exception that undid it alone."""

    result: Any
    error: Exception | None


class Catalog(Protocol):
    """An engine. All methods may be called from any thread; commits of one process wait for each other.

    Everything raises `CatalogError` once it is closed. Open an engine after a fork, never before.
    """

    def read(self) -> AbstractContextManager[Snapshot]:
        """Open a snapshot for a short time; it begins with the `with` block and is of no use after it.

        Point reads are quick enough for an event loop where `reads_inline` is true.
        """

    def mark(self) -> int | None:
        """Return a number that every commit of every process changes before anybody is told of it.

        None where it can't be known, or where a commit is on its way. A snapshot shows all there is for as long as the
        number is what it was before and after the snapshot was opened.
        """

    @property
    def reads_inline(self) -> bool:
        """True when a point read takes microseconds and may be made on an event loop's thread."""

    def commit(self, commit_fns: Sequence[CommitFn[Any]], before: Callable[[], None] | None = None) -> list[Outcome]:
        """Run each function in its own savepoint of one durable transaction, and return when it is on stable storage.

        Waits for the turn among all processes first, then calls `before` (the moment to make staged bytes durable; what
        it raises fails the whole call with nothing changed), then runs the functions in order. `before` may still fill
        the sequence: it is read, its length too, only after `before` has returned. A function that raises is undone
        alone, and its exception stands in its outcome. A function may be run again after a conflict: it has no side
        effects but on the transaction. A transaction that changes nothing syncs nothing.

        Raises `CatalogFull` (disk full; nothing changed, the engine goes on), `CatalogBroken` (a failed sync: what
        became of the transaction is unknown, and no process takes more commits until it opens the catalog anew) or
        another `CatalogError` (nothing changed; for one, somebody else holds the database's lock for too long).
        """

    def snapshot_to(self, path: Path) -> None:
        """Write a consistent copy of the whole catalog to a new file of mode 0600, while others read and write.

        The copy is synced, and is opened by the same engine. Raises FileExistsError.
        """

    def check(self) -> Iterator[str]:
        """Yield one sentence for each fault found in the engine's own structures."""

    def close(self) -> None:
        """Release files and locks. Idempotent."""


class CatalogError(Exception):
    """Something is wrong with the catalog engine or with what was asked of it."""


class RowExists(CatalogError):
    """The primary key or a unique index is taken."""


class RowChanged(CatalogError):
    """The row is not there, or is not what was expected."""


class CatalogFull(CatalogError):
    """No space is left for a commit. Nothing was changed."""


class CatalogBroken(CatalogError):
    """A sync failed. The catalog must be opened anew before it takes another commit."""


class CatalogTooNew(CatalogError):
    """The home was written by a newer holdfast. Use that version, or restore a backup of this one's."""
