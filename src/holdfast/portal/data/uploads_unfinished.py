"""The unfinished uploads of a bucket: whose they are, since when, and what they hold."""

from __future__ import annotations

from typing import Final, NamedTuple

from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import BUCKETS, PARTS
from holdfast.operations import abort_multipart_upload, list_multipart_uploads
from holdfast.portal.people.lookups import names_by_principal
from holdfast.store.errors import AccessDenied

from .acting import Acting

PAGE_MAX: Final = 50
PARTS_MAX: Final = 5_000
"""Parts that are added up for one page. What is beyond them is said to be more."""


class Unfinished(NamedTuple):
    """One unfinished upload, as its page shows it."""

    key: str
    upload_id: str
    person: str
    began_at_us: int
    parts: int
    size_bytes: int
    is_all: bool
    """False where it holds more than was added up."""
    may_abort: bool


class Page(NamedTuple):
    """Unfinished uploads, and where they go on; the marks are empty at the end."""

    uploads: list[Unfinished]
    key_mark: str
    upload_mark: str


def read_unfinished(
    acting: Acting, bucket: str, prefix: str = "", key_mark: str = "", upload_mark: str = "", *, rows: Snapshot
) -> Page | None:
    """Return a page of the unfinished uploads below a prefix, None for who may not list them.

    Costs two rows' reads an upload and one for each of at most `PARTS_MAX` parts.
    """
    request = list_multipart_uploads.Request(
        bucket=bucket, prefix=prefix, key_marker=key_mark, upload_id_marker=upload_mark, max_uploads=PAGE_MAX
    )
    try:
        answer = acting.run(list_multipart_uploads.operation, request, rows)
    except AccessDenied:
        return None
    row = rows.find(BUCKETS, (acting.tenancy_id, bucket))
    assert row is not None
    asked = abort_multipart_upload.Request(bucket=bucket, key=prefix or "-", upload_id="-")
    context = acting.context(rows, abort_multipart_upload.operation, asked)
    people = names_by_principal(rows, {each.initiator.id for each in answer.uploads})
    left = PARTS_MAX
    uploads = []
    for each in answer.uploads:
        parts = rows.scan(PARTS, (each.upload_id,), count_max=left)
        left -= len(parts)
        uploads.append(
            Unfinished(
                key=each.key,
                upload_id=each.upload_id,
                person=people.get(each.initiator.id, "former member"),
                began_at_us=each.initiated,
                parts=len(parts),
                size_bytes=sum(part.size_bytes for part in parts),
                is_all=left > 0,
                may_abort=context.is_authorised(abort_multipart_upload.operation.permission, bucket, each.key),
            )
        )
    return Page(uploads, answer.next_key_marker or "", answer.next_upload_id_marker or "")
