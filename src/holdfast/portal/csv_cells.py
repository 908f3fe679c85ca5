"""CSV files that people open in a spreadsheet: cells that are no formulas, answers that are never whole in memory."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Final

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: one that could be gets an apostrophe before it.

    Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_text(lines: Iterable[Iterable[str]]) -> str:
    """Return lines of cells as CSV."""
    text = io.StringIO()
    csv.writer(text).writerows(lines)
    return text.getvalue()


def csv_answer(file_name: str, pages: Iterator[str]) -> StreamingHttpResponse:
    """Return a CSV document as a file to save. Each page is made, in a thread, when the one before was sent."""

    async def sent() -> AsyncIterator[str]:
        # Under ASGI, Django would gather what an ordinary iterator yields before it sends the first byte.
        def following() -> str | None:
            return next(pages, None)

        while (page := await sync_to_async(following)()) is not None:
            yield page

    headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    return StreamingHttpResponse(sent(), content_type="text/csv; charset=utf-8", headers=headers)
