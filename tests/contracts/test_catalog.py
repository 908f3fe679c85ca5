"""What every catalog engine promises (holdfast/catalog/interface.py). The memory engine is the specification."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from holdfast.catalog.interface import (
    Catalog,
    CatalogError,
    Outcome,
    RowChanged,
    RowExists,
    Table,
    Transaction,
)
from holdfast.catalog.memory import MemoryCatalog
from holdfast.catalog.rows import ALL_TABLES
from holdfast.catalog.sqlite import SqliteCatalog


class NoteRow(NamedTuple):
    shelf: str
    name: str
    size: int
    colour: str | None
    body: bytes


class CountRow(NamedTuple):
    name: str
    reached: int


NOTES = Table(
    "notes",
    NoteRow,
    ("shelf", "name"),
    {"by_size": ("size",), "by_colour": ("colour",), "by_body": ("body",)},
    frozenset({"by_body"}),
)
COUNTS = Table("counts", CountRow, ("name",))
TABLES = (NOTES, COUNTS)

OpenEngine = Callable[[Path], Catalog]


def open_memory(path: Path) -> Catalog:
    return MemoryCatalog(TABLES)


def open_sqlite(path: Path) -> Catalog:
    return SqliteCatalog(path, tables=TABLES)


def open_memory_copy(path: Path) -> Catalog:
    return MemoryCatalog.read_copy(path, TABLES)


ENGINES = {"memory": open_memory, "sqlite": open_sqlite}
OPEN_COPY = {"memory": open_memory_copy, "sqlite": open_sqlite}


@contextmanager
def declared(*, is_remembered: bool, unique: frozenset[str] = NOTES.unique) -> Iterator[None]:
    """Declare the tables of these tests otherwise: what an engine remembers of them must not be seen."""
    before = [(table, table.is_remembered, table.unique) for table in TABLES]
    for table in TABLES:
        object.__setattr__(table, "is_remembered", is_remembered)
    object.__setattr__(NOTES, "unique", unique)
    yield
    for table, was_remembered, was_unique in before:
        object.__setattr__(table, "is_remembered", was_remembered)
        object.__setattr__(table, "unique", was_unique)


@pytest.fixture(params=["memory", "sqlite", "sqlite that remembers"])
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    with declared(is_remembered="remembers" in request.param):
        yield request.param.partition(" ")[0]


@pytest.fixture
def catalog(engine: str, tmp_path: Path) -> Iterator[Catalog]:
    catalog = ENGINES[engine](tmp_path / "catalog.db")
    yield catalog
    catalog.close()


def note(name: str, shelf: str = "a", size: int = 0, colour: str | None = None, body: bytes | None = None) -> NoteRow:
    return NoteRow(shelf, name, size, colour, f"{shelf}/{name}".encode() if body is None else body)


def change(catalog: Catalog, *commit_fns: Callable[[Transaction], Any]) -> list[Any]:
    """Commit and return the results. Raises the first function's error."""
    outcomes = catalog.commit(commit_fns)
    for outcome in outcomes:
        if outcome.error is not None:
            raise outcome.error
    return [outcome.result for outcome in outcomes]


def put(catalog: Catalog, *rows: NoteRow) -> None:
    def add_all(transaction: Transaction) -> None:
        for row in rows:
            transaction.add(NOTES, row)

    change(catalog, add_all)


def names(catalog: Catalog, *prefix: Any, **bounds: Any) -> list[str]:
    with catalog.read() as snapshot:
        return [row.name for row in snapshot.scan(NOTES, prefix, **bounds)]


# --- rows -----------------------------------------------------------------------------------------------------------


def test_a_row_comes_back_as_it_was_added(catalog: Catalog) -> None:
    row = NoteRow("a", "nul \x00 and emoji 😀", 2**63 - 1, None, b"\x00\xff")
    put(catalog, row)
    with catalog.read() as snapshot:
        found = snapshot.find(NOTES, ("a", row.name))
        scanned = snapshot.scan(NOTES)
    assert found == row
    assert isinstance(found, NoteRow)
    assert list(scanned) == [row]
    assert isinstance(scanned[0], NoteRow)


