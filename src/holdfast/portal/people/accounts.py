"""Accounts that others make: an operator invites somebody, or makes them an operator."""

from __future__ import annotations

from typing import NamedTuple

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.db import transaction

from holdfast.admin.errors import Refused, Taken, Unknown
from holdfast.admin.names import check_user_name
from holdfast.admin.office import Office
from holdfast.admin.users import create_user, set_email
from holdfast.catalog.rows import MEMBERS
from holdfast.portal.house import house

from .addresses import read_address
from .backends import may_log_in
from .links import password_link
from .models import Person
from .principals import clear_way, find_user


class Invitation(NamedTuple):
    """An account, and the way into it."""

    person: Person
    link: str
    """Where the password is set, once, within an hour; empty for who has a password elsewhere."""
    is_new: bool


def invite(
    office: Office,
    name: str,
    email: str,
    full_name: str = "",
    *,
    tells: bool = True,
    vouches_for_members: bool = True,
) -> Invitation:
    """Give a user of the store an account, and return the link at which they set their first password.

    A user who is not there yet is made. With `tells`, the link is mailed, too. The address counts as confirmed: whoever
    invites vouches for it. Without `vouches_for_members` they vouch for nobody who is a member of something and whom
    the store knows by another address, or none: whoever gets the link would be that member. Raises Refused or Taken.
    """
    email = read_address(email.strip())
    check_user_name(name)
    _check_full_name(full_name)
    clear_way(name=name, email=email)
    person = Person.objects.filter(name=name).first()
    is_new = person is None
    if person is None:
        _check_free(email, None)
        person = _make(office, name, email, full_name, vouches_for_members=vouches_for_members)
    elif person.email.lower() != email:
        raise Refused(
            f"`{name}` has an account with another e-mail address, {person.email or 'none'}: give that one, or "
            "they change it themselves on the page Profile"
        )
    else:
        _confirm(person, email)
    link = password_link(person) if person.keeps_password_here else ""
    office.record("person.invite", name, detail={"user_id": person.principal_id})
    if tells and link:
        _mail(person, link)
    return Invitation(person, link, is_new)


def address_of(name: str) -> str:
    """Return the address of an account, or of a user who has none yet. Raises Refused where neither has one."""
    clear_way(name=name)
    person = Person.objects.filter(name=name).first()
    if person is not None and person.email:
        return person.email
    with house().catalog.read() as rows:
        user = find_user(rows, name)
    if user is None or not user.email:
        raise Refused(f"no e-mail address of `{name}` is known: give it with --email ADDRESS")
    return user.email


def get_account(name: str) -> Person:
    """Return the account of this name. Raises Unknown where there is none."""
    person = Person.objects.filter(name=name).first()
    if person is None:
        raise Unknown("account", name)
    return person


def set_operator(office: Office, person: Person, *, is_operator: bool) -> bool:
    """Make somebody an operator, or no operator any more, and say whether that is new.

    Raises Refused where nobody would be left who is an operator and may log in. Two at once can't remove each other:
    who is left is looked at under the lock under which it is changed.
    """
    with transaction.atomic():
        person.refresh_from_db(fields=["is_operator"])
        if person.is_operator == is_operator:
            return False
        others = Person.objects.filter(is_operator=True).exclude(pk=person.pk)
        if not is_operator and not any(may_log_in(other) for other in others):
            raise Refused(
                f"`{person.name}` is the last operator who can log in: make somebody else one first, on Operators → "
                "People or with holdfast admin create NAME --email ADDRESS"
            )
        person.is_operator = is_operator
        person.save(update_fields=["is_operator"])
        office.record("operator.add" if is_operator else "operator.remove", person.name)
    return True


def _check_full_name(text: str) -> None:
    from .forms import check_line

    try:
        check_line(text)
    except ValidationError:
        raise Refused("a full name is one line of letters, digits and signs that can be seen") from None


def _make(office: Office, name: str, email: str, full_name: str, *, vouches_for_members: bool) -> Person:
    with house().catalog.read() as rows:
        user = find_user(rows, name)
        is_member = user is not None and bool(rows.scan(MEMBERS, (user.user_id,), index="by_user", count_max=1))
    if user is None:
        user = create_user(office, name, email)
    elif user.state != "active":
        raise Refused(f"user `{name}` is {user.state}: holdfast user resume {name} takes that back")
    elif user.email.lower() != email:
        if is_member and not vouches_for_members:
            raise Refused(
                f"`{name}` is a member of something already, with no account and another e-mail address or none: on "
                f"the machine, holdfast user invite {name} --email ADDRESS gives them one"
            )
        user = set_email(office, name, email)
    person = Person(name=name, email=email, full_name=full_name, source="cli", principal_id=user.user_id)
    person.set_unusable_password()
    person.save()
    _confirm(person, email)
    return person


def _confirm(person: Person, email: str) -> None:
    _check_free(email, person)
    with transaction.atomic():
        EmailAddress.objects.filter(user=person).exclude(email=email).update(primary=False)
        EmailAddress.objects.update_or_create(user=person, email=email, defaults={"verified": True, "primary": True})


def _check_free(email: str, person: Person | None) -> None:
    own = person.pk if person is not None else 0
    others = Person.objects.filter(email__iexact=email).exclude(pk=own)
    if others.exists() or EmailAddress.objects.filter(email=email, verified=True).exclude(user_id=own).exists():
        raise Taken(f"the address `{email}` belongs to another account")


def _mail(person: Person, link: str) -> None:
    from holdfast.portal.notices.notify import write_to

    text = (
        f"You have an account here, as {person.name}. Open this link to choose a password; it works once, within an "
        f"hour. If it is too late by then, take the way “Forgot your password?” on the log-in page."
    )
    write_to(person.email, "Your account", text, url=link)
