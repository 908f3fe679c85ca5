"""Who is connected to the portal: how many from each address, and who goes when it is full.

An IPv6 address counts by its /64: that is what one subscriber has.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from typing import Final, Protocol, TypeVar

PER_PLACE_MAX: Final = 64
"""Connections of one address. A browser opens six. Trusted proxies are exempt: behind them is everybody."""
UNFINISHED_PER_PLACE_MAX: Final = 16
"""Requests of one address whose head or body is still coming. Most are there whole with their first bytes."""
_SUBSCRIBER: Final = ~((1 << 64) - 1)


class Guest(Protocol):
    """A connection."""

    @property
    def place(self) -> str:
        """Where it comes from (`place_of`); empty for who is never counted."""

    @property
    def waits_since_s(self) -> float | None:
        """Since when it is the client's turn, on the loop's clock; None while its request is being answered."""


AnyGuest = TypeVar("AnyGuest", bound=Guest)


class Crowd:
    """How many connections, and how many unfinished requests, there are from each place."""

    def __init__(self) -> None:
        self.connections: Counter[str] = Counter()
        self.unfinished: Counter[str] = Counter()

    def find_who_goes(self, guests: Iterable[AnyGuest]) -> AnyGuest | None:
        """Return who makes room for somebody else: of the place with the most connections, who waits the longest.

        So those who fill the portal push out each other, and nobody else. None where everybody is being answered.
        """
        waiting = [(each, each.waits_since_s) for each in guests if each.place]
        rank = [
            (-self.connections[each.place], since_s, number)
            for number, (each, since_s) in enumerate(waiting)
            if since_s is not None
        ]
        return waiting[min(rank)[2]][0] if rank else None


def drop_one(counter: Counter[str], place: str) -> None:
    """Count one less, and forget a place that has none."""
    counter[place] -= 1
    if counter[place] <= 0:
        del counter[place]


def place_of(address: str) -> str:
    """Return what an address counts as: an IPv4 address itself, an IPv6 address its /64; other text as it is."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return f"{IPv6Address(int(found) & _SUBSCRIBER)}/64"
