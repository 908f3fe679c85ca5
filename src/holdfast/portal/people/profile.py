"""What the pages about oneself show: roles, identities, ways to log in, and where one is logged in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.utils import timezone

from holdfast.admin.managers import is_live
from holdfast.catalog.rows import MEMBERS, TENANCIES
from holdfast.portal.house import house
from holdfast.portal.upstream import provider_id

from .models import Person, Session
from .sessions import digest_of


class HeldRole(NamedTuple):
    """A role in a tenancy, as the catalog has it."""

    tenancy: str
    role: str
    until_us: int | None
    source: str


class Identity(NamedTuple):
    """A way in by a provider."""

    number: int
    provider: str
    label: str
    last_login: datetime


class Addresses(NamedTuple):
    """The address that counts, and the one that is to take its place once it is confirmed."""

    current: str
    is_confirmed: bool
    pending: str


class Passkey(NamedTuple):
    """A device that logs in."""

    number: int
    name: str
    logs_in_alone: bool
    created_at: datetime
    last_used_at: datetime | None


class Factors(NamedTuple):
    """What a person proves besides the password."""

    has_app: bool
    codes_left: int | None
    """Recovery codes that were not used; None when there are none at all."""
    passkeys: Sequence[Passkey]

    @property
    def are_on(self) -> bool:
        return self.has_app or bool(self.passkeys)


class Place(NamedTuple):
    """A browser where a person is logged in."""

    agent: str
    began_at: datetime | None
    seen_at: datetime
    is_this: bool


def roles_of(person: Person) -> Sequence[HeldRole]:
    """Return the live roles of a person, by tenancy."""
    opened = house()
    now_us = opened.now_us()
    found = []
    with opened.catalog.read() as rows:
        for member in rows.scan(MEMBERS, (person.principal_id,), index="by_user"):
            tenancy = rows.find(TENANCIES, (member.tenancy_id,))
            if tenancy is not None and is_live(member, now_us):
                found.append(HeldRole(tenancy.name, member.role, member.until_us, member.source))
    return sorted(found)


def identities_of(person: Person) -> Sequence[Identity]:
    """Return the provider's identities that lead to an account."""
    site = house().settings.site
    current = provider_id(site.oidc_issuer) if site.oidc_issuer else ""
    return [
        Identity(
            account.pk,
            site.oidc_name if account.provider == current else "a former provider",
            str(account.extra_data.get("username") or account.extra_data.get("email") or account.uid),
            account.last_login,
        )
        for account in SocialAccount.objects.filter(user=person).order_by("date_joined")
    ]


def addresses_of(person: Person) -> Addresses:
    """Return the e-mail addresses of a person."""
    known = {address.email: address.verified for address in EmailAddress.objects.filter(user=person)}
    pending = next((email for email, verified in known.items() if not verified and email != person.email), "")
    return Addresses(person.email, known.get(person.email, False), pending)


def factors_of(person: Person) -> Factors:
    """Return the second factors of a person. One query."""
    found = list(Authenticator.objects.filter(user=person).order_by("created_at"))
    codes = [each for each in found if each.type == Authenticator.Type.RECOVERY_CODES]
    return Factors(
        any(each.type == Authenticator.Type.TOTP for each in found),
        len(codes[0].wrap().get_unused_codes()) if codes else None,
        [
            Passkey(
                each.pk,
                str(each.data.get("name") or "Passkey"),
                bool(each.wrap().is_passwordless),
                each.created_at,
                each.last_used_at,
            )
            for each in found
            if each.type == Authenticator.Type.WEBAUTHN
        ],
    )


def places_of(person: Person, session_key: str | None) -> Sequence[Place]:
    """Return where a person is logged in, the latest visit first."""
    this = digest_of(session_key)
    return [
        Place(session.agent or "Unknown browser", session.began_at, session.seen_at, session.session_key == this)
        for session in Session.objects.filter(person=person, expire_date__gt=timezone.now()).order_by("-seen_at")[:50]
    ]
