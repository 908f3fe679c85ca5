"""Log-in by an OpenID Connect provider: a real one on loopback, driven as a browser would, and one that lies."""

from __future__ import annotations

import dataclasses
import html
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import oidc_provider_mock
import pytest
import requests

from holdfast.config import GroupRole, SettingError, Settings, Site

ORIGIN = "https://localhost:8444"
START = "/account/provider/login/"
CLIENT_ID = "the-portal"
RULES = (
    GroupRole("cmip", "cmip-o", "USER"),
    GroupRole("cmip-heads", "cmip-o", "MANAGER"),
    GroupRole("radar", "radar-o", "DEPUTY"),
    GroupRole("ghosts", "no-such-o", "USER"),
)


@dataclass
class Provider:
    """The provider, and a site that is configured for it."""

    town: Any
    issuer: str
    calls: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    """What the portal asked it: method, URL, options."""

    def person(self, sub: str, **claims: Any) -> None:
        requests.put(f"{self.issuer}/users/{sub}", json=claims, timeout=10).raise_for_status()

    def begin(self, client: Any, **fields: str) -> str:
        """Press the button, and return where the browser is led."""
        page = client.post(START, fields)
        assert page.status_code == 200, page.content.decode()
        (where,) = re.findall(r'http-equiv="refresh" content="0; url=([^"]+)"', page.content.decode())
        assert f'href="{where}"' in page.content.decode(), "without the refresh one may follow a link"
        return html.unescape(where)

    def consent(self, where: str, sub: str) -> str:
        """Log in at the provider, and return the path that it leads back to."""
        answer = requests.post(where, data={"sub": sub}, allow_redirects=False, timeout=10)
        assert answer.status_code == 302, answer.text
        assert answer.headers["Location"].startswith(ORIGIN + "/")
        return answer.headers["Location"].removeprefix(ORIGIN)

    def log_in(self, client: Any, sub: str, **fields: str) -> Any:
        return client.get(self.consent(self.begin(client, **fields), sub))

    def roles(self, name: str) -> dict[str, tuple[str, str]]:
        """Return tenancy → role and source of a user in the catalog."""
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
def server() -> Iterator[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
        with oidc_provider_mock.run_server_in_thread(require_nonce=True) as running:
            yield f"http://localhost:{running.server_port}"


def configured(town: Any, **site: Any) -> Settings:
    settings: Settings = town.house.settings
    return dataclasses.replace(settings, site=dataclasses.replace(settings.site, **site))


@pytest.fixture
def provider(town: Any, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    from django.test import override_settings

    from holdfast.portal.house import use_house
    from holdfast.portal.people.oidc import Session
    from holdfast.portal.upstream import providers

    secret = tmp_path / "secret"
    secret.write_text("hush\n")
    secret.chmod(0o600)
    settings = configured(
        town,
        oidc_issuer=server,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret_file=secret,
        oidc_name="Example University",
        group_roles=RULES,
    )
    made = Provider(town, server)
    plain = requests.Session.request

    def request(self: requests.Session, method: str, url: str, **options: Any) -> requests.Response:
        made.calls.append((method, url, options))
        return plain(self, method, url, **options)

    monkeypatch.setattr(requests.Session, "request", request)
    assert issubclass(Session, requests.Session)
    use_house(dataclasses.replace(town.house, settings=settings))
    with override_settings(SOCIALACCOUNT_PROVIDERS=providers(settings)):
        yield made
    use_house(town.house)


def is_in(client: Any) -> bool:
    return bool(client.get("/account/").status_code == 200)


def person(**facts: Any) -> Any:
    from holdfast.portal.people.models import Person

    return Person.objects.get(**facts)


def test_nothing_of_a_provider_is_shown_or_asked_unless_it_is_configured(
    town: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests.Session, "request", lambda *a, **k: pytest.fail("a call went out"))
    client = town.client()
    assert "Log in with" not in client.get("/account/login/").content.decode().replace("Log in with a passkey", "")
    assert client.post(START).status_code == 404
    assert client.get("/account/provider/callback/?code=x&state=y").status_code == 404


def test_who_comes_from_the_provider_the_first_time_gets_an_account(provider: Provider) -> None:
    provider.person("u1", preferred_username="Ann.Lee", name="Ann Lee", email="ann@uni.example", email_verified=True)
    client = provider.town.client()
    assert "Log in with Example University" in client.get("/account/login/").content.decode()
    assert provider.log_in(client, "u1", next="/account/security/")["Location"] == "/account/security/"
    ann = person(name="ann.lee")
    assert (ann.full_name, ann.email, ann.source, ann.is_operator) == ("Ann Lee", "ann@uni.example", "oidc", False)
    assert ann.emailaddress_set.get().verified
    assert not ann.has_usable_password()
    page = client.get("/account/").content.decode()
    assert "Ann.Lee" in page
    assert "Example University" in page
    # And the second time it is the same one, whatever is new about the person.
    provider.person("u1", preferred_username="someone-else", name="Ann Lee-Smith", email="x@uni.example")
    again = provider.town.client()
    provider.log_in(again, "u1")
    assert is_in(again)
    assert person().pk == ann.pk


def test_the_request_to_the_provider_has_state_nonce_and_pkce_and_asks_for_no_more_than_it_should(
    provider: Provider,
) -> None:
    provider.person("u1", preferred_username="ann")
    client = provider.town.client()
    page = client.post(f"{START}?scope=admin&auth_params=prompt%3Dnone%26redirect_uri%3Dhttps://evil.example", {})
    (where,) = re.findall(r'url=([^"]+)"', page.content.decode())
    asked = parse_qs(urlsplit(html.unescape(where)).query)
    assert asked["response_type"] == ["code"]
    assert set(asked["scope"][0].split()) == {"openid", "profile", "email"}
    assert asked["redirect_uri"] == [f"{ORIGIN}/account/provider/callback/"]
    assert asked["code_challenge_method"] == ["S256"]
    assert len(asked["code_challenge"][0]) >= 43
    assert len(asked["nonce"][0]) >= 32
    assert len(asked["state"][0]) >= 16
    assert "prompt" not in asked
    client.get(provider.consent(html.unescape(where), "u1"))
    assert is_in(client)
    (token_call,) = [options for method, url, options in provider.calls if url.endswith("/oauth2/token")]
    assert len(token_call["data"]["code_verifier"]) >= 43


def test_every_call_has_a_time_out_and_follows_no_redirect(provider: Provider) -> None:
    provider.person("u1", preferred_username="ann")
    provider.log_in(provider.town.client(), "u1")
    ours = [options for _, url, options in provider.calls if "/users/" not in url and "/authorize" not in url]
    assert len(ours) >= 4
    assert {(options["timeout"], options["allow_redirects"]) for options in ours} == {(10, False)}


def test_the_way_to_the_provider_needs_a_form_and_its_token(provider: Provider) -> None:
    assert provider.town.client().get(START).status_code == 405
    assert provider.town.client(enforce_csrf_checks=True).post(START).status_code == 403


def test_an_answer_counts_once_and_only_in_the_browser_that_asked(provider: Provider) -> None:
    provider.person("u1", preferred_username="ann")
    client, stranger = provider.town.client(), provider.town.client()
    back = provider.consent(provider.begin(client), "u1")
    refused = stranger.get(back)
    assert refused.status_code == 401
    assert "The log-in did not work" in refused.content.decode()
    assert not is_in(stranger)
    client.get(back)
    assert is_in(client)
    client.post("/account/logout/")
    assert client.get(back).status_code == 401
    assert not is_in(client)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_no_address_leads_out_of_the_site_after_the_provider(provider: Provider, target: str) -> None:
    provider.person("u1", preferred_username="ann")
    assert provider.log_in(provider.town.client(), "u1", next=target)["Location"] == "/"


def test_who_turns_back_at_the_provider_is_told_so(provider: Provider) -> None:
    client = provider.town.client()
    state = parse_qs(urlsplit(provider.begin(client)).query)["state"][0]
    answer = client.get(f"/account/provider/callback/?error=access_denied&state={state}")
    assert "You did not log in" in client.get(answer["Location"]).content.decode()


# --- addresses and names ----------------------------------------------------------------------------------------------


def test_an_address_that_the_provider_did_not_verify_is_not_believed(provider: Provider) -> None:
    victim = provider.town.person("victim")
    provider.person("u1", preferred_username="mallory", email="victim@example.org", email_verified=False)
    client = provider.town.client()
    provider.log_in(client, "u1")
    assert is_in(client)
    mallory = person(name="mallory")
    assert (mallory.email, mallory.emailaddress_set.count()) == ("", 0)
    assert mallory.pk != victim.pk
    assert not provider.town.mails(), "nor is anything mailed there"


@pytest.mark.parametrize("claim", ["yes", 1, "True", None, [True]])
def test_nothing_but_a_plain_true_says_that_an_address_is_verified(provider: Provider, claim: Any) -> None:
    provider.person("u1", preferred_username="ann", email="ann@uni.example", email_verified=claim)
    provider.log_in(provider.town.client(), "u1")
    assert person(name="ann").email == ""


def test_no_account_is_taken_over_by_a_verified_address_either(provider: Provider) -> None:
    from allauth.socialaccount.models import SocialAccount

    provider.town.person("ann")
    provider.person("u1", preferred_username="ann", email="ann@example.org", email_verified=True)
    client = provider.town.client()
    answer = provider.log_in(client, "u1")
    assert answer.status_code == 409
    assert "You have an account already" in answer.content.decode()
    assert not is_in(client)
    assert not SocialAccount.objects.exists()


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": "ann"}, "ann-2"),
        ({"preferred_username": "Ann@uni.example"}, "ann-2"),
        ({"preferred_username": "Ünal Øre"}, "unal-ore"),
        ({"preferred_username": "root"}, "user"),
        ({"preferred_username": "../../etc/passwd"}, "etc-passwd"),
        ({"preferred_username": "<script>"}, "script"),
        ({"preferred_username": "0123456789abcdef0123456789abcdef"}, "user"),
        ({"preferred_username": "x" * 200}, "x" * 64),
        ({"email": "carol@uni.example"}, "carol"),
        ({"preferred_username": ["a", "list"]}, "user"),
        ({}, "user"),
    ],
)
def test_a_name_from_elsewhere_becomes_a_legal_one_that_nobody_has(
    provider: Provider, claims: dict[str, Any], name: str
) -> None:
    provider.town.person("ann")
    provider.person("u1", **claims)
    client = provider.town.client()
    provider.log_in(client, "u1")
    assert is_in(client)
    assert person(source="oidc").name == name


