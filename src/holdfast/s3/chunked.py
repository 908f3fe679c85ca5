"""The `aws-chunked` framing of a body: chunks with or without signatures, and checksums in a trailer.

    body    = *( size-hex [";chunk-signature=" sig] CRLF data CRLF ) "0" [";chunk-signature=" sig] CRLF trailer CRLF
    trailer = *( name ":" value CRLF ) [ "x-amz-trailer-signature:" sig CRLF ]

This is inside HTTP's own framing, whichever that is. Every chunk's signature covers the one before, so that none can
be altered, moved or dropped; what is decoded may be staged while it arrives, but is worth nothing before `finish`.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
"""

from __future__ import annotations

import hmac
from enum import Enum, auto
from hashlib import sha256
from typing import Final, NamedTuple

from holdfast.s3.claims import (
    EMPTY_SHA256,
    STREAMING_FORMS,
    STREAMING_SIGNED,
    STREAMING_SIGNED_TRAILER,
    STREAMING_UNSIGNED_TRAILER,
)
from holdfast.s3.codes import S3Error

CHUNK_SIZE_MIN: Final = 8192  # bytes, but for the last chunk; S3 API reference, "sigv4-streaming"
LINE_LENGTH_MAX: Final = 512  # bytes, ours: a chunk's signed first line has about 100, a trailer's line less
TRAILER_COUNT_MAX: Final = 16  # ours: real clients send one, and its signature
_SIGNATURE_FIELD: Final = "x-amz-trailer-signature"
_HEX_DIGITS: Final = b"0123456789abcdefABCDEF"


class ChunkSigner(NamedTuple):
    """What is needed to verify the chain of signatures: the key and what the request's own signature was made of."""

    signing_key: bytes
    timestamp: str
    """`YYYYMMDDTHHMMSSZ`"""
    scope: str
    """`YYYYMMDD/region/s3/aws4_request`"""
    seed_signature: str
    """The request's signature, which the first chunk's covers."""


class _Expects(Enum):
    SIZE = auto()
    DATA_END = auto()
    TRAILER = auto()
    NOTHING = auto()


