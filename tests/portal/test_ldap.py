"""People of an LDAP directory: Debian's slapd, over StartTLS and ldaps."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.portal.directory import GROUPS, PEOPLE, READER, Slapd, slapd

from holdfast.auth.roles import Role
from holdfast.config import GroupRole

PASSWORD = "ann's word in the directory"
RULES = (
    GroupRole("cmip", "cmip-o", "USER"),
    GroupRole("cmip-heads", "cmip-o", "MANAGER"),
    GroupRole("radar", "radar-o", "USER"),
)
BACKENDS = [
    "holdfast.portal.people.backends.ByPassword",
    "holdfast.portal.people.from_directory.ByDirectory",
]


@dataclass
class Site:
    """A town whose people come from a directory."""

    town: Any
    directory: Slapd

    def configure(self, **site: Any) -> None:
        from holdfast.portal.house import house, use_house

        settings = house().settings
        use_house(
            dataclasses.replace(
                house(), settings=dataclasses.replace(settings, site=dataclasses.replace(settings.site, **site))
            )
        )

    def log_in(self, login: str = "ann", password: str = PASSWORD) -> Any:
        """Try to log in, and return the browser."""
        client = self.town.client()
        client.answer = client.post("/account/login/", {"login": login, "password": password})
        return client

    def sync(self) -> int:
        from holdfast.portal.people.from_directory import sync

        return sync()

    def state(self, name: str) -> str:
        from holdfast.admin.lookups import get_user

        with self.town.house.catalog.read() as rows:
            return get_user(rows, name).state

    def roles(self, name: str = "ann") -> dict[str, tuple[str, str]]:
        from holdfast.admin.lookups import get_user
        from holdfast.catalog.rows import MEMBERS, TENANCIES

        found = {}
        with self.town.house.catalog.read() as rows:
            for member in rows.scan(MEMBERS, (get_user(rows, name).user_id,), index="by_user"):
                tenancy = rows.find(TENANCIES, (member.tenancy_id,))
                assert tenancy is not None
                found[tenancy.name] = (member.role, member.source)
        return found


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    with slapd(tmp_path_factory.mktemp("slapd")) as running:
        yield running


@pytest.fixture
def directory(shared: Slapd) -> Iterator[Slapd]:
    """The directory with ann in it, emptied afterwards."""
    import ldap

    shared.person("ann", PASSWORD, displayName="Ann Lee", mail="Ann@uni.example")
    yield shared
    for base in (PEOPLE, GROUPS):
        for dn, _ in shared.connection.search_s(base, ldap.SCOPE_ONELEVEL, "(objectClass=*)", ["cn"]):
            shared.connection.delete_s(dn)


@pytest.fixture(params=["StartTLS"])
def site(town: Any, directory: Slapd, request: pytest.FixtureRequest) -> Iterator[Site]:
    from django.test import override_settings

    from holdfast.portal.house import use_house

    made = Site(town, directory)
    made.configure(
        ldap_server=directory.url if request.param == "StartTLS" else directory.tls_url,
        ldap_ca_file=directory.ca,
        ldap_bind_dn=READER,
        ldap_bind_password_file=directory.password_file,
        ldap_people=PEOPLE,
        ldap_groups=GROUPS,
        group_roles=RULES,
    )
    with override_settings(AUTHENTICATION_BACKENDS=BACKENDS):
        yield made
    use_house(town.house)


def is_in(client: Any) -> bool:
    return bool(client.get("/account/").status_code == 200)


def person(**facts: Any) -> Any:
    from holdfast.portal.people.models import Person

    return Person.objects.get(**facts)


@pytest.mark.parametrize("site", ["StartTLS", "ldaps"], indirect=True)
def test_the_password_of_the_directory_logs_in_and_makes_an_account(site: Site) -> None:
    client = site.log_in()
    assert is_in(client)
    ann = person(name="ann")
    assert (ann.full_name, ann.email, ann.source, ann.is_operator) == ("Ann Lee", "ann@uni.example", "ldap", False)
    assert ann.upstream_id.startswith("entryUUID:")
    assert not ann.has_usable_password()
    page = client.get("/account/").content.decode()
    assert "come from your institution's directory" in page
    assert "your institution&#x27;s directory" in client.get("/account/security/").content.decode()
    # The second time it is the same account, by name or by address.
    assert is_in(site.log_in("ann@uni.example"))
    assert is_in(site.log_in("ANN"))
    assert person().pk == ann.pk


@pytest.mark.parametrize("site", ["StartTLS", "ldaps"], indirect=True)
def test_a_directory_whose_certificate_nobody_vouches_for_is_not_spoken_to(site: Site) -> None:
    site.configure(ldap_ca_file=Path("/etc/ssl/certs/ca-certificates.crt"))
    client = site.log_in()
    assert "directory does not answer now" in client.answer.content.decode()
    assert not is_in(client)


@pytest.mark.parametrize("password", ["", "\0", "wrong wrong wrong", " " + PASSWORD, PASSWORD + "\0x"])
def test_a_wrong_or_empty_password_lets_nobody_in(site: Site, password: str) -> None:
    from holdfast.portal.people.directory import connected
    from holdfast.portal.people.models import Person

    client = site.log_in("ann", password)
    assert not is_in(client)
    assert not Person.objects.exists()
    from holdfast.portal.house import house

    with connected(house().settings.site) as directory:
        entry = directory.find("ann")
        assert entry is not None
        assert not directory.has_password(entry, password)


@pytest.mark.parametrize(
    "login", ["*", "a*", "ann)(uid=*", "*)(|(uid=*", "ann)(objectClass=*", "\\61nn", "ann\0", "(uid=ann)", "uid=ann"]
)
def test_what_is_typed_as_a_name_is_never_a_filter(site: Site, login: str) -> None:
    from holdfast.portal.house import house
    from holdfast.portal.people.directory import connected

    assert not is_in(site.log_in(login))
    with connected(house().settings.site) as directory:
        assert directory.find(login) is None


def test_a_wrong_password_and_an_unknown_name_get_the_same_answer_and_as_many_questions(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    from holdfast.portal.people.directory import Directory

    asked: list[bool] = []
    plain = Directory.has_password

    def has_password(self: Any, entry: Any, password: str) -> bool:
        asked.append(entry is not None)
        return plain(self, entry, password)

    monkeypatch.setattr(Directory, "has_password", has_password)
    for login in ("ann", "nobody"):
        assert "There is no account with this name" in site.log_in(login, "wrong wrong wrong").answer.content.decode()
    assert asked == [True, False], "a bind is tried for nobody, too"


def test_nobody_is_taken_for_somebody_of_this_site_by_a_name_or_an_address(site: Site) -> None:
    local = site.town.person("ann", email="ann@uni.example")
    client = site.log_in()
    assert is_in(client)
    theirs = person(source="ldap")
    assert (theirs.name, theirs.email) == ("ann-2", "")
    assert theirs.principal_id != local.principal_id
    assert is_in(site.log_in("ann-2"))
    # The local password still leads to the local account.
    from tests.portal.conftest import PASSWORD as LOCAL

    mine = site.log_in("ann", LOCAL)
    assert '<dd class="mono break">ann</dd>' in mine.get("/account/").content.decode()


def test_a_name_that_the_directory_gives_to_another_person_is_another_account(site: Site) -> None:
    site.log_in()
    before = person(name="ann")
    site.directory.remove(f"uid=ann,{PEOPLE}")
    site.directory.person("ann", "another person's word", displayName="Anna Other")
    assert is_in(site.log_in("ann", "another person's word"))
    other = person(full_name="Anna Other")
    assert (other.name, other.principal_id == before.principal_id) == ("ann-2", False)
    assert site.sync() == 1
    assert (site.state("ann"), site.state("ann-2")) == ("disabled", "active")


def test_two_people_of_one_name_here_and_there_are_told_apart_by_their_passwords(site: Site) -> None:
    site.log_in()
    site.directory.connection.rename_s(f"uid=ann,{PEOPLE}", "uid=ann-lee", PEOPLE)
    site.directory.person("ann", "another person's word", displayName="Anna Other")
    first, second = site.log_in("ann"), site.log_in("ann", "another person's word")
    assert is_in(first)
    assert is_in(second)
    assert {person(full_name="Ann Lee").name, person(full_name="Anna Other").name} == {"ann", "ann-2"}


def test_the_second_step_and_the_proof_work_with_the_directorys_password(site: Site) -> None:
    from tests.portal.test_login_second_step import age, code_of, turn_on

    client = site.log_in()
    age(client)
    asked = client.get("/account/2fa/totp/activate/")["Location"]
    assert asked.startswith("/account/reauthenticate/")
    assert "not your password" in client.post(asked, {"password": "wrong wrong wrong"}).content.decode()
    assert client.post(asked, {"password": PASSWORD})["Location"] == "/account/2fa/totp/activate/"
    secret = turn_on(client)
    again = site.log_in()
    assert again.answer["Location"] == "/account/2fa/authenticate/"
    again.post("/account/2fa/authenticate/", {"code": code_of(secret)})
    assert is_in(again)


def test_failures_are_throttled_before_the_directory_is_asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from holdfast.portal.people.directory import Directory

    for _ in range(5):
        site.log_in("ann", "wrong wrong wrong")
    monkeypatch.setattr(Directory, "has_password", lambda *_: pytest.fail("the directory was asked"))
    assert "Too many log-ins failed" in site.log_in().answer.content.decode()


# --- what becomes of people -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ("shadowExpire", "0"),
        ("shadowExpire", str(int(time.time() // 86_400))),
        ("pwdAccountLockedTime", "000001010000Z"),
        ("gone", ""),
    ],
)
def test_who_is_disabled_or_gone_loses_every_key_and_gets_them_back(site: Site, attribute: str, value: str) -> None:
    dn = f"uid=ann,{PEOPLE}"
    client = site.log_in()
    assert site.sync() == 0
    if attribute == "gone":
        site.configure(ldap_people=GROUPS)
        site.directory.person("bob", PASSWORD)
        site.configure(ldap_people=PEOPLE)
        moved = f"uid=ann,{GROUPS}"
        site.directory.connection.rename_s(dn, "uid=ann", GROUPS)
    else:
        if attribute == "shadowExpire":
            site.directory.set(dn, "objectClass", "inetOrgPerson", "shadowAccount")
        site.directory.set(dn, attribute, value)
    assert site.sync() == 1
    assert site.state("ann") == "disabled"
    assert not is_in(client)
    assert not is_in(site.log_in())
    assert site.sync() == 0
    if attribute == "gone":
        site.directory.connection.rename_s(moved, "uid=ann", PEOPLE)
    else:
        site.directory.set(dn, attribute)
    assert site.sync() == 1
    assert site.state("ann") == "active"
    assert is_in(site.log_in())


@pytest.mark.parametrize(
    ("attribute", "value"),
    [("shadowExpire", "-1"), ("shadowExpire", "99999"), ("pwdAccountLockedTime", "20261127080000Z")],
)
def test_who_expires_later_or_mistyped_a_password_keeps_access(site: Site, attribute: str, value: str) -> None:
    site.log_in()
    dn = f"uid=ann,{PEOPLE}"
    if attribute == "shadowExpire":
        site.directory.set(dn, "objectClass", "inetOrgPerson", "shadowAccount")
    site.directory.set(dn, attribute, value)
    assert site.sync() == 0
    assert site.state("ann") == "active"


def test_who_is_back_may_log_in_before_the_next_round(site: Site) -> None:
    site.log_in()
    dn = f"uid=ann,{PEOPLE}"
    site.directory.set(dn, "objectClass", "inetOrgPerson", "shadowAccount")
    site.directory.set(dn, "shadowExpire", "1")
    site.sync()
    site.directory.set(dn, "shadowExpire")
    assert is_in(site.log_in())
    assert site.state("ann") == "active"


def test_what_an_operator_suspended_stays_suspended_whatever_the_directory_says(site: Site) -> None:
    from holdfast.admin.users import suspend_user

    site.log_in()
    dn = f"uid=ann,{PEOPLE}"
    site.directory.set(dn, "objectClass", "inetOrgPerson", "shadowAccount")
    site.directory.set(dn, "shadowExpire", "1")
    site.sync()
    suspend_user(site.town.house.office("test"), "ann")
    site.directory.set(dn, "shadowExpire")
    assert site.sync() == 0
    assert site.state("ann") == "suspended"
    assert site.log_in().answer["Location"] == "/account/inactive/"
    assert site.state("ann") == "suspended"


def test_only_people_of_the_directory_are_disabled(site: Site) -> None:
    from holdfast.admin.users import create_user

    site.town.person("local")
    site.town.person("university", source="oidc")
    create_user(site.town.house.office("test"), "robot")
    assert site.sync() == 0
    assert {site.state(name) for name in ("local", "university", "robot")} == {"active"}


def test_a_directory_that_can_not_be_read_changes_nothing_and_operators_are_told(
    site: Site, tmp_path: Path, town: Any
) -> None:
    town.operator()
    site.log_in()
    site.directory.posix_group("cmip", "ann")
    town.tenancy("cmip-o")
    assert site.sync() == 1
    before = (site.state("ann"), site.roles())
    for broken in (
        {"ldap_server": "ldap://localhost:1"},
        {"ldap_people": "ou=nowhere,dc=uni,dc=example"},
        {"ldap_groups": "ou=nowhere,dc=uni,dc=example"},
        {"ldap_people": GROUPS},  # nobody is there
        {"ldap_bind_dn": "cn=nobody"},
    ):
        from holdfast.portal.house import house, use_house

        kept = house()
        site.configure(**broken)
        assert site.sync() == 0
        use_house(kept)
        assert (site.state("ann"), site.roles()) == before, broken
    (mail,) = town.mails()
    assert mail["Subject"] == "Object store: The directory can't be read"
    assert site.sync() == 0


@pytest.fixture
def six(site: Site) -> list[str]:
    """Six people beside ann, each with an account, all in the group of cmip-o."""
    names = [f"p{number}" for number in range(6)]
    for name in names:
        site.directory.person(name, PASSWORD)
    site.town.tenancy("cmip-o")
    site.directory.posix_group("cmip", *names)
    for name in ("ann", *names):
        site.log_in(name)
    assert site.sync() == 0
    return names


def test_a_base_that_finds_one_person_disables_nobody_before_an_operator_says_so(
    site: Site, six: list[str], town: Any
) -> None:
    from holdfast.portal.operating.jobs import job_states
    from holdfast.portal.people.directory_losses import Doubtful
    from holdfast.portal.people.from_directory import follow
    from holdfast.portal.worker import Reports, Round, work

    operator = town.operator()
    site.configure(ldap_people=f"uid=ann,{PEOPLE}")
    for _ in range(2):
        with pytest.raises(Doubtful, match="--losses-max 6"):
            site.sync()
    assert {site.state(name) for name in six} == {"active"}
    (mail,) = town.mails()
    assert mail["To"] == operator.email
    assert "p0, p1, p2, p3, p4, p5" in str(mail.get_payload())
    work(Round("directory", 60, site.sync), Reports(town.house.home.portal_jobs_file))
    (state,) = job_states(town.house)
    assert "6 of 7 people" in state.fault
    # Fewer than they are is no word for all of them.
    with pytest.raises(Doubtful):
        follow(5)
    assert follow(6) == 6
    assert {site.state(name) for name in six} == {"disabled"}
    assert site.state("ann") == "active"


def test_a_base_without_groups_takes_roles_from_nobody_before_an_operator_says_so(site: Site, six: list[str]) -> None:
    from holdfast.portal.people.directory_losses import Doubtful
    from holdfast.portal.people.from_directory import follow

    site.configure(ldap_groups=PEOPLE)
    with pytest.raises(Doubtful, match="role"):
        site.sync()
    assert {name for name in six if site.roles(name)} == set(six)
    # A rule that the settings have no more is another thing.
    site.configure(group_roles=())
    assert follow() == 6


def test_a_handful_of_leavers_is_followed_at_once(site: Site, six: list[str]) -> None:
    for name in six[:5]:
        site.directory.remove(f"uid={name},{PEOPLE}")
    assert site.sync() == 5
    assert {site.state(name) for name in six[:5]} == {"disabled"}


def test_a_list_that_the_server_cut_off_is_none(town: Any, tmp_path: Path) -> None:
    from holdfast.portal.house import house, use_house
    from holdfast.portal.people.directory import DirectoryDown, connected

    with slapd(tmp_path / "small", sizelimit="size.pr=3 size.prtotal=3") as small:
        for number in range(7):
            small.person(f"user{number}", PASSWORD)
        made = Site(town, small)
        made.configure(
            ldap_server=small.url, ldap_ca_file=small.ca, ldap_people=PEOPLE, ldap_groups=GROUPS,
            ldap_bind_dn=READER, ldap_bind_password_file=small.password_file,
        )  # fmt: skip
        with connected(house().settings.site) as directory, pytest.raises(DirectoryDown):
            directory.people()
    use_house(town.house)


def test_many_people_are_read_page_by_page(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    from holdfast.portal.house import house
    from holdfast.portal.people import directory as reading

    monkeypatch.setattr(reading, "PAGE_SIZE", 3)
    for number in range(10):
        site.directory.person(f"user{number}", PASSWORD)
    with reading.connected(house().settings.site) as directory:
        assert sorted(entry.uid for entry in directory.people().values()) == ["ann", *[f"user{n}" for n in range(10)]]


# --- groups -----------------------------------------------------------------------------------------------------------


def test_groups_of_both_kinds_give_roles_at_the_log_in_and_in_each_round(site: Site) -> None:
    for tenancy in ("cmip-o", "radar-o"):
        site.town.member(tenancy, "head", Role.MANAGER)
    site.directory.posix_group("cmip", "ann", "somebody")
    site.log_in()
    assert site.roles() == {"cmip-o": ("USER", "ldap")}
    heads = site.directory.group_of_names("cmip-heads", f"uid=ann,{PEOPLE}")
    radar = site.directory.group_of_names("radar", f"UID=Ann, {PEOPLE}")
    assert site.sync() == 2
    assert site.roles() == {"cmip-o": ("MANAGER", "ldap"), "radar-o": ("USER", "ldap")}
    assert site.sync() == 0
    for dn in (heads, radar):
        site.directory.remove(dn)
    assert site.sync() == 2
    assert site.roles() == {"cmip-o": ("USER", "ldap")}


def test_what_a_manager_or_the_command_line_gave_is_never_changed_by_groups(site: Site) -> None:
    site.town.member("cmip-o", "head", Role.MANAGER)
    site.town.member("radar-o", "head", Role.MANAGER)
    site.log_in()
    ann = person(name="ann")
    from holdfast.admin.members import add_member

    add_member(site.town.house.office("test"), "cmip-o", ann.name, Role.DEPUTY)
    group = site.directory.posix_group("cmip", "ann")
    site.directory.posix_group("cmip-heads", "ann")
    assert site.sync() == 0
    assert site.roles() == {"cmip-o": ("DEPUTY", "portal")}
    site.directory.remove(group)
    assert site.sync() == 0
    assert site.roles() == {"cmip-o": ("DEPUTY", "portal")}


def test_whoever_leaves_a_group_loses_the_keys_that_came_with_it(site: Site) -> None:
    from holdfast.admin.access_keys import create_access_key
    from holdfast.catalog.rows import ACCESS_KEYS

    site.town.member("cmip-o", "head", Role.MANAGER)
    group = site.directory.posix_group("cmip", "ann")
    site.log_in()
    house = site.town.house
    made = create_access_key(house.office("test"), house.keyring, house.settings.limits, "cmip-o", "ann")
    site.directory.remove(group)
    assert site.sync() == 1
    with house.catalog.read() as rows:
        key = rows.find(ACCESS_KEYS, (made.row.access_key_id,))
    assert key is not None
    assert key.state == "revoked"


def test_a_new_name_or_address_in_the_directory_arrives_with_the_round(site: Site) -> None:
    from holdfast.admin.lookups import get_user

    site.log_in()
    dn = f"uid=ann,{PEOPLE}"
    site.directory.set(dn, "displayName", "Ann Lee-Smith")
    site.directory.set(dn, "mail", "als@uni.example")
    assert site.sync() == 1
    ann = person(name="ann")
    assert (ann.full_name, ann.email) == ("Ann Lee-Smith", "als@uni.example")
    with site.town.house.catalog.read() as rows:
        assert get_user(rows, "ann").email == "als@uni.example"
    client = site.log_in()
    client.post("/account/", {"full_name": "Somebody Else"})
    assert client.get("/account/email/")["Location"] == "/account/"
    ann.refresh_from_db()
    assert ann.full_name == "Ann Lee-Smith"


def test_the_round_is_done_as_often_as_the_settings_say_and_only_with_a_directory(site: Site) -> None:
    from holdfast.portal.house import use_house
    from holdfast.portal.worker import rounds

    site.configure(directory_sync_minutes=7)
    assert {each.name: each.interval_s for each in rounds()}["directory"] == 420
    use_house(site.town.house)
    assert "directory" not in {each.name for each in rounds()}


def test_no_password_gets_into_the_log(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.log_in()
    site.configure(ldap_server="ldap://localhost:1")
    site.log_in()
    site.sync()
    said = "".join(capsys.readouterr())
    assert "the directory can't be" in said
    for secret in (PASSWORD, "may read and no more"):
        assert secret not in said