def test_a_user_of_the_store_without_an_account_keeps_the_name(provider: Provider) -> None:
    from holdfast.admin.users import create_user

    bob = create_user(provider.town.house.office("test"), "bob", "bob@uni.example")
    provider.person("u1", preferred_username="bob", email="bob@uni.example", email_verified=True)
    provider.log_in(provider.town.client(), "u1")
    found = person(source="oidc")
    assert found.name == "bob-2"
    assert found.principal_id != bob.user_id


def test_who_was_removed_for_good_comes_again_as_somebody_else(provider: Provider) -> None:
    from holdfast.admin.users import remove_user

    provider.person("u1", preferred_username="ann", email="ann@uni.example", email_verified=True)
    provider.log_in(provider.town.client(), "u1")
    before = person(name="ann")
    remove_user(provider.town.house.office("test"), "ann")
    client = provider.town.client()
    provider.log_in(client, "u1")
    after = person(name="ann")
    assert is_in(client)
    assert after.pk != before.pk
    assert after.principal_id != before.principal_id


def test_who_is_suspended_does_not_come_in_by_the_provider(provider: Provider) -> None:
    from holdfast.admin.users import suspend_user

    provider.person("u1", preferred_username="ann")
    provider.log_in(provider.town.client(), "u1")
    suspend_user(provider.town.house.office("test"), "ann")
    client = provider.town.client()
    assert provider.log_in(client, "u1")["Location"] == "/account/inactive/"
    assert not is_in(client)


