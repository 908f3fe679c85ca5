"""Erasing a tenancy that was closed: everything in it, in small steps, and the tenancy itself at the end.

It is suspended first, so that nobody reads or deletes meanwhile, and what is counted then is what goes. Each step is
small, since everybody's writes wait for it; whoever stops between two steps goes on later where they stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from holdfast.catalog.interface import Snapshot, Transaction
from holdfast.catalog.rows import BUCKETS, OBJECTS, TENANCIES, UPLOADS, BucketRow, TenancyRow
from holdfast.store import buckets, multipart, versions
from holdfast.store.quotas import get_usage, used_bytes, used_objects

from .errors import Refused, Unknown
from .office import Change, Office

STEP_OBJECTS: Final = 500
"""Objects that one step removes: some 20 ms of everybody's turn."""


class Held(NamedTuple):
    """What a bucket holds, for the certificate. Parts of unfinished uploads are in the bytes."""

    name: str
    objects: int
    size_bytes: int


class Step(NamedTuple):
    """What one step removed."""

    objects: int
    size_bytes: int
    is_empty: bool
    """Whether the tenancy has no buckets any more."""


def begin_erasure(office: Office, tenancy_id: str, reason: str, *, closed_for: str) -> Sequence[Held]:
    """Suspend a tenancy that was closed, for `reason`, and return what each of its buckets holds, by name.

    Idempotent. Raises Unknown, or Refused where it is not read-only for the reason `closed_for` any more.
    """

    def change(rows: Transaction, now_us: int) -> Change[Sequence[Held]]:
        before = _get(rows, tenancy_id)
        if (before.state, before.reason) not in (("readonly", closed_for), ("suspended", reason)):
            raise Refused(f"tenancy `{before.name}` is not closed any more, but {before.state}: look again first")
        tenancy = before._replace(state="suspended", reason=reason)
        rows.replace(TENANCIES, tenancy)
        held = _holdings(rows, tenancy)
        detail = {
            "buckets": len(held),
            "objects": sum(each.objects for each in held),
            "bytes": sum(each.size_bytes for each in held),
        }
        return Change(held, tenancy.name, tenancy_id, detail)

    return office.commit("tenancy.erase", change)


def erase_step(office: Office, tenancy_id: str, reason: str, count_max: int = STEP_OBJECTS) -> Step:
    """Remove some objects, one unfinished upload, or one empty bucket of a tenancy that `begin_erasure` suspended.

    Raises Unknown, Refused where it is not suspended for this reason any more, or ObjectLocked.
    """

    def remove_some(rows: Transaction, now_us: int) -> Step | BucketRow:
        tenancy = _get_erased(rows, tenancy_id, reason)
        first = rows.scan(BUCKETS, (tenancy_id,), count_max=1)
        if not first:
            return Step(0, 0, True)
        (bucket,) = first
        found = rows.scan(OBJECTS, (bucket.bucket_id,), count_max=count_max)
        for row in found:
            versions.remove(rows, tenancy, bucket, row.key, now_us=now_us)
        if found:
            return Step(len(found), sum(row.size_bytes for row in found), False)
        # One upload at a time: it may have 10,000 parts.
        uploads = rows.scan(UPLOADS, (bucket.bucket_id,), count_max=1)
        if uploads:
            before_bytes = get_usage(rows, bucket.bucket_id).upload_bytes
            multipart.abort(rows, tenancy, bucket, uploads[0], now_us)
            return Step(0, before_bytes - get_usage(rows, bucket.bucket_id).upload_bytes, False)
        return bucket

    done = office.commit_piece(remove_some)
    return done if isinstance(done, Step) else _remove_bucket(office, tenancy_id, reason, done)


def _remove_bucket(office: Office, tenancy_id: str, reason: str, seen: BucketRow) -> Step:
    def change(rows: Transaction, now_us: int) -> Change[Step]:
        tenancy = _get_erased(rows, tenancy_id, reason)
        bucket = rows.find(BUCKETS, (tenancy_id, seen.name))
        if bucket is not None:
            buckets.remove(rows, tenancy, bucket, now_us)
        return Change(Step(0, 0, False), f"{tenancy.name}/{seen.name}", tenancy_id, {"reason": reason})

    return office.commit("bucket.delete", change)


def _get(rows: Snapshot, tenancy_id: str) -> TenancyRow:
    found = rows.find(TENANCIES, (tenancy_id,))
    if found is None:
        raise Unknown("tenancy", tenancy_id)
    return found


def _get_erased(rows: Snapshot, tenancy_id: str, reason: str) -> TenancyRow:
    tenancy = _get(rows, tenancy_id)
    if (tenancy.state, tenancy.reason) != ("suspended", reason):
        raise Refused(f"tenancy `{tenancy.name}` was taken back while it was being deleted: nothing more is deleted")
    return tenancy


def _holdings(rows: Snapshot, tenancy: TenancyRow) -> Sequence[Held]:
    held = []
    for bucket in rows.scan(BUCKETS, (tenancy.tenancy_id,)):
        usage = get_usage(rows, bucket.bucket_id)
        held.append(Held(bucket.name, used_objects(usage), used_bytes(usage)))
    return held
