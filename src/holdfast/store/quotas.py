"""What a tenancy and a bucket hold, exact in the transaction that changes it, and the gate that keeps it within limits.

Committed use never passes a limit, and a write that fits beside what is committed and reserved is never refused
(design.md, §4.9). A change that frees at least what it takes always passes, at 100 % and above.
"""

from __future__ import annotations

from typing import NamedTuple

from holdfast.catalog.interface import Snapshot, Transaction
from holdfast.catalog.rows import RESERVATIONS, USAGE, BucketRow, ReservationRow, TenancyRow, UsageRow

from .errors import QuotaExceeded


class Delta(NamedTuple):
    """A change of use. Noncurrent versions are counted apart from live ones; all three kinds count against the
    limit.
    """

    live_bytes: int = 0
    live_objects: int = 0
    upload_bytes: int = 0
    upload_parts: int = 0

    @property
    def total_bytes(self) -> int:
        return self.live_bytes + self.upload_bytes


def empty_usage(scope_id: str) -> UsageRow:
    """Return the row of a scope that holds nothing."""
    return UsageRow(scope_id, 0, 0, 0, 0, 0, 0, 0, 0)


def get_usage(rows: Snapshot, scope_id: str) -> UsageRow:
    """Return what a tenancy or bucket holds now."""
    return rows.find(USAGE, (scope_id,)) or empty_usage(scope_id)


def used_bytes(usage: UsageRow) -> int:
    """Bytes that count against a limit: live, noncurrent and in unfinished uploads."""
    return usage.live_bytes + usage.noncurrent_bytes + usage.upload_bytes


def used_objects(usage: UsageRow) -> int:
    """Objects that count against a limit."""
    return usage.live_objects + usage.noncurrent_objects


def check_room(rows: Snapshot, tenancy: TenancyRow, bucket: BucketRow, delta: Delta) -> None:
    """Raise `QuotaExceeded` if this change would not be let in now. For refusing before a body is sent."""
    for scope_id, scope, limit_bytes, limit_objects in _scopes(tenancy, bucket):
        if limit_bytes is None and limit_objects is None:
            continue
        _check(get_usage(rows, scope_id), scope, limit_bytes, limit_objects, delta)


def apply(tx: Transaction, tenancy: TenancyRow, bucket: BucketRow, delta: Delta, reservation_id: str = "") -> None:
    """Change what the tenancy and the bucket hold, freeing the reservation first. Raises `QuotaExceeded`."""
    reservation = tx.find(RESERVATIONS, (reservation_id,)) if reservation_id else None
    if reservation is not None and reservation.bucket_id != bucket.bucket_id:
        # The bucket was removed and its name given to a new one meanwhile, which never held this reservation.
        release(tx, reservation_id)
        reservation = None
    if reservation is not None:
        tx.remove(RESERVATIONS, (reservation_id,))
    for scope_id, scope, limit_bytes, limit_objects in _scopes(tenancy, bucket):
        found = tx.find(USAGE, (scope_id,))
        usage = found or empty_usage(scope_id)
        if reservation is not None:
            usage = usage._replace(
                reserved_bytes=usage.reserved_bytes - reservation.size_bytes,
                reserved_objects=usage.reserved_objects - 1,
            )
        _check(usage, scope, limit_bytes, limit_objects, delta)
        changed = usage._replace(
            live_bytes=usage.live_bytes + delta.live_bytes,
            live_objects=usage.live_objects + delta.live_objects,
            upload_bytes=usage.upload_bytes + delta.upload_bytes,
            upload_parts=usage.upload_parts + delta.upload_parts,
        )
        if found is None:
            tx.add(USAGE, changed)
        elif changed != found:
            tx.replace(USAGE, changed)


def reserve(tx: Transaction, tenancy: TenancyRow, bucket: BucketRow, reservation: ReservationRow) -> None:
    """Hold room for a body that is still coming, or raise `QuotaExceeded`. Scopes without a limit hold it too, for
    the figures.
    """
    asked = Delta(live_bytes=reservation.size_bytes, live_objects=1)
    for scope_id, scope, limit_bytes, _ in _scopes(tenancy, bucket):
        found = tx.find(USAGE, (scope_id,))
        usage = found or empty_usage(scope_id)
        # Whether the body replaces an object is known only at its commit, so that the count is not gated here.
        _check(usage, scope, limit_bytes, None, asked)
        changed = usage._replace(
            reserved_bytes=usage.reserved_bytes + reservation.size_bytes, reserved_objects=usage.reserved_objects + 1
        )
        if found is None:
            tx.add(USAGE, changed)
        else:
            tx.replace(USAGE, changed)
    tx.add(RESERVATIONS, reservation)


def release(tx: Transaction, reservation_id: str) -> None:
    """Free what a body that will never be committed had reserved. Idempotent."""
    reservation = tx.find(RESERVATIONS, (reservation_id,))
    if reservation is None:
        return
    tx.remove(RESERVATIONS, (reservation_id,))
    for scope_id in (reservation.tenancy_id, reservation.bucket_id):
        usage = tx.find(USAGE, (scope_id,))
        if usage is not None:
            tx.replace(
                USAGE,
                usage._replace(
                    reserved_bytes=usage.reserved_bytes - reservation.size_bytes,
                    reserved_objects=usage.reserved_objects - 1,
                ),
            )


def _scopes(tenancy: TenancyRow, bucket: BucketRow) -> tuple[tuple[str, str, int | None, int | None], ...]:
    return (
        (tenancy.tenancy_id, f"tenancy {tenancy.name}", tenancy.limit_bytes, tenancy.limit_objects),
        (bucket.bucket_id, f"bucket {bucket.name}", bucket.limit_bytes, bucket.limit_objects),
    )


def _check(usage: UsageRow, scope: str, limit_bytes: int | None, limit_objects: int | None, delta: Delta) -> None:
    asked = delta.total_bytes
    if limit_bytes is not None and asked > 0 and used_bytes(usage) + usage.reserved_bytes + asked > limit_bytes:
        raise QuotaExceeded(scope, "bytes", used_bytes(usage), usage.reserved_bytes, asked, limit_bytes)
    if limit_objects is not None and delta.live_objects > 0:
        used = used_objects(usage)
        if used + delta.live_objects > limit_objects:
            raise QuotaExceeded(scope, "objects", used, 0, delta.live_objects, limit_objects)
