"""Signing for browsers: what is signed works at a real store, and nothing else is signed."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.auth.roles import Role
from holdfast.catalog.rows import ACCESS_KEYS

from .shelves import audit_of, guest, make_bucket

PART_BYTES = 5 * 1024 * 1024


def crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


def ask(client: Any, *requests: dict[str, Any], bucket: str = "data", tenancy: str = "a-o") -> Any:
    """Ask the portal to sign, as its page does."""
    return client.post(
        f"/tenancies/{tenancy}/buckets/{bucket}/sign/",
        json.dumps({"requests": list(requests)}),
        content_type="application/json",
    )


def answers(client: Any, *requests: dict[str, Any]) -> list[dict[str, Any]]:
    answer = ask(client, *requests)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["answers"]
    return found


def put(key: str, data: bytes = b"", **more: Any) -> dict[str, Any]:
    return {"operation": "PutObject", "key": key, "crc32": crc32(data), **more}


@pytest.fixture
def ann(town: Any) -> Any:
    """A USER with a bucket of her own."""
    person = town.member("a-o", "ann")
    make_bucket(town, "a-o", person, "data")
    return person


def error_of(answer: Any) -> str:
    assert "url" not in answer.content.decode()
    code: str = answer.json()["error"]["code"]
    return code


def test_a_stranger_gets_no_signature_and_learns_nothing(town: Any, ann: Any) -> None:
    bob = town.client(town.member("b-o", "bob", Role.MANAGER))
    said = []
    for tenancy, bucket in (("a-o", "data"), ("a-o", "absent"), ("nowhere-o", "data")):
        answer = ask(bob, put("k"), tenancy=tenancy, bucket=bucket)
        assert b"X-Amz" not in answer.content
        text = answer.content.decode().replace(tenancy, "TENANCY")
        said.append(re.sub(r'csrfmiddlewaretoken" value="\w+"|<p class="site-request">.*', "", text))
    assert said[0] == said[1] == said[2]
    absent = ask(bob, put("k"), tenancy="b-o").json()["answers"]
    assert [each["error"]["code"] for each in absent] == ["NoSuchBucket"]


def test_nobody_signs_without_a_log_in_or_the_page_s_token(town: Any, ann: Any) -> None:
    assert ask(town.client(), put("k")).status_code == 302
    assert ask(town.client(ann, enforce_csrf_checks=True), put("k")).status_code == 403
    assert town.client(ann).get("/tenancies/a-o/buckets/data/sign/").status_code == 405
    assert ask(town.client(town.operator()), put("k")).status_code == 403


@pytest.mark.parametrize(
    ("role", "operation", "allowed"),
    [
        (Role.USER, "PutObject", False),
        (Role.USER, "GetObject", False),
        (Role.DEPUTY, "PutObject", True),
        (Role.MANAGER, "GetObject", True),
    ],
)
def test_who_may_not_gets_no_signature_by_the_table_of_roles(
    town: Any, ann: Any, role: Role, operation: str, allowed: bool
) -> None:
    ben = town.client(town.member("a-o", "ben", role))
    wish = put("k") if operation == "PutObject" else {"operation": operation, "key": "k"}
    [answer] = answers(ben, wish)
    assert ("url" in answer) is allowed
    if not allowed:
        assert answer["error"]["code"] == "AccessDenied"


def test_a_guest_is_signed_for_what_is_named(town: Any, ann: Any) -> None:
    make_bucket(town, "a-o", ann, "other")
    reader = town.client(guest(town, "a-o", "gus", data="read"))
    writer = town.client(guest(town, "a-o", "wes", data="write"))
    read = {"operation": "GetObject", "key": "k"}
    assert ["url" in each for each in answers(reader, read, put("k"))] == [True, False]
    assert ["url" in each for each in answers(writer, read, put("k"))] == [True, True]
    other = ask(writer, put("k"), bucket="other").json()["answers"]
    assert other[0]["error"]["code"] == "AccessDenied"


def test_a_policy_for_a_prefix_signs_below_it_and_not_beside_it(town: Any, ann: Any) -> None:
    policy = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"user": ["ben"]},
                    "Action": ["s3:PutObject"],
                    "Resource": ["arn:aws:s3:::shared/in/*"],
                }
            ],
        }
    )
    ben = town.member("a-o", "ben")
    make_bucket(town, "a-o", ann, "shared", policy=policy)
    keys = ["in/k", "in", "inside/k", "k", "in/../k", "/in/k", "IN/k"]
    found = ask(town.client(ben), *map(put, keys), bucket="shared").json()["answers"]
    # Keys are text: what lies below a prefix begins with it, whatever dots follow.
    assert ["url" in each for each in found] == [True, False, False, False, True, False, False]
    assert urlsplit(found[4]["url"]).path == "/shared/in%2F..%2Fk"


@pytest.mark.parametrize(
    "wish",
    [
        {"operation": "DeleteObject", "key": "k"},
        {"operation": "PutBucketPolicy"},
        {"operation": "CopyObject", "key": "k", "crc32": crc32(b"")},
        {"operation": "", "key": "k"},
        {"operation": ["PutObject"], "key": "k"},
        {"key": "k"},
        put("k", bucket="other"),
        put("k", tenancy="b-o"),
        put("k", acl="public-read"),
        put("k", headers={"x-amz-acl": "public-read"}),
        put("k", exclusive="yes"),
        put("k", content_type="text/html\r\nX-Evil: 1"),
        put("k", content_type="text/é"),
        {**put("k"), "crc32": "AAAA"},
        {**put("k"), "crc32": "A" * 8 + "\n"},
        {**put("k"), "crc32": 7},
        {"operation": "PutObject", "key": "k"},
        {"operation": "UploadPart", "key": "k", "upload_id": "u", "part_number": 0, "crc32": crc32(b"")},
        {"operation": "UploadPart", "key": "k", "upload_id": "u", "part_number": 10_001, "crc32": crc32(b"")},
        {"operation": "UploadPart", "key": "k", "upload_id": "u", "part_number": True, "crc32": crc32(b"")},
        {"operation": "ListParts", "key": "k", "upload_id": "u" * 1025},
        {"operation": "ListMultipartUploads", "prefix": "\ud800"},
        "PutObject",
        None,
    ],
)
def test_only_listed_operations_with_their_own_fields_are_signed(town: Any, ann: Any, wish: Any) -> None:
    answer = ask(town.client(ann), wish)
    assert answer.status_code == 400
    assert error_of(answer) == "InvalidRequest"
    with town.house.catalog.read() as rows:
        assert not rows.scan(ACCESS_KEYS)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"[]", 400),
        (b'{"requests": []}', 400),
        (b'{"requests": [], "more": 1}', 400),
        (json.dumps({"requests": [put("k")] * 101}).encode(), 400),
        (b"\xff", 400),
        (b"[" * 100_000, 400),
        (b'{"requests": ' + b'{"a":' * 100_000, 400),
        (b" " * ((1 << 20) + 1), 413),
    ],
)
def test_a_body_of_another_shape_is_refused(town: Any, ann: Any, body: bytes, status: int) -> None:
    answer = town.client(ann).post("/tenancies/a-o/buckets/data/sign/", body, content_type="application/json")
    assert answer.status_code == status
    assert answer.json()["error"]["request_id"] == answer["X-Request-Id"]


@pytest.mark.parametrize("key", ["", "x" * 1025, "a\0b", ".", "\ud800"])
def test_no_url_is_signed_for_what_is_no_key(town: Any, ann: Any, key: str) -> None:
    answer = ask(town.client(ann), put(key))
    assert b"X-Amz" not in answer.content
    assert answer.status_code == 400 or "error" in answer.json()["answers"][0]


def test_a_url_lives_a_quarter_of_an_hour_and_its_key_no_longer_than_half_a_day(town: Any, ann: Any) -> None:
    client = town.client(ann)
    [signed] = answers(client, put("k"))
    query = parse_qs(urlsplit(signed["url"]).query)
    assert query["X-Amz-Expires"] == ["900"]
    with town.house.catalog.read() as rows:
        [row] = rows.scan(ACCESS_KEYS)
    assert query["X-Amz-Credential"][0].partition("/")[0] == row.access_key_id
    assert row.user_id == ann.principal_id
    assert row.expires_at_us is not None
    assert row.expires_at_us - row.created_at_us <= 12 * 3600 * 1_000_000
    answers(client, put("k2"))
    with town.house.catalog.read() as rows:
        assert len(rows.scan(ACCESS_KEYS)) == 1


def test_the_secret_leaves_the_server_in_no_answer_log_session_or_table(
    town: Any, ann: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from holdfast.portal.data.credentials import portal_key

    client = town.client(ann)
    answer = ask(client, put("k"), {"operation": "GetObject", "key": "k"})
    with town.house.catalog.read() as rows:
        [row] = rows.scan(ACCESS_KEYS)
    secret = portal_key(row.tenancy_id, row.user_id).secret
    assert secret not in answer.content.decode()
    assert answer["Cache-Control"] == "no-store"
    said = capsys.readouterr()
    assert secret not in said.out + said.err
    assert "X-Amz-Signature" not in said.out + said.err
    home: Path = town.house.home.root
    for file in [path for path in home.rglob("*") if path.is_file()]:
        assert secret.encode() not in file.read_bytes(), file


def test_what_is_signed_to_change_or_read_is_in_the_audit_by_its_person(town: Any, ann: Any) -> None:
    client = town.client(ann)
    answers(client, *[put(f"k{number}") for number in range(25)], {"operation": "GetObject", "key": "r"})
    [written] = audit_of(town, "object.upload")
    [read] = audit_of(town, "object.download")
    assert {written.actor, read.actor} == {ann.principal_id}
    detail = json.loads(written.detail)
    assert (detail["count"], detail["keys"][:2], len(detail["keys"])) == (25, ["k0", "k1"], 20)


def test_nothing_is_signed_to_change_while_the_disk_takes_no_writes(town: Any, ann: Any) -> None:
    from dataclasses import replace

    from holdfast.portal.house import use_house
    from holdfast.telemetry.board import Board

    client = town.client(ann)
    answers(client, {"operation": "GetObject", "key": "k"})
    board = Board.private()
    board.set_read_only()
    use_house(replace(town.house, board=board))
    assert "url" in answers(client, {"operation": "GetObject", "key": "k"})[0]
    refused = ask(client, put("k"))
    assert (refused.status_code, error_of(refused)) == (503, "ServiceUnavailable")


@given(
    key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)
    | st.lists(st.sampled_from([".", "..", "a", "", "%2e", "%2E%2E", "\\", "?", "#"]), min_size=1, max_size=6).map(
        "/".join
    )
)
def test_a_browser_and_the_store_read_the_same_key_from_a_signed_path(key: str) -> None:
    """The path is what a browser would send (no dot segment in it), and decodes to the key, once."""
    from holdfast.portal.data.signing import _browser_path
    from holdfast.s3.codes import S3Error
    from holdfast.s3.names import split_path

    try:
        path = _browser_path("data", key)
    except S3Error:
        assert key in (".", "..") or "\0" in key or len(key.encode()) > 1024 or not key
        return
    assert split_path(path) == ("data", key)
    dots = {".", "..", "%2e", "%2e%2e", ".%2e", "%2e."}
    assert not dots.intersection(segment.lower() for segment in path.replace("\\", "/").split("/"))
    assert not set(path) & set("?#\\ \t\r\n")
