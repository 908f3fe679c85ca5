"""The process beside the workers: does each job when it is due, one after the other, until it is told to end."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

from holdfast import assemble
from holdfast.blobs.interface import BlobsBroken, BlobsFull
from holdfast.catalog.interface import CatalogBroken, CatalogFull
from holdfast.config import Settings
from holdfast.telemetry.board import Board
from holdfast.telemetry.log import get_log

from . import pause
from .collect import collect, collect_orphans
from .compact import compact
from .expire_uploads import expire_uploads
from .pace import Pace
from .patrol import Patrol
from .reservations import release_reservations
from .workshop import Workshop

TICK_S: Final = 1.0
"""How often the process says that it lives, and looks whether its supervisor does."""
SCRUB_BYTES_PER_S: Final = 256 << 20
"""Some 5 % of a core of checksums, in the 5 s of a round."""
COMPACT_BYTES_PER_S: Final = 16 << 20
COMPACT_BYTES_MAX: Final = 1 << 30
"""What is moved in one hour at most: a minute's work."""

_log = get_log("jobs")


class Job(NamedTuple):
    """Something that is done again and again."""

    name: str
    first_s: float
    """How long after the start it is done first."""
    interval_s: float
    """From the end of one run to the beginning of the next."""
    run: Callable[[Workshop], Mapping[str, int]]
    """Returns what was done, by name; all zeros where there was nothing to do. Returns early when it is stopping."""


def jobs_of(home: assemble.Home) -> tuple[Job, ...]:
    """Return the jobs of a home."""
    permit = partial(pause.collecting, home.collect_lock)
    return (
        Job("reservations", 0, 10, lambda workshop: {"released": release_reservations(workshop)}),
        Job("expire_uploads", 5, 60, lambda workshop: expire_uploads(workshop)._asdict()),
        Job("collect", 10, 15, lambda workshop: collect(workshop, permit)._asdict()),
        Job("scrub", 60, 55, Patrol(home.scrub_file, Pace(SCRUB_BYTES_PER_S)).walk),
        Job("compact", 600, 3600, partial(_compact, Pace(COMPACT_BYTES_PER_S))),
        Job("collect_orphans", 30, 24 * 3600, lambda workshop: {"containers": collect_orphans(workshop, permit)}),
    )


def _compact(pace: Pace, workshop: Workshop) -> Mapping[str, int]:
    return compact(workshop, pace, bytes_max=COMPACT_BYTES_MAX)._asdict()


def run(settings: Settings, board: Board, slot_number: int, _: object = ()) -> None:
    """Work until SIGTERM, or until the supervisor is gone. A companion of `serve`; called in a process of its own."""
    bell = Bell()
    home = assemble.Home(settings.home)
    catalog = assemble.open_catalog(home)
    blobs = assemble.open_blobs(home)
    slot = board.slot(slot_number)
    slot.take(blobs.instance)
    workshop = Workshop(catalog, blobs, board, is_stopping=bell.is_rung)
    rota = Rota(workshop, jobs_of(home), home.jobs_file)
    try:
        while not bell.is_rung():
            rota.work()
            slot.beat()
            bell.wait(TICK_S)
    finally:
        slot.leave()
        blobs.close()
        catalog.close()


class Bell:
    """Rings when this process has to end: on SIGTERM, or when its parent is gone and cannot send one."""

    def __init__(self) -> None:
        self._rung = threading.Event()
        self._parent = os.getppid()
        signal.signal(signal.SIGTERM, lambda *_: self._rung.set())
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nothing here is read again

    def is_rung(self) -> bool:
        """Whether it is time to end."""
        return self._rung.is_set() or os.getppid() != self._parent

    def wait(self, timeout_s: float) -> None:
        """Wait for the bell, or for so long."""
        self._rung.wait(timeout_s)


class Rota:
    """Which job is due when. A job that fails is logged and done again when it is due; no other suffers from it."""

    def __init__(
        self,
        workshop: Workshop,
        jobs: Sequence[Job],
        status_file: Path | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._workshop = workshop
        self._jobs = {job.name: job for job in jobs}
        self._monotonic = monotonic
        self._status_file = status_file
        self._status: dict[str, dict[str, Any]] = {}
        start_s = monotonic()
        self._due_s = {job.name: start_s + job.first_s for job in jobs}

    def work(self) -> None:
        """Do the jobs that are due, the one that waited longest first. None while the home is read-only."""
        for name in sorted(self._due_s, key=self._due_s.__getitem__):
            if self._workshop.is_stopping() or self._workshop.board.is_read_only:
                return
            if self._due_s[name] <= self._monotonic():
                self._do(self._jobs[name])
                self._due_s[name] = self._monotonic() + self._jobs[name].interval_s

    def _do(self, job: Job) -> None:
        began_s = self._monotonic()
        done: Mapping[str, int] = {}
        fault = ""
        try:
            done = job.run(self._workshop)
        except (CatalogBroken, BlobsBroken) as error:
            self._workshop.board.set_read_only()
            fault = str(error)
            _log.critical("a sync failed: the home is read-only until it is started again", job=job.name, error=fault)
        except (CatalogFull, BlobsFull) as error:
            fault = str(error)
            _log.warning("the disk is too full for a job; it is tried again", job=job.name, error=fault)
        except Exception as error:
            fault = str(error) or type(error).__name__
            _log.exception("a job failed; it is tried again", job=job.name)
        took_s = self._monotonic() - began_s
        if any(done.values()):
            _log.info("a job is done", job=job.name, took_s=round(took_s, 3), **done)
        self._tell(job.name, {"took_s": round(took_s, 3), "done": dict(done), "fault": fault})

    def _tell(self, name: str, facts: dict[str, Any]) -> None:
        """Write down how the last run of each job went, for `doctor` and for metrics."""
        before = self._status.get(name, {})
        self._status[name] = {
            "at_us": self._workshop.clock_us(),
            "runs": before.get("runs", 0) + 1,
            "faults": before.get("faults", 0) + bool(facts["fault"]),
            **facts,
        }
        if self._status_file is None:
            return
        try:
            temporary = self._status_file.with_suffix(".new")
            temporary.write_text(json.dumps(self._status) + "\n", encoding="utf-8")
            temporary.replace(self._status_file)
        except OSError:
            return  # Only a report, and a full disk has been reported elsewhere.
