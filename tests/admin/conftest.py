"""An office on either engine, with a clock that the test moves."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from holdfast.admin.office import Office
from holdfast.auth.generation import Generation
from holdfast.auth.keyring import Keyring
from holdfast.catalog.interface import Catalog
from holdfast.catalog.memory import MemoryCatalog
from holdfast.catalog.sqlite import SqliteCatalog


@dataclass
class Clock:
    now_us: int = 1_800_000_000_000_000

    def __call__(self) -> int:
        return self.now_us

    def pass_days(self, days: float) -> None:
        self.now_us += int(days * 86_400_000_000)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keyring() -> Keyring:
    return Keyring({1: bytes(32)})


@pytest.fixture(params=["memory", "sqlite"])
def office(request: pytest.FixtureRequest, clock: Clock, tmp_path: Path) -> Iterator[Office]:
    catalog: Catalog = MemoryCatalog() if request.param == "memory" else SqliteCatalog(tmp_path / "catalog.sqlite")
    generation = Generation.private()
    yield Office(catalog, generation, "cli:test", now_us=clock, random=random.Random(4))
    generation.close()
    catalog.close()
