"""Codes, recovery codes and passkeys: asked for on every way in, and each code good once."""

from __future__ import annotations

import html
import json
import re
import time
from typing import Any

import pytest
from tests.portal.conftest import PASSWORD
from tests.portal.passkey import Device

ORIGIN = "https://localhost:8444"
LOGIN = "/account/login/"
CODE = "/account/2fa/authenticate/"


def code_of(secret: str, ahead: int = 0) -> str:
    """Return the code that an app shows, some steps of 30 seconds ahead."""
    from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value

    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + ahead))


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time stands still for codes: else a test that runs at the end of 30 seconds sees two of them."""
    now = time.time()
    monkeypatch.setattr("allauth.mfa.totp.internal.auth.time.time", lambda: now)


def turn_on(client: Any) -> str:
    """Set up an authenticator app, and return its secret."""
    page = client.get("/account/2fa/totp/activate/").content.decode()
    (secret,) = re.findall(r'id="totp-key"[^>]*>([A-Z2-7]{32})<', page)
    answer = client.post("/account/2fa/totp/activate/", {"code": code_of(secret, -1)})
    assert answer["Location"] == "/account/2fa/recovery-codes/"
    return str(secret)


def log_in(client: Any, password: str = PASSWORD) -> Any:
    return client.post(LOGIN, {"login": "ann", "password": password})


def is_in(client: Any) -> bool:
    return bool(client.get("/account/").status_code == 200)


def codes_on(client: Any) -> list[str]:
    page = client.get("/account/2fa/recovery-codes/").content.decode()
    return re.findall(r"\b\d{8}\b", page)


@pytest.fixture
def ann(town: Any) -> Any:
    return town.person("ann")


@pytest.fixture
def secret(town: Any, ann: Any) -> str:
    """Ann's app."""
    return turn_on(town.client(ann))


def test_the_code_of_the_app_is_asked_for_after_the_password(town: Any, secret: str) -> None:
    client = town.client()
    assert log_in(client)["Location"] == CODE
    assert not is_in(client)
    assert "Second step" in client.get(CODE).content.decode()
    assert client.post(CODE, {"code": code_of(secret)})["Location"] == "/"
    assert is_in(client)


def test_the_page_that_was_asked_for_comes_after_the_code(town: Any, secret: str) -> None:
    client = town.client()
    client.post(LOGIN, {"login": "ann", "password": PASSWORD, "next": "/account/security/"})
    assert client.post(CODE, {"code": code_of(secret)})["Location"] == "/account/security/"


def test_a_code_is_good_once(town: Any, secret: str) -> None:
    code = code_of(secret)
    for client, works in ((town.client(), True), (town.client(), False)):
        log_in(client)
        client.post(CODE, {"code": code})
        assert is_in(client) is works


def test_a_code_that_was_used_stays_used_when_the_portal_is_started_again(town: Any, secret: str) -> None:
    from django.core.cache import caches

    code = code_of(secret)
    client = town.client()
    log_in(client)
    client.post(CODE, {"code": code})
    # A new process has nothing in its memory.
    del caches["default"]
    again = town.client()
    log_in(again)
    again.post(CODE, {"code": code})
    assert not is_in(again)


def test_nobody_guesses_codes(town: Any, secret: str) -> None:
    client = town.client()
    log_in(client)
    for number in range(5):
        client.post(CODE, {"code": f"{number:06d}"})
    page = client.post(CODE, {"code": code_of(secret)}).content.decode()
    assert "Too many codes were wrong" in page
    # Nor by another log-in, from elsewhere.
    other = town.client()
    other.defaults["REMOTE_ADDR"] = "192.0.2.9"
    log_in(other)
    other.post(CODE, {"code": code_of(secret)})
    assert not is_in(client)
    assert not is_in(other)


