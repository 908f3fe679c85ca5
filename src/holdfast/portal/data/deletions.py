"""Deleting what is below a prefix, behind the pages: in batches, as the person who ordered it, while they may.

Each batch is chosen and deleted in one transaction of the catalog, by S3's own DeleteObjects with the live role. What
was done stands when the process ends in between; the next one goes on after the last key. Only what was there when the
order came is deleted: of every key the sequence is compared inside the transaction that deletes it.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.http import Http404
from django.utils import timezone

from holdfast.auth.roles import Extent, Right
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import BUCKETS, OBJECTS, TENANCIES, ObjectRow
from holdfast.operations import delete_objects, list_objects_v2
from holdfast.operations.context import Context
from holdfast.operations.errors import to_s3
from holdfast.operations.operation import Operation
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.notices.notify import notify
from holdfast.portal.people.lookups import people_by_principal
from holdfast.portal.people.models import Person
from holdfast.s3.codes import S3Error
from holdfast.store.errors import (
    AccessDenied,
    NoSuchBucket,
    SiteReadOnly,
    StorageFull,
    StorageReadOnly,
    StoreError,
)
from holdfast.store.listing import successor
from holdfast.store.quotas import get_usage
from holdfast.store.receipt import Receipt

from .acting import Acting
from .models import ACTIVE, CANCELLED, COUNTING, DELETING, DONE, STOPPED, Deletion
from .objects_places import shown

BATCH_KEYS: Final = 250
"""Keys in one transaction: while it runs, nobody else's write of this home does."""
COUNT_ROWS: Final = 10_000
"""Rows that are counted between two looks at whether the deletion was cancelled."""
COUNT_MAX: Final = 100_000
COUNT_S: Final = 0.04
"""How long is counted before somebody orders: what is more than it came to is said to be more."""
KEPT_DAYS: Final = 90
WORK_S: Final = 3.0
"""How long one round works before other rounds have their turn."""
_WAITS: Final = (SiteReadOnly, StorageReadOnly, StorageFull)
"""What passes: the deletion goes on by itself afterwards."""


class Measure(NamedTuple):
    """How much lies below a prefix."""

    objects: int
    size_bytes: int
    is_all: bool
    """False where counting ended before the last key."""


class Batch(NamedTuple):
    """What became of one batch."""

    deleted_count: int
    deleted_bytes: int
    newer_count: int
    refused_count: int
    refusal: str
    """The first one, in words; empty when there was none."""
    mark: str
    is_last: bool


def measure(rows: Snapshot, bucket_id: str, prefix: str, *, count_max: int, time_s: float) -> Measure:
    """Count what is below a prefix, as far as that goes within this time. A whole bucket is known from its counters."""
    if not prefix:
        usage = get_usage(rows, bucket_id)
        return Measure(usage.live_objects, usage.live_bytes, True)
    ends_s = time.monotonic() + time_s
    count = size_bytes = 0
    mark = ""
    while True:
        found = _below(rows, bucket_id, prefix, mark, 1000)
        count += len(found)
        size_bytes += sum(row.size_bytes for row in found)
        if len(found) < 1000:
            return Measure(count, size_bytes, True)
        if count >= count_max or time.monotonic() >= ends_s:
            return Measure(count, size_bytes, False)
        mark = found[-1].key


def measure_for(acting: Acting, bucket: str, prefix: str) -> Measure:
    """Return how much is below a prefix, for who may list it and delete there. Raises what S3 would refuse it with."""
    request = list_objects_v2.Request(bucket=bucket, prefix=prefix, max_keys=1)
    with house().catalog.read() as rows:
        context = acting.context(rows, list_objects_v2.operation, request)
        assert list_objects_v2.operation.run is not None
        first = list_objects_v2.operation.run(context, request).contents
        if first:
            # One key stands for all here; of each other one the right is asked when its turn comes.
            context.authorised("s3:DeleteObject", bucket, first[0].key)
        row = rows.find(BUCKETS, (acting.tenancy_id, bucket))
        if row is None:
            raise NoSuchBucket(bucket)
        return measure(rows, row.bucket_id, prefix, count_max=COUNT_MAX, time_s=COUNT_S)


def deletions_seen(standing: Standing, acting: Acting) -> QuerySet[Deletion]:
    """Return the deletions of a tenancy that the person may see: their own, and all for who may write everywhere."""
    of_tenancy = Q(tenancy_id=standing.tenancy.tenancy_id)
    if standing.extent(Right.WRITE_DATA) is not Extent.ALL:
        of_tenancy &= Q(principal_id=acting.principal_id)
    return Deletion.objects.filter(of_tenancy)


def get_deletion(standing: Standing, acting: Acting, deletion_id: int) -> Deletion:
    """Return a deletion that the person may see. Raises Http404."""
    deletion = deletions_seen(standing, acting).filter(id=deletion_id).first()
    if deletion is None:
        raise Http404
    return deletion


