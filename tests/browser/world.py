"""A holdfast in which every page of the portal can be seen in every state: nothing, one, many, long names, full …

Tenancies are named for the state that they are in. MIA is MANAGER of all of them, ANN is USER, NED belongs to none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.browser.place import Place
from tests.browser.registry import Registry

from holdfast.auth.roles import Role

MIA: Final = "mia"
ANN: Final = "ann"
GUS: Final = "gus"
NED: Final = "ned"
OLGA: Final = "olga"
LENA: Final = "konstantinos-papadopoulos-hadjimichael-van-der-westhuizen-jr-2"
"""Somebody whose names are as long as may be."""

EMPTY: Final = "empty-o"
ONE: Final = "one-o"
MANY: Final = "many-o"
LONG: Final = "atmospheric-chemistry-and-transport-of-very-long-names-o"
FULL: Final = "full-o"
HELD: Final = "suspended-o"
CLOSING: Final = "closing-o"
NOWHERE: Final = "not-there-o"

LONG_BUCKET: Final = "era5-reanalysis-hourly-on-pressure-levels-1979-to-2026-northern"
LONG_KEY: Final = (
    "cmip6/ScenarioMIP/MOHC/UKESM1-0-LL/ssp585/r1i1p1f2/Amon/"
    + "near-surface-air-temperature-and-relative-humidity-without-any-space-to-break-at" * 2
    + ".zarr/tas/0.0.0"
)


def settle(running: Place) -> Mapping[str, str]:
    """Fill a holdfast, and return what addresses of pages name beside the constants of this module."""
    running.clerk.run(_people_and_tenancies)
    return {}


def _people_and_tenancies(registry: Registry) -> None:
    from holdfast.admin.tenancies import close_tenancy, create_tenancy, suspend_tenancy

    office = registry.office
    registry.person(OLGA, is_operator=True)
    registry.person(NED)
    long_name = (
        "Dr Konstantinos-Alexandros Papadopoulos-Hadjimichael van der Westhuizen, of the Institute of Everything"
    )
    registry.person(LENA, full_name=long_name, email=f"{'k' * 60}@{'departmental-' * 4}mail.example.org")
    for name in (EMPTY, ONE, MANY, LONG, FULL, HELD, CLOSING):
        create_tenancy(office, name, limit_bytes=1 << (20 if name == FULL else 42))
        registry.member(name, MIA, Role.MANAGER)
        registry.member(name, ANN)
    registry.member(LONG, LENA, Role.DEPUTY)
    registry.member(ONE, GUS, Role.GUEST)
    for number in range(60):
        role = Role.DEPUTY if number % 20 == 0 else Role.USER
        registry.member(MANY, f"member-{number:02}", role)
    suspend_tenancy(office, HELD, "A disk of yours was found in the wild. Write to help@example.org.")
    close_tenancy(office, CLOSING, "The project ended in June.")
