"""R3, upload from the browser: folders, a tab that is killed and what it left, names that are taken, checksums."""

from __future__ import annotations

import os
import re
import time
from math import ceil
from pathlib import Path

import pytest
from playwright.sync_api import Request, expect
from tests.browser.conftest import Visit
from tests.browser.place import Place
from tests.browser.registry import make_member
from tests.browser.visitor import Visitor

from holdfast.auth.roles import Role

MIB = 1 << 20
LARGE_BYTES = 40 * MIB
PART_BYTES = 16 * MIB
VERIFIED = "Verified: the store has the same checksum."
ALREADY_THERE = "Already there, the same bytes"
SLOW_BYTES_S = 6 * MIB
DONE_TIMEOUT_MS = 90_000


def make_folders(root: Path) -> dict[str, bytes]:
    """Make a folder with three in it, one of them with a large file; return key → bytes."""
    made = {f"season/run-{run}/step-{step}.nc": os.urandom(3_000 + step) for run in (1, 2) for step in range(3)}
    made["season/run-3/large.nc"] = os.urandom(LARGE_BYTES)
    made["season/run-3/naïve name & more.txt"] = "Grüße\n".encode()
    for name, content in made.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return made


def slow_down(visitor: Visitor) -> None:
    """Give the visitor a slow line."""
    line = visitor.context.new_cdp_session(visitor.page)
    line.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 5, "downloadThroughput": -1, "uploadThroughput": SLOW_BYTES_S},
    )


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_folders_go_up_and_a_killed_tab_loses_nothing(town: Place, visit: Visit, tmp_path: Path, by: str) -> None:
    tenancy, name = f"upload-{by}-o", f"ulla-{by}"
    town.clerk.run(make_member, tenancy, name)
    client = town.store.client(town.store.make_key(tenancy, name, role=None))
    client.create_bucket(Bucket="data")
    content = make_folders(tmp_path)

    ulla = visit(name, by=by).go("/").click(tenancy).click("Buckets").click("data").click("Upload")
    ulla.is_at("Upload to data").sees("Unfinished uploads", "None: every upload here was finished")
    address = ulla.page.url
    slow_down(ulla)
    ulla.upload("Choose a folder", tmp_path / "season")
    ulla.sees("All files", "large.nc")
    expect(ulla.page.get_by_role("progressbar")).to_have_count(len(content) + 1)
    kept = _wait_for_a_part(town, client)
    ulla.page.close()

    ulla.open_tab().go(address)
    with ulla.row("large.nc"):
        ulla.sees(name, f"in {kept} part")
    sent: list[int] = []
    ulla.page.on("request", lambda request: _note_part(sent, request))
    ulla.upload("Choose a folder", tmp_path / "season")
    done = ulla.page.get_by_text(VERIFIED).or_(ulla.page.get_by_text(ALREADY_THERE))
    expect(done).to_have_count(len(content), timeout=DONE_TIMEOUT_MS)
    ulla.sees("of it had arrived before. Verified")
    expect(ulla.page.locator("[aria-live]").first).to_contain_text("Finished")
    assert len(sent) == ceil(LARGE_BYTES / PART_BYTES) - kept
    ulla.click("Show the folder").sees("season/")
    _holds(client, content)
    assert "Uploads" not in client.list_multipart_uploads(Bucket="data")


