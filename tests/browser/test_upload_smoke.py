"""Uploading in the browser, straight to the store: what arrives is what was sent, in parts, again, and under its name."""

from __future__ import annotations

import itertools
import os
import random
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Route, expect
from tests.browser.place import Place
from tests.browser.registry import Registry, make_member, session_of
from tests.browser.visitor import Visitor

from holdfast.auth.roles import Role

_numbers = itertools.count()
BIG_BYTES = 40 * 1024 * 1024 + 123  # three parts
Visit = Callable[..., Visitor]


def make_bucket(registry: Registry, tenancy: str, owner: str, name: str) -> None:
    from tests.portal import shelves

    shelves.make_bucket(registry, tenancy, registry.person(owner), name)


class Client:
    """What the store has, seen by a token of the same person."""

    def __init__(self, town: Place, tenancy: str, person: str) -> None:
        self._s3 = town.store.client(town.store.make_key(tenancy, person, role=None))

    def keys(self) -> list[str]:
        return [each["Key"] for each in self._s3.list_objects_v2(Bucket="data").get("Contents", [])]

    def read(self, key: str) -> bytes:
        return self._s3.get_object(Bucket="data", Key=key)["Body"].read()

    def unfinished(self) -> list[Any]:
        return self._s3.list_multipart_uploads(Bucket="data").get("Uploads", [])

    def put(self, key: str, data: bytes) -> None:
        self._s3.put_object(Bucket="data", Key=key, Body=data)


@pytest.fixture
def at_upload(town: Place, visit: Visit) -> tuple[Visitor, Client, str]:
    """A USER with a bucket, on its upload page, below run1/."""
    name = f"uploader{next(_numbers)}"
    tenancy = f"{name}-o"
    town.clerk.run(make_member, tenancy, name, Role.USER)
    town.clerk.run(make_bucket, tenancy, name, "data")
    visitor = visit()
    session = {"name": "__Host-session", "value": town.clerk.run(session_of, name), "secure": True}
    host = urlsplit(town.origin).hostname
    visitor.context.add_cookies([{**session, "domain": host, "path": "/", "httpOnly": True, "sameSite": "Lax"}])
    visitor.go(f"/tenancies/{tenancy}/buckets/data/upload/?prefix=run1/")
    return visitor.is_at("Upload to data/run1/"), Client(town, tenancy, name), tenancy


def write(folder: Path, name: str, size_bytes: int) -> bytes:
    data = random.Random(name).randbytes(size_bytes)
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return data


def test_files_and_folders_arrive_whole_and_verified(at_upload: Any, tmp_path: Path) -> None:
    visitor, client, _ = at_upload
    big = write(tmp_path, "big.nc", BIG_BYTES)
    small = write(tmp_path, "ü +&#?%2F.txt", 1000)
    write(tmp_path, "empty", 0)
    visitor.upload("Choose files", tmp_path / "big.nc", tmp_path / "ü +&#?%2F.txt", tmp_path / "empty")
    visitor.sees("3 of 3 files", "Verified: the store has the same checksum.")
    inner = write(tmp_path, "folder/in/a.nc", 10)
    visitor.upload("Choose a folder", tmp_path / "folder")
    visitor.sees("4 of 4 files")
    assert client.keys() == ["run1/big.nc", "run1/empty", "run1/folder/in/a.nc", "run1/ü +&#?%2F.txt"]
    assert client.read("run1/big.nc") == big
    assert client.read("run1/ü +&#?%2F.txt") == small
    assert client.read("run1/folder/in/a.nc") == inner
    assert not client.unfinished()


def test_a_taken_name_is_asked_about_and_the_same_bytes_are_not_sent_again(at_upload: Any, tmp_path: Path) -> None:
    visitor, client, _ = at_upload
    client.put("run1/a.tar.gz", b"theirs")
    mine = write(tmp_path, "a.tar.gz", 100)
    write(tmp_path, "b", 100)
    files = (tmp_path / "a.tar.gz", tmp_path / "b")
    visitor.upload("Choose files", *files).sees("One name is taken", "a.tar.gz")
    visitor.click("Go on").sees("Skipped", "1 of 1 files")
    assert client.read("run1/a.tar.gz") == b"theirs"
    visitor.page.reload()
    visitor.upload("Choose files", *files).sees("Already there, the same bytes", "One name is taken")
    visitor.choose("One name is taken", "Keep both").click("Go on").sees("2 of 2 files")
    assert client.read("run1/a (2).tar.gz") == mine
    assert client.read("run1/a.tar.gz") == b"theirs"
    visitor.page.reload()
    visitor.upload("Choose files", *files).choose("One name is taken", "Replace").click("Go on")
    visitor.sees("2 of 2 files")
    assert client.read("run1/a.tar.gz") == mine


