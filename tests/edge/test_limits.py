"""Time and numbers: slow heads, slow bodies, slow readers, idle and too many connections, and the drain."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from random import Random

import pytest

from holdfast.blobs.files import FileBlobs

from .conftest import Served, Wire, raw_head, serving

GOOD = raw_head("GET", "/health/live", {"host": "a"})


def test_an_unfinished_head_is_refused_after_its_time(served: Served, wire: Wire) -> None:
    wire.send(b"GET / HTTP/1.1\r\nHost: ")
    served.on_loop(lambda: None)
    served.pass_time(9)
    served.pass_time(11)
    assert wire.read().code == "RequestTimeout"
    assert wire.is_closed()


def test_a_connection_that_says_nothing_is_closed(served: Served, wire: Wire) -> None:
    served.on_loop(lambda: None)
    served.pass_time(11)
    assert wire.is_closed()


def test_a_used_connection_may_idle_longer_but_not_for_ever(served: Served, wire: Wire) -> None:
    wire.send(GOOD).read()
    served.pass_time(70)
    assert wire.send(GOOD).read().status == 200
    served.pass_time(80)
    assert wire.is_closed()


def test_a_body_that_comes_too_slowly_is_refused(served: Served, wire: Wire) -> None:
    wire.send(served.head("PUT", "/data/slow", {"content-length": "3000000"}) + bytes(200_000))
    wait_until(served, lambda: served.gateway.page is not None)
    served.pass_time(0)
    served.pass_time(31)
    answered = wire.read()
    assert (answered.status, answered.code) == (400, "RequestTimeout")
    assert wire.is_closed()


def test_a_client_that_does_not_read_is_cut(served: Served, wire: Wire) -> None:
    served.ask("PUT", "/data/large", bytes(8_000_000))
    wire.send(served.head("GET", "/data/large"))
    wait_until(served, lambda: any(each.is_backed_up for each in served.hall.connections))
    served.pass_time(0)
    served.pass_time(31)
    with pytest.raises((AssertionError, EOFError, ConnectionResetError)):
        wire.read()


@pytest.mark.parametrize(("bytes_per_s_min", "is_cut"), [(1_000, False), (100_000, True)])
def test_a_client_that_reads_too_slowly_is_cut_and_a_slow_one_is_not(bytes_per_s_min: int, is_cut: bool) -> None:
    with serving(body_bytes_per_s_min=bytes_per_s_min) as served:
        served.ask("PUT", "/data/large", bytes(16_000_000))
        wire = served.connect()
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000)
        wire.send(served.head("GET", "/data/large"))
        wait_until(served, lambda: any(each.is_backed_up for each in served.hall.connections))
        served.pass_time(0)
        taken = 0
        while taken < 400_000:
            taken += len(wire.socket.recv(65_536))
        served.pass_time(31)
        wait_until(served, lambda: True)
        try:
            while more := wire.socket.recv(1 << 20):
                taken += len(more)
                if taken > 16_000_000:
                    break
        except ConnectionResetError:
            pass
        assert (taken < 16_000_000) == is_cut
        wire.close()


def test_slow_readers_get_the_right_bytes_from_buffers_that_are_used_again(tmp_path: Path) -> None:
    # The files engine reads every piece into the same memory: it must not be written before the kernel has it.
    blobs = FileBlobs(tmp_path)
    with serving(engine=blobs) as served:
        data = Random(1).randbytes(9_000_000)
        served.ask("PUT", "/data/slow-reader", data)
        wires = [served.connect() for _ in range(4)]
        for wire in wires:
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 100_000)
            wire.send(served.head("GET", "/data/slow-reader") * 2)
        for wire in wires * 2:
            assert wire.read().body == data
        for wire in wires:
            wire.close()
    blobs.close()


def test_one_address_has_only_so_many_connections() -> None:
    with serving(connections_per_address_max=2) as served:
        first, second, third = (served.connect() for _ in range(3))
        assert first.send(GOOD).read().status == 200
        assert second.send(GOOD).read().status == 200
        refused = third.read()
        assert (refused.status, refused.code, refused.headers["retry-after"]) == (503, "SlowDown", "1")
        assert third.is_closed()
        first.close()
        wait_until(served, lambda: served.hall.connection_count == 1)
        fourth = served.connect()
        assert fourth.send(GOOD).read().status == 200
        for wire in (second, third, fourth):
            wire.close()


def test_fifteen_hundred_idle_connections_cost_others_nothing() -> None:
    with serving(connections_per_address_max=2000) as served:
        idle = [served.connect() for _ in range(1500)]
        assert served.ask("PUT", "/data/among-them", b"x").status == 200
        assert served.ask("GET", "/data/among-them").body == b"x"
        for wire in idle:
            wire.close()


def test_a_drain_ends_idle_connections_and_lets_a_request_finish(served: Served) -> None:
    with serving() as own:
        idle, busy = own.connect(), own.connect()
        idle.send(GOOD).read()
        busy.send(own.head("PUT", "/data/last", {"content-length": "6"}) + b"abc")
        wait_until(own, lambda: own.hall.connection_count == 2)
        future = asyncio.run_coroutine_threadsafe(own.hall.stop(10), own.loop)
        assert idle.is_closed()
        answered = busy.send(b"def").read()
        assert (answered.status, answered.headers["connection"]) == (200, "close")
        future.result(10)
        assert busy.is_closed()


def wait_until(served: Served, holds: object) -> None:
    """Give the server's loop turns until something holds there."""
    assert callable(holds)
    for _ in range(100_000):
        if served.on_loop(holds):  # type: ignore[arg-type]
            return
    raise AssertionError("it never came to hold")