@pytest.mark.parametrize("way", ["login link", "password link", "skip to a page", "log in once more", "new session"])
def test_no_second_way_goes_around_the_code(town: Any, ann: Any, secret: str, way: str) -> None:
    from holdfast.portal.people.links import login_link, password_link

    client = town.client()
    ann.refresh_from_db()
    if way == "login link":
        assert client.post(login_link(ann).removeprefix(ORIGIN))["Location"] == CODE
    elif way == "password link":
        form = client.get(password_link(ann).removeprefix(ORIGIN))["Location"]
        assert client.post(form, {"password1": "another battery staple"})["Location"] == CODE
    elif way == "skip to a page":
        log_in(client)
        for path in ("/", "/account/security/", "/account/password/change/", "/account/2fa/totp/deactivate/"):
            assert client.get(path)["Location"].startswith("/account/login/")
    elif way == "log in once more":
        log_in(client)
        log_in(client)
    else:
        log_in(client)
        client.cookies.clear()
    assert not is_in(client)


def test_who_cancels_the_second_step_begins_anew(town: Any, secret: str) -> None:
    client = town.client()
    log_in(client)
    assert client.get(LOGIN)["Location"] == CODE, "the step is still to be done"
    assert client.post("/account/logout/", {"next": LOGIN})["Location"] == LOGIN
    assert client.get(LOGIN).status_code == 200
    client.post(CODE, {"code": code_of(secret)})
    assert not is_in(client)


def test_a_recovery_code_lets_in_once(town: Any, ann: Any, secret: str) -> None:
    codes = codes_on(town.client(ann))
    assert len(codes) == 10
    for client, works in ((town.client(), True), (town.client(), False)):
        log_in(client)
        client.post(CODE, {"code": codes[3]})
        assert is_in(client) is works
    assert codes[3] not in codes_on(town.client(ann))
    assert "9 left" in town.client(ann).get("/account/security/").content.decode()


def test_new_recovery_codes_end_the_old_ones(town: Any, ann: Any, secret: str) -> None:
    client = town.client(ann)
    old = codes_on(client)
    client.post("/account/2fa/recovery-codes/generate/")
    assert not set(codes_on(client)) & set(old)
    download = client.get("/account/2fa/recovery-codes/download/")
    assert download.content.decode().split() == codes_on(client)
    assert download["Cache-Control"].startswith("max-age=0") or "no-store" in download["Cache-Control"]
    stranger = town.client()
    log_in(stranger)
    stranger.post(CODE, {"code": old[0]})
    assert not is_in(stranger)


def test_seeds_are_sealed_in_the_database_also_while_an_app_is_set_up(town: Any, ann: Any) -> None:
    from django.db import connection

    client = town.client(ann)
    page = client.get("/account/2fa/totp/activate/").content.decode()
    (secret,) = re.findall(r'id="totp-key"[^>]*>([A-Z2-7]{32})<', page)

    def stored() -> bytes:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return bytes(connection.settings_dict["NAME"].read_bytes())

    assert secret.encode() not in stored()
    client.post("/account/2fa/totp/activate/", {"code": code_of(secret)})
    codes = codes_on(client)
    assert codes
    assert not [each for each in (secret, *codes) if each.encode() in stored()]


def test_turning_it_off_needs_proof_and_is_told_by_mail(town: Any, ann: Any, secret: str) -> None:
    client = town.client(ann)
    age(client)
    asked = client.get("/account/2fa/totp/deactivate/")
    assert asked["Location"].startswith("/account/2fa/reauthenticate/?next=")
    assert client.post(asked["Location"], {"code": code_of(secret)})["Location"] == "/account/2fa/totp/deactivate/"
    client.post("/account/2fa/totp/deactivate/")
    assert "turned off" in town.mails()[-1]["Subject"]
    assert log_in(town.client())["Location"] == "/"


def age(client: Any) -> None:
    """Let the log-in be 16 minutes ago."""
    session = client.session
    session["account_authentication_methods"] = [
        record | {"at": record["at"] - 960} for record in session["account_authentication_methods"]
    ]
    session.save()


def test_right_after_the_log_in_nothing_is_asked_twice_and_later_it_is(town: Any, ann: Any) -> None:
    client = town.client()
    log_in(client)
    sensitive = ("/account/2fa/totp/activate/", "/account/2fa/webauthn/add/")
    assert [client.get(path).status_code for path in sensitive] == [200, 200]
    age(client)
    for path in sensitive:
        asked = client.get(path)
        assert asked["Location"] == f"/account/reauthenticate/?next={path.replace('/', '%2F')}"
    assert "Is it still you?" in client.get(asked["Location"]).content.decode()
    wrong = client.post(asked["Location"], {"password": "wrong wrong wrong"}).content.decode()
    assert "This is not your password." in wrong
    assert client.post(asked["Location"], {"password": PASSWORD})["Location"] == sensitive[-1]
    assert client.get(sensitive[0]).status_code == 200


