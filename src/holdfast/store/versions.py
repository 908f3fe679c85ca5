"""Versions of objects: putting one in the place of another, and removing one.

Whatever changes what a key shows goes through `put` or `remove` here: conditions, locks, quota, references and order
are decided in this one place and in the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from holdfast.blobs.interface import Slice
from holdfast.catalog.interface import Snapshot, Transaction
from holdfast.catalog.rows import MANIFESTS, OBJECTS, BucketRow, ManifestRow, ObjectRow, TenancyRow

from . import quotas, references
from .errors import NoSuchKey, NoSuchVersion
from .locks import check_removable
from .slices import cut, decode_slices, encode_slices

NULL_VERSION = "null"
"""How S3 names the version of an object that was written while versioning was off."""


class Facts(NamedTuple):
    """What a client says of an object besides its bytes."""

    content_type: str = "binary/octet-stream"
    metadata: str = ""
    tags: str = ""
    storage_class: str = "STANDARD"


class Body(NamedTuple):
    """An object's bytes as rows name them: one run of slices, or a manifest of parts."""

    size_bytes: int
    etag: str
    checksum: str
    slices: tuple[Slice, ...] = ()
    manifest_id: str = ""
    part_count: int = 0


Condition = Callable[[ObjectRow | None], None]
"""Raises what the client is told when the current version is not what the request demands."""


def find(rows: Snapshot, bucket: BucketRow, key: str) -> ObjectRow | None:
    """Return the current live version of a key, or None."""
    return rows.find(OBJECTS, (bucket.bucket_id, key))


def get(rows: Snapshot, bucket: BucketRow, key: str, version_id: str | None = None) -> ObjectRow:
    """Return a version of a key, the current one without an id. Raises `NoSuchKey` or `NoSuchVersion`."""
    row = rows.find(OBJECTS, (bucket.bucket_id, key))
    if version_id is not None and version_id != "":
        if row is None or version_id != NULL_VERSION:
            raise NoSuchVersion(bucket.name, key, version_id)
    elif row is None:
        raise NoSuchKey(bucket.name, key)
    assert row is not None
    return row


def put(
    tx: Transaction,
    tenancy: TenancyRow,
    bucket: BucketRow,
    key: str,
    facts: Facts,
    body: Body,
    *,
    version_id: str,
    created_by: str,
    now_us: int,
    condition: Condition | None = None,
    reservation_id: str = "",
    upload_bytes_freed: int = 0,
    upload_parts_freed: int = 0,
) -> ObjectRow:
    """Make a new version the current one, in the place of what was there, and count it.

    The condition is asked on the row that is being replaced, inside this transaction, so that of several writers
    exactly one wins. `upload_…_freed` is what an unfinished upload held and this version takes over. Raises what the
    condition raises,
    `QuotaExceeded`, or `ObjectLocked`.
    """
    current = tx.find(OBJECTS, (bucket.bucket_id, key))
    if condition is not None:
        condition(current)
    if current is not None:
        check_removable(current, now_us)
    quotas.apply(
        tx,
        tenancy,
        bucket,
        quotas.Delta(
            live_bytes=body.size_bytes - (current.size_bytes if current else 0),
            live_objects=0 if current else 1,
            upload_bytes=-upload_bytes_freed,
            upload_parts=-upload_parts_freed,
        ),
        reservation_id,
    )
    row = ObjectRow(
        bucket_id=bucket.bucket_id,
        key=key,
        sequence=max(current.sequence + 1, now_us) if current else now_us,
        version_id=version_id,
        is_null=1,
        size_bytes=body.size_bytes,
        etag=body.etag,
        content_type=facts.content_type,
        metadata=facts.metadata,
        checksum=body.checksum,
        tags=facts.tags,
        slices=encode_slices(body.slices),
        manifest_id=body.manifest_id,
        part_count=body.part_count,
        storage_class=facts.storage_class,
        created_by=created_by,
        lock_mode="",
        retain_until_us=None,
        legal_hold=0,
        data_key_id="",
    )
    # The new holder is written before the old one goes, so that a copy of an object onto itself never looks unowned.
    _claim(tx, row, body.slices)
    if current is None:
        tx.add(OBJECTS, row)
    else:
        tx.replace(OBJECTS, row)
        _release(tx, current, now_us)
    return row


def amend(tx: Transaction, row: ObjectRow, expected: ObjectRow) -> None:
    """Change facts of a version in place (its tags), leaving its bytes, order and Last-Modified alone."""
    tx.replace(OBJECTS, row, expected)


def remove(
    tx: Transaction,
    tenancy: TenancyRow,
    bucket: BucketRow,
    key: str,
    *,
    now_us: int,
    version_id: str | None = None,
    condition: Condition | None = None,
) -> ObjectRow | None:
    """Remove the current version and return it; None when there was none, which S3 calls success.

    Always passes at a full quota. Raises what the condition raises, `NoSuchVersion` for an id that was never given,
    or `ObjectLocked`.
    """
    current = tx.find(OBJECTS, (bucket.bucket_id, key))
    if condition is not None:
        condition(current)
    if current is None:
        return None
    check_removable(current, now_us)
    tx.remove(OBJECTS, (bucket.bucket_id, key))
    _release(tx, current, now_us)
    quotas.apply(tx, tenancy, bucket, quotas.Delta(live_bytes=-current.size_bytes, live_objects=-1))
    return current


def resolve(rows: Snapshot, row: ObjectRow, offset_bytes: int, length_bytes: int) -> tuple[Slice, ...]:
    """Return the slices that hold this stretch of a version's bytes. Costs by the parts it touches."""
    if not row.manifest_id:
        slices = decode_slices(row.slices)
        if offset_bytes == 0 and length_bytes == row.size_bytes:
            return slices
        return cut(slices, offset_bytes, length_bytes)
    found: list[Slice] = []
    end = offset_bytes + length_bytes
    position = offset_bytes
    while position < end:
        parts = rows.scan(MANIFESTS, (row.manifest_id,), after=position, count_max=64)
        assert parts, f"manifest {row.manifest_id} ends before byte {position} of {row.size_bytes}"
        for part in parts:
            if position >= end:
                break
            within = position - (part.end_offset - part.size_bytes)
            taken = min(part.end_offset, end) - position
            found.extend(cut(decode_slices(part.slices), within, taken))
            position += taken
    return tuple(found)


def parts(rows: Snapshot, row: ObjectRow, count_max: int | None = None) -> list[ManifestRow]:
    """Return the first parts of a multipart object in order, all by default; none for an object written at once."""
    return list(rows.scan(MANIFESTS, (row.manifest_id,), count_max=count_max)) if row.manifest_id else []


def owner_of(row: ObjectRow) -> str:
    """Return the name under which this version owns its bytes."""
    return references.object_owner(row.bucket_id, row.version_id, row.key)


def _claim(tx: Transaction, row: ObjectRow, slices: tuple[Slice, ...]) -> None:
    if row.manifest_id:
        references.claim_manifest(tx, row.manifest_id, owner_of(row))
    elif slices:
        references.claim(tx, slices, owner_of(row))


def _release(tx: Transaction, row: ObjectRow, now_us: int) -> None:
    if row.manifest_id:
        references.release_manifest(tx, row.manifest_id, owner_of(row), now_us)
    elif row.slices:
        references.release(tx, decode_slices(row.slices), owner_of(row), now_us)
