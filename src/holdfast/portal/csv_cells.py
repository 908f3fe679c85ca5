"""CSV files that people open in a spreadsheet: cells that are no formulas, answers that are never whole in memory."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Final

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

# The wide ones of East Asian keyboards are formulas, too, to spreadsheets of those languages.
_BEGINS: Final = r"[=+\-@＝＋－＠]"
_FORMULA: Final = re.compile(rf"[\t\r\n]|\s*{_BEGINS}")
# Where lists are divided by `;`, a spreadsheet begins a cell after each one: the quotes belong to no such cell.
_INNER: Final = re.compile(rf"([;\t\r\n]\s*)(?={_BEGINS})")


def safe_cell(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: what could be one gets an apostrophe before it.

    It does nothing to what was made safe before. Source: https://owasp.org/www-community/attacks/CSV_Injection
    """
    text = _INNER.sub(r"\1'", text)
    return f"'{text}" if _FORMULA.match(text) else text


def csv_text(lines: Iterable[Iterable[str]]) -> str:
    """Return lines of cells as CSV: each cell in quotes, and none of them a formula."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(map(safe_cell, cells) for cells in lines)
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
