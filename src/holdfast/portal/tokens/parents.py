"""Tokens that a token of the API made: they end with it at the latest, and say which one it was.

Else a token of seven days that somebody got hold of would make one that never ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from holdfast.admin.errors import Refused

from .models import ApiToken, MadeToken


def check_end_within(parent: ApiToken, end_us: int | None) -> None:
    """Check the end of a token that an API token makes; None = no end. Raises Refused."""
    latest_us = parent.expires_at_us
    if latest_us is not None and (end_us is None or end_us > latest_us):
        last = datetime.fromtimestamp((latest_us - 1) / 1_000_000, UTC).date().isoformat()
        raise Refused(
            f"what {parent.public_id} makes ends with it at the latest: give a `last_day` until {last}, or make the "
            "token in the portal"
        )


def note(token_id: str, parent_id: str) -> None:
    """Write down which token made one."""
    MadeToken.objects.create(token_id=token_id, parent_id=parent_id)


def parents_of(token_ids: Iterable[str]) -> Mapping[str, str]:
    """Return token id → the id of the one that made it, for those that a token made. One query."""
    found = MadeToken.objects.filter(token_id__in=list(token_ids))
    return {made.token_id: made.parent_id for made in found}


def children_of(token_id: str) -> Sequence[str]:
    """Return the ids of what a token made, and of what these made, each once."""
    found: dict[str, None] = {}
    wave = [token_id]
    while wave:
        made = MadeToken.objects.filter(parent_id__in=wave).order_by("token_id").values_list("token_id", flat=True)
        wave = [each for each in made if each not in found and each != token_id]
        found.update(dict.fromkeys(wave))
    return list(found)
