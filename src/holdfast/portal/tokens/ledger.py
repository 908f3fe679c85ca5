"""The tokens of a tenancy as its people see them: access keys of S3 and tokens of the API in one list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Literal

from holdfast.admin.access_keys import access_key_rows, held_key, last_uses, reach_text
from holdfast.admin.key_kinds import is_internal
from holdfast.admin.office import DAY_US
from holdfast.auth.roles import Right
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import ACCESS_KEYS, MEMBERS, USERS, AccessKeyRow, MemberRow, UserRow
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.people.lookups import names_by_principal
from holdfast.portal.people.models import Person

from .api_tokens import end_of, state_of, tenancy_api_tokens
from .models import READ_ONLY, ApiToken
from .parents import parents_of

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
    user_name: str = ""
    """The owner's in the catalog; empty for who is removed."""
    owner: str = ""
    """As people read it; filled in for what is shown."""
    last_used_us: int | None = None
    last_use: str = ""
    """From where and by what, where that is known."""
    parent_id: str = ""
    """The token of the API that made it; empty for one that a person made."""

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
    number of queries whatever the length of the list; what people read of a token is made up for the page alone.
    """
    with house().catalog.read() as rows:
        desk = _Desk(rows, standing)
        found = desk.wanted(person, text, state)
        first = min((number - 1) * PAGE_SIZE, max(0, (len(found) - 1) // PAGE_SIZE * PAGE_SIZE))
        shown = desk.filled(found[first : first + PAGE_SIZE])
    return Page(shown, first // PAGE_SIZE + 1, first + 1 if shown else 0, len(found))


def tokens_after(
    standing: Standing, person: Person | None, text: str, state: str, after: str, limit: int
) -> tuple[Sequence[Token], bool]:
    """Return the tokens of such a list that follow one by its id, at most so many, and whether there are more.

    Empty = from the first. Nothing follows an id that is not in the list.
    """
    with house().catalog.read() as rows:
        desk = _Desk(rows, standing)
        found = desk.wanted(person, text, state)
        ids = [_id_of(entry) for entry in found]
        first = 0 if not after else ids.index(after) + 1 if after in ids else len(ids)
        return desk.filled(found[first : first + limit]), first + limit < len(found)


def find_token(standing: Standing, token_id: str) -> Token | None:
    """Return a token of this tenancy that the person may see: their own, or anybody's by the right to see others'."""
    tenancy_id = standing.tenancy.tenancy_id
    with house().catalog.read() as rows:
        row = None if is_internal(token_id) else rows.find(ACCESS_KEYS, (token_id,))
        if row is not None and row.tenancy_id != tenancy_id:
            row = None
        entry = row or ApiToken.objects.filter(public_id=token_id, tenancy_id=tenancy_id).first()
        token = None if entry is None else _Desk(rows, standing).filled([entry])[0]
    if token is None or (token.owner_id != standing.person.principal_id and not standing.may(Right.OTHERS_TOKENS)):
        return None
    return token


def count_own(standing: Standing) -> int:
    """Return how many of the person's own tokens work, or would but for a suspension."""
    with house().catalog.read() as rows:
        desk = _Desk(rows, standing)
        own = [desk.token(entry) for entry in desk.entries(standing.person)]
    return sum(token.state not in (State.EXPIRED, State.REVOKED) for token in own)


def api_reach_text(token: ApiToken) -> str:
    """Return what a token of the management API is good for, for people."""
    return "read the management API" if token.scope == READ_ONLY else "use the management API"


def shown_state(state: str, ends_at_us: int | None, now_us: int) -> State:
    """Return the state that people read, of a word of `admin.access_keys.HeldKey`."""
    if state == "active" and ends_at_us is not None and ends_at_us <= now_us + EXPIRING_US:
        return State.EXPIRING
    return State(state.upper())


_Entry = AccessKeyRow | ApiToken


