"""Requests whose ends are in doubt, and clients that take their time: refused, bounded, and never two requests from one."""

from __future__ import annotations

import os
import resource
import select
import socket
import ssl
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from tests.attacks.conftest import Besieged, besiege
from tests.attacks.wire import UNSIGNED, Answer, Letter, Wire, signed
from tests.serving import serve

REFUSED = (400, "BadRequest")


def put(besieged: Besieged, path: str = "/data/framed", body: bytes = b"", **headers: str) -> Letter:
    """Return a signed PUT whose payload is not: its framing may be altered."""
    letter = besieged.letter("PUT", path, body=body, **headers)
    return signed(letter, besieged.key, payload=UNSIGNED)


def exchange(besieged: Besieged, data: bytes) -> list[Answer]:
    """Send bytes, end our side, and return the answers until the server closed."""
    with besieged.connect() as wire:
        wire.send(data)
        try:
            wire.end()
        except OSError:
            pass
        answers = []
        try:
            while True:
                answers.append(wire.read())
        except (EOFError, ConnectionResetError):
            pass
        return answers


def refusals(besieged: Besieged, data: bytes) -> list[tuple[int, str]]:
    return [answer.verdict for answer in exchange(besieged, data)]


SMUGGLED = b"DELETE /data/kept HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "fields",
    [
        b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5\r\nContent-Length: 5\r\n",
        b"Content-Length: 5, 5\r\n",
        b"Content-Length: 5, 6\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: -5\r\n",
        b"Content-Length: 0x5\r\n",
        b"Content-Length: 5_0\r\n",
        b"Content-Length: 5 0\r\n",
        b"Content-Length: \r\n",
        b"Content-Length: five\r\n",
        b"Content-Length: 99999999999999999999999\r\n",
        b"Content-Length : 5\r\n",
        b"Content-Length\t: 5\r\n",
        b" Content-Length: 5\r\n",
        b"Content-Length: 5\n",
        b"Content-Length: 5\r",
        b"Content-Length: 5\r\n Transfer-Encoding: chunked\r\n",
        b"Content-Length: 5\x00\r\n",
        b"X: a\x00b\r\n",
        b"X: a\x0bb\r\n",
        b"X\x00: a\r\n",
        b"X y: a\r\n",
        b": a\r\n",
        b"no colon\r\n",
        b"Host: b\r\n",
    ],
)
def test_a_head_that_could_be_read_in_two_ways_is_refused_and_nothing_after_it_is_read(
    besieged: Besieged, fields: bytes
) -> None:
    head = b"PUT /data/kept HTTP/1.1\r\nHost: a\r\n" + fields + b"\r\n"
    assert refusals(besieged, head + b"0\r\n\r\n" + SMUGGLED) == [REFUSED]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "coding",
    [
        "gzip",
        "gzip, chunked",
        "chunked, gzip",
        "chunked, chunked",
        "identity",
        "xchunked",
        "chunked;q=1",
        "\x0bchunked",
        "",
    ],
)
def test_a_transfer_coding_other_than_chunked_is_refused(besieged: Besieged, coding: str) -> None:
    head = f"PUT /data/kept HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: {coding}\r\n\r\n".encode()
    (verdict,) = refusals(besieged, head + b"0\r\n\r\n" + SMUGGLED)
    assert verdict in (REFUSED, (501, "NotImplemented"))


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "name", ["host", "authorization", "x-amz-date", "x-amz-content-sha256", "content-length", "content-md5", "range"]
)
def test_a_header_that_counts_may_stand_there_once(besieged: Besieged, name: str) -> None:
    letter = put(besieged, "/data/kept", b"body", content_md5="c7j8r8Fbs7aaOXKVF1xwYQ==", range="bytes=0-1")
    assert refusals(besieged, letter.add(name, letter.get(name)).head + b"body") == [REFUSED]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost: a\n\r\n",
        b"GET /\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.2\r\nHost: a\r\n\r\n",
        b"GET / HTTP/2.0\r\nHost: a\r\n\r\n",
        b"GET / HTTP/0.9\r\nHost: a\r\n\r\n",
        b"GET / http/1.1\r\nHost: a\r\n\r\n",
        b"GET / x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET ftp://a/x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET http://u:p@a/x HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x00\x01\x02\x03\x04\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"SSH-2.0-client\r\n\r\n",
        b"{}\r\n\r\n",
        b"gEt / HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
def test_what_is_not_http_is_refused_and_the_connection_closed(besieged: Besieged, data: bytes) -> None:
    (verdict,) = refusals(besieged, data)
    assert verdict in (REFUSED, (405, "MethodNotAllowed"))


