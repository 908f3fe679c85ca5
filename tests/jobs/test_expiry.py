from __future__ import annotations

import pytest
from tests.jobs.depot import BUCKET, DAY_US, TENANCY, Depot

from holdfast.catalog.rows import BUCKETS, COMPLETIONS, RESERVATIONS, TENANCIES, UPLOADS, ReservationRow
from holdfast.jobs.collect import collect
from holdfast.jobs.expire_uploads import expire_uploads
from holdfast.jobs.reservations import release_reservations
from holdfast.store import multipart, quotas


@pytest.fixture
def depot() -> Depot:
    return Depot()


def test_an_upload_past_its_time_is_aborted_and_its_quota_freed(depot: Depot) -> None:
    old, young = depot.create_upload("old", DAY_US), depot.create_upload("young", 3 * DAY_US)
    for upload in (old, young):
        depot.put_part(upload, 1, depot.stage(depot.noise(5000)))
    assert depot.usage().upload_bytes == 10_000
    depot.wait(2 * DAY_US)
    assert expire_uploads(depot.workshop) == (1, 0)
    assert (depot.usage().upload_bytes, depot.usage().upload_parts) == (5000, 1)
    with depot.catalog.read() as rows:
        assert [upload.key for upload in rows.scan(UPLOADS)] == ["young"]
    depot.wait()
    assert collect(depot.workshop).containers == 1


def test_a_completed_upload_is_remembered_for_a_day_and_its_object_stays(depot: Depot) -> None:
    body = depot.noise(5000)
    depot.multipart("k", body)
    depot.wait(multipart.COMPLETED_LIFE_US)
    assert expire_uploads(depot.workshop) == (0, 0)
    depot.wait(1)
    assert expire_uploads(depot.workshop) == (0, 1)
    assert depot.get("k") == body
    with depot.catalog.read() as rows:
        assert not rows.scan(COMPLETIONS)


def test_an_upload_completed_after_it_was_found_is_left_alone(depot: Depot, monkeypatch: pytest.MonkeyPatch) -> None:
    body = depot.noise(5000)
    upload = depot.create_upload("k", DAY_US)
    depot.put_part(upload, 1, depot.stage(body))
    depot.wait(2 * DAY_US)
    commit = depot.catalog.commit

    def complete_first(commit_fns, before=None):
        monkeypatch.undo()
        depot.complete(upload)
        return commit(commit_fns, before)

    monkeypatch.setattr(depot.catalog, "commit", complete_first)
    assert expire_uploads(depot.workshop) == (0, 0)
    assert depot.get("k") == body


def test_uploads_of_a_suspended_tenancy_wait_until_it_is_resumed(depot: Depot) -> None:
    upload = depot.create_upload("k", DAY_US)
    depot.put_part(upload, 1, depot.stage(depot.noise(5000)))
    depot.commit(lambda tx: tx.replace(TENANCIES, TENANCY._replace(state="suspended")))
    for _ in range(3):
        depot.wait(2 * DAY_US)
        assert expire_uploads(depot.workshop) == (0, 0)
    assert depot.usage().upload_bytes == 5000
    depot.commit(lambda tx: tx.replace(TENANCIES, TENANCY))
    depot.wait(2 * DAY_US)
    assert expire_uploads(depot.workshop) == (1, 0)
    assert depot.usage().upload_bytes == 0


def test_uploads_expire_at_a_full_quota(depot: Depot) -> None:
    upload = depot.create_upload("k", DAY_US)
    depot.put_part(upload, 1, depot.stage(depot.noise(5000)))
    depot.commit(lambda tx: tx.replace(BUCKETS, BUCKET._replace(limit_bytes=1)))
    depot.wait(2 * DAY_US)
    assert expire_uploads(depot.workshop) == (1, 0)
    assert depot.usage().upload_bytes == 0


def test_reservations_of_the_dead_are_given_back_and_those_of_the_living_are_held(depot: Depot) -> None:
    for number, instance in enumerate((depot.blobs.instance, "gone", "gone too")):
        row = ReservationRow(f"r{number}", instance, "t1", "b1", 100, depot.now_us)
        depot.commit(lambda tx, row=row: quotas.reserve(tx, TENANCY, BUCKET, row))
    assert release_reservations(depot.workshop) == 2
    assert (depot.usage().reserved_bytes, depot.usage().reserved_objects) == (100, 1)
    with depot.catalog.read() as rows:
        assert [row.reservation_id for row in rows.scan(RESERVATIONS)] == ["r0"]
    assert release_reservations(depot.workshop) == 0
