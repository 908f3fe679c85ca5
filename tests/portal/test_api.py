"""The management API: who is let in, route by route, and what the routes do."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.portal import samples
from tests.portal.api_map import ELSEWHERE, HERE, ROLES, Caller, caller, error_of, once, settle

from holdfast.admin.lookups import get_tenancy
from holdfast.auth.roles import TABLE, Extent, Role
from holdfast.portal.access import Need, TenancyNeed
from holdfast.portal.api.needs import ROUTES, Route
from holdfast.portal.house import use_house


@pytest.fixture
def settled(town: Any) -> Any:
    return settle(town)


def path_of(route: Route, town: Any, tenancy: str) -> str:
    return samples.api_path(route.path, town, tenancy)


def test_there_are_routes_and_each_says_what_it_needs_and_is_documented() -> None:
    from holdfast.portal.api.reference import document
    from holdfast.portal.api.urls import api

    listed = {(method.upper(), path) for path, methods in document(api)["paths"].items() for method in methods}
    declared = {(route.method, "/api/v1" + route.path.replace("{int:", "{")) for route in ROUTES}
    assert listed == declared
    assert len(listed) > 30


def test_nobody_is_let_in_without_a_token_that_works(settled: Any) -> None:
    for secret in ("", "hft_" + "x" * 40, "AKIAIOSFODNN7EXAMPLE"):
        call = Caller(settled, secret)
        for route in ROUTES[:: 1 if not secret else 7]:
            answer = call(route.method, path_of(route, settled, HERE), {})
            assert answer.status_code == 401, f"{route.method} {route.path}"
            assert answer["WWW-Authenticate"].startswith("Bearer")


def test_a_session_gives_nothing_in_the_api(settled: Any) -> None:
    client = settled.client(settled.person("olga"))
    assert client.get("/api/v1/people").status_code == 401


@pytest.mark.parametrize("role", [*ROLES, Role.OPERATOR])
def test_each_role_reaches_the_routes_of_its_rights_and_no_others(settled: Any, role: Role) -> None:
    """An empty body keeps a route that would be allowed from doing anything: it is refused for what it lacks."""
    call = caller(settled, role)
    for route in ROUTES:
        if isinstance(route.need, TenancyNeed):
            right = route.need.right
            allowed = right is None or TABLE[right][role] not in (Extent.NONE, Extent.BREAK_GLASS)
            allowed = allowed and not (route.need.in_person and role is Role.OPERATOR)
        else:
            allowed = route.need is not Need.OPERATOR or role is Role.OPERATOR
        if allowed and route.method in ("DELETE", "POST") and not samples.api_needs_body(route.path):
            continue  # it would do it; the tests of what routes do are below
        answer = call(route.method, path_of(route, settled, HERE), {} if route.method != "GET" else None)
        if allowed:
            assert answer.status_code not in (401, 403, 500), f"{role} {route.method} {route.path} {answer.content!r}"
        else:
            assert answer.status_code == 403, f"{role} {route.method} {route.path} {answer.status_code}"


def test_a_token_of_one_tenancy_and_a_stranger_learn_nothing_of_another(settled: Any) -> None:
    samples.hide(settled, ELSEWHERE)
    of_here = caller(settled, Role.MANAGER)
    for route in ROUTES:
        if isinstance(route.need, TenancyNeed):
            theirs = path_of(route, settled, ELSEWHERE)
            there = of_here(route.method, theirs, {})
            absent = of_here(route.method, theirs.replace(ELSEWHERE, "not-there-o", 1), {})
            assert there.status_code == absent.status_code == 404, f"{route.method} {route.path}"
            assert error_of(there) == error_of(absent)


MAKES = {"/tenancies/{tenancy}/buckets/{bucket}", "/tenancies/{tenancy}/members/{name}"}
"""Where PUT makes what is not there: a bucket of a name that is free here, a member of whom is there on the site."""


def _with_things() -> list[Route]:
    found = [route for route in ROUTES if isinstance(route.need, TenancyNeed) and route.path.count("{") > 1]
    return [route for route in found if not (route.method == "PUT" and route.path in MAKES)]


def test_a_thing_of_another_tenancy_is_as_good_as_none_in_ones_own(settled: Any) -> None:
    """Insecure direct object references: the manager of one tenancy asks for each thing of the other."""
    call = caller(settled, Role.MANAGER)
    assert len(_with_things()) > 15
    for route in _with_things():
        body = samples.api_body(route.method, route.path)
        theirs = path_of(route, settled, ELSEWHERE).replace(ELSEWHERE, HERE, 1)
        acts = _acts_in(settled, ELSEWHERE)
        answer = call(route.method, theirs, body, **once())
        assert answer.status_code == 404, f"{route.method} {route.path} {answer.content!r}"
        assert _acts_in(settled, ELSEWHERE) == acts, f"{route.method} {route.path}"


def _acts_in(town: Any, tenancy: str) -> int:
    from holdfast.admin.audit import Sought, search_audit

    with town.house.catalog.read() as rows:
        return len(search_audit(rows, Sought(tenancy_id=samples.tenancy_of(town, tenancy).tenancy_id), 10_000).rows)


def test_a_read_only_token_changes_nothing(settled: Any) -> None:
    for role in (Role.MANAGER, Role.OPERATOR):
        call = caller(settled, role, read_only=True)
        for route in ROUTES:
            if route.method != "GET":
                answer = call(route.method, path_of(route, settled, HERE), {})
                assert answer.status_code == 403, f"{route.method} {route.path}"


def test_a_token_dies_with_its_membership_its_person_and_the_operators_office(settled: Any) -> None:
    from holdfast.admin.members import remove_member
    from holdfast.admin.users import suspend_user
    from holdfast.portal.people.models import Person

    office = settled.house.office("test")
    member, other, operator = caller(settled, Role.USER), caller(settled, Role.DEPUTY), caller(settled, Role.OPERATOR)
    remove_member(office, HERE, "here-user")
    suspend_user(office, "here-deputy")
    Person.objects.filter(name="olga").update(is_operator=False)
    assert member("GET", "/tenancies").status_code == 401
    assert other("GET", "/tenancies").status_code == 401
    assert operator("GET", "/tenancies").status_code == 401


def test_members_are_listed_set_and_removed_and_the_same_call_again_changes_nothing(settled: Any) -> None:
    settled.person("newcomer")
    call = caller(settled, Role.MANAGER)
    last_day = str(datetime.now(UTC).date() + timedelta(days=30))
    body = {"role": "USER", "last_day": last_day}
    first = call("PUT", f"/tenancies/{HERE}/members/newcomer", body)
    assert first.status_code == 200, first.content
    assert first.json() == call("PUT", f"/tenancies/{HERE}/members/newcomer", body).json()
    names = [item["name"] for item in call("GET", f"/tenancies/{HERE}/members").json()["items"]]
    assert "newcomer" in names
    assert call("DELETE", f"/tenancies/{HERE}/members/newcomer", {"reason": "left"}).status_code == 200
    deputy = caller(settled, Role.DEPUTY)
    refused = deputy("PUT", f"/tenancies/{HERE}/members/newcomer", {"role": "MANAGER", "last_day": last_day})
    assert refused.status_code == 400


def test_a_guest_who_is_set_the_same_again_gets_no_grant_and_no_mail(settled: Any) -> None:
    from holdfast.portal.joining.models import Grant

    settled.person("visitor")
    call = caller(settled, Role.MANAGER)
    path = f"/tenancies/{HERE}/members/visitor"
    last_day = datetime.now(UTC).date() + timedelta(days=30)
    body = {"role": "GUEST", "last_day": str(last_day), "buckets": {samples.bucket_of(HERE): "read"}}

    def after(body: dict[str, Any]) -> tuple[int, int]:
        answer = call("PUT", path, body)
        assert answer.status_code == 200, answer.content
        to_them = [mail for mail in settled.mails() if mail["To"] == "visitor@example.org"]
        return Grant.objects.filter(principal_id=settled.person("visitor").principal_id).count(), len(to_them)

    assert after(body) == (1, 1)
    assert after(body) == (1, 1)
    assert after({**body, "buckets": {samples.bucket_of(HERE): "write"}}) == (2, 2)
    assert after({**body, "last_day": str(last_day + timedelta(days=1))}) == (3, 3)


def test_what_a_body_does_not_name_is_refused(settled: Any) -> None:
    call = caller(settled, Role.MANAGER)
    body = {"new_buckets": "private", "users_may_publish": True, "users_may_create": True, "limit_bytes": 10**18}
    answer = call("PUT", f"/tenancies/{HERE}/rules", body)
    assert answer.status_code == 422
    assert answer.json()["error"]["fields"][0]["field"] == "limit_bytes"


def test_a_request_is_decided_once(settled: Any) -> None:
    call = caller(settled, Role.MANAGER)
    (found,) = call("GET", f"/tenancies/{HERE}/requests").json()["items"]
    path = f"/tenancies/{HERE}/requests/{found['id']}/decision"
    assert call("POST", path, {"decision": "approve"}).json()["state"] == "APPROVED"
    assert call("POST", path, {"decision": "reject", "reason": "no"}).status_code == 409


def test_tenancies_are_made_and_set_by_operators(settled: Any) -> None:
    call = caller(settled, Role.OPERATOR)
    body = {"limit_bytes": 10**12, "limit_objects": None, "manager": "stranger"}
    assert call("PUT", "/tenancies/new-o", {"manager": "stranger"}).status_code == 422
    made = call("PUT", "/tenancies/new-o", body)
    assert made.status_code == 200, made.content
    assert call("PUT", "/tenancies/new-o", body).json() == made.json()
    assert call("PUT", "/tenancies/new-o/state", {"state": "suspended"}).status_code == 400
    suspended = call("PUT", "/tenancies/new-o/state", {"state": "suspended", "reason": "unpaid"})
    assert suspended.json()["state"] == "suspended"
    assert call("PUT", "/tenancies/No_Name", {"limit_bytes": None, "limit_objects": None}).status_code == 400
    assert call("PUT", "/tenancies/new-o", {}).status_code == 422
    listed = call("GET", "/tenancies?limit=2").json()
    following = call("GET", f"/tenancies?limit=2&after={listed['next']}").json()
    names = [item["name"] for item in (*listed["items"], *following["items"])]
    assert names == sorted({HERE, ELSEWHERE, "new-o"})


def test_an_operator_becomes_manager_of_no_tenancy_by_suspending_the_one_it_has(settled: Any) -> None:
    from holdfast.catalog.rows import MEMBERS

    call = caller(settled, Role.OPERATOR)
    body = {"limit_bytes": None, "limit_objects": None}
    olga, stranger = settled.person("olga"), settled.person("stranger")
    settled.member("sole-o", "sol", Role.MANAGER)
    assert call("POST", "/people/sol/suspend", {"reason": "a moment"}).status_code == 200
    assert call("PUT", "/tenancies/sole-o", {**body, "manager": "olga"}).status_code == 400
    # Nor does anybody else: the MANAGER is merely suspended.
    assert call("PUT", "/tenancies/sole-o", {**body, "manager": "stranger"}).status_code == 200
    assert call("PUT", "/tenancies/made-o", {**body, "manager": "olga"}).status_code == 400
    assert call("GET", "/tenancies/made-o").status_code == 404
    with settled.house.catalog.read() as rows:
        tenancy_id = get_tenancy(rows, "sole-o").tenancy_id
        assert rows.find(MEMBERS, (tenancy_id, olga.principal_id)) is None
        assert rows.find(MEMBERS, (tenancy_id, stranger.principal_id)) is None


def test_a_tenancy_whose_manager_has_ended_is_given_another_and_both_are_told(settled: Any, clock: Any) -> None:
    from holdfast.portal.notices.models import Notice

    call = caller(settled, Role.OPERATOR)
    settled.member("sole-o", "sol", Role.MANAGER, until_us=settled.house.now_us() + 3_600_000_000)
    clock.pass_days(1)
    body = {"limit_bytes": None, "limit_objects": None, "manager": "stranger"}
    assert call("PUT", "/tenancies/sole-o", body).status_code == 200
    told = Notice.objects.filter(kind="manager_set").values_list("person__name", flat=True)
    assert set(told) == {"sol", "stranger"}


def test_who_is_invited_by_the_api_has_a_name_of_one_line_and_is_no_member_at_another_address(settled: Any) -> None:
    from holdfast.admin.members import add_member
    from holdfast.admin.users import create_user

    call = caller(settled, Role.OPERATOR)
    said = {"name": "una", "email": "una@example.org", "full_name": "Una\nBcc: x"}
    assert call("POST", "/people", said).status_code == 400
    create_user(settled.house.office("test"), "una", "")
    add_member(settled.house.office("test"), HERE, "una", Role.USER)
    refused = call("POST", "/people", {"name": "una", "email": "una@example.org"})
    assert refused.status_code == 400
    assert "holdfast user invite una" in error_of(refused)["message"]


def test_every_write_stands_in_the_audit_log_under_the_persons_id(settled: Any) -> None:
    from holdfast.admin.audit import Sought, search_audit

    olga = settled.person("olga")
    call = caller(settled, Role.OPERATOR)
    call("PUT", f"/tenancies/{HERE}/quota", {"limit_bytes": 5, "limit_objects": None})
    with settled.house.catalog.read() as rows:
        (row,) = search_audit(rows, Sought(action="tenancy.set-quota"), 5).rows
    assert row.actor == olga.principal_id
    found = call("GET", "/audit?action=tenancy.set-quota&person=olga").json()["items"]
    assert [item["what"] for item in found] == [HERE]


def test_every_list_begins_without_being_told_where_or_how_much(settled: Any) -> None:
    from holdfast.portal.api.reference import document
    from holdfast.portal.api.urls import api

    needed = {
        (path, parameter["name"])
        for path, methods in document(api)["paths"].items()
        for parameter in methods.get("get", {}).get("parameters", ())
        if parameter["in"] == "query" and parameter["required"]
    }
    assert needed == set()
    assert caller(settled, Role.OPERATOR)("GET", "/audit").status_code == 200


def test_managers_are_told_once_of_a_new_quota_whoever_set_it_by_the_api(settled: Any) -> None:
    call = caller(settled, Role.OPERATOR)
    for path in (f"/tenancies/{HERE}/quota", f"/tenancies/{HERE}"):
        for _ in range(2):
            assert call("PUT", path, {"limit_bytes": 5_000, "limit_objects": None}).status_code == 200
    told = [str(mail["To"]) for mail in settled.mails() if "new quota" in str(mail["Subject"])]
    assert sorted(told) == ["here-deputy@example.org", "here-manager@example.org"]


def test_somebody_is_invited_helped_back_in_and_logged_out(settled: Any) -> None:
    call = caller(settled, Role.OPERATOR)
    una = {"name": "una", "email": "una@example.org", "full_name": "Una Fields"}
    for _ in range(2):
        made = call("POST", "/people", una)
        assert made.status_code == 201
        assert made.json() == call("GET", "/people/una").json()
        assert "link" not in made.json()
    assert call("POST", "/people/una/password-link").json() == {"done": "a link is on its way to una@example.org"}
    assert len([mail for mail in settled.mails() if mail["To"] == "una@example.org"]) == 3
    settled.client(settled.person("here-user"))
    ended = call("POST", "/people/here-user/log-out")
    assert ended.json() == {"done": "1 log-ins ended"}
    taken = call("POST", "/people", {"name": "una", "email": "here-user@example.org"})
    assert (taken.status_code, "una@example.org" in taken.json()["error"]["message"]) == (400, True)
    for address in ("una@example.org, ben@example.org", '"una,ben"@example.org'):
        refused = call("POST", "/people", {"name": "ursa", "email": address})
        assert (refused.status_code, "is not an e-mail address" in refused.json()["error"]["message"]) == (400, True)
    nobody = call("POST", "/people", {"name": "una"})
    assert (nobody.status_code, "email" in nobody.text) == (422, True)


def test_errors_say_what_to_do_and_have_an_id_to_quote(settled: Any) -> None:
    call = caller(settled, Role.OPERATOR)
    answer = call("GET", "/people/nobody-of-that-name")
    assert answer.status_code == 404
    error = answer.json()["error"]
    assert error["request_id"] == answer["X-Request-Id"]
    assert error["message"] == "there is no user `nobody-of-that-name`", "no command of a server's command line"
    for path in ("/no/such/route", "/closings/no-number"):
        for method in ("GET", "POST"):
            nothing = call(method, path)
            assert (nothing.status_code, nothing.json()["error"]["code"]) == (404, "NotFound")
    other = call("PATCH", "/audit")
    assert (other.status_code, other.json()["error"]["code"], other["Allow"]) == (405, "MethodNotAllowed", "GET")


def test_too_many_wrong_tokens_are_told_to_wait(settled: Any) -> None:
    from holdfast.portal.api.bearer import FAILURES_MAX

    stand_still(settled)
    call = Caller(settled, "hft_" + "x" * 40)
    codes = [call("GET", "/tenancies").status_code for _ in range(FAILURES_MAX + 1)]
    assert codes[0] == 401
    assert codes[-1] == 429
    assert call("GET", "/tenancies")["Retry-After"] == "60"


def stand_still(settled: Any, seconds: int = 0) -> None:
    """Hold the portal's clock so many seconds after a minute began, next to now."""
    at_us = time.time_ns() // 60_000_000_000 * 60_000_000 + seconds * 1_000_000
    use_house(replace(settled.house, now_us=lambda: at_us))


def test_who_calls_now_and_then_is_never_told_to_wait(settled: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("holdfast.portal.api.bearer.CALLS_MAX", 2)
    call = caller(settled, Role.MANAGER)
    codes = []
    for minute in range(4):
        stand_still(settled, 60 * minute)
        codes += [call("GET", "/tenancies").status_code for _ in range(2)]
    assert codes == [200] * 8
    assert call("GET", "/tenancies").status_code == 429


def test_the_reference_is_made_once_however_often_it_is_asked_for(
    settled: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ninja import NinjaAPI

    client = settled.client()
    first = [client.get(path).status_code for path in ("/api/v1/", "/api/v1/openapi.json")]
    monkeypatch.delattr(NinjaAPI, "get_openapi_schema")
    assert [client.get(path).status_code for path in ("/api/v1/", "/api/v1/openapi.json")] == first == [200, 200]


def test_the_reference_is_there_for_people_and_programs(settled: Any) -> None:
    client = settled.client()
    page = client.get("/api/v1/").content.decode()
    assert "/api/v1/tenancies/{tenancy}/members" in page
    assert client.get("/api/v1/openapi.json").json()["openapi"].startswith("3.")
