"""What the clerk does about people: acts of a home's Town that a journey begins with."""

from __future__ import annotations

from typing import Any

from tests.portal.conftest import Town

from holdfast.auth.roles import Role


def make_person(town: Town, name: str, **facts: Any) -> None:
    """Make a person with an account, a verified address and PASSWORD."""
    town.person(name, **facts)


def make_member(town: Town, tenancy: str, name: str, role: Role = Role.USER, **options: Any) -> None:
    """Make a person, who has an account, a member of a tenancy; both are made when they are not there."""
    town.member(tenancy, name, role, **options)


def session_of(town: Town, name: str) -> str:
    """Return the session cookie of a person who logged in just now."""
    return town.client(town.person(name)).cookies["__Host-session"].value


def login_link_of(town: Town, name: str) -> str:
    """Return a URL that logs a person in once."""
    from holdfast.portal.people.links import login_link

    return login_link(town.person(name))
