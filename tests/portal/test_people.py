"""The pages about oneself, the names of people from elsewhere, and what is tidied up."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.admin.errors import Refused
from holdfast.admin.names import check_user_name
from holdfast.auth.roles import Role


def queries_of(client: Any, path: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client.get(path)
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return len(seen)


@pytest.mark.parametrize("path", ["/account/", "/account/security/"])
def test_no_page_about_oneself_asks_more_the_more_there_is(town: Any, path: str) -> None:
    from allauth.mfa.models import Authenticator
    from allauth.socialaccount.models import SocialAccount

    ann = town.person("ann")
    client = town.client(ann)
    few = queries_of(client, path)
    for number in range(20):
        town.member(f"t{number}-o", "ann", Role.MANAGER)
        SocialAccount.objects.create(user=ann, provider="x", uid=str(number), extra_data={"username": f"u{number}"})
        Authenticator.objects.create(user=ann, type="webauthn", data={"name": f"key {number}", "credential": {}})
        town.client(ann)
    page = client.get(path).content.decode()
    assert ("t19-o" if path == "/account/" else "key 19") in page
    assert queries_of(client, path) <= few + 1
    assert few < 15


def test_the_profile_says_which_role_one_has_where_until_when_and_where_from(town: Any) -> None:
    ann = town.person("ann")
    until_us = 1_830_297_600_000_000  # 2028-01-01T00:00:00Z
    town.member("radar-o", "ann", Role.USER, until_us=until_us)
    town.member("past-o", "mia", Role.MANAGER)
    page = town.client(ann).get("/account/").content.decode()
    assert "radar-o" in page
    assert "31 December 2027" in page
    assert "past-o" not in page


def test_what_has_ended_is_no_role_on_the_profile(town: Any) -> None:
    from holdfast.portal.house import use_house

    ann = town.person("ann")
    end_us = town.house.now_us() + 1_000_000
    town.member("radar-o", "ann", Role.USER, until_us=end_us)
    client = town.client(ann)
    use_house(dataclasses.replace(town.house, now_us=lambda: end_us))
    try:
        assert "You belong to no tenancy yet" in client.get("/account/").content.decode()
    finally:
        use_house(town.house)


@pytest.mark.parametrize("given_name", ["Ann\u202eLee", "Ann\nLee", "x" * 121, "\x00"])
def test_a_full_name_is_one_plain_line(town: Any, given_name: str) -> None:
    ann = town.person("ann")
    page = town.client(ann).post("/account/", {"full_name": given_name}).content.decode()
    assert "There is a problem" in page
    ann.refresh_from_db()
    assert ann.full_name == ""


@given(wanted=st.text(max_size=80))
def test_any_text_becomes_a_name_that_a_user_can_have(django_home: Any, wanted: str) -> None:
    from holdfast.portal.people.naming import legal_name

    name = legal_name(wanted)
    try:
        check_user_name(name)
    except Refused as error:
        raise AssertionError(str(error)) from None
    assert legal_name(name) == name


def test_the_next_name_is_tried_until_one_is_free_however_long_it_is(town: Any) -> None:
    from holdfast.portal.people.naming import free_name

    for _ in range(3):
        town.person(free_name("Ann"))
        town.person(free_name("x" * 64))
    assert free_name("ann") == "ann-4"
    assert free_name("x" * 64) == "x" * 62 + "-4"


@given(count=st.integers(0, 1000), free=st.integers(1, 60))
def test_the_wait_never_shrinks_and_has_a_bound(django_home: Any, count: int, free: int) -> None:
    from holdfast.portal.people.throttle import WAIT_S_MAX, wait_us

    assert wait_us(count, free) <= wait_us(count + 1, free) <= WAIT_S_MAX * 1_000_000
    assert (wait_us(count, free) == 0) is (count < free)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "1 second"), (59, "59 seconds"), (60, "1 minute"), (61, "2 minutes"), (900, "15 minutes")],
)
def test_a_wait_is_told_in_words(django_home: Any, seconds: int, words: str) -> None:
    from holdfast.portal.people.throttle import in_words

    assert in_words(seconds) == words


def test_a_day_without_a_failure_forgets_all(town: Any) -> None:
    from holdfast.portal.house import use_house
    from holdfast.portal.people.throttle import account_gate, begin

    now_us = town.house.now_us()
    gate = account_gate("person 1")
    for _ in range(5):
        assert begin([gate]) == 0
    assert begin([gate]) > 0
    use_house(dataclasses.replace(town.house, now_us=lambda: now_us + 86_400_000_000 + 10_000_000))
    try:
        assert [begin([gate]) for _ in range(5)] == [0] * 5
    finally:
        use_house(town.house)


def test_many_tries_at_once_do_not_slip_through(town: Any) -> None:
    import threading

    from django.db import connection

    from holdfast.portal.people.throttle import account_gate, begin

    start = threading.Barrier(12)
    waits: list[int] = []

    def attempt() -> None:
        start.wait()
        try:
            waits.append(begin([account_gate("person 1")]))
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waits.count(0) == 5


def test_what_nobody_needs_any_more_is_removed_and_nothing_else(town: Any) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from holdfast.portal.people.links import login_link, peek_login_link
    from holdfast.portal.people.models import LoginLink, Session, Trial
    from holdfast.portal.people.tidy import tidy

    ann = town.person("ann")
    client = town.client(ann)
    kept = login_link(ann)
    login_link(ann, timedelta(seconds=-1))
    Session.objects.create(session_key="old", session_data="", expire_date=timezone.now() - timedelta(seconds=1))
    now_us = town.house.now_us()
    Trial.objects.create(key="old", count=1, last_us=now_us - 90_000_000_000, next_us=0)
    Trial.objects.create(key="new", count=1, last_us=now_us, next_us=0)
    assert tidy() == 3
    assert tidy() == 0
    assert client.get("/account/").status_code == 200
    assert peek_login_link(kept.split("/")[-2]) == ann
    assert LoginLink.objects.count() == 1
    assert Trial.objects.get().key == "new"


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "Chrome on Android"),
        ("curl/7.88.1", "curl"),
        ("<script>", "Unknown browser"),
        ("", "Unknown browser"),
    ],
)
def test_a_browser_is_named_in_words(django_home: Any, header: str, words: str) -> None:
    from holdfast.portal.people.agents import describe_agent

    assert describe_agent(header) == words


def test_a_login_link_is_spent_by_its_button_and_not_by_looking(town: Any) -> None:
    from holdfast.portal.people.links import login_link

    ann = town.person("ann")
    path = login_link(ann).removeprefix("https://localhost:8444")
    client = town.client()
    for _ in range(2):
        assert "Log in as ann" in client.get(path).content.decode()
    assert client.post(path)["Location"] == "/"
    assert client.get("/account/").status_code == 200
    assert town.client().post(path).status_code == 404
    # And it counts as a proof: no second prompt right after it.
    assert client.get("/account/2fa/totp/activate/").status_code == 200


def test_passwords_are_kept_as_argon2id_and_few_are_looked_at_at_once(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from django.contrib.auth.hashers import Argon2PasswordHasher
    from django.test import override_settings

    from holdfast.portal.django_settings import values
    from holdfast.portal.people.hashing import AT_ONCE_MAX, Argon2id

    assert values(town.house.settings, town.house.home)["PASSWORD_HASHERS"] == [
        "holdfast.portal.people.hashing.Argon2id"
    ]
    with override_settings(PASSWORD_HASHERS=["holdfast.portal.people.hashing.Argon2id"]):
        from django.contrib.auth.hashers import check_password, make_password

        kept = make_password("correct horse battery staple")
        assert kept.startswith("argon2$argon2id$v=19$m=65536,t=3,p=4$")
        assert check_password("correct horse battery staple", kept)
        assert not check_password("wrong wrong wrong", kept)

    running, most = [0], [0]
    lock, full, go_on = threading.Lock(), threading.Event(), threading.Event()

    def encode(self: Any, password: str, salt: str) -> str:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
            if running[0] == AT_ONCE_MAX:
                full.set()
        go_on.wait(30)
        with lock:
            running[0] -= 1
        return ""

    monkeypatch.setattr(Argon2PasswordHasher, "encode", encode)
    threads = [threading.Thread(target=Argon2id().encode, args=("x", "saltsaltsalt")) for _ in range(3 * AT_ONCE_MAX)]
    for thread in threads:
        thread.start()
    assert full.wait(30)
    go_on.set()
    for thread in threads:
        thread.join()
    assert most[0] == AT_ONCE_MAX


def test_a_change_of_the_full_name_stands_in_the_audit_log(town: Any) -> None:
    import json

    from holdfast.admin.audit import Sought, search_audit

    ann = town.person("ann", full_name="Ann Archer")
    client = town.client(ann)
    for name in ("Ann Archer", "Olga Operator", "Olga Operator"):
        assert client.post("/account/", {"full_name": name}).status_code == 302
    with town.house.catalog.read() as rows:
        (row,) = search_audit(rows, Sought(action="person.rename"), 5).rows
    assert (row.actor, row.subject) == (ann.principal_id, "ann")
    assert json.loads(row.detail) == {"before": "Ann Archer", "full_name": "Olga Operator"}
