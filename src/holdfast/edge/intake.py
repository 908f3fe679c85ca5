"""What a client says of its body, and the one pass over the bytes that holds it to that.

Everything is checked before the body can become visible: length, chunk signatures, `x-amz-content-sha256`,
`Content-MD5` and the checksum, be it in a header or a trailer.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final, NamedTuple

from holdfast.s3.checksums import (
    HEADER_OF,
    Algorithm,
    ChecksumClaim,
    Hasher,
    check_content_md5,
    check_value,
    find_requested,
    find_trailer_names,
)
from holdfast.s3.chunked import ChunkedDecoder, ChunkSigner
from holdfast.s3.codes import S3Error
from holdfast.s3.sigv4 import STREAMING_FORMS, STREAMING_UNSIGNED_TRAILER, UNSIGNED_PAYLOAD, check_payload

from .heads import Message
from .identity import Identity

DEFAULT_ALGORITHM: Final[Algorithm] = "CRC64NVME"  # S3 user guide, "Checking object integrity"


class Promises(NamedTuple):
    """What the head says of the body."""

    length_bytes: int | None
    """Of the payload, without any framing; None = unknown until it ends."""
    sha256_hex: str | None
    md5: bytes | None
    checksum: ChecksumClaim | None
    streaming: str
    """The form of `aws-chunked`, or empty."""
    trailer_names: tuple[str, ...]


class Digests(NamedTuple):
    """A whole body, all of whose promises were kept."""

    size_bytes: int
    md5_hex: str
    algorithm: str
    checksum: str


def read_promises(message: Message, identity: Identity, *, has_checksum: bool = True) -> Promises:
    """Read what the head says of the body.

    `has_checksum` is False where `x-amz-checksum-…` speaks of something else. Raises S3Error for what contradicts
    itself or is not enough to read it by.
    """
    head = message.head
    headers = head.headers
    claim = identity.claim
    payload = claim.payload if claim is not None else headers.get("x-amz-content-sha256", UNSIGNED_PAYLOAD)
    md5_text = headers.get("content-md5")
    length = message.length_bytes
    streaming = ""
    sha256_hex: str | None = None
    if payload in STREAMING_FORMS:
        streaming = payload
        if claim is None and payload != STREAMING_UNSIGNED_TRAILER:
            raise S3Error("AccessDenied", "A body of signed chunks needs a signed request.")
        length = _decoded_length(headers.get("x-amz-decoded-content-length"))
    elif payload != UNSIGNED_PAYLOAD:
        check_payload(payload)  # that of an anonymous request has been seen by nobody yet
        sha256_hex = payload.lower()
    return Promises(
        length,
        sha256_hex,
        check_content_md5(md5_text) if md5_text is not None else None,
        find_requested(head) if has_checksum else None,
        streaming,
        find_trailer_names(head) if streaming else (),
    )


class Intake:
    """Takes one body in: chunks off, digests over it, and its payload into `sink`.

    May be fed from any one thread at a time.
    """

    def __init__(
        self,
        promises: Promises,
        identity: Identity,
        sink: Callable[[memoryview], object],
        *,
        size_bytes_max: int,
        default_algorithm: str | None = None,
        for_object: bool = True,
    ) -> None:
        """`for_object` asks for what an object is stored with: an MD5 for its ETag, and a checksum even if none was
        promised.
        """
        self._promises = promises
        self._sink = sink
        self._size_bytes_max = size_bytes_max
        claim = promises.checksum
        algorithm: str | None = claim.algorithm if claim is not None else None
        if algorithm is None and for_object:
            algorithm = default_algorithm or DEFAULT_ALGORITHM
        self._algorithm = algorithm
        self._has_md5 = for_object or promises.md5 is not None
        self._hasher = Hasher(
            (algorithm,) if algorithm is not None else (),
            md5=self._has_md5,
            sha256_hex=promises.sha256_hex is not None,
        )
        self._decoder: ChunkedDecoder | None = None
        if promises.streaming:
            assert promises.length_bytes is not None
            signer = None
            if identity.claim is not None and promises.streaming != STREAMING_UNSIGNED_TRAILER:
                claimed = identity.claim
                signer = ChunkSigner(identity.signing_key, claimed.timestamp, claimed.scope, claimed.signature)
            self._decoder = ChunkedDecoder(promises.streaming, signer, promises.length_bytes, promises.trailer_names)

    def feed(self, data: memoryview) -> None:
        """Take the next bytes as they travelled. Raises S3Error, or what `sink` raises."""
        if self._decoder is None:
            self._take(data)
            return
        for run in self._decoder.feed(data):
            self._take(run)

    def finish(self) -> Digests:
        """Say that the body is at its end, and return its digests. Raises S3Error if a promise was broken."""
        promises, hasher = self._promises, self._hasher
        trailers = self._decoder.finish() if self._decoder is not None else {}
        if promises.length_bytes is not None and hasher.length_bytes != promises.length_bytes:
            raise S3Error(
                "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header."
            )
        if promises.sha256_hex is not None:
            computed = hasher.sha256_hex()
            if not hmac.compare_digest(computed, promises.sha256_hex):
                raise S3Error(
                    "XAmzContentSHA256Mismatch",
                    "The provided 'x-amz-content-sha256' header does not match what was computed.",
                    details={
                        "ClientComputedContentSHA256": promises.sha256_hex,
                        "S3ComputedContentSHA256": computed,
                    },
                )
        if promises.md5 is not None and hasher.md5_bytes() != promises.md5:
            raise S3Error("BadDigest", "The Content-MD5 you specified did not match what we received.")
        checksum = ""
        if self._algorithm is not None:
            checksum = hasher.checksum(self._algorithm)  # type: ignore[arg-type]
            self._check_checksum(checksum, trailers)
        return Digests(hasher.length_bytes, hasher.md5_hex() if self._has_md5 else "", self._algorithm or "", checksum)

    def _take(self, data: memoryview) -> None:
        hasher = self._hasher
        if hasher.length_bytes + len(data) > self._size_bytes_max:
            raise too_large(hasher.length_bytes + len(data), self._size_bytes_max)
        hasher.update(data)
        self._sink(data)

    def _check_checksum(self, computed: str, trailers: dict[str, str]) -> None:
        claim = self._promises.checksum
        if claim is None:
            return
        promised = claim.value
        if claim.in_trailer:
            promised = trailers.get(HEADER_OF[claim.algorithm])
            if promised is None:
                raise S3Error("MalformedTrailerError", "The request contained trailing data that was not well-formed.")
            check_value(claim.algorithm, promised)
        if promised is not None and promised != computed:
            raise S3Error("BadDigest", f"The {claim.algorithm} you specified did not match the calculated checksum.")


def too_large(size_bytes: int, size_bytes_max: int) -> S3Error:
    """Return the refusal of a body longer than S3 takes."""
    return S3Error(
        "EntityTooLarge",
        "Your proposed upload exceeds the maximum allowed size",
        details={"ProposedSize": str(size_bytes), "MaxSizeAllowed": str(size_bytes_max)},
    )


def _decoded_length(text: str | None) -> int:
    if text is None:
        raise S3Error("MissingContentLength", "You must provide the x-amz-decoded-content-length HTTP header.")
    if not (text.isascii() and text.isdigit()) or len(text) > 18:
        raise S3Error("InvalidArgument", "x-amz-decoded-content-length must be a number of bytes.")
    return int(text)