def test_finding_what_is_not_there_gives_none(catalog: Catalog) -> None:
    put(catalog, note("here"))
    with catalog.read() as snapshot:
        assert snapshot.find(NOTES, ("a", "there")) is None
        assert snapshot.find(NOTES, ("b", "here")) is None


def test_an_empty_text_is_not_none(catalog: Catalog) -> None:
    put(catalog, note("", colour=""))
    with catalog.read() as snapshot:
        found = snapshot.find(NOTES, ("a", ""))
    assert found is not None
    assert found.colour == ""


def test_adding_a_taken_key_raises_and_keeps_the_first_row(catalog: Catalog) -> None:
    put(catalog, note("one", size=1))
    with pytest.raises(RowExists):
        put(catalog, note("one", size=2, body=b"other"))
    with catalog.read() as snapshot:
        found = snapshot.find(NOTES, ("a", "one"))
    assert found == note("one", size=1)


def test_adding_a_taken_unique_value_raises(catalog: Catalog) -> None:
    put(catalog, note("one", body=b"same"))
    with pytest.raises(RowExists):
        put(catalog, note("two", body=b"same"))
    assert names(catalog) == ["one"]


def test_replacing_into_a_taken_unique_value_raises_and_changes_neither_row(catalog: Catalog) -> None:
    put(catalog, note("one", body=b"1"), note("two", body=b"2"))
    with pytest.raises(RowExists):
        change(catalog, lambda t: t.replace(NOTES, note("two", body=b"1")))
    with catalog.read() as snapshot:
        assert list(snapshot.scan(NOTES)) == [note("one", body=b"1"), note("two", body=b"2")]


def test_a_row_may_keep_its_own_unique_value_when_replaced(catalog: Catalog) -> None:
    put(catalog, note("one", size=1, body=b"1"))
    change(catalog, lambda t: t.replace(NOTES, note("one", size=2, body=b"1")))
    with catalog.read() as snapshot:
        assert list(snapshot.scan(NOTES)) == [note("one", size=2, body=b"1")]


def test_a_unique_value_is_free_again_once_its_row_is_removed(catalog: Catalog) -> None:
    put(catalog, note("one", body=b"same"))
    change(catalog, lambda t: t.remove(NOTES, ("a", "one")), lambda t: t.add(NOTES, note("two", body=b"same")))
    assert names(catalog) == ["two"]


def test_replacing_moves_the_row_in_every_order(catalog: Catalog) -> None:
    put(catalog, note("one", size=1), note("two", size=2))
    change(catalog, lambda t: t.replace(NOTES, note("one", size=3)))
    assert names(catalog, index="by_size") == ["two", "one"]
    assert names(catalog, 1, index="by_size") == []


def test_replacing_what_is_not_there_raises(catalog: Catalog) -> None:
    with pytest.raises(RowChanged):
        change(catalog, lambda t: t.replace(NOTES, note("one")))
    assert names(catalog) == []


def test_replacing_with_an_expected_row_succeeds_only_if_it_is_there(catalog: Catalog) -> None:
    put(catalog, note("one", size=1))
    change(catalog, lambda t: t.replace(NOTES, note("one", size=2), note("one", size=1)))
    with pytest.raises(RowChanged):
        change(catalog, lambda t: t.replace(NOTES, note("one", size=3), note("one", size=1)))
    with pytest.raises(RowChanged):
        change(catalog, lambda t: t.replace(NOTES, note("two"), note("two")))
    with catalog.read() as snapshot:
        assert list(snapshot.scan(NOTES)) == [note("one", size=2)]


def test_removing_returns_the_row(catalog: Catalog) -> None:
    put(catalog, note("one", size=1))
    assert change(catalog, lambda t: t.remove(NOTES, ("a", "one"))) == [note("one", size=1)]
    assert names(catalog) == names(catalog, index="by_size") == []


