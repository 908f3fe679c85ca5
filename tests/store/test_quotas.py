"""Reservations: what long bodies hold of a quota while they come."""

from __future__ import annotations

from holdfast.catalog.interface import Transaction
from holdfast.catalog.memory import MemoryCatalog
from holdfast.catalog.rows import RESERVATIONS, BucketRow, ReservationRow, TenancyRow
from holdfast.store import buckets, quotas

TENANCY = TenancyRow("t", "ten-o", "active", "", "private", 0, 1, 1000, None, 0)


def bucket(bucket_id: str) -> BucketRow:
    return BucketRow("t", "bucket", bucket_id, "u", 0, "", "", "", "", None, None)


def test_a_body_that_outlives_its_bucket_takes_nothing_from_a_new_one_of_that_name() -> None:
    catalog = MemoryCatalog()

    def begin(tx: Transaction) -> None:
        buckets.create(tx, bucket("old"), 10)
        quotas.reserve(tx, TENANCY, bucket("old"), ReservationRow("r", "w", "t", "old", 600, 0))

    def make_anew(tx: Transaction) -> None:
        buckets.remove(tx, TENANCY, bucket("old"), 1)
        buckets.create(tx, bucket("new"), 10)

    def end(tx: Transaction) -> None:
        quotas.apply(tx, TENANCY, bucket("new"), quotas.Delta(600, 1), "r")

    for step in (begin, make_anew, end):
        (outcome,) = catalog.commit([step])
        assert outcome.error is None, outcome.error
    with catalog.read() as rows:
        assert not rows.scan(RESERVATIONS)
        for scope in ("t", "new"):
            usage = quotas.get_usage(rows, scope)
            assert (usage.live_bytes, usage.reserved_bytes, usage.reserved_objects) == (600, 0, 0)
