"""`kill -9` under load: what was acknowledged is there, by content, ETag and listing; of the rest all or nothing.

`HOLDFAST_KILLS=200` makes the long form, with figures on standard output.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.faults.load import Client, LoadWire
from tests.faults.wire import Wire
from tests.serving import Key, Store, serve

from holdfast.admin.quotas import set_tenancy_quota
from holdfast.catalog.rows import OBJECTS, PARTS, RESERVATIONS, USAGE

KILLS = int(os.environ.pop("HOLDFAST_KILLS", "0"))  # no setting of the store, which would refuse it
CLIENTS = 6
READY_S = 5.0
SLACK = 2.0
"""Other processes of the machine that runs the tests may take as long as ours."""
ENVIRONMENT = {"HOLDFAST_PART_BYTES_MIN": "1KiB"}
OWN_GROUP = ("setsid",)


def workers_of(store: Store) -> list[int]:
    pid = store.process.pid
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    """Whether a process lives; one that nobody has buried yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def kill_all(store: Store) -> None:
    os.killpg(store.process.pid, signal.SIGKILL)
    store.process.wait()


class Siege:
    """A home, the clients that write to it, and what was seen."""

    def __init__(self, home: Path, seed: int) -> None:
        self.home = home
        self.random = random.Random(seed)
        self.clients = [Client(f"c{number}", seed * 1000 + number) for number in range(CLIENTS)]
        self.key: Key | None = None
        self.kills = 0
        self.kills_in_complete = 0
        self.doubts = 0
        self.ready_s: list[float] = []

    @contextmanager
    def up(self, prefix: tuple[str, ...] = OWN_GROUP) -> Iterator[Store]:
        began_s = time.monotonic()
        with serve(self.home, workers=4, prefix=prefix, environment=ENVIRONMENT) as store:
            self.ready_s.append(time.monotonic() - began_s)
            if self.key is None:
                self.key = store.make_key("ten-o", "alice")
                assert self.wire(store).make_bucket().status == 200
            try:
                yield store
            except BaseException:
                kill_all(store)  # a tracer would not pass on the request to end
                raise

    def wire(self, store: Store) -> Wire:
        assert self.key is not None
        return Wire(store.endpoint_url, self.key)

    def load(self, store: Store, only: str = "") -> tuple[list[threading.Thread], threading.Event]:
        stopping = threading.Event()
        threads = [
            threading.Thread(target=client.run, args=(LoadWire(store.endpoint_url, self.key), stopping, only))
            for client in self.clients
        ]
        for thread in threads:
            thread.start()
        return threads, stopping

    def acknowledged(self) -> int:
        return sum(client.acknowledged for client in self.clients)

    def await_writes(self, count: int, threads: list[threading.Thread]) -> None:
        """Wait until so many more writes are acknowledged, or nobody writes any more."""
        wanted = self.acknowledged() + count
        while self.acknowledged() < wanted and any(thread.is_alive() for thread in threads):
            threads[0].join(0.001)

    def count_kill(self) -> None:
        self.kills += 1
        self.doubts += sum(bool(client.doubtful) for client in self.clients)
        self.kills_in_complete += any(client.in_flight == "complete" for client in self.clients)

    def settle(self, store: Store) -> None:
        faults = [fault for client in self.clients for fault in client.faults]
        assert not faults, faults
        for client in self.clients:
            client.settle(self.wire(store))
        check_counts(store)

    def figures(self) -> str:
        after = self.ready_s[1:] or self.ready_s
        return (
            f"{self.kills} kills, {self.kills_in_complete} of them inside CompleteMultipartUpload, "
            f"{self.acknowledged()} acknowledged writes, {self.doubts} in doubt; "
            f"ready after {statistics.median(after):.2f} s (worst {max(after):.2f})"
        )


def await_reservation(store: Store) -> None:
    deadline_s = time.monotonic() + 30
    with store.office() as office:
        while True:
            with office.read() as rows:
                if rows.scan(RESERVATIONS):
                    return
            assert time.monotonic() < deadline_s, "nothing is reserved"
            time.sleep(0.01)


def check_counts(store: Store) -> None:
    """What the quota counts is what is there."""
    with store.office() as office, office.read() as rows:
        objects, parts = rows.scan(OBJECTS), rows.scan(PARTS)
        for usage in rows.scan(USAGE):
            assert usage.live_bytes == sum(row.size_bytes for row in objects)
            assert usage.live_objects == len(objects)
            assert usage.upload_bytes == sum(row.size_bytes for row in parts)
            assert usage.upload_parts == len(parts)
            assert usage.reserved_bytes == sum(row.size_bytes for row in rows.scan(RESERVATIONS))


