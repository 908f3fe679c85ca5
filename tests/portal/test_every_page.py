"""Every page of the URL map: who is let in, who is led where, and that no id leads into another tenancy."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest
from tests.portal import samples
from tests.portal.url_map import Page, for_operators, of_tenancies, pages

from holdfast.auth.roles import TABLE, Extent, Role

HERE, ELSEWHERE = "here-o", "elsewhere-o"
ROLES = (Role.GUEST, Role.USER, Role.DEPUTY, Role.MANAGER)


def values_of(page: Page, town: Any, tenancy: str) -> dict[str, str]:
    return {name: tenancy if name == "tenancy" else samples.make(town, page, name, tenancy) for name in page.kwargs}


@pytest.fixture
def settled(town: Any) -> Any:
    """Two tenancies with a member of each role, an operator, and somebody who belongs to none."""
    for tenancy in (HERE, ELSEWHERE):
        town.tenancy(tenancy)
        for role in ROLES[1:]:
            town.member(tenancy, f"{tenancy[:4]}-{role.value.lower()}", role)
        samples.settle(town, tenancy)
        samples.make_guest(town, tenancy, f"{tenancy[:4]}-guest")
    town.operator()
    town.person("stranger")
    return town


def person(town: Any, role: Role, tenancy: str = HERE) -> Any:
    return town.person("olga") if role is Role.OPERATOR else town.person(f"{tenancy[:4]}-{role.value.lower()}")


def test_every_page_says_who_may_see_it(django_home: Any) -> None:
    silent = [page.route for page in pages() if page.need is None and page.name not in samples.REFUSED_TO_ALL]
    assert silent == []


def test_who_is_not_logged_in_sees_no_page_that_needs_somebody(settled: Any) -> None:
    from holdfast.portal.access import Need

    client = settled.client()
    for page in pages():
        if page.need in (None, Need.ANYBODY):
            continue
        answer = client.get(page.path(values_of(page, settled, HERE)))
        assert answer.status_code == 302, page.route
        assert answer["Location"].startswith("/account/login/?next="), page.route


def test_each_role_sees_the_pages_of_its_rights_and_no_others(settled: Any) -> None:
    for role in (*ROLES, Role.OPERATOR):
        client = settled.client(person(settled, role))
        for page in of_tenancies():
            right = page.need.right  # type: ignore[union-attr]
            allowed = right is None or TABLE[right][role] not in (Extent.NONE, Extent.BREAK_GLASS)
            if role is Role.OPERATOR and page.need.in_person:  # type: ignore[union-attr]
                allowed = False
            answer = client.get(page.path(values_of(page, settled, HERE)))
            seen = answer.status_code != 403
            assert seen is allowed or page.name in samples.NARROWER, f"{role} {page.route} {answer.status_code}"
            assert answer.status_code < 500, f"{role} {page.route}"


def test_a_stranger_sees_one_page_whatever_they_ask_of_a_tenancy_and_whether_it_is_there(settled: Any) -> None:
    client = settled.client(settled.person("stranger"))
    samples.hide(settled, ELSEWHERE)
    for page in of_tenancies():
        hidden = client.get(page.path(values_of(page, settled, ELSEWHERE)))
        absent = client.get(page.path({**values_of(page, settled, ELSEWHERE), "tenancy": "not-there-o"}))
        assert hidden.status_code == absent.status_code == 200, page.route
        assert _shape(hidden, ELSEWHERE) == _shape(absent, "not-there-o"), page.route


def _shape(answer: Any, tenancy: str, ids: Mapping[str, str] = {}) -> str:
    text = answer.content.decode()
    for name, value in ids.items():
        if name != "tenancy":
            # A short one may be a part of something else: it is looked for in its quotes.
            text = text.replace(value, "ID") if len(value) > 5 else text.replace(f"`{value}`", "`ID`")
    text = text.replace(tenancy, "NAME")
    # What differs from one answer to the next whatever it says: tokens of forms and ids of requests.
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", text)
    return text.replace(answer["X-Request-Id"], "")


def test_only_operators_see_their_pages(settled: Any) -> None:
    for role in ROLES:
        client = settled.client(person(settled, role))
        for page in for_operators():
            answer = client.get(page.path(values_of(page, settled, HERE)))
            assert answer.status_code == 403, f"{role} {page.route}"
    client = settled.client(settled.person("olga"))
    for page in for_operators():
        answer = client.get(page.path(values_of(page, settled, HERE)))
        assert answer.status_code not in (302, 403) or page.name in samples.NARROWER, page.route
        assert answer.status_code < 500, page.route


def _with_ids() -> list[Page]:
    return [page for page in of_tenancies() if len(page.kwargs) > 1]


def test_an_id_of_another_tenancy_is_as_good_as_none_in_ones_own(settled: Any) -> None:
    """Insecure direct object references: the manager of one tenancy asks for each thing of the other."""
    here = settled.client(person(settled, Role.MANAGER))
    there = settled.client(person(settled, Role.MANAGER, ELSEWHERE))
    for page in _with_ids():
        theirs = values_of(page, settled, ELSEWHERE)
        # The id is one that exists: its own manager finds it there.
        assert there.get(page.path(theirs)).status_code != 404, page.route
        acts = _acts_in(settled, ELSEWHERE)
        nothing = {name: samples.ABSENT.get(name, "") for name in page.kwargs}
        for method in ("get", "post"):
            here.get("/accessibility/")  # shows, and so forgets, what the last form said
            answer = getattr(here, method)(page.path({**theirs, "tenancy": HERE}))
            here.get("/accessibility/")
            absent = getattr(here, method)(page.path({**nothing, "tenancy": HERE}))
            assert answer.status_code == absent.status_code, f"{method} {page.route}"
            assert answer.status_code in (302, 400, 404, 405), f"{method} {page.route} {answer.status_code}"
            assert _acts_in(settled, ELSEWHERE) == acts, f"{method} {page.route}"
            assert _shape(answer, HERE, theirs) == _shape(absent, HERE, nothing), f"{method} {page.route}"


def _acts_in(town: Any, tenancy: str) -> int:
    from holdfast.admin.audit import Sought, search_audit

    with town.house.catalog.read() as rows:
        return len(search_audit(rows, Sought(tenancy_id=samples.tenancy_of(town, tenancy).tenancy_id), 10_000).rows)


@pytest.mark.parametrize("role", [None, Role.USER, Role.MANAGER, Role.OPERATOR])
def test_no_form_is_taken_without_its_token(settled: Any, role: Role | None) -> None:
    client = settled.client(person(settled, role) if role else None, enforce_csrf_checks=True)
    for page in pages():
        answer = client.post(page.path(values_of(page, settled, HERE)), {"x": "1"})
        # Who may not see the page may be told so first; a page that takes no POST does nothing.
        assert answer.status_code in (302, 403, 405), f"{page.route} {answer.status_code}"
        if answer.status_code == 302:
            assert answer["Location"].startswith("/account/login/"), page.route
