"""Snapshots that requests share: who reads after a commit sees it, whoever made it, and nobody waits for a reader."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.catalog.interface import Catalog, CatalogError, Snapshot
from holdfast.catalog.memory import MemoryCatalog
from holdfast.catalog.rows import USAGE
from holdfast.catalog.sqlite import SqliteCatalog
from holdfast.edge import snapshots as module
from holdfast.edge.snapshots import Snapshots
from holdfast.store.quotas import empty_usage


@pytest.fixture(params=["sqlite", "memory"])
def catalog(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Catalog]:
    opened: Catalog = SqliteCatalog(tmp_path / "catalog.sqlite") if request.param == "sqlite" else MemoryCatalog()
    yield opened
    opened.close()


class Counted(Snapshots):
    """Counts the snapshots that it opens."""

    def __init__(self, catalog: Catalog) -> None:
        super().__init__(catalog)
        self.count = 0
        read = catalog.read

        def counting() -> object:
            self.count += 1
            return read()

        catalog.read = counting  # type: ignore[assignment, method-assign]


def add(catalog: Catalog, scope_id: str) -> None:
    [outcome] = catalog.commit([lambda transaction: transaction.add(USAGE, empty_usage(scope_id))])
    assert outcome.error is None


def has(rows: Snapshot, scope_id: str) -> bool:
    return rows.find(USAGE, (scope_id,)) is not None


async def test_while_nothing_is_committed_one_snapshot_serves_all(catalog: Catalog) -> None:
    shared = Counted(catalog)
    for _ in range(5):
        with shared as rows, shared as again:
            assert rows is again
    assert shared.count == 1
    shared.release()


async def test_who_reads_after_a_commit_sees_it(catalog: Catalog) -> None:
    shared = Counted(catalog)
    for number in range(4):
        with shared as rows:
            assert not has(rows, str(number))
        add(catalog, str(number))
        with shared as rows:
            assert has(rows, str(number))
    assert shared.count == 5
    shared.release()


async def test_a_commit_of_another_process_is_seen_too(tmp_path: Path) -> None:
    ours, theirs = (SqliteCatalog(tmp_path / "catalog.sqlite") for _ in range(2))
    shared = Snapshots(ours)
    with shared as rows:
        assert not has(rows, "a")
    add(theirs, "a")
    with shared as rows:
        assert has(rows, "a")
    shared.release()
    ours.close()
    theirs.close()


async def test_a_snapshot_in_use_stays_as_it_is_and_a_later_one_beside_it_is_newer(catalog: Catalog) -> None:
    shared = Counted(catalog)
    with shared as before:
        add(catalog, "a")
        with shared as after:
            assert has(after, "a")
        shared.release()  # not while it is used
        assert not has(before, "a")
    with shared as rows:
        assert has(rows, "a")
    shared.release()


async def test_a_snapshot_is_not_shared_while_a_commit_is_on_its_way(tmp_path: Path) -> None:
    catalog = SqliteCatalog(tmp_path / "catalog.sqlite")
    shared = Counted(catalog)

    def read_twice(_transaction: object) -> None:
        for _ in range(2):
            with shared as rows:
                assert not has(rows, "a")

    catalog.commit([read_twice])
    assert shared.count == 2
    catalog.close()


async def test_a_snapshot_is_let_go_soon_though_nobody_comes(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HOLD_S", 0.0)
    shared = Counted(catalog)
    for count in (1, 2):
        with shared:
            pass
        await asyncio.sleep(0.001)
        assert shared.count == count


async def test_a_snapshot_that_met_a_fault_is_used_by_nobody_else(catalog: Catalog) -> None:
    shared = Counted(catalog)
    with pytest.raises(CatalogError), shared:
        raise CatalogError("a page can't be read")
    with shared:
        pass
    assert shared.count == 2
    shared.release()
