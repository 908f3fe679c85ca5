"""Log-in by name or address and password: what it answers, whom it lets in, and how often it may be tried."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.portal.conftest import PASSWORD

LOGIN = "/account/login/"


def log_in(client: Any, login: str, password: str = PASSWORD, **more: Any) -> Any:
    return client.post(LOGIN, {"login": login, "password": password, **more})


def is_in(client: Any) -> bool:
    return bool(client.get("/account/").status_code == 200)


@pytest.fixture
def clock(town: Any) -> Iterator[Any]:
    """A clock of the house that stands still until it is moved."""
    from holdfast.portal.house import use_house

    class Clock:
        now_us = town.house.now_us()

        def move(self, seconds: float) -> None:
            self.now_us += int(seconds * 1_000_000)

    made = Clock()
    use_house(dataclasses.replace(town.house, now_us=lambda: made.now_us))
    yield made
    use_house(town.house)


@pytest.fixture
def hashings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that were hashed: what takes time in a log-in."""
    from django.contrib.auth.hashers import MD5PasswordHasher

    seen: list[str] = []
    plain = MD5PasswordHasher.encode

    def encode(self: Any, password: str, salt: str) -> str:
        seen.append(password)
        return plain(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", encode)
    return seen


@pytest.mark.parametrize("login", ["ann", "ANN", " ann ", "ann@example.org", "Ann@Example.org"])
def test_a_name_or_an_address_in_any_letters_logs_in(town: Any, login: str) -> None:
    town.person("ann")
    client = town.client()
    answer = log_in(client, login)
    assert (answer.status_code, answer["Location"]) == (302, "/")
    assert is_in(client)


def test_the_page_has_the_sites_own_name_whatever_the_host_header_says(town: Any) -> None:
    client = town.client()
    client.defaults["HTTP_HOST"] = "localhost:666"
    for path in (LOGIN, "/account/password/reset/", "/account/signup/", "/account/password/reset/done/"):
        page = client.get(path).content.decode()
        assert "· Object store</title>" in page
        assert "666" not in page


def test_a_page_that_was_asked_for_comes_after_the_log_in(town: Any) -> None:
    town.person("ann")
    client = town.client()
    asked = client.get("/account/security/")
    assert asked["Location"] == "/account/login/?next=/account/security/"
    assert 'name="next" value="/account/security/"' in client.get(asked["Location"]).content.decode()
    assert log_in(client, "ann", next="/account/security/")["Location"] == "/account/security/"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https:evil.example",
        "https:/\\evil.example",
        "javascript:alert(1)",
        "http://localhost:8444/",
        "https://localhost/",
        "https://localhost:9/",
        "evil.example",
    ],
)
def test_no_address_leads_out_of_the_site_after_a_log_in(town: Any, target: str) -> None:
    town.person("ann")
    client = town.client()
    assert log_in(client, "ann", next=target)["Location"] == "/"
    # And so for who is logged in already.
    assert client.get(LOGIN, {"next": target})["Location"] == "/"


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer(town: Any) -> None:
    town.person("ann")
    bodies = []
    for login in ("ann", "nobody", "ann@example.org", "nobody@example.org"):
        answer = log_in(town.client(), login, "wrong wrong wrong")
        assert answer.status_code == 200
        text = answer.content.decode().replace(login, "LOGIN")
        bodies.append(re.sub(r'(csrfmiddlewaretoken" value|Request <code)[^<]*', "", text))
    assert "There is no account with this name or e-mail address and this password." in bodies[0]
    assert len(set(bodies)) == 1


@pytest.mark.parametrize("login", ["ann", "ann@example.org", "nobody", "nobody@example.org", "robot"])
def test_as_much_is_hashed_for_an_unknown_name_as_for_a_wrong_password(
    town: Any, hashings: list[str], login: str
) -> None:
    town.person("ann")
    robot = town.person("robot")
    robot.set_unusable_password()
    robot.save()
    hashings.clear()
    log_in(town.client(), login, "wrong wrong wrong")
    assert len(hashings) == 1


