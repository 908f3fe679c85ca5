"""The proof that a body is on stable storage, handed to the commit that makes it visible."""

from __future__ import annotations

from typing import NamedTuple

from holdfast.blobs.interface import Slice


class Receipt(NamedTuple):
    """A durable body: where it lies and what it hashed to. Every claim of the client's about it has been checked."""

    slices: tuple[Slice, ...]
    size_bytes: int
    md5_hex: str
    checksum_algorithm: str
    """`CRC64NVME` when the client asked for none; empty for a receipt without one."""
    checksum: str
    """Base64 of the checksum's bytes."""
    reservation_id: str = ""
    """Quota held for this body, to be freed by the commit; empty when none was."""