def besiege(siege: Siege, rounds: int, only: str = "") -> None:
    """Kill everything under load, start it again, and look; also single workers, while their siblings serve on."""
    for number in range(rounds):
        with siege.up() as store:
            siege.settle(store)
            threads, _ = siege.load(store, only)
            siege.await_writes(siege.random.randint(10, 120), threads)
            if number % 3 == 1:
                os.kill(siege.random.choice(workers_of(store)), signal.SIGKILL)
                siege.count_kill()
                # Whoever was connected to it has stopped, in doubt; the others go on until the end.
                siege.await_writes(20, threads)
            if only:
                # The moment is drawn after one has been sent.
                while not any(client.in_flight == only for client in siege.clients) and threads[0].is_alive():
                    threads[0].join(0.0005)
                time.sleep(siege.random.random() * 0.003)
            kill_all(store)
            siege.count_kill()
            for thread in threads:
                thread.join()
    with siege.up() as store:
        siege.settle(store)
        began_s = time.monotonic()
        assert store.stop() == 0
        print(f"\n{siege.figures()}; clean stop in {time.monotonic() - began_s:.2f} s")


@pytest.mark.slow
@pytest.mark.timeout(max(300, KILLS * 10))
@pytest.mark.parametrize("only", ["", "complete"])
def test_a_kill_under_load_loses_nothing_acknowledged_and_shows_no_half(tmp_path: Path, only: str) -> None:
    siege = Siege(tmp_path / "home", seed=1)
    besiege(siege, max(3, KILLS // (2 if not only else 4)), only)
    assert max(siege.ready_s) < READY_S * SLACK


@pytest.mark.slow
@pytest.mark.parametrize(("call", "first"), [("fdatasync", 7), ("rename", 2)])
def test_a_worker_killed_at_a_system_call_of_a_write_loses_nothing_and_is_replaced(
    tmp_path: Path, call: str, first: int
) -> None:
    siege = Siege(tmp_path / "home", seed=2)
    for number in (first,) if not KILLS else range(first, first + 30, 3):
        with siege.up():
            pass  # makes the home and the key where they are not there
        traced = tmp_path / f"strace-{number}"
        # Each thread counts for itself, so each worker is killed at its own n-th call, and its successor again.
        inject = ("-e", f"trace={call}", "-e", f"inject={call}:signal=SIGKILL:when={number}")
        with siege.up(("setsid", "strace", "-f", "-q", "-o", str(traced), *inject)) as store:
            siege.settle(store)
            for _ in range(2):
                threads, stopping = siege.load(store)
                siege.await_writes(60, threads)
                stopping.set()
                for thread in threads:
                    thread.join()
                siege.doubts += sum(bool(client.doubtful) for client in siege.clients)
                siege.settle(store)
            assert KILLS or "killed by SIGKILL" in traced.read_text(), "nobody came to its n-th call"
            kill_all(store)
            siege.kills += 1
    with siege.up() as store:
        siege.settle(store)
    print(f"\nat the n-th {call}: {siege.figures()}")


@pytest.mark.slow
def test_a_killed_supervisor_takes_its_workers_along_and_the_next_start_finds_all(tmp_path: Path) -> None:
    siege = Siege(tmp_path / "home", seed=3)
    for _ in range(2):
        with siege.up() as store:
            siege.settle(store)
            threads, _stopping = siege.load(store)
            siege.await_writes(60, threads)
            orphans = workers_of(store)
            store.process.kill()
            store.process.wait()
            siege.count_kill()
            # The next one waits for what is left of this one, which ends by itself.
            with siege.up() as after:
                for thread in threads:
                    thread.join(30)
                    assert not thread.is_alive(), "somebody still writes through an orphan"
                assert not any(map(is_running, orphans))
                siege.settle(after)
    assert max(siege.ready_s) < READY_S * SLACK


@pytest.mark.slow
def test_quota_held_for_a_body_is_free_again_after_the_death_of_its_worker(tmp_path: Path) -> None:
    size_bytes = 9 << 20  # long enough to hold a reservation
    with serve(tmp_path / "home", workers=2) as store:
        key = store.make_key("ten-o", "alice")
        with store.office() as office:
            set_tenancy_quota(office, "ten-o", limit_bytes=size_bytes)
        with Wire(store.endpoint_url, key) as wire, Wire(store.endpoint_url, key) as other:
            assert wire.make_bucket().status == 200
            other.start_put("cut", size_bytes, bytes(1 << 20))
            await_reservation(store)
            assert wire.put("fits", b"x").code == "QuotaExceeded"
            for pid in workers_of(store)[:2]:
                os.kill(pid, signal.SIGKILL)
        deadline_s = time.monotonic() + 30
        with Wire(store.endpoint_url, key) as wire:
            while wire.put("fits", bytes(size_bytes)).status != 200:
                assert time.monotonic() < deadline_s, "what a dead worker had reserved is never free again"
                time.sleep(0.1)
