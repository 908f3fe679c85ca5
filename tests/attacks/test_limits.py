"""Numbers and tokens beyond what they may be: refused by their code, or cut down to the largest there is."""

from __future__ import annotations

import base64
from urllib.parse import quote

import pytest
from tests.attacks.conftest import Besieged
from tests.attacks.wire import signed

INVALID = (400, "InvalidArgument")
HUGE = "9" * 400


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "number", ["0", "10001", "-1", "1000000000", HUGE, "1e3", "1.0", "0x1", "NaN", "", "%D9%A1", "1_0"]
)
def test_a_part_has_a_number_from_one_to_ten_thousand(besieged: Besieged, number: str) -> None:
    with besieged.catalog.read() as rows:
        from holdfast.catalog.rows import UPLOADS

        before = len(rows.scan(UPLOADS, (), count_max=1000))
    upload = besieged.client.create_multipart_upload(Bucket="data", Key="parts")["UploadId"]
    try:
        query = f"partNumber={quote(number, safe='%+')}&uploadId={upload}"
        assert besieged.ask("PUT", "/data/parts", query, b"part").verdict == INVALID
        assert besieged.ask("PUT", "/data/parts", query, x_amz_copy_source="/data/kept").verdict == INVALID
        assert besieged.client.list_parts(Bucket="data", Key="parts", UploadId=upload).get("Parts", []) == []
    finally:
        besieged.client.abort_multipart_upload(Bucket="data", Key="parts", UploadId=upload)
    assert before == 1


@pytest.mark.parametrize("number", ["0", "-1", "10001", HUGE, "NaN"])
def test_a_part_that_is_read_has_such_a_number_too(besieged: Besieged, number: str) -> None:
    assert besieged.ask("GET", "/data/kept", f"partNumber={number}").verdict == INVALID


LISTS = ["", "list-type=2&", "versions&", "uploads&"]


@pytest.mark.parametrize("prefix", LISTS)
@pytest.mark.parametrize("count", ["-1", "NaN", "1e3", "1.5", "0x10", "ten", "-" + HUGE, "+1", "%D9%A3", "1 0"])
def test_a_page_of_no_size_is_refused(besieged: Besieged, prefix: str, count: str) -> None:
    name = "max-uploads" if prefix == "uploads&" else "max-keys"
    assert besieged.ask("GET", "/data", f"{prefix}{name}={quote(count, safe='%')}").verdict == INVALID


@pytest.mark.parametrize("prefix", LISTS)
@pytest.mark.parametrize("count", ["1001", "2147483647", "2147483648", "99999999999999999999", HUGE])
def test_a_page_of_too_much_is_a_thousand_or_refused(besieged: Besieged, prefix: str, count: str) -> None:
    name, element = ("max-uploads", "MaxUploads") if prefix == "uploads&" else ("max-keys", "MaxKeys")
    answer = besieged.ask("GET", "/data", f"{prefix}{name}={count}")
    assert answer.verdict == INVALID or answer.detail(element) == "1000"
    if len(count) < 11:
        assert answer.status == 200


@pytest.mark.parametrize("marker", ["-1", "NaN", HUGE])
def test_a_marker_of_parts_is_a_number(besieged: Besieged, marker: str) -> None:
    query = f"uploadId={besieged.upload_id}&part-number-marker={marker}"
    assert besieged.ask("GET", "/data/uploaded", query, key=besieged.other).verdict == INVALID


