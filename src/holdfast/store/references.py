"""Who owns which blob, and how the last owner's going makes garbage.

There are no counts to drift: one row for each (blob, owner). Whoever removes the last row of a container writes the
garbage row in the same transaction; the collector deletes the bytes later, when no read that could still see them is
in flight.
Before it deletes, it condemns in a transaction of its own, and from then on nothing in the container can be claimed.
A manifest is owned like a blob, under the id `m:<manifest id>`, since copies of a multipart object share one.
"""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.blobs.interface import Slice, container_of
from holdfast.catalog.interface import Snapshot, Transaction
from holdfast.catalog.rows import GARBAGE, REFERENCES, GarbageRow, ReferenceRow

from .errors import ChangedMeanwhile

MANIFEST_PREFIX = "m:"
BLOB, MANIFEST, CONDEMNED = "blob", "manifest", "condemned"
"""The kinds of garbage rows."""


def object_owner(bucket_id: str, version_id: str, key: str) -> str:
    """Return the name under which one version of a key owns its blobs."""
    return f"o:{bucket_id}:{version_id}:{key}"


def part_owner(manifest_id: str, part_number: int) -> str:
    """Return the name under which one part owns its blobs: the upload's manifest takes them over as they are."""
    return f"p:{manifest_id}:{part_number}"


def manifest_blob(manifest_id: str) -> str:
    """Return the id under which a manifest itself is owned."""
    return MANIFEST_PREFIX + manifest_id


def manifest_of(garbage_id: str) -> str:
    """Return the manifest that is owned under this id: the inverse of `manifest_blob`."""
    return garbage_id.removeprefix(MANIFEST_PREFIX)


def claim(tx: Transaction, slices: Iterable[Slice], owner: str) -> None:
    """Write down that `owner` holds these slices. Slices of one blob make one row.

    Raises `ChangedMeanwhile` when the collector has condemned one of them.
    """
    lengths: dict[str, int] = {}
    for blob_id, _offset, length in slices:
        lengths[blob_id] = lengths.get(blob_id, 0) + length
    for blob_id, length in lengths.items():
        buried = tx.find(GARBAGE, (container_of(blob_id),))
        if buried is not None and buried.kind == CONDEMNED:
            raise ChangedMeanwhile
        tx.add(REFERENCES, ReferenceRow(blob_id, owner, length))


def claim_manifest(tx: Transaction, manifest_id: str, owner: str) -> None:
    """Write down that `owner` shows the object that this manifest describes."""
    tx.add(REFERENCES, ReferenceRow(manifest_blob(manifest_id), owner, 0))


def release(tx: Transaction, slices: Iterable[Slice], owner: str, now_us: int) -> None:
    """Remove the owner's hold on these slices; what nobody holds any more becomes garbage."""
    for blob_id in {item.blob_id for item in slices}:
        tx.remove(REFERENCES, (blob_id, owner))
        _bury_if_unowned(tx, container_of(blob_id), BLOB, now_us)


def release_manifest(tx: Transaction, manifest_id: str, owner: str, now_us: int) -> None:
    """Remove the owner's hold on a manifest; the last one makes the manifest garbage, and its parts with it."""
    blob_id = manifest_blob(manifest_id)
    tx.remove(REFERENCES, (blob_id, owner))
    _bury_if_unowned(tx, blob_id, MANIFEST, now_us)


def is_owned(rows: Snapshot, container_id: str) -> bool:
    """Whether anything in this container has an owner."""
    # Blobs inside a segment are named `segment/…`; "0" is the character after "/", so this range holds the
    # container itself and whatever lies in it, and nothing else.
    return bool(rows.scan(REFERENCES, (), start=container_id, stop=container_id + "0", count_max=1))


def condemn(tx: Transaction, container_id: str, before_us: int) -> bool:
    """Close a buried container to every later claim, and return whether its bytes may now be deleted.

    False when it was buried again since `before_us`, or has an owner again: then it is no garbage, and its row goes.
    Only for a container that nobody appends to any more.
    """
    buried = tx.find(GARBAGE, (container_id,))
    if buried is None:
        return False
    if is_owned(tx, container_id):
        tx.remove(GARBAGE, (container_id,))
        return False
    if buried.since_us >= before_us:
        return False
    if buried.kind != CONDEMNED:
        tx.replace(GARBAGE, buried._replace(kind=CONDEMNED))
    return True


def condemn_orphan(tx: Transaction, container_id: str, now_us: int) -> bool:
    """Condemn a container that no row ever named, and return whether its bytes may be deleted.

    Only for what was written by an instance that is gone, since a living one may be about to commit.
    """
    if is_owned(tx, container_id) or tx.find(GARBAGE, (container_id,)) is not None:
        return False
    tx.add(GARBAGE, GarbageRow(container_id, now_us, CONDEMNED))
    return True


def forget_condemned(tx: Transaction, container_id: str) -> None:
    """Drop the row of a container whose bytes are deleted. Idempotent."""
    buried = tx.find(GARBAGE, (container_id,))
    if buried is not None and buried.kind == CONDEMNED:
        tx.remove(GARBAGE, (container_id,))


def _bury_if_unowned(tx: Transaction, container_id: str, kind: str, now_us: int) -> None:
    if is_owned(tx, container_id):
        return
    buried = tx.find(GARBAGE, (container_id,))
    if buried is None:
        tx.add(GARBAGE, GarbageRow(container_id, now_us, kind))
    elif buried.since_us < now_us:
        # An open segment can be emptied, filled and emptied again before the collector comes by.
        tx.replace(GARBAGE, buried._replace(since_us=now_us))
