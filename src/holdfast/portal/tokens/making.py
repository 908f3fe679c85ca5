"""Making a token of what its form says: an access key of S3, or a token of the management API."""

from __future__ import annotations

from typing import NamedTuple

from holdfast.admin.access_keys import NewKey, create_access_key, rotate_access_key
from holdfast.admin.errors import Refused, Unknown
from holdfast.catalog.rows import MEMBERS, USERS
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.notices.notify import notify
from holdfast.portal.people.models import Person
from holdfast.portal.tenancies.pages import tenancy_path

from . import lifetimes
from .api_tokens import NewApiToken, make_api_token, revoke_api_token, shorten_api_token
from .forms import AddForm
from .ledger import Token


class Owner(NamedTuple):
    """A live member who gets a token."""

    person: Person
    user_name: str
    """In the catalog."""


def find_owner(standing: Standing, form: AddForm) -> Owner:
    """Return for whom a form asks: oneself; for an operator, the member that it names. Raises Unknown."""
    person = standing.person
    if standing.is_operator:
        name = str(form.cleaned_data["owner"])
        found = Person.objects.filter(name=name, is_active=True).first()
        if found is None:
            raise Unknown("member with an account here", name)
        person = found
    opened = house()
    with opened.catalog.read() as rows:
        member = rows.find(MEMBERS, (standing.tenancy.tenancy_id, person.principal_id))
        user = rows.find(USERS, (person.principal_id,))
    is_live = member is not None and (member.until_us is None or opened.now_us() < member.until_us)
    if not is_live or user is None or user.state != "active":
        raise Unknown("member with an account here", person.name)
    return Owner(person, user.name)


def make(standing: Standing, form: AddForm) -> tuple[Owner, NewKey | NewApiToken]:
    """Make what a valid form asks for. Raises AdminError, and then nothing was made."""
    opened = house()
    if standing.tenancy.state == "suspended":
        raise Refused("this tenancy is suspended: no token of it works until an operator resumes it")
    owner = find_owner(standing, form)
    given = form.cleaned_data
    end = lifetimes.end_us(given["expiration"], given["last_day"], opened.now_us())
    made: NewKey | NewApiToken
    if given["s3"]:
        made = create_access_key(
            opened.office(standing.person.principal_id),
            opened.keyring,
            opened.settings.limits,
            standing.tenancy.name,
            owner.user_name,
            description=given["description"],
            expires_at_us=end,
            read_only=given["read_only"],
            buckets=form.all_buckets,
            prefixes=given["prefixes"],
        )
    else:
        made = make_api_token(standing, owner.person, given["description"], None if end == "never" else end)
    if owner.person != standing.person:
        _tell_owner(standing, owner.person, made)
    return owner, made


def rotate(standing: Standing, token: Token, overlap_us: int) -> NewKey | NewApiToken:
    """Make a new secret in the place of one's own token, which ends now or after the overlap. Raises AdminError."""
    opened = house()
    if not token.state.works:
        raise Refused(f"{token.token_id} is {token.state.lower()}: add a new token in its place")
    if token.access_key is not None:
        office = opened.office(standing.person.principal_id)
        return rotate_access_key(office, opened.keyring, opened.settings.limits, token.token_id, overlap_us)
    old = token.api_token
    assert old is not None
    now_us = opened.now_us()
    end_us = None if old.expires_at_us is None else now_us + old.expires_at_us - old.created_at_us
    made = make_api_token(standing, old.person, old.description, end_us, replaces=old)
    if overlap_us:
        shorten_api_token(old, now_us + overlap_us)
    else:
        revoke_api_token(standing, old)
    return made


def id_of(made: NewKey | NewApiToken) -> str:
    """Return what people call a new token."""
    return made.row.access_key_id if isinstance(made, NewKey) else made.token.public_id


def _tell_owner(standing: Standing, owner: Person, made: NewKey | NewApiToken) -> None:
    tenancy = standing.tenancy.name
    text = (
        f"{standing.person}, an operator of this site, made the token {id_of(made)} for you in {tenancy} and has seen "
        "its secret. It acts in your name. If you did not expect this, revoke it and ask them why."
    )
    subject = f"an operator made a token for you in {tenancy}"
    notify([owner], "token_made_by_operator", subject, text, url=tenancy_path(tenancy, "tokens/"), level="attention")
