"""The audit log: who changed what, newest first, looked through in bounded steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import AUDIT, AuditRow

LOOKED_AT_MAX: Final = 20_000
"""Rows that one search looks at: some 50 ms. What it has not found by then it goes on to find from there."""
_STEP: Final = 1_000


class Sought(NamedTuple):
    """What an audit row must be. Empty = anything."""

    actors: frozenset[str] = frozenset()
    """Ids of who acted."""
    action: str = ""
    """The beginning of an action: `key.` is all about access keys."""
    tenancy_id: str = ""
    text: str = ""
    """Part of what was changed, whatever its case."""
    since_us: int | None = None
    """Inclusive."""

    def fits(self, row: AuditRow) -> bool:
        """Whether a row is one of those that are looked for."""
        return (
            (not self.actors or row.actor in self.actors)
            and row.action.startswith(self.action)
            and (not self.tenancy_id or row.tenancy_id == self.tenancy_id)
            and self.text.casefold() in row.subject.casefold()
        )


class Found(NamedTuple):
    """Some of the rows, the newest first."""

    rows: Sequence[AuditRow]
    before_us: int | None
    """Where the search goes on; None = there is no more."""


def search_audit(rows: Snapshot, sought: Sought, count_max: int, before_us: int | None = None) -> Found:
    """Return at most `count_max` rows that fit and are older than `before_us`.

    Looks at 20,000 rows at most, so that it may return fewer, or none, and yet say where to go on. Rows of one
    microsecond stay together, so a page may be longer by those. With a tenancy, others' rows cost nothing.
    """
    found: list[AuditRow] = []
    looked_at = 0
    prefix, index = ((sought.tenancy_id,), "by_tenancy") if sought.tenancy_id else ((), None)
    while looked_at < LOOKED_AT_MAX:
        step = rows.scan(
            AUDIT, prefix, index=index, start=sought.since_us, stop=before_us, count_max=_STEP, reverse=True
        )
        is_last = len(step) < _STEP
        # The end of a full step may cut a microsecond in two: its rows are looked at by the next step.
        cut_us = None if is_last or step[0].at_us == step[-1].at_us else step[-1].at_us
        for row in step:
            if row.at_us == cut_us:
                break
            if len(found) >= count_max and row.at_us != found[-1].at_us:
                return Found(found, found[-1].at_us)
            if sought.fits(row):
                found.append(row)
        if is_last:
            return Found(found, None)
        before_us = step[-1].at_us if cut_us is None else cut_us + 1
        looked_at += len(step)
    return Found(found, before_us)