def test_what_was_being_sent_is_not_kept_while_one_proves_who_one_is(town: Any, ann: Any) -> None:
    from holdfast.portal.people.models import Session

    client = town.client(ann)
    age(client)
    answer = client.post(
        "/account/email/",
        {"action_add": "1", "email": "ann@new.example"},
        HTTP_REFERER="https://localhost:8444/account/email/",
    )
    assert answer["Location"] == "/account/reauthenticate/?next=%2Faccount%2Femail%2F"
    assert "ann@new.example" not in json.dumps([session.get_decoded() for session in Session.objects.all()])
    away = client.post(
        "/account/email/", {"action_add": "1", "email": "x@y.example"}, HTTP_REFERER="https://evil.example//x"
    )
    assert away["Location"] == "/account/reauthenticate/?next=%2Faccount%2Femail%2F"


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_no_address_leads_out_of_the_site_after_a_proof(town: Any, ann: Any, target: str) -> None:
    client = town.client(ann)
    answer = client.post("/account/reauthenticate/", {"password": PASSWORD, "next": target})
    assert answer["Location"] == "/"


def test_failed_proofs_are_throttled_as_log_ins_are(town: Any, ann: Any) -> None:
    client = town.client(ann)
    for _ in range(6):
        page = client.post("/account/reauthenticate/", {"password": "wrong wrong wrong"}).content.decode()
    assert "Too many log-ins failed" in page


# --- passkeys ---------------------------------------------------------------------------------------------------------


def options_on(page: str) -> Any:
    (text,) = re.findall(r'data-passkey-options="([^"]*)"', page)
    return json.loads(html.unescape(text))


def add_passkey(client: Any, device: Device, *, alone: bool, name: str = "blue key") -> Any:
    options = options_on(client.get("/account/2fa/webauthn/add/").content.decode())
    fields = {"name": name, "credential": json.dumps(device.make(options, alone=alone))}
    return client.post("/account/2fa/webauthn/add/", fields | ({"passwordless": "on"} if alone else {}))


def login_options(client: Any) -> Any:
    answer = client.get("/account/2fa/webauthn/login/", headers={"Accept": "application/json"})
    return answer.json()["request_options"]


def test_a_passkey_logs_in_without_a_password_or_a_code(town: Any, ann: Any) -> None:
    device = Device(ORIGIN)
    assert add_passkey(town.client(ann), device, alone=True)["Location"] == "/account/2fa/recovery-codes/"
    client = town.client()
    credential = json.dumps(device.use(login_options(client)))
    answer = client.post("/account/2fa/webauthn/login/", {"credential": credential, "next": "/account/security/"})
    assert answer["Location"] == "/account/security/"
    page = client.get("/account/security/").content.decode()
    assert "Passkey “blue key”" in page
    assert "logs in without the password" in page
    # What one browser answered is of no use to another, nor a second time.
    for other in (client, town.client()):
        other.post("/account/logout/")
        other.post("/account/2fa/webauthn/login/", {"credential": credential})
        assert not is_in(other)


def test_a_passkey_is_bound_to_the_portals_address_and_not_to_a_header(town: Any, ann: Any) -> None:
    device = Device(ORIGIN)
    client = town.client(ann)
    client.defaults["HTTP_HOST"] = "localhost:666"
    options = options_on(client.get("/account/2fa/webauthn/add/").content.decode())
    assert options["publicKey"]["rp"] == {"id": "localhost", "name": "Object store"}
    add_passkey(client, device, alone=True)
    stranger = town.client()
    credential = json.dumps(device.use(login_options(stranger), origin="https://evil.example"))
    stranger.post("/account/2fa/webauthn/login/", {"credential": credential})
    assert not is_in(stranger)


def test_a_device_that_asks_for_no_pin_does_not_log_in_alone(town: Any, ann: Any) -> None:
    device = Device(ORIGIN)
    add_passkey(town.client(ann), device, alone=True)
    device.verifies = False
    client = town.client()
    client.post("/account/2fa/webauthn/login/", {"credential": json.dumps(device.use(login_options(client)))})
    assert not is_in(client)


