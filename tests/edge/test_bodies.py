"""Bodies on their way in: when they are asked for, what becomes of refused and cut ones, and every promise about them."""

from __future__ import annotations

import base64
import hashlib
import socket
import struct
import threading
from random import Random
from typing import Any

import pytest

from holdfast.edge.asked import Asked

from .conftest import Served, Wire, serving

CHUNKED = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
EXPECT = {"expect": "100-continue"}


def random_bytes(count: int) -> bytes:
    return Random(count).randbytes(count)


@pytest.mark.parametrize("size", [0, 1, 4096, 65536, 131_072, 131_073, 1 << 20, (1 << 20) + 1, 3_500_000])
def test_a_body_of_any_size_comes_back_as_it_went(served: Served, size: int) -> None:
    data = random_bytes(size)
    put = served.ask("PUT", "/data/sized", data)
    assert put.headers["etag"] == f'"{hashlib.md5(data).hexdigest()}"'
    assert served.ask("GET", "/data/sized").body == data


def test_continue_is_said_once_and_before_the_body(served: Served, wire: Wire) -> None:
    wire.send(served.head("PUT", "/data/expected", {"content-length": "4", **EXPECT}))
    assert wire.read().status == 100
    assert wire.send(b"body").read().status == 200
    assert wire.send(served.head("GET", "/data/expected")).read().body == b"body"


def test_continue_is_said_for_an_empty_body_too(served: Served, wire: Wire) -> None:
    wire.send(served.head("PUT", "/data/empty", {"content-length": "0", **EXPECT}))
    assert [wire.read().status, wire.read().status] == [100, 200]


def test_continue_is_said_once_when_the_body_is_there_already(served: Served, wire: Wire) -> None:
    wire.send(served.head("PUT", "/data/eager", {"content-length": "4", **EXPECT}) + b"body")
    assert [wire.read().status, wire.read().status] == [100, 200]
    assert wire.send(served.head("GET", "/data/eager")).read().body == b"body"


@pytest.mark.parametrize(
    ("path", "headers", "code"),
    [
        ("/absent-bucket/k", {}, "NoSuchBucket"),
        ("/data/k", {"content-md5": "bm90IDE2IGJ5dGVz"}, "InvalidDigest"),
        ("/data/k", {"if-match": '"0"'}, "NoSuchKey"),
        ("/data/k", {"content-length": str(5 * 2**30 + 1)}, "EntityTooLarge"),
    ],
)
def test_a_refusal_comes_in_the_place_of_continue(
    served: Served, wire: Wire, path: str, headers: dict[str, str], code: str
) -> None:
    wire.send(served.head("PUT", path, {"content-length": "100", **headers, **EXPECT}))
    answered = wire.read()
    assert answered.code == code
    assert answered.headers["connection"] == "close"
    assert wire.is_closed()


@pytest.mark.parametrize("size", [1, 2_000_000])
def test_a_disk_with_only_its_reserve_left_refuses_a_body_before_it_comes(size: int) -> None:
    with serving() as served:
        served.blobs.disk.capacity_bytes = served.blobs.disk.used_bytes()
        wire = served.connect()
        wire.send(served.head("PUT", "/data/k", {"content-length": str(size), **EXPECT}))
        assert wire.read().code == "InsufficientStorage"
        wire.close()


def test_a_wrong_signature_costs_no_body(served: Served, wire: Wire) -> None:
    head = served.head("PUT", "/data/k", {"content-length": "100", **EXPECT}).replace(b"PUT /data/k", b"PUT /data/l")
    answered = wire.send(head).read()
    assert (answered.status, answered.code) == (403, "SignatureDoesNotMatch")
    assert b"<StringToSign>" in answered.body
    assert wire.is_closed()


def test_a_short_refused_body_is_drained_and_the_connection_goes_on(served: Served, wire: Wire) -> None:
    wire.send(served.head("PUT", "/absent-bucket/k", {"content-length": "1000"}))
    assert wire.read().code == "NoSuchBucket"
    wire.send(b"x" * 1000 + served.head("GET", "/data"))
    assert wire.read().status == 200


def test_a_body_without_a_length_is_refused(served: Served, wire: Wire) -> None:
    answered = wire.send(served.head("PUT", "/data/k")).read()
    assert (answered.status, answered.code) == (411, "MissingContentLength")


def test_a_body_that_is_cut_leaves_nothing(served: Served) -> None:
    staged_before = served.blobs.disk.used_bytes()
    wire = served.connect()
    wire.send(served.head("PUT", "/data/cut", {"content-length": "3000000"}) + bytes(2_000_000))
    # A reset, as from a client that was killed.
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.close()
    assert served.ask("GET", "/data/cut").code == "NoSuchKey"
    assert served.blobs.disk.used_bytes() == staged_before


def test_a_client_that_ends_its_side_early_is_told(served: Served, wire: Wire) -> None:
    wire.send(served.head("PUT", "/data/short", {"content-length": "10"}) + b"12345")
    wire.socket.shutdown(socket.SHUT_WR)
    assert wire.read().code == "IncompleteBody"
    assert served.ask("GET", "/data/short").code == "NoSuchKey"


