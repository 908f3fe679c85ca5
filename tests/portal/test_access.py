"""Who may see which page."""

from __future__ import annotations

from typing import Any


def test_a_page_that_says_nothing_about_access_is_refused(town: Any) -> None:
    from django.http import HttpRequest

    from holdfast.portal.access import check_access

    request = HttpRequest()
    request.user = town.person("ann")  # type: ignore[assignment]
    refusal = check_access(request, None)
    assert refusal is not None
    assert refusal.status_code == 403


def test_who_is_not_logged_in_is_led_to_the_log_in_page_and_back(town: Any) -> None:
    answer = town.client().get("/")
    assert answer.status_code == 302
    assert answer["Location"] == "/account/login/?next=/"


def test_a_suspended_person_is_logged_out_at_the_next_request(town: Any) -> None:
    from holdfast.admin.users import suspend_user

    client = town.client(town.person("ann"))
    assert client.get("/notices/").status_code in (200, 404)
    suspend_user(town.house.office("test"), "ann")
    assert client.get("/").status_code == 302


def test_the_database_knows_no_session_key_that_a_browser_has(town: Any) -> None:
    from holdfast.portal.people.models import Session

    client = town.client(town.person("ann"))
    cookie = client.cookies["__Host-session"].value
    stored = set(Session.objects.values_list("session_key", flat=True))
    assert stored
    assert cookie not in stored
