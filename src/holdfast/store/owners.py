"""From an owner's name to the row that holds the slices, and to the keys that show them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import (
    BUCKETS,
    MANIFESTS,
    OBJECTS,
    PARTS,
    REFERENCES,
    TENANCIES,
    UPLOADS,
    ManifestRow,
    ObjectRow,
    PartRow,
)

from . import references


class ObjectOwner(NamedTuple):
    """One version of a key, written at once."""

    bucket_id: str
    version_id: str
    key: str


class PartOwner(NamedTuple):
    """A part, before or after its upload was completed: an upload's id is its manifest's."""

    manifest_id: str
    part_number: int


class Place(NamedTuple):
    """Where people know something: names, never ids."""

    tenancy: str
    bucket: str
    key: str
    part_number: int = 0
    """0 for an object written at once."""
    is_upload: bool = False
    """Whether it is a part of an unfinished upload."""

    def __str__(self) -> str:
        part = f", part {self.part_number}" if self.part_number else ""
        upload = " of an unfinished upload" if self.is_upload else ""
        return f"tenancy {self.tenancy}, bucket {self.bucket}, key {self.key}{part}{upload}"


def parse(owner: str) -> ObjectOwner | PartOwner:
    """Take an owner's name apart: the inverse of `references.object_owner` and `part_owner`. Raises ValueError."""
    kind, _, rest = owner.partition(":")
    if kind == "o":
        bucket_id, version_id, key = rest.split(":", 2)
        return ObjectOwner(bucket_id, version_id, key)
    if kind == "p":
        manifest_id, _, number = rest.rpartition(":")
        return PartOwner(manifest_id, int(number))
    raise ValueError(f"{owner!r} is no owner's name")


def find_row(rows: Snapshot, owner: str) -> ObjectRow | PartRow | ManifestRow | None:
    """Return the row that holds what this owner owns. For a completed part it costs by the parts of its object."""
    parsed = parse(owner)
    if isinstance(parsed, ObjectOwner):
        row = rows.find(OBJECTS, (parsed.bucket_id, parsed.key))
        return row if row is not None and row.version_id == parsed.version_id else None
    part = rows.find(PARTS, parsed)
    if part is not None:
        return part
    after = 0
    while found := rows.scan(MANIFESTS, (parsed.manifest_id,), after=after, count_max=500):
        for listed in found:
            if listed.part_number == parsed.part_number:
                return listed
        after = found[-1].end_offset
    return None


def find_places(rows: Snapshot, owner: str) -> list[Place]:
    """Return the keys that show what this owner owns: several for a part of an object that was copied.

    Looks through all uploads for a part of an unfinished one.
    """
    parsed = parse(owner)
    if isinstance(parsed, ObjectOwner):
        return [_place(rows, parsed.bucket_id, parsed.key)]
    shown = [
        _place(rows, holder.bucket_id, holder.key)._replace(part_number=parsed.part_number)
        for holder in _holders(rows, parsed.manifest_id)
    ]
    if shown:
        return shown
    return [
        _place(rows, upload.bucket_id, upload.key)._replace(part_number=parsed.part_number, is_upload=True)
        for upload in rows.scan(UPLOADS)
        if upload.manifest_id == parsed.manifest_id
    ]


def _holders(rows: Snapshot, manifest_id: str) -> Iterator[ObjectOwner]:
    for reference in rows.scan(REFERENCES, (references.manifest_blob(manifest_id),)):
        holder = parse(reference.owner)
        if isinstance(holder, ObjectOwner):
            yield holder


def _place(rows: Snapshot, bucket_id: str, key: str) -> Place:
    buckets = rows.scan(BUCKETS, (bucket_id,), index="by_id")
    if not buckets:
        return Place("?", bucket_id, key)
    tenancy = rows.find(TENANCIES, (buckets[0].tenancy_id,))
    return Place(tenancy.name if tenancy is not None else "?", buckets[0].name, key)