def test_the_second_step_is_asked_for_after_the_provider_too(provider: Provider) -> None:
    from tests.portal.test_login_second_step import code_of, turn_on

    provider.person("u1", preferred_username="ann")
    client = provider.town.client()
    provider.log_in(client, "u1")
    secret = turn_on(client)
    again = provider.town.client()
    assert provider.log_in(again, "u1")["Location"] == "/account/2fa/authenticate/"
    assert not is_in(again)
    assert again.post("/account/2fa/authenticate/", {"code": code_of(secret)})["Location"] == "/"
    assert is_in(again)


# --- connecting -------------------------------------------------------------------------------------------------------


def test_an_identity_is_connected_by_who_is_logged_in_and_then_logs_in(provider: Provider) -> None:
    ann = provider.town.person("ann")
    provider.person("u1", preferred_username="ann", email="ann@example.org", email_verified=True, groups=["radar"])
    provider.town.tenancy("radar-o")
    client = provider.town.client(ann)
    assert "Connect Example University" in client.get("/account/").content.decode()
    assert provider.log_in(client, "u1", process="connect", next="/account/")["Location"] == "/account/"
    assert "An identity was connected" in provider.town.mails()[-1]["Subject"]
    assert provider.roles("ann") == {"radar-o": ("DEPUTY", "oidc")}
    other = provider.town.client()
    provider.log_in(other, "u1")
    assert "ann" in other.get("/account/").content.decode()
    # And taken away again, with the role that came by it; the password is still there.
    number = ann.socialaccount_set.get().pk
    assert other.post(f"/account/identities/{number}/disconnect/")["Location"] == "/account/"
    assert provider.roles("ann") == {}
    assert not ann.socialaccount_set.exists()


