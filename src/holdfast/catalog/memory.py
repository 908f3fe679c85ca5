"""The catalog in memory: the specification that every other engine is compared with. Nothing outlives the process.

Each order of a table is a sorted list. A commit copies the tables that it touches and swaps them in when it ends, so a
snapshot is nothing but the lists that were current when it began.
"""

from __future__ import annotations

import json
import os
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Any, Self

from .columns import columns_of, order_of, positions_of
from .interface import (
    CatalogError,
    CommitFn,
    Key,
    Outcome,
    Row,
    RowChanged,
    RowExists,
    Scalar,
    Table,
)
from .rows import ALL_TABLES

# A value as it is compared: None becomes (), which sorts before every (value,). Python compares text by code point, and
# that is the order of the UTF-8 bytes too.
Comparable = tuple[()] | tuple[str | int | bytes]
SortKey = tuple[Comparable, ...]

INTEGER_MIN, INTEGER_MAX = -(2**63), 2**63 - 1


def _comparable(value: Scalar) -> Comparable:
    return () if value is None else (value,)


class _Order:
    """Rows sorted by some columns that make every row's place unique."""

    __slots__ = ("keys", "positions", "rows")

    def __init__(self, positions: tuple[int, ...], keys: list[SortKey], rows: list[Any]) -> None:
        self.positions = positions
        self.keys = keys
        self.rows = rows

    def copy(self) -> _Order:
        return _Order(self.positions, self.keys.copy(), self.rows.copy())

    def sort_key(self, row: Any) -> SortKey:
        return tuple([_comparable(row[position]) for position in self.positions])

    def put(self, row: Any) -> None:
        sort_key = self.sort_key(row)
        place = bisect_left(self.keys, sort_key)
        self.keys.insert(place, sort_key)
        self.rows.insert(place, row)

    def drop(self, row: Any) -> None:
        place = bisect_left(self.keys, self.sort_key(row))
        del self.keys[place], self.rows[place]

    def bounds(self, prefix: Key, start: Scalar, after: Scalar, stop: Scalar) -> tuple[int, int]:
        """Return the places of the first row within the bounds and of the first one past them."""
        width = len(prefix)
        assert width <= len(self.positions), "the prefix is longer than the key"
        assert width < len(self.positions) or start is after is stop is None, "no column follows this prefix"
        stem = tuple(map(_comparable, prefix))

        def shares(sort_key: SortKey) -> SortKey:
            return sort_key[:width]

        def follows(sort_key: SortKey) -> SortKey:
            return sort_key[: width + 1]

        if after is not None:
            low = bisect_right(self.keys, (*stem, (after,)), key=follows)
        elif start is not None:
            low = bisect_left(self.keys, (*stem, (start,)), key=follows)
        elif stop is not None:
            low = bisect_right(self.keys, (*stem, ()), key=follows)  # None is within no bounds
        else:
            low = bisect_left(self.keys, stem, key=shares)
        if stop is not None:
            high = bisect_left(self.keys, (*stem, (stop,)), key=follows)
        else:
            high = bisect_right(self.keys, stem, key=shares)
        return low, high


class _Contents:
    """The rows of one table in all their orders."""

    __slots__ = ("orders", "table")

    def __init__(self, table: Table[Any], orders: dict[str | None, _Order]) -> None:
        self.table = table
        self.orders = orders

    @classmethod
    def empty(cls, table: Table[Any]) -> Self:
        columns_of(table)
        names = (None, *table.indexes)
        return cls(table, {name: _Order(positions_of(table, order_of(table, name)), [], []) for name in names})

    def copy(self) -> _Contents:
        return _Contents(self.table, {name: order.copy() for name, order in self.orders.items()})

    def find(self, key: Key) -> Any | None:
        order = self.orders[None]
        assert len(key) == len(order.positions), f"a key of {self.table.name} is {self.table.key}"
        sort_key = tuple([_comparable(value) for value in key])
        place = bisect_left(order.keys, sort_key)
        return order.rows[place] if place < len(order.keys) and order.keys[place] == sort_key else None

    def key_of(self, row: Any) -> Key:
        return tuple([row[position] for position in self.orders[None].positions])

    def check_unique(self, row: Any, instead_of: Any | None = None) -> None:
        """Raise RowExists if another row than `instead_of` has the row's place in a unique index."""
        for name in self.table.unique:
            values = tuple(row[position] for position in positions_of(self.table, self.table.indexes[name]))
            if None in values:
                continue  # as in SQL, nothing is not equal to nothing
            order = self.orders[name]
            low, high = order.bounds(values, None, None, None)
            if any(taken is not instead_of for taken in order.rows[low:high]):
                raise RowExists(f"{self.table.name}.{name}: {values!r}")

    def put(self, row: Any) -> None:
        for order in self.orders.values():
            order.put(row)

    def drop(self, row: Any) -> None:
        for order in self.orders.values():
            order.drop(row)


Contents = Mapping[Table[Any], _Contents]


class MemorySnapshot:
    """What the catalog held at one moment. Usable only within its `with` block."""

    def __init__(self, contents: Contents) -> None:
        self._contents: Contents | None = contents

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._contents = None

    def _of(self, table: Table[Any]) -> _Contents:
        assert self._contents is not None, "the snapshot has ended"
        return self._contents[table]

    def find(self, table: Table[Row], key: Key) -> Row | None:
        return self._of(table).find(key)

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
        order = self._of(table).orders[index]
        low, high = order.bounds(prefix, start, after, stop)
        size = max(high - low, 0)
        count = size if count_max is None else min(size, count_max)
        assert count >= 0, "count_max is negative"
        if reverse:
            return order.rows[high - count : high][::-1]
        return order.rows[low : low + count]


