"""The home: who may read it, whether what it needs is there and whole, and how its own work goes."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from holdfast import assemble
from holdfast.admin.sealing import unsealable
from holdfast.auth.keyring import Keyring, KeyringError
from holdfast.catalog.interface import Catalog, CatalogError
from holdfast.catalog.rows import ACCESS_KEYS, AUDIT, OBJECTS
from holdfast.store import site
from holdfast.telemetry.board import Board

from . import Finding

DAY_US: Final = 86_400_000_000
CATALOG_CHECK_BYTES: Final = 512 << 20
"""Up to this size the catalog is checked whole, in seconds; above, that is left to scrub."""
BACKUP_AGE_DAYS: Final = 7
SCRUB_AGE_DAYS: Final = 7
STANDSTILL_US: Final = 600_000_000


def check_modes(home: assemble.Home) -> Iterator[Finding]:
    """The home is for one user alone, and it is ours."""
    status = home.root.stat()
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        yield Finding("home", "fail", f"{home.root} has mode {mode:04o}: others may look in", f"chmod 700 {home.root}")
    elif status.st_uid not in (0, os.geteuid()) and os.geteuid() != 0:
        yield Finding("home", "fail", f"{home.root} belongs to another user", f"run as uid {status.st_uid}")
    else:
        yield Finding("home", "ok", f"{home.root}, mode {mode:04o}")
    for path in (home.catalog_file, home.keyring_file, home.tls / "ca.key"):
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield Finding("home", "fail", f"{path} may be read by others", f"chmod 600 {path}")


def check_catalog(home: assemble.Home, now_us: int) -> Iterator[Finding]:
    """The catalog opens, is of our schema, and is whole."""
    try:
        catalog = assemble.open_catalog(home)
    except (CatalogError, assemble.HomeError) as error:
        yield Finding("catalog", "fail", str(error), "see docs/how-to/repair.md")
        return
    try:
        yield from _check_rows(home, catalog)
        yield from _check_keyring(home, catalog)
        yield from _check_clock(catalog, now_us)
        yield from _check_switches(catalog)
    finally:
        catalog.close()


def _check_rows(home: assemble.Home, catalog: Catalog) -> Iterator[Finding]:
    size_bytes = home.catalog_file.stat().st_size
    if size_bytes > CATALOG_CHECK_BYTES:
        with catalog.read() as rows:
            rows.scan(OBJECTS, count_max=1)
        yield Finding("catalog", "ok", "it opens and reads; it is large, so holdfast scrub checks all of it")
        return
    faults = list(catalog.check())
    for fault in faults[:5]:
        yield Finding("catalog", "fail", fault, "see docs/how-to/repair.md")
    if not faults:
        yield Finding("catalog", "ok", f"whole, {size_bytes >> 20:,} MiB")


def _check_keyring(home: assemble.Home, catalog: Catalog) -> Iterator[Finding]:
    advice = f"put the copy that you keep apart at {home.keyring_file}, mode 600; if none is left, holdfast keyring new"
    with catalog.read() as rows:
        count = len(rows.scan(ACCESS_KEYS))
        if not home.keyring_file.exists() and not count:
            yield Finding("keyring", "ok", "made with the first access key")
            return
        try:
            keyring = Keyring.load(home.keyring_file)
        except KeyringError as error:
            yield Finding("keyring", "fail", str(error), advice)
            return
        lost = sum(1 for _ in unsealable(rows, keyring))
    if lost:
        text = f"{lost:,} of {count:,} access keys do not open with {home.keyring_file}: they are refused"
        yield Finding("keyring", "fail", text, advice)
    else:
        yield Finding("keyring", "ok", f"{home.keyring_file}; keep a copy in another place than the backups")


def _check_clock(catalog: Catalog, now_us: int) -> Iterator[Finding]:
    with catalog.read() as rows:
        newest = rows.scan(AUDIT, reverse=True, count_max=1)
    if newest and newest[0].at_us > now_us + 60_000_000:
        behind = timedelta(microseconds=newest[0].at_us - now_us)
        yield Finding(
            "clock", "fail", f"it is {behind} behind the newest change in the catalog", "set the clock (timedatectl)"
        )
    else:
        yield Finding("clock", "ok", "not behind what is written")


def _check_switches(catalog: Catalog) -> Iterator[Finding]:
    with catalog.read() as rows:
        reason = site.find_setting(rows, site.READ_ONLY)
    if reason is not None:
        why = f": {reason}" if reason else ""
        yield Finding("site", "warn", f"operators have made the store read-only{why}", "holdfast site read-only off")


def check_board(home: assemble.Home, now_us: int, *, is_running: bool) -> Iterator[Finding]:
    """No sync has failed, and the processes live."""
    if not is_running:
        yield Finding("server", "ok", "not running")
        return
    try:
        board = Board.open(home.run / "board")
    except FileNotFoundError:
        yield Finding("server", "fail", "it runs, but its board is gone", "restart holdfast")
        return
    if board.is_read_only:
        yield Finding(
            "server",
            "fail",
            "read-only since a sync failed: the disk may have lost writes that were not acknowledged",
            "look for errors of the disk (dmesg), then restart holdfast",
        )
    silent = [slot.pid for slot in board.living() if now_us - slot.beat_us > 60_000_000]
    if silent:
        yield Finding("server", "warn", f"processes {silent} have been silent for a minute", "look at the log")
    else:
        yield Finding("server", "ok", f"{len(board.living())} processes live")


def check_jobs(home: assemble.Home, now_us: int, *, is_running: bool) -> Iterator[Finding]:
    """Garbage is collected, and the last pass of scrub found nothing."""
    status = _read(home.jobs_file)
    for name, job in (status or {}).items():
        if job["fault"]:
            yield Finding("jobs", "warn", f"{name} failed: {job['fault']}", "look at the log")
    collected_us = (status or {}).get("collect", {}).get("at_us", 0)
    if is_running and now_us - max(collected_us, _changed_us(home.serving_file)) > STANDSTILL_US:
        yield Finding("jobs", "warn", "nothing was collected in the last ten minutes", "look at the log")
    elif is_running:
        yield Finding("jobs", "ok", "garbage is collected")
    passes = [state for path in (home.scrub_file, home.last_scrub_file) if (state := _read(path)) is not None]
    scrubbed = max(passes, key=lambda state: int(state["finished_us"]), default=None)
    if scrubbed is None or not scrubbed["finished_us"]:
        if now_us - _changed_us(home.format_file) < SCRUB_AGE_DAYS * DAY_US:
            yield Finding("scrub", "ok", "the home is new, and the first pass goes on while it is served")
            return
        yield Finding("scrub", "warn", "no pass is finished yet", "run holdfast scrub, or let the server run for a day")
        return
    days = (now_us - scrubbed["finished_us"]) // DAY_US
    if scrubbed["faults"]:
        yield Finding(
            "scrub",
            "fail",
            f"faults found in the last pass: {len(scrubbed['faults'])}, the first: {scrubbed['faults'][0]}",
            "see docs/how-to/repair.md, then run holdfast scrub",
        )
    elif days > SCRUB_AGE_DAYS:
        yield Finding("scrub", "warn", f"the last pass is {days} days old", "run holdfast scrub")
    else:
        yield Finding("scrub", "ok", f"the last pass, {days} days ago, found nothing")


def check_backup(home: assemble.Home, now_us: int) -> Iterator[Finding]:
    """There is a backup, and it isn't old."""
    last = _read(home.last_backup_file)
    if last is None:
        yield Finding("backup", "warn", "none is known of", "holdfast backup DIRECTORY, on another disk, every day")
        return
    days = (now_us - last["at_us"]) // DAY_US
    state: Any = "warn" if days > BACKUP_AGE_DAYS else "ok"
    advice = f"holdfast backup {last['to']}" if state == "warn" else ""
    yield Finding("backup", state, f"{days} days old, in {last['to']}", advice)


def _changed_us(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns // 1000
    except FileNotFoundError:
        return 0


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
