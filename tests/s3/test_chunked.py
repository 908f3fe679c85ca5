"""The aws-chunked framing: AWS's documented example, any split of a body, and each way to spoil one."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.s3 import sigv4
from holdfast.s3.chunked import CHUNK_SIZE_MIN, LINE_LENGTH_MAX, ChunkedDecoder, ChunkSigner
from holdfast.s3.codes import S3Error
from holdfast.s3.head import Head

SIGNED = sigv4.STREAMING_SIGNED
SIGNED_TRAILER = sigv4.STREAMING_SIGNED_TRAILER
UNSIGNED_TRAILER = sigv4.STREAMING_UNSIGNED_TRAILER
FORMS = (SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER)

AWS_SIGNER = ChunkSigner(
    sigv4.derive_signing_key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524", "us-east-1"),
    "20130524T000000Z",
    "20130524/us-east-1/s3/aws4_request",
    "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
)
CRC_NAME = "x-amz-checksum-crc32c"
CRC_TRAILER = ((CRC_NAME, "sOO8/Q=="),)


def sign(signer: ChunkSigner, algorithm: str, previous: str, hashes: str) -> str:
    text = f"{algorithm}\n{signer.timestamp}\n{signer.scope}\n{previous}\n{hashes}"
    return hmac.digest(signer.signing_key, text.encode(), "sha256").hex()


def encode_pieces(form: str, chunks: Sequence[bytes], trailers: Sequence[tuple[str, str]] = ()) -> list[bytes]:
    """One piece for each chunk, the last (empty) one among them, and one for the trailer with its empty line."""
    pieces = []
    previous = AWS_SIGNER.seed_signature
    for chunk in (*chunks, b""):
        extension = ""
        if form != UNSIGNED_TRAILER:
            hashes = f"{sigv4.EMPTY_SHA256}\n{sha256(chunk).hexdigest()}"
            previous = sign(AWS_SIGNER, "AWS4-HMAC-SHA256-PAYLOAD", previous, hashes)
            extension = f";chunk-signature={previous}"
        pieces.append(f"{len(chunk):x}{extension}\r\n".encode() + chunk + (b"\r\n" if chunk else b""))
    trailer = "".join(f"{name}:{value}\r\n" for name, value in trailers)
    if form == SIGNED_TRAILER and trailers:
        canonical = "".join(f"{name}:{value}\n" for name, value in sorted(trailers))
        signature = sign(AWS_SIGNER, "AWS4-HMAC-SHA256-TRAILER", previous, sha256(canonical.encode()).hexdigest())
        trailer += f"x-amz-trailer-signature:{signature}\r\n"
    return [*pieces, f"{trailer}\r\n".encode()]


def encode(form: str, chunks: Sequence[bytes], trailers: Sequence[tuple[str, str]] = ()) -> bytes:
    return b"".join(encode_pieces(form, chunks, trailers))


def decoder_for(form: str, length_bytes: int, names: tuple[str, ...] = ()) -> ChunkedDecoder:
    return ChunkedDecoder(form, None if form == UNSIGNED_TRAILER else AWS_SIGNER, length_bytes, names)


def decode(
    form: str, wire: bytes, length_bytes: int, names: tuple[str, ...] = (), step: int = 1 << 30
) -> tuple[bytes, dict[str, str]]:
    decoder = decoder_for(form, length_bytes, names)
    payload = b""
    for start in range(0, len(wire), step):
        payload += b"".join(decoder.feed(wire[start : start + step]))
    return payload, decoder.finish()


def refusal(form: str, wire: bytes, length_bytes: int, names: tuple[str, ...] = ()) -> str:
    """The code of the refusal, which is the same whether the body comes whole or in small pieces."""
    codes = set()
    for step in (1 << 30, 7):
        with pytest.raises(S3Error) as caught:
            decode(form, wire, length_bytes, names, step)
        codes.add(caught.value.code)
    (code,) = codes
    return code


# --- AWS's own examples


def test_the_chunked_example_of_the_aws_documentation_is_decoded() -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
    head = Head(
        "PUT",
        "/examplebucket/chunkObject.txt",
        "",
        {
            "host": "s3.amazonaws.com",
            "x-amz-date": "20130524T000000Z",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
            "x-amz-content-sha256": SIGNED,
            "content-encoding": "aws-chunked",
            "x-amz-decoded-content-length": "66560",
            "content-length": "66824",
            "authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
            "SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
            "x-amz-decoded-content-length;x-amz-storage-class,"
            "Signature=4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        },
    )
    claim = sigv4.find_claim(head)
    assert claim is not None
    key = sigv4.check_signature(claim, head, "s3.amazonaws.com", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    signer = ChunkSigner(key, claim.timestamp, claim.scope, claim.signature)
    wire = (
        b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n"
        + b"a" * 65536
        + b"\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n"
        + b"a" * 1024
        + b"\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
    )
    assert len(wire) == 66824
    decoder = ChunkedDecoder(SIGNED, signer, 66560, ())
    assert b"".join(decoder.feed(wire)) == b"a" * 66560
    assert decoder.finish() == {}


def test_the_trailer_example_of_the_aws_documentation_is_decoded() -> None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
    signer = AWS_SIGNER._replace(seed_signature="106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e")
    wire = (
        b"10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n"
        + b"a" * 65536
        + b"\r\n400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n"
        + b"a" * 1024
        + b"\r\n0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n"
        + b"x-amz-checksum-crc32c:sOO8/Q==\n\r\n"  # the documentation's example ends this line so
        + b"x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
    )
    decoder = ChunkedDecoder(SIGNED_TRAILER, signer, 66560, (CRC_NAME,))
    assert b"".join(decoder.feed(wire)) == b"a" * 66560
    assert decoder.finish() == {CRC_NAME: "sOO8/Q=="}


# --- any body, in any pieces


@given(
    form=st.sampled_from(FORMS),
    sizes=st.lists(st.integers(CHUNK_SIZE_MIN, CHUNK_SIZE_MIN + 300), max_size=3),
    last=st.integers(0, 40),
    cuts=st.lists(st.integers(0, 30_000), max_size=12),
    has_trailer=st.booleans(),
)
def test_a_body_split_anywhere_gives_back_its_payload(
    form: str, sizes: list[int], last: int, cuts: list[int], has_trailer: bool
) -> None:
    chunks = [bytes((index * 7 + offset) & 255 for offset in range(size)) for index, size in enumerate(sizes)]
    chunks += [b"z" * last] if last else []
    trailers = CRC_TRAILER if has_trailer and form != SIGNED else ()
    wire = encode(form, chunks, trailers)
    decoder = decoder_for(form, sum(map(len, chunks)), tuple(name for name, _ in trailers))
    payload = b""
    edges = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    for start, end in pairwise(edges):
        payload += b"".join(decoder.feed(memoryview(wire)[start:end]))
    assert payload == b"".join(chunks)
    assert decoder.finish() == dict(trailers)


@pytest.mark.parametrize("form", FORMS)
def test_a_body_that_comes_byte_by_byte_gives_back_its_payload(form: str) -> None:
    trailers = () if form == SIGNED else CRC_TRAILER
    wire = encode(form, [b"x" * CHUNK_SIZE_MIN, b"y" * 3], trailers)
    payload, found = decode(form, wire, CHUNK_SIZE_MIN + 3, tuple(dict(trailers)), step=1)
    assert (payload, found) == (b"x" * CHUNK_SIZE_MIN + b"yyy", dict(trailers))


@pytest.mark.parametrize("form", FORMS)
def test_an_empty_body_has_only_the_last_chunk(form: str) -> None:
    assert decode(form, encode(form, []), 0) == (b"", {})


def test_runs_are_views_of_the_buffer_and_not_copies() -> None:
    buffer = bytearray(encode(UNSIGNED_TRAILER, [b"x" * 10_000]))
    (run,) = decoder_for(UNSIGNED_TRAILER, 10_000).feed(memoryview(buffer))
    buffer[100] = ord("!")
    assert run[100 - len("2710\r\n")] == ord("!")


# --- cut short


@pytest.mark.parametrize("form", FORMS)
def test_a_truncated_body_is_incomplete_wherever_it_is_cut(form: str) -> None:
    trailers = () if form == SIGNED else CRC_TRAILER
    names = tuple(dict(trailers))
    wire = encode(form, [b"x" * CHUNK_SIZE_MIN, b"y" * 30], trailers)
    for length in [*range(200), *range(CHUNK_SIZE_MIN, len(wire))]:
        decoder = decoder_for(form, CHUNK_SIZE_MIN + 30, names)
        decoder.feed(wire[:length])
        if wire[:length].endswith(b"\r\n") and wire[length:] == b"\r\n":
            continue  # some clients leave out the last empty line
        with pytest.raises(S3Error) as caught:
            decoder.finish()
        # Cut between two lines of the trailer, the end may seem regular; what was declared is missing then.
        assert caught.value.code in {"IncompleteBody", "MalformedTrailerError", "SignatureDoesNotMatch"}
        if length < wire.rindex(b"\r\n0") + 4:
            assert caught.value.code == "IncompleteBody"


@pytest.mark.parametrize("form", FORMS)
def test_a_body_without_its_last_chunk_is_incomplete(form: str) -> None:
    pieces = encode_pieces(form, [b"x" * CHUNK_SIZE_MIN])
    assert refusal(form, pieces[0], CHUNK_SIZE_MIN) == "IncompleteBody"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("claimed", [0, 9_999, 10_001, 1 << 60])
def test_a_decoded_length_that_is_not_true_is_incomplete(form: str, claimed: int) -> None:
    assert refusal(form, encode(form, [b"x" * 10_000]), claimed) == "IncompleteBody"


# --- spoiled chunks


@pytest.mark.parametrize("form", [SIGNED, SIGNED_TRAILER])
def test_altered_reordered_doubled_or_dropped_chunks_are_refused(form: str) -> None:
    one, two = b"1" * CHUNK_SIZE_MIN, b"2" * CHUNK_SIZE_MIN
    first, second, last, trailer = encode_pieces(form, [one, two])
    length = 2 * CHUNK_SIZE_MIN
    assert decode(form, first + second + last + trailer, length)[0] == one + two
    altered = second.replace(b"2222\r\n", b"2223\r\n")
    assert refusal(form, first + altered + last + trailer, length) == "SignatureDoesNotMatch"
    assert refusal(form, second + first + last + trailer, length) == "SignatureDoesNotMatch"
    assert refusal(form, first + first + last + trailer, length) == "SignatureDoesNotMatch"
    assert refusal(form, first + last + trailer, length) == "IncompleteBody"
    assert refusal(form, first + last + trailer, CHUNK_SIZE_MIN) == "SignatureDoesNotMatch"
    assert refusal(form, first + second + trailer, length) == "IncompleteBody"
    assert refusal(form, first + second + b"0\r\n\r\n", length) == "SignatureDoesNotMatch"
    assert refusal(form, first + second + b"0;chunk-signature=\r\n\r\n", length) == "SignatureDoesNotMatch"
    forged = last.replace(last[20:24], b"\xff\xff\xff\xff")
    assert refusal(form, first + second + forged + trailer, length) == "SignatureDoesNotMatch"


def test_chunks_of_the_unsigned_form_do_not_pass_as_signed_ones() -> None:
    wire = encode(UNSIGNED_TRAILER, [b"x" * 10])
    assert refusal(SIGNED, wire, 10) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("form", FORMS)
def test_only_the_last_chunk_may_be_small(form: str) -> None:
    wire = encode(form, [b"x" * (CHUNK_SIZE_MIN - 1), b"y"])
    assert refusal(form, wire, CHUNK_SIZE_MIN) == "InvalidChunkSizeError"
    assert decode(form, encode(form, [b"x" * CHUNK_SIZE_MIN, b"y"]), CHUNK_SIZE_MIN + 1)


@pytest.mark.parametrize(
    "wire",
    [
        b"\r\n",
        b"-1\r\n",
        b"+a\r\n",
        b"0x10\r\n",
        b"1_0\r\n",
        b" 10\r\n",
        b"g\r\n",
        b"a\n0123456789\r\n0\r\n\r\n",
        b"ffffffffffffffff\r\n",
        b"10000000000000000\r\n",
        b"00000000000000000a\r\n",
        b"1" * (LINE_LENGTH_MAX + 1),
        b"a;" + b"x" * LINE_LENGTH_MAX,
        b"a\r\n0123456789x\r\n0\r\n\r\n",
        b"a\r\n01234567890\r\n\r\n",
        b"a\r\n0123456789\r\n0\r\n\r\nmore",
        b"a\r\n0123456789\r\n0\r\n\r\n\r\n\r\n",
    ],
)
def test_malformed_framing_is_refused(wire: bytes) -> None:
    assert refusal(UNSIGNED_TRAILER, wire, 10) == "IncompleteBody"


@pytest.mark.parametrize("start", [b"", b"0\r\nx:"])
def test_a_line_without_an_end_is_refused_while_it_comes_and_not_hoarded(start: bytes) -> None:
    decoder = decoder_for(UNSIGNED_TRAILER, 0)
    decoder.feed(start)

    def feed_byte_by_byte() -> None:
        for _ in range(2 * LINE_LENGTH_MAX):
            decoder.feed(b"a")

    with pytest.raises(S3Error):
        feed_byte_by_byte()


# --- trailers


def test_a_trailer_may_be_spelt_in_another_case_and_with_spaces() -> None:
    wire = b"2\r\nhi\r\n0\r\nX-Amz-Checksum-CRC32C: sOO8/Q== \r\n\r\n"
    assert decode(UNSIGNED_TRAILER, wire, 2, (" X-AMZ-Checksum-Crc32c",))[1] == {CRC_NAME: "sOO8/Q=="}


@pytest.mark.parametrize("end", [b"", b"\r\n", b"\r\n\r\n"])
@pytest.mark.parametrize("trailer", [b"", b"x-amz-checksum-crc32c:sOO8/Q==\r\n"])
def test_the_empty_lines_at_the_end_that_real_clients_send_or_forget_are_tolerated(end: bytes, trailer: bytes) -> None:
    names = (CRC_NAME,) if trailer else ()
    assert decode(UNSIGNED_TRAILER, b"2\r\nhi\r\n0\r\n" + trailer + end, 2, names)[0] == b"hi"


@pytest.mark.parametrize(
    "trailer",
    [
        b"",
        b"x-amz-checksum-crc32:AAAAAA==\r\n",
        b"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-checksum-crc32c:sOO8/Q==\r\n",
        b"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-meta-a:1\r\n",
        b"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:0\r\n",
        b"x-amz-checksum-crc32c\r\n",
        b":sOO8/Q==\r\n",
        b"garbage\r\n",
    ],
)
def test_a_trailer_that_is_missing_doubled_malformed_or_not_declared_is_refused(trailer: bytes) -> None:
    wire = b"2\r\nhi\r\n0\r\n" + trailer + b"\r\n"
    assert refusal(UNSIGNED_TRAILER, wire, 2, (CRC_NAME,)) == "MalformedTrailerError"


def test_an_endless_trailer_is_refused() -> None:
    names = tuple(f"x-{number}" for number in range(1000))
    wire = b"0\r\n" + b"".join(f"{name}:v\r\n".encode() for name in names)
    assert refusal(UNSIGNED_TRAILER, wire, 0, names) == "MalformedTrailerError"
    assert refusal(UNSIGNED_TRAILER, b"0\r\nx-0:" + b"v" * 10_000, 0, names) == "IncompleteBody"


def test_a_signed_trailer_that_is_altered_or_unsigned_is_refused() -> None:
    pieces = encode_pieces(SIGNED_TRAILER, [b"hi"], CRC_TRAILER)
    body, trailer = b"".join(pieces[:-1]), pieces[-1]
    assert decode(SIGNED_TRAILER, body + trailer, 2, (CRC_NAME,))[1] == dict(CRC_TRAILER)
    altered = trailer.replace(b"sOO8", b"sOO9")
    assert refusal(SIGNED_TRAILER, body + altered, 2, (CRC_NAME,)) == "SignatureDoesNotMatch"
    unsigned = trailer[: trailer.index(b"x-amz-trailer-signature")] + b"\r\n"
    assert refusal(SIGNED_TRAILER, body + unsigned, 2, (CRC_NAME,)) == "SignatureDoesNotMatch"
    assert refusal(SIGNED_TRAILER, body + b"\r\n", 2, (CRC_NAME,)) == "MalformedTrailerError"


def test_the_form_without_trailer_takes_none() -> None:
    pieces = encode_pieces(SIGNED, [b"hi"])
    wire = b"".join(pieces[:-1]) + b"x-amz-checksum-crc32c:sOO8/Q==\r\n\r\n"
    assert refusal(SIGNED, wire, 2, (CRC_NAME,)) == "MalformedTrailerError"
