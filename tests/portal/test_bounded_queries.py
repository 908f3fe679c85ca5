"""How much each page asks of the two databases: a bounded number of questions, however many rows there are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from tests.portal import samples
from tests.portal.url_map import Page, pages

from holdfast.auth.roles import Role
from holdfast.portal.access import Need, TenancyNeed

HERE = "here-o"
SQL_MAX = 30
"""Questions to the portal's own database for one page. Most ask ten."""
MANY = 45
"""Fewer than a page of any list holds, so that all of them are shown."""
READS_MAX = 12
"""Point reads and scans of the catalog for each row more that a page shows. Each takes some 10 µs."""

pytestmark = pytest.mark.slow


class Tally:
    """What was asked meanwhile."""

    def __init__(self) -> None:
        self.sql = 0
        self.reads = 0


@contextmanager
def counted() -> Iterator[Tally]:
    from django.db import connection

    from holdfast.catalog import sqlite_rows

    tally = Tally()

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "PRAGMA")):
            tally.sql += 1
        return execute(sql, params, many, context)

    kind = sqlite_rows.Rows
    find, scan = kind.find, kind.scan

    def counting(method: Any) -> Any:
        def run(self: Any, *args: Any, **kwargs: Any) -> Any:
            tally.reads += 1
            return method(self, *args, **kwargs)

        return run

    with pytest.MonkeyPatch.context() as patch, connection.execute_wrapper(count):
        patch.setattr(kind, "find", counting(find))
        patch.setattr(kind, "scan", counting(scan))
        yield tally


def _visited(page: Page) -> bool:
    return (isinstance(page.need, TenancyNeed) or page.need in (Need.PERSON, Need.OPERATOR)) and not page.is_foreign


def _fill(town: Any, start: int, stop: int) -> None:
    """Make members with buckets, tokens, requests and notices."""
    from holdfast.admin.access_keys import create_access_key
    from holdfast.catalog.rows import BUCKETS, BucketRow
    from holdfast.portal.joining.asking import ask
    from holdfast.portal.joining.faces import find_face
    from holdfast.portal.notices.notify import notify

    opened = town.house
    office = opened.office("test")
    tenancy_id = samples.tenancy_of(town, HERE).tenancy_id
    viewers = [town.person("here-manager"), town.operator()]
    for number in range(start, stop):
        person = town.member(HERE, f"member-{number:03}")
        create_access_key(office, opened.keyring, opened.settings.limits, HERE, person.name)
        create_access_key(office, opened.keyring, opened.settings.limits, HERE, "here-manager")
        row = BucketRow(
            tenancy_id, f"bucket-{number:03}", f"id-{number}", person.principal_id, 1, "", "", "", "", None, None
        )
        office.catalog.commit([lambda changes, row=row: changes.add(BUCKETS, row)])
        applicant = town.person(f"applicant-{number:03}")
        ask(applicant, find_face(applicant, HERE), Role.USER, [])
        notify(viewers, "x", f"notice {number}", "text", by_mail=False)
        town.tenancy(f"more-{number:03}-o")
        town.member(f"more-{number:03}-o", "here-manager", Role.MANAGER)


def test_a_page_asks_no_more_for_many_rows_than_for_few(town: Any) -> None:
    town.tenancy(HERE)
    for role in (Role.USER, Role.DEPUTY, Role.MANAGER):
        town.member(HERE, f"here-{role.value.lower()}", role)
    samples.settle(town, HERE)
    samples.make_guest(town, HERE, "here-guest")
    manager, operator = town.person("here-manager"), town.operator()
    shown = [page for page in pages() if _visited(page)]
    values = {
        page: {name: HERE if name == "tenancy" else samples.make(town, page, name, HERE) for name in page.kwargs}
        for page in shown
    }

    def measure() -> dict[str, tuple[int, int]]:
        clients = {Need.OPERATOR: town.client(operator)}
        found = {}
        for page in shown:
            client = clients.get(page.need) or town.client(manager)  # type: ignore[arg-type]
            path = page.path(values[page])
            if client.get(path).status_code != 200:
                continue  # it takes forms alone, or leads elsewhere
            with counted() as tally:
                client.get(path)
            found[page.route] = (tally.sql, tally.reads)
        return found

    _fill(town, 0, 3)
    few = measure()
    _fill(town, 3, MANY)
    many = measure()
    assert few.keys() == many.keys()
    assert len(few) > 30
    assert all(sql and reads for sql, reads in many.values()), "something was not counted"
    more = {route: (few[route], many[route]) for route in few if many[route][0] > few[route][0]}
    assert more == {}
    assert {route: sql for route, (sql, _) in many.items() if sql > SQL_MAX} == {}
    too_many = {route: reads for route, (_, reads) in many.items() if reads > 60 + READS_MAX * MANY}
    assert too_many == {}
