"""Deleting what nobody owns any more: buried containers and manifests, and what died before it was ever owned.

A container goes in three steps, each durable before the next: `condemned` is written (no commit can claim it from then
on), the bytes are deleted, the row is dropped. Whoever is killed between two of them leaves a row from which the next
run goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Final, NamedTuple

from holdfast.catalog.interface import Transaction
from holdfast.catalog.rows import GARBAGE, GarbageRow
from holdfast.store import multipart, references
from holdfast.telemetry.log import get_log

from .workshop import Workshop

BATCH: Final = 64
"""Containers that are condemned in one commit, and so the most that are deleted between two looks at a pause."""
PARTS_BATCH: Final = 500
"""Parts of a manifest that are released in one commit: some 5 ms of everybody's turn."""

_log = get_log("jobs")


class Collected(NamedTuple):
    """What one run did away with."""

    manifests: int = 0
    containers: int = 0
    is_paused: bool = False
    """Whether a backup stopped it. The next run goes on."""


Permit = Callable[[], AbstractContextManager[bool]]
"""Gives, for one step of deleting, whether it may be done now: see `pause.collecting`."""


def _always() -> AbstractContextManager[bool]:
    return nullcontext(True)


def collect(workshop: Workshop, permit: Permit = _always) -> Collected:
    """Delete the garbage that no read in flight can still see."""
    before_us = workshop.collectable_before_us()
    manifests = containers = 0
    kept: set[str] = set()
    while not workshop.is_stopping():
        batch = _oldest(workshop, before_us, kept)
        if not batch:
            break
        for row in batch:
            if row.kind == references.MANIFEST:
                manifests += _expand(workshop, row.blob_id)
        buried = [row.blob_id for row in batch if row.kind != references.MANIFEST]
        # A segment that was emptied while its writer goes on filling it waits until it is full.
        closed = [container_id for container_id in buried if not workshop.blobs.is_open(container_id)]
        with permit() as is_permitted:
            if not is_permitted:
                return Collected(manifests, containers, True)
            condemned = workshop.commit(partial(_condemn, closed, before_us)) if closed else []
            deleted = _delete(workshop, condemned)
        containers += len(deleted)
        # These rows stay, and would be found again: open segments, and what the disk does not let go.
        kept.update({*buried}.difference(closed), {*condemned}.difference(deleted))
    return Collected(manifests, containers)


def collect_orphans(workshop: Workshop, permit: Permit = _always) -> int:
    """Delete what processes that are gone had written and never committed; return the number of containers.

    Walks all containers, so that it costs by their number.
    """
    workshop.blobs.remove_staging(workshop.living)
    count = 0
    batch: list[str] = []
    lives: dict[str, bool] = {}
    for fact in workshop.blobs.scan():
        if workshop.is_stopping():
            return count
        # Asked after a file of it was found: its process either lives and is on the board, or will never commit again.
        if fact.instance not in lives:
            lives[fact.instance] = fact.instance in workshop.living
        if not lives[fact.instance]:
            batch.append(fact.container_id)
        if len(batch) == BATCH:
            count += _collect_orphans(workshop, batch, permit)
            batch = []
    return count + _collect_orphans(workshop, batch, permit)


def _oldest(workshop: Workshop, before_us: int, kept: set[str]) -> Sequence[GarbageRow]:
    with workshop.catalog.read() as rows:
        found = rows.scan(GARBAGE, (), index="by_age", stop=before_us, count_max=BATCH + len(kept))
    return [row for row in found if row.blob_id not in kept][:BATCH]


def _expand(workshop: Workshop, garbage_id: str) -> bool:
    """Release the parts of a manifest; they are garbage of their own from now on. True when none is left."""
    while not workshop.is_stopping():
        if workshop.commit(partial(_expand_some, garbage_id, workshop.clock_us())):
            return True
    return False


def _expand_some(garbage_id: str, now_us: int, tx: Transaction) -> bool:
    if references.is_owned(tx, garbage_id):
        tx.remove(GARBAGE, (garbage_id,))
        return True
    return multipart.expand_manifest(tx, references.manifest_of(garbage_id), now_us, PARTS_BATCH)


def _condemn(container_ids: Iterable[str], before_us: int, tx: Transaction) -> list[str]:
    return [each for each in container_ids if references.condemn(tx, each, before_us)]


def _collect_orphans(workshop: Workshop, container_ids: Sequence[str], permit: Permit) -> int:
    with workshop.catalog.read() as rows:
        orphans = [
            each
            for each in container_ids
            if rows.find(GARBAGE, (each,)) is None and not references.is_owned(rows, each)
        ]
    if not orphans:
        return 0
    with permit() as is_permitted:
        if not is_permitted:
            return 0
        now_us = workshop.clock_us()
        condemned = workshop.commit(
            lambda tx: [each for each in orphans if references.condemn_orphan(tx, each, now_us)]
        )
        return len(_delete(workshop, condemned))


def _delete(workshop: Workshop, condemned: Sequence[str]) -> list[str]:
    deleted = []
    for container_id in condemned:
        try:
            if workshop.blobs.delete(container_id):
                deleted.append(container_id)
        except OSError as error:
            _log.error("a container can't be deleted; it is tried again", container=container_id, error=str(error))
    if deleted:
        workshop.commit(partial(_forget, deleted))
    return deleted


def _forget(container_ids: Iterable[str], tx: Transaction) -> None:
    for container_id in container_ids:
        references.forget_condemned(tx, container_id)
