"""How requests are told apart on a connection: what is malformed is refused and cut, what is pipelined is answered in order."""

from __future__ import annotations

import pytest

from .conftest import Served, Wire, raw_head

GOOD = b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"GET /health/live HTTP/1.1\nHost: a\n\n", id="bare LF"),
        pytest.param(b"GET /health/live HTTP/1.1\r\nHost: a\n\r\n", id="one bare LF"),
        pytest.param(b"GET /health/live HTTP/1.1\r\nHost : a\r\n\r\n", id="space before the colon"),
        pytest.param(b"GET /health/live HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n", id="folded line"),
        pytest.param(b"GET /health/live HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", id="two Hosts"),
        pytest.param(b"GET /health/live HTTP/1.1\r\n\r\n", id="no Host"),
        pytest.param(b"GET /health/live HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", id="NUL in a value"),
        pytest.param(b"GET /health/live HTTP/1.1\r\nHost: a\r\nX\r\n\r\n", id="no colon"),
        pytest.param(b"GET /health/live HTTP/2.0\r\nHost: a\r\n\r\n", id="HTTP/2.0"),
        pytest.param(b"BREW /health/live HTTP/1.1\r\nHost: a\r\n\r\n", id="unknown method"),
        pytest.param(
            b"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", id="two lengths"
        ),
        pytest.param(b"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx", id="a list of lengths"),
        pytest.param(b"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", id="negative length"),
        pytest.param(b"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx", id="signed length"),
        pytest.param(
            b"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999999\r\n\r\n", id="huge length"
        ),
        pytest.param(
            b"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            id="CL+TE",
        ),
        pytest.param(
            b"PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
            id="TE+CL",
        ),
        pytest.param(b"PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", id="other coding"),
        pytest.param(
            b"PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            id="TE twice",
        ),
        pytest.param(b"GET ftp://a/x HTTP/1.1\r\nHost: a\r\n\r\n", id="foreign scheme"),
    ],
)
def test_a_malformed_head_is_refused_and_the_connection_ends(wire: Wire, head: bytes) -> None:
    answered = wire.send(head + GOOD).read()
    assert answered.status == 400
    assert answered.headers["connection"] == "close"
    assert answered.headers["x-amz-request-id"]
    assert wire.is_closed()


def test_a_coding_beside_chunked_is_not_implemented(wire: Wire) -> None:
    head = b"PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
    assert wire.send(head).read().status == 501
    assert wire.is_closed()


def test_pipelined_requests_are_answered_in_order(served: Served, wire: Wire) -> None:
    served.ask("PUT", "/data/a", b"first")
    served.ask("PUT", "/data/b", b"second")
    wire.send(served.head("GET", "/data/a") + served.head("GET", "/data/b") + GOOD)
    assert [wire.read().body for _ in range(3)] == [b"first", b"second", b'{"status":"ok"}\n']


def test_what_is_pipelined_behind_a_write_waits_for_it(served: Served, wire: Wire) -> None:
    put = served.head("PUT", "/data/piped", {"content-length": "5"}) + b"hello"
    wire.send(put + served.head("GET", "/data/piped") + served.head("DELETE", "/data/piped"))
    assert wire.read().status == 200
    assert wire.read().body == b"hello"
    assert wire.read().status == 204


def test_a_request_may_come_in_single_bytes(served: Served, wire: Wire) -> None:
    for byte in served.head("PUT", "/data/slow", {"content-length": "3"}) + b"abc" + served.head("GET", "/data/slow"):
        wire.send(bytes((byte,)))
    assert wire.read().status == 200
    assert wire.read().body == b"abc"


def test_empty_lines_before_a_request_are_ignored(wire: Wire) -> None:
    assert wire.send(b"\r\n\r\n" + GOOD).read().status == 200


def test_the_target_may_be_a_url(served: Served, wire: Wire) -> None:
    served.ask("PUT", "/data/absolute", b"x")
    head = served.head("GET", "/data/absolute").replace(b"GET /", b"GET http://127.0.0.1/", 1)
    assert wire.send(head).read().body == b"x"


def test_blanks_after_a_value_are_no_part_of_it(served: Served, wire: Wire) -> None:
    head = served.head("GET", "/data").replace(b"\r\n\r\n", b" \t\r\n\r\n")
    assert wire.send(head).read().status == 200


def test_a_head_longer_than_the_limit_is_refused(wire: Wire) -> None:
    answered = wire.send(raw_head("GET", "/", {"host": "a", "x": "y" * 17_000})).read()
    assert (answered.status, answered.code) == (400, "RequestHeaderSectionTooLarge")
    assert wire.is_closed()


def test_an_endless_head_is_refused_before_it_ends(wire: Wire) -> None:
    answered = wire.send(b"GET / HTTP/1.1\r\nX: " + b"y" * 17_000).read()
    assert answered.code == "RequestHeaderSectionTooLarge"


def test_a_head_just_below_the_limit_is_read(wire: Wire) -> None:
    assert wire.send(raw_head("GET", "/health/live", {"host": "a", "x": "y" * 16_000})).read().status == 200


def test_more_than_a_hundred_fields_are_refused(wire: Wire) -> None:
    assert wire.send(raw_head("GET", "/", {f"x-{n}": "1" for n in range(101)} | {"host": "a"})).read().status == 400


def test_an_upgrade_is_ignored(wire: Wire) -> None:
    head = raw_head("GET", "/health/live", {"host": "a", "upgrade": "h2c", "connection": "Upgrade, HTTP2-Settings"})
    assert wire.send(head + GOOD).read().status == 200
    assert wire.read().status == 200


def test_connection_close_is_honoured(wire: Wire) -> None:
    answered = wire.send(raw_head("GET", "/health/live", {"host": "a", "connection": "close"})).read()
    assert answered.headers["connection"] == "close"
    assert wire.is_closed()


def test_http_1_0_is_answered_and_closed(wire: Wire) -> None:
    answered = wire.send(b"GET /health/live HTTP/1.0\r\n\r\n").read()
    assert (answered.status, answered.headers["connection"]) == (200, "close")
    assert wire.is_closed()


def test_a_connection_goes_on_after_an_error(served: Served, wire: Wire) -> None:
    wire.send(served.head("GET", "/data/nothing"))
    assert wire.read().code == "NoSuchKey"
    assert wire.send(served.head("HEAD", "/data/nothing")).read(is_head=True).status == 404
    assert wire.send(GOOD).read().status == 200


def test_bodies_in_chunks_are_put_together(served: Served, wire: Wire) -> None:
    wire.send(served.head("PUT", "/data/chunks", {"transfer-encoding": "chunked"}))
    wire.send(b"3\r\nabc\r\n").send(b"2;x=y\r\nde\r\n0\r\nTrailer: x\r\n\r\n")
    assert wire.read().status == 200
    assert wire.send(served.head("GET", "/data/chunks")).read().body == b"abcde"


@pytest.mark.parametrize("chunks", [b"zz\r\nabc\r\n", b"3\nabc\n0\n\n", b"3\r\nabcd\r\n0\r\n\r\n", b"-3\r\nabc\r\n"])
def test_malformed_chunks_are_refused_and_nothing_is_written(served: Served, wire: Wire, chunks: bytes) -> None:
    wire.send(served.head("PUT", "/data/malformed", {"transfer-encoding": "chunked"}) + chunks)
    assert wire.read().status == 400
    assert wire.is_closed()
    assert served.ask("GET", "/data/malformed").code == "NoSuchKey"