@pytest.mark.parametrize(
    ("head", "code"),
    [
        (b"GET /" + b"a" * 16_400 + b" HTTP/1.1\r\nHost: a\r\n\r\n", "RequestHeaderSectionTooLarge"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 16_400 + b"\r\n\r\n", "RequestHeaderSectionTooLarge"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 3000 + b"\r\n", "RequestHeaderSectionTooLarge"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: a\r\n" * 100 + b"\r\n", "BadRequest"),
        (b"GET /" + b"a" * 200_000, "RequestHeaderSectionTooLarge"),
    ],
)
def test_a_head_has_a_longest_size_and_a_largest_number_of_fields(besieged: Besieged, head: bytes, code: str) -> None:
    assert refusals(besieged, head) == [(400, code)]


def test_a_hundred_fields_and_a_long_presigned_url_are_within_it(besieged: Besieged) -> None:
    letter = besieged.letter("GET", "/data/kept", f"response-content-disposition={'a' * 9000}")
    assert besieged.send(signed(letter, besieged.key)).status == 200
    letter = besieged.letter("GET", "/data/kept")._replace(headers=(("host", besieged.host), *[("x", "y")] * 90))
    assert besieged.send(signed(letter, besieged.key)).status == 200


# --- bodies


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("size", [10, 100_000, 3_000_000])
def test_a_body_that_ends_before_its_length_is_refused(besieged: Besieged, size: int) -> None:
    letter = put(besieged, "/data/kept").put("content-length", str(size))
    for sent in (0, 1, size // 2, size - 1):
        (verdict,) = refusals(besieged, letter.head + bytes(sent))
        assert verdict == (400, "IncompleteBody")


def test_what_follows_a_body_is_a_request_of_its_own(besieged: Besieged, unchanged: None) -> None:
    letter = put(besieged, "/absent/key", b"abc").put("content-length", "3")
    assert refusals(besieged, letter.head + b"abcdef\r\n\r\n") == [(404, "NoSuchBucket"), REFUSED]
    answers = exchange(besieged, letter.head + b"abc" + SMUGGLED)
    assert [answer.verdict for answer in answers] == [(404, "NoSuchBucket"), (403, "AccessDenied")]


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "chunks",
    [
        b"5\r\nhello\r\n",
        b"5\r\nhel",
        b"zz\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\n0\n\n",
        b"4\r\nhello\r\n0\r\n\r\n",
        b"6\r\nhello\r\n0\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        b"5;" + b"x" * 100_000,
        b"5\r\nhello\r\n0\r\n" + b"X: a\r\n" * 2000 + b"\r\n",
        b"5\r\nhello\r\n0\r\nX\x00: a\r\n\r\n",
    ],
)  # fmt: skip
def test_malformed_chunks_are_refused_and_what_follows_is_not_read(besieged: Besieged, chunks: bytes) -> None:
    letter = put(besieged, "/data/kept").without("content-length").put("transfer-encoding", "chunked")
    (verdict,) = refusals(besieged, letter.head + chunks)
    assert verdict == (400, "IncompleteBody")


def test_http_chunks_hold_one_body_and_trailers_say_nothing(besieged: Besieged, unchanged: None) -> None:
    letter = put(besieged).without("content-length").put("transfer-encoding", "chunked")
    body = b"5;name=value\r\nhello\r\n000006\r\n world\r\n0\r\nETag: a\r\nx-amz-meta-a: b\r\n\r\n"
    try:
        assert refusals(besieged, letter.head + body) == [(200, "")]
        answer = besieged.ask("GET", "/data/framed")
        assert answer.body == b"hello world"
        assert "x-amz-meta-a" not in answer.headers
    finally:
        besieged.ask("DELETE", "/data/framed")


@pytest.mark.usefixtures("unchanged")
def test_a_body_of_more_than_five_gib_is_refused_before_it_comes(besieged: Besieged) -> None:
    for expect in (False, True):
        letter = put(besieged, "/data/kept").put("content-length", str(5 * 2**30 + 1))
        letter = letter.put("expect", "100-continue") if expect else letter
        with besieged.connect() as wire:
            answer = wire.send(letter.head).read()
            assert answer.verdict == (400, "EntityTooLarge")
            assert answer.headers["connection"] == "close"
            assert wire.is_closed()


@pytest.mark.usefixtures("unchanged")
def test_nobody_is_told_to_go_on_who_may_not(besieged: Besieged) -> None:
    letter = besieged.letter("PUT", "/data/kept", expect="100-continue").put("content-length", "1000000")
    wrong = signed(letter, besieged.key._replace(secret="wrong"))
    hidden = signed(letter._replace(path="/plans/secret"), besieged.key)
    for each, code in ((letter, "AccessDenied"), (wrong, "SignatureDoesNotMatch"), (hidden, "NoSuchBucket")):
        with besieged.connect() as wire:
            answer = wire.send(each.head).read()
            assert answer.code == code
            assert wire.is_closed()


def test_a_connection_cut_at_any_byte_leaves_nothing(besieged: Besieged, unchanged: None) -> None:
    letter = put(besieged, "/data/kept", b"x" * 2000)
    data = letter.head + letter.body
    for stop in range(1, len(data), 97):
        with besieged.connect() as wire:
            wire.send(data[:stop])
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


# --- several requests


def test_pipelined_requests_are_answered_in_order_and_each_by_itself(besieged: Besieged, unchanged: None) -> None:
    get = signed(besieged.letter("GET", "/data/kept"), besieged.key)
    missing = signed(besieged.letter("GET", "/data/missing"), besieged.key)
    wrong = get.put("authorization", get.get("authorization")[:-1] + "!")
    made, gone = put(besieged, "/data/piped", b"piped"), signed(besieged.letter("DELETE", "/data/piped"), besieged.key)
    read = signed(besieged.letter("GET", "/data/piped"), besieged.key)
    letters = [get, missing, wrong, made, read, gone, read, get]
    answers = exchange(besieged, b"".join(letter.head + letter.body for letter in letters))
    assert [answer.status for answer in answers] == [200, 404, 403, 200, 200, 204, 404, 200]
    assert answers[4].body == b"piped"


def test_http_1_0_is_spoken_and_closed_after(besieged: Besieged) -> None:
    letter = signed(besieged.letter("GET", "/data/kept"), besieged.key)
    with besieged.connect() as wire:
        answer = wire.send(letter.head.replace(b"HTTP/1.1", b"HTTP/1.0") * 2).read()
        assert answer.body == b"kept"
        assert answer.headers["connection"] == "close"
        assert wire.is_closed()


def test_an_absolute_target_is_a_target(besieged: Besieged) -> None:
    letter = signed(besieged.letter("GET", "/data/kept", "versionId=null"), besieged.key)
    with besieged.connect() as wire:
        head = letter.head.replace(b"GET /", f"GET HTTP://{besieged.host}/".encode(), 1)
        assert wire.send(head).read().body == b"kept"


def test_tls_on_the_plain_port_and_plain_on_the_tls_port_end_soon(besieged: Besieged) -> None:
    with pytest.raises((ssl.SSLError, ConnectionResetError, EOFError)):
        Wire(besieged.port, tls=ssl.create_default_context(cafile=str(besieged.store.ca)), name="127.0.0.1")
    with Wire(besieged.tls_port) as wire:
        answer = wire.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 2).read()
        assert (answer.code, answer.headers["connection"]) == ("BadRequest", "close")
        wire.end()
        assert wire.is_closed()
    with Wire(besieged.tls_port) as wire:
        wire.send(b"\0" + os.urandom(2000))
        with pytest.raises((EOFError, AssertionError, ConnectionResetError)):
            wire.read()


