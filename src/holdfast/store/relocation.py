"""Moving bytes without anybody noticing: rows that name one blob name a copy of it from then on."""

from __future__ import annotations

from holdfast.blobs.interface import Slice
from holdfast.catalog.interface import RowChanged, Transaction
from holdfast.catalog.rows import MANIFESTS, OBJECTS, PARTS, REFERENCES, ManifestRow, ObjectRow, PartRow

from . import references
from .owners import find_row
from .slices import decode_slices, encode_slices


def move(tx: Transaction, blob_id: str, copied: Slice, now_us: int) -> int:
    """Let every owner of a blob own its copy instead, and return how many there are; 0 when it was deleted meanwhile.

    `copied` holds the blob's bytes from its beginning, all that any owner shows. The copy is shared as the blob was, so
    that nothing takes more room than before; the old one becomes garbage when it was the last in its container. Raises
    `RowChanged` when an owner shows more than was copied, or isn't there.
    """
    holders = tx.scan(REFERENCES, (blob_id,))
    for holder in holders:
        row = find_row(tx, holder.owner)
        if row is None:
            raise RowChanged(f"{holder.owner} owns {blob_id} but is not there; run holdfast scrub")
        before = decode_slices(row.slices)
        _replace(tx, row, encode_slices(_renamed(each, copied) if each.blob_id == blob_id else each for each in before))
        mine = [each for each in before if each.blob_id == blob_id]
        references.claim(tx, [_renamed(each, copied) for each in mine], holder.owner)
        references.release(tx, mine, holder.owner, now_us)
    return len(holders)


def _renamed(old: Slice, copied: Slice) -> Slice:
    if old.offset_bytes + old.length_bytes > copied.length_bytes:
        raise RowChanged(f"{old.blob_id} is shown beyond byte {copied.length_bytes}")
    return Slice(copied.blob_id, copied.offset_bytes + old.offset_bytes, old.length_bytes)


def _replace(tx: Transaction, row: ObjectRow | PartRow | ManifestRow, slices: str) -> None:
    if isinstance(row, ObjectRow):
        tx.replace(OBJECTS, row._replace(slices=slices), row)
    elif isinstance(row, PartRow):
        tx.replace(PARTS, row._replace(slices=slices), row)
    else:
        tx.replace(MANIFESTS, row._replace(slices=slices), row)
