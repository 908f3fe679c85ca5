"""A directory's people on the running whole: their log-in, their keys on S3, and that both end with them."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
import requests
from botocore.exceptions import ClientError
from tests.portal.directory import GROUPS, PEOPLE, READER, Slapd, slapd
from tests.serving import Store, serve

from holdfast.auth.roles import Role

PASSWORD = "ann's word in the directory"
ROUND_S = 60
"""How long the first round after a start may take on a loaded machine."""


def settings(directory: Slapd) -> dict[str, str]:
    return {
        "HOLDFAST_LDAP_SERVER": directory.url,
        "HOLDFAST_LDAP_CA_FILE": str(directory.ca),
        "HOLDFAST_LDAP_BIND_DN": READER,
        "HOLDFAST_LDAP_BIND_PASSWORD_FILE": str(directory.password_file),
        "HOLDFAST_LDAP_PEOPLE": PEOPLE,
        "HOLDFAST_LDAP_GROUPS": GROUPS,
        "HOLDFAST_GROUP_ROLES": "radar=radar-o:USER",
    }


def log_in(store: Store, password: str) -> str:
    """Log in, and return the page that comes then."""
    session = requests.Session()
    session.verify = str(store.ca)
    url = f"{store.facts['portal_url']}/account/login/"
    (token, *_) = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', session.get(url, timeout=60).text)
    fields = {"csrfmiddlewaretoken": token, "login": "ann", "password": password}
    return session.post(url, data=fields, headers={"Referer": url}, timeout=60).text


def works(store: Store, key: object) -> bool:
    code = ""
    try:
        store.client(key).list_buckets()  # type: ignore[arg-type]
    except ClientError as error:
        code = error.response["Error"]["Code"]
    assert code in ("", "AccessDenied", "InvalidAccessKeyId")
    return not code


def await_state(store: Store, key: object, *, is_refused: bool) -> None:
    give_up_s = time.monotonic() + ROUND_S
    while works(store, key) is is_refused:
        assert time.monotonic() < give_up_s, store.log.read_text()[-3000:]
        time.sleep(0.2)


@pytest.mark.slow
def test_who_is_disabled_in_the_directory_loses_their_keys_on_s3_and_gets_them_back(tmp_path: Path) -> None:
    with slapd(tmp_path / "slapd") as directory:
        dn = directory.person("ann", PASSWORD, mail="ann@uni.example")
        directory.posix_group("radar", "ann")
        home, environment = tmp_path / "home", settings(directory)
        with serve(home, portal=["127.0.0.1:0"], environment=environment) as store:
            store.make_member("radar-o", "head", Role.MANAGER)
            assert "There is no account" in log_in(store, "wrong wrong wrong")
            assert "radar-o" in log_in(store, PASSWORD), "the group made a member"
            key = store.make_key("radar-o", "ann", role=None)
            assert works(store, key)
        directory.set(dn, "objectClass", "inetOrgPerson", "shadowAccount")
        directory.set(dn, "shadowExpire", "1")
        # A round is done at once after a start, and then as often as the settings say.
        with serve(home, portal=["127.0.0.1:0"], environment=environment) as store:
            await_state(store, key, is_refused=True)
            assert "There is no account" in log_in(store, PASSWORD)
            directory.set(dn, "shadowExpire")
            assert "radar-o" in log_in(store, PASSWORD), "who is back need not wait for the next round"
            await_state(store, key, is_refused=False)
            said = store.log.read_text()
        assert PASSWORD not in said
        assert directory.password_file.read_text().strip() not in said