class ChunkedDecoder:
    """Decodes one body as it arrives, in pieces of any size.

    `decoded_length_bytes` is `x-amz-decoded-content-length`; `trailer_names` are those that `x-amz-trailer` declares.
    The signed forms need a `signer`. After an S3Error the decoder is of no more use.
    """

    def __init__(
        self, form: str, signer: ChunkSigner | None, decoded_length_bytes: int, trailer_names: tuple[str, ...]
    ) -> None:
        assert form in STREAMING_FORMS
        self._form = form
        self._is_signed = form != STREAMING_UNSIGNED_TRAILER
        assert signer is not None or not self._is_signed
        self._signer = signer
        self._previous_signature = signer.seed_signature if signer is not None else ""
        self._length_bytes = decoded_length_bytes
        self._declared = frozenset(name.strip().lower() for name in trailer_names)
        self._trailers: dict[str, str] = {}
        self._trailer_signature: str | None = None
        self._expects = _Expects.SIZE
        self._line = b""  # the beginning of a line whose end has not arrived
        self._left_bytes = 0  # of the current chunk's data
        self._seen_bytes = 0  # of data announced by all chunks so far
        self._chunk_number = 0
        self._chunk_size_bytes = CHUNK_SIZE_MIN
        self._chunk_signature = ""
        self._chunk_hash = sha256()

    def feed(self, data: bytes | bytearray | memoryview) -> list[memoryview]:
        """Decode what arrived and return the runs of payload in it, in order.

        The runs are views of `data`, not copies: use them before the buffer is filled again.
        Raises S3Error as soon as something is wrong.
        """
        view = memoryview(data)
        end = len(view)
        position = 0
        runs: list[memoryview] = []
        while position < end:
            left = self._left_bytes
            if not left:
                position = self._feed_line(view, position)
                continue
            run = view[position : position + left]
            run_length = len(run)
            if self._is_signed:
                self._chunk_hash.update(run)
            runs.append(run)
            position += run_length
            self._left_bytes = left - run_length
            if left == run_length:
                self._check_chunk()
        return runs

    def finish(self) -> dict[str, str]:
        """Say that no more will arrive, and return the trailers by lower-case name.

        Raises S3Error: IncompleteBody if the body is cut short, MalformedTrailerError if a declared trailer is missing.
        """
        # Some clients leave out the empty line at the very end.
        if self._expects is _Expects.TRAILER and not self._line:
            self._end_trailers()
        if self._expects is not _Expects.NOTHING:
            raise _incomplete("The request body terminated unexpectedly")
        return self._trailers

    def _feed_line(self, view: memoryview, position: int) -> int:
        """Take one line or a piece of it, and return the position after what was taken."""
        piece = bytes(view[position : position + LINE_LENGTH_MAX])
        if self._expects is _Expects.NOTHING:
            # Some clients put one more empty line at the end.
            self._line += piece
            if not b"\r\n".startswith(self._line):
                raise _incomplete("The request body goes on after its last chunk")
            return position + len(piece)
        held = len(self._line)
        line = self._line + piece
        line_length = line.find(b"\r\n")
        if line_length < 0:
            if len(line) > LINE_LENGTH_MAX:
                raise _incomplete("A chunk of the request body has no well-formed first line")
            self._line = line
            return position + len(piece)
        self._line = b""
        self._take_line(line[:line_length])
        return position + line_length + 2 - held

    def _take_line(self, line: bytes) -> None:
        if self._expects is _Expects.SIZE:
            self._start_chunk(line)
        elif self._expects is _Expects.DATA_END:
            if line:
                raise _incomplete("A chunk of the request body is longer than it says")
            self._expects = _Expects.SIZE
        elif line:
            self._take_trailer(line)
        else:
            self._end_trailers()

    def _start_chunk(self, line: bytes) -> None:
        size_hex, _, extension = line.partition(b";")
        if not 0 < len(size_hex) <= 16 or size_hex.strip(_HEX_DIGITS):
            raise _incomplete("A chunk of the request body has no well-formed size")
        size_bytes = int(size_hex, 16)
        self._chunk_number += 1
        if size_bytes and self._chunk_size_bytes < CHUNK_SIZE_MIN:
            raise S3Error(
                "InvalidChunkSizeError",
                f"Only the last chunk is allowed to have a size less than {CHUNK_SIZE_MIN} bytes",
                details={"Chunk": str(self._chunk_number - 1), "BadChunkSize": str(self._chunk_size_bytes)},
            )
        self._seen_bytes += size_bytes
        if self._seen_bytes > self._length_bytes or (not size_bytes and self._seen_bytes < self._length_bytes):
            raise _incomplete("The chunks do not hold the number of bytes that x-amz-decoded-content-length says")
        if self._is_signed:
            name, _, signature = extension.partition(b"=")
            if name.strip() != b"chunk-signature":
                raise _mismatch(self._chunk_number)
            self._chunk_signature = signature.strip().decode("latin-1")
            self._chunk_hash = sha256()
        self._chunk_size_bytes = size_bytes
        self._left_bytes = size_bytes
        if size_bytes:
            self._expects = _Expects.DATA_END
        else:
            self._check_chunk()
            self._expects = _Expects.TRAILER

    def _check_chunk(self) -> None:
        if self._is_signed:
            self._check_signature(
                "AWS4-HMAC-SHA256-PAYLOAD", f"{EMPTY_SHA256}\n{self._chunk_hash.hexdigest()}", self._chunk_signature
            )

    def _check_signature(self, algorithm: str, hashes: str, given: str) -> None:
        signer = self._signer
        assert signer is not None
        string_to_sign = f"{algorithm}\n{signer.timestamp}\n{signer.scope}\n{self._previous_signature}\n{hashes}"
        signature = hmac.digest(signer.signing_key, string_to_sign.encode("latin-1"), "sha256").hex()
        if not hmac.compare_digest(signature.encode(), given.encode("latin-1")):
            raise _mismatch(self._chunk_number, string_to_sign, given)
        self._previous_signature = signature

    def _take_trailer(self, line: bytes) -> None:
        name, colon, value = (part.strip() for part in line.decode("latin-1").partition(":"))
        name = name.lower()
        if not colon or not name or len(self._trailers) >= TRAILER_COUNT_MAX or self._trailer_signature is not None:
            raise _malformed()
        if name == _SIGNATURE_FIELD and self._form == STREAMING_SIGNED_TRAILER:
            self._trailer_signature = value
        elif name in self._declared and name not in self._trailers and self._form != STREAMING_SIGNED:
            self._trailers[name] = value
        else:
            raise _malformed()

    def _end_trailers(self) -> None:
        if self._trailers.keys() != self._declared:
            raise _malformed()
        if self._form == STREAMING_SIGNED_TRAILER and (self._trailers or self._trailer_signature is not None):
            canonical = "".join(f"{name}:{value}\n" for name, value in sorted(self._trailers.items()))
            self._check_signature(
                "AWS4-HMAC-SHA256-TRAILER",
                sha256(canonical.encode("latin-1")).hexdigest(),
                self._trailer_signature or "",
            )
        self._expects = _Expects.NOTHING


def _incomplete(why: str) -> S3Error:
    return S3Error("IncompleteBody", why)


def _malformed() -> S3Error:
    return S3Error(
        "MalformedTrailerError",
        "The request contained trailing data that was not well-formed or did not conform to our published schema.",
    )


def _mismatch(chunk_number: int, string_to_sign: str = "", given: str = "") -> S3Error:
    details = {"Chunk": str(chunk_number)}
    if string_to_sign:
        details |= {"StringToSign": string_to_sign, "SignatureProvided": given}
    return S3Error(
        "SignatureDoesNotMatch",
        "The signature of a chunk or trailer does not match what we calculated. Check your key and signing method.",
        details=details,
    )
