"""What an engine derives from a `Table`: the columns with their types, and the orders its rows can be read in."""

from __future__ import annotations

import types
from functools import cache
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints

from .interface import Table


class Column(NamedTuple):
    """One column: its name, the Python type of its values, and whether it may be None."""

    name: str
    kind: type
    is_nullable: bool


@cache
def columns_of(table: Table[Any]) -> tuple[Column, ...]:
    """Return the columns in the order of the row's fields. Raises TypeError for a type that no engine can store."""
    hints = get_type_hints(table.row)
    columns = []
    for name in table.row._fields:
        hint = hints[name]
        choices = set(get_args(hint)) if get_origin(hint) in (Union, types.UnionType) else {hint}
        kinds = choices - {type(None)}
        if len(kinds) != 1 or not kinds <= {str, int, bytes}:
            raise TypeError(f"{table.name}.{name} is {hint}; a column is str, int or bytes, or one of them or None")
        is_nullable = type(None) in choices
        if is_nullable and name in table.key:
            raise TypeError(f"{table.name}.{name} is part of the primary key, so it cannot be None")
        columns.append(Column(name, kinds.pop(), is_nullable))
    return tuple(columns)


@cache
def order_of(table: Table[Any], index: str | None = None) -> tuple[str, ...]:
    """Return the columns that rows are ordered by: those of the index, then what it lacks of the primary key.

    The order is total, since every primary key is in it. `index=None` is the order of the primary key.
    """
    if index is None:
        return table.key
    indexed = table.indexes[index]
    return indexed + tuple(name for name in table.key if name not in indexed)


@cache
def positions_of(table: Table[Any], names: tuple[str, ...]) -> tuple[int, ...]:
    """Return where the named columns stand in a row."""
    return tuple(table.row._fields.index(name) for name in names)
