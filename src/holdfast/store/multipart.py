"""Multipart uploads: parts that become one object in one transaction, without a byte moved.

An upload's id is its manifest's too, and its parts own their blobs under that id; Complete turns the listed parts
into the manifest's rows and leaves every blob where it is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from holdfast.blobs.interface import Slice
from holdfast.catalog.interface import Snapshot, Transaction
from holdfast.catalog.rows import (
    COMPLETIONS,
    GARBAGE,
    MANIFESTS,
    PARTS,
    UPLOADS,
    BucketRow,
    CompletionRow,
    ManifestRow,
    ObjectRow,
    PartRow,
    TenancyRow,
    UploadRow,
)

from . import quotas, references, versions
from .errors import NoSuchUpload
from .listing import CommonPrefix, common_prefix, successor
from .slices import decode_slices, encode_slices

SCAN_MAX = 1000
"""How many rows of uploads are read at once for a page of them."""
COMPLETED_LIFE_US = 24 * 3600 * 1_000_000
"""How long a completed upload is remembered, for a client that repeats its Complete because the answer was lost."""


class UploadPage(NamedTuple):
    """One page of open uploads and rolled-up prefixes; the marks continue it."""

    uploads: list[UploadRow]
    prefixes: list[str]
    is_truncated: bool
    key_mark: str
    upload_mark: str


def create(tx: Transaction, upload: UploadRow) -> None:
    """Open an upload."""
    tx.add(UPLOADS, upload)


def get_open(rows: Snapshot, bucket: BucketRow, key: str, upload_id: str) -> UploadRow:
    """Return an open upload. Raises `NoSuchUpload`."""
    upload = rows.find(UPLOADS, (bucket.bucket_id, key, upload_id))
    if upload is None:
        raise NoSuchUpload(upload_id)
    return upload


def find_completion(rows: Snapshot, bucket: BucketRow, key: str, upload_id: str) -> dict[str, str] | None:
    """Return what the Complete of this upload answered, or None when it is not completed or forgotten already."""
    completion = rows.find(COMPLETIONS, (bucket.bucket_id, key, upload_id))
    if completion is None:
        return None
    result: dict[str, str] = json.loads(completion.result)
    return result


def put_part(
    tx: Transaction,
    tenancy: TenancyRow,
    bucket: BucketRow,
    upload: UploadRow,
    part_number: int,
    *,
    slices: tuple[Slice, ...],
    size_bytes: int,
    etag: str,
    checksum: str,
    now_us: int,
    reservation_id: str = "",
) -> PartRow:
    """Add a part, or put it in the place of one uploaded before under the same number. Raises `QuotaExceeded`."""
    owner = references.part_owner(upload.manifest_id, part_number)
    current = tx.find(PARTS, (upload.upload_id, part_number))
    quotas.apply(
        tx,
        tenancy,
        bucket,
        quotas.Delta(
            upload_bytes=size_bytes - (current.size_bytes if current else 0), upload_parts=0 if current else 1
        ),
        reservation_id,
    )
    row = PartRow(upload.upload_id, part_number, size_bytes, etag, checksum, now_us, encode_slices(slices))
    if current is None:
        references.claim(tx, slices, owner)
        tx.add(PARTS, row)
        return row
    # The same blob may be in both (a part copied again from the same source): what stays is neither released nor
    # claimed twice.
    before = decode_slices(current.slices)
    kept = {item.blob_id for item in before} & {item.blob_id for item in slices}
    references.claim(tx, [item for item in slices if item.blob_id not in kept], owner)
    references.release(tx, [item for item in before if item.blob_id not in kept], owner, now_us)
    tx.replace(PARTS, row)
    return row


def part_bytes(rows: Snapshot, upload: UploadRow, part_number: int) -> int:
    """Return the size of the part that one of this number would replace; 0 when there is none."""
    part = rows.find(PARTS, (upload.upload_id, part_number))
    return part.size_bytes if part is not None else 0


def list_parts(rows: Snapshot, upload: UploadRow, *, after: int = 0, count_max: int | None = None) -> Sequence[PartRow]:
    """Return parts with numbers above `after`, in order."""
    return rows.scan(PARTS, (upload.upload_id,), after=after, count_max=count_max)


def complete(
    tx: Transaction,
    tenancy: TenancyRow,
    bucket: BucketRow,
    upload: UploadRow,
    chosen: Sequence[PartRow],
    *,
    etag: str,
    checksum: str,
    version_id: str,
    now_us: int,
    result: dict[str, str],
    condition: versions.Condition | None = None,
) -> ObjectRow:
    """Make the chosen parts, in their order, the current version of the key, and drop the others: all in this
    transaction.

    `result` is kept for a day, so that a repeated Complete is told the same.
    """
    held = list_parts(tx, upload)
    taken = {part.part_number for part in chosen}
    end = 0
    for part in chosen:
        end += part.size_bytes
        tx.add(
            MANIFESTS,
            ManifestRow(
                upload.manifest_id, end, part.part_number, part.size_bytes, part.etag, part.checksum, part.slices
            ),
        )
    for part in held:
        tx.remove(PARTS, (upload.upload_id, part.part_number))
        if part.part_number not in taken:
            _release_part(tx, upload, part, now_us)
    row = versions.put(
        tx,
        tenancy,
        bucket,
        upload.key,
        versions.Facts(upload.content_type, upload.metadata, upload.tags, upload.storage_class),
        versions.Body(end, etag, checksum, manifest_id=upload.manifest_id, part_count=len(chosen)),
        version_id=version_id,
        created_by=upload.created_by,
        now_us=now_us,
        condition=condition,
        upload_bytes_freed=sum(part.size_bytes for part in held),
        upload_parts_freed=len(held),
    )
    tx.remove(UPLOADS, (upload.bucket_id, upload.key, upload.upload_id))
    kept = json.dumps(result, separators=(",", ":"))
    expires_at_us = now_us + COMPLETED_LIFE_US
    tx.add(COMPLETIONS, CompletionRow(upload.bucket_id, upload.key, upload.upload_id, kept, expires_at_us))
    return row


def abort(tx: Transaction, tenancy: TenancyRow, bucket: BucketRow, upload: UploadRow, now_us: int) -> None:
    """Forget an upload and free what its parts hold. Always passes at a full quota."""
    held = list_parts(tx, upload)
    for part in held:
        tx.remove(PARTS, (upload.upload_id, part.part_number))
        _release_part(tx, upload, part, now_us)
    tx.remove(UPLOADS, (upload.bucket_id, upload.key, upload.upload_id))
    quotas.apply(
        tx,
        tenancy,
        bucket,
        quotas.Delta(upload_bytes=-sum(part.size_bytes for part in held), upload_parts=-len(held)),
    )


def postpone(tx: Transaction, upload: UploadRow, expires_at_us: int) -> None:
    """Give an unfinished upload more time."""
    tx.replace(UPLOADS, upload._replace(expires_at_us=expires_at_us), upload)


def forget(tx: Transaction, completion: CompletionRow) -> None:
    """Drop the row that answers repeated Completes."""
    tx.remove(COMPLETIONS, (completion.bucket_id, completion.key, completion.upload_id))


def expand_manifest(tx: Transaction, manifest_id: str, now_us: int, count_max: int) -> bool:
    """Release the parts of a manifest that nobody holds, `count_max` at a time; True when none is left."""
    found = tx.scan(MANIFESTS, (manifest_id,), count_max=count_max)
    for part in found:
        owner = references.part_owner(manifest_id, part.part_number)
        references.release(tx, decode_slices(part.slices), owner, now_us)
        tx.remove(MANIFESTS, (manifest_id, part.end_offset, part.part_number))
    if len(found) < count_max:
        garbage_id = references.manifest_blob(manifest_id)
        if tx.find(GARBAGE, (garbage_id,)) is not None:
            tx.remove(GARBAGE, (garbage_id,))
        return True
    return False


def list_uploads(
    rows: Snapshot,
    bucket: BucketRow,
    *,
    prefix: str = "",
    delimiter: str = "",
    key_mark: str = "",
    upload_mark: str = "",
    count_max: int = 1000,
) -> UploadPage:
    """Return open uploads by key and then by the moment they began, after the marks; keys under a delimiter are
    rolled up.
    """
    uploads: list[UploadRow] = []
    prefixes: list[str] = []
    last: UploadRow | CommonPrefix | None = None
    stop = successor(prefix) if prefix else None
    start: str | None = max(prefix, key_mark)
    if delimiter and key_mark and common_prefix(key_mark, prefix, delimiter) == key_mark:
        start = successor(key_mark)
    while start is not None and count_max > 0:
        found = rows.scan(UPLOADS, (bucket.bucket_id,), start=start, stop=stop, count_max=SCAN_MAX)
        following: str | None = None
        for group in _by_key(rows, bucket, found, is_whole=len(found) < SCAN_MAX):
            following = group[0].key + "\0"
            rolled = common_prefix(group[0].key, prefix, delimiter)
            waiting = [row for row in group if not _is_before(row, key_mark, upload_mark)]
            if not waiting:
                continue
            if rolled is not None:
                if len(uploads) + len(prefixes) == count_max:
                    return _truncated(uploads, prefixes, last)
                prefixes.append(rolled)
                last = CommonPrefix(rolled)
                following = successor(rolled)
                break
            for row in sorted(waiting, key=lambda item: (item.created_at_us, item.upload_id)):
                if len(uploads) + len(prefixes) == count_max:
                    return _truncated(uploads, prefixes, last)
                uploads.append(row)
                last = row
        if following is None:
            break
        start = following
    return UploadPage(uploads, prefixes, False, "", "")


def _by_key(
    rows: Snapshot, bucket: BucketRow, found: Sequence[UploadRow], *, is_whole: bool
) -> Iterable[Sequence[UploadRow]]:
    """Return the uploads of each key, all of them, also where the stretch of rows that was read ends within a key."""
    groups: dict[str, list[UploadRow]] = {}
    for row in found:
        groups.setdefault(row.key, []).append(row)
    for key, group in groups.items():
        is_cut = not is_whole and key == found[-1].key
        yield rows.scan(UPLOADS, (bucket.bucket_id, key)) if is_cut else group


def _is_before(row: UploadRow, key_mark: str, upload_mark: str) -> bool:
    if not key_mark or row.key > key_mark:
        return False
    if row.key < key_mark or not upload_mark:
        return True
    # Within a key the order is by age, and ids begin with their time (see `CreateMultipartUpload`), so that they
    # order alike.
    return row.upload_id <= upload_mark


def _truncated(uploads: list[UploadRow], prefixes: list[str], last: UploadRow | CommonPrefix | None) -> UploadPage:
    if isinstance(last, CommonPrefix):
        return UploadPage(uploads, prefixes, True, last.text, "")
    assert last is not None
    return UploadPage(uploads, prefixes, True, last.key, last.upload_id)


def _release_part(tx: Transaction, upload: UploadRow, part: PartRow, now_us: int) -> None:
    owner = references.part_owner(upload.manifest_id, part.part_number)
    references.release(tx, decode_slices(part.slices), owner, now_us)
