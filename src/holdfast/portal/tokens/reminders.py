"""Telling people a week before a token ends, once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from django.db.models import QuerySet

from holdfast.admin.access_keys import keys_ending
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import MEMBERS, TENANCIES, USERS, TenancyRow
from holdfast.portal.house import house
from holdfast.portal.notices.notify import notify
from holdfast.portal.people.lookups import people_by_principal
from holdfast.portal.tenancies.pages import tenancy_path

from .api_tokens import end_of, state_of, state_of_site_token
from .ledger import EXPIRING_US
from .models import ApiToken


class Ending(NamedTuple):
    """A token that works and ends soon."""

    token_id: str
    owner_id: str
    description: str
    place: str
    """Where it works: `in a-o`, say."""
    ends_at_us: int
    url: str
    """Where the owner sees it."""
    advice: str = "rotate it: you get a new secret, and the old one may go on for some days"


def remind_owners() -> int:
    """Tell the owners of tokens that end within a week and return how many were told now. Reads every token."""
    opened = house()
    now_us = opened.now_us()
    with opened.catalog.read() as rows:
        ending = [*_keys(rows, now_us), *_api_tokens(rows, now_us), *_site_tokens(rows, now_us)]
    people = people_by_principal({each.owner_id for each in ending})
    return sum(
        notify(
            [people[each.owner_id]],
            "token_expiring",
            f"your token {each.place} ends on {_day(each.ends_at_us)}",
            f"The token {each.token_id}{_described(each)} {each.place} works until {_day(each.ends_at_us)} (UTC). "
            f"If programs still need it, {each.advice}.",
            url=each.url,
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
        yield _in_tenancy(row.access_key_id, row.user_id, row.description, tenancy, row.expires_at_us)


def _api_tokens(rows: Snapshot, now_us: int) -> Iterator[Ending]:
    for token in _ending_soon(now_us).exclude(tenancy_id=""):
        user_id = token.person.principal_id
        tenancy = rows.find(TENANCIES, (token.tenancy_id,))
        member = rows.find(MEMBERS, (token.tenancy_id, user_id))
        state = state_of(token, tenancy, member, rows.find(USERS, (user_id,)), now_us)
        end_us = end_of(token, member)
        if tenancy is not None and state == "active" and end_us == token.expires_at_us and end_us is not None:
            yield _in_tenancy(token.public_id, user_id, token.description, tenancy, end_us)


def _site_tokens(rows: Snapshot, now_us: int) -> Iterator[Ending]:
    for token in _ending_soon(now_us).filter(tenancy_id=""):
        user_id = token.person.principal_id
        end_us = token.expires_at_us
        if end_us is not None and state_of_site_token(token, rows.find(USERS, (user_id,)), now_us) == "active":
            yield Ending(
                token.public_id, user_id, token.description, "of the whole site", end_us, "/operators/api-tokens/",
                "add another in its place, and revoke this one when they have it",
            )  # fmt: skip


def _ending_soon(now_us: int) -> QuerySet[ApiToken]:
    return ApiToken.objects.filter(
        revoked_at_us=None, expires_at_us__gt=now_us, expires_at_us__lt=now_us + EXPIRING_US
    ).select_related("person")


def _in_tenancy(token_id: str, owner_id: str, description: str, tenancy: TenancyRow, ends_at_us: int) -> Ending:
    path = tenancy_path(tenancy.name, "tokens/")
    return Ending(token_id, owner_id, description, f"in {tenancy.name}", ends_at_us, path)


def _described(ending: Ending) -> str:
    return f" “{ending.description}”" if ending.description else ""


def _day(end_us: int) -> str:
    last = datetime.fromtimestamp((end_us - 1) / 1_000_000, UTC)
    return f"{last.day} {last:%B %Y}"
