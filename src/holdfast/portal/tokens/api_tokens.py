"""Bearer tokens of the management API: made, found by their secret, and revoked.

A token works while it is within its own end, its person is active and still the member that they were when it was
made, and the tenancy is not suspended. All of that is asked at each use, so that none of it has to be told.
"""

from __future__ import annotations

import hashlib
import secrets
import string
from collections.abc import Sequence
from typing import Final, NamedTuple

from django.db import transaction
from django.db.models import Q

from holdfast.admin.errors import Unknown
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import MEMBERS, TENANCIES, USERS, MemberRow, TenancyRow, UserRow
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.people.models import Person

from .models import READ_ONLY, ApiToken

PREFIX: Final = "hft_"
"""Begins every secret, so that scanners of code know one where it was left lying."""
SECRET_LENGTH: Final = 40
_LETTERS: Final = string.ascii_letters + string.digits
_ID_LENGTH: Final = 12
_ID_LETTERS: Final = string.ascii_uppercase + string.digits
_USE_STEP_US: Final = 60_000_000


class NewApiToken(NamedTuple):
    """A token with its secret, which is nowhere else and never shown again."""

    token: ApiToken
    secret: str

    def __repr__(self) -> str:
        return f"NewApiToken({self.token.public_id!r}, secret=…)"


def make_api_token(
    standing: Standing,
    owner: Person,
    description: str,
    expires_at_us: int | None,
    replaces: ApiToken | None = None,
    scope: str = READ_ONLY,
) -> NewApiToken:
    """Make a token for a member; `standing` is of the person who asks, whom the audit names. None = no end."""
    return _make(standing.person, standing.tenancy.tenancy_id, owner, description, expires_at_us, replaces, scope)


def make_site_token(
    operator: Person,
    description: str,
    expires_at_us: int | None,
    replaces: ApiToken | None = None,
    scope: str = READ_ONLY,
) -> NewApiToken:
    """Make a token of the whole site for an operator: it works as long as they are one. None = no end."""
    return _make(operator, "", operator, description, expires_at_us, replaces, scope)


def _make(
    maker: Person,
    tenancy_id: str,
    owner: Person,
    description: str,
    expires_at_us: int | None,
    replaces: ApiToken | None,
    scope: str,
) -> NewApiToken:
    opened = house()
    secret = PREFIX + _random(_LETTERS, SECRET_LENGTH)
    token = ApiToken(
        public_id=f"API-{_random(_ID_LETTERS, _ID_LENGTH)}",
        digest=_digest(secret),
        tenancy_id=tenancy_id,
        person=owner,
        description=description,
        scope=scope,
        created_at_us=opened.now_us(),
        expires_at_us=expires_at_us,
    )
    detail = {"user_id": owner.principal_id, "expires_at_us": expires_at_us, "scope": token.scope}
    if replaces is not None:
        detail["replaces"] = replaces.public_id
    with transaction.atomic():
        token.save()
        # Within: what can't be audited is not made.
        opened.office(maker.principal_id).record("api-token.create", token.public_id, tenancy_id, detail)
    return NewApiToken(token, secret)


def find_api_token(secret: str) -> ApiToken | None:
    """Return the token that a secret is, when it works now; else None, whatever the reason.

    One query and some point reads. Notes its use, at most once a minute.
    """
    if not secret.startswith(PREFIX) or len(secret) != len(PREFIX) + SECRET_LENGTH:
        return None
    token = ApiToken.objects.select_related("person").filter(digest=_digest(secret), revoked_at_us=None).first()
    opened = house()
    now_us = opened.now_us()
    if token is None or not token.person.is_active:
        return None
    with opened.catalog.read() as rows:
        tenancy, member, user = _rows_behind(rows, token)
    works = (
        state_of(token, tenancy, member, user, now_us) if token.tenancy_id else state_of_site_token(token, user, now_us)
    )
    if works != "active":
        return None
    if token.last_used_us is None or token.last_used_us <= now_us - _USE_STEP_US:
        # Conditional, since two at once must not go back in time.
        unused_since = Q(last_used_us=None) | Q(last_used_us__lt=now_us)
        ApiToken.objects.filter(unused_since, pk=token.pk).update(last_used_us=now_us)
    return token


