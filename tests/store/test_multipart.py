"""Lists of unfinished uploads, paged in every way, against a plain sort of the same uploads."""

from __future__ import annotations

from hypothesis import given
from hypothesis.strategies import integers, lists, sampled_from

from holdfast.catalog.memory import MemoryCatalog
from holdfast.catalog.rows import UPLOADS, BucketRow, UploadRow
from holdfast.store import multipart

BUCKET = BucketRow("t", "bucket", "b", "u", 0, "", "", "", "", None, None)
KEYS = sampled_from(["a", "a/b", "a/c", "b", "b/x/y", "é"])


def upload(key: str, number: int) -> UploadRow:
    upload_id = f"{number:014x}"
    return UploadRow("b", key, upload_id, "u", number, "t", "", "", "STANDARD", "", "", upload_id, 0)


def catalog_of(uploads: list[UploadRow]) -> MemoryCatalog:
    catalog = MemoryCatalog()
    (outcome,) = catalog.commit([lambda tx: [tx.add(UPLOADS, row) for row in uploads]])
    assert outcome.error is None
    return catalog


@given(
    made=lists(KEYS, max_size=20),
    page_size=integers(1, 4),
    prefix=sampled_from(["", "a", "b/"]),
    delimiter=sampled_from(["", "/"]),
)
def test_paging_through_uploads_yields_each_one_once_in_order(
    made: list[str], page_size: int, prefix: str, delimiter: str
) -> None:
    uploads = [upload(key, number) for number, key in enumerate(made)]
    found: list[tuple[str, str]] = []
    key_mark = upload_mark = ""
    with catalog_of(uploads).read() as rows:
        for _ in range(len(uploads) + 2):
            page = multipart.list_uploads(
                rows,
                BUCKET,
                prefix=prefix,
                delimiter=delimiter,
                key_mark=key_mark,
                upload_mark=upload_mark,
                count_max=page_size,
            )
            assert len(page.uploads) + len(page.prefixes) <= page_size
            found += [(row.key, row.upload_id) for row in page.uploads] + [(item, "*") for item in page.prefixes]
            if not page.is_truncated:
                break
            key_mark, upload_mark = page.key_mark, page.upload_mark
        else:
            raise AssertionError("the list never ends")
    expected: list[tuple[str, str]] = []
    for row in sorted(uploads, key=lambda item: (item.key, item.upload_id)):
        if not row.key.startswith(prefix):
            continue
        at = row.key.find(delimiter, len(prefix)) if delimiter else -1
        entry = (row.key, row.upload_id) if at < 0 else (row.key[: at + 1], "*")
        if entry not in expected:
            expected.append(entry)
    assert sorted(found) == sorted(expected)


def test_more_uploads_of_one_key_than_are_read_at_once_are_all_listed() -> None:
    uploads = [upload("a", number) for number in range(multipart.SCAN_MAX + 5)] + [upload("b", 1)]
    with catalog_of(uploads).read() as rows:
        page = multipart.list_uploads(rows, BUCKET, count_max=5000)
    assert [row.key for row in page.uploads] == ["a"] * (multipart.SCAN_MAX + 5) + ["b"]
