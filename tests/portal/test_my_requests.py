"""My tenancies, to somebody who has asked for one: what waits for whom."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.portal.test_dashboard import steps, text_of
from tests.portal.test_joining import ask, requests

from holdfast.auth.roles import Role


@pytest.fixture
def client(town: Any) -> Any:
    town.member("lab-o", "mary", Role.MANAGER)
    return town.client(town.person("ann"))


def decide(town: Any, decision: str) -> None:
    number = requests().latest("pk").pk
    said = {"role": "USER", "lasts": "1y"} if decision == "approve" else {"reason": "Which project number?"}
    path = f"/tenancies/lab-o/requests/{number}/"
    assert town.client(town.person("mary")).post(path, {"decision": decision, **said}).status_code == 302


def test_a_request_that_waits_is_shown_until_it_is_decided(town: Any, client: Any) -> None:
    ask(client, "lab-o")
    text = text_of(client, "/")
    assert "lab-o PENDING To join as USER, asked on" in text
    assert "Join a tenancy Asked Your request waits for a decision: lab-o." in text
    assert "You belong to no tenancy yet" not in text
    assert steps(client, "/") == ["asked", "later", "later", "later"]
    decide(town, "incomplete")
    text = text_of(client, "/")
    assert "lab-o INCOMPLETE To join as USER" in text
    assert "Which project number? Complete it" in text
    assert steps(client, "/")[0] == "now"
    ask(client, "lab-o", answer_purpose="Sea ice, project 12.")
    assert "INCOMPLETE" not in text_of(client, "/")
    decide(town, "approve")
    text = text_of(client, "/")
    assert "My requests" not in text
    assert "lab-o USER" in text


def test_a_request_for_a_tenancy_that_is_not_there_looks_like_any_other(client: Any) -> None:
    ask(client, "nowhere-o")
    assert "nowhere-o PENDING To join as USER" in text_of(client, "/")


def test_a_tenancy_that_was_asked_for_is_shown(town: Any, client: Any) -> None:
    from holdfast.portal.joining.days import today

    until = (today() + timedelta(days=100)).isoformat()
    given = {
        "name": "ice-o",
        "purpose": "Model output of the polar project, read by twelve people.",
        "limit_bytes": "1TB",
        "ends_on": until,
        "deputies": "",
        "is_harmless": "on",
    }
    answer = client.post("/ask-for-a-tenancy/", given)
    assert answer.status_code == 302
    text = text_of(client, "/")
    assert "ice-o REQUESTED For a tenancy of this name, asked on" in text
    assert "Join a tenancy Asked" in text


def test_a_request_that_was_sent_again_leads_to_the_newer_one_and_leaves_nothing_to_do(town: Any, client: Any) -> None:
    ask(client, "lab-o")
    decide(town, "incomplete")
    first = requests().latest("pk").pk
    assert "To do" in text_of(client, "/notices/")
    assert "send the request again. " in text_of(client, "/notices/")
    mary = town.client(town.person("mary"))
    page = f"/tenancies/lab-o/requests/{first}/"
    assert "newer request" not in text_of(mary, page)
    ask(client, "lab-o", answer_purpose="Sea ice, project 12.")
    notices = text_of(client, "/notices/")
    assert "To do" not in notices
    assert "Unread" not in notices
    assert "Done" in notices
    newer = requests().latest("pk").pk
    assert f'href="/tenancies/lab-o/requests/{newer}/"' in mary.get(page).content.decode()
    assert "Open the newer request" in text_of(mary, page)