def test_a_name_that_is_taken_is_asked_about(town: Place, visit: Visit, tmp_path: Path) -> None:
    town.clerk.run(make_member, "clash-o", "cleo")
    client = town.store.client(town.store.make_key("clash-o", "cleo", role=None))
    client.create_bucket(Bucket="data")
    for key in ("a.txt", "b.txt"):
        client.put_object(Bucket="data", Key=key, Body=b"before")
        (tmp_path / key).write_bytes(b"after")
    (tmp_path / "new.txt").write_bytes(b"new")
    files = [tmp_path / key for key in ("a.txt", "b.txt", "new.txt")]

    def answer(choice: str) -> Visitor:
        cleo = visit("cleo").go("/tenancies/clash-o/buckets/data/upload/").upload("Choose files", *files)
        cleo.sees("a.txt", "b.txt").page.get_by_role("radio", name=choice).check()
        return cleo.click("Go on")

    answer("Skip").sees(VERIFIED)
    _holds(client, {"a.txt": b"before", "b.txt": b"before", "new.txt": b"new"})
    (tmp_path / "new.txt").unlink()
    files.pop()
    expect(answer("Keep both").page.get_by_text(VERIFIED)).to_have_count(2)
    _holds(client, {"a.txt": b"before", "a (2).txt": b"after", "b.txt": b"before", "b (2).txt": b"after"})
    expect(answer("Replace").page.get_by_text(VERIFIED)).to_have_count(2)
    _holds(client, {"a.txt": b"after", "b.txt": b"after"})


def test_what_a_dead_upload_left_is_seen_and_thrown_away(town: Place, visit: Visit) -> None:
    town.clerk.run(make_member, "dead-o", "dana")
    town.clerk.run(make_member, "dead-o", "mina", Role.MANAGER)
    client = town.store.client(town.store.make_key("dead-o", "dana", role=None))
    client.create_bucket(Bucket="data")
    upload = client.create_multipart_upload(Bucket="data", Key="dead.nc")["UploadId"]
    client.upload_part(Bucket="data", Key="dead.nc", UploadId=upload, PartNumber=1, Body=bytes(6 * MIB))

    mina = visit("mina").go("/tenancies/dead-o/").sees("6 MiB").go("/tenancies/dead-o/buckets/data/upload/")
    with mina.row("dead.nc"):
        mina.sees("dana", "6 MiB in 1 part").click("Throw away")
    mina.click("Throw it away").sees("None: every upload here was finished or thrown away")
    assert "Uploads" not in client.list_multipart_uploads(Bucket="data")


def test_at_a_full_quota_the_page_says_so_and_whom_to_ask(town: Place, visit: Visit, tmp_path: Path) -> None:
    town.store.make_tenancy("brim-o", limit_bytes=MIB)
    town.clerk.run(make_member, "brim-o", "bess")
    client = town.store.client(town.store.make_key("brim-o", "bess", role=None))
    client.create_bucket(Bucket="data")
    client.put_object(Bucket="data", Key="all", Body=bytes(MIB))
    (tmp_path / "more.nc").write_bytes(b"x" * 10_000)
    bess = visit("bess").go("/tenancies/brim-o/buckets/data/upload/").upload("Choose files", tmp_path / "more.nc")
    bess.sees("There is no room left", "QuotaExceeded")
    assert re.search(r"request \w{8,}", bess.read())
    bess.forgive("40[39]|507|quota")


def _wait_for_a_part(town: Place, client: object) -> int:
    """Wait until a part of the large file arrived, and return how many did."""
    give_up_s = time.monotonic() + 60
    while time.monotonic() < give_up_s:
        for upload in client.list_multipart_uploads(Bucket="data").get("Uploads", ()):  # type: ignore[attr-defined]
            parts = client.list_parts(Bucket="data", Key=upload["Key"], UploadId=upload["UploadId"]).get("Parts", ())  # type: ignore[attr-defined]
            if parts:
                return len(parts)
        time.sleep(0.1)
    raise AssertionError("no part arrived in a minute")


def _note_part(sent: list[int], request: Request) -> None:
    if request.method == "PUT" and "partNumber=" in request.url:
        sent.append(int(request.url.partition("partNumber=")[2].partition("&")[0]))


def _holds(client: object, content: dict[str, bytes]) -> None:
    for key, expected in content.items():
        found = client.get_object(Bucket="data", Key=key)["Body"].read()  # type: ignore[attr-defined]
        assert found == expected, f"{key}: {len(found)} bytes, not {len(expected)}"
