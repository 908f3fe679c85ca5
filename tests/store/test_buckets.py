"""What goes with a bucket when it is removed, and what keeps it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from holdfast.blobs.interface import Slice
from holdfast.catalog.interface import Transaction
from holdfast.catalog.memory import MemoryCatalog
from holdfast.catalog.rows import COMPLETIONS, GARBAGE, UPLOADS, BucketRow, CompletionRow, TenancyRow, UploadRow
from holdfast.store import buckets, multipart, quotas
from holdfast.store.errors import BucketNotEmpty

TENANCY = TenancyRow("t", "tenancy", "active", "", "private", 0, 1, None, None, 0)
BUCKET = BucketRow("t", "bucket", "b", "u", 0, "", "", "", "", None, None)


@pytest.fixture
def catalog() -> MemoryCatalog:
    catalog = MemoryCatalog()
    commit(catalog, lambda tx: buckets.create(tx, BUCKET, 10))
    return catalog


def commit(catalog: MemoryCatalog, change: Callable[[Transaction], Any]) -> None:
    (outcome,) = catalog.commit([change])
    if outcome.error is not None:
        raise outcome.error


def begin(tx: Transaction, count: int, parts: int = 0) -> None:
    """Begin uploads of one key, each with so many parts of a byte."""
    for number in range(count):
        upload_id = f"{number:014x}"
        row = UploadRow("b", "key", upload_id, "u", number, "t", "", "", "STANDARD", "", "", upload_id, 0)
        multipart.create(tx, row)
        for part in range(1, parts + 1):
            place = (Slice(f"{upload_id}.{part}", 0, 1),)
            multipart.put_part(
                tx, TENANCY, BUCKET, row, part, slices=place, size_bytes=1, etag="", checksum="", now_us=1
            )


def test_a_removed_bucket_takes_all_its_unfinished_uploads_along(catalog: MemoryCatalog) -> None:
    commit(catalog, lambda tx: begin(tx, multipart.SCAN_MAX + 5, parts=1))
    commit(catalog, lambda tx: buckets.remove(tx, TENANCY, BUCKET, 2))
    with catalog.read() as rows:
        assert not rows.scan(UPLOADS)
        assert quotas.get_usage(rows, "t") == quotas.empty_usage("t")
        assert len(rows.scan(GARBAGE)) == multipart.SCAN_MAX + 5


def test_what_completes_answered_is_left_to_be_forgotten(catalog: MemoryCatalog) -> None:
    kept = CompletionRow("b", "key", "u1", "{}", 0)
    commit(catalog, lambda tx: tx.add(COMPLETIONS, kept))
    commit(catalog, lambda tx: buckets.remove(tx, TENANCY, BUCKET, 2))
    with catalog.read() as rows:
        assert rows.scan(COMPLETIONS) == [kept]
    commit(catalog, lambda tx: multipart.forget(tx, kept))


@pytest.mark.parametrize(("uploads", "parts"), [(6, 0), (2, 3)])
def test_more_uploads_or_parts_than_one_turn_may_abort_keep_the_bucket(
    catalog: MemoryCatalog, monkeypatch: pytest.MonkeyPatch, uploads: int, parts: int
) -> None:
    monkeypatch.setattr(buckets, "UNFINISHED_MAX", 5)
    commit(catalog, lambda tx: begin(tx, uploads, parts))
    with pytest.raises(BucketNotEmpty) as caught:
        commit(catalog, lambda tx: buckets.remove(tx, TENANCY, BUCKET, 2))
    assert caught.value.has_uploads
    with catalog.read() as rows:
        assert len(rows.scan(UPLOADS)) == uploads
