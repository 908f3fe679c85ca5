"""One object, with all that its page shows: read in one snapshot, as far as the person may see it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import BUCKETS, ManifestRow, ObjectRow
from holdfast.operations import head_object
from holdfast.operations.stored_headers import show
from holdfast.operations.tag_sets import decode_tags
from holdfast.portal.house import house
from holdfast.portal.people.lookups import names_by_principal
from holdfast.store import versions
from holdfast.store.errors import NoSuchBucket

from .acting import Acting

PARTS_SHOWN_MAX: Final = 100
META: Final = "x-amz-meta-"


class Details(NamedTuple):
    """What a person may know of an object, and do with it."""

    row: ObjectRow
    headers: Mapping[str, str]
    """Content headers that are stored with it, by lower-case name, as people read them."""
    metadata: Mapping[str, str]
    """Its own metadata, by name without `x-amz-meta-`."""
    tags: Mapping[str, str] | None
    """None for who may not see them."""
    parts: Sequence[ManifestRow]
    """The first of its parts; none for an object that was written at once."""
    writer: str
    may_delete: bool
    may_tag: bool
    may_write: bool

    @property
    def seen(self) -> str:
        """Text that changes with the bytes, the headers and the tags: a form that was made of an older one is told."""
        return stamp(self.row)


def stamp(row: ObjectRow) -> str:
    """Return text that stands for an object as it is now."""
    return hashlib.sha256(f"{row.sequence}\0{row.version_id}\0{row.tags}".encode()).hexdigest()[:32]


def read_details(acting: Acting, bucket: str, key: str) -> Details:
    """Return an object with what the person may do. Raises what HeadObject would be refused with."""
    request = head_object.Request(bucket=bucket, key=key)
    with house().catalog.read() as rows:
        context = acting.context(rows, head_object.operation, request)
        assert head_object.operation.run is not None
        head_object.operation.run(context, request)
        row = get_row(acting, rows, bucket, key)
        may_see_tags = context.is_authorised("s3:GetObjectTagging", bucket, key)
        parts = versions.parts(rows, row, PARTS_SHOWN_MAX)
        writer = names_by_principal(rows, [row.created_by]).get(row.created_by, "former member")
        may_delete = context.is_authorised("s3:DeleteObject", bucket, key)
        may_tag = context.is_authorised("s3:PutObjectTagging", bucket, key)
        may_write = context.is_authorised("s3:PutObject", bucket, key)
    stored = {name: as_read(value) for name, value in show(row.metadata).items()}
    return Details(
        row=row,
        headers={name: value for name, value in stored.items() if not name.startswith(META)},
        metadata={name.removeprefix(META): value for name, value in stored.items() if name.startswith(META)},
        tags=decode_tags(row.tags) if may_see_tags else None,
        parts=parts,
        writer=writer,
        may_delete=may_delete,
        may_tag=may_tag and may_see_tags,
        may_write=may_write,
    )


def get_row(acting: Acting, rows: Snapshot, bucket: str, key: str) -> ObjectRow:
    """Return the row of an object that the person was authorised to. Raises NoSuchBucket or NoSuchKey."""
    found = rows.find(BUCKETS, (acting.tenancy_id, bucket))
    if found is None:
        raise NoSuchBucket(bucket)
    return versions.get(rows, found, key)


def as_read(value: str) -> str:
    """Return a stored header as people read it: most clients send UTF-8, which rows keep as the wire's bytes."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def as_sent(value: str) -> str:
    """The inverse of `as_read`."""
    return value.encode().decode("latin-1")