@pytest.mark.parametrize("size", [5, 300_000, 1_500_000])
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"content-md5": base64.b64encode(bytes(16)).decode()}, "BadDigest"),
        ({"x-amz-checksum-crc32": "AAAAAA=="}, "BadDigest"),
        ({"x-amz-checksum-sha256": base64.b64encode(bytes(32)).decode()}, "BadDigest"),
    ],
)
def test_a_broken_promise_is_found_before_anything_is_visible(
    served: Served, wire: Wire, size: int, headers: dict[str, str], code: str
) -> None:
    wire.send(served.head("PUT", "/data/broken", {"content-length": str(size), **headers}) + random_bytes(size))
    answered = wire.read()
    assert (answered.status, answered.code) == (400, code)
    assert served.ask("GET", "/data/broken").code == "NoSuchKey"


def test_a_payload_hash_that_differs_is_refused(served: Served, wire: Wire) -> None:
    head = served.head("PUT", "/data/hash", {"content-length": "3"}, payload=hashlib.sha256(b"abc").hexdigest())
    answered = wire.send(head + b"abd").read()
    assert (answered.status, answered.code) == (400, "XAmzContentSHA256Mismatch")


def aws_chunks(data: bytes, chunk_size: int, trailer: str) -> bytes:
    chunks = [data[start : start + chunk_size] for start in range(0, len(data), chunk_size)]
    framed = b"".join(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" for chunk in chunks)
    return framed + f"0\r\n{trailer}\r\n\r\n".encode()


@pytest.mark.parametrize("size", [0, 10, 70_000, 2_500_000])
@pytest.mark.parametrize("framing", ["length", "chunks"])
def test_aws_chunks_with_a_trailer_are_decoded_and_checked(served: Served, wire: Wire, size: int, framing: str) -> None:
    data = random_bytes(size)
    checksum = base64.b64encode(hashlib.sha256(data).digest()).decode()
    body = aws_chunks(data, 65536, f"x-amz-checksum-sha256:{checksum}")
    headers = {
        "x-amz-decoded-content-length": str(size),
        "x-amz-trailer": "x-amz-checksum-sha256",
        "content-encoding": "aws-chunked",
    }
    if framing == "length":
        wire.send(
            served.head("PUT", "/data/aws", {**headers, "content-length": str(len(body))}, payload=CHUNKED) + body
        )
    else:
        wire.send(served.head("PUT", "/data/aws", {**headers, "transfer-encoding": "chunked"}, payload=CHUNKED))
        for start in range(0, len(body), 100_000):
            piece = body[start : start + 100_000]
            wire.send(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        wire.send(b"0\r\n\r\n")
    assert wire.read().headers["x-amz-checksum-sha256"] == checksum
    answered = wire.send(served.head("GET", "/data/aws")).read()
    assert answered.body == data
    assert "content-encoding" not in answered.headers


def test_a_wrong_trailer_is_refused(served: Served, wire: Wire) -> None:
    body = aws_chunks(b"abc", 65536, "x-amz-checksum-crc32:AAAAAA==")
    headers = {"x-amz-decoded-content-length": "3", "x-amz-trailer": "x-amz-checksum-crc32"}
    head = served.head("PUT", "/data/trailer", {**headers, "content-length": str(len(body))}, payload=CHUNKED)
    assert wire.send(head + body).read().code == "BadDigest"


def test_a_body_of_unknown_length_stops_at_the_limit() -> None:
    with serving(put_bytes_max=100_000) as served:
        wire = served.connect()
        wire.send(served.head("PUT", "/data/endless", {"transfer-encoding": "chunked"}))
        wire.send(b"200000\r\n" + bytes(1 << 20))
        assert wire.read().code == "EntityTooLarge"
        assert wire.is_closed()
        wire.close()


def test_a_long_document_is_read_beside_the_loop(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    readers: list[str] = []
    read_request = Asked.read_request

    def note(asked: Asked, document: bytes) -> Any:
        readers.append(threading.current_thread().name)
        return read_request(asked, document)

    monkeypatch.setattr(Asked, "read_request", note)
    for count in (1, 1000):
        entries = "".join(f"<Object><Key>{number:0200}</Key></Object>" for number in range(count))
        document = f"<Delete>{entries}</Delete>".encode()
        md5 = base64.b64encode(hashlib.md5(document).digest()).decode()
        answered = served.ask("POST", "/data?delete", document, content_md5=md5)
        assert answered.body.count(b"<Deleted>") == count
    assert readers[0] == "test-server"
    assert readers[1] != "test-server"


def test_bodies_go_through_threads_where_the_engine_may_block() -> None:
    with serving(small_bytes_max=10, inline=False) as served:
        for size in (0, 11, 100_000, 2_200_000):
            data = random_bytes(size)
            assert served.ask("PUT", "/data/threads", data).status == 200
            assert served.ask("GET", "/data/threads").body == data
