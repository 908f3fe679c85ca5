"""What a catalog's file holds besides rows: the mark that it is ours, its schema version, and migrations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import apsw

from .columns import columns_of
from .interface import CatalogError, CatalogTooNew, Table
from .sqlite_migrations import MIGRATIONS
from .sqlite_statements import declarations_of

SCHEMA_VERSION = 2
"""What this holdfast writes, kept in the file as `PRAGMA user_version`."""

APPLICATION_ID = 0x484F4C44  # "HOLD", kept as `PRAGMA application_id`; file(1) shows it.


def prepare_schema(connection: apsw.Connection, path: Path, tables: Sequence[Table[Any]]) -> None:
    """Create the tables in an empty file, or migrate an older one, in one transaction. The caller holds the turn."""
    with connection:
        version = check_version(connection, path, is_older_allowed=True)
        if version == SCHEMA_VERSION:
            return
        if version == 0:
            for table in tables:
                for declaration in declarations_of(table):
                    connection.execute(declaration)
            # One row, always: a snapshot begins by reading it.
            connection.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID")
            connection.execute("INSERT INTO meta VALUES ('created_with_schema', ?)", (str(SCHEMA_VERSION),))
            connection.pragma("application_id", APPLICATION_ID)
        else:
            for migrate in MIGRATIONS[version - 1 :]:
                migrate(connection)
        connection.pragma("user_version", SCHEMA_VERSION)


def check_version(connection: apsw.Connection, path: Path, *, is_older_allowed: bool) -> int:
    """Return the file's schema version, 0 for an empty file. Raises CatalogTooNew, or CatalogError if it isn't ours."""
    version = int(connection.pragma("user_version"))
    application_id = int(connection.pragma("application_id"))
    table_count = connection.execute("SELECT count(*) FROM sqlite_schema").get
    if application_id != APPLICATION_ID and (application_id or version or table_count):
        raise CatalogError(f"{path} is a database, but not a holdfast catalog; is this the right home?")
    if version > SCHEMA_VERSION:
        raise CatalogTooNew(
            f"{path} has schema version {version}, and this holdfast knows up to {SCHEMA_VERSION}: "
            "start the newer holdfast that wrote it, or restore a backup made by this one"
        )
    if version < SCHEMA_VERSION and not is_older_allowed:
        raise CatalogError(
            f"{path} has schema version {version}, not {SCHEMA_VERSION}: run `holdfast serve` to migrate it"
        )
    return version


def check_schema(connection: apsw.Connection, tables: Sequence[Table[Any]]) -> Iterator[str]:
    """Yield a sentence for each table whose columns are not those that are declared."""
    for table in tables:
        declared = [column.name for column in columns_of(table)]
        there = [row[1] for row in connection.execute(f'PRAGMA table_info("{table.name}")')]
        if there != declared:
            yield f"table {table.name} has the columns {', '.join(there) or '(none)'}; expected {', '.join(declared)}"
