"""Who is meant in rows of the audit log: they hold ids, which never change, and people read names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import AuditRow

from .lookups import people_by_principal, user_names

PERSON_FACTS: Final = ("user_id", "before_id")
"""Which facts of a row's detail are the ids of people."""


class Mentioned(NamedTuple):
    """What some rows say, and of whom."""

    details: Sequence[Mapping[str, Any]]
    """The detail of each row, in their order."""
    names: Mapping[str, str]
    """Principal id → `Full name (user name)`, as full names are of people's own choice and may change; the user name
    alone where there is no full name."""
    users: Mapping[str, str]
    """Principal id → user name. In both, who is not there is left out."""


def mentioned_in(rows: Snapshot, found: Sequence[AuditRow]) -> Mentioned:
    """Return what rows of the audit log say, and who did it, to whom, and about whom."""
    details = [json.loads(row.detail) if row.detail else {} for row in found]
    # A subject is an id where all keys of somebody were revoked.
    ids = {each for row in found for each in (row.actor, row.subject)}
    ids |= {detail[name] for detail in details for name in PERSON_FACTS if isinstance(detail.get(name), str)}
    users, people = user_names(rows, ids), people_by_principal(ids)
    names = {
        principal_id: f"{person.full_name} ({name})"
        if (person := people.get(principal_id)) is not None and person.full_name
        else name
        for principal_id, name in users.items()
    }
    return Mentioned(details, names, users)
