"""Telling people a week before a token ends, once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from holdfast.admin.access_keys import keys_ending
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import MEMBERS, TENANCIES, USERS
from holdfast.portal.house import house
from holdfast.portal.notices.notify import notify
from holdfast.portal.people.lookups import people_by_principal
from holdfast.portal.tenancies.pages import tenancy_path

from .api_tokens import end_of, state_of
from .ledger import EXPIRING_US
from .models import ApiToken


class Ending(NamedTuple):
    """A token that works and ends soon."""

    token_id: str
    owner_id: str
    description: str
    tenancy: str
    ends_at_us: int


def remind_owners() -> int:
    """Tell the owners of tokens that end within a week and return how many were told now. Reads every token."""
    opened = house()
    now_us = opened.now_us()
    with opened.catalog.read() as rows:
        ending = [*_keys(rows, now_us), *_api_tokens(rows, now_us)]
    people = people_by_principal({each.owner_id for each in ending})
    return sum(
        notify(
            [people[each.owner_id]],
            "token_expiring",
            f"your token in {each.tenancy} ends on {_day(each.ends_at_us)}",
            f"The token {each.token_id}{_described(each)} in {each.tenancy} works until {_day(each.ends_at_us)} (UTC). "
            "If programs still need it, rotate it: you get a new secret, and the old one may go on for some days.",
            url=tenancy_path(each.tenancy, "tokens/"),
            level="attention",
            once=f"token-expiring:{each.token_id}:{each.ends_at_us}",
        )
        for each in ending
        if each.owner_id in people
    )


def _keys(rows: Snapshot, now_us: int) -> Iterator[Ending]:
    for tenancy, key in keys_ending(rows, now_us, now_us + EXPIRING_US):
        row = key.row
        assert row.expires_at_us is not None
        yield Ending(row.access_key_id, row.user_id, row.description, tenancy.name, row.expires_at_us)


def _api_tokens(rows: Snapshot, now_us: int) -> Iterator[Ending]:
    soon = ApiToken.objects.filter(
        revoked_at_us=None, expires_at_us__gt=now_us, expires_at_us__lt=now_us + EXPIRING_US
    ).select_related("person")
    for token in soon:
        user_id = token.person.principal_id
        tenancy = rows.find(TENANCIES, (token.tenancy_id,))
        member = rows.find(MEMBERS, (token.tenancy_id, user_id))
        state = state_of(token, tenancy, member, rows.find(USERS, (user_id,)), now_us)
        end_us = end_of(token, member)
        if tenancy is not None and state == "active" and end_us == token.expires_at_us and end_us is not None:
            yield Ending(token.public_id, user_id, token.description, tenancy.name, end_us)


def _described(ending: Ending) -> str:
    return f" “{ending.description}”" if ending.description else ""


def _day(end_us: int) -> str:
    last = datetime.fromtimestamp((end_us - 1) / 1_000_000, UTC)
    return f"{last.day} {last:%B %Y}"