# --- time and numbers


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    """A store that waits a second where others wait ten, and lets 40 connections in from one address."""
    home: Path = tmp_path_factory.mktemp("impatient") / "home"
    patience = {
        "HEADER_TIMEOUT_S": "1",
        "BODY_STALL_TIMEOUT_S": "1",
        "IDLE_TIMEOUT_S": "1",
        "CONNECTIONS_PER_ADDRESS_MAX": "40",
    }
    environment = {f"HOLDFAST_{name}": value for name, value in patience.items()}
    with serve(home, workers=1, environment=environment) as store:
        found = besiege(store)
        yield found
        found.catalog.close()


def test_slow_clients_are_ended_each_in_its_time(impatient: Besieged) -> None:
    before = impatient.picture()

    def trickle(data: bytes) -> Answer | None:
        """Send a byte whenever 0.2 s have passed without an answer, and return the answer; None = closed without."""
        with impatient.connect() as wire:
            for byte in data:
                wire.send(bytes([byte]))
                if select.select([wire.socket], [], [], 0.2)[0]:
                    break
            try:
                return wire.read()
            except (EOFError, ConnectionResetError):
                return None

    letter = put(impatient, "/data/kept").put("content-length", "100000")
    chunked = put(impatient, "/data/kept").without("content-length").put("transfer-encoding", "chunked")
    expecting = put(impatient, "/data/kept").put("content-length", "100").put("expect", "100-continue")

    def stall(data: bytes) -> Answer | None:
        with impatient.connect() as wire:
            wire.send(data)
            try:
                answer = wire.read()
                return wire.read() if answer.status == 100 else answer
            except (EOFError, ConnectionResetError):
                return None

    def drip_body(_: bytes) -> Answer | None:
        with impatient.connect() as wire:
            wire.send(letter.head)
            for _ in range(100):
                wire.send(b"x")
                if select.select([wire.socket], [], [], 0.2)[0]:
                    break
            return wire.read()

    with ThreadPoolExecutor(12) as pool:
        slow_head = pool.submit(trickle, letter.head)
        half_head = pool.submit(stall, letter.head[:40])
        silent = pool.submit(stall, b"")
        blank = pool.submit(trickle, b"\r\n" * 30)
        no_body = pool.submit(stall, letter.head)
        half_body = pool.submit(stall, letter.head + bytes(5000))
        slow_body = pool.submit(drip_body, b"")
        half_chunk = pool.submit(stall, chunked.head + b"ff\r\nabc")
        never_sent = pool.submit(stall, expecting.head)
    for refused in (slow_head, half_head, no_body, half_body, slow_body, half_chunk, never_sent):
        answer = refused.result()
        assert answer is not None
        assert answer.verdict == (400, "RequestTimeout")
    assert silent.result() is None
    assert blank.result() is None or blank.result().code == "RequestTimeout"  # type: ignore[union-attr]
    assert impatient.picture() == before


