"""Aborting uploads that were left unfinished, and forgetting finished ones that nobody asks for any more."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

from holdfast.catalog.interface import Row, Table, Transaction
from holdfast.catalog.rows import BUCKETS, COMPLETIONS, TENANCIES, UPLOADS, CompletionRow, UploadRow
from holdfast.store import multipart

from .workshop import Workshop

BATCH: Final = 100
GRACE_US: Final = 24 * 3600 * 1_000_000
"""By how much the uploads of a suspended tenancy are put off, again and again until it is resumed."""


class Expired(NamedTuple):
    """What one run did away with."""

    aborted: int = 0
    forgotten: int = 0


def expire_uploads(workshop: Workshop) -> Expired:
    """Abort unfinished uploads past their time, each in a transaction of its own, and forget completed ones."""
    now_us = workshop.clock_us()
    forgotten = aborted = 0
    while found := _past(workshop, COMPLETIONS, now_us):
        forgotten += workshop.commit(partial(_forget, found))
    while uploads := _past(workshop, UPLOADS, now_us):
        for upload in uploads:
            if workshop.is_stopping():
                return Expired(aborted, forgotten)
            aborted += workshop.commit(partial(_abort, upload, now_us))
    return Expired(aborted, forgotten)


def _past(workshop: Workshop, table: Table[Row], now_us: int) -> Sequence[Row]:
    with workshop.catalog.read() as rows:
        return rows.scan(table, (), index="by_expiry", stop=now_us, count_max=BATCH)


def _forget(completions: Sequence[CompletionRow], tx: Transaction) -> int:
    for completion in completions:
        multipart.forget(tx, completion)
    return len(completions)


def _abort(seen: UploadRow, now_us: int, tx: Transaction) -> bool:
    """Abort an upload, unless it was completed or aborted since it was seen."""
    upload = tx.find(UPLOADS, (seen.bucket_id, seen.key, seen.upload_id))
    if upload is None or upload.expires_at_us >= now_us:
        return False
    (bucket,) = tx.scan(BUCKETS, (upload.bucket_id,), index="by_id")
    tenancy = tx.find(TENANCIES, (bucket.tenancy_id,))
    assert tenancy is not None, f"bucket {bucket.bucket_id} has no tenancy"
    if tenancy.state == "suspended":
        # Nothing of a suspended tenancy is removed: its members could neither finish the upload nor be told.
        multipart.postpone(tx, upload, now_us + GRACE_US)
        return False
    multipart.abort(tx, tenancy, bucket, upload, now_us)
    return True
