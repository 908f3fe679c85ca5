"""The page that uploads: who sees it, names that are taken, and uploads that were left unfinished."""

from __future__ import annotations

import html
import json
import re
from typing import Any
from urllib.parse import quote

import pytest

from holdfast.admin.tenancies import close_tenancy, suspend_tenancy
from holdfast.auth.roles import Role
from holdfast.catalog.rows import PARTS, UPLOADS, PartRow, UploadRow

from .shelves import audit_of, bucket_row, guest, make_bucket
from .test_objects import HOSTILE, put

UPLOAD = "/tenancies/a-o/buckets/data/upload/"


@pytest.fixture
def ann(town: Any) -> Any:
    """A USER with a bucket of her own."""
    person = town.member("a-o", "ann")
    make_bucket(town, "a-o", person, "data")
    return person


def begin(town: Any, person: Any, key: str, upload_id: str, *sizes: int, bucket: str = "data") -> None:
    """Begin an upload in parts of these sizes."""
    row = bucket_row(town, "a-o", bucket)
    upload = UploadRow(
        row.bucket_id, key, upload_id, person.principal_id, town.house.now_us(), "text/plain", "", "", "STANDARD",
        "CRC32", "FULL_OBJECT", upload_id, town.house.now_us() + 10**12,
    )  # fmt: skip

    def commit(rows: Any) -> None:
        from holdfast.catalog.rows import TENANCIES
        from holdfast.store import quotas

        rows.add(UPLOADS, upload)
        for number, size_bytes in enumerate(sizes, 1):
            rows.add(PARTS, PartRow(upload_id, number, size_bytes, "0" * 32, "", 1, ""))
        tenancy = rows.find(TENANCIES, (row.tenancy_id,))
        quotas.apply(rows, tenancy, row, quotas.Delta(upload_bytes=sum(sizes), upload_parts=len(sizes)))

    assert town.house.catalog.commit([commit])[0].error is None


def uploads_of(town: Any, bucket: str = "data") -> list[str]:
    with town.house.catalog.read() as rows:
        return [row.upload_id for row in rows.scan(UPLOADS, (bucket_row(town, "a-o", bucket).bucket_id,))]


def facts(client: Any, url: str = UPLOAD) -> dict[str, Any]:
    """Return what the page tells its script."""
    text = client.get(url).content.decode()
    found: dict[str, Any] = json.loads(re.search(r'id="upload-facts"[^>]*>(.*?)</script>', text)[1])  # type: ignore[index]
    return found


def test_the_page_tells_its_script_where_to_go_and_how_large_parts_are(town: Any, ann: Any) -> None:
    told = facts(town.client(ann), f"{UPLOAD}?prefix=run1/")
    assert told["endpoint"] == town.house.endpoints("a-o").outside
    assert told["endpoint"].startswith("https://")
    assert (told["prefix"], told["person"]) == ("run1/", ann.principal_id)
    assert told["part_bytes"] == told["whole_bytes_max"] == 16 * 1024 * 1024
    assert told["part_bytes"] * told["parts_max"] * 1024 > told["object_bytes_max"]
    assert told["sign"] == "/tenancies/a-o/buckets/data/sign/"


def test_without_scripts_the_page_prints_the_line_that_uploads(town: Any, ann: Any) -> None:
    text = html.unescape(town.client(ann).get(f"{UPLOAD}?prefix=it's/").content.decode())
    assert "needs JavaScript" in text
    assert """s3cmd put --recursive FOLDER 's3://data/it'"'"'s/'""" in text
    assert "hidden" in text.partition('id="uploader"')[2].partition(">")[0]


def test_only_who_may_write_there_sees_the_page(town: Any, ann: Any) -> None:
    statuses = {
        "ann": town.client(ann),
        "ben": town.client(town.member("a-o", "ben")),
        "dora": town.client(town.member("a-o", "dora", Role.DEPUTY)),
        "reader": town.client(guest(town, "a-o", "reader", data="read")),
        "writer": town.client(guest(town, "a-o", "writer", data="write")),
        "operator": town.client(town.operator()),
    }
    found = {name: client.get(UPLOAD).status_code for name, client in statuses.items()}
    assert found == {"ann": 200, "ben": 403, "dora": 200, "reader": 403, "writer": 200, "operator": 403}


