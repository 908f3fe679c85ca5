"""Where commands meet the portal's accounts: its database is opened beside a running server, or without one."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from .desk import Desk, Refusal, person

if TYPE_CHECKING:
    from holdfast.admin.office import Office

LINK_LIFE = "within an hour"


@contextmanager
def accounts(desk: Desk, *, new_home: bool = False) -> Iterator[Office]:
    """Open the portal's accounts and the catalog. Once in a process: Django is set up for one home.

    With `new_home`, a home that is not there is made, and standard error says so: without, an account would be one
    of a store that nobody serves. Raises Refusal where the home has no portal, into which a link could lead.
    """
    from holdfast.assemble import find_serving
    from holdfast.config import Address
    from holdfast.portal.house import open_house
    from holdfast.portal.start import configure, migrate

    settings = desk.settings()
    home = desk.home_or_new(settings) if new_home else desk.home(settings)
    url = find_serving(home, settings).portal_url
    if not url:
        raise Refusal(f"{home.root} is served without a portal: name an address with `portal` in {home.settings_file}")
    # Links are made for the address that the running server has, which its options may have chosen.
    settings = dataclasses.replace(settings, portal_url=url, portal=settings.portal or (Address("localhost", 443),))
    configure(settings, home)
    from django.db import connections

    opened = open_house(settings, home)
    try:
        migrate(home)
        yield opened.office(f"cli:{person()}", "cli")
    finally:
        connections.close_all()
        opened.close()


new_home_option = click.option(
    "--new-home", is_flag=True, help="Make the home if it is not there, before the first `holdfast serve`."
)
"""For commands that make accounts."""


def describe(account: Any, link: str = "") -> dict[str, Any]:
    """Return an account, a Person, as --json has it."""
    return {
        "name": account.name,
        "id": account.principal_id,
        "full_name": account.full_name,
        "email": account.email,
        "is_operator": account.is_operator,
        "source": account.source,
        **({"link": link, "link_works": LINK_LIFE} if link else {}),
    }


def link_lines(link: str) -> list[str]:
    """Return what people are told of a link."""
    return [f"set the password here, once, {LINK_LIFE}:", f"  {link}"] if link else []
