"""Pages of keys in the order of their UTF-8 bytes, with keys under a delimiter rolled up.

A delimiter is a skip over rows, never a filter of them: a prefix with a million keys below it costs one look-up.
"""

from __future__ import annotations

from typing import NamedTuple

from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import OBJECTS, ObjectRow


class CommonPrefix(NamedTuple):
    """Keys that share everything up to the first delimiter after the prefix, rolled up into one entry."""

    text: str


class Page(NamedTuple):
    """One page. `after` continues it: the last key, or the last common prefix, whose keys are then skipped."""

    entries: list[ObjectRow | CommonPrefix]
    is_truncated: bool
    after: str


def successor(text: str) -> str | None:
    """Return the least text greater than every text that begins with this one; None when there is none.

    Code points order as their UTF-8 bytes do. Surrogates are no characters, so U+D7FF is followed by U+E000.
    """
    while text:
        last = ord(text[-1])
        if last < 0x10FFFF:
            following = last + 1
            return text[:-1] + chr(0xE000 if following == 0xD800 else following)
        text = text[:-1]
    return None


def list_page(
    rows: Snapshot, bucket_id: str, *, prefix: str = "", delimiter: str = "", after: str = "", count_max: int = 1000
) -> Page:
    """Return at most `count_max` keys and common prefixes after a mark, in order.

    `after` is exclusive and need not exist; a common prefix as the mark skips all that lies below it. Each entry
    counts once against `count_max`, a common prefix too.
    """
    entries: list[ObjectRow | CommonPrefix] = []
    if count_max <= 0:
        return Page(entries, False, "")
    stop = successor(prefix) if prefix else None
    start: str | None = prefix
    mark: str | None = None
    if after:
        rolled = common_prefix(after, prefix, delimiter)
        if rolled == after:
            start = successor(after)
            if start is None:
                return Page(entries, False, "")
            start = max(start, prefix)
        elif after >= prefix:
            start, mark = None, after
    # Small steps where prefixes are being skipped, a whole page where they are not.
    step = min(count_max + 1, 1001) if not delimiter else 16
    while True:
        wanted = min(step, count_max + 1 - len(entries))
        found = rows.scan(OBJECTS, (bucket_id,), start=start, after=mark, stop=stop, count_max=wanted)
        skipped = False
        for row in found:
            if len(entries) == count_max:
                return Page(entries, True, _mark_of(entries[-1]))
            rolled = common_prefix(row.key, prefix, delimiter)
            if rolled is None:
                entries.append(row)
                mark = row.key
                continue
            entries.append(CommonPrefix(rolled))
            start, mark = successor(rolled), None
            skipped = True
            break
        if skipped:
            if start is None:
                return Page(entries, False, "")
            step = 4
        elif len(found) < wanted:
            return Page(entries, False, "")
        else:
            step = min(step * 4, 1001)


def list_page_before(
    rows: Snapshot, bucket_id: str, before: str, *, prefix: str = "", delimiter: str = "", count_max: int = 1000
) -> Page:
    """Return the `count_max` keys and common prefixes that come last before a mark, in order.

    `before` is exclusive and need not exist; empty is the end of the list; where it lies below a common prefix, that
    one comes after it. Truncated means that there are others before these. `after` continues forwards, as in
    `list_page`. The way back, for people: S3 has none.
    """
    found: list[ObjectRow | CommonPrefix] = []
    ends = [end for end in (common_prefix(before, prefix, delimiter) or before, successor(prefix)) if end]
    stop = min(ends, default=None)
    is_truncated = False
    # A row at a time where it was a prefix that was skipped, a whole page where there are none.
    step = min(count_max + 1, 1001) if not delimiter else 16
    while not is_truncated:
        wanted = min(step, count_max + 1 - len(found))
        batch = rows.scan(OBJECTS, (bucket_id,), start=prefix, stop=stop, count_max=wanted, reverse=True)
        rolled = None
        for row in batch:
            if len(found) == count_max:
                is_truncated = True
                break
            rolled = common_prefix(row.key, prefix, delimiter)
            found.append(row if rolled is None else CommonPrefix(rolled))
            stop = rolled or row.key
            if rolled is not None:
                break
        if rolled is not None:
            step = 4
        elif len(batch) < wanted:
            break
        else:
            step = min(step * 4, 1001)
    found.reverse()
    return Page(found, is_truncated, _mark_of(found[-1]) if found else "")


def common_prefix(key: str, prefix: str, delimiter: str) -> str | None:
    """Return what a key is rolled up into: itself up to the first delimiter after the prefix. None when it is listed
    as it is.
    """
    if not delimiter or not key.startswith(prefix):
        return None
    position = key.find(delimiter, len(prefix))
    return key[: position + len(delimiter)] if position >= 0 else None


def _mark_of(entry: ObjectRow | CommonPrefix) -> str:
    return entry.text if isinstance(entry, CommonPrefix) else entry.key
