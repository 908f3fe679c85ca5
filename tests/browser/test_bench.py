"""The bench itself: what it hides from a test, no test would find."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.browser.conftest import Visit
from tests.browser.place import Place
from tests.browser.registry import PASSWORD, login_link_of, make_member, make_person
from tests.browser.relay import soften
from tests.browser.visitor import Lost

BY = ("mouse", "keyboard", "firefox")


@pytest.mark.parametrize("by", BY)
def test_a_person_logs_in_reads_and_logs_out(town: Place, visit: Visit, by: str) -> None:
    town.clerk.run(make_person, f"first-{by}")
    person = visit(by=by).go("/").log_in(f"first-{by}", PASSWORD).is_at("My tenancies")
    assert person.clicks == 1
    person.log_out().sees("Log in")


@pytest.mark.parametrize("by", BY)
def test_a_refusal_of_the_policy_is_a_complaint(visit: Visit, by: str) -> None:
    person = visit(by=by).go("/account/login/")
    person.page.evaluate("document.head.append(Object.assign(document.createElement('style'), {textContent: 'p{}'}))")
    person.page.wait_for_timeout(200)
    with pytest.raises(AssertionError, match=r"Content.Security.Policy"):
        person.leave()


def test_an_error_of_a_script_is_a_complaint(visit: Visit) -> None:
    person = visit().go("/account/login/")
    person.page.evaluate("setTimeout(() => { throw new Error('a fault of ours') })")
    person.page.wait_for_timeout(200)
    person.forgive("a fault of ours")


def test_a_refused_page_is_no_complaint_but_a_missing_file_is(visit: Visit) -> None:
    person = visit().go("/nowhere/").sees("There is no such page")
    assert person.complaints == []
    person.page.evaluate("fetch('/static/nothing.js')")
    person.page.wait_for_timeout(500)
    person.forgive("404.*nothing.js")


def test_what_is_not_there_is_lost_with_what_is(visit: Visit) -> None:
    person = visit().go("/accessibility/")
    with pytest.raises(Lost, match=r"(?s)Fly to the moon.*Web Content Accessibility"):
        person.click("Fly to the moon")
    with pytest.raises(Lost, match=r"(?s)Fly to the moon.*Web Content Accessibility"):
        person.sees("Fly to the moon")


@pytest.mark.parametrize("by", BY)
def test_what_is_downloaded_lies_under_its_name(visit: Visit, by: str) -> None:
    person = visit(by=by).go("/accessibility/")
    person.page.evaluate(
        "document.querySelector('main').innerHTML += '<a download=\"some.cfg\" href=\"data:text/plain,a%20line\">Get</a>'"
    )
    file = person.download("Get")
    assert (file.name, file.read_text()) == ("some.cfg", "a line")


def test_only_what_emulates_is_answered_in_firefox_s_place() -> None:
    unknown = {"type": "error", "id": 7, "error": "unknown command", "message": "emulation.setThings"}
    assert soften(unknown) == {"type": "success", "id": 7, "result": {}}
    for other in (
        unknown | {"message": "network.setThings"},
        unknown | {"error": "invalid argument"},
        {"type": "success", "id": 7, "result": {"value": 1}},
    ):
        assert soften(other) == other


def test_the_clerk_s_links_lead_to_the_server(town: Place, visit: Visit) -> None:
    town.clerk.run(make_member, "linked-o", "lin")
    visit().go(town.clerk.run(login_link_of, "lin")).click("Log in as lin").sees("linked-o")


def test_a_fault_of_the_server_is_seen(town: Place, tmp_path: Path) -> None:
    assert town.faults() == []
