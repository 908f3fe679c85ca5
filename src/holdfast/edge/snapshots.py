"""Snapshots that requests share: while nothing is committed anywhere, one shows them all the same.

Opening and ending a snapshot of its own costs a small GET as much as finding its object. The catalog's mark tells
whether a snapshot still shows all there is, at the price of a load from memory, so that who reads after somebody was
told of a write sees that write, in whichever process it was made.
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Final

from holdfast.catalog.interface import Catalog, CatalogError, Snapshot

HOLD_S: Final = 0.01
"""How long a snapshot is kept for others. Short beside what a checkpoint waits for old ones to end (50 ms)."""


class Snapshots:
    """Opens snapshots for one worker, as a context: `with snapshots as rows`. On the event loop's thread alone, and
    never across an `await`.
    """

    __slots__ = ("_catalog", "_held", "_mark", "_opened", "_rows", "_users")

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._held: AbstractContextManager[Snapshot] | None = None
        self._rows: Snapshot | None = None
        self._mark: int | None = None
        self._users = 0  # of what is held
        self._opened: list[AbstractContextManager[Snapshot] | None] = []
        """What each `with` that is open now was given, the innermost last; None = what is held."""

    def __enter__(self) -> Snapshot:
        mark = self._catalog.mark()
        rows = self._rows
        if rows is not None and mark == self._mark:
            self._users += 1
            self._opened.append(None)
            return rows
        self.release()
        opening = self._catalog.read()
        rows = opening.__enter__()
        if mark is None or self._held is not None or self._catalog.mark() != mark:
            self._opened.append(opening)
            return rows
        self._held, self._rows, self._mark = opening, rows, mark
        self._users = 1
        self._opened.append(None)
        asyncio.get_running_loop().call_later(HOLD_S, self.release)
        return rows

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        opened = self._opened.pop()
        if opened is not None:
            opened.__exit__(kind, error, at)
            return
        self._users -= 1
        if isinstance(error, CatalogError):
            self.release()

    def release(self) -> None:
        """End what is held, if nobody uses it now. Idempotent."""
        if self._held is None or self._users:
            return
        held, self._held, self._rows = self._held, None, None
        held.__exit__(None, None, None)