def test_a_reader_that_stands_still_is_cut_and_one_that_is_slow_is_not(impatient: Besieged) -> None:
    size = 16_000_000
    impatient.client.put_object(Bucket="data", Key="large", Body=bytes(size))
    letter = signed(impatient.letter("GET", "/data/large"), impatient.key)
    with impatient.connect() as still, impatient.connect() as slow:
        for wire in (still, slow):
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
            wire.send(letter.head)
        received = 0
        while received < size and (data := slow.socket.recv(65_536)):
            received += len(data)
            select.select([], [], [], 0.01)
        assert received > size - 65_536
        # The other one has taken nothing all the while: of what it asked for only what lay in buffers is left.
        select.select([], [], [], 2)
        with pytest.raises((AssertionError, ConnectionResetError)):
            still.read()


def test_one_address_gets_so_many_connections_and_no_more(impatient: Besieged) -> None:
    wires = [impatient.connect() for _ in range(50)]
    try:
        refused = 0
        for wire in wires[40:]:
            refused += wire.read().code == "SlowDown"
        assert refused == 10
    finally:
        for wire in wires:
            wire.__exit__()


def test_fifteen_hundred_idle_sockets_cost_others_nothing_and_little_memory(tmp_path: Path) -> None:
    # As from a shell of Debian's, which lets a process have 1,024 files unless it asks for more.
    shell = ("prlimit", "--nofile=1024:")
    environment = {"HOLDFAST_CONNECTIONS_PER_ADDRESS_MAX": "2000"}
    with _descriptors(4000), serve(tmp_path / "home", workers=1, prefix=shell, environment=environment) as store:
        found = besiege(store)
        assert found.ask("GET", "/data/kept").status == 200
        before = _memory_of_children(store.process.pid)
        for port in (found.port, found.tls_port):
            with ExitStack() as idle:
                for index in range(1500):
                    wire = idle.enter_context(Wire(port))
                    if index % 3 == 1:
                        # A head that never ends, or the beginning of a handshake.
                        wire.send(
                            b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 8000 if port == found.port else b"\x16\x03\x01"
                        )
                assert found.ask("PUT", "/data/among-them", body=b"x").status == 200
                assert found.ask("GET", "/data/among-them").body == b"x"
                # Of a plain one 500 heads of 8 KB are 4 MB; the library of TLS takes some 20 KB for each.
                assert _memory_of_children(store.process.pid) - before < (
                    24_000_000 if port == found.port else 100_000_000
                )
        found.catalog.close()


@contextmanager
def _descriptors(count: int) -> Iterator[None]:
    """Let this process have so many files open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _memory_of_children(pid: int) -> int:
    """Return the private memory of a process's children, in bytes."""
    total = 0
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        for line in Path(f"/proc/{child}/smaps_rollup").read_text().splitlines():
            if line.startswith("Private_"):
                total += int(line.split()[1]) * 1024
    return total


def test_a_large_body_is_taken_and_given_in_flat_memory(besieged: Besieged) -> None:
    pid = besieged.store.process.pid
    size = 96 << 20
    letter = put(besieged, "/data/flat").put("content-length", str(size))
    before = _memory_of_children(pid)
    piece = bytes(1 << 20)
    try:
        with besieged.connect() as wire:
            wire.send(letter.head)
            for _ in range(size >> 20):
                wire.send(piece)
            assert wire.read().status == 200
        assert len(besieged.ask("GET", "/data/flat").body) == size
        assert _memory_of_children(pid) - before < 40_000_000
    finally:
        besieged.ask("DELETE", "/data/flat")
