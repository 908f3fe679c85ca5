"""Holding rows against rows: what an object says it holds, who owns it, and what a tenancy is charged for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from holdfast.blobs import records
from holdfast.blobs.interface import Blobs, BlobsError, Slice
from holdfast.catalog.interface import Catalog, Snapshot, Transaction
from holdfast.catalog.rows import (
    BUCKETS,
    OBJECTS,
    PARTS,
    REFERENCES,
    RESERVATIONS,
    TENANCIES,
    UPLOADS,
    USAGE,
    BucketRow,
    ObjectRow,
    TenancyRow,
    UsageRow,
)
from holdfast.store import quotas, references, versions
from holdfast.store.owners import Place
from holdfast.store.slices import decode_slices, total_bytes

PAGE: Final = 500


def check_rows(catalog: Catalog, blobs: Blobs | None = None) -> Iterator[tuple[Place, str]]:
    """Yield a place and a sentence for each object or part whose rows contradict each other.

    With `blobs`, also for each that reaches beyond the end of a blob.
    """
    with catalog.read() as rows:
        tenancies = {tenancy.tenancy_id: tenancy for tenancy in rows.scan(TENANCIES)}
        buckets = rows.scan(BUCKETS)
    for bucket in buckets:
        tenancy = tenancies[bucket.tenancy_id].name
        for row, sentence in _check_objects(catalog, blobs, bucket):
            yield Place(tenancy, bucket.name, row.key), sentence
        for key, part_number, sentence in _check_uploads(catalog, blobs, bucket):
            yield Place(tenancy, bucket.name, key, part_number, is_upload=True), sentence


def check_usage(catalog: Catalog) -> Iterator[str]:
    """Yield a sentence for each tenancy and bucket whose counters differ from a count of its rows."""
    with catalog.read() as rows:
        tenancies = rows.scan(TENANCIES)
        buckets = rows.scan(BUCKETS)
    for bucket in buckets:
        with catalog.read() as rows:
            if rows.find(BUCKETS, (bucket.tenancy_id, bucket.name)) == bucket:
                yield from _differences(
                    f"bucket {bucket.name}", quotas.get_usage(rows, bucket.bucket_id), count_bucket(rows, bucket)
                )
    for tenancy in tenancies:
        with catalog.read() as rows:
            yield from _differences(
                f"tenancy {tenancy.name}", quotas.get_usage(rows, tenancy.tenancy_id), sum_tenancy(rows, tenancy)
            )


def repair_usage(catalog: Catalog) -> int:
    """Count the rows of every bucket and write down what they hold; return the number of counters that were wrong.

    Each bucket is counted in one transaction, which no other write passes meanwhile: some seconds for 10^6 objects.
    """
    with catalog.read() as rows:
        tenancies = rows.scan(TENANCIES)
        buckets = rows.scan(BUCKETS)
    count = 0
    for bucket in buckets:
        count += _commit(catalog, partial(_repair_bucket, bucket))
    for tenancy in tenancies:
        count += _commit(catalog, partial(_repair_tenancy, tenancy))
    return count


def count_bucket(rows: Snapshot, bucket: BucketRow) -> UsageRow:
    """Count what a bucket holds, row by row."""
    live_bytes = live_objects = upload_bytes = upload_parts = 0
    after: str | None = None
    while found := rows.scan(OBJECTS, (bucket.bucket_id,), after=after, count_max=PAGE):
        live_objects += len(found)
        live_bytes += sum(row.size_bytes for row in found)
        after = found[-1].key
    for upload in rows.scan(UPLOADS, (bucket.bucket_id,)):
        for part in rows.scan(PARTS, (upload.upload_id,)):
            upload_bytes += part.size_bytes
            upload_parts += 1
    held = [row.size_bytes for row in rows.scan(RESERVATIONS) if row.bucket_id == bucket.bucket_id]
    return quotas.empty_usage(bucket.bucket_id)._replace(
        live_bytes=live_bytes,
        live_objects=live_objects,
        upload_bytes=upload_bytes,
        upload_parts=upload_parts,
        reserved_bytes=sum(held),
        reserved_objects=len(held),
    )


def sum_tenancy(rows: Snapshot, tenancy: TenancyRow) -> UsageRow:
    """Add up the counters of a tenancy's buckets, and count what is reserved in it."""
    total = quotas.empty_usage(tenancy.tenancy_id)
    for bucket in rows.scan(BUCKETS, (tenancy.tenancy_id,)):
        usage = quotas.get_usage(rows, bucket.bucket_id)
        total = UsageRow(total.scope_id, *(mine + more for mine, more in zip(total[1:], usage[1:], strict=True)))
    # A bucket that was removed while a body came has no counters any more, but the tenancy holds its reservation.
    held = [row.size_bytes for row in rows.scan(RESERVATIONS) if row.tenancy_id == tenancy.tenancy_id]
    return total._replace(reserved_bytes=sum(held), reserved_objects=len(held))