def test_the_session_key_is_another_after_the_log_in(town: Any) -> None:
    town.person("ann")
    client = town.client()
    client.get(LOGIN)
    client.post("/theme/", {"theme": "dark"})
    log_in(client, "ann", "wrong wrong wrong")
    session = client.session
    session["planted"] = True
    session.save()
    before = client.cookies["__Host-session"].value if "__Host-session" in client.cookies else session.session_key
    client.cookies["__Host-session"] = session.session_key
    log_in(client, "ann")
    after = client.cookies["__Host-session"].value
    assert after not in (before, session.session_key)
    stale = town.client()
    stale.cookies["__Host-session"] = session.session_key
    assert not is_in(stale)


def test_a_session_key_that_a_browser_brings_is_never_taken(town: Any) -> None:
    town.person("ann")
    client = town.client()
    client.cookies["__Host-session"] = "a" * 32
    log_in(client, "ann")
    assert client.cookies["__Host-session"].value != "a" * 32


def test_cookies_are_of_this_host_alone_for_https_alone_and_closed_to_scripts(town: Any) -> None:
    town.person("ann")
    client = town.client()
    client.get(LOGIN)
    log_in(client, "ann")
    for name in ("__Host-session", "__Host-csrf", "__Host-known"):
        cookie = client.cookies[name]
        assert cookie["secure"]
        assert cookie["httponly"]
        assert (cookie["path"], cookie["domain"], cookie["samesite"]) == ("/", "", "Lax")


def test_failures_make_one_wait_twice_as_long_each_time(town: Any, clock: Any) -> None:
    town.person("ann")
    client = town.client()
    for _ in range(5):
        log_in(client, "ann", "wrong wrong wrong")
    waits = []
    for _ in range(12):
        refused = log_in(client, "ann").content.decode()
        assert "Too many log-ins failed" in refused
        assert not is_in(client)
        number, unit = re.findall(r"Try again in (\d+) (second|minute)s?", refused)[0]
        waits.append(int(number) * (60 if unit == "minute" else 1))
        clock.move(waits[-1])
        log_in(client, "ann", "wrong wrong wrong")
    assert waits == [2, 4, 8, 16, 32, 120, 180, 300, 540, 900, 900, 900]
    clock.move(900)
    assert log_in(client, "ann").status_code == 302


def test_who_tries_while_waiting_does_not_wait_longer(town: Any, clock: Any) -> None:
    town.person("ann")
    client = town.client()
    for _ in range(5):
        log_in(client, "ann", "wrong wrong wrong")
    for _ in range(20):
        log_in(client, "ann", "wrong wrong wrong")
    clock.move(2)
    assert log_in(client, "ann").status_code == 302


def test_name_and_address_are_one_account_to_the_throttle_and_so_is_any_port_of_the_host(town: Any, clock: Any) -> None:
    town.person("ann")
    for number, login in enumerate(["ann", "ann@example.org", "ANN", "ann", "Ann@example.org"]):
        client = town.client()
        client.defaults["HTTP_HOST"] = f"localhost:{1000 + number}"
        log_in(client, login, "wrong wrong wrong")
    assert "Too many log-ins failed" in log_in(town.client(), "ann").content.decode()


def test_an_unknown_name_is_throttled_as_a_known_one(town: Any, clock: Any) -> None:
    client = town.client()
    for _ in range(5):
        log_in(client, "nobody", "wrong wrong wrong")
    assert "Too many log-ins failed" in log_in(client, "nobody").content.decode()


def test_one_address_may_not_try_one_password_on_many_accounts(town: Any, clock: Any) -> None:
    town.person("ann")
    client = town.client()
    for number in range(50):
        log_in(client, f"user{number}", "wrong wrong wrong")
    assert "Too many log-ins failed" in log_in(client, "ann").content.decode()
    elsewhere = town.client()
    elsewhere.defaults["REMOTE_ADDR"] = "192.0.2.7"
    assert log_in(elsewhere, "ann").status_code == 302


def test_a_success_of_ones_own_does_not_wash_an_address_clean(town: Any, clock: Any) -> None:
    town.person("eve")
    client = town.client()
    for number in range(49):
        log_in(client, f"user{number}", "wrong wrong wrong")
        if not number % 10:
            assert log_in(client, "eve").status_code == 302
            client.post("/account/logout/")
    log_in(client, "user50", "wrong wrong wrong")
    assert "Too many log-ins failed" in log_in(town.client(), "eve").content.decode()


