"""For each argument of a URL a thing that exists in a tenancy. A URL with a new argument fails until it has one here."""

from __future__ import annotations

import json
from typing import Any

from tests.portal.url_map import Page

REFUSED_TO_ALL = frozenset({
    # allauth's pages that this portal has no use for: nobody is let in.
    "account_inactive",
})  # fmt: skip

NARROWER: frozenset[str] = frozenset()
"""Pages that let in fewer than their right says, each tested where it belongs."""


def settle(town: Any, tenancy: str) -> None:
    """Make what the samples name in a tenancy that has its members already."""
    from holdfast.admin.access_keys import create_access_key

    house = town.house
    # Its manager's own: only owners may rotate a token.
    create_access_key(house.office("test"), house.keyring, house.settings.limits, tenancy, f"{tenancy[:4]}-manager")


def make_guest(town: Any, tenancy: str, name: str) -> None:
    """Make a GUEST, who needs an end."""
    from holdfast.admin.members import add_member
    from holdfast.auth.roles import Role

    town.person(name)
    add_member(town.house.office("test"), tenancy, name, Role.GUEST, until_us=town.house.now_us() + 86_400_000_000)


def hide(town: Any, tenancy: str) -> None:
    """Take a tenancy out of the list of services."""


def make(town: Any, page: Page, name: str, tenancy: str) -> str:
    """Return a value for an argument: of a thing that exists in this tenancy."""
    if name == "token":
        return _token(town, tenancy)
    if name == "secret":
        return "not-a-link-that-we-made"
    if name in ("uidb36", "key", "provider_id", "pk"):
        return "1"
    raise AssertionError(json.dumps({"argument": name, "route": page.route}))


def _token(town: Any, tenancy: str) -> str:
    from holdfast.admin.access_keys import list_access_keys
    from holdfast.admin.lookups import get_tenancy

    with town.house.catalog.read() as rows:
        known = list_access_keys(rows, town.house.now_us(), get_tenancy(rows, tenancy))
    return known[0].row.access_key_id