def _sealed(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()


@pytest.mark.parametrize(
    "token",
    ["x", "kept", _sealed(b"kept"), _sealed(b"h1") + "=", _sealed(b"h1\xff"), _sealed(b"h1kept") + "A", _sealed(b"h1kept").rstrip("=") + "==="[:1] + "\n", "\u00e9", "A" * 9000, "h1kept", "../../etc/passwd"],
    ids=ascii,
)  # fmt: skip
def test_a_token_that_was_never_given_is_refused(besieged: Besieged, token: str) -> None:
    answer = besieged.ask("GET", "/data", f"list-type=2&continuation-token={quote(token, safe='')}")
    assert answer.verdict == INVALID
    assert "token" in answer.detail("Message")


def test_a_token_of_one_bucket_shows_nothing_of_another(besieged: Besieged) -> None:
    south = besieged.store.client(besieged.other)
    south.put_object(Bucket="plans", Key="a", Body=b"")
    try:
        token = south.list_objects_v2(Bucket="plans", MaxKeys=1)["NextContinuationToken"]
        answer = besieged.ask("GET", "/data", f"list-type=2&continuation-token={quote(token, safe='')}")
        assert answer.body.count(b"<Key>") == 1
        assert b"<Key>kept</Key>" in answer.body
        assert (
            besieged.ask("GET", "/plans", f"list-type=2&continuation-token={quote(token, safe='')}").code
            == "NoSuchBucket"
        )
    finally:
        south.delete_object(Bucket="plans", Key="a")


@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize("count", [1, 8])
def test_metadata_have_two_kib_and_not_a_byte_more(besieged: Besieged, count: int, more: int) -> None:
    letter = besieged.letter("PUT", "/data/described", body=b"x")
    left = 2048 + more
    for index in range(count):
        name = f"n{index}"
        size = left // (count - index)
        letter = letter.put(f"x-amz-meta-{name}", "v" * (size - len(name)))
        left -= size
    try:
        answer = besieged.send(signed(letter, besieged.key))
        assert answer.verdict == ((400, "MetadataTooLarge") if more else (200, ""))
        begun = besieged.send(
            signed(letter._replace(method="POST", query="uploads", body=b"").put("content-length", "0"), besieged.key)
        )
        assert begun.verdict == answer.verdict
        if not more:
            besieged.ask("DELETE", "/data/described", f"uploadId={begun.detail('UploadId')}")
    finally:
        besieged.ask("DELETE", "/data/described")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "tags",
    ["&".join(f"k{n}=v" for n in range(11)), "a=1&a=2", "k" * 129 + "=v", "k=" + "v" * 257, "=v", "a=%ff", "aws:a=b"],
)
def test_tags_beyond_their_limits_are_refused(besieged: Besieged, tags: str) -> None:
    answer = besieged.ask("PUT", "/data/kept", body=b"x", x_amz_tagging=tags)
    assert answer.status == 400
    assert answer.code in ("InvalidTag", "BadRequest", "InvalidArgument", "InvalidURI")


@pytest.mark.parametrize("value", ["bytes=-0", "bytes=4-", "bytes=4-9", f"bytes={HUGE}-"])
def test_a_range_beyond_the_end_is_refused_with_the_size(besieged: Besieged, value: str) -> None:
    answer = besieged.ask("GET", "/data/kept", range=value)
    assert answer.verdict == (416, "InvalidRange")
    assert answer.headers["content-range"] == "bytes */4"


@pytest.mark.parametrize(
    "value", ["bytes=3-1", "bytes=a-b", "bytes=", "items=0-1", "bytes=0-1,2-3", "bytes=--1", "bytes=0x0-1", "bytes=" + "0-0," * 2000 + "1-1"],
)  # fmt: skip
def test_a_range_that_is_none_is_ignored(besieged: Besieged, value: str) -> None:
    answer = besieged.ask("GET", "/data/kept", range=value)
    assert (answer.status, answer.body) == (200, b"kept")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("GET", "/data", "&".join(f"a{n}=b" for n in range(101))),
        ("PUT", "/data", "publicAccessBlock"),
        ("PUT", "/data", "versioning"),
        ("PUT", "/data", "lifecycle"),
        ("PUT", "/data", "no-such-sub-resource"),
        ("DELETE", "/data", "no-such-sub-resource"),
        ("DELETE", "/data/kept", "no-such-sub-resource"),
        ("PUT", "/data/kept", "partNumber=1"),
        ("PUT", "/data/kept", "uploadId=x"),
        ("POST", "/data/kept", ""),
        ("PATCH", "/data/kept", ""),
        ("TRACE", "/data/kept", ""),
    ],
)
def test_what_is_not_served_is_refused_and_never_taken_for_something_else(
    besieged: Besieged, method: str, path: str, query: str
) -> None:
    answer = besieged.ask(method, path, query, b"x" if method == "PUT" else b"")
    assert answer.status in (400, 405, 501)
