"""Files of older holdfasts: they are opened, lose nothing, and end up with the schema of a new one."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import apsw
import pytest

from holdfast.catalog import sqlite_schema
from holdfast.catalog.columns import columns_of
from holdfast.catalog.interface import CatalogError, CatalogTooNew, Table
from holdfast.catalog.rows import ALL_TABLES, KEY_USES, SITE_SETTINGS, KeyUseRow, SiteSettingRow
from holdfast.catalog.sqlite import SqliteCatalog

OLD = sorted(Path(__file__).parent.glob("schema-*.sql"))
SAMPLES = {str: "text", int: 7, bytes: b"bytes"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "catalog.sqlite"


def make_old(path: Path, schema: Path) -> list[tuple[Table[Any], Any]]:
    """Make a catalog's file by the schema of an older version, with a row in every table, and return those."""
    added = []
    # With Python's own SQLite, before the engine opens it: another program may have written it.
    connection = sqlite3.connect(path)
    connection.executescript(schema.read_text())
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    for table in ALL_TABLES:
        if table.name in there:
            row = table.row(*[SAMPLES[column.kind] for column in columns_of(table)])
            connection.execute(f'INSERT INTO "{table.name}" VALUES ({", ".join("?" * len(row))})', row)
            added.append((table, row))
    connection.commit()
    connection.execute("PRAGMA journal_mode = wal")
    connection.close()
    return added


def schema_of(path: Path) -> list[tuple[str, str, str]]:
    connection = apsw.Connection(str(path))
    try:
        version = str(connection.pragma("user_version"))
        rows = connection.execute("SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
        return [("pragma", "user_version", version), *rows]
    finally:
        connection.close()


def test_there_is_an_old_schema_for_each_version_before_this_one() -> None:
    assert [schema.stem for schema in OLD] == [f"schema-{number}" for number in range(1, sqlite_schema.SCHEMA_VERSION)]


@pytest.mark.parametrize("schema", OLD, ids=lambda schema: schema.stem)
def test_an_old_file_becomes_what_a_new_one_is_and_keeps_its_rows(path: Path, tmp_path: Path, schema: Path) -> None:
    added = make_old(path, schema)
    assert added
    SqliteCatalog(tmp_path / "new.sqlite").close()
    with pytest.raises(CatalogError, match="run `holdfast serve` to migrate it"):
        SqliteCatalog(path, read_only=True)
    catalog = SqliteCatalog(path)
    assert list(catalog.check()) == []
    with catalog.read() as rows:
        assert [rows.find(table, tuple(getattr(row, name) for name in table.key)) for table, row in added] == [
            row for _, row in added
        ]
    catalog.close()
    assert schema_of(path) == schema_of(tmp_path / "new.sqlite")


def test_the_tables_that_a_file_of_version_1_lacks_take_rows_once_it_is_opened(path: Path) -> None:
    make_old(path, OLD[0])
    catalog = SqliteCatalog(path)
    use, setting = KeyUseRow("AK", 7, "192.0.2.7", "s3cmd/2"), SiteSettingRow("read_only", "maintenance")
    catalog.commit([lambda rows: rows.add(KEY_USES, use), lambda rows: rows.add(SITE_SETTINGS, setting)])
    with catalog.read() as rows:
        assert rows.find(KEY_USES, ("AK",)) == use
        assert rows.find(SITE_SETTINGS, ("read_only",)) == setting
    catalog.close()


def test_the_holdfast_of_version_1_refuses_a_file_of_today(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    SqliteCatalog(path).close()
    before = schema_of(path)
    monkeypatch.setattr(sqlite_schema, "SCHEMA_VERSION", 1)
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", ())
    with pytest.raises(CatalogTooNew, match="knows up to 1: start the newer holdfast that wrote it"):
        SqliteCatalog(path)
    assert schema_of(path) == before
