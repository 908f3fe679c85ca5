"""Where administration happens: the catalog, the clock, the random source, and who is acting.

`Office.commit` is the only way from `admin` to the catalog, so no change is without its audit row and none leaves a
cache stale.
"""

from __future__ import annotations

import json
import random
import secrets
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, NamedTuple, TypeVar

from holdfast.auth.generation import Generation
from holdfast.catalog.interface import Catalog, Snapshot, Transaction
from holdfast.catalog.rows import AUDIT, AuditRow

Result = TypeVar("Result")

DAY_US: Final = 86_400_000_000

Source = Literal["cli", "portal", "ldap", "oidc"]
"""Who made a membership, and so who may change it without being asked."""


class Change(NamedTuple, Generic[Result]):
    """What a change did: its result, and the facts of its audit row. `detail` never holds a secret."""

    result: Result
    subject: str
    """What was changed, by its name: a tenancy, `TENANCY/USER`, an access key id."""
    tenancy_id: str = ""
    detail: Mapping[str, Any] = {}


def _now_us() -> int:
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Office:
    """What every function of `admin` is given first."""

    catalog: Catalog
    generation: Generation
    actor: str
    """Who acts, for the audit: `cli:root`, or a user's id."""
    source: Source = "cli"
    now_us: Callable[[], int] = _now_us
    random: random.Random = field(default_factory=secrets.SystemRandom)
    token: str = ""
    """The public id of the token through which the actor acts, for the audit; empty = in person."""

    def read(self) -> AbstractContextManager[Snapshot]:
        """Open a snapshot."""
        return self.catalog.read()

    def new_id(self) -> str:
        """Return random text that is never used again: 32 hexadecimal digits."""
        return f"{self.random.getrandbits(128):032x}"

    def record(self, action: str, subject: str, tenancy_id: str = "", detail: Mapping[str, Any] = {}) -> None:
        """Write an audit row for what was done elsewhere, such as an act on data. Durable when this returns.

        No cache holds such rows, so that none is told to read anew: people who look at objects would else empty those
        of every worker.
        """
        self._commit(action, lambda rows, now_us: Change(None, subject, tenancy_id, detail))

    def commit(self, action: str, change: Callable[[Transaction, int], Change[Result]]) -> Result:
        """Make a change with its audit row in one durable transaction, then tell every worker that its caches are
        stale.

        `change` gets the rows and the time, and may be run again. What it raises undoes everything and is raised here.
        """
        result = self._commit(action, change)
        self.generation.raise_()
        return result

    def _commit(self, action: str, change: Callable[[Transaction, int], Change[Result]]) -> Result:
        now_us = self.now_us()
        audit_id = self.new_id()

        def commit_fn(rows: Transaction) -> Result:
            done = change(rows, now_us)
            facts = {**done.detail, "token": self.token} if self.token else done.detail
            detail = json.dumps(facts, separators=(",", ":"), ensure_ascii=False) if facts else ""
            rows.add(AUDIT, AuditRow(now_us, audit_id, self.actor, action, done.subject, done.tenancy_id, detail))
            return done.result

        outcome = self.catalog.commit([commit_fn])[0]
        if outcome.error is not None:
            raise outcome.error
        result: Result = outcome.result
        return result

    def commit_piece(self, change: Callable[[Transaction, int], Result]) -> Result:
        """Make one of the many changes of an act whose begin and end are commits of their own, with audit rows.

        For rows that no cache holds. Durable when this returns; `change` may be run again.
        """
        now_us = self.now_us()
        outcome = self.catalog.commit([lambda rows: change(rows, now_us)])[0]
        if outcome.error is not None:
            raise outcome.error
        result: Result = outcome.result
        return result
