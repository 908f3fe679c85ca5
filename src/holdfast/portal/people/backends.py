"""Log-in by name or e-mail address and password."""

from __future__ import annotations

from allauth.account.auth_backends import AuthenticationBackend

from .models import Person
from .principals import find_principal


class ByPassword(AuthenticationBackend):  # type: ignore[misc]  # allauth is not typed
    """allauth's own, which also refuses who is suspended in the catalog."""

    def user_can_authenticate(self, user: Person) -> bool:
        """Whether the account, and the user in the catalog behind it, may log in."""
        return may_log_in(user)


def may_log_in(person: Person) -> bool:
    """Whether an account, and the user in the catalog behind it, may be logged in."""
    principal = find_principal(person.principal_id)
    return person.is_active and principal is not None and principal.state == "active"
