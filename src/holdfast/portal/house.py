"""What one process of the portal holds open: the home's catalog and keyring, the settings, and the board.

Opened once after the fork; every page asks `house()` for it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from holdfast import assemble
from holdfast.admin.endpoints import Endpoints, Serving, endpoints_of
from holdfast.admin.office import Office, Source
from holdfast.auth.generation import Generation
from holdfast.auth.keyring import Keyring
from holdfast.catalog.interface import Catalog
from holdfast.config import Settings
from holdfast.telemetry.board import Board


def _now_us() -> int:
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class House:
    """The engines and settings behind every page."""

    settings: Settings
    home: assemble.Home
    catalog: Catalog
    generation: Generation
    keyring: Keyring
    board: Board | None = None
    """None for a command that runs beside the server or without one."""
    now_us: Callable[[], int] = _now_us

    def office(self, actor: str, source: Source = "portal") -> Office:
        """Return where `admin` works. `actor` is the id of the person who acts, for the audit."""
        return Office(self.catalog, self.generation, actor, source=source, now_us=self.now_us, token=_TOKEN.get())

    @property
    def is_read_only(self) -> bool:
        """Whether a sync failed since the start: nothing is written any more until it is started again."""
        return self.board is not None and self.board.is_read_only

    def serving(self) -> Serving:
        """Say where S3 is served."""
        return assemble.find_serving(self.home, self.settings)

    def endpoints(self, tenancy_name: str) -> Endpoints:
        """Return the two URLs of a tenancy."""
        return endpoints_of(self.serving(), tenancy_name)

    def close(self) -> None:
        """Release files and locks."""
        self.generation.close()
        self.catalog.close()


_OPEN: Final[list[House]] = []
_TOKEN: Final = ContextVar("token", default="")


@contextmanager
def acting_through(token_id: str) -> Iterator[None]:
    """Name a token of the management API in the audit rows of what is done within."""
    before = _TOKEN.set(token_id)
    try:
        yield
    finally:
        _TOKEN.reset(before)


def open_house(settings: Settings, home: assemble.Home, board: Board | None = None) -> House:
    """Open the engines for this process. After a fork, never before."""
    catalog = assemble.open_catalog(home)
    opened = House(settings, home, catalog, assemble.open_generation(home), assemble.open_keyring(home, catalog), board)
    use_house(opened)
    return opened


def use_house(opened: House) -> None:
    """Make this the house of the process."""
    _OPEN[:] = [opened]


def house() -> House:
    """Return the house of this process."""
    assert _OPEN, "open_house comes first"
    return _OPEN[0]
