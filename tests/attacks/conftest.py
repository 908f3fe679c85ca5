"""A real store that is attacked: two tenancies behind a wall, and every way to write to it."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.attacks.wire import Answer, Letter, Wire, presigned, signed, sized
from tests.serving import Key, Store, serve

from holdfast.assemble import open_catalog, open_home
from holdfast.auth.roles import Role
from holdfast.catalog.interface import Catalog
from holdfast.catalog.rows import BUCKETS, MANIFESTS, OBJECTS, PARTS, UPLOADS, USAGE

if TYPE_CHECKING:
    from types_boto3_s3.client import S3Client

NORTH = "north-o"
SOUTH = "south-o"
"""The other tenancy: what is in it is nobody's business in the north."""
SECRET = b"the plans of the south"
OPEN = "open"
"""A bucket of the north where anybody may read and write objects."""
OPEN_POLICY = {
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": ["s3:GetObject", "s3:PutObject"],
            "Resource": f"arn:aws:s3:::{OPEN}/*",
        }
    ]
}


@dataclass
class Besieged:
    """A store with a key on each side of the wall."""

    store: Store
    key: Key
    """Of a MANAGER in the north, who attacks."""
    other: Key
    """Of a MANAGER in the south."""
    catalog: Catalog
    upload_id: str
    """Of an upload in the south with one part, under data/uploaded."""
    part_etag: str

    @cached_property
    def client(self) -> S3Client:
        """The north's client on the bare address."""
        return self.store.client(self.key)

    @property
    def port(self) -> int:
        return int(self.store.facts["s3"][0].rpartition(":")[2])

    @property
    def tls_port(self) -> int:
        return int(self.store.facts["s3_tls"][0].rpartition(":")[2])

    @property
    def host(self) -> str:
        """The bare address."""
        return f"127.0.0.1:{self.port}"

    def host_of(self, tenancy: str) -> str:
        return self.store.host_of(tenancy)

    def connect(self) -> Wire:
        return Wire(self.port)

    def connect_securely(self, name: str | None = None) -> Wire:
        context = ssl.create_default_context(cafile=str(self.store.ca))
        return Wire(self.tls_port, tls=context, name=name or "127.0.0.1")

    def letter(
        self, method: str, path: str, query: str = "", body: bytes = b"", *, host: str | None = None, **headers: str
    ) -> Letter:
        """Return an unsigned request; a body has its length."""
        fields = [("host", host or self.host), *((name.replace("_", "-"), value) for name, value in headers.items())]
        letter = Letter(method, path, query, tuple(fields), body)
        return sized(letter) if body or method in ("PUT", "POST") else letter

    def send(self, letter: Letter) -> Answer:
        """Send a request on a connection of its own."""
        with self.connect() as wire:
            return wire.send(letter.head + letter.body).read(is_head=letter.method == "HEAD")

    def ask(
        self, method: str, path: str, query: str = "", body: bytes = b"", *, key: Key | None = None, **more: Any
    ) -> Answer:
        """Send a request signed in its headers with the north's key, or another."""
        return self.send(signed(self.letter(method, path, query, body, **more), key or self.key))

    def ask_presigned(self, method: str, path: str, query: str = "", body: bytes = b"", **more: Any) -> Answer:
        return self.send(presigned(self.letter(method, path, query, body, **more), self.key))

    def picture(self) -> dict[str, list[Any]]:
        """Return everything that can be seen of the store, row by row."""
        with self.catalog.read() as rows:
            return {
                table.name: list(rows.scan(table, (), count_max=100_000))  # type: ignore[attr-defined]
                for table in (BUCKETS, OBJECTS, MANIFESTS, UPLOADS, PARTS, USAGE)
            }

    def log_text(self) -> str:
        """Return everything that the store wrote about its clients so far."""
        files = [self.store.log, *sorted((self.store.home / "log").rglob("*"))]
        return "".join(path.read_text(errors="replace") for path in files if path.is_file())


def besiege(store: Store) -> Besieged:
    """Put something to steal into a store."""
    north = store.make_key(NORTH, "nora", Role.MANAGER)
    south = store.make_key(SOUTH, "sam", Role.MANAGER)
    client = store.client(south)
    for bucket in ("data", "plans"):
        client.create_bucket(Bucket=bucket)
        client.put_object(Bucket=bucket, Key="secret", Body=SECRET, Tagging="colour=red")
    upload_id = client.create_multipart_upload(Bucket="data", Key="uploaded")["UploadId"]
    part = client.upload_part(Bucket="data", Key="uploaded", UploadId=upload_id, PartNumber=1, Body=SECRET)
    client = store.client(north)
    client.create_bucket(Bucket="data")
    client.put_object(Bucket="data", Key="kept", Body=b"kept")
    client.create_bucket(Bucket=OPEN)
    client.put_bucket_policy(Bucket=OPEN, Policy=json.dumps(OPEN_POLICY))
    client.put_object(Bucket=OPEN, Key="page", Body=b"<html>", ContentType="text/html")
    catalog = open_catalog(open_home(store.settings(), create=False))
    return Besieged(store, north, south, catalog, upload_id, part["ETag"])


@pytest.fixture(scope="session")
def besieged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Besieged]:
    home: Path = tmp_path_factory.mktemp("besieged") / "home"
    with serve(home, workers=2) as store:
        found = besiege(store)
        yield found
        found.catalog.close()
        assert store.process.poll() is None, "the store did not survive its tests"
        # Whatever was sent was answered on purpose: no fault of our own, and no worker that had to be started again.
        complaints = [line for line in store.log.read_text().splitlines() if '"level": "info"' not in line]
        assert complaints == []


@pytest.fixture
def unchanged(besieged: Besieged) -> Iterator[None]:
    """Assert that a test changes nothing that anybody can see."""
    before = besieged.picture()
    yield
    assert besieged.picture() == before
