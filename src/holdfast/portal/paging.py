"""Long lists, fifty to a page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, NamedTuple, TypeVar
from urllib.parse import urlencode

from django.http import HttpRequest

Item = TypeVar("Item")

PAGE_SIZE: Final = 50


class Page(NamedTuple, Generic[Item]):
    """Some of a list, with the way to the rest, as `components/pagination.html` wants it."""

    items: Sequence[Item]
    summary: str
    previous_url: str
    next_url: str


def page_number(request: HttpRequest) -> int:
    """Return which page is asked for, from 1 on; what is no number is the first."""
    text = request.GET.get("page", "")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 7 else 1


def cut(request: HttpRequest, count: int, load: Callable[[int, int], Sequence[Item]]) -> Page[Item]:
    """Return the page that a request asks for, the last one where it asks for more. `load` gets start and stop."""
    last = max(1, -(-count // PAGE_SIZE))
    number = min(page_number(request), last)
    start, stop = (number - 1) * PAGE_SIZE, min(number * PAGE_SIZE, count)
    summary = f"{start + 1:,} to {stop:,} of {count:,}" if last > 1 else ""
    return Page(
        load(start, stop),
        summary,
        with_query(request, {"page": number - 1}) if number > 1 else "",
        with_query(request, {"page": number + 1}) if number < last else "",
    )


def with_query(request: HttpRequest, changes: Mapping[str, Any]) -> str:
    """Return the address of the page that is shown, with other values of some query parameters; "" leaves one out."""
    values = {name: request.GET.getlist(name) for name in request.GET}
    for name, value in changes.items():
        values[name] = [str(value)] if value != "" else []
    return f"{request.path}?{urlencode(values, doseq=True)}"
