"""A bucket of a million keys below one prefix: whichever page, it reads what the first does."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from tests.portal.shelves import bucket_row, make_bucket, tenancy_row
from tests.portal.test_listing import BUCKET, keys_in, link

from holdfast.auth.roles import Role
from holdfast.catalog import sqlite_rows
from holdfast.catalog.interface import Transaction
from holdfast.catalog.rows import MEMBERS, OBJECTS, USAGE, USERS, MemberRow, ObjectRow, UserRow

KEYS: Final = 1_000_000
BATCH: Final = 50_000
MEMBERS_COUNT: Final = 2_000
ROWS_MAX: Final = 3 * MEMBERS_COUNT
"""Twice the members, for the pages about who sees a bucket; a page of 200 keys reads some hundreds."""


def fill(town: Any, bucket: str, count: int) -> None:
    """Put this many keys, as rows alone: a thousand runs of equally many files."""
    row = bucket_row(town, "a-o", bucket)
    each = count // 1_000

    def commit(rows: Transaction, start: int) -> None:
        for number in range(start, start + BATCH):
            key = f"run/{number // each:03}/{number % each:06}.nc"
            rows.add(
                OBJECTS,
                ObjectRow(
                    row.bucket_id, key, 1_800_000_000_000_000 + number, "null", 1, number, "d41d8cd98f00b204e9800998ecf8427e",
                    "application/x-netcdf", "", "CRC64NVME:FULL_OBJECT:AAAAAAAAAAA=", "", "", "", 0, "STANDARD", row.owner_id, "",
                    None, 0, "",
                ),
            )  # fmt: skip

    for start in range(0, count, BATCH):
        outcome = town.house.catalog.commit([lambda rows, start=start: commit(rows, start)])[0]
        assert outcome.error is None, outcome.error

    def count_them(rows: Transaction) -> None:
        usage = rows.find(USAGE, (row.bucket_id,))
        assert usage is not None
        rows.replace(USAGE, usage._replace(live_objects=count, live_bytes=count * (count - 1) // 2))

    town.house.catalog.commit([count_them])


def enrol(town: Any, count: int) -> None:
    """Make this many members, as rows alone: every tenth a guest of the bucket."""
    tenancy, bucket = tenancy_row(town, "a-o"), bucket_row(town, "a-o", "data")
    named = json.dumps({bucket.bucket_id: "read"})

    def commit(rows: Transaction) -> None:
        for number in range(count):
            user_id = f"{number:032x}"
            rows.add(USERS, UserRow(user_id, f"person-{number}", "", "active", f"person-{number}", 1))
            role, buckets = ("GUEST", named) if number % 10 == 0 else ("USER", "")
            rows.add(MEMBERS, MemberRow(tenancy.tenancy_id, user_id, role, None, buckets, "test", 1))

    outcome = town.house.catalog.commit([commit])[0]
    assert outcome.error is None, outcome.error


class Rows:
    """How many rows of the catalog a page reads."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.count = 0
        scan, find = sqlite_rows.Rows.scan, sqlite_rows.Rows.find

        def counting_scan(rows: Any, *args: Any, **kwargs: Any) -> Any:
            found = scan(rows, *args, **kwargs)
            self.count += len(found)
            return found

        def counting_find(rows: Any, *args: Any, **kwargs: Any) -> Any:
            self.count += 1
            return find(rows, *args, **kwargs)

        patch.setattr(sqlite_rows.Rows, "scan", counting_scan)
        patch.setattr(sqlite_rows.Rows, "find", counting_find)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_page_of_a_million_keys_reads_what_it_shows(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """How long it takes is measured by `bench/portal.py`: a clock says nothing on a machine with others on it."""
    mary = town.member("a-o", "mary", Role.MANAGER)
    make_bucket(town, "a-o", mary, "data")
    fill(town, "data", KEYS)
    enrol(town, MEMBERS_COUNT)
    client = town.client(mary)
    places = {
        "the top": BUCKET,
        "folders": f"{BUCKET}?prefix=run/",
        "the last folders": f"{BUCKET}?prefix=run/&after=run/850/",
        "without folders": f"{BUCKET}?flat=1",
        "deep": f"{BUCKET}?flat=1&after=run/500/000500.nc",
        "backwards": f"{BUCKET}?flat=1&before=run/500/000500.nc",
        "the end": f"{BUCKET}?flat=1&before=zzz",
        "folders backwards": f"{BUCKET}?prefix=run/&before=run/850/",
        "a filter": f"{BUCKET}?flat=1&q=run/77",
        "a filter of folders": f"{BUCKET}?prefix=run/&q=7",
        "a filter that finds nothing": f"{BUCKET}?prefix=run/&q=x",
        "sharing": f"{BUCKET}sharing/",
        "a change of sharing": f"{BUCKET}sharing/change/?preset=public-read",
        "the list of buckets": "/tenancies/a-o/buckets/",
    }
    read: dict[str, int] = {}
    queries = set()
    rows = Rows(monkeypatch)
    for name, url in places.items():
        rows.count = 0
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        queries.add(len(captured))
        read[name] = rows.count
    assert min(read.values()) > 0
    assert {name: count for name, count in read.items() if count > ROWS_MAX} == {}
    assert max(queries) <= 12, "however many rows"
    page = client.get(places["deep"])
    assert len(keys_in(page)) == 200
    assert keys_in(client.get(link(page, "next")))[0] == "run/500/000701.nc"
    assert keys_in(client.get(link(page, "prev")))[-1] == "run/500/000500.nc"
