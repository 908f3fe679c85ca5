from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.jobs.depot import Depot

from holdfast.catalog.interface import CatalogBroken, CatalogFull
from holdfast.jobs.worker import Job, Rota
from holdfast.jobs.workshop import Workshop


class Watch:
    """A clock that is set by hand, and what was done when."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.done: list[tuple[float, str]] = []

    def job(self, name: str, first_s: float, interval_s: float, fault: Exception | None = None) -> Job:
        def run(workshop: Workshop) -> dict[str, int]:
            self.done.append((self.now_s - 100.0, name))
            if fault is not None:
                raise fault
            return {"things": 1}

        return Job(name, first_s, interval_s, run)


@pytest.fixture
def watch() -> Watch:
    return Watch()


def work(watch: Watch, rota: Rota, seconds: int) -> None:
    for _ in range(seconds):
        rota.work()
        watch.now_s += 1


def test_each_job_is_done_first_when_it_says_and_then_at_its_interval(watch: Watch) -> None:
    rota = Rota(Depot().workshop, [watch.job("a", 2, 4), watch.job("b", 0, 100)], None, lambda: watch.now_s)
    work(watch, rota, 12)
    assert watch.done == [(0, "b"), (2, "a"), (6, "a"), (10, "a")]


def test_a_job_that_fails_stops_no_other_and_is_tried_again(watch: Watch, tmp_path: Path) -> None:
    status = tmp_path / "jobs.json"
    jobs = [
        watch.job("bad", 0, 5, RuntimeError("no")),
        watch.job("full", 0, 5, CatalogFull("full")),
        watch.job("good", 0, 5),
    ]
    rota = Rota(Depot().workshop, jobs, status, lambda: watch.now_s)
    work(watch, rota, 6)
    assert [name for _, name in watch.done] == ["bad", "full", "good"] * 2
    told = json.loads(status.read_text())
    assert (told["bad"]["runs"], told["bad"]["faults"], told["bad"]["fault"]) == (2, 2, "no")
    assert (told["good"]["runs"], told["good"]["faults"], told["good"]["done"]) == (2, 0, {"things": 1})


def test_a_failed_sync_makes_the_home_read_only_and_ends_all_jobs(watch: Watch) -> None:
    depot = Depot()
    rota = Rota(
        depot.workshop,
        [watch.job("bad", 0, 1, CatalogBroken("EIO")), watch.job("good", 1, 1)],
        None,
        lambda: watch.now_s,
    )
    work(watch, rota, 5)
    assert depot.board.is_read_only
    assert watch.done == [(0, "bad")]
