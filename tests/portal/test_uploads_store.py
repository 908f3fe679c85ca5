"""What the portal signs, sent to a running store: it works, for that request and person alone, while they may."""

from __future__ import annotations

import html
import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
import urllib3
from django.test import Client
from tests.serving import Store, serve

from holdfast import assemble
from holdfast.admin.members import add_member, remove_member
from holdfast.admin.tenancies import suspend_tenancy
from holdfast.auth.roles import Role
from holdfast.config import Address, Settings
from holdfast.portal.house import House, open_house, use_house

from .conftest import Town
from .shelves import keys_of, make_bucket
from .test_objects import page, value_of
from .test_uploads_signing import crc32, put

PART_BYTES = 5 * 1024 * 1024
_numbers = itertools.count()


class Answer(NamedTuple):
    """What the store said."""

    status: int
    headers: Any
    body: bytes


@dataclass
class Shop:
    """A tenancy of its own on the running store, with ann, a USER who has the bucket `data`."""

    town: Town
    store: Store
    tenancy: str
    ann: Any
    client: Client

    def sign(self, *requests: dict[str, Any], client: Client | None = None) -> list[dict[str, Any]]:
        """Have requests signed, as the page does."""
        answer = (client or self.client).post(
            f"/tenancies/{self.tenancy}/buckets/data/sign/",
            json.dumps({"requests": list(requests)}),
            content_type="application/json",
        )
        assert answer.status_code == 200, answer.content
        found: list[dict[str, Any]] = answer.json()["answers"]
        return found

    def send(self, signed: dict[str, Any], body: bytes = b"", **headers: str) -> Answer:
        """Send a signed request as a browser would, to a name that only browsers resolve to loopback."""
        parts = urlsplit(signed["url"])
        assert (parts.scheme, parts.hostname) == ("https", f"{self.tenancy}.s3-ext.localhost")
        assert parts.port is not None
        with urllib3.HTTPSConnectionPool(
            "127.0.0.1",
            parts.port,
            ca_certs=str(self.store.ca),
            server_hostname=parts.hostname,
            assert_hostname=parts.hostname,
        ) as pool:
            answer = pool.urlopen(
                signed["method"],
                f"{parts.path}?{parts.query}",
                body=body or None,
                headers={"Host": parts.netloc, **signed.get("headers", {}), **headers},
                retries=False,
            )
            return Answer(answer.status, answer.headers, answer.data)

    def get(self, url: str) -> Answer:
        return self.send({"method": "GET", "url": url})

    def put(self, key: str, data: bytes, **more: Any) -> None:
        [signed] = self.sign(put(key, data, **more))
        answer = self.send(signed, data)
        assert answer.status == 200, answer.body

    def keys(self) -> list[str]:
        return keys_of(self.town, self.tenancy, "data")

    def begin(self, key: str) -> str:
        """Begin an upload in parts and return its id."""
        [signed] = self.sign({"operation": "CreateMultipartUpload", "key": key})
        return self.send(signed).body.decode().partition("<UploadId>")[2].partition("<")[0]


@pytest.fixture(scope="module")
def running(django_home: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Store]]:
    """A running store over a home that this process acts on, too."""
    settings = Settings(home=tmp_path_factory.mktemp("store") / "home", portal=(Address("127.0.0.1", 8444),))
    home = assemble.open_home(settings, create=True)
    with serve(home.root) as store:
        opened = open_house(settings, home)
        yield opened, store
        opened.close()


@pytest.fixture
def shop(town: Town, running: tuple[House, Store]) -> Shop:
    """A new tenancy on the running store. `town` is for its empty tables; its house is left for the store's."""
    use_house(running[0])
    here = Town(running[0])
    number = next(_numbers)
    tenancy = f"shop{number}-o"
    ann = here.member(tenancy, f"ann{number}")
    make_bucket(here, tenancy, ann, "data")
    return Shop(here, running[1], tenancy, ann, here.client(ann))


