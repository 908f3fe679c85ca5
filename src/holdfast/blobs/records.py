"""How a small blob lies in a segment: a header that describes itself, the payload, zeros up to eight bytes.

    4   magic and version, b"HFR1"
    4   length of the payload
    8   offset of this record in its segment
    8   everything in the segment before this offset was durable when the record was written
    32  tag, filled up with zeros
    4n  crc32c of each 64 KiB of the payload
    4   crc32c of all of the above, begun from the crc32c of the segment's name

Numbers are little-endian. The header's length follows from the payload's, which is part of the blob id
(`segment/offset.length`): one read takes a small record whole. The name and the offset under the checksum tell
a sound record in a wrong place from the right one. A record without payload ends a segment that was closed in order.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import NamedTuple

from holdfast.blobs.blocks import block_count
from holdfast.blobs.interface import BlobCorrupt
from holdfast.s3.checksums import crc32c

MAGIC = b"HFR1"
ALIGNMENT_BYTES = 8
TAG_BYTES_MAX = 32
FIXED = Struct("<4sIQQ32s")
"""Magic, length, offset, durable end, tag; the checksums follow."""
_CRC_BYTES = 4


class RecordId(NamedTuple):
    """A small blob's id, taken apart."""

    segment: str
    offset_bytes: int
    length_bytes: int


class Header(NamedTuple):
    """A record's header whose checksum is right."""

    length_bytes: int
    durable_bytes: int
    tag: bytes
    checksums: tuple[int, ...]


def blob_id(segment: str, offset_bytes: int, length_bytes: int) -> str:
    """Name the blob in a record."""
    return f"{segment}/{offset_bytes}.{length_bytes}"


def parse_blob_id(text: str) -> RecordId:
    """Take a small blob's id apart. Raises ValueError."""
    segment, _, place = text.partition("/")
    offset, _, length = place.partition(".")
    return RecordId(segment, int(offset), int(length))


def name_seed(container_id: str) -> int:
    """Return what the checksums of a container's own structures begin from."""
    return crc32c(container_id.encode("ascii"), 0)


def header_bytes(length_bytes: int) -> int:
    """Return the length of the header of a payload of this length."""
    return FIXED.size + _CRC_BYTES * (block_count(length_bytes) + 1)


def record_bytes(length_bytes: int) -> int:
    """Return what a payload of this length takes in a segment."""
    return -(-(header_bytes(length_bytes) + length_bytes) // ALIGNMENT_BYTES) * ALIGNMENT_BYTES


@lru_cache(maxsize=64)
def _with_checksums(count: int) -> Struct:
    return Struct(f"<4sIQQ32s{count}II")


def encode(
    seed: int, offset_bytes: int, durable_bytes: int, length_bytes: int, checksums: list[int], tag: bytes
) -> bytes:
    """Return a record's header."""
    whole = bytearray(_with_checksums(len(checksums)).size)
    _with_checksums(len(checksums)).pack_into(
        whole, 0, MAGIC, length_bytes, offset_bytes, durable_bytes, tag, *checksums, 0
    )
    crc = crc32c(memoryview(whole)[:-_CRC_BYTES], seed)
    whole[-_CRC_BYTES:] = crc.to_bytes(_CRC_BYTES, "little")
    return bytes(whole)


def checksums_in(blob: str, seed: int, place: RecordId, header: memoryview) -> tuple[int, ...]:
    """Return the checksums of a record's blocks, from a header that must be that of this blob. Raises `BlobCorrupt`."""
    unpacked = _with_checksums(block_count(place.length_bytes)).unpack(header)
    magic, length, offset, wanted = unpacked[0], unpacked[1], unpacked[2], unpacked[-1]
    found = crc32c(header[:-_CRC_BYTES], seed)
    if found != wanted or magic != MAGIC or length != place.length_bytes or offset != place.offset_bytes:
        raise BlobCorrupt(
            f"blob {blob}: its header is damaged or another's (crc32c is {found:08x}, {wanted:08x} was written); "
            "run holdfast scrub"
        )
    return unpacked[5:-1]


def find_header(seed: int, offset_bytes: int, data: memoryview) -> Header | None:
    """Return the header at the beginning of `data`, or None if there is none, or none for this place."""
    if len(data) < FIXED.size or data[:4] != MAGIC:
        return None
    _, length, offset, durable, tag = FIXED.unpack_from(data)
    size = header_bytes(length)
    if offset != offset_bytes or size > len(data):
        return None
    *_, wanted = unpacked = _with_checksums(block_count(length)).unpack(data[:size])
    if crc32c(data[: size - _CRC_BYTES], seed) != wanted:
        return None
    return Header(length, durable, tag.rstrip(b"\0"), unpacked[5:-1])
