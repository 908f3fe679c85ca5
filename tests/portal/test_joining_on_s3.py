"""On the running whole: an approved member uses S3 within five seconds, and a revoked one is cut off within one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from tests.serving import Key, Store, serve

from holdfast.auth.roles import Role

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("joining-on-s3")]

TENANCY = "ice-o"
APPROVED_WITHIN_S = 5
REVOKED_WITHIN_S = 1

# Accounts are made in a process of its own: Django is configured once in a process, for another home in this one.
_SETTLE = """
import json, sys
from holdfast.assemble import open_home
from holdfast.config import Address, load_settings
from dataclasses import replace
from pathlib import Path
from holdfast.portal.house import open_house
from holdfast.portal.start import configure, migrate
home_path, origin, *names = sys.argv[1:]
settings = replace(load_settings(Path(home_path), {}, {}), portal=(Address("127.0.0.1", 8444),), portal_url=origin)
home = open_home(settings, create=False)
opened = open_house(settings, home)
configure(settings, home)
migrate(home)
from allauth.account.models import EmailAddress
from holdfast.portal.people.links import login_link
from holdfast.portal.people.models import Person
links = {}
for name in names:
    person = Person(name=name, email=f"{name}@example.org")
    person.set_unusable_password()
    person.save()
    EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
    links[name] = login_link(person)
print(json.dumps(links))
opened.close()
"""


class Browser:
    """A person at the running portal, who fills in forms."""

    def __init__(self, origin: str, ca: Path, link: str) -> None:
        self.origin = origin
        self.session = requests.Session()
        self.session.verify = str(ca)
        page = self.session.get(link)
        self._post(link, page.text, {})

    def get(self, path: str) -> str:
        answer = self.session.get(self.origin + path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def post(self, path: str, given: dict[str, Any], form_at: str = "") -> str:
        return self._post(self.origin + path, self.get(form_at or path), given)

    def _post(self, url: str, page: str, given: dict[str, Any]) -> str:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token is not None
        given = {"csrfmiddlewaretoken": token[1], **given}
        answer = self.session.post(url, given, headers={"Referer": url, "Origin": self.origin})
        assert answer.status_code == 200, answer.text
        return answer.text


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with serve(tmp_path_factory.mktemp("joining") / "home", portal=("127.0.0.1:0",), workers=2) as store:
        store.make_tenancy(TENANCY)
        yield store


@pytest.fixture(scope="module")
def people(store: Store) -> dict[str, Browser]:
    origin = store.facts["portal_url"]
    names = ("mary", "ann", "bob")
    done = subprocess.run(
        [sys.executable, "-c", _SETTLE, str(store.home), origin, *names],
        capture_output=True, text=True, check=False, env=os.environ,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    store.make_member(TENANCY, "mary", Role.MANAGER)
    links = json.loads(done.stdout.splitlines()[-1])
    return {name: Browser(origin, store.ca, links[name]) for name in names}


def join(people: dict[str, Browser], name: str) -> float:
    """Ask and be approved by mary; return when she had her answer."""
    people[name].post(f"/tenancies/{TENANCY}/join/", {"role": "USER", "answer_purpose": "Sea ice."})
    waiting = people["mary"].get(f"/tenancies/{TENANCY}/requests/")
    found = re.search(rf'/tenancies/{TENANCY}/requests/(\d+)/">{name}<', waiting)
    assert found is not None
    path = f"/tenancies/{TENANCY}/requests/{found[1]}/"
    page = people["mary"].post(path, {"decision": "approve", "role": "USER", "lasts": "1y"})
    assert "Approved" in page
    return time.monotonic()


def code_of(store: Store, key: Key) -> str:
    """Return S3's answer to a list of buckets: empty, or the code of the refusal."""
    try:
        store.client(key).list_buckets()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def test_an_approved_member_uses_s3_within_five_seconds(store: Store, people: dict[str, Browser]) -> None:
    approved_s = join(people, "ann")
    key = store.make_key(TENANCY, "ann", None)
    client = store.client(key)
    client.create_bucket(Bucket="ann-data")
    client.put_object(Bucket="ann-data", Key="first", Body=b"ice")
    assert client.get_object(Bucket="ann-data", Key="first")["Body"].read() == b"ice"
    assert time.monotonic() - approved_s < APPROVED_WITHIN_S


def test_a_revoked_member_is_cut_off_within_one_second_presigned_links_too(
    store: Store, people: dict[str, Browser]
) -> None:
    join(people, "bob")
    key = store.make_key(TENANCY, "bob", None)
    client = store.client(key, signature_version="s3v4")  # boto3 presigns by the older one that S3 refuses by now
    client.create_bucket(Bucket="bob-data")
    client.put_object(Bucket="bob-data", Key="first", Body=b"ice")
    link = client.generate_presigned_url("get_object", Params={"Bucket": "bob-data", "Key": "first"}, ExpiresIn=600)
    for _ in range(8):
        # Both workers remember the key by now.
        assert code_of(store, key) == ""
        assert requests.get(link).content == b"ice"
    page = people["mary"].post(f"/tenancies/{TENANCY}/members/person/bob/revoke/", {"reason": "The project has ended."})
    revoked_s = time.monotonic()
    assert "bob is no longer a member" in page
    while time.monotonic() - revoked_s < REVOKED_WITHIN_S and code_of(store, key) == "":
        pass
    assert time.monotonic() - revoked_s < REVOKED_WITHIN_S
    for _ in range(8):
        assert code_of(store, key) == "InvalidAccessKeyId"
        assert requests.get(link).status_code == 403
    # The data stays with the tenancy.
    manager = store.client(store.make_key(TENANCY, "mary", None))
    assert manager.get_object(Bucket="bob-data", Key="first")["Body"].read() == b"ice"
