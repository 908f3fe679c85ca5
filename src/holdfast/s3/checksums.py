"""Digests of bodies and parts: MD5 for ETags, SHA-256 for signatures, and S3's five checksums.

Values travel as base64 of the big-endian digest. A composite value ends in `-N`, the number of parts.

Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html
"""

from __future__ import annotations

import hashlib
import zlib
from base64 import b64encode
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final, Literal, NamedTuple, get_args

from awscrt import checksums as crt  # type: ignore[import-untyped]

from holdfast.s3.codes import S3Error
from holdfast.s3.head import Head

Algorithm = Literal["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]
Buffer = bytes | bytearray | memoryview

ALGORITHMS: Final[tuple[Algorithm, ...]] = get_args(Algorithm)
HEADER_OF: Final[Mapping[Algorithm, str]] = {name: f"x-amz-checksum-{name.lower()}" for name in ALGORITHMS}
ALGORITHM_OF: Final[Mapping[str, Algorithm]] = {header: name for name, header in HEADER_OF.items()}
DIGEST_SIZE_BYTES: Final[Mapping[Algorithm, int]] = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}

# Headers that begin like a checksum and aren't one.
_NOT_CHECKSUMS: Final = frozenset(("x-amz-checksum-algorithm", "x-amz-checksum-mode", "x-amz-checksum-type"))

_Crc = Callable[[Buffer, int], int]
_Combine = Callable[[int, int, int], int]

crc32c: Final[_Crc] = crt.crc32c
"""The CRC-32C of a buffer, continuing from the CRC of what came before (0 at the start)."""

# zlib's CRC32 is half as fast again as awscrt's, and the other two exist in awscrt only.
_CRCS: Final[Mapping[str, _Crc]] = {"CRC32": zlib.crc32, "CRC32C": crt.crc32c, "CRC64NVME": crt.crc64nvme}
_COMBINES: Final[Mapping[str, _Combine]] = {
    "CRC32": crt.combine_crc32,
    "CRC32C": crt.combine_crc32c,
    "CRC64NVME": crt.combine_crc64nvme,
}


class ChecksumClaim(NamedTuple):
    """The one checksum that a request asks to be kept and verified."""

    algorithm: Algorithm
    value: str | None
    """Base64, checked in form; None if it comes in the trailer, or only the algorithm is named (a new upload)."""
    in_trailer: bool


class Hasher:
    """Running digests over one body; each byte is read once for each different digest.

    `sha256` as a checksum and as the payload's hash are one digest.
    """

    def __init__(self, algorithms: Collection[str] = (), *, md5: bool = True, sha256_hex: bool = False) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False) if md5 else None
        self._sha1 = hashlib.sha1(usedforsecurity=False) if "SHA1" in algorithms else None
        self._sha256 = hashlib.sha256() if sha256_hex or "SHA256" in algorithms else None
        self._updates: list[Callable[[Buffer], None]] = [
            digest.update for digest in (self._md5, self._sha1, self._sha256) if digest is not None
        ]
        self._crcs: dict[str, int] = {}
        for name in algorithms:
            assert name in ALGORITHMS
            if name in _CRCS:
                self._crcs[name] = 0
        self.length_bytes = 0

    def update(self, data: Buffer) -> None:
        """Take the next bytes. hashlib lets other threads run while it works on more than 2 KiB."""
        self.length_bytes += len(data)
        for update in self._updates:
            update(data)
        for name, crc in self._crcs.items():
            self._crcs[name] = _CRCS[name](data, crc)

    def md5_bytes(self) -> bytes:
        """Return the 16 bytes of the MD5."""
        assert self._md5 is not None
        return self._md5.digest()

    def md5_hex(self) -> str:
        """Return the MD5 as an ETag has it, without quotes."""
        return self.md5_bytes().hex()

    def sha256_hex(self) -> str:
        """Return the SHA-256 as `x-amz-content-sha256` has it."""
        assert self._sha256 is not None
        return self._sha256.hexdigest()

    def checksum(self, algorithm: Algorithm) -> str:
        """Return one of the checksums that were asked for, in base64."""
        if algorithm in self._crcs:
            return _encode_crc(algorithm, self._crcs[algorithm])
        digest = self._sha1 if algorithm == "SHA1" else self._sha256
        assert digest is not None
        return b64encode(digest.digest()).decode()


