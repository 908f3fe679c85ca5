"""Accounts from the command line: operators, invitations and the mail that waits, each command a process of its own."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from tests.serving import Store, holdfast, serve

PASSWORD = "correct horse battery staple"
OPENS = "within an hour"


@dataclass
class Terminal:
    home: Path

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            holdfast(*words, "--home", self.home), capture_output=True, text=True, check=False, timeout=120
        )

    def ok(self, *words: str) -> str:
        done = self.run(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.ok(*words, "--json"))

    def refused(self, *words: str) -> str:
        done = self.run(*words)
        assert (done.returncode, done.stdout) == (1, "")
        assert re.fullmatch(r"holdfast: .+\n", done.stderr)
        return done.stderr


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "home")


def test_an_operator_is_made_listed_and_removed_without_a_server(terminal: Terminal) -> None:
    olga = ("admin", "create", "olga", "--email", "olga@example.org", "--full-name", "Olga Petrova")
    shown = terminal.ok(*olga, "--new-home")
    assert shown.startswith("olga is an operator of this site\n")
    assert re.search(r"once, within an hour:\n  https://localhost:8444/account/password/reset/key/\S+/\n", shown)
    (listed,) = terminal.json("admin", "list")
    assert listed == {
        **listed,
        "name": "olga",
        "full_name": "Olga Petrova",
        "email": "olga@example.org",
        "is_operator": True,
        "second_step": False,
        "last_login": None,
    }
    assert "Olga Petrova" in terminal.ok("admin", "list")
    # Again: another link, the same person.
    again = terminal.json("admin", "create", "olga", "--email", "olga@example.org")
    assert (again["id"], again["link"] in shown) == (listed["id"], False)
    assert "the last operator who can log in" in terminal.refused("admin", "remove", "olga")
    terminal.ok("admin", "create", "otto", "--email", "otto@example.org")
    terminal.ok("admin", "remove", "olga")
    assert [each["name"] for each in terminal.json("admin", "list")] == ["otto"]
    assert sorted(user["name"] for user in terminal.json("user", "list")) == ["olga", "otto"]
    said = terminal.refused("admin", "remove", "nobody")
    assert f"there is no account `nobody` in {terminal.home}: make one with holdfast user invite" in said
    assert terminal.json("mail", "list") == [], "the link of an operator is shown at the terminal alone"


def test_a_user_who_is_there_gets_an_account_and_a_mail(terminal: Terminal) -> None:
    user = terminal.json("user", "create", "ann")
    made = terminal.json("user", "invite", "ann", "--email", "Ann@example.org", "--new-home")
    assert (made["id"], made["email"], made["is_operator"]) == (user["id"], "ann@example.org", False)
    (mail,) = terminal.json("mail", "list")
    assert (mail["to"], mail["state"]) == ("ann@example.org", "waiting")
    whole = terminal.json("mail", "show", mail["id"])
    assert made["link"] in whole["text"]
    assert made["link"] in terminal.ok("mail", "show", mail["id"])
    assert terminal.ok("mail", "remove", mail["id"]) == f"mail {mail['id']} is removed\n"
    assert terminal.ok("mail", "list") == "none\n"
    assert f"there is no mail `{mail['id']}` in {terminal.home}: " in terminal.refused("mail", "show", mail["id"])


@pytest.mark.parametrize("mail_id", ["../keyring", "../../etc/passwd", "1-00000000", "", "1-0000000g"])
def test_what_is_no_mails_id_opens_no_file(terminal: Terminal, mail_id: str) -> None:
    terminal.ok("user", "create", "ann")
    assert "there is no mail" in terminal.refused("mail", "show", mail_id)
    assert "there is no mail" in terminal.refused("mail", "remove", mail_id)


@pytest.mark.parametrize("words", [("admin", "create"), ("user", "invite")], ids=" ".join)
def test_an_account_is_made_in_no_home_that_is_not_there(terminal: Terminal, words: tuple[str, str]) -> None:
    ann = (*words, "ann", "--email", "ann@example.org")
    assert f"there is no holdfast home at {terminal.home}: name another with --home" in terminal.refused(*ann)
    assert not terminal.home.exists()
    made = terminal.run(*ann, "--new-home")
    assert made.returncode == 0
    assert made.stderr.startswith(f"holdfast: there was no home at {terminal.home}, so a new one is made\n")
    assert "so a new one is made" not in terminal.run(*ann, "--new-home").stderr


def test_whoever_has_an_account_needs_no_address_for_another_link(terminal: Terminal) -> None:
    terminal.ok("admin", "create", "olga", "--email", "olga@example.org", "--new-home")
    again = terminal.json("admin", "create", "olga")
    assert again["email"] == "olga@example.org"
    assert again["link"]
    assert terminal.json("user", "invite", "olga")["link"]
    wrong = terminal.refused("admin", "create", "olga", "--email", "other@example.org")
    assert "another e-mail address, olga@example.org: give that one, or they change it themselves" in wrong
    terminal.ok("user", "create", "bob", "--email", "bob@example.org")
    assert terminal.json("user", "invite", "bob")["email"] == "bob@example.org"
    terminal.ok("user", "create", "eve")
    for name in ("eve", "nobody"):
        said = terminal.refused("user", "invite", name)
        assert f"no e-mail address of `{name}` is known: give it with --email ADDRESS" in said


def test_an_account_of_a_removed_user_lends_its_address_to_nobody(terminal: Terminal) -> None:
    terminal.ok("user", "invite", "ann", "--email", "ann@example.org", "--new-home")
    terminal.ok("user", "remove", "ann")
    assert "no e-mail address of `ann` is known" in terminal.refused("user", "invite", "ann")


def test_who_can_not_be_invited_is_told_why(terminal: Terminal) -> None:
    terminal.ok("user", "invite", "ann", "--email", "ann@example.org", "--new-home")
    terminal.ok("user", "create", "bob", "--email", "bob@example.org")
    terminal.ok("user", "suspend", "bob")
    assert "another e-mail address, ann@example.org" in terminal.refused("user", "invite", "ann", "--email", "x@y.org")
    assert "belongs to another account" in terminal.refused("user", "invite", "eve", "--email", "ann@example.org")
    assert "user `bob` is suspended" in terminal.refused("user", "invite", "bob", "--email", "bob@example.org")
    assert "is not an e-mail address" in terminal.refused("user", "invite", "eve", "--email", "no address")
    assert "can't be a user's name" in terminal.refused("user", "invite", "root", "--email", "eve@example.org")
    assert [user["name"] for user in terminal.json("user", "list")] == ["ann", "bob"]


def test_a_name_of_a_removed_user_is_somebody_elses_by_an_invitation(terminal: Terminal) -> None:
    before = terminal.json("admin", "create", "ann", "--email", "ann@example.org", "--new-home")
    terminal.ok("user", "remove", "ann")
    after = terminal.json("user", "invite", "ann", "--email", "ann@example.org")
    assert after["id"] != before["id"]
    assert not after["is_operator"]
    assert terminal.json("admin", "list") == []


def test_a_home_without_a_portal_has_no_links_to_give(terminal: Terminal) -> None:
    terminal.ok("user", "create", "ann")
    with (terminal.home / "holdfast.toml").open("a") as settings:
        settings.write("portal = []\n")
    assert "served without a portal" in terminal.refused("user", "invite", "ann", "--email", "ann@example.org")


def test_settings_that_can_not_work_are_refused_before_anything_is_served(terminal: Terminal) -> None:
    terminal.ok("user", "create", "ann")
    with (terminal.home / "holdfast.toml").open("a") as settings:
        settings.write('[site]\noidc_issuer = "http://idp.example"\n')
    for words in (("serve", "--s3", "127.0.0.1:0"), ("user", "invite", "ann", "--email", "ann@example.org")):
        assert "begins with https://" in terminal.refused(*words)


# --- beside a running server ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with serve(tmp_path_factory.mktemp("accounts") / "home", portal=["127.0.0.1:0"]) as running:
        yield running


class Browser:
    """Enough of one to fill in forms."""

    def __init__(self, store: Store) -> None:
        self.origin = store.facts["portal_url"]
        self.session = requests.Session()
        self.session.verify = str(store.ca)

    def get(self, path: str) -> requests.Response:
        return self.session.get(self.origin + path, timeout=60)

    def post(self, path: str, **fields: str) -> requests.Response:
        page = self.get(path)
        token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[-1]
        return self.session.post(
            page.url, data={"csrfmiddlewaretoken": token, **fields}, headers={"Referer": page.url}, timeout=60
        )


@pytest.mark.slow
def test_an_invited_user_chooses_a_password_and_is_in_until_the_command_line_says_otherwise(store: Store) -> None:
    terminal = Terminal(store.home)
    browser = Browser(store)
    link = terminal.json("user", "invite", "ann", "--email", "ann@example.org")["link"]
    assert link.startswith(store.facts["portal_url"] + "/"), "the address that the server has, not that of the settings"
    path = link.removeprefix(store.facts["portal_url"])
    assert "Welcome, ann: choose a password" in browser.get(path).text
    assert "My tenancies" in browser.post(path, password1=PASSWORD).text, "no second prompt"
    assert "ann" in browser.get("/account/").text
    terminal.ok("user", "suspend", "ann")
    assert "Your account is closed" in browser.get("/account/").text
    terminal.ok("user", "resume", "ann")
    assert "Log in" in browser.get("/account/").text
    browser.post("/account/login/", login="ann", password=PASSWORD)
    assert "ann@example.org" in browser.get("/account/").text
    terminal.ok("user", "remove", "ann")
    assert "Your account is closed" in browser.get("/account/").text
    said = store.log.read_text()
    assert "somebody logged in" in said
    for secret in (PASSWORD, path.split("/")[-2], browser.session.cookies.get("__Host-csrf") or "-" * 40):
        assert secret not in said


@pytest.mark.slow
def test_an_operator_made_beside_the_server_runs_the_site_at_once(store: Store) -> None:
    terminal = Terminal(store.home)
    browser = Browser(store)
    path = terminal.json("admin", "create", "olga", "--email", "olga@example.org")["link"]
    browser.post(path.removeprefix(store.facts["portal_url"]), password1=PASSWORD)
    assert browser.get("/operators/").status_code == 200
    terminal.ok("admin", "create", "otto", "--email", "otto@example.org")
    terminal.ok("admin", "remove", "olga")
    assert browser.get("/operators/").status_code == 403


def test_a_directory_is_followed_only_where_there_is_one(terminal: Terminal) -> None:
    terminal.ok("admin", "create", "olga", "--email", "olga@example.org", "--new-home")
    assert "no directory is set" in terminal.refused("user", "sync-directory")
    settings = terminal.home / "holdfast.toml"
    settings.write_text('[site]\nldap_server = "ldaps://localhost:1"\nldap_people = "ou=people,dc=example"\n')
    assert "the directory can't be read" in terminal.refused("user", "sync-directory", "--losses-max", "3")