def test_an_object_is_put_checked_and_read_back(shop: Shop) -> None:
    key, data = "run 1/ü+%2F&?.txt", b"twelve bytes"
    [signed] = shop.sign(put(key, data, content_type="text/csv"))
    assert "x-amz-checksum-crc32" not in signed["headers"]
    stored = shop.send(signed, data)
    assert stored.status == 200, stored.body
    assert stored.headers["x-amz-checksum-crc32"] == crc32(data)
    [head, get] = shop.sign({"operation": "HeadObject", "key": key}, {"operation": "GetObject", "key": key})
    assert shop.send(head).headers["Content-Type"] == "text/csv"
    read = shop.send(get)
    assert (read.status, read.body) == (200, data)
    assert read.headers["Content-Disposition"].startswith("attachment; ")
    assert shop.keys() == [key]


def test_the_store_refuses_bytes_that_are_not_those_signed_for(shop: Shop) -> None:
    [signed] = shop.sign(put("k", b"these"))
    refused = shop.send(signed, b"those")
    assert (refused.status, b"BadDigest" in refused.body) == (400, True)
    assert shop.keys() == []


def test_an_exclusive_put_has_one_winner_and_the_condition_can_t_be_left_out(shop: Shop) -> None:
    [first, second] = shop.sign(put("k", b"1", exclusive=True), put("k", b"2", exclusive=True))
    assert first["headers"]["if-none-match"] == "*"
    assert shop.send(first, b"1").status == 200
    refused = shop.send(second, b"2")
    assert (refused.status, b"PreconditionFailed" in refused.body) == (412, True)
    assert shop.send({**second, "headers": {}}, b"2").status == 403


def test_an_upload_in_parts_is_begun_resumed_and_completed(shop: Shop) -> None:
    key, parts = "big.nc", [b"a" * PART_BYTES, b"b" * 7]
    upload_id = shop.begin(key)
    part = {"operation": "UploadPart", "key": key, "upload_id": upload_id}
    [first] = shop.sign({**part, "part_number": 1, "crc32": crc32(parts[0])})
    sent = shop.send(first, parts[0])
    assert sent.status == 200, sent.body
    # The tab is closed and opened again.
    [uploads] = shop.sign({"operation": "ListMultipartUploads", "prefix": "big"})
    listed = shop.send(uploads).body.decode()
    assert f"<UploadId>{upload_id}</UploadId>" in listed
    assert f"<ID>{shop.ann.principal_id}</ID>" in listed
    [parts_so_far] = shop.sign({"operation": "ListParts", "key": key, "upload_id": upload_id})
    found = shop.send(parts_so_far).body.decode()
    assert f"<ChecksumCRC32>{crc32(parts[0])}</ChecksumCRC32>" in found
    [second] = shop.sign({**part, "part_number": 2, "crc32": crc32(parts[1])})
    last = shop.send(second, parts[1])
    document = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{etag}</ETag><ChecksumCRC32>{crc32(data)}</ChecksumCRC32></Part>"
        for number, etag, data in (
            (1, found.partition("<ETag>")[2].partition("<")[0], parts[0]),
            (2, last.headers["ETag"], parts[1]),
        )
    )
    body = f"<CompleteMultipartUpload>{document}</CompleteMultipartUpload>".encode()
    whole = b"".join(parts)
    complete = {
        "operation": "CompleteMultipartUpload",
        "key": key,
        "upload_id": upload_id,
        "crc32": crc32(whole),
        "size": len(whole),
        "exclusive": True,
    }
    [wrong, right] = shop.sign({**complete, "crc32": crc32(b"other")}, complete)
    assert b"BadDigest" in shop.send(wrong, body).body
    done = shop.send(right, body)
    assert done.status == 200, done.body
    assert f"<ChecksumCRC32>{crc32(whole)}</ChecksumCRC32>" in done.body.decode()