def test_wrong_log_ins_by_others_keep_nobody_out_of_a_browser_that_is_theirs(town: Any, clock: Any) -> None:
    town.person("ann")
    town.person("eve")
    hers, others = town.client(), town.client()
    assert log_in(hers, "ann").status_code == 302
    hers.post("/account/logout/")
    log_in(others, "eve")
    others.post("/account/logout/")
    for _ in range(5):
        log_in(others, "ann", "wrong wrong wrong")
    # A browser that is known to others, or to nobody, waits; so does one with a cookie that somebody made up.
    forged = town.client()
    forged.cookies["__Host-known"] = hers.cookies["__Host-known"].value[:-1] + "x"
    for client in (others, town.client(), forged):
        assert "Too many log-ins failed" in log_in(client, "ann").content.decode()
    assert log_in(hers, "ann").status_code == 302
    # It has a count of its own.
    hers.post("/account/logout/")
    for _ in range(5):
        log_in(hers, "ann", "wrong wrong wrong")
    assert "Too many log-ins failed" in log_in(hers, "ann").content.decode()


def test_a_browser_is_known_until_the_password_changes(town: Any, clock: Any) -> None:
    ann = town.person("ann")
    old, new = town.client(), town.client()
    for client in (old, new):
        assert log_in(client, "ann").status_code == 302
    given = {"oldpassword": PASSWORD, "password1": "an album of polar bears", "password2": "an album of polar bears"}
    assert new.post("/account/password/change/", given).status_code == 302
    ann.refresh_from_db()
    assert ann.check_password("an album of polar bears")
    for client in (old, new):
        client.cookies.pop("__Host-session")
    for _ in range(5):
        log_in(town.client(), "ann", "wrong wrong wrong")
    assert "Too many log-ins failed" in log_in(old, "ann", "an album of polar bears").content.decode()
    assert log_in(new, "ann", "an album of polar bears").status_code == 302


def test_a_new_password_by_a_link_ends_the_wait(town: Any, clock: Any) -> None:
    from holdfast.portal.people.links import password_link

    ann = town.person("ann")
    for _ in range(9):
        log_in(town.client(), "ann", "wrong wrong wrong")
        clock.move(1)
    client = town.client()
    form = client.get(password_link(ann).removeprefix("https://localhost:8444"))["Location"]
    client.post(form, {"password1": "another battery staple"})
    assert log_in(town.client(), "ann", "another battery staple").status_code == 302


def test_who_is_suspended_is_told_so_only_with_the_right_password(town: Any) -> None:
    from holdfast.admin.users import suspend_user

    town.person("ann")
    suspend_user(town.house.office("test"), "ann")
    client = town.client()
    assert "There is no account" in log_in(client, "ann", "wrong wrong wrong").content.decode()
    answer = log_in(client, "ann")
    assert answer["Location"] == "/account/inactive/"
    assert "closed your account" in client.get(answer["Location"]).content.decode()
    assert not is_in(client)


@pytest.mark.parametrize("act", ["suspend", "remove", "disable"])
def test_access_ends_at_the_next_request_when_the_user_in_the_catalog_is_closed(town: Any, act: str) -> None:
    from holdfast.admin import users

    client = town.client(town.person("ann"))
    assert is_in(client)
    getattr(users, f"{act}_user")(town.house.office("test"), "ann")
    assert client.get("/account/")["Location"] == "/account/inactive/"
    assert client.get("/account/")["Location"].startswith("/account/login/")
    assert log_in(client, "ann")["Location" if act != "remove" else "Content-Type"] in (
        "/account/inactive/",
        "text/html; charset=utf-8",
    )
    assert not is_in(client)


def test_a_user_of_the_command_line_has_no_account_until_invited(town: Any) -> None:
    from holdfast.admin.users import create_user

    create_user(town.house.office("test"), "ann", "ann@example.org")
    assert log_in(town.client(), "ann").status_code == 200


def test_logging_out_ends_the_session_and_needs_a_post(town: Any) -> None:
    client = town.client(town.person("ann"))
    assert "Log out of this browser?" in client.get("/account/logout/").content.decode()
    assert is_in(client)
    key = client.cookies["__Host-session"].value
    assert client.post("/account/logout/")["Location"] == LOGIN
    stale = town.client()
    stale.cookies["__Host-session"] = key
    assert not is_in(stale)


