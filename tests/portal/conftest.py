"""The portal in this process: Django on a home of its own, with people, tenancies and browsers without a browser."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from holdfast import assemble
from holdfast.admin.errors import Taken
from holdfast.admin.members import add_member
from holdfast.admin.tenancies import create_tenancy
from holdfast.auth.roles import Role
from holdfast.config import Address, Settings
from holdfast.portal.house import House, open_house, use_house
from holdfast.portal.start import configure, migrate

PASSWORD = "correct horse battery staple"


# Django is configured once in a process, before any module with models is imported. Its database is this home's,
# emptied after each test.
_ROOT = tempfile.TemporaryDirectory(prefix="holdfast-portal-")
_SETTINGS = Settings(home=Path(_ROOT.name) / "home", portal=(Address("127.0.0.1", 8444),))
_HOME = assemble.open_home(_SETTINGS, create=True)
configure(_SETTINGS, _HOME)


@pytest.fixture(scope="session")
def django_home() -> assemble.Home:
    """The home that Django was configured for, with its tables."""
    from django.conf import settings as django_conf

    # Argon2 takes 60 ms, and no test here is about the strength of passwords.
    django_conf.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    migrate(_HOME)
    return _HOME


@dataclass
class Town:
    """A home with people in it."""

    house: House

    def person(self, name: str, **facts: Any) -> Any:
        """Make a person with an account, a verified address and PASSWORD; one who is there is returned."""
        from allauth.account.models import EmailAddress

        from holdfast.portal.people.models import Person

        found = Person.objects.filter(name=name).first()
        if found is not None:
            return found
        person = Person(name=name, email=facts.pop("email", f"{name}@example.org"), **facts)
        person.set_password(PASSWORD)
        person.save()
        EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
        return person

    def tenancy(self, name: str, **options: Any) -> None:
        """Make a tenancy; one that is there is left as it is."""
        try:
            create_tenancy(self.house.office("test"), name, **options)
        except Taken:
            pass

    def member(self, tenancy: str, name: str, role: Role = Role.USER, **options: Any) -> Any:
        """Make a person a member of a tenancy; both are made when they are not there. Returns the person."""
        person = self.person(name)
        self.tenancy(tenancy)
        add_member(self.house.office("test"), tenancy, name, role, **options)
        return person

    def operator(self, name: str = "olga") -> Any:
        """Make an operator."""
        return self.person(name, is_operator=True)

    def client(self, person: Any = None, *, enforce_csrf_checks: bool = False) -> Client:
        """Return a browser without a browser, logged in as a person just now; None = nobody is logged in."""
        client = Client(enforce_csrf_checks=enforce_csrf_checks, headers={"host": "localhost"})
        client.defaults["wsgi.url_scheme"] = "https"
        client.defaults["SERVER_PORT"] = "8444"
        if person is not None:
            from allauth.account.internal.flows.login import record_authentication
            from django.http import HttpRequest

            client.force_login(person, backend="holdfast.portal.people.backends.ByPassword")
            request = HttpRequest()
            request.session = client.session
            record_authentication(request, person, method="password")
            request.session.save()
        return client

    @staticmethod
    def text_of(answer: Any) -> str:
        """Return the whole of an answer that is sent piece by piece."""

        async def gather() -> bytes:
            return b"".join([piece async for piece in answer.streaming_content])

        return async_to_sync(gather)().decode()

    def mails(self) -> list[EmailMessage]:
        """Return what waits in the outbox, the oldest first."""
        from holdfast.portal.notices.outbox import read, waiting

        return [read(mail.path) for mail in waiting(self.house.home.outbox)]


@pytest.fixture
def town(django_home: assemble.Home, tmp_path: Path) -> Iterator[Town]:
    """A fresh catalog and outbox, and empty tables."""
    from django.apps import apps
    from django.core.cache import cache
    from django.db import connection

    settings = Settings(home=tmp_path / "home", portal=(Address("127.0.0.1", 8444),))
    home = assemble.open_home(settings, create=True)
    opened = open_house(settings, home)
    cache.clear()
    try:
        yield Town(opened)
    finally:
        with connection.constraint_checks_disabled(), connection.cursor() as cursor:
            for model in apps.get_models(include_auto_created=True):
                if model._meta.label not in ("contenttypes.ContentType", "auth.Permission"):
                    cursor.execute(f'DELETE FROM "{model._meta.db_table}"')
        connection.close()
        opened.close()


@dataclass
class Clock:
    """The portal's clock, which tests move."""

    moved_us: int = 0

    def __call__(self) -> int:
        return time.time_ns() // 1000 + self.moved_us

    def pass_days(self, days: float) -> None:
        self.moved_us += int(days * 86_400_000_000)


@pytest.fixture
def clock(town: Town) -> Clock:
    """Let the test move the clock of the house."""
    clock = Clock()
    town.house = replace(town.house, now_us=clock)
    use_house(town.house)
    return clock


@pytest.fixture
def pages(town: Town) -> Callable[[Any], Client]:
    """Return what makes a client for a person."""
    return town.client
