"""How a run of slices is written in a row, cut, and named by its owner."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from holdfast.blobs.interface import Slice


def encode_slices(slices: Iterable[Slice]) -> str:
    """Return `blob:offset:length` joined by commas. Blob ids hold neither sign."""
    return ",".join(f"{blob_id}:{offset}:{length}" for blob_id, offset, length in slices)


def decode_slices(text: str) -> tuple[Slice, ...]:
    """The inverse of `encode_slices`."""
    if not text:
        return ()
    found = []
    for item in text.split(","):
        blob_id, offset, length = item.split(":")
        found.append(Slice(blob_id, int(offset), int(length)))
    return tuple(found)


def cut(slices: Sequence[Slice], offset_bytes: int, length_bytes: int) -> tuple[Slice, ...]:
    """Return the slices that make up this stretch of the run; less when the run is shorter."""
    found = []
    for blob_id, offset, length in slices:
        if length_bytes <= 0:
            break
        if offset_bytes >= length:
            offset_bytes -= length
            continue
        taken = min(length - offset_bytes, length_bytes)
        found.append(Slice(blob_id, offset + offset_bytes, taken))
        length_bytes -= taken
        offset_bytes = 0
    return tuple(found)


def total_bytes(slices: Iterable[Slice]) -> int:
    """Return the length of the run."""
    return sum(item.length_bytes for item in slices)
