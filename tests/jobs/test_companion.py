"""The process itself: forked as `serve` does it, told to go, or left behind by a supervisor that was killed."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast import assemble
from holdfast.config import Settings
from holdfast.jobs import worker
from holdfast.telemetry.board import Board

PATIENCE_S = 20


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    settings = Settings(home=tmp_path / "home")
    home = assemble.open_home(settings, create=True)
    assemble.open_catalog(home).close()
    return settings


def fork(run: Callable[[], None]) -> int:
    pid = os.fork()
    if not pid:
        code = 1
        try:
            run()
            code = 0
        finally:
            os._exit(code)
    return pid


@pytest.fixture
def orphans() -> Iterator[list[int]]:
    pids: list[int] = []
    yield pids
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def await_that(claim: Callable[[], object]) -> None:
    deadline_s = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < deadline_s
        time.sleep(0.02)


def test_it_takes_its_slot_works_and_ends_on_sigterm(settings: Settings, orphans: list[int]) -> None:
    board = Board.private()
    pid = fork(lambda: worker.run(settings, board, 3))
    orphans.append(pid)
    jobs_file = assemble.Home(settings.home).jobs_file
    await_that(jobs_file.exists)
    assert [(slot.slot, slot.pid) for slot in board.living()] == [(3, pid)]
    assert json.loads(jobs_file.read_text())["reservations"]["fault"] == ""
    os.kill(pid, signal.SIGHUP)
    os.kill(pid, signal.SIGTERM)
    _, status = os.waitpid(pid, 0)
    orphans.clear()
    assert os.waitstatus_to_exitcode(status) == 0
    assert board.living() == []


def test_it_ends_when_its_supervisor_is_killed(settings: Settings, orphans: list[int]) -> None:
    board = Board.private()

    def supervise() -> None:
        fork(lambda: worker.run(settings, board, 0))
        signal.pause()

    supervisor = fork(supervise)
    orphans.append(supervisor)
    await_that(board.living)
    (slot,) = board.living()
    orphans.append(slot.pid)
    os.kill(supervisor, signal.SIGKILL)
    os.waitpid(supervisor, 0)
    await_that(lambda: not board.living())