def test_after_a_closed_tab_only_what_had_not_arrived_is_sent(at_upload: Any, tmp_path: Path) -> None:
    visitor, client, _ = at_upload
    big = write(tmp_path, "big.nc", BIG_BYTES)
    sent: list[str] = []

    def hold(route: Route) -> None:
        number = route.request.url.partition("partNumber=")[2].partition("&")[0]
        sent.append(number)
        if number == "2" and len(sent) < 4:
            return  # it never gets there
        route.continue_()

    visitor.context.route("**/*partNumber=*", hold)
    visitor.upload("Choose files", tmp_path / "big.nc")
    row = visitor.page.get_by_role("listitem").filter(has_text="big.nc")
    expect(row).to_contain_text(r"MB of 41.9 MB", timeout=20_000)
    give_up = 200
    while len(_parts(client)) < 2 and give_up:
        visitor.page.wait_for_timeout(100)
        give_up -= 1
    assert _parts(client) == [1, 3]
    visitor.page.close(run_before_unload=False)
    visitor.page = visitor.context.new_page()
    visitor.context.unroute("**/*partNumber=*")
    sent.clear()
    visitor.context.route("**/*partNumber=*", hold)
    sent.extend("xxxx")
    visitor._scope = visitor.page.locator("html")
    visitor.go(f"/tenancies/{at_upload[2]}/buckets/data/upload/?prefix=run1/").sees("Unfinished uploads", "in 2 parts")
    visitor.upload("Choose files", tmp_path / "big.nc").sees("1 of 1 files", "had arrived before", "Verified")
    assert [number for number in sent if number != "x"] == ["2"]
    assert client.read("run1/big.nc") == big
    assert not client.unfinished()


def _parts(client: Client) -> list[int]:
    uploads = client.unfinished()
    if not uploads:
        return []
    found = client._s3.list_parts(Bucket="data", Key=uploads[0]["Key"], UploadId=uploads[0]["UploadId"])
    return [part["PartNumber"] for part in found.get("Parts", [])]


def test_what_is_paused_or_given_up_before_the_store_has_answered_leaves_nothing_behind(
    at_upload: Any, tmp_path: Path
) -> None:
    visitor, client, _ = at_upload
    asked: list[Route] = []
    is_beginning = re.compile(r"[?&]uploads(=|&|$)")
    visitor.context.route(is_beginning, lambda route: asked.append(route) if is_post(route) else route.continue_())
    for name in ("big.nc", "other.nc"):
        write(tmp_path, name, BIG_BYTES)
        visitor.upload("Choose files", tmp_path / name).sees("Uploading")
        wait_for(visitor, lambda: len(asked) == 1)
        if name == "big.nc":
            visitor.click("Pause").sees("Paused")
            asked.pop().continue_()
            wait_for(visitor, client.unfinished)
            visitor.click("Resume").sees("1 of 1 files", "Verified")
        else:
            visitor.click("Cancel all").sees("1 cancelled")
            asked.pop().continue_()
    wait_for(visitor, lambda: not client.unfinished())


def is_post(route: Route) -> bool:
    return route.request.method == "POST"


def wait_for(visitor: Visitor, condition: Callable[[], object]) -> None:
    """Let the browser work until something holds."""
    for _ in range(100):
        if condition():
            return
        visitor.page.wait_for_timeout(100)
    raise AssertionError("it never came to that")


def test_an_upload_is_paused_resumed_and_cancelled(at_upload: Any, tmp_path: Path) -> None:
    visitor, client, _ = at_upload
    write(tmp_path, "big.nc", BIG_BYTES)
    visitor.context.route("**/*partNumber=2&*", lambda route: None)
    visitor.upload("Choose files", tmp_path / "big.nc").sees("Uploading").click("Pause").sees("Paused")
    visitor.context.unroute("**/*partNumber=2&*")
    visitor.click("Resume").sees("1 of 1 files", "Verified")
    write(tmp_path, "other.nc", BIG_BYTES)
    visitor.context.route("**/*partNumber=2&*", lambda route: None)
    visitor.upload("Choose files", tmp_path / "other.nc").sees("Uploading").click("Cancel all").sees("1 cancelled")
    wait_for(visitor, lambda: not client.unfinished())
    assert client.keys() == ["run1/big.nc"]