def test_removing_what_is_not_there_raises(catalog: Catalog) -> None:
    with pytest.raises(RowChanged):
        change(catalog, lambda t: t.remove(NOTES, ("a", "one")))


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(NoteRow("a", None, 0, None, b""), id="None in the key"),  # type: ignore[arg-type]
        pytest.param(NoteRow("a", "n", None, None, b""), id="None"),  # type: ignore[arg-type]
        pytest.param(NoteRow("a", "n", "x", None, b""), id="text for an int"),  # type: ignore[arg-type]
        pytest.param(NoteRow("a", "n", 0, None, "x"), id="text for bytes"),  # type: ignore[arg-type]
        pytest.param(NoteRow("a", "n", 0, b"x", b""), id="bytes for text"),  # type: ignore[arg-type]
        pytest.param(NoteRow("a", "n", 2**63, None, b""), id="an int above 64 bits"),
        pytest.param(NoteRow("a", "\ud800", 0, None, b""), id="a lone surrogate"),
    ],
)
def test_a_value_that_its_column_cannot_hold_is_refused(catalog: Catalog, row: NoteRow) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        put(catalog, row)
    assert names(catalog) == []


# --- order ----------------------------------------------------------------------------------------------------------


def test_text_is_ordered_by_the_bytes_of_its_utf8(catalog: Catalog) -> None:
    # In UTF-16 U+FFFF would stand behind the surrogates of the emoji, and a locale would fold the case.
    keys = ["", "\x00", "A", "Z", "a", "a\x00", "aa", "é", "e\u0301", "\ue000", "\uffff", "😀", "\U0010ffff"]
    put(catalog, *[note(key) for key in keys])
    assert names(catalog) == sorted(keys, key=str.encode)


def test_none_is_ordered_before_every_value_and_within_no_bounds(catalog: Catalog) -> None:
    put(catalog, note("1", colour="red"), note("2"), note("3", colour="blue"), note("4"), note("5", colour=""))
    assert names(catalog, index="by_colour") == ["2", "4", "5", "3", "1"]
    assert names(catalog, None, index="by_colour") == ["2", "4"]
    assert names(catalog, index="by_colour", stop="red") == ["5", "3"]
    assert names(catalog, index="by_colour", start="") == ["5", "3", "1"]
    assert names(catalog, index="by_colour", after="") == ["3", "1"]


def test_a_scan_of_a_prefix_yields_its_rows_only(catalog: Catalog) -> None:
    put(catalog, *[note(name, shelf) for shelf in ("a", "b", "b\x00", "c") for name in ("1", "2")])
    with catalog.read() as snapshot:
        assert [(row.shelf, row.name) for row in snapshot.scan(NOTES, ("b",))] == [("b", "1"), ("b", "2")]
        assert list(snapshot.scan(NOTES, ("b", "2"))) == [note("2", "b")]
        assert list(snapshot.scan(NOTES, ("d",))) == []


def test_bounds_apply_to_the_column_after_the_prefix(catalog: Catalog) -> None:
    put(catalog, *[note(name, shelf) for shelf in ("a", "b") for name in "12345"])
    assert names(catalog, "a", start="2") == ["2", "3", "4", "5"]
    assert names(catalog, "a", after="2") == ["3", "4", "5"]
    assert names(catalog, "a", start="4", after="2") == ["3", "4", "5"]
    assert names(catalog, "a", stop="3") == ["1", "2"]
    assert names(catalog, "a", start="2", stop="4") == ["2", "3"]
    assert names(catalog, "a", after="4", stop="2") == []
    assert names(catalog, start="b", stop="c") == ["1", "2", "3", "4", "5"]
    assert names(catalog, after="b") == []


def test_reversing_a_scan_turns_the_order_but_not_the_bounds(catalog: Catalog) -> None:
    put(catalog, *[note(name) for name in "12345"])
    assert names(catalog, "a", reverse=True) == ["5", "4", "3", "2", "1"]
    assert names(catalog, "a", start="2", stop="5", reverse=True) == ["4", "3", "2"]
    assert names(catalog, "a", after="2", reverse=True, count_max=2) == ["5", "4"]
    assert names(catalog, "a", stop="4", reverse=True, count_max=1) == ["3"]