class MemoryTransaction(MemorySnapshot):
    """Changes to private copies of the tables, and how to undo them."""

    def __init__(self, contents: Contents) -> None:
        self._current = dict(contents)
        super().__init__(self._current)
        self._copied: set[Table[Any]] = set()
        self._undo: list[Callable[[], None]] = []

    def add(self, table: Table[Row], row: Row) -> None:
        _check_values(table, row)
        contents = self._to_change(table)
        if contents.find(contents.key_of(row)) is not None:
            raise RowExists(f"{table.name}: {contents.key_of(row)!r}")
        contents.check_unique(row)
        self._put(contents, row)

    def replace(self, table: Table[Row], row: Row, expected: Row | None = None) -> None:
        _check_values(table, row)
        contents = self._to_change(table)
        there = contents.find(contents.key_of(row))
        if there is None or (expected is not None and there != expected):
            raise RowChanged(f"{table.name}: {contents.key_of(row)!r}")
        contents.check_unique(row, instead_of=there)
        self._drop(contents, there)
        self._put(contents, row)

    def remove(self, table: Table[Row], key: Key) -> Row:
        contents = self._to_change(table)
        there: Row | None = contents.find(key)
        if there is None:
            raise RowChanged(f"{table.name}: {key!r}")
        self._drop(contents, there)
        return there

    def savepoint(self) -> int:
        return len(self._undo)

    def undo_to(self, savepoint: int) -> None:
        while len(self._undo) > savepoint:
            self._undo.pop()()

    def end(self) -> Contents:
        """Forbid further use and return what the catalog holds from now on."""
        self._contents = None
        return self._current

    def _to_change(self, table: Table[Any]) -> _Contents:
        contents = self._of(table)
        if table not in self._copied:
            contents = self._current[table] = contents.copy()
            self._copied.add(table)
        return contents

    def _put(self, contents: _Contents, row: Any) -> None:
        contents.put(row)
        self._undo.append(lambda: contents.drop(row))

    def _drop(self, contents: _Contents, row: Any) -> None:
        contents.drop(row)
        self._undo.append(lambda: contents.put(row))


class MemoryCatalog:
    """A `Catalog` that keeps everything in this process. `read_copy` opens what `snapshot_to` wrote."""

    def __init__(self, tables: Sequence[Table[Any]] = ALL_TABLES) -> None:
        self._contents: Contents | None = {table: _Contents.empty(table) for table in tables}
        self._turn = Lock()
        self._mark = 0

    @classmethod
    def read_copy(cls, path: Path, tables: Sequence[Table[Any]] = ALL_TABLES) -> Self:
        """Open a catalog with the rows of a copy."""
        catalog = cls(tables)
        contents = {table.name: held for table, held in catalog._current().items()}
        for line in path.read_text(encoding="utf-8").splitlines():
            name, values = json.loads(line, object_hook=lambda packed: bytes.fromhex(packed["hex"]))
            contents[name].put(contents[name].table.row._make(values))
        return catalog

    @property
    def reads_inline(self) -> bool:
        return True

    def mark(self) -> int:
        return self._mark

    def read(self) -> MemorySnapshot:
        return MemorySnapshot(self._current())

    def commit(self, commit_fns: Sequence[CommitFn[Any]], before: Callable[[], None] | None = None) -> list[Outcome]:
        with self._turn:
            transaction = MemoryTransaction(self._current())
            if before is not None:
                before()
            outcomes = []
            for commit_fn in commit_fns:
                savepoint = transaction.savepoint()
                try:
                    outcomes.append(Outcome(commit_fn(transaction), None))
                except Exception as error:
                    transaction.undo_to(savepoint)
                    outcomes.append(Outcome(None, error))
            self._contents = transaction.end()
            self._mark += 1
            return outcomes

    def snapshot_to(self, path: Path) -> None:
        """Write each row as a line of JSON, `[table, values]`, in order; bytes are `{"hex": …}`."""
        contents = self._current()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(descriptor, "w", encoding="utf-8") as copy:
            for table, held in contents.items():
                for row in held.orders[None].rows:
                    copy.write(json.dumps([table.name, row], default=lambda packed: {"hex": packed.hex()}) + "\n")
            copy.flush()
            os.fsync(copy.fileno())

    def check(self) -> Iterator[str]:
        """Yield a sentence for each order of a table that is unsorted or disagrees with the primary one."""
        for table, held in self._current().items():
            for name, order in held.orders.items():
                if order.keys != sorted(map(order.sort_key, held.orders[None].rows)):
                    yield f"table {table.name}: the order {name or 'of the primary key'} does not match its rows"

    def close(self) -> None:
        self._contents = None

    def _current(self) -> Contents:
        if self._contents is None:
            raise CatalogError("the catalog is closed")
        return self._contents


def _check_values(table: Table[Any], row: Any) -> None:
    """Raise TypeError or ValueError for what an engine on disk could not store."""
    for column, value in zip(columns_of(table), row, strict=True):
        if value is None and column.is_nullable:
            continue
        if not isinstance(value, column.kind):
            raise TypeError(f"{table.name}.{column.name} cannot be {value!r}")
        if isinstance(value, str):
            value.encode()  # a lone surrogate has no UTF-8
        elif isinstance(value, int) and not INTEGER_MIN <= value <= INTEGER_MAX:
            raise ValueError(f"{table.name}.{column.name} has 64 bits, too few for {value}")