def revoke_api_token(person: Person, token: ApiToken) -> bool:
    """Refuse a token from now on, in the name of a person, and return whether it was not revoked before. Idempotent."""
    opened = house()
    with transaction.atomic():
        fresh = ApiToken.objects.filter(pk=token.pk, revoked_at_us=None).update(revoked_at_us=opened.now_us())
        if fresh:
            opened.office(person.principal_id).record(
                "api-token.revoke", token.public_id, token.tenancy_id, {"user_id": token.person.principal_id}
            )
    return bool(fresh)


def shorten_api_token(token: ApiToken, ends_at_us: int) -> None:
    """Let a token end at a moment, unless it ends sooner."""
    later = Q(expires_at_us=None) | Q(expires_at_us__gt=ends_at_us)
    ApiToken.objects.filter(later, pk=token.pk).update(expires_at_us=ends_at_us)


def tenancy_api_tokens(tenancy: TenancyRow, person: Person | None = None) -> Sequence[ApiToken]:
    """Return the tokens of a tenancy, or of one person in it, the newest first. One query."""
    found = ApiToken.objects.filter(tenancy_id=tenancy.tenancy_id).select_related("person")
    return list(found if person is None else found.filter(person=person))


def site_tokens() -> Sequence[ApiToken]:
    """Return the operators' tokens of the whole site, the newest first. One query."""
    return list(ApiToken.objects.filter(tenancy_id="").select_related("person"))


def get_site_token(token_id: str) -> ApiToken:
    """Return an operator's token of the whole site. Raises Unknown."""
    found = ApiToken.objects.filter(public_id=token_id, tenancy_id="").select_related("person").first()
    if found is None:
        raise Unknown("API token of the whole site", token_id)
    return found


def state_of(
    token: ApiToken, tenancy: TenancyRow | None, member: MemberRow | None, user: UserRow | None, now_us: int
) -> str:
    """Return how a token stands, in the words of `admin.access_keys.HeldKey`."""
    # Who left and joined again is another membership: as with access keys, the old tokens don't come back.
    if token.revoked_at_us is not None or member is None or member.created_at_us > token.created_at_us:
        return "revoked"
    ends_at_us = end_of(token, member)
    if ends_at_us is not None and ends_at_us <= now_us:
        return "expired"
    if user is None or user.state != "active" or tenancy is None or tenancy.state == "suspended":
        return "suspended"
    return "active"


def state_of_site_token(token: ApiToken, user: UserRow | None, now_us: int) -> str:
    """Return how an operator's token of the whole site stands, in the same words."""
    if token.revoked_at_us is not None or not token.person.is_operator:
        return "revoked"
    if token.expires_at_us is not None and token.expires_at_us <= now_us:
        return "expired"
    return "active" if user is not None and user.state == "active" else "suspended"


def end_of(token: ApiToken, member: MemberRow | None) -> int | None:
    """Return the end of a token or of its membership, whichever is first."""
    ends = (token.expires_at_us, member.until_us if member is not None else None)
    return min((end_us for end_us in ends if end_us is not None), default=None)


def _rows_behind(rows: Snapshot, token: ApiToken) -> tuple[TenancyRow | None, MemberRow | None, UserRow | None]:
    user_id = token.person.principal_id
    return (
        rows.find(TENANCIES, (token.tenancy_id,)),
        rows.find(MEMBERS, (token.tenancy_id, user_id)),
        rows.find(USERS, (user_id,)),
    )


def _random(letters: str, length: int) -> str:
    return "".join(secrets.choice(letters) for _ in range(length))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
