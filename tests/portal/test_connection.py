"""The portal's port, on the wire: what slow, endless and misdirected clients get."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.serving import Store, serve

pytestmark = pytest.mark.xdist_group("portal-connection")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    environment = {"HOLDFAST_HEADER_TIMEOUT_S": "1"}
    home = tmp_path_factory.mktemp("portal-connection") / "home"
    with serve(home, portal=["127.0.0.1:0"], environment=environment) as store:
        yield store


def connect(store: Store, *, secure: bool = True) -> socket.socket:
    host, _, port = store.facts["portal"][0].rpartition(":")
    plain = socket.create_connection((host, int(port)), timeout=20)
    if not secure:
        return plain
    context = ssl.create_default_context(cafile=str(store.ca))
    return context.wrap_socket(plain, server_hostname="localhost")


def ask(store: Store, head: bytes) -> bytes:
    with connect(store) as connection:
        connection.sendall(head)
        return _read(connection)


def _read(connection: socket.socket) -> bytes:
    received = b""
    try:
        while piece := connection.recv(65536):
            received += piece
    except (ConnectionResetError, ssl.SSLError):
        pass
    return received


def test_the_portal_answers_under_a_certificate_for_its_own_name(store: Store) -> None:
    answer = ask(store, b"GET /health/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b"ok\n")


def test_a_head_that_takes_too_long_is_cut(store: Store) -> None:
    assert ask(store, b"GET /health/ HTTP/1.1\r\nHost: loc") == b""
    assert ask(store, b"") == b""


@pytest.mark.parametrize("head", [b"GET /?" + b"x" * 17_000, b"GET / HTTP/1.1\r\nCookie: " + b"x" * 17_000])
def test_a_head_that_is_too_long_is_refused(store: Store, head: bytes) -> None:
    answer = ask(store, head + b"\r\nHost: localhost\r\n\r\n")
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400 ")


def test_a_host_that_is_not_ours_is_refused_and_stands_in_no_link(store: Store) -> None:
    for host in (b"evil.example", b"localhost.evil.example", b"127.0.0.1@evil.example"):
        answer = ask(store, b"GET /account/login/ HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"evil" not in answer


def test_who_speaks_http_to_the_portal_is_told(store: Store) -> None:
    with connect(store, secure=False) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"https://" in connection.recv(65536)


def test_one_address_opens_so_many_connections_and_no_more(tmp_path: Path) -> None:
    from holdfast.portal.crowd import PER_PLACE_MAX

    head = b"GET /health/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    # On a loaded machine so many handshakes take longer than the second that a head may take above.
    with serve(tmp_path / "home", portal=["127.0.0.1:0"], environment={"HOLDFAST_HEADER_TIMEOUT_S": "300"}) as store:
        kept = [connect(store) for _ in range(PER_PLACE_MAX)]
        try:
            answer = ask(store, head)
        except OSError:
            answer = b""
        finally:
            for connection in kept:
                connection.close()
        assert answer == b""
        for _ in range(100):
            answer = ask(store, head)
            if answer:
                break
        assert answer.startswith(b"HTTP/1.1 200 ")


def test_the_portal_comes_back_when_its_process_dies_and_ends_with_the_server(tmp_path: Path) -> None:
    import os
    import signal
    import time

    from holdfast.telemetry.board import Board

    with serve(tmp_path / "home", portal=["127.0.0.1:0"]) as store:
        head = b"GET /health/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        assert ask(store, head).startswith(b"HTTP/1.1 200 ")
        board = Board.open(store.home / "run" / "board")
        # One worker, then the jobs, the portal, and the portal's own worker.
        (portal,) = [facts.pid for facts in board.living() if facts.slot == 2]
        os.kill(portal, signal.SIGKILL)
        # The socket is the supervisor's: who asks now waits for the successor, and is not refused.
        assert ask(store, head).startswith(b"HTTP/1.1 200 ")
        pids = [facts.pid for facts in board.living()]
        assert portal not in pids
        began_s = time.monotonic()
        assert store.stop() == 0
        assert time.monotonic() - began_s < 20
        assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def test_the_portal_cleans_up_when_it_is_told_to_end_and_lives_on_when_it_is_told_to_look_again(tmp_path: Path) -> None:
    import os
    import re
    import signal
    import time

    from holdfast.telemetry.board import Board

    with serve(tmp_path / "home", portal=["127.0.0.1:0"]) as store:
        assert ask(store, b"GET /health/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").endswith(b"ok\n")
        (portal,) = [facts.pid for facts in Board.open(store.home / "run" / "board").living() if facts.slot == 2]
        os.kill(portal, signal.SIGHUP)
        assert ask(store, b"GET /health/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").endswith(b"ok\n")
        os.kill(portal, signal.SIGTERM)
        end_s = time.monotonic() + 30
        while not (ended := re.findall(r".*ended by itself.*", store.log.read_text())) and time.monotonic() < end_s:
            time.sleep(0.05)
        assert [line for line in ended if str(portal) in line and re.search(r"code\W+0\b", line)], ended


@pytest.mark.parametrize("head", ["Content-Length: 10737418240", "Transfer-Encoding: chunked"])
@pytest.mark.parametrize(
    ("method", "path", "kind", "answers"),
    [
        ("POST", "/account/login/", "application/x-www-form-urlencoded", "text/plain"),
        ("PUT", "/api/v1/tenancies/x/rules", "application/json", "application/json"),
        ("GET", "/health/", "text/plain", "text/plain"),
    ],
)
def test_a_body_that_is_too_long_is_refused_and_nothing_of_it_is_kept(
    store: Store, head: str, method: str, path: str, kind: str, answers: str
) -> None:
    from holdfast.telemetry.board import Board

    (portal,) = [facts.pid for facts in Board.open(store.home / "run" / "board").living() if facts.slot == 2]
    asked = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n{head}\r\n\r\n".encode()
    piece = b"x" * 65536
    sent = piece if head.startswith("Content-Length") else b"%x\r\n%s\r\n" % (len(piece), piece)
    with connect(store) as connection:
        connection.sendall(asked)
        try:
            for _ in range(64):  # 4 MiB: Django writes to a file what is more than 2.5
                connection.sendall(sent)
        except (ConnectionError, ssl.SSLError):
            pass
        # It holds the connection open, and has not sent all that it promised.
        files = [link for each in Path(f"/proc/{portal}/fd").iterdir() if (link := _target(each)).endswith("(deleted)")]
        answer = _read(connection)
    assert files == []
    assert answer.startswith(b"HTTP/1.1 413 "), answer
    assert f"content-type: {answers}".encode() in answer.lower()
    assert b"connection: close" in answer.lower()


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


@pytest.mark.parametrize("charset", ["rot13", "hex", "utf-7", "unknown"])
def test_a_charset_that_is_none_is_refused(store: Store, charset: str) -> None:
    head = f"Host: localhost\r\nContent-Type: text/plain; charset={charset}\r\nConnection: close"
    for method in ("GET", "POST"):
        answer = ask(store, f"{method} /account/login/?a=1 HTTP/1.1\r\n{head}\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 400 "), answer


def test_a_body_just_above_the_limit_of_forms_is_refused_by_the_page(store: Store) -> None:
    body = b"x" * ((1 << 20) + 1)
    head = f"Host: localhost\r\nContent-Length: {len(body)}\r\nContent-Type: application/json\r\nConnection: close"
    answer = ask(store, f"PUT /api/v1/tenancies/x/rules HTTP/1.1\r\n{head}\r\n\r\n".encode() + body)
    assert answer.startswith(b"HTTP/1.1 401 "), answer  # who is nobody is not told more
