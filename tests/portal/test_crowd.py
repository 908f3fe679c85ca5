"""Many connections to the portal, and requests that never end: who is cut, and who is served all the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState

from holdfast.portal import connection as connections
from holdfast.portal.connection import BrowserConnection
from holdfast.portal.crowd import PER_PLACE_MAX, UNFINISHED_PER_PLACE_MAX, Crowd, place_of

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
WHOLE = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def page(scope: Any, receive: Callable[[], Any], send: Callable[[Any], Any]) -> None:
    """Answer with the length of the body, as Django does: when all of it is there."""
    size_bytes, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size_bytes += len(message["body"])
        more = message["more_body"]
    told = str(size_bytes).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(told))]})
    await send({"type": "http.response.body", "body": told})


@pytest.fixture(autouse=True)
def nobody_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BrowserConnection, "crowd", Crowd())


@asynccontextmanager
async def portal(count_max: int = 512) -> AsyncIterator[int]:
    """Serve `page` on a port of loopback."""
    config = uvicorn.Config(page, http=BrowserConnection, lifespan="off", log_config=None, limit_concurrency=count_max)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: BrowserConnection(config, state, {}, loop), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for each in list(state.connections):
            each.transport.abort()


Wire = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def dial(port: int, host: str = "127.0.0.1") -> Wire:
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(host, 0))


async def read(wire: Wire) -> bytes:
    """Return what comes until the end; empty when there is nothing but the end."""
    found = b""
    with suppress(ConnectionError):
        while piece := await asyncio.wait_for(wire[0].read(65536), 20):
            found += piece
    return found


async def ask(port: int, host: str = "127.0.0.1", asked: bytes = WHOLE) -> bytes:
    """Return the head of an answer."""
    wire = await dial(port, host)
    wire[1].write(asked)
    with suppress(ConnectionError, asyncio.IncompleteReadError):
        return await asyncio.wait_for(wire[0].readuntil(b"\r\n\r\n"), 20)
    return b""


def test_a_body_that_trickles_is_cut_and_one_that_comes_fast_enough_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "BODY_TIMEOUT_S", 0.2)
    monkeypatch.setattr(connections, "BODY_BYTES_PER_S_MIN", 100)

    async def run() -> None:
        async with portal() as port:
            slow, fast = await dial(port), await dial(port)
            slow[1].write(HEAD + b"x")
            fast[1].write(HEAD + b"x" * 999)
            assert await read(slow) == b""
            fast[1].write(b"x")  # after the deadline of the slow one
            assert (await fast[0].readuntil(b"1000")).startswith(b"HTTP/1.1 200")

    asyncio.run(run())


def test_an_address_has_only_so_many_unfinished_requests_and_finished_ones_do_not_count() -> None:
    async def run() -> None:
        async with portal() as port:
            idle = [await dial(port) for _ in range(10)]
            for wire in idle:
                wire[1].write(WHOLE)
                await wire[0].readuntil(b"\r\n\r\n0")
            held = [await dial(port) for _ in range(UNFINISHED_PER_PLACE_MAX)]
            for wire in held:
                wire[1].write(HEAD)
            # They have arrived when one more is refused.
            tries = [await ask(port, asked=HEAD.replace(b"1000", b"0")) for _ in range(100)]
            assert tries[-1] == b""
            assert (await ask(port, "127.0.0.2")).startswith(b"HTTP/1.1 200")
            held[0][1].write(b"x" * 1000)
            assert (await held[0][0].readuntil(b"1000")).startswith(b"HTTP/1.1 200")
            assert (await ask(port)).startswith(b"HTTP/1.1 200")

    asyncio.run(run())


def test_who_fills_the_portal_pushes_out_each_other_and_nobody_else() -> None:
    async def run() -> None:
        async with portal(count_max=100) as port:
            honest = await dial(port, "127.0.0.9")
            honest[1].write(WHOLE)
            await honest[0].readuntil(b"\r\n\r\n0")
            crowd = [await dial(port, f"127.0.0.{2 + number % 4}") for number in range(150)]
            assert (await ask(port, "127.0.0.10")).startswith(b"HTTP/1.1 200")
            honest[1].write(WHOLE)
            assert (await honest[0].readuntil(b"\r\n\r\n0")).startswith(b"HTTP/1.1 200")
            assert await read(crowd[0]) == b""

    asyncio.run(run())


def test_a_full_portal_still_says_that_it_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    # As behind a proxy, where there is nobody to push out.
    monkeypatch.setattr(Crowd, "find_who_goes", lambda self, guests: None)

    async def run() -> None:
        async with portal(count_max=5) as port:
            held = [await dial(port) for _ in range(5)]
            assert (await ask(port)).startswith(b"HTTP/1.1 503")
            assert (await ask(port, asked=WHOLE.replace(b" / ", b" /health/ "))).startswith(b"HTTP/1.1 200")
            for wire in held:
                wire[1].close()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("/run/socket", "/run/socket"),
    ],
)
def test_an_ipv6_address_counts_as_its_subscriber(address: str, place: str) -> None:
    assert place_of(address) == place


@given(st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.integers(0, 9)), max_size=12))
def test_who_goes_waits_and_comes_from_where_the_most_come_from(people: list[tuple[str, float | None]]) -> None:
    class Guest:
        def __init__(self, place: str, waits_since_s: float | None) -> None:
            self.place, self.waits_since_s = place, waits_since_s

    crowd, guests = Crowd(), [Guest(*each) for each in people]
    crowd.connections.update(each.place for each in guests)
    goes = crowd.find_who_goes(guests)
    waiting = [each for each in guests if each.waits_since_s is not None]
    if goes is None:
        assert not waiting
        return
    assert goes.waits_since_s is not None
    counts = {each.place: crowd.connections[each.place] for each in waiting}
    assert counts[goes.place] == max(counts.values())
    assert goes.waits_since_s == min(each.waits_since_s or 0 for each in waiting if each.place == goes.place)


def test_a_place_is_forgotten_with_its_last_connection() -> None:
    async def run() -> None:
        async with portal() as port:
            wires = [await dial(port) for _ in range(PER_PLACE_MAX // 2)]
            for wire in wires:
                wire[1].write(HEAD)
            await asyncio.gather(*(read(wire) for wire in wires[UNFINISHED_PER_PLACE_MAX:]))
            for wire in wires:
                wire[1].close()
            while BrowserConnection.crowd.connections or BrowserConnection.crowd.unfinished:
                await asyncio.sleep(0)

    asyncio.run(run())