def test_the_last_way_in_is_not_taken_away(provider: Provider) -> None:
    provider.person("u1", preferred_username="ann")
    client = provider.town.client()
    provider.log_in(client, "u1")
    number = person(name="ann").socialaccount_set.get().pk
    client.post(f"/account/identities/{number}/disconnect/")
    assert "your only way to log in" in client.get("/account/").content.decode()
    assert person(name="ann").socialaccount_set.exists()


def test_an_identity_of_somebody_else_is_neither_connected_nor_taken_away(provider: Provider) -> None:
    provider.person("u1", preferred_username="ann")
    provider.log_in(provider.town.client(), "u1")
    number = person(name="ann").socialaccount_set.get().pk
    bob = provider.town.person("bob")
    client = provider.town.client(bob)
    provider.log_in(client, "u1", process="connect")
    assert "belongs to another account" in client.get("/account/").content.decode()
    assert not bob.socialaccount_set.exists()
    assert client.post(f"/account/identities/{number}/disconnect/").status_code == 404


def test_nobody_is_connected_who_is_not_logged_in(provider: Provider) -> None:
    provider.person("u1", preferred_username="ann")
    client = provider.town.client()
    provider.log_in(client, "u1", process="connect")
    assert not is_in(client)


def test_who_has_no_password_here_proves_it_again_at_the_provider(provider: Provider) -> None:
    from tests.portal.test_login_second_step import age

    provider.person("u1", preferred_username="ann")
    client = provider.town.client()
    provider.log_in(client, "u1")
    assert client.get("/account/2fa/totp/activate/").status_code == 200
    age(client)
    asked = client.get("/account/2fa/totp/activate/")["Location"]
    assert asked.startswith("/account/log-in-again/")
    assert "Log in with Example University again" in client.get(asked).content.decode()
    where = provider.begin(client, again="1", next="/account/2fa/totp/activate/")
    assert parse_qs(urlsplit(where).query)["prompt"] == ["login"]
    assert client.get(provider.consent(where, "u1"))["Location"] == "/account/2fa/totp/activate/"
    assert client.get("/account/2fa/totp/activate/").status_code == 200


# --- groups -----------------------------------------------------------------------------------------------------------


def test_groups_give_roles_at_each_log_in_and_take_only_what_they_gave(provider: Provider) -> None:
    from holdfast.auth.roles import Role

    town = provider.town
    for tenancy in ("cmip-o", "radar-o", "own-o"):
        town.member(tenancy, f"head-of-{tenancy}", Role.MANAGER)
    provider.person("u1", preferred_username="ann", groups=["cmip", "cmip-heads", "ghosts", "unknown"])
    provider.log_in(town.client(), "u1")
    assert provider.roles("ann") == {"cmip-o": ("MANAGER", "oidc")}, "the higher of two roles"
    town.member("own-o", "ann", Role.USER)
    town.member("radar-o", "ann", Role.USER)
    provider.person("u1", preferred_username="ann", groups=["cmip", "radar"])
    provider.log_in(town.client(), "u1")
    own = {"own-o": ("USER", "portal"), "radar-o": ("USER", "portal")}
    assert provider.roles("ann") == {"cmip-o": ("USER", "oidc"), **own}
    provider.person("u1", preferred_username="ann", groups=[])
    provider.log_in(town.client(), "u1")
    assert provider.roles("ann") == own