def test_a_passkey_may_be_the_second_step(town: Any, ann: Any) -> None:
    device = Device(ORIGIN)
    add_passkey(town.client(ann), device, alone=False)
    client = town.client()
    assert log_in(client)["Location"] == CODE
    options = options_on(client.get(CODE).content.decode())
    assert client.post(CODE, {"credential": json.dumps(device.use(options))})["Location"] == "/"
    assert is_in(client)


def test_a_passkey_of_somebody_else_is_no_second_step(town: Any, ann: Any) -> None:
    mine, theirs = Device(ORIGIN), Device(ORIGIN)
    add_passkey(town.client(ann), mine, alone=False)
    add_passkey(town.client(town.person("bob")), theirs, alone=False)
    client = town.client()
    log_in(client)
    options = options_on(client.get(CODE).content.decode())
    client.post(CODE, {"credential": json.dumps(theirs.use(options))})
    assert not is_in(client)


def test_a_passkey_of_a_suspended_person_opens_nothing(town: Any, ann: Any) -> None:
    from holdfast.admin.users import suspend_user

    device = Device(ORIGIN)
    add_passkey(town.client(ann), device, alone=True)
    suspend_user(town.house.office("test"), "ann")
    client = town.client()
    answer = client.post("/account/2fa/webauthn/login/", {"credential": json.dumps(device.use(login_options(client)))})
    assert answer["Location"] == "/account/inactive/"
    assert not is_in(client)


def test_a_passkey_is_renamed_and_removed_by_its_owner_alone(town: Any, ann: Any) -> None:
    from allauth.mfa.models import Authenticator

    client, bob = town.client(ann), town.client(town.person("bob"))
    add_passkey(client, Device(ORIGIN), alone=True)
    number = Authenticator.objects.get(type="webauthn").pk
    for act, fields in (("edit", {"name": "mine now"}), ("remove", {})):
        path = f"/account/2fa/webauthn/keys/{number}/{act}/"
        assert bob.get(path).status_code == bob.post(path, fields).status_code == 404
    assert client.post(f"/account/2fa/webauthn/keys/{number}/edit/", {"name": "work laptop"}).status_code == 302
    assert "Passkey “work laptop”" in client.get("/account/security/").content.decode()
    assert (
        "Remove the passkey work laptop?" in client.get(f"/account/2fa/webauthn/keys/{number}/remove/").content.decode()
    )
    client.post(f"/account/2fa/webauthn/keys/{number}/remove/")
    assert not Authenticator.objects.exists(), "the recovery codes go with the last second step"


@pytest.mark.parametrize(
    "credential", ["", "{}", "[]", "null", '{"id": 1}', "not json", '{"response": {"userHandle": 5}}']
)
def test_an_answer_that_is_none_is_refused(town: Any, ann: Any, credential: str) -> None:
    client = town.client()
    login_options(client)
    assert client.post("/account/2fa/webauthn/login/", {"credential": credential})["Location"] == LOGIN
    page = town.client(ann).post("/account/2fa/webauthn/add/", {"name": "x", "credential": credential})
    assert page.status_code == 200


def test_what_changes_who_can_log_in_is_in_the_audit(town: Any, ann: Any, secret: str) -> None:
    from holdfast.catalog.rows import AUDIT

    client = town.client(ann)
    client.post("/account/password/change/", {"oldpassword": PASSWORD, "password1": "another battery staple"})
    client.post("/account/2fa/totp/deactivate/")
    with town.house.catalog.read() as rows:
        done = [(row.action, row.actor) for row in rows.scan(AUDIT) if row.action.startswith("person.")]
    assert ("person.factor.add", ann.principal_id) in done
    assert ("person.password", ann.principal_id) in done
    assert ("person.factor.remove", ann.principal_id) in done


def test_the_code_that_set_an_app_up_logs_nobody_in(town: Any, ann: Any, secret: str) -> None:
    client = town.client()
    log_in(client)
    # It set the app up (`turn_on`), and is right for some seconds more.
    answer = client.post(CODE, {"code": code_of(secret, -1)})
    assert answer.status_code == 200
    assert not is_in(client)
    assert client.post(CODE, {"code": code_of(secret)})["Location"] == "/"