def test_a_drop_box_is_uploaded_into_by_who_may_list_nothing_in_it(town: Any, ann: Any) -> None:
    policy = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"user": ["ben"]},
                    "Action": ["s3:PutObject"],
                    "Resource": ["arn:aws:s3:::box/in/*"],
                }
            ],
        }
    )
    ben = town.member("a-o", "ben")
    make_bucket(town, "a-o", ann, "box", policy=policy)
    begin(town, ann, "in/secret.nc", "u1", 10, bucket="box")
    put(town, "in/taken", bucket="box")
    client = town.client(ben)
    assert client.get("/tenancies/a-o/buckets/box/upload/").status_code == 403
    answer = client.get("/tenancies/a-o/buckets/box/upload/?prefix=in/")
    assert answer.status_code == 200
    assert "secret.nc" not in answer.content.decode()
    assert "Unfinished uploads" not in answer.content.decode()
    # Whether a name is taken is not theirs to know.
    checked = client.post(
        "/tenancies/a-o/buckets/box/upload/check/", json.dumps({"keys": ["in/taken", "in/free"]}), "application/json"
    )
    assert checked.json() == {"taken": {}}


@pytest.mark.parametrize("state", [suspend_tenancy, close_tenancy])
def test_a_tenancy_that_takes_no_writes_says_so(town: Any, ann: Any, state: Any) -> None:
    state(town.house.office("test"), "a-o", "moving house")
    answer = town.client(ann).get(UPLOAD)
    assert answer.status_code == 403
    assert "TenancySuspended" in answer.content.decode()


@pytest.mark.parametrize("prefix", ["x" * 1024, "a\0"])
def test_a_prefix_that_leaves_no_room_for_a_name_is_refused(town: Any, ann: Any, prefix: str) -> None:
    assert town.client(ann).get(f"{UPLOAD}?prefix={quote(prefix)}").status_code == 400


def test_hostile_prefixes_and_keys_are_shown_as_text(town: Any, ann: Any) -> None:
    begin(town, ann, f"{HOSTILE}/</script><b>", "u1", 10)
    client = town.client(ann)
    for url in (f"{UPLOAD}?prefix={quote(HOSTILE)}", UPLOAD):
        text = client.get(url).content.decode()
        assert HOSTILE not in text
        assert "</script><b>" not in text
    assert facts(client, f"{UPLOAD}?prefix={quote(HOSTILE)}")["prefix"] == HOSTILE


# --- names that are taken


def check(client: Any, *keys: Any) -> Any:
    return client.post(f"{UPLOAD}check/", json.dumps({"keys": list(keys)}), content_type="application/json")


def test_taken_names_are_told_with_what_a_browser_can_compare(town: Any, ann: Any) -> None:
    put(town, "a", size_bytes=7, checksum="CRC32:FULL_OBJECT:AAAAAA==")
    put(town, "b", size_bytes=8, checksum="CRC64NVME:FULL_OBJECT:AAAAAAAAAAA=")
    put(town, "c", size_bytes=9, checksum="CRC32:COMPOSITE:AAAAAA==-2")
    put(town, "d/../e")
    assert check(town.client(ann), "a", "b", "c", "d", "d/../e").json()["taken"] == {
        "a": {"size": 7, "crc32": "AAAAAA=="},
        "b": {"size": 8, "crc32": ""},
        "c": {"size": 9, "crc32": ""},
        "d/../e": {"size": 5, "crc32": ""},
    }


def test_names_are_checked_by_who_may_write_and_not_in_another_s_bucket(town: Any, ann: Any) -> None:
    put(town, "a")
    ben = town.client(town.member("a-o", "ben"))
    assert check(ben, "a").json() == {"taken": {}}
    bob = town.client(town.member("b-o", "bob", Role.MANAGER))
    assert b"taken" not in check(bob, "a").content
    assert check(town.client(), "a").status_code == 302
    assert town.client(ann).get(f"{UPLOAD}check/").status_code == 405


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b'{"keys": []}', b'{"keys": [1]}', b'{"keys": [""]}', json.dumps({"keys": ["k"] * 501}).encode(),
        b"[" * 100_000, b" " * ((1 << 20) + 1),
    ],
)  # fmt: skip
def test_a_question_of_another_shape_is_refused(town: Any, ann: Any, body: bytes) -> None:
    answer = town.client(ann).post(f"{UPLOAD}check/", body, content_type="application/json")
    assert answer.status_code == (413 if len(body) > 1 << 20 else 400)
    assert answer.json()["error"]["request_id"] == answer["X-Request-Id"]


