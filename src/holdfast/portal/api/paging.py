"""Pages of lists: `limit` and `after`, the name or number of the last that was given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, TypeVar

from ninja import Query

LIMIT_MAX = 500
Limit = Annotated[int, Query(ge=1, le=LIMIT_MAX, description="How many at most.")]
After = Annotated[str, Query(max_length=200, description="`next` of the page before.")]

Item = TypeVar("Item")


def cut(found: Sequence[Item], limit: int, after: str, name_of: Callable[[Item], str]) -> tuple[list[Item], str | None]:
    """Return the items after a name, at most so many, and what continues them. The items keep their order."""
    start = 0
    if after:
        names = [name_of(item) for item in found]
        start = names.index(after) + 1 if after in names else len(names)
    part = list(found[start : start + limit])
    return part, name_of(part[-1]) if start + limit < len(found) and part else None


def is_number(text: str) -> bool:
    """Whether a text is a number that a row may have; also `after` comes from outside."""
    return text.isascii() and text.isdigit() and len(text) < 18


def page_of(items: list[Any], following: str | None) -> dict[str, Any]:
    """Return a page as the API gives it."""
    return {"items": items, "next": following}