def test_count_max_cuts_a_scan(catalog: Catalog) -> None:
    put(catalog, *[note(name) for name in "123"])
    assert names(catalog, count_max=2) == ["1", "2"]
    assert names(catalog, count_max=3) == names(catalog, count_max=4) == ["1", "2", "3"]
    assert names(catalog, count_max=0) == []


def test_an_index_orders_equal_values_by_the_primary_key(catalog: Catalog) -> None:
    put(catalog, note("z", "a", 7), note("a", "b", 7), note("b", "a", 7), note("m", "a", -1))
    with catalog.read() as snapshot:
        rows = snapshot.scan(NOTES, index="by_size")
        assert [(row.size, row.shelf, row.name) for row in rows] == sorted((r.size, r.shelf, r.name) for r in rows)
        assert [row.name for row in snapshot.scan(NOTES, (7,), index="by_size", start="b")] == ["a"]
        assert [row.name for row in snapshot.scan(NOTES, (7, "a"), index="by_size", after="b")] == ["z"]


# --- commits --------------------------------------------------------------------------------------------------------


def test_a_commit_returns_the_results_in_order(catalog: Catalog) -> None:
    assert catalog.commit([lambda t: 1, lambda t: "two"]) == [Outcome(1, None), Outcome("two", None)]
    assert catalog.commit([]) == []


def test_a_function_that_raises_is_undone_alone(catalog: Catalog) -> None:
    put(catalog, note("old", size=1), note("gone"))

    def fail(transaction: Transaction) -> None:
        transaction.add(NOTES, note("half"))
        transaction.replace(NOTES, note("old", size=2))
        transaction.remove(NOTES, ("a", "gone"))
        raise LookupError("on purpose")

    outcomes = catalog.commit(
        [lambda t: t.add(NOTES, note("first")), fail, lambda t: t.add(NOTES, note("last", size=len(t.scan(NOTES))))]
    )
    assert [type(outcome.error) for outcome in outcomes] == [type(None), LookupError, type(None)]
    with catalog.read() as snapshot:
        assert list(snapshot.scan(NOTES)) == [note("first"), note("gone"), note("last", size=3), note("old", size=1)]
        assert [row.name for row in snapshot.scan(NOTES, index="by_size")] == ["first", "gone", "old", "last"]


def test_a_function_that_raises_alone_leaves_nothing(catalog: Catalog) -> None:
    def fail(transaction: Transaction) -> None:
        transaction.add(NOTES, note("half"))
        raise LookupError("on purpose")

    [outcome] = catalog.commit([fail])
    assert isinstance(outcome.error, LookupError)
    assert names(catalog) == []


def test_a_function_sees_its_own_changes_and_those_before_it(catalog: Catalog) -> None:
    def add(transaction: Transaction) -> int:
        transaction.add(NOTES, note(str(len(transaction.scan(NOTES)))))
        assert transaction.find(NOTES, ("a", "0")) is not None
        return len(transaction.scan(NOTES))

    assert change(catalog, add, add, add) == [1, 2, 3]


def test_a_refused_row_that_a_function_expects_does_not_undo_the_rest_of_it(catalog: Catalog) -> None:
    put(catalog, note("taken"))

    def add_another(transaction: Transaction) -> None:
        transaction.add(NOTES, note("before"))
        with pytest.raises(RowExists):
            transaction.add(NOTES, note("taken"))
        transaction.add(NOTES, note("behind"))

    change(catalog, add_another)
    assert names(catalog) == ["before", "behind", "taken"]