def test_a_session_ends_some_hours_after_the_last_visit_not_after_the_log_in(town: Any) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from holdfast.portal.people.models import Session

    client = town.client()
    town.person("ann")
    log_in(client, "ann")
    session = Session.objects.get(person__name="ann")
    left = session.expire_date - timezone.now()
    assert timedelta(hours=11) < left <= timedelta(hours=12)
    data = session.get_decoded()
    data["seen_s"] -= 3600
    store = client.session
    store["seen_s"] = data["seen_s"]
    store.save()
    Session.objects.update(expire_date=timezone.now() + timedelta(minutes=5))
    assert is_in(client)
    assert Session.objects.get(person__name="ann").expire_date - timezone.now() > timedelta(hours=11)


def test_a_session_ends_some_days_after_the_log_in_however_often_somebody_comes(town: Any) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from holdfast.portal.people.models import Session

    client = town.client()
    town.person("ann")
    log_in(client, "ann")
    store = client.session
    store["began_s"] -= 30 * 86_400 - 600
    store["seen_s"] -= 3600
    store.save()
    answer = client.get("/account/")
    assert answer.status_code == 200
    assert answer.cookies["__Host-session"]["max-age"] <= 600
    left = Session.objects.get(person__name="ann").expire_date - timezone.now()
    assert timedelta(minutes=9) < left <= timedelta(minutes=10)
    store = client.session
    store["began_s"] -= 600
    store["seen_s"] -= 3600
    store.save()
    assert not is_in(client)


def test_how_long_a_page_took_is_told_to_operators_alone(town: Any) -> None:
    clients = {"nobody": town.client(), "ann": town.client(town.person("ann")), "olga": town.client(town.operator())}
    told = {who: "Server-Timing" in client.get("/account/login/") for who, client in clients.items()}
    assert told == {"nobody": False, "ann": False, "olga": True}


def test_what_a_session_holds_is_sealed_in_the_database(town: Any) -> None:
    from holdfast.portal.people.models import Session

    client = town.client()
    town.person("ann")
    log_in(client, "ann")
    stored = Session.objects.get(person__name="ann")
    assert stored.get_decoded()["agent"] == "Unknown browser"
    import base64

    sealed = base64.b64decode(stored.session_data.partition(":")[2])
    assert b"agent" not in sealed
    assert b"password" not in sealed
    # One that was changed, or sealed by another keyring, is an empty one.
    Session.objects.update(session_data=stored.session_data[:-8] + "AAAAAAA=")
    assert not is_in(client)


def test_the_log_knows_who_came_but_no_password_and_nothing_that_was_typed_as_a_name(
    town: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    town.person("ann")
    log_in(town.client(), "ann")
    log_in(town.client(), "my secret by mistake", "wrong wrong wrong")
    said = "".join(capsys.readouterr())
    assert "somebody logged in" in said
    assert "ann" in said
    assert "a log-in failed" in said
    for secret in (PASSWORD, "my secret by mistake", "wrong wrong wrong"):
        assert secret not in said


def test_every_form_of_accounts_needs_the_token_of_its_page(town: Any) -> None:
    from django.urls import URLResolver, get_resolver

    from holdfast.portal.people.links import login_link

    def paths(resolver: Any, before: str = "") -> Iterator[str]:
        for each in resolver.url_patterns:
            path = before + str(each.pattern).lstrip("^").rstrip("$")
            if isinstance(each, URLResolver):
                yield from paths(each, path)
            else:
                yield path

    ann = town.person("ann")
    anonymous, ann_s = town.client(enforce_csrf_checks=True), town.client(ann, enforce_csrf_checks=True)
    tried = 0
    for path in sorted(set(paths(get_resolver()))):
        if not path.startswith(("account/", "login-link/")):
            continue
        filled = "/" + re.sub(r"\(\?P<uidb36>.*?\)-\(\?P<key>\.\+\)", "1-set-password", path)
        filled = re.sub(r"\(\?P<\w+>[^)]*\)", "x", filled)
        filled = filled.replace("<int:pk>", "1").replace("<int:number>", "1").replace("<str:secret>", "x")
        for client in (anonymous, ann_s):
            answer = client.post(filled, {"login": "ann", "password": PASSWORD})
            assert answer.status_code in (403, 404), (filled, answer.status_code)
            tried += 1
    assert tried > 60
    link = login_link(ann).removeprefix("https://localhost:8444")
    assert anonymous.post(link).status_code == 403
    assert is_in(ann_s)
