"""Erasing a closed tenancy: what goes, in which order, and when it stops."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.admin.conftest import Clock

from holdfast.admin.erasure import Held, begin_erasure, erase_step
from holdfast.admin.errors import Refused, Unknown
from holdfast.admin.office import Office
from holdfast.admin.tenancies import (
    close_tenancy,
    create_tenancy,
    delete_tenancy,
    resume_tenancy,
    suspend_tenancy,
)
from holdfast.blobs.interface import Slice
from holdfast.catalog.rows import (
    AUDIT,
    BUCKETS,
    GARBAGE,
    OBJECTS,
    PARTS,
    REFERENCES,
    TENANCIES,
    UPLOADS,
    USAGE,
    BucketRow,
    TenancyRow,
    UploadRow,
)
from holdfast.store import multipart, versions
from holdfast.store.errors import ObjectLocked

CLOSED, ERASED = "closing: the project is over", "its data are being deleted"


def fill(office: Office, tenancy: TenancyRow, name: str, count: int, *, uploads: int = 0) -> BucketRow:
    bucket = BucketRow(tenancy.tenancy_id, name, f"{tenancy.name}-{name}", "uma", 1, "", "", "", "", None, None)

    def write(rows: Any) -> None:
        rows.add(BUCKETS, bucket)
        for number in range(count):
            body = versions.Body(10, "etag", "", (Slice(f"{bucket.bucket_id}-{number}", 0, 10),))
            versions.put(
                rows, tenancy, bucket, f"key{number}", versions.Facts(), body,
                version_id=f"v{number}", created_by="uma", now_us=5,
            )  # fmt: skip
        for number in range(uploads):
            upload = UploadRow(
                bucket.bucket_id,
                f"up{number}",
                f"{name}{number}",
                "uma",
                1,
                "",
                "",
                "",
                "",
                "",
                "",
                f"{name}{number}",
                9,
            )
            multipart.create(rows, upload)
            multipart.put_part(
                rows, tenancy, bucket, upload, 1, slices=(Slice(f"{name}-part{number}", 0, 3),), size_bytes=3, etag="e",
                checksum="", now_us=5,
            )  # fmt: skip

    assert office.catalog.commit([write])[0].error is None
    return bucket


@pytest.fixture
def tenancy(office: Office) -> TenancyRow:
    made = create_tenancy(office, "a-o", limit_bytes=1_000)
    fill(office, made, "cmip6", 7, uploads=2)
    fill(office, made, "empty", 0)
    fill(office, create_tenancy(office, "b-o"), "theirs", 3)
    return close_tenancy(office, "a-o", CLOSED)


def erase_all(office: Office, tenancy: TenancyRow, count_max: int = 3) -> list[Any]:
    steps = []
    while not steps or not steps[-1].is_empty:
        steps.append(erase_step(office, tenancy.tenancy_id, ERASED, count_max))
        assert len(steps) < 50
    return steps


def test_everything_of_the_tenancy_goes_and_nothing_of_another(office: Office, tenancy: TenancyRow) -> None:
    held = begin_erasure(office, tenancy.tenancy_id, ERASED, closed_for=CLOSED)
    assert held == [Held("cmip6", 7, 76), Held("empty", 0, 0)]
    steps = erase_all(office, tenancy)
    assert sum(step.objects for step in steps) == 7
    assert sum(step.size_bytes for step in steps) == 76
    assert max(step.objects for step in steps) == 3
    delete_tenancy(office, "a-o")
    with office.read() as rows:
        assert [row.name for row in rows.scan(BUCKETS)] == ["theirs"]
        assert len(rows.scan(OBJECTS)) == 3
        assert [*rows.scan(UPLOADS), *rows.scan(PARTS)] == []
        assert {row.scope_id for row in rows.scan(USAGE)} == {"b-o-theirs", rows.scan(BUCKETS)[0].tenancy_id}
        assert all(row.owner.startswith("o:b-o-theirs") for row in rows.scan(REFERENCES))
        assert len(rows.scan(GARBAGE)) == 9, "the bytes are the collector's from then on"


def test_the_audit_has_the_beginning_each_bucket_and_the_end(office: Office, tenancy: TenancyRow, clock: Clock) -> None:
    clock.now_us += 1
    begin_erasure(office, tenancy.tenancy_id, ERASED, closed_for=CLOSED)
    is_empty = False
    while not is_empty:
        clock.now_us += 1
        is_empty = erase_step(office, tenancy.tenancy_id, ERASED).is_empty
    delete_tenancy(office, "a-o")
    with office.read() as rows:
        audited = [row for row in rows.scan(AUDIT) if row.tenancy_id == tenancy.tenancy_id]
    assert [(row.action, row.subject) for row in audited[-4:]] == [
        ("tenancy.erase", "a-o"),
        ("bucket.delete", "a-o/cmip6"),
        ("bucket.delete", "a-o/empty"),
        ("tenancy.delete", "a-o"),
    ]
    assert json.loads(audited[-4].detail) == {"buckets": 2, "objects": 7, "bytes": 76}


def test_it_goes_on_where_it_stopped(office: Office, tenancy: TenancyRow) -> None:
    first = begin_erasure(office, tenancy.tenancy_id, ERASED, closed_for=CLOSED)
    erase_step(office, tenancy.tenancy_id, ERASED, 3)
    again = begin_erasure(office, tenancy.tenancy_id, ERASED, closed_for=CLOSED)
    assert (first[0].objects, again[0].objects) == (7, 4)
    assert sum(step.objects for step in erase_all(office, tenancy)) == 4


@pytest.mark.parametrize("state", ["active", "closed for another reason", "suspended"])
def test_only_what_was_closed_for_this_reason_is_erased(office: Office, state: str) -> None:
    tenancy = create_tenancy(office, "c-o")
    if state == "closed for another reason":
        close_tenancy(office, "c-o", "the disk is old")
    if state == "suspended":
        suspend_tenancy(office, "c-o", CLOSED)
    with pytest.raises(Refused, match="look again"):
        begin_erasure(office, tenancy.tenancy_id, ERASED, closed_for=CLOSED)


def test_it_stops_when_operators_take_the_tenancy_back(office: Office, tenancy: TenancyRow) -> None:
    with pytest.raises(Refused, match="nothing more"):
        erase_step(office, tenancy.tenancy_id, ERASED)
    begin_erasure(office, tenancy.tenancy_id, ERASED, closed_for=CLOSED)
    erase_step(office, tenancy.tenancy_id, ERASED, 2)
    resume_tenancy(office, "a-o")
    with pytest.raises(Refused, match="nothing more"):
        erase_step(office, tenancy.tenancy_id, ERASED)
    with office.read() as rows:
        assert len(rows.scan(OBJECTS, ("a-o-cmip6",))) == 5


def test_what_a_lock_keeps_is_not_erased(office: Office, tenancy: TenancyRow) -> None:
    def lock(rows: Any) -> None:
        row = rows.find(OBJECTS, ("a-o-cmip6", "key0"))
        rows.replace(OBJECTS, row._replace(legal_hold=1))

    assert office.catalog.commit([lock])[0].error is None
    begin_erasure(office, tenancy.tenancy_id, ERASED, closed_for=CLOSED)
    with pytest.raises(ObjectLocked):
        erase_step(office, tenancy.tenancy_id, ERASED)


def test_a_tenancy_that_is_gone_is_unknown(office: Office) -> None:
    for act in (lambda: begin_erasure(office, "x", ERASED, closed_for=CLOSED), lambda: erase_step(office, "x", ERASED)):
        with pytest.raises(Unknown):
            act()


def test_a_manager_closes_and_takes_back_only_what_operators_left_open(office: Office) -> None:
    create_tenancy(office, "c-o")
    assert close_tenancy(office, "c-o", CLOSED, if_open=True).state == "readonly"
    assert close_tenancy(office, "c-o", CLOSED, if_open=True).state == "readonly", "idempotent"
    assert resume_tenancy(office, "c-o", if_closed_for=CLOSED).state == "active"
    assert resume_tenancy(office, "c-o", if_closed_for=CLOSED).state == "active", "idempotent"
    for change in (suspend_tenancy, close_tenancy):
        change(office, "c-o", "unpaid")
        with pytest.raises(Refused, match="unpaid"):
            close_tenancy(office, "c-o", CLOSED, if_open=True)
        with pytest.raises(Refused, match="ask the operators"):
            resume_tenancy(office, "c-o", if_closed_for=CLOSED)
    with office.read() as rows:
        (row,) = [row for row in rows.scan(TENANCIES) if row.name == "c-o"]
    assert (row.state, row.reason) == ("readonly", "unpaid")


def test_a_tenancy_that_is_made_again_under_an_id_is_made_once(office: Office) -> None:
    chosen = office.new_id()
    first = create_tenancy(office, "c-o", limit_bytes=5, tenancy_id=chosen)
    again = create_tenancy(office, "c-o", limit_bytes=9, tenancy_id=chosen)
    assert first == again
    assert first.tenancy_id == chosen
    with office.read() as rows:
        assert len([row for row in rows.scan(AUDIT) if row.subject == "c-o"]) == 1