@pytest.mark.parametrize("groups", ["cmip other", "cmip", ["cmip"], ["cmip", 5, None]])
def test_groups_may_be_a_list_or_words(provider: Provider, groups: Any) -> None:
    provider.town.tenancy("cmip-o")
    provider.person("u1", preferred_username="ann", groups=groups)
    provider.log_in(provider.town.client(), "u1")
    assert provider.roles("ann") == {"cmip-o": ("USER", "oidc")}


def test_a_role_by_a_group_ends_when_nobody_logs_in_any_more(provider: Provider) -> None:
    from holdfast.admin.lookups import get_tenancy
    from holdfast.catalog.rows import MEMBERS

    provider.town.tenancy("cmip-o")
    provider.person("u1", preferred_username="ann", groups=["cmip"])
    provider.log_in(provider.town.client(), "u1")
    with provider.town.house.catalog.read() as rows:
        (member,) = rows.scan(MEMBERS, (get_tenancy(rows, "cmip-o").tenancy_id,))
    assert member.until_us is not None
    days = (member.until_us / 1e6 - time.time()) / 86_400
    assert 364 < days <= 365


def test_the_last_manager_stays_and_operators_are_told(provider: Provider) -> None:
    provider.town.operator()
    provider.town.tenancy("cmip-o")
    provider.person("u1", preferred_username="ann", groups=["cmip-heads"])
    provider.log_in(provider.town.client(), "u1")
    provider.person("u1", preferred_username="ann", groups=[])
    for _ in range(2):
        provider.log_in(provider.town.client(), "u1")
    assert provider.roles("ann") == {"cmip-o": ("MANAGER", "oidc")}
    (mail,) = provider.town.mails()
    assert "A role in cmip-o was not changed" in mail["Subject"]


# --- providers that lie -----------------------------------------------------------------------------------------------


@dataclass
class Liar:
    """Answers of a provider, each of which may be bent."""

    issuer: str
    key: Any
    nonce: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    algorithm: str = "RS256"
    signing_key: Any = None
    userinfo: Any = None
    config: dict[str, Any] = field(default_factory=dict)

    def answer(self, method: str, url: str) -> tuple[int, Any]:
        if url.endswith("/.well-known/openid-configuration"):
            named = {name: f"{self.issuer}/{name}" for name in ("authorization_endpoint", "token_endpoint", "jwks_uri")}
            return 200, {"issuer": self.issuer, "userinfo_endpoint": f"{self.issuer}/userinfo", **named, **self.config}
        if url.endswith("/jwks_uri"):
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key()))
            return 200, {"keys": [public | {"kid": "one", "use": "sig"}]}
        if url.endswith("/token_endpoint"):
            return 200, {"access_token": "a", "token_type": "Bearer", "id_token": self.id_token()}
        return 200, self.userinfo if self.userinfo is not None else {"sub": "u1", "preferred_username": "ann"}

    def id_token(self) -> str:
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT_ID, "sub": "u1", "iat": now, "exp": now + 300, "nonce": self.nonce,
            **self.claims,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        key = self.signing_key if self.signing_key is not None else self.key
        return jwt.encode(claims, key, algorithm=self.algorithm, headers={"kid": "one", **self.header})


@pytest.fixture
def liar(town: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from django.test import override_settings

    from holdfast.portal.house import use_house
    from holdfast.portal.upstream import providers

    issuer = "https://idp.example"
    made = Liar(issuer, rsa.generate_private_key(public_exponent=65537, key_size=2048))
    settings = configured(town, oidc_issuer=issuer, oidc_client_id=CLIENT_ID)

    def request(self: requests.Session, method: str, url: str, **_: Any) -> requests.Response:
        response = requests.Response()
        status, body = made.answer(method, url)
        response.status_code = status
        response._content = body if isinstance(body, bytes) else json.dumps(body).encode()
        response.headers["content-type"] = "application/json"
        return response

    monkeypatch.setattr(requests.Session, "request", request)

    def attempt(**bent: Any) -> tuple[Any, bool]:
        for name, value in bent.items():
            setattr(made, name, value)
        client = town.client()
        page = client.post(START)
        if page.status_code != 200:
            return page, False
        asked = parse_qs(urlsplit(html.unescape(re.findall(r'url=([^"]+)"', page.content.decode())[0])).query)
        made.nonce = asked["nonce"][0]
        answer = client.get(f"/account/provider/callback/?code=c&state={asked['state'][0]}")
        return answer, is_in(client)

    use_house(dataclasses.replace(town.house, settings=settings))
    attempt.made = made  # type: ignore[attr-defined]
    with override_settings(SOCIALACCOUNT_PROVIDERS=providers(settings)):
        yield attempt
    use_house(town.house)


def test_an_honest_answer_logs_in(liar: Callable[..., Any]) -> None:
    answer, entered = liar()
    assert entered, answer.content.decode()


@pytest.mark.parametrize(
    "claims",
    [
        {"nonce": "of another log-in"},
        {"nonce": None},
        {"iss": "https://evil.example"},
        {"aud": "another-portal"},
        {"aud": [CLIENT_ID, "another-portal"]},
        {"exp": 1_700_000_000},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"sub": "somebody else"},
    ],
    ids=str,
)
def test_an_id_token_for_somebody_or_something_else_is_refused(
    liar: Callable[..., Any], claims: dict[str, Any]
) -> None:
    answer, entered = liar(claims=claims)
    assert not entered
    assert answer.status_code == 401


