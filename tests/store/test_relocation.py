from __future__ import annotations

import pytest
from tests.jobs.depot import Depot

from holdfast.blobs.interface import Slice
from holdfast.catalog.interface import RowChanged
from holdfast.store import relocation, versions
from holdfast.store.slices import decode_slices


def test_an_owner_that_shows_more_than_was_copied_is_not_moved() -> None:
    depot = Depot()
    row = depot.put("k", b"0123456789")
    (old,) = decode_slices(row.slices)
    with pytest.raises(RowChanged, match="is shown beyond byte 9"):
        depot.commit(lambda tx: relocation.move(tx, old.blob_id, Slice("sxxxxxxxx-0/0.9", 0, 9), 1))
    assert depot.get("k") == b"0123456789"


def test_a_copy_that_lies_within_a_larger_blob_is_named_at_its_place() -> None:
    depot = Depot()
    (old,) = decode_slices(depot.put("k", b"0123456789").slices)
    (other,) = depot.stage(b"...0123456789...")
    assert (
        depot.commit(lambda tx: relocation.move(tx, old.blob_id, other._replace(offset_bytes=3, length_bytes=10), 1))
        == 1
    )
    assert depot.get("k") == b"0123456789"


def test_what_nobody_owns_any_more_is_not_moved() -> None:
    depot = Depot()
    (old,) = decode_slices(depot.put("k", b"0123456789").slices)
    depot.delete("k")
    assert depot.commit(lambda tx: relocation.move(tx, old.blob_id, Slice("sxxxxxxxx-0/0.10", 0, 10), 1)) == 0
    with depot.catalog.read() as rows:
        assert versions.find(rows, depot.bucket(), "k") is None