class _Desk:
    """One look at the tokens of a tenancy: rows of members and users are read once, and when they are needed."""

    def __init__(self, rows: Snapshot, standing: Standing) -> None:
        self._rows = rows
        self._tenancy = standing.tenancy
        self._now_us = house().now_us()
        self._members: dict[str, MemberRow | None] = {}
        self._users: dict[str, UserRow | None] = {}

    def entries(self, person: Person | None) -> list[_Entry]:
        """Return all tokens of the tenancy, or of a person in it, the newest first."""
        keys = access_key_rows(self._rows, self._tenancy, None if person is None else person.principal_id)
        found: list[_Entry] = [*keys, *tenancy_api_tokens(self._tenancy, person)]
        return sorted(found, key=lambda entry: (-entry.created_at_us, _id_of(entry)))

    def wanted(self, person: Person | None, text: str, state: str) -> list[_Entry]:
        """Return those of `entries` in which a text stands, in a state; empty = any."""
        found = self.entries(person)
        if text:
            found = self.fitting(found, text.casefold())
        if state:
            found = [entry for entry in found if self.token(entry).state == state]
        return found

    def fitting(self, entries: Sequence[_Entry], text: str) -> list[_Entry]:
        """Return those in which a text stands, in lower case."""
        named = set(Person.objects.filter(full_name__icontains=text).values_list("principal_id", flat=True))

        def fits(entry: _Entry) -> bool:
            owner_id = _owner_id_of(entry)
            words = (_id_of(entry), entry.description, _scope_of(entry))
            if owner_id in named or any(text in word.casefold() for word in words):
                return True
            user = self._user(owner_id)
            return user is not None and text in user.name

        return [entry for entry in entries if fits(entry)]

    def token(self, entry: _Entry) -> Token:
        """Return what people read of a token, but for its owner's name and its last use."""
        owner_id = _owner_id_of(entry)
        member, user = self._member(owner_id), self._user(owner_id)
        if isinstance(entry, ApiToken):
            word, ends_at_us = state_of(entry, self._tenancy, member, user, self._now_us), end_of(entry, member)
        else:
            held = held_key(entry, self._tenancy, member, user, self._now_us)
            word, ends_at_us = held.state, held.ends_at_us
        return Token(
            kind="api" if isinstance(entry, ApiToken) else "s3",
            token_id=_id_of(entry),
            owner_id=owner_id,
            description=entry.description,
            created_at_us=entry.created_at_us,
            ends_at_us=ends_at_us,
            scope=_scope_of(entry),
            state=shown_state(word, ends_at_us, self._now_us),
            access_key=None if isinstance(entry, ApiToken) else entry,
            api_token=entry if isinstance(entry, ApiToken) else None,
            user_name=user.name if user is not None else "",
            last_used_us=entry.last_used_us if isinstance(entry, ApiToken) else None,
        )

    def filled(self, entries: Sequence[_Entry]) -> Sequence[Token]:
        """Return all that people read of some tokens. One query for names."""
        tokens = [self.token(entry) for entry in entries]
        names: Mapping[str, str] = names_by_principal(self._rows, {token.owner_id for token in tokens})
        uses = last_uses(self._rows, [token.token_id for token in tokens if token.kind == "s3"])
        parents = parents_of(token.token_id for token in tokens)
        filled = []
        for token in tokens:
            token = replace(
                token,
                owner=names.get(token.owner_id, token.owner_id),
                parent_id=parents.get(token.token_id, ""),
            )
            if use := uses.get(token.token_id):
                program = _program(use.user_agent)
                by = f"from {use.source_ip}" + (f" by {program}" if program else "")
                token = replace(token, last_used_us=use.last_used_us, last_use=by)
            filled.append(token)
        return filled

    def _member(self, user_id: str) -> MemberRow | None:
        if user_id not in self._members:
            self._members[user_id] = self._rows.find(MEMBERS, (self._tenancy.tenancy_id, user_id))
        return self._members[user_id]

    def _user(self, user_id: str) -> UserRow | None:
        if user_id not in self._users:
            self._users[user_id] = self._rows.find(USERS, (user_id,))
        return self._users[user_id]


def _id_of(entry: _Entry) -> str:
    return entry.public_id if isinstance(entry, ApiToken) else entry.access_key_id


def _owner_id_of(entry: _Entry) -> str:
    return entry.person.principal_id if isinstance(entry, ApiToken) else entry.user_id


def _scope_of(entry: _Entry) -> str:
    return api_reach_text(entry) if isinstance(entry, ApiToken) else reach_text(entry)


def _moment(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC)


def _program(user_agent: str) -> str:
    """Return what a client calls itself, without what it tells of its machine: `Boto3/1.43`."""
    if user_agent.startswith("Mozilla/"):
        return "a browser"
    return user_agent.partition(" ")[0][:40]
