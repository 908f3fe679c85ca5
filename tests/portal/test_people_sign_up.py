"""Sign-up, addresses and passwords by mail: what they tell strangers, and where their links lead."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from tests.portal.conftest import PASSWORD

SIGN_UP = "/account/signup/"
RESET = "/account/password/reset/"
ORIGIN = "https://localhost:8444"
FILLED = {"username": "ann", "full_name": "Ann Lee", "email": "ann@example.org", "password1": PASSWORD}


@pytest.fixture
def open_town(town: Any) -> Any:
    """A site where anybody may sign up."""
    import dataclasses

    from holdfast.portal.house import use_house

    settings = town.house.settings
    opened = dataclasses.replace(settings, site=dataclasses.replace(settings.site, sign_up="open"))
    use_house(dataclasses.replace(town.house, settings=opened))
    yield town
    use_house(town.house)


def links(town: Any) -> list[str]:
    """Return the links of all mails, the oldest first."""
    return [link for mail in town.mails() for link in re.findall(r"https?://\S+", mail.get_content())]


def path_of(link: str) -> str:
    assert link.startswith(ORIGIN + "/"), link
    return link.removeprefix(ORIGIN)


def user_names(town: Any) -> list[str]:
    from holdfast.admin.users import list_users

    with town.house.catalog.read() as rows:
        return [user.name for user in list_users(rows)]


def test_sign_up_is_closed_unless_the_site_opens_it(town: Any) -> None:
    client = town.client()
    assert "Sign-up is closed" in client.get(SIGN_UP).content.decode()
    assert "Sign-up is closed" in client.post(SIGN_UP, FILLED).content.decode()
    assert "Sign up" not in client.get("/account/login/").content.decode()
    assert user_names(town) == []


def test_who_signs_up_logs_in_once_the_address_is_confirmed(open_town: Any) -> None:
    from holdfast.portal.people.models import Person

    client = open_town.client()
    answer = client.post(SIGN_UP, FILLED)
    assert answer["Location"] == "/account/confirm-email/"
    ann = Person.objects.get(name="ann")
    assert (ann.full_name, ann.email, ann.source, ann.is_operator) == ("Ann Lee", "ann@example.org", "portal", False)
    assert user_names(open_town) == ["ann"]
    assert client.get("/account/").status_code == 302
    # Not before.
    refused = client.post("/account/login/", {"login": "ann", "password": PASSWORD})
    assert refused["Location"] == "/account/confirm-email/"
    (link,) = links(open_town)
    page = open_town.client().get(path_of(link)).content.decode()
    assert "ann@example.org" in page
    assert not ann.emailaddress_set.get().verified, "looking at a link confirms nothing"
    client.post(path_of(link))
    assert ann.emailaddress_set.get().verified
    answer = client.post("/account/login/", {"login": "ann@example.org", "password": PASSWORD})
    assert answer["Location"] == "/"
    assert client.get("/account/").status_code == 200


@pytest.mark.parametrize("field", ["is_operator", "is_active", "source", "principal_id", "upstream_id", "id", "pk"])
def test_no_field_that_the_form_does_not_have_is_set_at_sign_up(open_town: Any, field: str) -> None:
    from holdfast.portal.people.models import Person

    other = open_town.person("bob")
    given = {"is_operator": "on", "is_active": "", "source": "ldap"}.get(field, other.principal_id)
    open_town.client().post(SIGN_UP, FILLED | {field: given})
    ann = Person.objects.get(name="ann")
    assert (ann.is_operator, ann.is_active, ann.source, ann.upstream_id) == (False, True, "portal", "")
    assert ann.principal_id != other.principal_id
    assert ann.pk != other.pk


def test_no_field_but_the_full_name_is_set_by_the_profile(town: Any) -> None:
    ann = town.person("ann")
    client = town.client(ann)
    more = {"is_operator": "on", "name": "root", "email": "evil@example.org", "source": "cli", "principal_id": "x"}
    assert client.post("/account/", {"full_name": "Ann Lee", **more}).status_code == 302
    before = (ann.name, ann.email, ann.is_operator, ann.source, ann.principal_id)
    ann.refresh_from_db()
    assert (ann.name, ann.email, ann.is_operator, ann.source, ann.principal_id) == before
    assert ann.full_name == "Ann Lee"


def test_an_address_that_has_an_account_gets_the_same_answer_and_a_mail_that_says_so(open_town: Any) -> None:
    open_town.person("ann")
    answers = []
    for email in ("ann@example.org", "new@example.org"):
        client = open_town.client()
        answer = client.post(SIGN_UP, FILLED | {"username": email.partition("@")[0] + "-2", "email": email})
        shown = client.get(answer["Location"]).content.decode()
        answers.append(
            (answer.status_code, answer["Location"], re.sub(r"Request <code>.*?<|value=\"\w{64}", "", shown))
        )
    assert answers[0] == answers[1]
    to_known, to_new = (mail.get_content() for mail in open_town.mails())
    assert "There is one already" in to_known
    assert "/account/confirm-email/" in to_new
    assert user_names(open_town) == ["ann", "new-2"]


def test_as_much_is_hashed_for_an_address_that_has_an_account(open_town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.contrib.auth.hashers import MD5PasswordHasher

    open_town.person("ann")
    seen: list[str] = []
    plain = MD5PasswordHasher.encode
    monkeypatch.setattr(
        MD5PasswordHasher, "encode", lambda self, password, salt: seen.append(password) or plain(self, password, salt)
    )
    for email in ("ann@example.org", "new@example.org"):
        open_town.client().post(SIGN_UP, FILLED | {"username": "x" + email[0], "email": email})
        assert seen == [PASSWORD]
        seen.clear()


@pytest.mark.parametrize("name", ["ann", "Ann", "bob"])
def test_a_name_that_an_account_or_a_user_of_the_store_has_is_taken(open_town: Any, name: str) -> None:
    from holdfast.admin.users import create_user

    open_town.person("ann")
    create_user(open_town.house.office("test"), "bob", "bob@example.org")
    page = open_town.client().post(SIGN_UP, FILLED | {"username": name, "email": "bob@example.org"})
    assert page.status_code == 200
    assert user_names(open_town) == ["ann", "bob"]


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("username", "root"),
        ("username", "../x"),
        ("username", "ann lee"),
        ("username", "0123456789abcdef0123456789abcdef"),
        ("full_name", "Ann\r\nBcc: all@example.org"),
        ("full_name", "Ann \u202eeel"),
        ("email", "ann@example.org\nBcc: all@example.org"),
        ("email", "ann"),
        ("password1", "short"),
        ("password1", "password1234"),
        ("password1", "x" * 1001),
    ],
)
def test_what_can_not_be_a_name_an_address_or_a_password_is_refused_with_a_reason(
    open_town: Any, field: str, given: str
) -> None:
    page = open_town.client().post(SIGN_UP, FILLED | {field: given}).content.decode()
    assert "There is a problem" in page
    assert user_names(open_town) == []


def test_two_at_once_with_one_name_make_one_account(open_town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from holdfast.portal.people.adapters import AccountAdapter
    from holdfast.portal.people.models import Person

    # Both had their forms checked before either was saved.
    monkeypatch.setattr(AccountAdapter, "clean_username", lambda self, name, shallow=False: name)
    first, second = open_town.client(), open_town.client()
    assert first.post(SIGN_UP, FILLED).status_code == 302
    page = second.post(SIGN_UP, FILLED | {"email": "other@example.org"})
    assert "was just taken by somebody else" in page.content.decode()
    assert second.post(SIGN_UP, FILLED).status_code == 302, "the same address: the answer tells nothing"
    assert Person.objects.count() == 1
    assert user_names(open_town) == ["ann"]


def test_threads_that_make_accounts_of_one_name_leave_one_and_no_user_without_one(town: Any) -> None:
    import threading

    from django.db import connection

    from holdfast.admin.errors import Taken
    from holdfast.portal.people.models import Person

    begin = threading.Barrier(4)
    outcomes: list[str] = []

    def make(number: int) -> None:
        begin.wait()
        try:
            Person(name="ann", email=f"ann{number}@example.org").save()
            outcomes.append("made")
        except Taken:
            outcomes.append("taken")
        finally:
            connection.close()

    threads = [threading.Thread(target=make, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["made", "taken", "taken", "taken"]
    assert Person.objects.count() == 1
    assert user_names(town) == ["ann"]


def test_an_account_that_can_not_be_saved_leaves_no_user_behind(town: Any) -> None:
    from holdfast.admin.errors import Taken
    from holdfast.portal.people.models import Person

    ann = town.person("ann")
    Person.objects.filter(pk=ann.pk).update(name="bob")
    with pytest.raises(Taken):
        Person(name="bob").save()
    assert user_names(town) == ["ann"]


def test_the_name_of_a_removed_user_is_free_for_somebody_else_who_inherits_nothing(open_town: Any) -> None:
    from allauth.account.models import EmailAddress

    from holdfast.admin.users import remove_user
    from holdfast.portal.people.models import Person

    old = open_town.operator("ann")
    remove_user(open_town.house.office("test"), "ann")
    answer = open_town.client().post(SIGN_UP, FILLED)
    assert answer["Location"] == "/account/confirm-email/"
    new = Person.objects.get(name="ann")
    old.refresh_from_db()
    assert old.pk != new.pk
    assert old.principal_id != new.principal_id
    assert (old.name, str(old), old.is_operator, old.is_active, old.email) == (
        old.principal_id,
        "ann",
        False,
        False,
        "",
    )
    assert not new.is_operator
    assert EmailAddress.objects.get(email="ann@example.org").user == new


# --- passwords by mail ------------------------------------------------------------------------------------------------


def ask_for_link(town: Any, email: str = "ann@example.org", **headers: str) -> Any:
    return town.client().post(RESET, {"email": email}, **headers)


def choose(client: Any, link: str, password: str = "another battery staple") -> Any:
    form = client.get(path_of(link))
    assert form.status_code == 302, form.content.decode()
    assert form["Location"].endswith("-set-password/"), "the secret stays in no address"
    return client.post(form["Location"], {"password1": password})


def test_a_link_sets_a_password_once_and_logs_in(town: Any) -> None:
    town.person("ann")
    ask_for_link(town)
    (link,) = links(town)
    client = town.client()
    assert choose(client, link)["Location"] == "/"
    assert client.get("/account/").status_code == 200
    again = town.client().get(path_of(link))
    assert "This link does not work any more" in again.content.decode()
    new = town.client()
    assert new.post("/account/login/", {"login": "ann", "password": "another battery staple"}).status_code == 302
    assert "Your password was set" in town.mails()[-1]["Subject"]


def test_a_link_ends_after_an_hour(town: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import datetime, timedelta

    from django.contrib.auth.tokens import PasswordResetTokenGenerator

    town.person("ann")
    ask_for_link(town)
    (link,) = links(town)
    monkeypatch.setattr(PasswordResetTokenGenerator, "_now", lambda self: datetime.now() + timedelta(minutes=61))  # noqa: DTZ005
    assert "This link does not work any more" in town.client().get(path_of(link)).content.decode()


def test_a_link_of_one_account_opens_no_other(town: Any) -> None:
    from allauth.account.utils import user_pk_to_url_str

    from holdfast.portal.people.links import password_link

    ann, bob = town.person("ann"), town.person("bob")
    link = path_of(password_link(ann))
    mine, theirs = user_pk_to_url_str(ann), user_pk_to_url_str(bob)
    page = town.client().get(link.replace(f"/{mine}-", f"/{theirs}-")).content.decode()
    assert "This link does not work any more" in page


@pytest.mark.parametrize(
    "headers",
    [
        {"HTTP_HOST": "localhost:666"},
        {"HTTP_X_FORWARDED_HOST": "evil.example"},
        {"HTTP_X_FORWARDED_PROTO": "http", "HTTP_X_FORWARDED_PORT": "666"},
        {"HTTP_FORWARDED": "host=evil.example"},
        {"HTTP_ORIGIN": "https://localhost:8444", "HTTP_REFERER": "https://evil.example/"},
    ],
)
def test_no_header_of_a_request_gets_into_a_mail(open_town: Any, headers: dict[str, str]) -> None:
    open_town.person("ann")
    ask_for_link(open_town, **headers)
    client = open_town.client()
    client.post(SIGN_UP, FILLED | {"username": "new", "email": "new@example.org"}, **headers)
    client.post(SIGN_UP, FILLED | {"username": "new2", "email": "ann@example.org"}, **headers)
    assert len(open_town.mails()) == 3
    assert {link.split("/account/")[0] for link in links(open_town)} == {ORIGIN}
    assert not [mail for mail in open_town.mails() if re.search("evil|:666", mail.as_string())]


def test_another_host_than_the_portals_is_refused(town: Any) -> None:
    client = town.client()
    client.defaults["HTTP_HOST"] = "evil.example"
    assert client.get("/account/login/").status_code == 400


def test_an_unknown_address_gets_the_same_answer_after_the_same_work_and_no_mail(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    fsync = os.fsync
    monkeypatch.setattr("holdfast.portal.notices.outbox.os.fsync", lambda fd: (synced.append(1), fsync(fd))[1])
    town.person("ann")
    answers, work = [], []
    for email in ("ann@example.org", "nobody@example.org"):
        answers.append(ask_for_link(town, email))
        work.append(len(synced))
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {(302, "/account/password/reset/done/")}
    assert answers[0].content == answers[1].content
    assert work == [2, 4]
    assert [mail["To"] for mail in town.mails()] == ["ann@example.org"]
    assert len(list(town.house.home.outbox.iterdir())) == 1


def test_nobody_floods_a_mailbox_with_links(town: Any) -> None:
    town.person("ann")
    codes = [ask_for_link(town).status_code for _ in range(7)]
    assert codes == [302] * 5 + [429] * 2
    assert "Slower, please" in ask_for_link(town).content.decode()
    assert len(town.mails()) == 5


def test_one_address_signs_up_only_so_often(open_town: Any) -> None:
    client = open_town.client()
    codes = [client.post(SIGN_UP, FILLED | {"password1": "short"}).status_code for _ in range(22)]
    assert codes == [200] * 20 + [429] * 2


@pytest.mark.parametrize(("source", "keeper"), [("ldap", "your institution's directory"), ("oidc", "your institution")])
def test_who_has_a_password_elsewhere_gets_no_link_to_set_one_here(town: Any, source: str, keeper: str) -> None:
    ann = town.person("ann", source=source)
    ann.set_unusable_password()
    ann.save()
    ask_for_link(town)
    (mail,) = town.mails()
    assert f"the password of {keeper}" in mail.get_content()
    assert "/password/reset/key/" not in mail.get_content()
    client = town.client(ann)
    assert client.get("/account/password/set/")["Location"] == "/account/security/"
    assert client.post("/account/password/set/", {"password1": PASSWORD})["Location"] == "/account/security/"
    ann.refresh_from_db()
    assert not ann.has_usable_password()


def test_a_suspended_person_gets_no_link(town: Any) -> None:
    from holdfast.admin.users import suspend_user

    town.person("ann")
    suspend_user(town.house.office("test"), "ann")
    ask_for_link(town)
    (mail,) = town.mails()
    assert "closed for now" in mail.get_content()
    assert "/password/reset/key/" not in mail.get_content()


def test_no_secret_of_a_link_gets_into_the_log_or_the_databases(town: Any, capsys: pytest.CaptureFixture[str]) -> None:
    from django.db import connection

    from holdfast.portal.people.links import login_link

    ann = town.person("ann")
    ask_for_link(town)
    links_given = [*links(town), login_link(ann)]
    client = town.client()
    client.get(path_of(links_given[0]))
    town.client().get(path_of(links_given[1]))
    secrets = [links_given[0].split("/")[-2].partition("-")[2], links_given[1].split("/")[-2]]
    said = "".join(capsys.readouterr())
    assert "a page was asked for" in said
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    stored = connection.settings_dict["NAME"].read_bytes()
    catalog = b"".join(path.read_bytes() for path in town.house.home.root.glob("catalog.sqlite*"))
    for secret in secrets:
        assert len(secret) > 30
        assert secret not in said
        assert secret.encode() not in stored
        assert secret.encode() not in catalog


def test_a_link_that_is_refused_is_not_in_the_log_either(town: Any, capfd: pytest.CaptureFixture[str]) -> None:
    from holdfast.admin.users import resume_user, suspend_user
    from holdfast.portal.people.links import login_link

    ann = town.person("ann")
    path = path_of(login_link(ann))
    assert town.client(enforce_csrf_checks=True).post(path).status_code == 403
    suspend_user(town.house.office("test"), "ann")
    assert town.client().post(path.replace("/login-link/", "/login-link/x")).status_code == 404
    assert town.client().get(path).status_code == 404
    resume_user(town.house.office("test"), "ann")
    stranger = town.client()
    stranger.defaults["HTTP_HOST"] = "evil.example"
    assert stranger.get(path).status_code == 400
    said = "".join(capfd.readouterr())
    assert "a request was refused before any page saw it" in said
    assert path.split("/")[-2] not in said
    assert town.client().post(path).status_code == 302, "it still works: it was worth keeping out"


def test_a_fault_of_ours_is_in_the_log_with_its_traceback_and_without_the_path(
    town: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from holdfast.portal.people import links

    path = path_of(links.login_link(town.person("ann")))
    client = town.client()
    client.raise_request_exception = False

    def break_down(secret: str) -> str:
        raise ArithmeticError("of ours")

    monkeypatch.setattr(links, "_digest", break_down)
    answer = client.get(path)
    assert answer.status_code == 500
    assert "That is our fault" in answer.content.decode()
    said = "".join(capfd.readouterr())
    assert "ArithmeticError" in said


# --- changing what one has --------------------------------------------------------------------------------------------


def test_a_new_password_logs_out_everywhere_else_and_is_told_by_mail(town: Any) -> None:
    ann = town.person("ann")
    here, there = town.client(ann), town.client(ann)
    page = here.post("/account/password/change/", {"oldpassword": "wrong", "password1": "another battery staple"})
    assert "This is not your present password." in page.content.decode()
    done = here.post("/account/password/change/", {"oldpassword": PASSWORD, "password1": "another battery staple"})
    assert done["Location"] == "/account/security/"
    assert here.get("/account/").status_code == 200
    assert there.get("/account/").status_code == 302
    assert "Your password was changed" in town.mails()[-1]["Subject"]
    assert "python" not in town.mails()[-1].get_content().lower()


def test_a_new_address_counts_once_its_link_was_opened(town: Any) -> None:
    from holdfast.admin.lookups import get_user

    ann = town.person("ann")
    client = town.client(ann)
    client.post("/account/email/", {"action_add": "1", "email": "ann@new.example"})
    ann.refresh_from_db()
    assert ann.email == "ann@example.org"
    assert "to be ann@new.example" in client.get("/account/").content.decode()
    (mail,) = town.mails()
    assert mail["To"] == "ann@new.example"
    (link,) = links(town)
    client.post(path_of(link))
    ann.refresh_from_db()
    assert ann.email == "ann@new.example"
    assert [address.email for address in ann.emailaddress_set.all()] == ["ann@new.example"]
    told = town.mails()[-1]
    assert (told["To"], "changed" in told["Subject"]) == ("ann@example.org", True)
    with town.house.catalog.read() as rows:
        assert get_user(rows, "ann").email == "ann@new.example"


def test_an_address_of_somebody_else_is_never_taken_over(town: Any) -> None:
    town.person("bob")
    ann = town.person("ann")
    client = town.client(ann)
    answer = client.post("/account/email/", {"action_add": "1", "email": "bob@example.org"})
    assert answer.status_code == 302, "the page does not tell who has which address"
    for link in links(town):
        if "/confirm-email/" in link:
            town.client().post(path_of(link))
    ann.refresh_from_db()
    assert ann.email == "ann@example.org"
    still = town.client()
    assert still.post("/account/login/", {"login": "bob@example.org", "password": PASSWORD}).status_code == 302
    assert "bob" in still.get("/account/").content.decode()


def test_whoever_logs_out_everywhere_else_keeps_this_browser_alone(town: Any) -> None:
    ann = town.person("ann")
    here, there = town.client(ann), town.client(ann)
    bob = town.client(town.person("bob"))
    page = here.get("/account/security/").content.decode()
    assert page.count("Unknown browser") == 2
    assert page.count("This one") == 1
    here.post("/account/security/log-out-elsewhere/")
    assert here.get("/account/").status_code == 200
    assert there.get("/account/").status_code == 302
    assert bob.get("/account/").status_code == 200


NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{ 111111|add:222222 }}"


@pytest.mark.parametrize("path", ["/account/", "/account/security/", "/account/email/", "/"])
def test_a_name_is_shown_as_text_wherever_it_stands(town: Any, path: str) -> None:
    from allauth.mfa.models import Authenticator
    from allauth.socialaccount.models import SocialAccount

    ann = town.person("ann", full_name=NASTY)
    SocialAccount.objects.create(user=ann, provider="x", uid="y", extra_data={"username": NASTY})
    Authenticator.objects.create(user=ann, type="webauthn", data={"name": NASTY, "credential": {}})
    page = town.client(ann).get(path).content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "333333" not in page


def test_a_name_is_text_in_mail_too_and_adds_no_header(town: Any) -> None:
    town.person("ann", full_name="Ann <b>&</b> Lee")
    ask_for_link(town)
    (mail,) = town.mails()
    assert mail.get_content().startswith("Hello Ann <b>&</b> Lee,")
    assert mail.get_content_type() == "text/plain"