def test_an_upload_is_aborted_by_a_signed_request(shop: Shop) -> None:
    upload_id = shop.begin("k")
    [abort] = shop.sign({"operation": "AbortMultipartUpload", "key": "k", "upload_id": upload_id})
    assert shop.send(abort).status == 204
    [uploads] = shop.sign({"operation": "ListMultipartUploads"})
    assert b"<UploadId>" not in shop.send(uploads).body


def test_a_signed_request_serves_for_that_request_alone(shop: Shop) -> None:
    [signed] = shop.sign(put("k", b"1"))
    url = signed["url"]
    for forged in (
        {**signed, "url": url.replace("/data/k?", "/data/other?")},
        {**signed, "method": "DELETE"},
        {**signed, "url": url.replace("X-Amz-Expires=900", "X-Amz-Expires=90000")},
        {**signed, "url": f"{url}&uploads="},
        {**signed, "headers": {**signed["headers"], "x-amz-copy-source": "/data/secret"}},
    ):
        assert shop.send(forged, b"1").status == 403, forged
    assert shop.keys() == []


@pytest.mark.parametrize("end", ["log-out", "password", "membership", "suspension"])
def test_what_was_signed_dies_with_the_log_in_and_the_membership(shop: Shop, end: str) -> None:
    [signed] = shop.sign(put("k", b"1"))
    office = shop.town.house.office("test")
    if end == "log-out":
        assert shop.client.post("/account/logout/").status_code == 302
    elif end == "password":
        from allauth.account.signals import password_changed

        password_changed.send(sender=type(shop.ann), request=None, user=shop.ann)
    elif end == "membership":
        remove_member(office, shop.tenancy, shop.ann.name)
    else:
        suspend_tenancy(office, shop.tenancy, "why")
    assert shop.send(signed, b"1").status == 403
    assert shop.keys() == []


def test_a_role_that_was_taken_away_counts_when_the_url_is_used(shop: Shop) -> None:
    ben = shop.town.member(shop.tenancy, "ben", Role.DEPUTY)
    [signed] = shop.sign(put("k", b"1"), client=shop.town.client(ben))
    add_member(shop.town.house.office("test"), shop.tenancy, "ben", Role.USER)
    refused = shop.send(signed, b"1")
    assert (refused.status, b"AccessDenied" in refused.body) == (403, True)


# --- pages about objects


def test_a_download_saves_the_object_under_its_name(shop: Shop) -> None:
    shop.put("run1/a.txt", b"bytes")
    answer = shop.client.get(page("run1/a.txt", "download/", tenancy=shop.tenancy))
    got = shop.get(answer["Location"])
    assert (got.status, got.body) == (200, b"bytes")
    assert got.headers["Content-Disposition"] == "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt"


@pytest.mark.parametrize("key", ['x";evil="1.txt', "a\r\nX-Evil: 1", "dir/../é\u202e.txt"])
def test_no_key_adds_a_header_to_a_download(shop: Shop, key: str) -> None:
    shop.put(key, b"bytes")
    got = shop.get(shop.client.get(page(key, "download/", tenancy=shop.tenancy))["Location"])
    assert (got.status, got.body) == (200, b"bytes")
    assert "X-Evil" not in got.headers
    assert got.headers["Content-Disposition"].startswith('attachment; filename="')
    assert got.headers["Content-Disposition"].isascii()


def test_a_preview_of_html_is_plain_text_at_the_store(shop: Shop) -> None:
    shop.put("a.html", b"<script>alert(1)</script>", content_type="text/html")
    text = shop.client.get(page("a.html", tenancy=shop.tenancy)).content.decode()
    url = text.partition('<iframe src="')[2].partition('"')[0].replace("&amp;", "&")
    got = shop.get(url)
    assert got.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Cache-Control"] == "no-store"
    assert got.body == b"<script>alert(1)</script>"


