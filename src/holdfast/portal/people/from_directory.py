"""People of the site's directory: their log-in, and the round that follows what becomes of them there."""

from __future__ import annotations

from typing import Final

from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest

from holdfast.admin.errors import Taken
from holdfast.admin.users import disable_user, enable_user, set_email
from holdfast.catalog.rows import USERS, UserRow
from holdfast.portal.house import house
from holdfast.telemetry.log import get_log

from .backends import find_by_login, may_log_in
from .directory import Directory, DirectoryDown, Entry, connected, groups_in
from .directory_losses import Doubtful, find_losses
from .forms import check_line
from .groups import reconcile, tell_operators, today
from .models import Person, Session
from .naming import free_name
from .principals import SYSTEM_ACTOR, clear_way, find_principal, is_gone, retire

_log = get_log("portal")
NAME_TRIES: Final = 5


class ByDirectory(AuthenticationBackend):  # type: ignore[misc]  # allauth is not typed
    """Passwords that the directory keeps. Nobody's account is found by a name that the directory uses, too: people are
    told apart by what the directory calls them for ever.
    """

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        email: str | None = None,
        password: str = "",
        **credentials: str,
    ) -> Person | None:
        login = (username or email or "").strip()
        if not login or not password or len(login) > 254:
            return None
        try:
            with connected(house().settings.site) as directory:
                entry = _entry_of(directory, login, password)
                if entry is None or entry.is_disabled:
                    return None
                groups = directory.groups_of(entry)
        except DirectoryDown as error:
            _log.warning("the directory can't be asked, so nobody of it can log in", reason=str(error))
            raise ValidationError("Your institution's directory does not answer now. Try again in a minute.") from None
        person = find_or_make(entry)
        let_in_again(person)
        bring_up_to_date(person, entry)
        reconcile(person, groups, "ldap")
        if may_log_in(person):
            return person
        self._stash_user(person)
        return None


def _entry_of(directory: Directory, login: str, password: str) -> Entry | None:
    """Return whose name and password these are in the directory, or None. One password is tried for nobody, too.

    A name may be one person's here and, by now, another's there: then the password tells which of them it is.
    """
    known = find_by_login(login)
    found = [directory.find_by_id(known.upstream_id)] if known is not None and known.source == "ldap" else []
    found.append(directory.find(login))
    entries = {entry.upstream_id: entry for entry in found if entry is not None}
    return next((each for each in entries.values() or [None] if directory.has_password(each, password)), None)


def find_or_make(entry: Entry) -> Person:
    """Return the account of a person in the directory; it is made at their first log-in."""
    for found in Person.objects.filter(source="ldap", upstream_id=entry.upstream_id):
        if not is_gone(found):
            return found
        retire(found)
    for _ in range(NAME_TRIES):
        person = Person(name=free_name(entry.uid), source="ldap", upstream_id=entry.upstream_id)
        person.set_unusable_password()
        try:
            person.save()
        except Taken:
            continue  # Somebody of the same name was faster by a moment.
        return person
    raise Taken(f"no name near `{entry.uid}` is free")


def bring_up_to_date(person: Person, entry: Entry) -> bool:
    """Take over the full name and the address that the directory has now, and say whether one of them is new."""
    full_name = _line(entry.full_name)[:120]
    if (person.full_name, person.email) == (full_name, entry.email):
        return False
    email = _own_address(person, entry.email)
    if (person.full_name, person.email) == (full_name, email):
        return False
    has_moved = person.email != email
    person.full_name, person.email = full_name, email
    person.save(update_fields=["full_name", "email"])
    if has_moved:
        EmailAddress.objects.filter(user=person).delete()
        if email:
            # The directory vouches for it, as it does for the person.
            EmailAddress.objects.create(user=person, email=email, verified=True, primary=True)
        principal = find_principal(person.principal_id)
        if principal is not None:
            set_email(house().office(SYSTEM_ACTOR, "ldap"), principal.name, email)
    return True


def _own_address(person: Person, email: str) -> str:
    """Return an address, or nothing where it is none, or another account's."""
    try:
        validate_email(email)
    except ValidationError:
        return ""
    clear_way(email=email)
    is_taken = EmailAddress.objects.filter(email=email).exclude(user=person).exists()
    return "" if is_taken or Person.objects.filter(email=email).exclude(pk=person.pk).exists() else email


def _line(text: str) -> str:
    try:
        check_line(text)
    except ValidationError:
        return ""
    return text.strip()


def let_in_again(person: Person) -> bool:
    """Take back that the directory disabled somebody, and say whether it had. An operator's suspension stays."""
    principal = find_principal(person.principal_id)
    if principal is None or principal.state != "disabled":
        return False
    enable_user(house().office(SYSTEM_ACTOR, "ldap"), principal.name)
    return True


def sync() -> int:
    """Follow the directory, as a round of the portal's worker. Returns the number of changes.

    When it can't be read whole, or would take away more than is likely, nothing changes, and operators are told. Raises
    Doubtful for the latter.
    """
    try:
        return follow()
    except DirectoryDown as error:
        _log.warning("the directory can't be read: nobody gains or loses access until it can", reason=str(error))
        tell_operators(
            "directory_down",
            "The directory can't be read",
            f"People who were disabled there keep their access until it can be read again.\n\nIt says: {error}",
            once=f"directory-down {today()}",
        )
        return 0
    except Doubtful as error:
        tell_operators(
            "directory_doubtful",
            "The directory is not followed: too many would lose access",
            f"By what the directory says now, {error}\n\nUntil then nobody gains or loses access by it. For "
            "somebody who must lose it at once: holdfast user suspend NAME",
            once=f"directory-doubtful {today()}",
        )
        raise


def follow(losses_max: int | None = None) -> int:
    """Follow the directory: who is disabled or gone there loses every key, who is back gets them back, groups become
    roles. Returns the number of changes.

    Only people who came from it are touched. `losses_max` is how many people an operator agreed may lose access; None =
    no more than is likely. Raises DirectoryDown or Doubtful, and then nothing was changed.
    """
    opened = house()
    site = opened.settings.site
    with connected(site) as directory:
        entries, groups = directory.people(), directory.groups()
    if not entries:
        raise DirectoryDown(f"nobody is found below {site.ldap_people!r}")
    people = list(Person.objects.filter(source="ldap").exclude(upstream_id=""))
    staying: list[tuple[Person, Entry, UserRow]] = []
    leaving: list[tuple[Person, UserRow]] = []
    with opened.catalog.read() as rows:
        for person in people:
            user, entry = rows.find(USERS, (person.principal_id,)), entries.get(person.upstream_id)
            if user is None or user.state == "removed":
                continue
            if entry is not None and not entry.is_disabled:
                staying.append((person, entry, user))
            elif user.state == "active":
                leaving.append((person, user))
        losses = find_losses(
            rows,
            opened,
            [(user, groups_in(groups, entry)) for _, entry, user in staying],
            [user for _, user in leaving],
        )
    losses.check(losses_max)
    done = sum(_shut_out(person) for person, _ in leaving)
    for person, entry, user in staying:
        done += user.state == "disabled" and let_in_again(person)
        done += bring_up_to_date(person, entry)
        done += reconcile(person, groups_in(groups, entry), "ldap")
    return done


def _shut_out(person: Person) -> bool:
    principal = find_principal(person.principal_id)
    if principal is None:
        return False
    disable_user(house().office(SYSTEM_ACTOR, "ldap"), principal.name)
    Session.objects.filter(person=person).delete()
    return True
