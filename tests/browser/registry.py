"""What a clerk works on: people, tenancies and memberships of a home, made as a journey needs them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from holdfast.admin.errors import Taken
from holdfast.admin.members import add_member
from holdfast.admin.office import Office
from holdfast.admin.tenancies import create_tenancy
from holdfast.auth.roles import Role
from holdfast.portal.house import House

if TYPE_CHECKING:
    from holdfast.portal.people.models import Person

PASSWORD: Final = "correct horse battery staple"
DAY_US: Final = 86_400_000_000


@dataclass
class Registry:
    """A home with Django on it. Only in a clerk's process."""

    house: House

    @property
    def office(self) -> Office:
        """Where `admin` works, as nobody in particular."""
        return self.house.office("test")

    def person(self, name: str, **facts: Any) -> Person:
        """Make a person with an account, a verified address and PASSWORD; one who is there is returned."""
        from allauth.account.models import EmailAddress

        from holdfast.portal.people.models import Person

        found = Person.objects.filter(name=name).first()
        if found is not None:
            return found
        made = Person(name=name, email=facts.pop("email", f"{name}@example.org"), **facts)
        made.password = self._password
        made.save()
        EmailAddress.objects.create(user=made, email=made.email, verified=True, primary=True)
        return made

    def tenancy(self, name: str, **options: Any) -> None:
        """Make a tenancy; one that is there is left as it is."""
        try:
            create_tenancy(self.office, name, **options)
        except Taken:
            pass

    def member(self, tenancy: str, name: str, role: Role = Role.USER, **options: Any) -> Person:
        """Make a person a member of a tenancy; both are made when they are not there."""
        person = self.person(name)
        self.tenancy(tenancy)
        if role is Role.GUEST:
            options.setdefault("until_us", self.house.now_us() + 90 * DAY_US)
        add_member(self.office, tenancy, name, role, **options)
        return person

    @cached_property
    def _password(self) -> str:
        # Argon2 is slow on purpose; one salt for all is enough here.
        from django.contrib.auth.hashers import make_password

        return make_password(PASSWORD)


def make_person(registry: Registry, name: str, **facts: Any) -> None:
    """Make a person with an account."""
    registry.person(name, **facts)


def make_member(registry: Registry, tenancy: str, name: str, role: Role = Role.USER, **options: Any) -> None:
    """Make a person with an account a member of a tenancy."""
    registry.member(tenancy, name, role, **options)


def session_of(registry: Registry, name: str) -> str:
    """Return the session cookie of a person who logged in just now."""
    from allauth.account.internal.flows.login import record_authentication
    from django.contrib.auth import login
    from django.http import HttpRequest

    from holdfast.portal.people.sessions import SessionStore

    request = HttpRequest()
    request.session = SessionStore()
    person = registry.person(name)
    login(request, person, backend="holdfast.portal.people.backends.ByPassword")
    record_authentication(request, person, method="password")
    request.session.save()
    key = request.session.session_key
    assert key is not None
    return key


def login_link_of(registry: Registry, name: str) -> str:
    """Return a URL that logs a person in once."""
    from holdfast.portal.people.links import login_link

    return login_link(registry.person(name))
