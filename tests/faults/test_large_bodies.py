"""Long bodies in flat memory, draining, and how soon a store is ready.

`HOLDFAST_LARGE_BYTES=5368709120` makes the body as long as S3 takes, with figures on standard output.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.faults.wire import Wire
from tests.serving import Store, serve

MIB = 1 << 20
LARGE_BYTES = int(os.environ.pop("HOLDFAST_LARGE_BYTES", str(512 * MIB)))
PRIVATE_BYTES_MAX = 80 * MIB
PIECE = bytes(range(256)) * 4096
SLACK = 3.0


def private_bytes(pid: int) -> int:
    """Memory that a process shares with nobody."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return sum(int(kib) for kib in re.findall(r"^Private_\w+: +(\d+) kB", text, re.MULTILINE)) * 1024


class Watch:
    """The most private memory that any worker had while the block ran."""

    def __init__(self, store: Store) -> None:
        pid = store.process.pid
        self._pids = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.most_bytes = 0

    def _run(self) -> None:
        while not self._done.wait(0.05):
            self.most_bytes = max(self.most_bytes, *map(private_bytes, self._pids))

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._thread.join()


def pieces(size_bytes: int) -> Iterator[bytes]:
    while size_bytes > 0:
        yield PIECE[: min(size_bytes, len(PIECE))]
        size_bytes -= len(PIECE)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with serve(tmp_path / "home", workers=2) as store:
        yield store


@pytest.fixture
def wire(store: Store) -> Iterator[Wire]:
    with Wire(store.endpoint_url, store.make_key("ten-o", "alice")) as wire:
        wire.make_bucket()
        yield wire


def send(wire: Wire, key: str, size_bytes: int) -> http.client.HTTPResponse:
    headers = wire.signed("PUT", wire.path(key), "", {"content-length": str(size_bytes)})
    wire._connection.request("PUT", wire.path(key), pieces(size_bytes), headers)
    return wire._connection.getresponse()


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_memory_is_flat_however_long_a_body_is(store: Store, wire: Wire) -> None:
    with Watch(store) as watch:
        began_s = time.monotonic()
        response = send(wire, "large", LARGE_BYTES)
        assert (response.status, response.read()) == (200, b"")
        put_s = time.monotonic() - began_s
        etag = hashlib.md5()
        for piece in pieces(LARGE_BYTES):
            etag.update(piece)
        assert response.headers["etag"] == f'"{etag.hexdigest()}"'
        began_s = time.monotonic()
        wire._connection.request("GET", wire.path("large"), headers=wire.signed("GET", wire.path("large"), "", None))
        got = wire._connection.getresponse()
        found = hashlib.md5()
        while piece := got.read(MIB):
            found.update(piece)
        get_s = time.monotonic() - began_s
    assert found.digest() == etag.digest()
    print(
        f"\n{LARGE_BYTES / 1e9:.2f} GB: PUT {put_s:.1f} s, GET {get_s:.1f} s, at most {watch.most_bytes / MIB:.1f} MiB "
        "of private memory in a worker"
    )
    assert watch.most_bytes < PRIVATE_BYTES_MAX


@pytest.mark.slow
def test_memory_is_flat_under_many_slow_readers_and_writers(store: Store, wire: Wire) -> None:
    assert send(wire, "large", 64 * MIB).read() == b""
    wires = [Wire(store.endpoint_url, wire.key) for _ in range(24)]
    with Watch(store) as watch:
        for number, each in enumerate(wires):
            if number % 2:
                each._connection.request(
                    "GET", each.path("large"), headers=each.signed("GET", each.path("large"), "", None)
                )
            else:
                each.start_put(f"k{number}", 64 * MIB, PIECE * 3)
        time.sleep(1)
    for each in wires:
        each.close()
    print(f"\n24 slow clients: at most {watch.most_bytes / MIB:.1f} MiB of private memory in a worker")
    assert watch.most_bytes < PRIVATE_BYTES_MAX * 1.5


def test_a_request_in_flight_is_answered_while_the_store_drains(store: Store, wire: Wire) -> None:
    wire.start_put("slow", 2 * len(PIECE), PIECE)
    with Wire(store.endpoint_url, wire.key) as other:
        assert other.put("before", b"x").status == 200
    store.process.send_signal(signal.SIGTERM)
    while True:  # nobody new is let in
        try:
            Wire(store.endpoint_url, None, timeout_s=1).request("GET", "/health/ready")
        except OSError:
            break
    wire.send(PIECE)
    answer = wire.finish()
    assert (answer.status, answer.headers["connection"]) == (200, "close")
    assert store.process.wait(30) == 0
    with serve(store.home, workers=2) as again, Wire(again.endpoint_url, wire.key) as reader:
        assert reader.get("slow").body == PIECE * 2


def test_a_store_is_ready_within_a_second_after_a_clean_stop(store: Store, wire: Wire) -> None:
    for number in range(200):
        assert wire.put(f"k{number}", PIECE[:5000]).status == 200
    assert store.stop() == 0
    took_s = []
    for _ in range(3):
        began_s = time.monotonic()
        with serve(store.home, workers=2) as again:
            took_s.append(time.monotonic() - began_s)
            assert Wire(again.endpoint_url, wire.key).get("k199").status == 200
    print(f"\nready after {min(took_s):.2f} s")
    assert min(took_s) < 1.0 * SLACK
