"""Pages of a listing, against a plain sort and filter of the same keys."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import integers, lists, sampled_from, sets, text

from holdfast.catalog.memory import MemoryCatalog
from holdfast.catalog.rows import OBJECTS, ObjectRow
from holdfast.store.listing import CommonPrefix, Page, list_page, list_page_before, successor

KEYS = text(alphabet=sampled_from("ab/\ud7ff\ue000\U0010ffff.-é "), min_size=1, max_size=6)


def row(key: str) -> ObjectRow:
    return ObjectRow("b", key, 1, "v", 1, 0, "e", "t", "", "", "", "", "", 0, "STANDARD", "u", "", None, 0, "")


def catalog_of(keys: set[str]) -> MemoryCatalog:
    catalog = MemoryCatalog()
    outcomes = catalog.commit([lambda tx: [tx.add(OBJECTS, row(key)) for key in keys]])
    assert all(outcome.error is None for outcome in outcomes)
    return catalog


def expected(keys: set[str], prefix: str, delimiter: str) -> list[str]:
    found: list[str] = []
    for key in sorted(keys, key=lambda item: item.encode()):
        if not key.startswith(prefix):
            continue
        position = key.find(delimiter, len(prefix)) if delimiter else -1
        entry = key if position < 0 else key[: position + len(delimiter)] + "*"
        if not found or found[-1] != entry:
            found.append(entry)
    return found


@given(
    keys=sets(KEYS, max_size=40),
    page_size=integers(1, 7),
    prefix=sampled_from(["", "a", "a/", "\U0010ffff"]),
    delimiter=sampled_from(["", "/", "b", "a/"]),
)
def test_paging_through_a_listing_yields_every_key_and_prefix_once_in_order(
    keys: set[str], page_size: int, prefix: str, delimiter: str
) -> None:
    found: list[str] = []
    after = ""
    with catalog_of(keys).read() as rows:
        for _ in range(len(keys) + 2):
            page = list_page(rows, "b", prefix=prefix, delimiter=delimiter, after=after, count_max=page_size)
            found += [entry.text + "*" if isinstance(entry, CommonPrefix) else entry.key for entry in page.entries]
            assert len(page.entries) <= page_size
            if not page.is_truncated:
                break
            after = page.after
        else:
            raise AssertionError("the listing never ends")
    assert found == expected(keys, prefix, delimiter)


def texts(page: Page) -> list[str]:
    return [entry.text + "*" if isinstance(entry, CommonPrefix) else entry.key for entry in page.entries]


@given(
    keys=sets(KEYS, max_size=40),
    page_size=integers(1, 7),
    prefix=sampled_from(["", "a", "a/", "\U0010ffff"]),
    delimiter=sampled_from(["", "/", "b", "a/"]),
)
def test_paging_backwards_through_a_listing_yields_the_same_entries_in_the_same_order(
    keys: set[str], page_size: int, prefix: str, delimiter: str
) -> None:
    found: list[str] = []
    before = ""
    with catalog_of(keys).read() as rows:
        for _ in range(len(keys) + 2):
            page = list_page_before(rows, "b", before, prefix=prefix, delimiter=delimiter, count_max=page_size)
            found = texts(page) + found
            assert len(page.entries) <= page_size
            if not page.is_truncated:
                break
            first = page.entries[0]
            before = first.text if isinstance(first, CommonPrefix) else first.key
        else:
            raise AssertionError("the listing never ends")
    assert found == expected(keys, prefix, delimiter)


@given(keys=sets(KEYS, max_size=30), mark=KEYS, delimiter=sampled_from(["", "/", "b"]), page_size=integers(1, 7))
def test_what_lies_before_a_mark_and_what_follows_are_the_whole_list(
    keys: set[str], mark: str, delimiter: str, page_size: int
) -> None:
    """Also where the mark is no key, or lies below a common prefix."""
    with catalog_of(keys).read() as rows:
        page = list_page_before(rows, "b", mark, delimiter=delimiter, count_max=page_size)
        following = list_page(rows, "b", delimiter=delimiter, after=page.after, count_max=1000)
    whole = expected(keys, "", delimiter)
    assert texts(page) == whole[len(whole) - len(following.entries) - len(page.entries) :][: len(page.entries)]
    assert texts(page) + texts(following) == whole[-len(texts(page) + texts(following)) :]
    assert page.is_truncated == (len(page.entries) + len(following.entries) < len(whole))


@given(keys=lists(KEYS, min_size=2, max_size=2))
def test_the_successor_of_a_prefix_comes_after_all_that_begin_with_it(keys: list[str]) -> None:
    prefix, other = keys
    following = successor(prefix)
    assert following is None or following > prefix
    if other.startswith(prefix):
        assert following is None or other < following
    elif other > prefix:
        assert following is not None
        assert other >= following


def test_a_page_of_no_entries_is_empty_and_not_truncated() -> None:
    with catalog_of({"a", "b"}).read() as rows:
        assert list_page(rows, "b", count_max=0) == ([], False, "")


def test_an_index_of_a_million_keys_below_a_prefix_is_skipped_not_read() -> None:
    keys = {f"deep/{number:05}" for number in range(3000)} | {"deeq"}
    catalog = catalog_of(keys)
    reads: list[int] = []
    with catalog.read() as rows:
        scan = rows.scan

        class Counting:
            def scan(self, *args: object, **kwargs: object) -> object:
                found = scan(*args, **kwargs)  # type: ignore[arg-type]
                reads.append(len(found))
                return found

        page = list_page(Counting(), "b", delimiter="/")  # type: ignore[arg-type]
    assert page.entries == [CommonPrefix("deep/"), row("deeq")]
    assert sum(reads) < 30
