"""The process that works behind the portal: it sends mail, reminds, deletes, and brings people and catalog together.

One round after the other, each when it is due. A round that fails is logged, and done again when it is due.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from django.db import close_old_connections

from holdfast import assemble
from holdfast.config import Settings
from holdfast.telemetry.board import Board
from holdfast.telemetry.log import get_log

TICK_S: Final = 0.5

_log = get_log("portal")


class Round(NamedTuple):
    """Something that is done again and again."""

    name: str
    interval_s: float
    """From the end of one run to the beginning of the next."""
    run: Callable[[], int]
    """Returns how much was done. Takes a few seconds at most, and does the rest the next time."""


def rounds() -> tuple[Round, ...]:
    """Return what is done, with Django configured."""
    from .data.credentials import forget_old_keys
    from .data.deletions import forget_old_deletions, work_on_deletions
    from .house import house
    from .joining.asking import tell_waiting
    from .joining.granting import apply_waiting
    from .joining.reconcile import reconcile
    from .joining.reminders import remind
    from .notices.delivery import deliver
    from .operating.glass_acts import tell_untold
    from .people.from_directory import sync
    from .people.tidy import tidy
    from .tenancies.asking_review import provision_waiting
    from .tenancies.closing import tend_closings
    from .tenancies.closing_erasure import erase
    from .tenancies.quota import withdraw_of_gone
    from .tenancies.quota_marks import watch_quotas
    from .tenancies.quota_terms import remind_of_terms
    from .tokens.once import forget_used_forms
    from .tokens.reminders import remind_owners

    site = house().settings.site
    of_directory = [Round("directory", site.directory_sync_minutes * 60, sync)] if site.ldap_server else []
    return (
        Round("mail", 5, deliver),
        Round("deletions", 1, work_on_deletions),
        Round("old deletions", 3600, forget_old_deletions),
        Round("ended keys", 3600, forget_old_keys),
        Round("provisioning", 5, provision_waiting),
        Round("quotas", 15, watch_quotas),
        Round("requests of gone tenancies", 60, withdraw_of_gone),
        Round("closings", 5, tend_closings),
        Round("closed tenancies", 1, erase),
        Round("terms", 3600, remind_of_terms),
        Round("tokens that end soon", 3600, remind_owners),
        Round("used forms", 24 * 3600, forget_used_forms),
        Round("requests", 2, tell_waiting),
        Round("grants", 5, apply_waiting),
        Round("members", 300, reconcile),
        Round("operators' access to data", 60, tell_untold),
        Round("reminders", 3600, remind),
        Round("old sessions and links", 3600, tidy),
        *of_directory,
    )


def run(settings: Settings, board: Board, slot_number: int) -> None:
    """Work until SIGTERM, or until the supervisor is gone. A companion of `serve`; called in a process of its own."""
    from .house import open_house
    from .start import configure, migrate

    rung = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: rung.set())
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    parent = os.getppid()
    home = assemble.Home(settings.home)
    opened = open_house(settings, home, board)
    configure(settings, home)
    migrate(home)
    slot = board.slot(slot_number)
    slot.take()
    due_s = {each.name: 0.0 for each in rounds()}
    reports = Reports(home.portal_jobs_file)
    try:
        while not rung.is_set() and os.getppid() == parent:
            for each in rounds():
                if due_s[each.name] <= time.monotonic() and not board.is_read_only and not rung.is_set():
                    work(each, reports)
                    due_s[each.name] = time.monotonic() + each.interval_s
            slot.beat()
            rung.wait(TICK_S)
    finally:
        slot.leave()
        opened.close()


class Reports:
    """How the last run of each round went, as operators see it beside the store's jobs: `Home.portal_jobs_file`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: dict[str, dict[str, Any]] = {}

    def add(self, name: str, took_s: float, done: int, fault: str) -> None:
        """Write down a run. Only a report: a full disk has been told of elsewhere."""
        before = self._last.get(name, {})
        self._last[name] = {
            "at_us": time.time_ns() // 1000,
            "runs": before.get("runs", 0) + 1,
            "faults": before.get("faults", 0) + bool(fault),
            "took_s": round(took_s, 3),
            "done": {"done": done},
            "fault": fault,
        }
        with suppress(OSError):
            temporary = self._path.with_suffix(".new")
            temporary.write_text(json.dumps(self._last) + "\n", encoding="utf-8")
            temporary.replace(self._path)


def work(each: Round, reports: Reports) -> None:
    """Do one round, log what it did, and report it."""
    began_s = time.monotonic()
    done, fault = 0, ""
    try:
        done = each.run()
        if done:
            _log.info("a round of the portal is done", round=each.name, done=done)
    except Exception as error:
        fault = str(error) or type(error).__name__
        _log.exception("a round of the portal failed; it is tried again", round=each.name, exc_info=error)
    finally:
        close_old_connections()
    reports.add(each.name, time.monotonic() - began_s, done, fault)
