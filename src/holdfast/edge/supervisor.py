"""The parent of all processes of one home: takes the lock, binds the sockets, forks, watches, and drains.

It serves nothing itself and opens no engine, so that there is little that it could die of.
"""

from __future__ import annotations

import fcntl
import os
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from holdfast import assemble
from holdfast.config import Address, Settings
from holdfast.operations.registry import OPERATIONS
from holdfast.telemetry.board import Board
from holdfast.telemetry.log import get_log
from holdfast.telemetry.metrics import Metrics

from . import sockets, worker
from .sockets import Listener

LOCK_WAIT_S: Final = 5.0
"""How long the processes of a killed predecessor may take to see that it is gone."""
START_WAIT_S: Final = 30.0
RESTART_PAUSE_S: Final = 1.0
_GRACE_S: Final = 2.0
DESCRIPTORS: Final = 65_536
"""What a process may have open, if the machine lets it: a shell's usual 1,024 one idle client could use up."""
_SIGNALS: Final = frozenset((signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD))
_log = get_log("edge")


class CannotServe(Exception):
    """The home can't be served now. The text tells the operator why and what to do."""


class Companion(NamedTuple):
    """A process beside the workers."""

    name: str
    run: Callable[[Settings, Board, int, Sequence[Listener]], None]
    """Given the settings, the board, its slot on it, and its sockets. Ends by itself on SIGTERM."""
    setting: str = ""
    """The setting that says where it listens; empty = nowhere. Its sockets are bound before the fork and outlive it."""


class Addresses(NamedTuple):
    """Where it listens, with real ports."""

    s3: tuple[Address, ...]
    s3_tls: tuple[Address, ...]
    companions: Mapping[str, tuple[Address, ...]] = {}
    """Name of a companion → where it listens."""
    legacy_portal: tuple[Address, ...] = ()


class _Child(NamedTuple):
    name: str
    number: int
    started_s: float
    run: Callable[[int], None]
    """Given the descriptor on which to tell that it is ready."""