def test_an_id_token_that_the_provider_did_not_sign_is_refused(liar: Callable[..., Any]) -> None:
    from cryptography.hazmat.primitives.asymmetric import rsa

    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert not liar(signing_key=stranger)[1]
    assert not liar(signing_key="", algorithm="none")[1]
    assert not liar(signing_key=b"x" * 32, algorithm="HS256")[1]
    assert not liar(signing_key=None, algorithm="RS256", header={"kid": "another"})[1]
    assert liar(header={})[1]


@pytest.mark.parametrize(
    "bent",
    [
        {"config": {"issuer": "https://evil.example"}},
        {"config": {"token_endpoint": "http://idp.example/token"}},
        {"config": {"jwks_uri": "file:///etc/passwd"}},
        {"userinfo": {"sub": "somebody else", "preferred_username": "ann"}},
        {"userinfo": ["no", "object"]},
        {"userinfo": b"not json"},
    ],
    ids=str,
)
def test_what_the_provider_says_of_itself_or_the_person_must_fit(
    liar: Callable[..., Any], bent: dict[str, Any]
) -> None:
    answer, entered = liar(**bent)
    assert not entered
    assert answer.status_code in (401, 502)


def test_the_log_says_why_and_no_token(liar: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    liar(claims={"aud": "another-portal"})
    said = "".join(capsys.readouterr())
    assert "ID token is not valid (InvalidAudienceError)" in said
    assert liar.made.id_token() not in said  # type: ignore[attr-defined]
    assert "eyJ" not in said


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("site", "reason"),
    [
        ({"oidc_issuer": "http://idp.example", "oidc_client_id": "x"}, "begins with https"),
        ({"oidc_issuer": "https://idp.example"}, "oidc_client_id"),
        ({"ldap_server": "http://ldap.example", "ldap_people": "o=x"}, "ldap://HOST"),
        ({"ldap_server": "ldap://ldap.example", "ldap_people": "o=x", "ldap_start_tls": "no"}, "in clear"),
        ({"ldap_server": "ldaps://ldap.example"}, "ldap_people"),
        (
            {"ldap_server": "ldaps://ldap.example", "ldap_people": "o=x", "ldap_bind_dn": "cn=x"},
            "ldap_bind_password_file",
        ),
    ],
)
def test_settings_that_can_not_work_are_refused_in_one_sentence(
    tmp_path: Any, site: dict[str, str], reason: str
) -> None:
    from holdfast.portal.upstream import check_upstream

    with pytest.raises(SettingError, match=reason):
        check_upstream(Settings(home=tmp_path, site=Site(**site)))


def test_a_secret_that_others_may_read_is_refused(tmp_path: Any) -> None:
    from holdfast.portal.upstream import check_upstream

    secret = tmp_path / "secret"
    secret.write_text("hush\n")
    secret.chmod(0o644)
    site = Site(oidc_issuer="https://idp.example", oidc_client_id="x", oidc_client_secret_file=secret)
    with pytest.raises(SettingError, match="chmod 600"):
        check_upstream(Settings(home=tmp_path, site=site))
    secret.chmod(0o600)
    check_upstream(Settings(home=tmp_path, site=site))
    from holdfast.portal.upstream import providers

    assert providers(Settings(home=tmp_path, site=site))["openid_connect"]["APPS"][0]["secret"] == "hush"