def test_the_lines_that_fetch_an_object_run(shop: Shop, tmp_path: Path) -> None:
    shop.put("run 1/it's.txt", b"bytes")
    text = shop.client.get(page("run 1/it's.txt", tenancy=shop.tenancy)).content.decode()
    codes = [html.unescape(part.partition("</code>")[0]) for part in text.split("<code data-copy-source>")[1:]]
    [s3cmd] = [code for code in codes if code.startswith("s3cmd get")]
    [python] = [code for code in codes if code.startswith("import s3fs")]
    key = shop.store.make_key(shop.tenancy, shop.ann.name, role=None)
    host = shop.store.endpoint_url.partition("://")[2]
    config = tmp_path / ".s3cfg"
    config.write_text(
        f"[default]\naccess_key = {key.token}\nsecret_key = {key.secret}\nhost_base = {host}\nhost_bucket = {host}\n"
        "use_https = False\n"
    )
    subprocess.run(["sh", "-ec", s3cmd], cwd=tmp_path, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}, check=True)
    assert (tmp_path / "it's.txt").read_bytes() == b"bytes"
    environment = {
        "AWS_ACCESS_KEY_ID": key.token,
        "AWS_SECRET_ACCESS_KEY": key.secret,
        "AWS_ENDPOINT_URL": shop.store.endpoint_url,
        "PATH": "/usr/bin:/bin",
    }
    ran = subprocess.run(
        [sys.executable, "-c", python + "\nprint(data)"], env=environment, check=True, capture_output=True, text=True
    )
    assert ran.stdout == "b'bytes'\n"


# --- links


def make_link(shop: Shop, key: str, life_s: int = 3600) -> str:
    """Make a link on the page of an object, and return it."""
    url = page(key, "share/", tenancy=shop.tenancy)
    answer = shop.client.post(url, {"once": value_of(shop.client, url, "once"), "life": str(life_s)})
    text = answer.content.decode()
    assert 'id="link"' in text, text
    return text.partition('id="link"')[2].partition(">")[2].partition("<")[0].replace("&amp;", "&")


def test_a_link_downloads_until_it_is_revoked_and_outlives_the_log_in(shop: Shop) -> None:
    shop.put("run1/a.txt", b"bytes")
    link = make_link(shop, "run1/a.txt", 7 * 24 * 3600)
    query = parse_qs(urlsplit(link).query)
    assert query["X-Amz-Expires"] == [str(7 * 24 * 3600)]
    shop.client.post("/account/logout/")
    got = shop.get(link)
    assert (got.status, got.body) == (200, b"bytes")
    again = shop.town.client(shop.ann)
    listed = again.get(f"/tenancies/{shop.tenancy}/links/").content.decode()
    link_id = query["X-Amz-Credential"][0].partition("/")[0].removeprefix("LINK-")
    assert f"links/{link_id}/revoke/" in listed
    assert "X-Amz-Signature" not in listed
    assert again.post(f"/tenancies/{shop.tenancy}/links/{link_id}/revoke/").status_code == 302
    assert shop.get(link).status == 403


def test_a_link_ends_with_the_right_of_who_made_it(shop: Shop) -> None:
    shop.put("a.txt", b"bytes")
    ben = shop.town.member(shop.tenancy, "ben", Role.DEPUTY)
    theirs = Shop(shop.town, shop.store, shop.tenancy, ben, shop.town.client(ben))
    link = make_link(theirs, "a.txt")
    assert shop.get(link).status == 200
    add_member(shop.town.house.office("test"), shop.tenancy, "ben", Role.USER)
    assert shop.get(link).status == 403


def test_the_key_of_a_link_opens_nothing_else(shop: Shop) -> None:
    shop.put("a", b"1")
    shop.put("b", b"2")
    link = make_link(shop, "a")
    assert shop.get(link.replace("/data/a?", "/data/b?")).status == 403
    assert shop.send({"method": "PUT", "url": link}, b"3").status == 403
    assert shop.send({"method": "DELETE", "url": link}).status == 403
    assert shop.get(link).body == b"1"