def test_a_full_quota_is_said_in_plain_words_with_the_code_and_the_request(
    at_upload: Any, town: Place, tmp_path: Path
) -> None:
    visitor, _, tenancy = at_upload
    town.clerk.run(set_quota, tenancy, 1000)
    write(tmp_path, "a", 2000)
    visitor.upload("Choose files", tmp_path / "a").sees("There is no room left", "S3 says QuotaExceeded", "request ")
    visitor.forgive("Failed to load resource")
    town.clerk.run(set_quota, tenancy, None)
    visitor.click("Try the failed ones again").sees("1 of 1 files")


def set_quota(registry: Registry, tenancy: str, limit_bytes: int | None) -> None:
    from holdfast.admin.quotas import set_tenancy_quota

    set_tenancy_quota(registry.office, tenancy, limit_bytes)


def test_the_page_s_crc32_is_the_one_of_zlib_and_joins_like_it(at_upload: Any) -> None:
    visitor, _, _ = at_upload
    data = [os.urandom(size) for size in (0, 1, 7, 8, 9, 1000, 65_537)]
    found = visitor.page.evaluate(
        """async (pieces) => {
          const upload = document.querySelector('script[src*="portal/upload.js"]').src;
          const crc32 = await import(upload.replace("upload.js", "upload-crc32.js"));
          const bytes = pieces.map((piece) => new Uint8Array(piece));
          const each = bytes.map((piece) => crc32.update(0, piece));
          const blobs = await Promise.all(bytes.map((piece) => crc32.ofBlob(new Blob([piece]))));
          const whole = each.reduce((sum, crc, i) => (i ? crc32.combine(sum, crc, bytes[i].length) : crc), 0);
          const huge = crc32.combine(each[6], each[5], 2 ** 42 + 1);
          return { each, blobs, whole, huge, text: crc32.base64(each[6]) };
        }""",
        [list(piece) for piece in data],
    )
    assert found["each"] == found["blobs"] == [zlib.crc32(piece) for piece in data]
    assert found["whole"] == zlib.crc32(b"".join(data))
    from base64 import b64encode

    from holdfast.s3.checksums import combine_full_object

    def spelt(crc: int) -> str:
        return b64encode(crc.to_bytes(4, "big")).decode()

    assert found["text"] == spelt(zlib.crc32(data[6]))
    joined = combine_full_object("CRC32", [(spelt(zlib.crc32(data[6])), 1), (spelt(zlib.crc32(data[5])), 2**42 + 1)])
    assert spelt(found["huge"]) == joined


def test_text_is_previewed_from_the_store_and_runs_nothing(at_upload: Any, tmp_path: Path) -> None:
    visitor, client, tenancy = at_upload
    client.put("run1/page.html", b"<h1>as text</h1><script>top.document.title = 'run'</script>")
    visitor.go(f"/tenancies/{tenancy}/buckets/data/object/?key=run1/page.html").is_at("page.html")
    frame = visitor.page.frame_locator("iframe[title='Preview of page.html']")
    expect(frame.locator("body")).to_contain_text("<h1>as text</h1><script>")
    assert visitor.page.title().startswith("page.html")


def test_a_link_is_downloaded_by_who_has_no_account(at_upload: Any, visit: Visit) -> None:
    visitor, client, tenancy = at_upload
    client.put("run1/tas.nc", b"bytes")
    visitor.go(f"/tenancies/{tenancy}/buckets/data/object/?key=run1/tas.nc")
    visitor.click("Share by a link").click("Make the link").sees("Copy it now")
    link = visitor.page.locator("#link").inner_text()
    stranger = visit()
    with stranger.page.expect_download() as waiting:
        stranger.page.evaluate("(link) => { location.href = link; }", link)
    assert waiting.value.suggested_filename == "tas.nc"
    assert Path(waiting.value.path()).read_bytes() == b"bytes"


def test_a_folder_is_deleted_while_the_page_shows_how_far_it_has_come(at_upload: Any) -> None:
    visitor, client, tenancy = at_upload
    for number in range(30):
        client.put(f"old/{number}", b"1")
    client.put("kept", b"1")
    visitor.go(f"/tenancies/{tenancy}/buckets/data/delete-prefix/?prefix=old/").sees("Delete 30 objects?")
    visitor.click("Delete them").is_at("Deletion of data/old/").sees("30 of 30 objects deleted", "Done")
    assert client.keys() == ["kept"]
