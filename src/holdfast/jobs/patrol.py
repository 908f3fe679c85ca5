"""The server's own scrub: a little of it at a time, going on where it was, so that all is read within days."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from holdfast.telemetry.log import get_log

from .archive import containers_in, write_durably
from .pace import Pace
from .scrub import Fault, check_container
from .workshop import Workshop

REST_US: Final = 24 * 3600 * 1_000_000
"""From the end of a pass to the beginning of the next."""
ROUND_S: Final = 5.0
"""How long one round takes, so that other jobs have their turn; a container that is begun is read to its end."""
FAULTS_KEPT: Final = 100

_log = get_log("jobs")


class Patrol:
    """One round after the other through all containers that somebody owns. Its state outlives the process.

    Reading for 5 s of every minute, a disk that gives 200 MB/s is read through at 1.4 TB a day.
    """

    def __init__(self, state_file: Path, pace: Pace, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._state_file = state_file
        self._pace = pace
        self._monotonic = monotonic

    def walk(self, workshop: Workshop) -> Mapping[str, int]:
        """Read on for one round. Names each fault in the log, and at the end of a pass writes down what it found."""
        state = self._read()
        if not state["after"] and workshop.clock_us() - state["finished_us"] < REST_US:
            return {"containers": 0, "faults": 0}
        began_s = self._monotonic()
        count = found = 0
        for container_id in containers_in(workshop.catalog, state["after"]):
            for fault in check_container(workshop.catalog, workshop.blobs, container_id, self._pace):
                _log.critical("a blob is damaged", fault=str(fault), container=container_id)
                state["found"] = [*state["found"], str(fault)][:FAULTS_KEPT]
                found += 1
            count += 1
            state["after"] = container_id
            if workshop.is_stopping() or self._monotonic() - began_s >= ROUND_S:
                break
        else:
            state = {"after": "", "found": [], "finished_us": workshop.clock_us(), "faults": state["found"]}
        self._write(state)
        return {"containers": count, "faults": found}

    def _read(self) -> dict[str, Any]:
        begun: dict[str, Any] = {"after": "", "found": [], "finished_us": 0, "faults": []}
        try:
            state = json.loads(self._state_file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return begun
        return {**begun, **state} if isinstance(state, dict) else begun

    def _write(self, state: Mapping[str, Any]) -> None:
        temporary = self._state_file.with_suffix(".new")
        temporary.write_text(json.dumps(state) + "\n", encoding="utf-8")
        temporary.replace(self._state_file)


def note_pass(state_file: Path, at_us: int, faults: Sequence[Fault]) -> None:
    """Write down that somebody had everything read, and what was found.

    In a file of its own: the server may be amid a pass, whose state is not theirs to change.
    """
    kept = [str(fault) for fault in faults[:FAULTS_KEPT]]
    write_durably(state_file, json.dumps({"finished_us": at_us, "faults": kept}) + "\n")
