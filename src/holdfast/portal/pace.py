"""How often somebody does something within a minute or an hour, counted where every thread of the portal sees it."""

from __future__ import annotations

from typing import Final

from django.core.cache import cache

from .house import house

MINUTE_S: Final = 60
HOUR_S: Final = 3600
_US: Final = 1_000_000


class TooOften(Exception):
    """Somebody does more of something within a while than anybody needs to. The text says when to go on."""


def is_within(name: str, most: int, span_s: int = MINUTE_S) -> bool:
    """Count one more of something, and say whether that is within so many in this minute (or other span) of the clock.

    Each minute has a counter of its own: Django's `incr` makes a counter live for five minutes more, so that one which
    went on from minute to minute would never end for who calls every minute.
    """
    counter = f"{name}:{house().now_us() // (span_s * _US)}"
    cache.add(counter, 0, 2 * span_s)
    try:
        return cache.incr(counter) <= most
    except ValueError:
        return True  # It was pushed out between the two.


def check_pace(name: str, principal_id: str, most: int, span_s: int = MINUTE_S) -> None:
    """Count one more of something that a person does. Raises TooOften above so many within the span."""
    if not is_within(f"{name}:{principal_id}", most, span_s):
        span = "a minute" if span_s == MINUTE_S else "an hour"
        raise TooOften(f"That is more than {most} within {span}. Nothing was done this time: go on a little later.")
