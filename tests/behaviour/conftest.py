"""A real store, raw requests to it, and clients of it: what S3's clients rely on is judged on the wire."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.attacks.wire import Answer, Letter, Wire, signed, sized
from tests.serving import Key, Store, serve

TENANCY = "my-os-tenancy-o"


@dataclass
class Spoken:
    """A store that is spoken to in bytes, two USERs of a tenancy that lets them publish, and a bucket for each test."""

    store: Store
    key: Key
    other_key: Key
    # Clients by botocore's defaults, over http and https. Any: tests pass options on, which no stub can follow.
    s3: Any
    secure_s3: Any
    bucket: str = ""

    @property
    def port(self) -> int:
        return int(self.store.facts["s3"][0].rpartition(":")[2])

    @property
    def path(self) -> str:
        return f"/{self.bucket}"

    def connect(self) -> Wire:
        return Wire(self.port)

    def letter(self, method: str, path: str, query: str = "", body: bytes = b"", **headers: str) -> Letter:
        """Return an unsigned request to the bare address, or to a `host`; a body has its length."""
        fields = {"host": f"127.0.0.1:{self.port}", **{name.replace("_", "-"): headers[name] for name in headers}}
        letter = Letter(method, path, query, tuple(fields.items()), body)
        return sized(letter) if body or method in ("PUT", "POST") else letter

    def send(self, letter: Letter) -> Answer:
        """Send a request as it is, on a connection of its own."""
        with self.connect() as wire:
            return wire.send(letter.head + letter.body).read(is_head=letter.method == "HEAD")

    def ask(self, method: str, path: str, query: str = "", body: bytes = b"", **headers: str) -> Answer:
        """Send a request that the first user signed."""
        return self.send(signed(self.letter(method, path, query, body, **headers), self.key))

    def put(self, key: str, body: bytes = b"body", **headers: str) -> Answer:
        answer = self.ask("PUT", f"{self.path}/{key}", "", body, **headers)
        assert answer.status == 200, answer
        return answer


@pytest.fixture(scope="session")
def spoken_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spoken]:
    """One store for all these tests."""
    with serve(tmp_path_factory.mktemp("store") / "home", "--default-tenancy", TENANCY) as store:
        store.make_tenancy(TENANCY, users_may_publish=True)
        key, other = store.make_key(TENANCY, "alice"), store.make_key(TENANCY, "bob")
        yield Spoken(store, key, other, store.client(key), store.client(key, secure=True))


@pytest.fixture
def spoken(spoken_store: Spoken, request: pytest.FixtureRequest) -> Spoken:
    """The store, with a bucket of this test's own."""
    found = replace(spoken_store, bucket=f"b{zlib.crc32(request.node.nodeid.encode()):x}")
    found.s3.create_bucket(Bucket=found.bucket)
    return found
