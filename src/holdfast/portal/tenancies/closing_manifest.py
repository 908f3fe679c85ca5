"""The manifest of a bucket: each key with its size, ETag and checksum, to hold a copy against. Streamed by pages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from django.http import StreamingHttpResponse

from holdfast.catalog.rows import OBJECTS, BucketRow, ObjectRow
from holdfast.portal.csv_cells import csv_answer, csv_text
from holdfast.portal.house import house

PAGE_ROWS: Final = 1_000
HEAD: Final = ("key", "key_url_encoded", "size_bytes", "etag", "checksum", "last_modified", "content_type")


def exact_key(key: str) -> str:
    """Return a key URL-encoded, as S3 lists keys for who asks: exact, and no formula of a spreadsheet."""
    text = quote(key, safe="/")
    return f"%2D{text[1:]}" if text.startswith("-") else text


def manifest_lines(bucket: BucketRow) -> Iterator[str]:
    """Yield the lines of a bucket's manifest, by key. Each page is read in a snapshot of its own."""
    yield csv_text([HEAD])
    after: str | None = None
    while True:
        with house().catalog.read() as rows:
            found: Sequence[ObjectRow] = rows.scan(OBJECTS, (bucket.bucket_id,), after=after, count_max=PAGE_ROWS)
        yield csv_text(map(_cells, found))
        if len(found) < PAGE_ROWS:
            return
        after = found[-1].key


def _cells(row: ObjectRow) -> Sequence[str]:
    changed = datetime.fromtimestamp(row.sequence / 1_000_000, UTC).isoformat(timespec="milliseconds")
    return (
        row.key,
        exact_key(row.key),
        str(row.size_bytes),
        row.etag,
        row.checksum,
        changed,
        row.content_type,
    )


def manifest_answer(bucket: BucketRow) -> StreamingHttpResponse:
    """Return a bucket's manifest as a file to save, never whole in memory."""
    return csv_answer(f"{bucket.name}-manifest.csv", manifest_lines(bucket))
