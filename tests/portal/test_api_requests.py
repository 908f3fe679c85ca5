"""Requests for tenancies and quotas, closing, and the buckets of who left, by the management API."""

from __future__ import annotations

from typing import Any

import pytest
from tests.portal import samples
from tests.portal.api_map import HERE, caller, settle

from holdfast.auth.roles import Role
from holdfast.catalog.rows import BUCKETS


@pytest.fixture
def settled(town: Any) -> Any:
    return settle(town)


def test_a_tenancy_that_was_asked_for_is_approved_once_as_it_was_read(settled: Any) -> None:
    call = caller(settled, Role.OPERATOR)
    found = next(each for each in call("GET", "/tenancy-requests").json()["items"] if each["name"] == f"new-{HERE}")
    assert found["requester"] == "here-manager"
    path = f"/tenancy-requests/{found['id']}/decision"
    assert call("POST", path, {"decision": "reject", "version": 1}).status_code == 422
    assert call("POST", path, {"decision": "approve", "version": 2, "promises_more": True}).status_code == 409
    made = call("POST", path, {"decision": "approve", "version": 1, "limit_bytes": 5 * 10**9, "promises_more": True})
    assert (made.status_code, made.json()["state"]) == (200, "PROVISIONED"), made.content
    assert call("GET", f"/tenancies/new-{HERE}").json()["limit_bytes"] == 5 * 10**9
    assert call("POST", path, {"decision": "reject", "version": 1, "reason": "no"}).status_code == 409


def test_a_quota_is_asked_for_and_decided(settled: Any) -> None:
    manager, operator = caller(settled, Role.MANAGER), caller(settled, Role.OPERATOR)
    here = f"/tenancies/{HERE}/quota-requests"
    (waiting,) = manager("GET", here).json()["items"]
    body = {"limit_bytes": 3 * 10**9, "reason": "more data"}
    assert manager("POST", here, body).status_code == 400  # one waits already
    assert manager("DELETE", f"{here}/{waiting['id']}").status_code == 200
    made = manager("POST", here, body)
    assert made.status_code == 201, made.content
    path = f"/quota-requests/{made.json()['id']}/decision"
    assert operator("POST", path, {"decision": "reject"}).status_code == 422
    done = operator("POST", path, {"decision": "approve", "promises_more": True})
    assert done.json()["state"] == "APPROVED", done.content
    assert manager("GET", f"/tenancies/{HERE}").json()["limit_bytes"] == 3 * 10**9
    assert operator("POST", path, {"decision": "approve"}).status_code == 409


def test_a_tenancy_is_closed_once_and_taken_back(settled: Any) -> None:
    manager, operator = caller(settled, Role.MANAGER), caller(settled, Role.OPERATOR)
    path = f"/tenancies/{HERE}/closing"
    assert manager("GET", path).status_code == 404
    made = manager("PUT", path, {"reason": "the project is over"})
    assert (made.status_code, made.json()["is_frozen"]) == (200, True), made.content
    assert manager("PUT", path, {"reason": "again"}).json() == made.json()
    assert manager("GET", f"/tenancies/{HERE}").json()["state"] == "readonly"
    erase = f"/closings/{made.json()['id']}/deletion"
    assert operator("POST", erase, {"tenancy": "another-o"}).status_code == 400
    assert operator("POST", erase, {"tenancy": HERE}).status_code == 400  # it can still be read for a while
    assert operator("GET", f"/closings/{made.json()['id']}/certificate").status_code == 404
    assert manager("DELETE", path).json()["state"] == "RESUMED"
    assert manager("GET", f"/tenancies/{HERE}").json()["state"] == "active"


def test_buckets_of_who_left_are_given_to_somebody_after_a_look(settled: Any) -> None:
    from holdfast.admin.members import remove_member

    remove_member(settled.house.office("test"), HERE, "here-user")
    manager = caller(settled, Role.MANAGER)
    (line,) = manager("GET", f"/tenancies/{HERE}/owners").json()["items"]
    assert (line["name"], line["buckets"]) == ("here-user", [samples.bucket_of(HERE)])
    path = f"/tenancies/{HERE}/owners/{line['id']}/transfer"
    body = {"buckets": line["buckets"], "new_owner": "here-deputy"}
    looked = manager("POST", path, {**body, "dry_run": True}).json()
    assert (looked["done"], looked["buckets"][0]["after"]) == (False, "here-deputy")
    assert _owner(settled) == settled.person("here-user").principal_id
    assert manager("POST", path, {**body, "plan": "another"}).status_code == 409
    assert manager("POST", path, {**body, "new_owner": "here-guest"}).status_code == 400
    done = manager("POST", path, {**body, "plan": looked["plan"]})
    assert (done.status_code, done.json()["done"]) == (200, True), done.content
    assert _owner(settled) == settled.person("here-deputy").principal_id
    assert manager("GET", f"/tenancies/{HERE}/owners").json()["items"] == []


def _owner(town: Any) -> str:
    tenancy_id = samples.tenancy_of(town, HERE).tenancy_id
    with town.house.catalog.read() as rows:
        row = rows.find(BUCKETS, (tenancy_id, samples.bucket_of(HERE)))
    assert row is not None
    return str(row.owner_id)


def test_managers_are_told_of_a_quota_and_a_state_and_once(settled: Any) -> None:
    operator, manager = caller(settled, Role.OPERATOR), caller(settled, Role.MANAGER)
    for _ in range(2):
        operator("PUT", f"/tenancies/{HERE}/quota", {"limit_bytes": 10**9, "limit_objects": None})
        operator("PUT", f"/tenancies/{HERE}/state", {"state": "readonly", "reason": "moving"})
    told = [each["kind"] for each in manager("GET", f"/tenancies/{HERE}/notices").json()["items"]]
    assert (told.count("quota_set"), told.count("tenancy_state")) == (1, 1)
    assert caller(settled, Role.USER)("GET", f"/tenancies/{HERE}/notices").json()["items"] == []