def _below(rows: Snapshot, bucket_id: str, prefix: str, mark: str, count_max: int) -> list[ObjectRow]:
    """Return the objects below a prefix after a key."""
    return list(
        rows.scan(
            OBJECTS,
            (bucket_id,),
            start=None if mark else prefix,
            after=mark or None,
            stop=successor(prefix) if prefix else None,
            count_max=count_max,
        )
    )


def work_on_deletions() -> int:
    """Work on all deletions, one batch of each in turn, for a few seconds; return how many objects were deleted."""
    ends_s = time.monotonic() + WORK_S
    deleted = 0
    waiting = list(Deletion.objects.filter(state__in=ACTIVE).order_by("id").values_list("id", flat=True))
    while waiting and time.monotonic() < ends_s:
        going_on = []
        for deletion_id in waiting:
            count, goes_on = _step(deletion_id)
            deleted += count
            if goes_on:
                going_on.append(deletion_id)
        waiting = going_on
    return deleted


def forget_old_deletions() -> int:
    """Drop what ended long ago from the lists; the audit keeps it. Returns how many."""
    long_ago = timezone.now() - timedelta(days=KEPT_DAYS)
    return Deletion.objects.filter(ended_at__lt=long_ago).delete()[0]


def cancel(deletion: Deletion, person: Person) -> bool:
    """Stop a deletion before its next batch, in the name of a person; False when it had ended already.

    What is deleted stays deleted.
    """
    is_own = person.principal_id == deletion.principal_id
    return _end(deletion, CANCELLED, "" if is_own else f"{person} ({person.name}) cancelled it.", person.principal_id)


def _step(deletion_id: int) -> tuple[int, bool]:
    """Do one piece of a deletion; return how many objects were deleted, and whether there is more to do now."""
    deletion = Deletion.objects.filter(id=deletion_id, state__in=ACTIVE).first()
    if deletion is None:
        return 0, False
    if deletion.state == COUNTING:
        return 0, _count(deletion)
    acting = Acting(
        deletion.tenancy_id, deletion.principal_id, deletion.source_ip, request_id=f"deletion-{deletion_id}"
    )
    request = delete_objects.Request(deletion.bucket, delete_objects.Delete())
    try:
        batch = acting.commit(_batch_of(deletion), request, audit="")
    except _WAITS as error:
        Deletion.objects.filter(id=deletion_id).update(reason=f"It waits: {to_s3(error).message}")
        return 0, False
    except (StoreError, S3Error) as error:
        _end(deletion, STOPPED, _why(error))
        return 0, False
    Deletion.objects.filter(id=deletion_id).update(
        deleted_count=F("deleted_count") + batch.deleted_count,
        deleted_bytes=F("deleted_bytes") + batch.deleted_bytes,
        newer_count=F("newer_count") + batch.newer_count,
        refused_count=F("refused_count") + batch.refused_count,
        mark=batch.mark or deletion.mark,
        reason=batch.refusal or (deletion.reason if deletion.refused_count else ""),
    )
    if batch.refused_count and not batch.deleted_count:
        # The right has ended, or never reached below here: going on would ask the same of every key.
        _end(deletion, STOPPED, batch.refusal)
        return 0, False
    if batch.is_last:
        _end(deletion, DONE, batch.refusal or deletion.reason)
    return batch.deleted_count, not batch.is_last


def _count(deletion: Deletion) -> bool:
    """Count some more of what there is, so that people see how far it has come. Returns True: there is more to do."""
    with house().catalog.read() as rows:
        if not deletion.prefix:
            whole = measure(rows, deletion.bucket_id, "", count_max=0, time_s=0)
            found_count, found_bytes, is_all, mark = whole.objects, whole.size_bytes, True, ""
        else:
            found = _below(rows, deletion.bucket_id, deletion.prefix, deletion.mark, COUNT_ROWS)
            found_count, found_bytes = len(found), sum(row.size_bytes for row in found)
            is_all, mark = len(found) < COUNT_ROWS, found[-1].key if found else ""
    Deletion.objects.filter(id=deletion.id, state=COUNTING).update(
        found_count=F("found_count") + found_count,
        found_bytes=F("found_bytes") + found_bytes,
        state=DELETING if is_all else COUNTING,
        mark="" if is_all else mark,
    )
    return True


def _batch_of(deletion: Deletion) -> Operation[delete_objects.Request, Batch]:
    """Return DeleteObjects for the next keys of a deletion: which they are is found in the transaction itself."""

    def commit(context: Context, request: delete_objects.Request, receipt: Receipt | None) -> Batch:
        bucket = context.find_bucket("s3:DeleteObject", request.bucket)
        if bucket.bucket_id != deletion.bucket_id:
            raise NoSuchBucket(request.bucket)
        found = _below(context.rows, bucket.bucket_id, deletion.prefix, deletion.mark, BATCH_KEYS)
        old = {row.key: row for row in found if row.sequence <= deletion.ordered_at_us}
        failed: dict[str, str] = {}
        if old:
            targets = tuple(delete_objects.Target(key) for key in old)
            wanted = replace(request, delete=delete_objects.Delete(targets, quiet=True))
            answer = delete_objects.commit(context, wanted, None)
            failed = {each.key: f"{shown(each.key)}: {each.code}. {each.message}" for each in answer.failed}
        gone = [row for key, row in old.items() if key not in failed]
        return Batch(
            deleted_count=len(gone),
            deleted_bytes=sum(row.size_bytes for row in gone),
            newer_count=len(found) - len(old),
            refused_count=len(failed),
            refusal=next(iter(failed.values()), ""),
            mark=found[-1].key if found else "",
            is_last=len(found) < BATCH_KEYS,
        )

    operation: Operation[delete_objects.Request, Batch] = replace(delete_objects.operation, commit=commit)  # type: ignore[assignment,arg-type]
    return operation


