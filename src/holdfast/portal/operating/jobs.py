"""Jobs: when each was last done, what it did, and what went wrong."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse

from holdfast.portal.access import Need, page
from holdfast.portal.house import House, house

from .frame import render_page


class JobState(NamedTuple):
    """The last run of one job."""

    name: str
    at_us: int
    runs: int
    faults: int
    fault: str
    done: str
    """What it did, in words; empty when there was nothing to do."""


class Upkeep(NamedTuple):
    """What else is done from time to time."""

    backup_at_us: int | None
    backup_to: str
    scrubbed_at_us: int | None
    scrub_faults: int


def job_states(opened: House) -> Sequence[JobState]:
    """Return how the last run of each job went, those of the store and of the portal."""
    found = []
    for path in (opened.home.jobs_file, opened.home.portal_jobs_file):
        for name, report in sorted(_read(path).items()):
            done = ", ".join(f"{key.replace('_', ' ')} {value:,}" for key, value in report["done"].items() if value)
            found.append(JobState(name, report["at_us"], report["runs"], report["faults"], report["fault"], done))
    return found


def upkeep(opened: House) -> Upkeep:
    """Return when the last backup and the last whole scrub were made."""
    backup, scrub = _read(opened.home.last_backup_file), _read(opened.home.last_scrub_file)
    patrol = _read(opened.home.scrub_file)
    last = max(
        (each for each in (scrub, patrol) if each.get("finished_us")), key=lambda each: each["finished_us"], default={}
    )
    faults = last.get("faults", 0)
    return Upkeep(
        backup.get("at_us"),
        backup.get("to", ""),
        last.get("finished_us"),
        len(faults) if isinstance(faults, list) else int(faults),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


@page(Need.OPERATOR)
def jobs(request: HttpRequest) -> HttpResponse:
    """Show the jobs."""
    opened = house()
    return render_page(
        request, "operating/jobs.html", {"jobs": job_states(opened), "upkeep": upkeep(opened)}, current="jobs/"
    )
