"""Tables and figures for people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from holdfast.config import show_size


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table; columns of figures stand to the right."""
    table = [head, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(head))]
    right = [bool(rows) and all(_is_figure(row[column]) for row in rows) for column in range(len(head))]
    return [
        "  ".join(
            cell.rjust(width) if is_right else cell.ljust(width)
            for cell, width, is_right in zip(row, widths, right, strict=True)
        ).rstrip()
        for row in table
    ]


def _is_figure(cell: str) -> bool:
    return cell in ("-", "none") or (cell[:1].isdigit() and (cell.replace(",", "").isdigit() or cell[-1] in "B%"))


def facts(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return lines of `name  value`, the values under each other."""
    width = max(len(name) for name, _ in pairs)
    return [f"{name:<{width}}  {value}".rstrip() for name, value in pairs]


def counted(count: int, noun: str) -> str:
    """Return a number of things in words: `1 fault`, `1,200 faults`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def limit_text(limit: int | None, *, is_bytes: bool = False) -> str:
    """Return a limit for people."""
    if limit is None:
        return "none"
    return show_size(limit) if is_bytes else f"{limit:,}"


def moment(at_us: int) -> str:
    """Return a time as ISO 8601 in UTC, to the second."""
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def last_moment(end_us: int | None) -> str | None:
    """Return the last second before an end, so that the end of 31 January reads as that day. None = no end."""
    return None if end_us is None else moment(end_us - 1)


def last_day(end_us: int | None) -> str:
    """Return an end for people: the day alone when it is the end of one."""
    if end_us is None:
        return "never"
    text = moment(end_us - 1)
    return text[:10] if text.endswith("T23:59:59Z") else text[:16].replace("T", " ") + " UTC"