def combine_full_object(algorithm: Algorithm, parts: Sequence[tuple[str, int]]) -> str:
    """Return the CRC of the parts' bytes one after the other, from each part's CRC (base64) and length in bytes.

    Only the CRCs can be combined; S3 has no full-object SHA of several parts.
    """
    combine = _COMBINES[algorithm]
    whole = 0
    for value, length_bytes in parts:
        whole = combine(whole, int.from_bytes(a2b_base64(value), "big"), length_bytes)
    return _encode_crc(algorithm, whole)


def composite(algorithm: Algorithm, part_values: Sequence[str]) -> str:
    """Return the checksum over the parts' raw checksums, in S3's form with `-N`, the number of parts, at its end."""
    hasher = Hasher((algorithm,), md5=False)
    hasher.update(b"".join(a2b_base64(value) for value in part_values))
    return f"{hasher.checksum(algorithm)}-{len(part_values)}"


def etag_of_parts(md5s: Sequence[bytes]) -> str:
    """Return the ETag, without quotes, of an object made of parts: the MD5 over their 16-byte MD5s, and `-N`."""
    return f"{hashlib.md5(b''.join(md5s), usedforsecurity=False).hexdigest()}-{len(md5s)}"


def read_algorithm(text: str) -> Algorithm:
    """Return the algorithm that a header names, in whatever case; another one is InvalidRequest."""
    name = text.upper()
    if name not in ALGORITHMS:
        raise S3Error(
            "InvalidRequest",
            "Checksum algorithm provided is unsupported. Please try again with any of the "
            f"valid types: [{', '.join(ALGORITHMS)}]",
        )
    return name


def check_value(algorithm: Algorithm, text: str) -> None:
    """Refuse a checksum that is not base64 of the right number of bytes, with InvalidRequest."""
    if not _is_base64(text, DIGEST_SIZE_BYTES[algorithm]):
        raise S3Error("InvalidRequest", f"Value for {HEADER_OF[algorithm]} header is invalid.")


def check_content_md5(text: str) -> bytes:
    """Return the 16 bytes of a `Content-MD5`; an empty or malformed one is InvalidDigest."""
    if not _is_base64(text, 16):
        raise S3Error("InvalidDigest", "The Content-MD5 you specified was invalid.", details={"Content-MD5": text})
    return a2b_base64(text)


def find_requested(head: Head) -> ChecksumClaim | None:
    """Return the checksum that a request brings or names; None if it has none.

    Raises S3Error InvalidRequest if there is more than one, or if they contradict one another.
    """
    headers = head.headers
    given = [name for name in headers if name.startswith("x-amz-checksum-") and name not in _NOT_CHECKSUMS]
    trailers = find_trailer_names(head)
    in_trailer = [name for name in trailers if name.startswith("x-amz-checksum-")]
    if len(given) + len(in_trailer) > 1:
        raise S3Error(
            "InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."
        )
    named = headers.get("x-amz-sdk-checksum-algorithm") or headers.get("x-amz-checksum-algorithm")
    if named is not None:
        named = read_algorithm(named)
    if not given and not in_trailer:
        if "x-amz-sdk-checksum-algorithm" in headers:
            raise S3Error(
                "InvalidRequest",
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer "
                "headers were found.",
            )
        return ChecksumClaim(named, None, False) if named is not None else None
    header = (given or in_trailer)[0]
    algorithm = ALGORITHM_OF.get(header)
    if algorithm is None:
        raise S3Error("InvalidRequest", "The algorithm type you specified in x-amz-checksum- header is invalid.")
    if named is not None and named != algorithm:
        raise S3Error("InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid.")
    if in_trailer:
        return ChecksumClaim(algorithm, None, True)
    check_value(algorithm, headers[header])
    return ChecksumClaim(algorithm, headers[header], False)


def find_trailer_names(head: Head) -> tuple[str, ...]:
    """Return the lower-case names that `x-amz-trailer` declares, in their order."""
    declared = head.headers.get("x-amz-trailer", "")
    return tuple(name for part in declared.split(",") if (name := part.strip().lower()))


def _encode_crc(algorithm: str, crc: int) -> str:
    return b64encode(crc.to_bytes(8 if algorithm == "CRC64NVME" else 4, "big")).decode()


def _is_base64(text: str, size_bytes: int) -> bool:
    try:
        return len(a2b_base64(text.encode("latin-1"), strict_mode=True)) == size_bytes
    except Base64Error:
        return False
