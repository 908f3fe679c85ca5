"""Reading everything, to find what has rotted or gone before somebody asks for it, and to name whose it is.

Runs beside a server. What looks like a fault is looked at again in a new snapshot, since an object may have been
deleted, and its bytes collected, between the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from holdfast.blobs import records
from holdfast.blobs.interface import Blobs, BlobsError, Slice, container_of
from holdfast.catalog.interface import Catalog
from holdfast.catalog.rows import REFERENCES, ReferenceRow
from holdfast.store import owners
from holdfast.store.owners import Place
from holdfast.store.slices import decode_slices

from .archive import containers_in
from .pace import Pace
from .tally import check_rows, check_usage

ADVICE: Final = "see docs/how-to/repair.md"


class Fault(NamedTuple):
    """Something that is not as it should be."""

    sentence: str
    place: Place | None = None
    """The key that it hits, if it hits one."""
    container_id: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.sentence}" if self.place is not None else self.sentence


def scrub(catalog: Catalog, blobs: Blobs, pace: Pace | None = None, *, is_quick: bool = False) -> Iterator[Fault]:
    """Yield every fault of a home, each once. Quick, it asks of each container only whether it is there."""
    told: set[str] = set()
    for sentence in catalog.check():
        yield Fault(f"{sentence}; {ADVICE}")
    pace = pace or Pace()
    for container_id in containers_in(catalog):
        for fault in check_container(catalog, blobs, container_id, pace, is_quick=is_quick):
            told.add(str(fault))
            yield fault
    for place, sentence in check_rows(catalog, None if is_quick else blobs):
        fault = Fault(f"{sentence.replace('; run holdfast scrub', '')}; {ADVICE}", place)
        if str(fault) not in told:
            yield fault
    for sentence in check_usage(catalog):
        yield Fault(f"{sentence}; run holdfast scrub --repair-usage")


def check_container(
    catalog: Catalog, blobs: Blobs, container_id: str, pace: Pace, *, is_quick: bool = False
) -> list[Fault]:
    """Read whatever has an owner in a container, and return a fault for each key that is hit.

    Quick, it only finds out whether the container is there.
    """
    with catalog.read() as rows:
        held = list(rows.scan(REFERENCES, (), start=container_id, stop=container_id + "0"))
    found: list[Fault] = []
    if is_quick:
        sentence = _fault_in(blobs, held[0].blob_id, is_quick) if held else ""
        for blob_id in dict.fromkeys(row.blob_id for row in held) if sentence else ():
            found += _hits(catalog, blobs, blob_id, sentence, is_quick)
        return found
    # Blob by blob in the order in which they lie, so that a disk need not seek.
    held.sort(key=lambda row: _offset(row.blob_id))
    for blob_id, group in groupby(held, lambda row: row.blob_id):
        holders = list(group)
        sentence = _fault_in(blobs, blob_id, is_quick)
        if sentence:
            found += _hits(catalog, blobs, blob_id, sentence, is_quick)
        pace.spend(_size(blob_id, holders))
    return found


def _fault_in(blobs: Blobs, blob_id: str, is_quick: bool) -> str:
    """Return what is wrong with a blob, empty if nothing is."""
    if "/" not in blob_id and not is_quick:
        return "; ".join(blobs.verify(blob_id))
    return _fault_in_slices(blobs, [Slice(blob_id, 0, 1 if is_quick else records.parse_blob_id(blob_id).length_bytes)])


def _fault_in_slices(blobs: Blobs, slices: Sequence[Slice]) -> str:
    reader = blobs.open(slices)
    try:
        while reader.read():
            pass
    except (BlobsError, OSError) as error:
        return str(error)
    finally:
        reader.close()
    return ""


def _hits(catalog: Catalog, blobs: Blobs, blob_id: str, sentence: str, is_quick: bool) -> Iterator[Fault]:
    """Yield a fault for each key whose bytes are hit by what is wrong with a blob, looked at anew."""
    with catalog.read() as rows:
        for reference in rows.scan(REFERENCES, (blob_id,)):
            row = owners.find_row(rows, reference.owner)
            mine = [each for each in decode_slices(row.slices) if each.blob_id == blob_id] if row is not None else []
            hit = sentence if is_quick else _fault_in_slices(blobs, mine)
            if hit:
                # The engine advises to run what is running here.
                told = f"{hit.replace('; run holdfast scrub', '')}; {ADVICE}"
                for place in owners.find_places(rows, reference.owner):
                    yield Fault(told, place, container_of(blob_id))


def _offset(blob_id: str) -> int:
    return records.parse_blob_id(blob_id).offset_bytes if "/" in blob_id else 0


def _size(blob_id: str, holders: Iterable[ReferenceRow]) -> int:
    if "/" in blob_id:
        return records.parse_blob_id(blob_id).length_bytes
    return max(row.length_bytes for row in holders)
