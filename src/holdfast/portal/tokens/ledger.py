"""The tokens of a tenancy as its people see them: access keys of S3 and tokens of the API in one list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Literal

from holdfast.admin.access_keys import HeldKey, last_uses, reach_text, tenancy_access_keys
from holdfast.admin.office import DAY_US
from holdfast.auth.roles import Right
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import MEMBERS, USERS, AccessKeyRow
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.people.lookups import names_by_principal
from holdfast.portal.people.models import Person

from .api_tokens import end_of, state_of, tenancy_api_tokens
from .models import ApiToken

EXPIRING_US: Final = 7 * DAY_US
"""From when on before its end a token is called EXPIRING, and its owner told."""
PAGE_SIZE: Final = 50


class State(StrEnum):
    """How a token stands. The value is what people read."""

    ACTIVE = "ACTIVE"
    EXPIRING = "EXPIRING"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"
    SUSPENDED = "SUSPENDED"
    """The user or the tenancy is suspended; it works again when that is taken back."""

    @property
    def kind(self) -> str:
        """The look of it, as components/status.html has it."""
        return {"ACTIVE": "ok", "EXPIRING": "warn", "EXPIRED": "neutral", "REVOKED": "neutral"}.get(self, "error")

    @property
    def works(self) -> bool:
        return self in (State.ACTIVE, State.EXPIRING)


@dataclass(frozen=True, slots=True)
class Token:
    """One token, without its secret."""

    kind: Literal["s3", "api"]
    token_id: str
    owner_id: str
    description: str
    created_at_us: int
    ends_at_us: int | None
    """Its own end or that of its membership, whichever is first."""
    scope: str
    state: State
    access_key: AccessKeyRow | None = None
    api_token: ApiToken | None = None
    owner: str = ""
    """By name; filled in for what is shown."""
    last_used_us: int | None = None
    last_use: str = ""
    """From where and by what, where that is known."""

    @property
    def last_us(self) -> int | None:
        """The last moment at which it works: the end of 31 January lies in that day."""
        return None if self.ends_at_us is None else self.ends_at_us - 1

    @property
    def created_on(self) -> datetime:
        return _moment(self.created_at_us)

    @property
    def last_on(self) -> datetime | None:
        return None if self.last_us is None else _moment(self.last_us)

    @property
    def last_used_at(self) -> datetime | None:
        return None if self.last_used_us is None else _moment(self.last_used_us)

    @property
    def kind_text(self) -> str:
        return "S3" if self.kind == "s3" else "API"


@dataclass(frozen=True, slots=True)
class Page:
    """Some tokens of a longer list."""

    tokens: Sequence[Token]
    number: int
    """From 1."""
    first: int
    count: int
    """Of all that fit the filter."""

    @property
    def last(self) -> int:
        return self.first + len(self.tokens) - 1

    @property
    def summary(self) -> str:
        return f"{self.first:,}–{self.last:,} of {self.count:,}"

    @property
    def has_next(self) -> bool:
        return self.last < self.count


def list_tokens(standing: Standing, person: Person | None, text: str = "", state: str = "", number: int = 1) -> Page:
    """Return a page of the tokens of a tenancy, or of one person in it, the newest first.

    `text` is looked for in ids, owners, descriptions and scopes; `state` is a `State`, or empty for all. A bounded
    number of queries whatever the length of the list.
    """
    with house().catalog.read() as rows:
        tokens = _all(rows, standing, person)
        if state:
            tokens = [token for token in tokens if token.state == state]
        if text:
            names = names_by_principal(rows, {token.owner_id for token in tokens})
            tokens = [token for token in tokens if _fits(token, names.get(token.owner_id, ""), text.casefold())]
        first = min((number - 1) * PAGE_SIZE, max(0, (len(tokens) - 1) // PAGE_SIZE * PAGE_SIZE))
        shown = tokens[first : first + PAGE_SIZE]
        filled = _filled(rows, shown)
    return Page(filled, first // PAGE_SIZE + 1, first + 1 if shown else 0, len(tokens))


def find_token(standing: Standing, token_id: str) -> Token | None:
    """Return a token of this tenancy that the person may see: their own, or anybody's by the right to see others'."""
    person = None if standing.may(Right.OTHERS_TOKENS) else standing.person
    with house().catalog.read() as rows:
        found = [token for token in _all(rows, standing, person) if token.token_id == token_id]
        return _filled(rows, found)[0] if found else None


def count_own(standing: Standing) -> int:
    """Return how many of the person's own tokens work, or would but for a suspension."""
    with house().catalog.read() as rows:
        own = _all(rows, standing, standing.person)
    return sum(token.state not in (State.EXPIRED, State.REVOKED) for token in own)


def shown_state(state: str, ends_at_us: int | None, now_us: int) -> State:
    """Return the state that people read, of a word of `admin.access_keys.HeldKey`."""
    if state == "active" and ends_at_us is not None and ends_at_us <= now_us + EXPIRING_US:
        return State.EXPIRING
    return State(state.upper())


def _all(rows: Snapshot, standing: Standing, person: Person | None) -> list[Token]:
    now_us = house().now_us()
    user_id = None if person is None else person.principal_id
    keys = [_of_key(key, now_us) for key in tenancy_access_keys(rows, standing.tenancy, now_us, user_id)]
    tokens = [_of_api_token(rows, standing, token, now_us) for token in tenancy_api_tokens(standing.tenancy, person)]
    return sorted([*keys, *tokens], key=lambda token: (-token.created_at_us, token.token_id))


def _of_key(key: HeldKey, now_us: int) -> Token:
    return Token(
        "s3",
        key.row.access_key_id,
        key.row.user_id,
        key.row.description,
        key.row.created_at_us,
        key.ends_at_us,
        reach_text(key.row),
        shown_state(key.state, key.ends_at_us, now_us),
        access_key=key.row,
    )


def _of_api_token(rows: Snapshot, standing: Standing, token: ApiToken, now_us: int) -> Token:
    user_id = token.person.principal_id
    member = rows.find(MEMBERS, (token.tenancy_id, user_id))
    state = state_of(token, standing.tenancy, member, rows.find(USERS, (user_id,)), now_us)
    ends_at_us = end_of(token, member)
    return Token(
        "api",
        token.public_id,
        user_id,
        token.description,
        token.created_at_us,
        ends_at_us,
        "read the management API",
        shown_state(state, ends_at_us, now_us),
        api_token=token,
        last_used_us=token.last_used_us,
    )


def _filled(rows: Snapshot, tokens: Sequence[Token]) -> Sequence[Token]:
    names: Mapping[str, str] = names_by_principal(rows, {token.owner_id for token in tokens})
    uses = last_uses(rows, [token.token_id for token in tokens if token.kind == "s3"])
    filled = []
    for token in tokens:
        token = replace(token, owner=names.get(token.owner_id, token.owner_id))
        if use := uses.get(token.token_id):
            program = _program(use.user_agent)
            by = f"from {use.source_ip}" + (f" by {program}" if program else "")
            token = replace(token, last_used_us=use.last_used_us, last_use=by)
        filled.append(token)
    return filled


def _fits(token: Token, owner: str, text: str) -> bool:
    return any(text in each.casefold() for each in (token.token_id, owner, token.description, token.scope))


def _moment(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC)


def _program(user_agent: str) -> str:
    """Return what a client calls itself, without what it tells of its machine: `Boto3/1.43`."""
    if user_agent.startswith("Mozilla/"):
        return "a browser"
    return user_agent.partition(" ")[0][:40]
