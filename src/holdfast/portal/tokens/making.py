"""Making a token of what was asked for: an access key of S3, or a token of the management API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from holdfast.admin.access_keys import NewKey, check_description, check_end, create_access_key, rotate_access_key
from holdfast.admin.errors import Refused, Unknown
from holdfast.admin.managers import is_live
from holdfast.catalog.rows import MEMBERS, USERS
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.people.models import Person

from .api_tokens import NewApiToken, make_api_token, make_site_token, revoke_api_token, shorten_api_token
from .ledger import Token
from .models import READ_ONLY, READ_WRITE, ApiToken
from .parents import check_end_within, note, parents_of


class Wish(NamedTuple):
    """What a token is to be."""

    description: str
    end: int | Literal["never"]
    """In µs of the Unix epoch."""
    s3: bool = True
    """Whether it is a pair for S3; else a token of the management API."""
    read_only: bool = False
    buckets: Sequence[str] = ()
    """Empty = all that the role reaches. These and the prefixes narrow a pair for S3 alone."""
    prefixes: Sequence[str] = ()
    owner: str = ""
    """The member to whom an operator suggests it; empty for oneself."""

    @property
    def end_us(self) -> int | None:
        return None if self.end == "never" else self.end

    @property
    def scope(self) -> str:
        return READ_ONLY if self.read_only else READ_WRITE


class Owner(NamedTuple):
    """A live member who gets a token."""

    person: Person
    user_name: str
    """In the catalog."""


def find_member(standing: Standing, name: str) -> Owner:
    """Return the live member of a name who has an account. Raises Unknown."""
    person = Person.objects.filter(name=name, is_active=True).first()
    if person is None:
        raise Unknown("member with an account here", name)
    return _as_owner(standing, person)


def _as_owner(standing: Standing, person: Person) -> Owner:
    opened = house()
    with opened.catalog.read() as rows:
        member = rows.find(MEMBERS, (standing.tenancy.tenancy_id, person.principal_id))
        user = rows.find(USERS, (person.principal_id,))
    if member is None or not is_live(member, opened.now_us()) or user is None or user.state != "active":
        raise Unknown("member with an account here", person.name)
    return Owner(person, user.name)


def make(standing: Standing, wish: Wish, parent: ApiToken | None = None) -> NewKey | NewApiToken:
    """Make what a member asks for, for themselves. Raises AdminError, and then nothing was made.

    `parent` is the token of the API by which they ask: what it makes ends with it at the latest.

    An operator who is no member is Refused: whoever sees another's secret reads data with it (`suggesting`).
    """
    opened = house()
    if standing.is_operator:
        raise Refused("operators make no tokens for others: suggest one to them, or use holdfast key create")
    if standing.tenancy.state == "suspended":
        raise Refused("this tenancy is suspended: no token of it works until an operator resumes it")
    if parent is not None:
        check_end_within(parent, wish.end_us)
    owner = _as_owner(standing, standing.person)
    made: NewKey | NewApiToken
    if wish.s3:
        made = create_access_key(
            opened.office(standing.person.principal_id),
            opened.keyring,
            opened.settings.limits,
            standing.tenancy.name,
            owner.user_name,
            description=wish.description,
            expires_at_us=wish.end,
            read_only=wish.read_only,
            buckets=wish.buckets,
            prefixes=wish.prefixes,
        )
    else:
        _check_api_token(wish)
        made = make_api_token(standing, owner.person, wish.description, wish.end_us, scope=wish.scope)
    if parent is not None:
        note(id_of(made), parent.public_id)
    return made


def make_for_site(operator: Person, wish: Wish) -> NewApiToken:
    """Make an operator's token of the whole site. Raises Refused."""
    assert operator.is_operator
    _check_api_token(wish)
    return make_site_token(operator, wish.description, wish.end_us, scope=wish.scope)


def _check_api_token(wish: Wish) -> None:
    opened = house()
    check_description(wish.description)
    check_end(wish.end_us, opened.now_us(), opened.settings.limits)
    if wish.buckets or wish.prefixes:
        raise Refused("buckets and prefixes narrow a pair for S3 only: leave them out of a token of the management API")


def rotate(standing: Standing, token: Token, overlap_us: int, parent: ApiToken | None = None) -> NewKey | NewApiToken:
    """Make a new secret in the place of one's own token, which ends now or after the overlap. Raises AdminError.

    `parent` is the token of the API by which that is asked: the new one ends with it at the latest, also where it takes
    the place of that very token.
    """
    made = _rotate(standing, token, overlap_us, None if parent is None else parent.expires_at_us)
    before = parents_of([token.token_id]).get(token.token_id)
    if before is None and parent is not None and parent.public_id != token.token_id:
        before = parent.public_id
    if before is not None:
        note(id_of(made), before)
    return made


def _rotate(standing: Standing, token: Token, overlap_us: int, latest_us: int | None) -> NewKey | NewApiToken:
    opened = house()
    if not token.state.works:
        raise Refused(f"{token.token_id} is {token.state.lower()}: add a new token in its place")
    if token.access_key is not None:
        office = opened.office(standing.person.principal_id)
        return rotate_access_key(office, opened.keyring, opened.settings.limits, token.token_id, overlap_us, latest_us)
    old = token.api_token
    assert old is not None
    now_us = opened.now_us()
    end_us = None if old.expires_at_us is None else now_us + old.expires_at_us - old.created_at_us
    if latest_us is not None:
        end_us = latest_us if end_us is None else min(end_us, latest_us)
    check_end(end_us, now_us, opened.settings.limits)
    made = make_api_token(standing, old.person, old.description, end_us, replaces=old, scope=old.scope)
    if overlap_us:
        shorten_api_token(old, now_us + overlap_us)
    else:
        revoke_api_token(standing.person, old)
    return made


def id_of(made: NewKey | NewApiToken) -> str:
    """Return what people call a new token."""
    return made.row.access_key_id if isinstance(made, NewKey) else made.token.public_id