class Supervisor:
    """Serves one home. `start`, then `watch` until it returns."""

    def __init__(self, settings: Settings, home: assemble.Home, companions: Sequence[Companion] = ()) -> None:
        self._settings = settings
        self._home = home
        self._companions = companions
        self._children: dict[int, _Child] = {}
        self._is_stopping = False
        self._lock_fd = -1

    def start(self) -> Addresses:
        """Take the lock, bind, fork, and return once all workers listen.

        Raises CannotServe or CannotListen; then nothing of it is left running.
        """
        settings, home = self._settings, self._home
        self._take_lock()
        _raise_descriptor_limit()
        count = settings.worker_count
        listeners = [sockets.listen(address, count, is_secure=False) for address in settings.s3]
        listeners += [sockets.listen(address, count, is_secure=True) for address in settings.s3_tls]
        of_companions = {
            companion.name: [
                sockets.listen(address, 1, is_secure=True, option=f"--{companion.setting}")[0]
                for address in (getattr(settings, companion.setting) if companion.setting else ())
            ]
            for companion in self._companions
        }
        # Every process has to know real ports, where any free one was asked for: pages of one name those of another.
        bound: dict[str, Any] = {
            companion.setting: tuple(each.address for each in of_companions[companion.name])
            for companion in self._companions
            if companion.setting
        }
        self._settings = settings = replace(settings, **bound)
        if settings.legacy_portal and not settings.portal_origin:
            raise CannotServe("--legacy-portal leads to the portal, and there is none: say where with --portal")
        former_portal = [
            sockets.listen(address, count, is_secure=False, option="--legacy-portal")
            for address in settings.legacy_portal
        ]
        if not listeners:
            raise CannotServe("there is nothing to listen on: name an address with --s3 or --s3-tls")
        self._board = Board.create(home.run / "board")
        self._metrics = Metrics((operation.name for operation in OPERATIONS), count)
        # The workers hold the reading end: it ends when the last writing end, ours, is gone.
        self._lifeline, self._lifeline_end = os.pipe()
        # Signals wait for `watch`, so that none is lost between two looks.
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        addresses = Addresses(
            tuple(each[0].address for each in listeners if not each[0].is_secure),
            tuple(each[0].address for each in listeners if each[0].is_secure),
            {name: tuple(each.address for each in found) for name, found in of_companions.items()},
            tuple(each[0].address for each in former_portal),
        )
        ready, tell_ready = os.pipe()
        for number in range(count):
            post = worker.Post(
                number,
                settings,
                home,
                self._board,
                self._metrics,
                sockets.of_worker(listeners, number),
                sockets.of_worker(former_portal, number),
                self._lifeline,
            )
            self._fork(_Child(f"worker {number}", number, 0.0, _worker(post)), tell_ready)
        for index, companion in enumerate(self._companions):
            self._fork(
                _Child(
                    companion.name,
                    count + index,
                    0.0,
                    self._companion(companion, count + index, of_companions[companion.name]),
                ),
                tell_ready,
            )
        os.close(tell_ready)
        try:
            self._await_ready(ready, count)
        except BaseException:
            self._end()
            raise
        finally:
            os.close(ready)
        return addresses

    def watch(self) -> None:
        """Restart what dies, until SIGTERM or SIGINT; then drain and return when every process is gone."""
        while True:
            info = signal.sigwaitinfo(_SIGNALS)
            if info.si_signo in (signal.SIGTERM, signal.SIGINT):
                break
            if info.si_signo == signal.SIGHUP:
                self._tell(signal.SIGHUP)
            for child in self._reap():
                self._restart(child)
        self._end()

    def _take_lock(self) -> None:
        path = self._home.run / "serve.lock"
        # Inherited by every child: the lock is free when the last process that may write is gone.
        self._lock_fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # Workers whose supervisor is gone finish what they serve, and write until then.
        deadline_s = time.monotonic() + self._settings.limits.drain_timeout_s + LOCK_WAIT_S
        while True:
            try:
                fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = os.pread(self._lock_fd, 20, 0).decode("ascii", "replace").strip()
                if time.monotonic() < deadline_s and not _lives(holder):
                    time.sleep(0.05)
                    continue
                os.close(self._lock_fd)
                raise CannotServe(
                    f"{self._home.root} is served already, by process {holder or '?'}: stop that one, "
                    "or name another home with --home"
                ) from None
            break
        os.ftruncate(self._lock_fd, 0)
        os.pwrite(self._lock_fd, f"{os.getpid()}\n".encode(), 0)

    def _companion(self, companion: Companion, number: int, listeners: Sequence[Listener]) -> Callable[[int], None]:
        def run(tell_ready: int) -> None:
            os.close(tell_ready)
            companion.run(self._settings, self._board, number, listeners)

        return run

    def _fork(self, child: _Child, tell_ready: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            self._children[pid] = child._replace(started_s=time.monotonic())
            return
        code = 1
        try:
            os.close(self._lifeline_end)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the terminal tells the whole group; the parent decides
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            child.run(tell_ready)
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)

    def _await_ready(self, ready: int, count: int) -> None:
        deadline_s = time.monotonic() + START_WAIT_S
        seen = 0
        while seen < count:
            readable, _, _ = select.select([ready], [], [], 0.1)
            if readable:
                data = os.read(ready, count)
                seen += len(data)
            dead = self._reap()
            if dead:
                raise CannotServe(f"{dead[0].name} ended while it started: what it said stands above")
            if time.monotonic() > deadline_s:
                raise CannotServe(f"the workers were not ready within {START_WAIT_S:.0f} s")

    def _reap(self) -> list[_Child]:
        """Return the children that ended."""
        found = []
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                break
            child = self._children.pop(pid, None)
            if child is not None:
                if not self._is_stopping:
                    code = os.waitstatus_to_exitcode(status)
                    _log.error("a process ended by itself", process=child.name, pid=pid, code=code)
                found.append(child)
        return found

    def _restart(self, child: _Child) -> None:
        if time.monotonic() - child.started_s < RESTART_PAUSE_S:
            # One that dies at once would else be forked in a tight loop. The others go on meanwhile.
            time.sleep(RESTART_PAUSE_S)
        _log.info("a process is started again", process=child.name)
        unread, tell_ready = os.pipe()
        self._fork(child, tell_ready)
        os.close(tell_ready)
        os.close(unread)

    def _tell(self, number: signal.Signals) -> None:
        for pid in list(self._children):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def _end(self) -> None:
        """Drain every child, and kill what does not end in time."""
        self._is_stopping = True
        self._tell(signal.SIGTERM)
        deadline_s = time.monotonic() + self._settings.limits.drain_timeout_s + _GRACE_S
        while self._children:
            info = signal.sigtimedwait(_SIGNALS, max(0.0, deadline_s - time.monotonic()))
            if info is None or info.si_signo in (signal.SIGTERM, signal.SIGINT):
                # Too late, or asked for a second time.
                self._tell(signal.SIGKILL)
                deadline_s = time.monotonic() + _GRACE_S
            self._reap()
        os.close(self._lock_fd)


def _raise_descriptor_limit() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _worker(post: worker.Post) -> Callable[[int], None]:
    return lambda tell_ready: worker.run(post, tell_ready)


def _lives(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except ValueError:
        return False
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