# --- what was left unfinished


def test_unfinished_uploads_are_listed_with_whose_they_are_and_what_they_hold(town: Any, ann: Any) -> None:
    dora = town.member("a-o", "dora", Role.DEPUTY)
    begin(town, ann, "run1/a.nc", "u1", 6_000_000, 4_000_000)
    begin(town, dora, "run2/b.nc", "u2")
    client = town.client(ann)
    text = client.get(UPLOAD).content.decode()
    for fact in ("run1/a.nc", "10 MB in 2 parts", ">ann<", "run2/b.nc", "0 B in 0 parts", ">dora<"):
        assert fact in text
    below = client.get(f"{UPLOAD}?prefix=run1/").content.decode()
    assert "a.nc" in below
    assert "b.nc" not in below


def test_unfinished_uploads_are_paged_and_each_is_shown_once(
    town: Any, ann: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from holdfast.portal.data import uploads_unfinished

    monkeypatch.setattr(uploads_unfinished, "PAGE_MAX", 3)
    wanted = [f"k{number}" for number in range(4)] + ["same"] * 3
    for number, key in enumerate(wanted):
        begin(town, ann, key, f"{number:032}")
    client, seen, url = town.client(ann), [], UPLOAD
    for _ in range(9):
        text = client.get(url).content.decode()
        seen += re.findall(r'<th scope="row"[^>]*>([^<]+)</th>', text)
        following = re.search(r'<a class="[^"]*" rel="next" href="([^"]+)"', text)
        if following is None:
            break
        url = html.unescape(following[1])
        assert url.startswith(UPLOAD)
    assert seen == wanted


def test_what_many_parts_hold_is_added_up_only_so_far(town: Any, ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from holdfast.portal.data import uploads_unfinished

    monkeypatch.setattr(uploads_unfinished, "PARTS_MAX", 3)
    begin(town, ann, "a", "u1", 1000, 1000)
    begin(town, ann, "b", "u2", 1000, 1000)
    text = town.client(ann).get(UPLOAD).content.decode()
    assert text.count("more than") == 1
    assert re.search(r"more than\s+1 KB in 1 part", text)


def test_an_upload_is_thrown_away_after_a_question(town: Any, ann: Any) -> None:
    begin(town, ann, "run1/a.nc", "u1", 10)
    client = town.client(ann)
    listed = client.get(UPLOAD).content.decode()
    [url] = map(html.unescape, re.findall(r'href="([^"]*upload/abort/[^"]*)"', listed))
    assert "has to begin again" in client.get(url).content.decode()
    assert uploads_of(town) == ["u1"]
    assert client.post(url).status_code == 302
    assert uploads_of(town) == []
    [row] = audit_of(town, "upload.abort")
    assert (row.actor, row.subject) == (ann.principal_id, "a-o/data/run1/a.nc")
    assert client.post(url).status_code == 404


def test_others_uploads_are_thrown_away_by_who_answers_for_the_bucket(town: Any, ann: Any) -> None:
    mary, ben = town.member("a-o", "mary", Role.MANAGER), town.member("a-o", "ben")
    begin(town, ann, "a.nc", "u1", 10)
    url = f"{UPLOAD}abort/?key=a.nc&upload_id=u1"
    assert town.client(ben).post(url).status_code == 403
    bob = town.client(town.member("b-o", "bob", Role.MANAGER))
    assert bob.post(url.replace("a-o", "b-o")).status_code == 404
    assert uploads_of(town) == ["u1"]
    assert town.client(mary).post(url).status_code == 302
    assert uploads_of(town) == []


def test_the_page_costs_as_many_queries_for_one_upload_as_for_fifty(town: Any, ann: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = town.client(ann)
    counts = []
    for number in range(50):
        person = ann if number % 2 else town.member("a-o", f"person{number % 8}")
        begin(town, person, f"k{number}", f"{number:032}", 10)
        if number in (0, 49):
            with CaptureQueriesContext(connection) as captured:
                assert client.get(UPLOAD).status_code == 200
            counts.append(len(captured))
    assert counts[0] == counts[1]
