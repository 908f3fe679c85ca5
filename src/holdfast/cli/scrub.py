"""`holdfast scrub`: read every blob and name those that are damaged."""

from __future__ import annotations

import time
from typing import Any

import click

from .desk import Desk, Refusal, desk_command
from .kinds import SIZE
from .tables import counted


@desk_command(
    "holdfast scrub",
    "holdfast scrub --rate 50MB --json",
    "holdfast scrub --quick",
    "holdfast scrub --repair-usage",
    name="scrub",
)
@click.option("--quick", is_flag=True, help="Only look whether every blob is there, and whether the rows agree.")
@click.option("--rate", type=SIZE, metavar="SIZE", help="Read at most so much a second, such as 50MB.")
@click.option("--repair-usage", is_flag=True, help="Count what every bucket holds anew, and write it down.")
def command(desk: Desk, quick: bool, rate: int | None, repair_usage: bool) -> None:
    """Read all that somebody owns, beside a running server or without one, and name each key that is hit by a fault.

    Also holds the catalog's rows against each other. Deletes and changes nothing, but for --repair-usage. Exit code 1
    when a fault is found. What a pass that is not --quick found is remembered for holdfast doctor.
    """
    from holdfast import assemble
    from holdfast.jobs.pace import Pace
    from holdfast.jobs.patrol import note_pass
    from holdfast.jobs.scrub import scrub
    from holdfast.jobs.tally import repair_usage as repair

    home = desk.home(desk.settings())
    catalog = assemble.open_catalog(home)
    repaired = 0
    faults = []
    try:
        if repair_usage:
            repaired = repair(catalog)
        pace = Pace(rate if isinstance(rate, int) else None)
        for fault in scrub(catalog, assemble.open_archive(home.blobs), pace, is_quick=quick):
            faults.append(fault)
            desk.hint(f"FAULT {fault}")
    finally:
        catalog.close()
    if not quick:
        note_pass(home.last_scrub_file, time.time_ns() // 1000, faults)
    document: dict[str, Any] = {
        "faults": [
            {
                "sentence": fault.sentence,
                "container": fault.container_id,
                **({} if fault.place is None else fault.place._asdict()),
            }
            for fault in faults
        ],
        "repaired_counters": repaired,
    }
    lines = [f"{counted(repaired, 'wrong counter')} put right"] if repair_usage else []
    if not faults:
        lines.append("every blob is there, and the rows agree" if quick else "everything reads back as it was written")
    desk.answer(document, lines)
    if faults:
        raise Refusal(f"{counted(len(faults), 'fault')}: see docs/how-to/repair.md")
