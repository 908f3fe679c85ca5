"""The manifest of a bucket: each key with its size, ETag and checksum, to hold a copy against. Streamed by pages."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

from holdfast.catalog.rows import OBJECTS, BucketRow, ObjectRow
from holdfast.portal.csv_cells import safe_cell
from holdfast.portal.house import house

PAGE_ROWS: Final = 1_000
HEAD: Final = ("key", "key_url_encoded", "size_bytes", "etag", "checksum", "last_modified", "content_type")


class _Echo:
    """What a CSV writer writes to; it gives each line back."""

    def write(self, line: str) -> str:
        return line


def exact_key(key: str) -> str:
    """Return a key URL-encoded, as S3 lists keys for who asks: exact, and no formula of a spreadsheet."""
    text = quote(key, safe="/")
    return f"%2D{text[1:]}" if text.startswith("-") else text


def manifest_lines(bucket: BucketRow) -> Iterator[str]:
    """Yield the lines of a bucket's manifest, by key. Each page is read in a snapshot of its own."""
    writer = csv.writer(_Echo())
    yield writer.writerow(HEAD)
    after: str | None = None
    while True:
        with house().catalog.read() as rows:
            found: Sequence[ObjectRow] = rows.scan(OBJECTS, (bucket.bucket_id,), after=after, count_max=PAGE_ROWS)
        yield "".join(writer.writerow(_cells(row)) for row in found)
        if len(found) < PAGE_ROWS:
            return
        after = found[-1].key


def _cells(row: ObjectRow) -> Sequence[str]:
    changed = datetime.fromtimestamp(row.sequence / 1_000_000, UTC).isoformat(timespec="milliseconds")
    return (
        safe_cell(row.key),
        exact_key(row.key),
        str(row.size_bytes),
        row.etag,
        safe_cell(row.checksum),
        changed,
        safe_cell(row.content_type),
    )


def manifest_answer(bucket: BucketRow) -> StreamingHttpResponse:
    """Return a bucket's manifest as a file to save, never whole in memory."""

    async def pages() -> AsyncIterator[str]:
        # Under ASGI, Django would gather what an ordinary iterator yields before it sends the first byte.
        lines = manifest_lines(bucket)

        def following() -> str | None:
            return next(lines, None)

        while (page := await sync_to_async(following)()) is not None:
            yield page

    headers = {"Content-Disposition": f'attachment; filename="{bucket.name}-manifest.csv"'}
    return StreamingHttpResponse(pages(), content_type="text/csv; charset=utf-8", headers=headers)
