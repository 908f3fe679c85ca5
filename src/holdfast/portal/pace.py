"""How often somebody does something within a minute, counted where every thread of the portal sees it."""

from __future__ import annotations

from typing import Final

from django.core.cache import cache

from .house import house

MINUTE_S: Final = 60
_MINUTE_US: Final = MINUTE_S * 1_000_000


def is_within(name: str, most: int) -> bool:
    """Count one more of something, and say whether that is within so many in this minute of the clock.

    Each minute has a counter of its own: Django's `incr` makes a counter live for five minutes more, so that one which
    went on from minute to minute would never end for who calls every minute.
    """
    counter = f"{name}:{house().now_us() // _MINUTE_US}"
    cache.add(counter, 0, 2 * MINUTE_S)
    try:
        return cache.incr(counter) <= most
    except ValueError:
        return True  # It was pushed out between the two.