def _end(deletion: Deletion, state: str, reason: str, actor: str = "") -> bool:
    """Bring a deletion to its end, write that down and tell who ordered it; False when it had ended already.

    `actor` is the principal who ends it; empty for who ordered it.
    """
    with transaction.atomic():
        ended = Deletion.objects.filter(id=deletion.id, state__in=ACTIVE)
        if not ended.update(state=state, reason=reason, ended_at=timezone.now()):
            return False
        deletion.refresh_from_db()
        person = people_by_principal([deletion.principal_id]).get(deletion.principal_id)
        name = _tenancy_name(deletion)
        if person is not None:
            notify(
                [person],
                "deletion",
                f"{_place(deletion)} {_ENDS[state]}",
                "\n\n".join(_account(deletion)),
                url=f"/tenancies/{name}/deletions/{deletion.id}/" if name else "",
                level="success" if state == DONE and not deletion.refused_count else "warning",
                by_mail=state == STOPPED,
            )
        detail = {
            "user_id": deletion.principal_id,
            "prefix": deletion.prefix,
            "state": state,
            "deleted": deletion.deleted_count,
            "deleted_bytes": deletion.deleted_bytes,
            "newer": deletion.newer_count,
            "refused": deletion.refused_count,
        }
        house().office(actor or deletion.principal_id).record(
            "deletion.end", f"{name}/{deletion.bucket}/{deletion.prefix}", deletion.tenancy_id, detail
        )
    return True


_ENDS: Final = {DONE: "is deleted", STOPPED: "was not deleted to the end", CANCELLED: "is not deleted any further"}


def _account(deletion: Deletion) -> Iterator[str]:
    """Yield in sentences what a deletion did."""
    yield f"{deletion.deleted_count:,} objects were deleted."
    if deletion.newer_count:
        yield f"{deletion.newer_count:,} were written after the order and are left."
    if deletion.refused_count:
        yield f"{deletion.refused_count:,} could not be deleted."
    if deletion.reason:
        yield deletion.reason


def _place(deletion: Deletion) -> str:
    return f"{deletion.bucket}/{shown(deletion.prefix)}"[:150]


def _tenancy_name(deletion: Deletion) -> str:
    with house().catalog.read() as rows:
        tenancy = rows.find(TENANCIES, (deletion.tenancy_id,))
    return tenancy.name if tenancy is not None else ""


def _why(error: StoreError | S3Error) -> str:
    """Return in words why a deletion ends before its end."""
    if isinstance(error, AccessDenied) and error.bucket is None:
        return "Who ordered it is no member of the tenancy any more."
    s3 = error if isinstance(error, S3Error) else to_s3(error)
    return f"{s3.code}: {s3.message}"


def order(acting: Acting, tenancy_name: str, bucket: str, prefix: str, once: str) -> Deletion:
    """Order a deletion, written into the audit. `once` is text of the form: sent twice, it orders one.

    Raises NoSuchBucket, StorageReadOnly.
    """
    opened = house()
    if opened.is_read_only:
        raise StorageReadOnly
    with opened.catalog.read() as rows:
        row = rows.find(BUCKETS, (acting.tenancy_id, bucket))
    if row is None:
        raise NoSuchBucket(bucket)
    digest = _digest(acting, once)
    with transaction.atomic():
        deletion, is_new = Deletion.objects.get_or_create(
            once=digest,
            defaults={
                "tenancy_id": acting.tenancy_id,
                "bucket": bucket,
                "bucket_id": row.bucket_id,
                "prefix": prefix,
                "principal_id": acting.principal_id,
                "source_ip": acting.source_ip,
                "ordered_at_us": opened.now_us(),
            },
        )
        if is_new:
            opened.office(acting.principal_id).record(
                "deletion.begin", f"{tenancy_name}/{bucket}/{prefix}", acting.tenancy_id, {"prefix": prefix}
            )
    return deletion


def find_ordered(acting: Acting, once: str) -> Deletion | None:
    """Return the deletion that was ordered with this text, or None."""
    return Deletion.objects.filter(once=_digest(acting, once)).first()


def _digest(acting: Acting, once: str) -> str:
    # Of whom and where, too: else a form of somebody else's would lead to theirs.
    return hashlib.sha256(f"{acting.tenancy_id}\0{acting.principal_id}\0{once}".encode()).hexdigest()