def test_a_row_that_many_functions_replace_is_what_the_last_of_them_made_it(catalog: Catalog) -> None:
    def count(transaction: Transaction, *, fails: bool = False) -> int:
        row = transaction.find(COUNTS, ("x",))
        assert row is not None
        transaction.replace(COUNTS, row._replace(reached=row.reached + 1))
        assert transaction.find(COUNTS, ("x",)) == transaction.scan(COUNTS)[0]
        if fails:
            raise LookupError("on purpose")
        return row.reached + 1

    change(catalog, lambda t: t.add(COUNTS, CountRow("x", 0)))
    outcomes = catalog.commit([count, count, lambda t: count(t, fails=True), count])
    assert [outcome.result for outcome in outcomes] == [1, 2, None, 3]
    with catalog.read() as snapshot:
        assert snapshot.find(COUNTS, ("x",)) == CountRow("x", 3)
    [removed, gone, back] = catalog.commit(
        [
            lambda t: t.remove(COUNTS, ("x",)),
            lambda t: t.replace(COUNTS, CountRow("x", 9)),
            lambda t: t.add(COUNTS, CountRow("x", 7)),
        ]
    )
    assert (removed.result, type(gone.error), back.error) == (CountRow("x", 3), RowChanged, None)
    with catalog.read() as snapshot:
        assert list(snapshot.scan(COUNTS)) == [CountRow("x", 7)]


def test_the_mark_is_another_after_each_commit_and_the_same_while_there_is_none(catalog: Catalog) -> None:
    marks = []
    for number in range(3):
        marks.append(catalog.mark())
        names(catalog)
        assert catalog.mark() == marks[-1]
        put(catalog, note(str(number)))
    assert None not in marks
    assert len(set(marks)) == 3


def test_before_is_called_once_and_before_the_functions(catalog: Catalog) -> None:
    calls: list[str] = []
    catalog.commit([lambda t: calls.append("function")] * 2, lambda: calls.append("before"))
    assert calls == ["before", "function", "function"]


def test_before_may_still_fill_the_sequence(catalog: Catalog) -> None:
    commit_fns: list[Callable[[Transaction], Any]] = [lambda t: t.add(NOTES, note("one"))]
    outcomes = catalog.commit(commit_fns, lambda: commit_fns.append(lambda t: t.add(NOTES, note("one"))))
    assert [type(outcome.error) for outcome in outcomes] == [type(None), RowExists]
    assert names(catalog) == ["one"]


def test_what_before_raises_fails_the_call_and_changes_nothing(catalog: Catalog) -> None:
    def fail() -> None:
        raise OSError("on purpose")

    with pytest.raises(OSError, match="on purpose"):
        catalog.commit([lambda t: t.add(NOTES, note("one"))], fail)
    assert names(catalog) == []
    put(catalog, note("two"))
    assert names(catalog) == ["two"]


def test_an_interrupt_undoes_everything_and_the_engine_goes_on(catalog: Catalog) -> None:
    def interrupt(transaction: Transaction) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        catalog.commit([lambda t: t.add(NOTES, note("one")), interrupt])
    assert names(catalog) == []
    put(catalog, note("two"))
    assert names(catalog) == ["two"]


def test_commits_of_many_threads_lose_no_update(catalog: Catalog) -> None:
    change(catalog, lambda t: t.add(COUNTS, CountRow("n", 0)))

    def count_up(transaction: Transaction) -> None:
        row = transaction.find(COUNTS, ("n",))
        assert row is not None
        transaction.replace(COUNTS, CountRow("n", row.reached + 1), row)

    def work() -> None:
        for _ in range(20):
            change(catalog, count_up, count_up)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with catalog.read() as snapshot:
        assert snapshot.find(COUNTS, ("n",)) == CountRow("n", 4 * 20 * 2)


# --- snapshots ------------------------------------------------------------------------------------------------------


def test_a_snapshot_shows_what_was_committed_before_it_and_nothing_later(catalog: Catalog) -> None:
    put(catalog, note("one", size=1), note("two"))
    with catalog.read() as before:
        change(catalog, lambda t: t.replace(NOTES, note("one", size=2)), lambda t: t.remove(NOTES, ("a", "two")))
        put(catalog, note("three"))
        with catalog.read() as behind:
            assert list(behind.scan(NOTES)) == [note("one", size=2), note("three")]
            assert before.find(NOTES, ("a", "one")) == note("one", size=1)
            assert list(before.scan(NOTES)) == [note("one", size=1), note("two")]
            assert behind.find(NOTES, ("a", "two")) is None
    assert names(catalog) == ["one", "three"]


