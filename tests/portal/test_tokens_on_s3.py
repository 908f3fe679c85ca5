"""Tokens of the portal on a running store: a pair works at once, never reaches too far, and is refused at once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.serving import Key, Store, serve

from holdfast.auth.roles import Role

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("tokens-on-s3")]
TENANCY = "my-os-tenancy-o"

# The pages themselves, in a process of their own beside the running server, since Django is configured once in each.
_PAGES = """
import json, sys
from pathlib import Path
from holdfast.assemble import Home
from holdfast.config import load_settings
from holdfast.portal.house import open_house
from holdfast.portal.start import configure, migrate

settings = load_settings(Path(sys.argv[1]), {"portal": [sys.argv[2]], "portal_url": "https://localhost:8444"}, {})
home = Home(settings.home)
opened = open_house(settings, home)
configure(settings, home)
migrate(home)  # The portal of the store may be at it still: this waits for it.
from holdfast.portal.people.models import Person
from tests.portal.conftest import Town
from tests.portal.test_tokens import fields, shown

town = Town(opened)
clients = {}
for line in sys.stdin:
    name, path, more = json.loads(line)
    person = Person.objects.filter(name=name).first() or Person(name=name, email=name + "@example.org")
    with opened.catalog.read() as rows:
        from holdfast.admin.lookups import get_user
        person.principal_id = get_user(rows, name).user_id
    person.save()
    if name not in clients:
        clients[name] = town.client(person)
    client = clients[name]
    form = fields(client, path, **more) if path.endswith("/add/") else more
    answer = client.post(path, form)
    made = path.endswith("/add/") and answer.status_code == 200
    words = [shown(answer, "new-token-id") if "new-token-id" in answer.content.decode() else "", shown(answer, "new-token-secret")] if made else []
    print("ANSWER", json.dumps([answer.status_code, words]), flush=True)
"""


class Pages:
    """The portal's pages about tokens of one running store."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def post(self, name: str, path: str, **more: Any) -> tuple[int, list[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([name, f"/tenancies/{TENANCY}/tokens/{path}", more]) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("ANSWER "):
                status, words = json.loads(line.removeprefix("ANSWER "))
                return status, words
        raise AssertionError("the process of the pages is gone")

    def make(self, name: str, **more: Any) -> Key:
        status, words = self.post(name, "add/", **more)
        assert status == 200
        return Key(words[0], words[1], TENANCY, name)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with serve(tmp_path_factory.mktemp("tokens") / "home", portal=["127.0.0.1:0"], workers=2) as running:
        for name, role in (("ann", Role.USER), ("mary", Role.MANAGER)):
            running.make_member(TENANCY, name, role)
        yield running


@pytest.fixture(scope="module")
def pages(store: Store) -> Iterator[Pages]:
    words = [sys.executable, "-c", _PAGES, str(store.home), store.facts["portal"][0]]
    root = Path(__file__).parents[2]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        yield Pages(process)
        assert process.stdin is not None
        process.stdin.close()


def code(call: Any) -> str:
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "OK"


def test_a_revoked_token_is_refused_by_every_worker_within_a_second(store: Store, pages: Pages) -> None:
    key = pages.make("ann")
    clients = [store.client(key) for _ in range(8)]  # A connection each, so that both workers are asked.
    assert {code(client.list_buckets) for client in clients} == {"OK"}
    status, _ = pages.post("ann", f"{key.token}/revoke/")
    revoked_s = time.monotonic()
    assert status == 302
    while "OK" in {code(client.list_buckets) for client in clients}:
        assert time.monotonic() - revoked_s < 1, "refused within one second"
    assert {code(client.list_buckets) for client in clients} == {"InvalidAccessKeyId"}


def test_revoking_all_of_mine_refuses_them_and_nobody_elses(store: Store, pages: Pages) -> None:
    mine = [store.client(pages.make("ann")) for _ in range(2)]
    others = store.client(pages.make("mary"))
    assert pages.post("ann", "revoke-mine/")[0] == 302
    assert [code(client.list_buckets) for client in mine] == ["InvalidAccessKeyId"] * 2
    assert code(others.list_buckets) == "OK"


def test_a_narrowed_pair_reaches_no_more_than_was_ticked(store: Store, pages: Pages) -> None:
    wide = store.client(pages.make("ann"))
    for bucket in ("narrow-a", "narrow-b"):
        wide.create_bucket(Bucket=bucket)
        for key in ("in/x", "out/x"):
            wide.put_object(Bucket=bucket, Key=key, Body=b"1")
    narrow = store.client(pages.make("ann", read_only="on", buckets=["narrow-a"], prefixes="in/"))
    assert [bucket["Name"] for bucket in narrow.list_buckets()["Buckets"]] == ["narrow-a"]
    assert code(lambda: narrow.get_object(Bucket="narrow-a", Key="in/x")) == "OK"
    for refused in (
        lambda: narrow.get_object(Bucket="narrow-a", Key="out/x"),
        lambda: narrow.get_object(Bucket="narrow-b", Key="in/x"),
        lambda: narrow.put_object(Bucket="narrow-a", Key="in/y", Body=b"1"),
        lambda: narrow.delete_object(Bucket="narrow-a", Key="in/x"),
        lambda: narrow.list_objects_v2(Bucket="narrow-a"),
        lambda: narrow.create_bucket(Bucket="narrow-c"),
    ):
        assert code(refused) == "AccessDenied"


def test_a_token_is_never_wider_than_the_role_that_its_maker_has_at_the_moment(store: Store, pages: Pages) -> None:
    store.make_member(TENANCY, "dora", Role.DEPUTY)
    dora = store.client(pages.make("dora"))
    ann = store.client(pages.make("ann"))
    ann.create_bucket(Bucket="anns")
    assert code(lambda: dora.put_object(Bucket="anns", Key="x", Body=b"1")) == "OK"
    store.make_member(TENANCY, "dora", Role.USER)
    assert code(lambda: dora.put_object(Bucket="anns", Key="x", Body=b"1")) == "AccessDenied"
    assert [bucket["Name"] for bucket in dora.list_buckets()["Buckets"]] == []


def test_a_token_of_the_api_signs_nothing_on_s3(store: Store, pages: Pages) -> None:
    status, (_, secret) = pages.post("ann", "add/", s3=None)
    assert status == 200
    assert secret.startswith("hft_")
    for token in (secret, secret.removeprefix("hft_")[:20], "ann"):
        client = store.client(Key(token, secret, TENANCY, "ann"))
        assert code(client.list_buckets) == "InvalidAccessKeyId"
