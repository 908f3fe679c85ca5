"""People in the catalog: each account of the portal stands for one user there, and goes when that user is removed."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.db import transaction

from holdfast.admin.errors import Taken
from holdfast.admin.users import create_user, remove_user, set_email
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import AUDIT, USERS, UserRow
from holdfast.portal.house import house

from .models import LoginLink, Person, Session

SYSTEM_ACTOR = "portal"
"""Who acts where nobody is logged in: signing up, and what the portal does by itself."""
_AT_ONCE_MAX = 100


def make_principal(name: str, email: str) -> tuple[str, bool]:
    """Return the id of the user of this name in the catalog, and whether it was made just now.

    A user who is there already is nobody's to take by signing up, whatever the address: operators invite them. But one
    that this portal made for an account which then was not kept belongs to nobody. Raises Taken, or Refused for a bad
    name.
    """
    office = house().office(SYSTEM_ACTOR)
    try:
        return create_user(office, name, email).user_id, True
    except Taken:
        with office.read() as rows:
            user = find_user(rows, name)
            if user is None or not _is_left_over(rows, user):
                raise
    return set_email(office, name, email).user_id, False


def unmake_principal(principal_id: str, name: str) -> None:
    """Take back a user that was just made for an account that could not be kept, unless an account has it by now."""
    if not Person.objects.filter(principal_id=principal_id).exists():
        remove_user(house().office(SYSTEM_ACTOR), name)


def is_name_taken(name: str) -> bool:
    """Whether a name belongs to an account, or to a user in the catalog who may get one."""
    clear_way(name=name)
    if Person.objects.filter(name=name).exists():
        return True
    with house().catalog.read() as rows:
        user = find_user(rows, name)
        return user is not None and not _is_left_over(rows, user)


def _is_left_over(rows: Snapshot, user: UserRow) -> bool:
    """Whether a user was made by this portal, and there is no account: the change that it was part of was not kept."""
    if Person.objects.filter(principal_id=user.user_id).exists():
        return False
    # A user and the audit row of its making have one time.
    made = rows.scan(AUDIT, (user.created_at_us,), count_max=_AT_ONCE_MAX)
    return any(
        (row.action, row.actor, row.subject) == ("user.create", SYSTEM_ACTOR, user.name) and user.user_id in row.detail
        for row in made
    )


def find_principal(principal_id: str) -> UserRow | None:
    """Return the user behind an account, or None."""
    with house().catalog.read() as rows:
        return rows.find(USERS, (principal_id,))


def find_user(rows: Snapshot, name: str) -> UserRow | None:
    """Return the user in the catalog who has this name now, with an account or not."""
    found = rows.scan(USERS, (name,), index="by_live_name", count_max=1)
    return found[0] if found and found[0].state != "removed" else None


def is_gone(person: Person) -> bool:
    """Whether the user behind an account was removed for good."""
    principal = find_principal(person.principal_id)
    return principal is None or principal.state == "removed"


def clear_way(*, name: str = "", email: str = "") -> None:
    """Let go of a name and an address that accounts of removed users still hold, so that they are free for others."""
    held = list(Person.objects.filter(name=name)) if name else []
    if email:
        held += [address.user for address in EmailAddress.objects.filter(email=email.lower()).select_related("user")]
        held += list(Person.objects.filter(email=email.lower()))
    for person in held:
        if is_gone(person):
            retire(person)


def retire(person: Person) -> None:
    """Close the account of a removed user for good. The row stays, under its principal id, so that history reads."""
    with transaction.atomic():
        for model in (Session, LoginLink):
            model.objects.filter(person=person).delete()
        for foreign in (EmailAddress, Authenticator, SocialAccount):
            foreign.objects.filter(user=person).delete()
        person.full_name = person.full_name or person.name
        person.name = person.principal_id
        person.email = person.upstream_id = ""
        person.is_active = person.is_operator = False
        person.set_unusable_password()
        person.save()