def test_a_snapshot_in_a_commit_function_does_not_see_its_changes(catalog: Catalog) -> None:
    def add(transaction: Transaction) -> list[str]:
        transaction.add(NOTES, note("one"))
        return names(catalog)

    assert change(catalog, add) == [[]]


def test_a_snapshot_ends_with_its_block_though_the_block_raises(catalog: Catalog) -> None:
    with pytest.raises(LookupError):
        with catalog.read():
            raise LookupError
    put(catalog, note("one"))
    assert names(catalog) == ["one"]


def test_snapshots_of_many_threads_never_see_half_of_a_commit(catalog: Catalog) -> None:
    is_over = threading.Event()
    sizes: list[set[int]] = []

    def watch() -> None:
        seen = set()
        while True:
            is_last = is_over.is_set()
            with catalog.read() as snapshot:
                seen.add(len(snapshot.scan(NOTES)))
                seen.add(len(snapshot.scan(NOTES, index="by_size")))
            if is_last:
                break
        sizes.append(seen)

    threads = [threading.Thread(target=watch) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(20):
        put(catalog, *[note(f"{number}-{place}") for place in range(10)])
    is_over.set()
    for thread in threads:
        thread.join()
    for seen in sizes:
        assert max(seen) == 200
        assert all(size % 10 == 0 for size in seen)


# --- the whole ------------------------------------------------------------------------------------------------------


def test_a_copy_holds_the_whole_catalog_of_one_moment(catalog: Catalog, engine: str, tmp_path: Path) -> None:
    rows = [note(f"{number:03}", size=-number, body=bytes([number])) for number in range(100)]
    put(catalog, *rows)
    catalog.snapshot_to(tmp_path / "copy")
    put(catalog, note("later"))
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    copy = OPEN_COPY[engine](tmp_path / "copy")
    try:
        with copy.read() as snapshot:
            assert list(snapshot.scan(NOTES)) == rows
            assert list(snapshot.scan(NOTES, index="by_size")) == rows[::-1]
        assert list(copy.check()) == []
    finally:
        copy.close()


def test_a_copy_never_overwrites_a_file(catalog: Catalog, tmp_path: Path) -> None:
    (tmp_path / "copy").write_text("precious")
    with pytest.raises(FileExistsError):
        catalog.snapshot_to(tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "precious"


def test_a_sound_catalog_has_no_faults(catalog: Catalog) -> None:
    put(catalog, *[note(str(number), size=number % 3) for number in range(50)])
    assert list(catalog.check()) == []


def test_a_closed_catalog_refuses_everything_and_closes_again(catalog: Catalog, tmp_path: Path) -> None:
    catalog.close()
    catalog.close()
    with pytest.raises(CatalogError):
        with catalog.read():
            pass
    with pytest.raises(CatalogError):
        catalog.commit([])
    with pytest.raises(CatalogError):
        catalog.snapshot_to(tmp_path / "copy")
    with pytest.raises(CatalogError):
        list(catalog.check())


def test_every_declared_table_takes_a_row_and_finds_it(engine: str, tmp_path: Path) -> None:
    catalog: Catalog = MemoryCatalog() if engine == "memory" else SqliteCatalog(tmp_path / "all.db")
    samples: dict[str, Any] = {"str": "text", "int": 7, "bytes": b"bytes", "int | None": None, "str | None": None}
    table: Any
    for table in ALL_TABLES:
        row = table.row(*[samples[str(hint)] for hint in map(_hint, table.row.__annotations__.values())])
        change(catalog, lambda t, table=table, row=row: t.add(table, row))  # type: ignore[misc]
        key = tuple(getattr(row, name) for name in table.key)
        with catalog.read() as snapshot:
            assert snapshot.find(table, key) == row
            for index, indexed in table.indexes.items():
                prefix = tuple(getattr(row, name) for name in indexed)
                assert list(snapshot.scan(table, prefix, index=index)) == [row]
    catalog.close()


def _hint(annotation: Any) -> str:
    return getattr(annotation, "__forward_arg__", str(annotation))


# --- against the specification --------------------------------------------------------------------------------------

# Few values, so that rows collide and bounds hit.
SHELVES = st.sampled_from(["a", "😀"])
TEXTS = st.sampled_from(["", "a", "a\x00", "\uffff", "😀"])
NOTE_ROWS = st.builds(
    NoteRow,
    shelf=SHELVES,
    name=TEXTS,
    size=st.integers(-2, 2),
    colour=st.none() | TEXTS,
    body=st.binary(max_size=1),
)
ADD = st.tuples(st.just("add"), NOTE_ROWS)
REPLACE = st.tuples(st.just("replace"), NOTE_ROWS)
REMOVE = st.tuples(st.just("remove"), NOTE_ROWS)
FAIL = st.just(("fail", None))
STEPS = st.lists(st.lists(ADD | ADD | ADD | REPLACE | REMOVE | FAIL, max_size=4), max_size=4)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "shelf": SHELVES,
    "name": TEXTS,
    "size": st.integers(-2, 2),
    "colour": st.none() | TEXTS,
    "body": st.binary(max_size=1),
}
ORDERS = {
    None: ("shelf", "name"),
    "by_size": ("size", "shelf", "name"),
    "by_colour": ("colour", "shelf", "name"),
    "by_body": ("body", "shelf", "name"),
}


@st.composite
def scans(draw: st.DrawFn) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A prefix and the other arguments of a scan."""
    index = draw(st.sampled_from(list(ORDERS)))
    order = ORDERS[index]
    width = draw(st.integers(0, len(order)))
    question: dict[str, Any] = {
        "index": index,
        "count_max": draw(st.none() | st.integers(0, 5)),
        "reverse": draw(st.booleans()),
    }
    if width < len(order):
        for bound in ("start", "after", "stop"):
            question[bound] = draw(st.none() | VALUES[order[width]])
    return tuple(draw(VALUES[name]) for name in order[:width]), question


def steps_fn(steps: list[tuple[str, NoteRow | None]]) -> Callable[[Transaction], list[Any]]:
    def commit_fn(transaction: Transaction) -> list[Any]:
        results: list[Any] = []
        for verb, row in steps:
            if row is None:
                raise LookupError("on purpose")
            if verb == "add":
                transaction.add(NOTES, row)
            elif verb == "replace":
                transaction.replace(NOTES, row, transaction.find(NOTES, (row.shelf, row.name)))
            else:
                results.append(transaction.remove(NOTES, (row.shelf, row.name)))
            results.append(list(transaction.scan(NOTES, index="by_size")))
        return results

    return commit_fn


class EngineAgainstSpecification(RuleBasedStateMachine):
    """Do the same to an engine and to the memory engine, and see the same."""

    directory: Path
    count = 0

    def __init__(self) -> None:
        super().__init__()
        EngineAgainstSpecification.count += 1
        self.path = self.directory / f"{self.count}.db"
        self.engine = open_sqlite(self.path)
        self.specification = open_memory(self.path)
        self.open: list[tuple[Any, Any, Any, Any]] = []

    def _compare_commit(self, batch: list[list[tuple[str, NoteRow | None]]]) -> None:
        [mine, theirs] = [
            [(outcome.result, type(outcome.error)) for outcome in catalog.commit([steps_fn(steps) for steps in batch])]
            for catalog in (self.engine, self.specification)
        ]
        assert mine == theirs

    @rule(batch=STEPS)
    def commit(self, batch: list[list[tuple[str, NoteRow | None]]]) -> None:
        self._compare_commit(batch)

    @initialize(rows=st.lists(NOTE_ROWS, min_size=5, max_size=15))
    def fill(self, rows: list[NoteRow]) -> None:
        self._compare_commit([[("add", row)] for row in rows])

    @rule(questions=st.lists(scans(), min_size=1, max_size=10))
    def scan(self, questions: list[tuple[tuple[Any, ...], dict[str, Any]]]) -> None:
        for prefix, others in questions:
            self._compare_scan(prefix, others)

    def _compare_scan(self, prefix: tuple[Any, ...], others: dict[str, Any]) -> None:
        with self.engine.read() as mine, self.specification.read() as theirs:
            assert list(mine.scan(NOTES, prefix, **others)) == list(theirs.scan(NOTES, prefix, **others))

    @rule(row=NOTE_ROWS)
    def find(self, row: NoteRow) -> None:
        with self.engine.read() as mine, self.specification.read() as theirs:
            assert mine.find(NOTES, (row.shelf, row.name)) == theirs.find(NOTES, (row.shelf, row.name))

    @precondition(lambda self: len(self.open) < 3)
    @rule()
    def open_snapshot(self) -> None:
        mine, theirs = self.engine.read(), self.specification.read()
        self.open.append((mine, mine.__enter__(), theirs, theirs.__enter__()))

    @precondition(lambda self: self.open)
    @rule(question=scans())
    def close_snapshot(self, question: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
        prefix, others = question
        my_manager, mine, their_manager, theirs = self.open.pop(0)
        assert list(mine.scan(NOTES, prefix, **others)) == list(theirs.scan(NOTES, prefix, **others))
        assert list(mine.scan(NOTES)) == list(theirs.scan(NOTES))
        my_manager.__exit__(None, None, None)
        their_manager.__exit__(None, None, None)

    @precondition(lambda self: not self.open)
    @rule()
    def reopen(self) -> None:
        self.engine.close()
        self.engine = open_sqlite(self.path)

    @invariant()
    def holds_the_same(self) -> None:
        with self.engine.read() as mine, self.specification.read() as theirs:
            assert list(mine.scan(NOTES)) == list(theirs.scan(NOTES))

    def teardown(self) -> None:
        for my_manager, _, their_manager, _ in self.open:
            my_manager.__exit__(None, None, None)
            their_manager.__exit__(None, None, None)
        assert list(self.engine.check()) == list(self.specification.check()) == []
        self.engine.close()


@pytest.mark.parametrize(
    ("is_remembered", "unique"),
    [(False, NOTES.unique), (True, NOTES.unique), (True, frozenset())],
    ids=["plain", "remembering reads", "remembering changes"],
)
def test_sqlite_does_what_the_specification_does(tmp_path: Path, is_remembered: bool, unique: frozenset[str]) -> None:
    class Machine(EngineAgainstSpecification):
        directory = tmp_path

    with declared(is_remembered=is_remembered, unique=unique):
        run_state_machine_as_test(
            Machine,
            settings=settings(
                max_examples=30,
                stateful_step_count=20,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
            ),
        )


@settings(max_examples=50, deadline=None)
@given(rows=st.lists(NOTE_ROWS, max_size=12), question=scans())
def test_the_specification_scans_as_filtering_and_sorting_would(
    rows: list[NoteRow], question: tuple[tuple[Any, ...], dict[str, Any]]
) -> None:
    prefix, others = question
    catalog = MemoryCatalog(TABLES)
    held = []
    for row in rows:
        [outcome] = catalog.commit([lambda t, row=row: t.add(NOTES, row)])  # type: ignore[misc]
        held += [row] if outcome.error is None else []
    order = ORDERS[others["index"]]
    width = len(prefix)

    def is_within(row: NoteRow) -> bool:
        if tuple(getattr(row, name) for name in order[:width]) != prefix:
            return False
        if width == len(order):
            return True
        value = getattr(row, order[width])
        start, after, stop = others["start"], others["after"], others["stop"]
        if value is None:
            return start is after is stop is None
        is_above = value > after if after is not None else start is None or value >= start
        return bool(is_above and (stop is None or value < stop))

    expected = sorted(filter(is_within, held), key=_sortable(order), reverse=others["reverse"])[: others["count_max"]]
    with catalog.read() as snapshot:
        assert list(snapshot.scan(NOTES, prefix, **others)) == expected


def _sortable(order: tuple[str, ...]) -> Callable[[NoteRow], list[Any]]:
    def sort_key(row: NoteRow) -> list[Any]:
        values = [getattr(row, name) for name in order]
        return [() if v is None else (v.encode() if isinstance(v, str) else v,) for v in values]

    return sort_key
