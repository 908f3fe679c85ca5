"""The SQL of a table, written once for each shape of question and then reused."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

from .columns import columns_of, order_of, positions_of
from .interface import Key, Table

_TYPES = {str: "TEXT", int: "INTEGER", bytes: "BLOB"}


class Statements(NamedTuple):
    """The statements on single rows. `find` and `delete` take a key, `insert` and `update` a whole row."""

    find: str
    insert: str
    update: str
    delete: str
    make_row: Callable[[tuple[Any, ...]], Any]
    """`row._make` without the call of a Python function: the statements name every column, so the length is right."""
    key_of: Callable[[Any], Key]


@cache
def statements_of(table: Table[Any]) -> Statements:
    """Return the statements on single rows of a table."""
    names = [column.name for column in columns_of(table)]
    number = {name: f"?{place}" for place, name in enumerate(names, start=1)}
    with_key = " AND ".join(f'"{name}" = ?' for name in table.key)
    changed = [name for name in names if name not in table.key] or names[:1]
    assignments = ", ".join(f'"{name}" = {number[name]}' for name in changed)
    with_same_key = " AND ".join(f'"{name}" = {number[name]}' for name in table.key)
    key_positions = positions_of(table, table.key)
    return Statements(
        find=f'SELECT {_quoted(names)} FROM "{table.name}" NOT INDEXED WHERE {with_key}',
        insert=f'INSERT INTO "{table.name}" VALUES ({", ".join(number.values())})',
        update=f'UPDATE "{table.name}" SET {assignments} WHERE {with_same_key}',
        delete=f'DELETE FROM "{table.name}" WHERE {with_key}',
        make_row=partial(tuple.__new__, table.row),
        key_of=lambda row: tuple([row[position] for position in key_positions]),
    )


def scan_of(
    table: Table[Any], index: str | None, prefix_width: int, low: str | None, has_stop: bool, reverse: bool
) -> str:
    """Return a statement that takes the prefix, the low bound (`low` is `>`, `>=` or None), the stop and the count."""
    order = order_of(table, index)
    assert prefix_width <= len(order), "the prefix is longer than the key"
    assert prefix_width < len(order) or (low is None and not has_stop), "no column follows this prefix"
    nullable = {column.name for column in columns_of(table) if column.is_nullable}
    conditions = [f'"{name}" {"IS" if name in nullable else "="} ?' for name in order[:prefix_width]]
    if low is not None:
        conditions.append(f'"{order[prefix_width]}" {low} ?')
    if has_stop:
        conditions.append(f'"{order[prefix_width]}" < ?')
    # The index is named, so that a plan never depends on what the query planner believes about the rows.
    source = "NOT INDEXED" if index is None else f'INDEXED BY "{_index_name(table, index)}"'
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    direction = " DESC" if reverse else ""
    ordering = ", ".join(f'"{name}"{direction}' for name in order[prefix_width:])
    by = f" ORDER BY {ordering}" if ordering else ""
    names = [column.name for column in columns_of(table)]
    return f'SELECT {_quoted(names)} FROM "{table.name}" {source}{where}{by} LIMIT ?'


def declarations_of(table: Table[Any]) -> list[str]:
    """Return the statements that create a table and its indexes.

    Without rowid the table is the tree of its primary key: one search finds a row, and neighbours in a listing share
    pages.
    """
    columns = [
        f'"{column.name}" {_TYPES[column.kind]}{"" if column.is_nullable else " NOT NULL"}'
        for column in columns_of(table)
    ]
    body = ", ".join([*columns, f"PRIMARY KEY ({_quoted(table.key)})"])
    declarations = [f'CREATE TABLE "{table.name}" ({body}) STRICT, WITHOUT ROWID']
    for name, indexed in table.indexes.items():
        kind = "UNIQUE INDEX" if name in table.unique else "INDEX"
        declarations.append(f'CREATE {kind} "{_index_name(table, name)}" ON "{table.name}" ({_quoted(indexed)})')
    return declarations


def _index_name(table: Table[Any], index: str) -> str:
    return f"{table.name}_{index}"


def _quoted(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(f'"{name}"' for name in names)
