"""Every form of `x-amz-content-sha256`, in every kind of request that has a body, and chunks that were tampered with."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from tests.attacks.conftest import NORTH, OPEN, Besieged
from tests.attacks.wire import (
    CHUNK,
    UNSIGNED,
    Answer,
    Chunked,
    Letter,
    chunk,
    chunk_unsigned,
    presigned,
    scope_at,
    signed,
    sized,
)

PIECES = (b"a" * CHUNK, b"b" * CHUNK, b"c" * 100)
BODY = b"".join(PIECES)
CRC32 = base64.b64encode(zlib.crc32(BODY).to_bytes(4, "big")).decode()
TRAILERS = {"x-amz-checksum-crc32": CRC32}
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
RIGHT = hashlib.sha256(BODY).hexdigest()
WRONG = hashlib.sha256(b"").hexdigest()

GOOD = (200, "")
MISMATCH = (400, "XAmzContentSHA256Mismatch")
UNREADABLE = (400, "InvalidRequest")
DENIED = (403, "AccessDenied")
NOT_SPOKEN = (501, "NotImplemented")

# What the header says → the answer to a request signed in its headers, one signed in its query, and an anonymous one
# that the bucket's policy allows.
TABLE = {
    "": (UNREADABLE, GOOD, GOOD),
    RIGHT: (GOOD, GOOD, GOOD),
    RIGHT.upper(): (GOOD, GOOD, GOOD),
    WRONG: (MISMATCH, MISMATCH, MISMATCH),
    UNSIGNED: (GOOD, GOOD, GOOD),
    SIGNED: (GOOD, NOT_SPOKEN, DENIED),
    SIGNED_TRAILER: (GOOD, NOT_SPOKEN, DENIED),
    UNSIGNED_TRAILER: (GOOD, NOT_SPOKEN, GOOD),
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD": (NOT_SPOKEN, NOT_SPOKEN, NOT_SPOKEN),
    "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER": (NOT_SPOKEN, NOT_SPOKEN, NOT_SPOKEN),
    "STREAMING-UNSIGNED-PAYLOAD": (UNREADABLE, UNREADABLE, UNREADABLE),
    "unsigned-payload": (UNREADABLE, UNREADABLE, UNREADABLE),
    RIGHT[:-1]: (UNREADABLE, UNREADABLE, UNREADABLE),
    RIGHT[:-1] + "g": (UNREADABLE, UNREADABLE, UNREADABLE),
}


class Target(NamedTuple):
    """Where a body goes."""

    path: str
    query: str

    def read(self, besieged: Besieged) -> object:
        """Return what is seen there; different from before when the body was taken."""
        picture = besieged.picture()
        return [row for row in [*picture["objects"], *picture["parts"]] if row.size_bytes == len(BODY)]


@pytest.fixture(params=["object", "part"])
def target(request: pytest.FixtureRequest, besieged: Besieged) -> Iterator[Target]:
    client = besieged.client
    upload_id = client.create_multipart_upload(Bucket=OPEN, Key="target")["UploadId"]
    yield Target(f"/{OPEN}/target", f"partNumber=1&uploadId={upload_id}" if request.param == "part" else "")
    client.abort_multipart_upload(Bucket=OPEN, Key="target", UploadId=upload_id)
    client.delete_object(Bucket=OPEN, Key="target")


def send(besieged: Besieged, target: Target, payload: str, form: str) -> Answer:
    """Send the body in the form that `payload` says, with the signature that `form` says."""
    letter = Letter("PUT", target.path, target.query, (("host", besieged.host_of(NORTH)),), BODY)
    streams = payload.startswith("STREAMING-")
    if streams:
        letter = letter.add("content-encoding", "aws-chunked").add("x-amz-decoded-content-length", str(len(BODY)))
        if payload.endswith("-TRAILER"):
            letter = letter.add("x-amz-trailer", "x-amz-checksum-crc32")
    scope = scope_at()
    if form == "header":
        letter = signed(letter, besieged.key, payload=payload, scope=scope)
    elif payload:
        letter = letter.put("x-amz-content-sha256", payload)
    if form == "query":
        letter = presigned(letter, besieged.key, scope=scope)
    if streams:
        trailers = TRAILERS if payload.endswith("-TRAILER") else None
        if payload == UNSIGNED_TRAILER:
            framed = chunk_unsigned(PIECES, TRAILERS)
        else:
            seeded = letter if form == "header" else letter.put("authorization", "Signature=" + "0" * 64)
            framed = chunk(besieged.key, seeded, scope, PIECES, trailers)
        letter = letter._replace(body=framed.body)
    return besieged.send(sized(letter))


@pytest.mark.parametrize("form", ["header", "query", "anonymous"])
@pytest.mark.parametrize("payload", TABLE)
def test_every_form_of_a_payload_has_its_answer(besieged: Besieged, target: Target, payload: str, form: str) -> None:
    expected = TABLE[payload][["header", "query", "anonymous"].index(form)]
    assert send(besieged, target, payload, form).verdict == expected
    assert bool(target.read(besieged)) is (expected == GOOD)


@pytest.mark.parametrize("payload", TABLE)
def test_no_form_of_a_payload_lets_an_anonymous_writer_in(besieged: Besieged, payload: str, unchanged: None) -> None:
    assert send(besieged, Target("/data/kept", ""), payload, "anonymous").verdict == DENIED


@pytest.mark.parametrize("payload", [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER])
def test_no_form_of_chunks_gets_by_with_a_wrong_signature(besieged: Besieged, payload: str, unchanged: None) -> None:
    letter = besieged.letter("PUT", "/data/kept", x_amz_decoded_content_length=str(len(BODY)))
    letter = signed(letter, besieged.key._replace(secret="wrong"), payload=payload)
    framed = chunk(besieged.key, letter, scope_at(), PIECES)
    if payload == UNSIGNED_TRAILER:
        framed = chunk_unsigned(PIECES, {})
    assert besieged.send(sized(letter._replace(body=framed.body))).verdict == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("in_query", [RIGHT, WRONG, SIGNED, UNSIGNED, "nonsense"])
def test_a_hash_in_a_presigned_query_is_held_to(besieged: Besieged, target: Target, in_query: str) -> None:
    query = "&".join(filter(None, [target.query, f"X-Amz-Content-Sha256={in_query}"]))
    letter = besieged.letter("PUT", target.path, query, BODY)
    expected = {RIGHT: GOOD, WRONG: MISMATCH, SIGNED: NOT_SPOKEN, UNSIGNED: GOOD}.get(in_query, UNREADABLE)
    assert besieged.send(presigned(letter, besieged.key)).verdict == expected
    assert bool(target.read(besieged)) is (expected == GOOD)


# --- chunks

Tamper = Callable[[Chunked], bytes]


def _pieces(*order: int) -> Tamper:
    """Return the body with the chunks in another order, repeated, or without some of them."""
    return lambda framed: b"".join(framed.pieces[index] for index in order) + framed.trailer


def _replaced(old: bytes, new: bytes) -> Tamper:
    def tamper(framed: Chunked) -> bytes:
        assert old in framed.body
        return framed.body.replace(old, new, 1)

    return tamper


FORGED = (403, "SignatureDoesNotMatch")
INCOMPLETE = (400, "IncompleteBody")
ILL_TRAILER = (400, "MalformedTrailerError")


def send_chunks(besieged: Besieged, payload: str, tamper: Tamper, length: int = len(BODY)) -> Answer:
    letter = besieged.letter("PUT", "/data/kept", x_amz_decoded_content_length=str(length))
    if payload != SIGNED:
        letter = letter.add("x-amz-trailer", "x-amz-checksum-crc32")
    scope = scope_at()
    letter = signed(letter, besieged.key, payload=payload, scope=scope)
    if payload == UNSIGNED_TRAILER:
        framed = chunk_unsigned(PIECES, TRAILERS)
    else:
        framed = chunk(besieged.key, letter, scope, PIECES, TRAILERS if payload == SIGNED_TRAILER else None)
    return besieged.send(sized(letter._replace(body=tamper(framed))))


@pytest.mark.parametrize("payload", [SIGNED, SIGNED_TRAILER])
@pytest.mark.parametrize(
    ("tamper", "verdict"),
    [
        pytest.param(_replaced(b"aaaa", b"aaba"), FORGED, id="a byte altered"),
        pytest.param(_replaced(b"ccc\r\n0", b"ccd\r\n0"), FORGED, id="the last byte altered"),
        pytest.param(_pieces(1, 0, 2, 3), FORGED, id="reordered"),
        pytest.param(_pieces(1, 2, 3), FORGED, id="first dropped"),
        pytest.param(_pieces(0, 2, 3), FORGED, id="middle dropped"),
        pytest.param(_pieces(0, 1, 3), INCOMPLETE, id="last with data dropped"),
        pytest.param(_pieces(0, 1, 2), INCOMPLETE, id="last dropped"),
        pytest.param(_pieces(0, 0, 1, 2, 3), FORGED, id="repeated"),
        pytest.param(_pieces(3), INCOMPLETE, id="empty alone"),
        pytest.param(lambda framed: framed.body[:5000], INCOMPLETE, id="truncated in a chunk"),
        pytest.param(lambda framed: framed.body[:20], INCOMPLETE, id="truncated in the first line"),
        pytest.param(lambda framed: framed.pieces[0], INCOMPLETE, id="truncated between chunks"),
        pytest.param(lambda framed: framed.body[: -len(framed.trailer) - 3], INCOMPLETE, id="truncated in the last line"),
        pytest.param(lambda framed: b"", INCOMPLETE, id="nothing"),
        pytest.param(lambda framed: framed.body + b"more", INCOMPLETE, id="more after the end"),
        pytest.param(lambda framed: BODY, INCOMPLETE, id="no chunks at all"),
        pytest.param(_replaced(b";chunk-signature=", b";chunk-segnature="), FORGED, id="no signature"),
        pytest.param(_replaced(b"2000;", b"2001;"), FORGED, id="longer than it is"),
        pytest.param(_replaced(b"2000;", b"ffffffffffffffff;"), INCOMPLETE, id="a huge size"),
        pytest.param(_replaced(b"2000;", b"fffffffffffffffff;"), INCOMPLETE, id="a size beyond 64 bits"),
        pytest.param(_replaced(b"2000;", b"-2000;"), INCOMPLETE, id="a negative size"),
        pytest.param(_replaced(b"2000;", b"0x2000;"), INCOMPLETE, id="a size with a prefix"),
        pytest.param(_replaced(b"2000;", b"+2000;"), INCOMPLETE, id="a size with a sign"),
        pytest.param(_replaced(b"2000;", b"2_000;"), INCOMPLETE, id="a size with an underscore"),
        pytest.param(lambda framed: b"2000;" + b"x" * 4000, INCOMPLETE, id="an endless first line"),
    ],
)  # fmt: skip
def test_signed_chunks_that_were_tampered_with_are_refused(
    besieged: Besieged, payload: str, tamper: Tamper, verdict: tuple[int, str], unchanged: None
) -> None:
    assert send_chunks(besieged, payload, tamper).verdict == verdict


@pytest.mark.parametrize(
    ("tamper", "verdict"),
    [
        pytest.param(_replaced(CRC32.encode(), b"AAAAAA=="), {SIGNED_TRAILER: FORGED, UNSIGNED_TRAILER: (400, "BadDigest")}, id="altered"),
        pytest.param(_replaced(CRC32.encode(), b"no checksum"), {SIGNED_TRAILER: FORGED, UNSIGNED_TRAILER: (400, "InvalidRequest")}, id="no checksum"),
        pytest.param(lambda framed: b"".join(framed.pieces) + b"\r\n", {SIGNED_TRAILER: ILL_TRAILER, UNSIGNED_TRAILER: ILL_TRAILER}, id="missing"),
        pytest.param(lambda framed: b"".join(framed.pieces), {SIGNED_TRAILER: ILL_TRAILER, UNSIGNED_TRAILER: ILL_TRAILER}, id="cut off"),
        pytest.param(_replaced(b"x-amz-checksum-crc32:", b"x-amz-checksum-crc32:AAAAAA==\r\nx-amz-checksum-crc32:"), {SIGNED_TRAILER: ILL_TRAILER, UNSIGNED_TRAILER: ILL_TRAILER}, id="doubled"),
        pytest.param(_replaced(b"x-amz-checksum-crc32:", b"x-amz-checksum-sha1:"), {SIGNED_TRAILER: ILL_TRAILER, UNSIGNED_TRAILER: ILL_TRAILER}, id="another"),
        pytest.param(_replaced(b"x-amz-checksum-crc32:", b"x-amz-meta-a:b\r\nx-amz-checksum-crc32:"), {SIGNED_TRAILER: ILL_TRAILER, UNSIGNED_TRAILER: ILL_TRAILER}, id="one more"),
        pytest.param(_replaced(b"x-amz-checksum-crc32:", b"x-amz-checksum-crc32"), {SIGNED_TRAILER: ILL_TRAILER, UNSIGNED_TRAILER: ILL_TRAILER}, id="no colon"),
        pytest.param(lambda framed: framed.body + framed.trailer, {SIGNED_TRAILER: INCOMPLETE, UNSIGNED_TRAILER: INCOMPLETE}, id="twice"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("payload", [SIGNED_TRAILER, UNSIGNED_TRAILER])
def test_trailers_that_were_tampered_with_are_refused(
    besieged: Besieged, payload: str, tamper: Tamper, verdict: dict[str, tuple[int, str]], unchanged: None
) -> None:
    assert send_chunks(besieged, payload, tamper).verdict == verdict[payload]


def test_a_trailers_signature_cannot_be_left_out(besieged: Besieged, unchanged: None) -> None:
    def tamper(framed: Chunked) -> bytes:
        line = framed.trailer.partition(b"x-amz-trailer-signature:")[0]
        return b"".join(framed.pieces) + line + b"\r\n"

    assert send_chunks(besieged, SIGNED_TRAILER, tamper).verdict == FORGED


@pytest.mark.parametrize("payload", [SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER])
@pytest.mark.parametrize("length", [0, len(BODY) - 1, len(BODY) + 1, CHUNK])
def test_chunks_that_hold_another_length_than_was_said_are_refused(
    besieged: Besieged, payload: str, length: int, unchanged: None
) -> None:
    assert send_chunks(besieged, payload, lambda framed: framed.body, length).verdict == INCOMPLETE


@pytest.mark.parametrize(
    ("length", "verdict"),
    [
        ("", (411, "MissingContentLength")),
        ("-1", (400, "InvalidArgument")),
        ("1e3", (400, "InvalidArgument")),
        ("9" * 30, (400, "InvalidArgument")),
        (str(5 * 2**30 + 1), (400, "EntityTooLarge")),
    ],
)
def test_a_decoded_length_that_is_none_is_refused(
    besieged: Besieged, length: str, verdict: tuple[int, str], unchanged: None
) -> None:
    letter = besieged.letter("PUT", "/data/kept")
    if length:
        letter = letter.add("x-amz-decoded-content-length", length)
    letter = signed(letter, besieged.key, payload=UNSIGNED_TRAILER)
    assert besieged.send(sized(letter._replace(body=chunk_unsigned(PIECES, {}).body))).verdict == verdict


def test_a_chunk_that_is_too_small_is_refused_before_the_last(besieged: Besieged, unchanged: None) -> None:
    letter = besieged.letter("PUT", "/data/kept", x_amz_decoded_content_length="200")
    scope = scope_at()
    letter = signed(letter, besieged.key, payload=SIGNED, scope=scope)
    framed = chunk(besieged.key, letter, scope, (b"a" * 100, b"b" * 100))
    assert besieged.send(sized(letter._replace(body=framed.body))).verdict == (400, "InvalidChunkSizeError")


def test_chunks_signed_for_one_request_are_worth_nothing_in_another(besieged: Besieged, unchanged: None) -> None:
    scope = scope_at()
    letters = [
        signed(
            besieged.letter("PUT", path, x_amz_decoded_content_length=str(len(BODY))),
            besieged.key,
            payload=SIGNED,
            scope=scope,
        )
        for path in ("/data/elsewhere", "/data/kept")
    ]
    framed = chunk(besieged.key, letters[0], scope, PIECES)
    assert besieged.send(sized(letters[1]._replace(body=framed.body))).verdict == FORGED