def _repair_bucket(seen: BucketRow, tx: Transaction) -> bool:
    bucket = tx.find(BUCKETS, (seen.tenancy_id, seen.name))
    return bucket is not None and bucket.bucket_id == seen.bucket_id and _put(tx, count_bucket(tx, bucket))


def _repair_tenancy(seen: TenancyRow, tx: Transaction) -> bool:
    return tx.find(TENANCIES, (seen.tenancy_id,)) is not None and _put(tx, sum_tenancy(tx, seen))


def _put(tx: Transaction, counted: UsageRow) -> bool:
    found = tx.find(USAGE, (counted.scope_id,))
    if found is None:
        tx.add(USAGE, counted)
        return any(counted[1:])
    if found == counted:
        return False
    tx.replace(USAGE, counted)
    return True


def _commit(catalog: Catalog, change: Callable[[Transaction], bool]) -> bool:
    (outcome,) = catalog.commit([change])
    if outcome.error is not None:
        raise outcome.error
    return bool(outcome.result)


def _differences(scope: str, kept: UsageRow, counted: UsageRow) -> Iterator[str]:
    for name, was, is_now in zip(UsageRow._fields[1:], kept[1:], counted[1:], strict=True):
        if was != is_now:
            yield f"{scope}: {name} is {was}, but its rows hold {is_now}"


def _check_objects(catalog: Catalog, blobs: Blobs | None, bucket: BucketRow) -> Iterator[tuple[ObjectRow, str]]:
    after: str | None = None
    while True:
        with catalog.read() as rows:
            page = rows.scan(OBJECTS, (bucket.bucket_id,), after=after, count_max=PAGE)
            found = [(row, sentence) for row in page for sentence in _check_object(rows, blobs, row)]
        yield from found
        if len(page) < PAGE:
            return
        after = page[-1].key


def _check_object(rows: Snapshot, blobs: Blobs | None, row: ObjectRow) -> Iterator[str]:
    owner = versions.owner_of(row)
    if not row.manifest_id:
        yield from _check_slices(rows, blobs, row.slices, row.size_bytes, owner)
        return
    if rows.find(REFERENCES, (references.manifest_blob(row.manifest_id), owner)) is None:
        yield f"manifest {row.manifest_id} is shown here without being owned"
    parts = versions.parts(rows, row)
    end = 0
    for part in parts:
        end += part.size_bytes
        if part.end_offset != end:
            yield f"part {part.part_number} ends at byte {part.end_offset}, but the parts up to it hold {end}"
            return
        part_owner = references.part_owner(row.manifest_id, part.part_number)
        yield from _check_slices(rows, blobs, part.slices, part.size_bytes, part_owner)
    if end != row.size_bytes or len(parts) != row.part_count:
        yield (
            f"its {len(parts)} parts hold {end} bytes, but {row.part_count} parts "
            f"and {row.size_bytes} bytes are written down"
        )


def _check_uploads(catalog: Catalog, blobs: Blobs | None, bucket: BucketRow) -> Iterator[tuple[str, int, str]]:
    with catalog.read() as rows:
        uploads = rows.scan(UPLOADS, (bucket.bucket_id,))
    for upload in uploads:
        with catalog.read() as rows:
            found = [
                (upload.key, part.part_number, sentence)
                for part in rows.scan(PARTS, (upload.upload_id,))
                for sentence in _check_slices(
                    rows,
                    blobs,
                    part.slices,
                    part.size_bytes,
                    references.part_owner(upload.manifest_id, part.part_number),
                )
            ]
        yield from found


def _check_slices(rows: Snapshot, blobs: Blobs | None, encoded: str, size_bytes: int, owner: str) -> Iterator[str]:
    slices = decode_slices(encoded)
    if total_bytes(slices) != size_bytes:
        yield f"its slices hold {total_bytes(slices)} bytes, but {size_bytes} are written down"
    for blob_id in dict.fromkeys(each.blob_id for each in slices):
        if rows.find(REFERENCES, (blob_id, owner)) is None:
            yield f"blob {blob_id} is shown here without being owned, so it may be collected"
        end = max(each.offset_bytes + each.length_bytes for each in slices if each.blob_id == blob_id)
        if "/" in blob_id:
            length = records.parse_blob_id(blob_id).length_bytes
            if end > length:
                yield f"blob {blob_id} is {length} bytes, but it is shown here up to byte {end}"
        elif blobs is not None:
            # The last byte says whether the blob is long enough; that all of it is sound is another check's.
            reader = blobs.open([Slice(blob_id, end - 1, 1)])
            try:
                reader.read()
            except (BlobsError, OSError) as error:
                yield str(error)
            finally:
                reader.close()
