"""Log-in by name or e-mail address and password."""

from __future__ import annotations

from allauth.account.auth_backends import AuthenticationBackend
from allauth.account.internal.userkit import filter_users_by_email
from django.http import HttpRequest

from .models import Person
from .principals import clear_way, find_principal


class ByPassword(AuthenticationBackend):  # type: ignore[misc]  # allauth is not typed
    """Passwords that this site keeps. It looks at exactly one password, whoever is named, so that its time tells
    nothing.
    """

    def _authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        email: str | None = None,
        password: str = "",
    ) -> Person | None:
        person = find_by_login(username or email or "")
        checked: Person | None = self._check_password(person, password)
        return checked

    def user_can_authenticate(self, user: Person) -> bool:
        """Whether the account, and the user in the catalog behind it, may log in."""
        return may_log_in(user)


def find_by_login(login: str) -> Person | None:
    """Return who logs in by this name or e-mail address, or None: also where an address is not one person's alone."""
    login = login.strip().lower()
    if not login or len(login) > 254:
        return None
    if "@" not in login:
        clear_way(name=login)
        return Person.objects.filter(name=login).first()
    found = filter_users_by_email(login, prefer_verified=True, for_login=True)
    return found[0] if len(found) == 1 else None


def may_log_in(person: Person) -> bool:
    """Whether an account, and the user in the catalog behind it, may be logged in."""
    principal = find_principal(person.principal_id)
    return person.is_active and principal is not None and principal.state == "active"
