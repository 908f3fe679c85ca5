"""Buckets by the management API: made, shared, emptied and deleted by who may, and by nobody else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.portal import samples
from tests.portal.api_map import HERE, caller, once, settle

from holdfast.auth.roles import Role
from holdfast.catalog.rows import OBJECTS

BUCKETS = f"/tenancies/{HERE}/buckets"
SAMPLE = samples.bucket_of(HERE)


@pytest.fixture
def settled(town: Any) -> Any:
    return settle(town)


def acts(town: Any, action: str) -> list[Any]:
    from holdfast.admin.audit import Sought, search_audit

    with town.house.catalog.read() as rows:
        return list(search_audit(rows, Sought(action=action), 50).rows)


def test_a_bucket_is_made_and_set_and_the_same_call_again_changes_nothing(settled: Any) -> None:
    call = caller(settled, Role.USER)
    body = {"sharing": "members-read", "web_pages": True}
    made = call("PUT", f"{BUCKETS}/results", body)
    assert made.status_code == 200, made.content
    facts = made.json()
    assert (facts["owner"], facts["sharing"], facts["web_pages"]) == ("here-user", "members-read", True)
    assert call("PUT", f"{BUCKETS}/results", body).json() == facts
    assert call("PUT", f"{BUCKETS}/results", {}).json() == facts
    assert (len(acts(settled, "bucket.create")), len(acts(settled, "bucket.set-policy"))) == (1, 0)
    changed = call("PUT", f"{BUCKETS}/results", {"sharing": "private", "web_pages": False}).json()
    assert (changed["sharing"], changed["web_pages"]) == ("private", False)
    assert call("PUT", f"{BUCKETS}/No_Name", {}).status_code == 400
    assert call("DELETE", f"{BUCKETS}/results").status_code == 200
    assert call("DELETE", f"{BUCKETS}/results").status_code == 404


def test_a_name_that_is_somebody_elses_is_taken_and_their_bucket_not_seen(settled: Any) -> None:
    manager, user = caller(settled, Role.MANAGER), caller(settled, Role.USER)
    assert manager("PUT", f"{BUCKETS}/secret", {"sharing": "private"}).status_code == 200
    assert user("PUT", f"{BUCKETS}/secret", {"sharing": "public-read"}).status_code == 409
    assert user("GET", f"{BUCKETS}/secret").status_code == 404
    assert "secret" not in user("GET", BUCKETS).content.decode()
    assert "secret" in manager("GET", BUCKETS).content.decode()
    for method, path in (("PUT", "sharing"), ("PUT", "web-pages"), ("DELETE", "policy"), ("GET", "policy")):
        answer = user(
            method, f"{BUCKETS}/secret/{path}", {"sharing": "private"} if path == "sharing" else {"is_on": True}
        )
        assert answer.status_code in (403, 404), path
    assert user("DELETE", f"{BUCKETS}/secret").status_code in (403, 404)
    assert manager("GET", f"{BUCKETS}/secret").json()["sharing"] == "private"


def test_what_the_store_refuses_has_its_code(settled: Any) -> None:
    call = caller(settled, Role.USER)
    answer = call("DELETE", f"{BUCKETS}/{SAMPLE}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "BucketNotEmpty")
    public = call("PUT", f"{BUCKETS}/{SAMPLE}/sharing", {"sharing": "public-read"})
    assert (public.status_code, public.json()["error"]["code"]) == (403, "AccessDenied")
    bad = call("PUT", f"{BUCKETS}/{SAMPLE}/policy", {"Statement": "no"})
    assert (bad.status_code, bad.json()["error"]["code"]) == (400, "MalformedPolicy")


def test_a_policy_is_put_as_it_came_and_only_in_the_place_of_the_one_that_was_seen(settled: Any) -> None:
    call = caller(settled, Role.USER)
    path = f"{BUCKETS}/{SAMPLE}/policy"
    assert call("GET", path).json()["error"]["code"] == "NoSuchBucketPolicy"
    statement = {"Effect": "Allow", "Principal": {"user": ["here-deputy"]}, "Action": "s3:GetObject"}
    document = {"Version": "2012-10-17", "Statement": [{**statement, "Resource": f"arn:aws:s3:::{SAMPLE}/*"}]}
    seen = call("GET", f"{BUCKETS}/{SAMPLE}/sharing")["ETag"]
    put = call("PUT", path, document, **{"if-match": seen})
    assert put.json()["sharing"] is None, put.content
    found = call("GET", path)
    assert found.content.decode() == json.dumps(document)
    assert found["ETag"] == put["ETag"] != seen
    late = call("PUT", f"{BUCKETS}/{SAMPLE}/sharing", {"sharing": "private"}, **{"if-match": seen})
    assert (late.status_code, late.json()["error"]["code"]) == (412, "PreconditionFailed")
    assert call("DELETE", path, **{"if-match": seen}).status_code == 412
    # What is so already is no change, whatever was seen.
    assert call("PUT", path, document, **{"if-match": seen}).status_code == 200
    assert call("DELETE", path, **{"if-match": found["ETag"]}).status_code == 200
    assert call("GET", path).status_code == 404
    assert len(acts(settled, "bucket.set-policy")) == 2


def test_operators_have_no_buckets_here_but_sizes(settled: Any) -> None:
    call = caller(settled, Role.OPERATOR)
    assert call("GET", BUCKETS).status_code == 403
    assert call("PUT", f"{BUCKETS}/mine", {}).status_code == 403
    assert [each["name"] for each in call("GET", f"/tenancies/{HERE}/usage").json()["buckets"]] == [SAMPLE]


def test_a_prefix_is_deleted_once_for_a_key_and_can_be_cancelled(settled: Any) -> None:
    from holdfast.portal.data.deletions import work_on_deletions

    call = caller(settled, Role.USER)
    path, key = f"/tenancies/{HERE}/deletions", once()
    body = {"bucket": SAMPLE, "prefix": "results/"}
    assert call("POST", path, body).status_code == 422
    assert call("POST", path, {"bucket": SAMPLE, "prefix": ""}, **once()).status_code == 400
    assert call("POST", path, {**body, "prefix": "nothing/"}, **once()).status_code == 400
    first = call("POST", path, body, **key)
    assert first.status_code == 201, first.content
    assert call("POST", path, body, **key).json()["id"] == first.json()["id"]
    assert call("POST", path, {**body, "prefix": "other/"}, **key).status_code == 409
    one = f"{path}/{first.json()['id']}"
    assert caller(settled, Role.GUEST)("GET", one).status_code == 404
    assert caller(settled, Role.MANAGER)("GET", one).json()["ordered_by"] == "here-user"
    work_on_deletions()
    done = call("GET", one).json()
    assert done["state"] in ("done", "deleting")
    again = call("DELETE", one)
    assert again.status_code == 200
    assert [item["id"] for item in call("GET", path).json()["items"]] == [first.json()["id"]]


def test_a_deletion_is_cancelled_before_it_begins(settled: Any) -> None:
    from holdfast.portal.data.deletions import work_on_deletions

    call = caller(settled, Role.USER)
    body = {"bucket": SAMPLE, "prefix": "results/"}
    made = call("POST", f"/tenancies/{HERE}/deletions", body, **once()).json()
    for _ in range(2):
        assert call("DELETE", f"/tenancies/{HERE}/deletions/{made['id']}").json()["state"] == "cancelled"
    assert work_on_deletions() == 0
    with settled.house.catalog.read() as rows:
        assert len(list(rows.scan(OBJECTS, (f"id-{HERE}",)))) == 1


def test_the_switch_for_web_pages_is_turned_where_it_was_seen(settled: Any) -> None:
    call = caller(settled, Role.USER)
    path = f"{BUCKETS}/{SAMPLE}/web-pages"
    off = call("GET", path)
    assert off.json() == {"is_on": False, "other_rules": []}
    on = call("PUT", path, {"is_on": True}, **{"if-match": off["ETag"]})
    assert on.json()["is_on"] is True
    assert call("PUT", path, {"is_on": False}, **{"if-match": off["ETag"]}).status_code == 412
    assert call("PUT", path, {"is_on": False}).json() == off.json()
