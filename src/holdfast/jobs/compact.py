"""Rewriting segments of which little is left, so that deletes of small objects give their room back too.

What still has owners is read, verified, appended to a new segment, and then an ordinary commit lets the rows name the
copy. The old segment is garbage like any other once its last blob has moved. Whoever is killed in between leaves an
unnamed copy, which is the orphan of a dead instance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, NamedTuple

from holdfast.blobs import records
from holdfast.blobs.interface import BlobCorrupt, BlobFact, BlobMissing, Slice, Staged
from holdfast.catalog.interface import RowChanged, Transaction
from holdfast.catalog.rows import REFERENCES
from holdfast.store import relocation
from holdfast.telemetry.log import get_log

from .pace import Pace
from .workshop import Workshop

LIVE_SHARE_MAX: Final = 0.5
"""A segment is rewritten when less than this share of it has owners: then it gives back more than it costs."""
BATCH_BYTES: Final = 1 << 20
BATCH_BLOBS: Final = 64
"""What moves in one commit, so that everybody's turn is held up for some milliseconds only."""

_log = get_log("jobs")


class Compacted(NamedTuple):
    """What one run did."""

    segments: int = 0
    blobs: int = 0
    freed_bytes: int = 0
    """What the old segments were larger than what was moved out of them. Free once they are collected."""


class _Sparse(NamedTuple):
    fact: BlobFact
    blob_ids: list[str]
    live_bytes: int


def compact(workshop: Workshop, pace: Pace | None = None, *, bytes_max: int | None = None) -> Compacted:
    """Rewrite segments that are closed and less than half full of what has owners, up to so many bytes."""
    pace = pace or Pace()
    segments = blobs = freed = moved_bytes = 0
    for sparse in _sparse_segments(workshop):
        if workshop.is_stopping() or (bytes_max is not None and moved_bytes >= bytes_max):
            break
        moved = 0
        for batch in _batches(sparse.blob_ids):
            if workshop.is_stopping():
                break
            moved += _move(workshop, batch)
            pace.spend(sum(map(_length, batch)))
        blobs += moved
        moved_bytes += sparse.live_bytes
        if moved == len(sparse.blob_ids):
            segments += 1
            freed += sparse.fact.size_bytes - sparse.live_bytes
    return Compacted(segments, blobs, freed)


def _sparse_segments(workshop: Workshop) -> Iterator[_Sparse]:
    for fact in workshop.blobs.scan():
        with workshop.catalog.read() as rows:
            found = rows.scan(REFERENCES, (), start=fact.container_id, stop=fact.container_id + "0")
        blob_ids = list(dict.fromkeys(row.blob_id for row in found))
        # One without owners is the collector's, and a blob that is its own container has nothing to give back.
        if not blob_ids or "/" not in blob_ids[0]:
            continue
        # As stored, header and all: else a segment of tiny blobs would look sparse, and be rewritten for ever.
        live_bytes = sum(records.record_bytes(_length(blob_id)) for blob_id in blob_ids)
        if live_bytes < fact.size_bytes * LIVE_SHARE_MAX and not workshop.blobs.is_open(fact.container_id):
            blob_ids.sort(key=lambda blob_id: records.parse_blob_id(blob_id).offset_bytes)
            yield _Sparse(fact, blob_ids, live_bytes)


def _batches(blob_ids: list[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size_bytes = 0
    for blob_id in blob_ids:
        if batch and (len(batch) == BATCH_BLOBS or size_bytes + _length(blob_id) > BATCH_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(blob_id)
        size_bytes += _length(blob_id)
    if batch:
        yield batch


def _move(workshop: Workshop, blob_ids: list[str]) -> int:
    """Move blobs in one commit; return how many are gone from their old place. A rotten one stays, and is logged."""
    staged: list[Staged] = []
    sources: list[str] = []
    for blob_id in blob_ids:
        body = workshop.blobs.stage(_length(blob_id))
        try:
            _copy(workshop, blob_id, body)
        except (BlobCorrupt, BlobMissing) as error:
            body.discard()
            _log.critical("a blob can't be moved", blob=blob_id, fault=str(error))
            continue
        staged.append(body)
        sources.append(blob_id)
    placed: list[Slice] = []

    def flush() -> None:
        placed.extend(slices[0] for slices in workshop.blobs.flush(staged))

    now_us = workshop.clock_us()
    changes: list[Callable[[Transaction], int]] = [
        partial(_name_copy, blob_id, placed, index, now_us) for index, blob_id in enumerate(sources)
    ]
    try:
        outcomes = workshop.catalog.commit(changes, flush)
    except BaseException:
        for body in staged:
            body.discard()
        raise
    for blob_id, outcome in zip(sources, outcomes, strict=True):
        if isinstance(outcome.error, RowChanged):
            _log.error("a blob can't be moved", blob=blob_id, fault=str(outcome.error))
        elif outcome.error is not None:
            raise outcome.error
    return sum(outcome.error is None for outcome in outcomes)


def _copy(workshop: Workshop, blob_id: str, body: Staged) -> None:
    reader = workshop.blobs.open([Slice(blob_id, 0, _length(blob_id))])
    try:
        while piece := reader.read():
            body.write(piece)
    finally:
        reader.close()
    body.seal()


def _name_copy(blob_id: str, placed: list[Slice], index: int, now_us: int, tx: Transaction) -> int:
    return relocation.move(tx, blob_id, placed[index], now_us)


def _length(blob_id: str) -> int:
    return records.parse_blob_id(blob_id).length_bytes
