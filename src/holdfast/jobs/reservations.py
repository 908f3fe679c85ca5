"""Giving back quota that was held for bodies whose worker is gone."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Final

from holdfast.catalog.interface import Transaction
from holdfast.catalog.rows import RESERVATIONS
from holdfast.store import quotas

from .workshop import Workshop

BATCH: Final = 500


def release_reservations(workshop: Workshop) -> int:
    """Release the reservations of instances that are gone, and return their number."""
    with workshop.catalog.read() as rows:
        held = rows.scan(RESERVATIONS, (), index="by_instance")
    # The board is asked after the rows were read: a worker is on it before it reserves anything.
    living = {instance: instance in workshop.living for instance in {row.instance for row in held}}
    dead = [row.reservation_id for row in held if not living[row.instance]]
    for start in range(0, len(dead), BATCH):
        workshop.commit(partial(_release, dead[start : start + BATCH]))
    return len(dead)


def _release(reservation_ids: Iterable[str], tx: Transaction) -> None:
    for reservation_id in reservation_ids:
        quotas.release(tx, reservation_id)
