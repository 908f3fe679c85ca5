"""How requests are signed, framed and addressed: `points.toml` says which test proves what."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.wire import UNSIGNED, Letter, chunk_unsigned, presigned, scope_at, signed, sized
from tests.behaviour.conftest import TENANCY, Spoken
from tests.operations.site import Site
from tests.serving import serve

from holdfast.s3.codes import S3Error
from holdfast.s3.head import Head
from holdfast.s3.sigv4 import check_signature, find_claim, sign_headers

EXPECT = "100-continue"


# --- signatures


def test_doubled_headers_are_signed_joined_and_runs_of_spaces_as_one(spoken: Spoken) -> None:
    letter = (
        spoken.letter("PUT", f"{spoken.path}/k", body=b"x").add("x-amz-meta-a", "1").add("x-amz-meta-a", "  2   3 ")
    )
    assert spoken.send(signed(letter, spoken.key)).status == 200
    assert spoken.ask("HEAD", f"{spoken.path}/k").headers["x-amz-meta-a"] == "1,2   3"


@pytest.mark.parametrize("name", ["x-amz-meta-b", "x-amz-acl", "x-amz-copy-source", "x-amz-tagging", "x-amz-anything"])
def test_no_amz_header_may_come_unsigned(spoken: Spoken, name: str) -> None:
    letter = signed(spoken.letter("PUT", f"{spoken.path}/k", body=b"x"), spoken.key)
    assert spoken.send(letter.add(name, "private")).verdict == (403, "AccessDenied")


def test_headers_of_the_transport_need_no_signature(spoken: Spoken) -> None:
    letter = signed(spoken.letter("PUT", f"{spoken.path}/k", body=b"x"), spoken.key)
    assert "content-length" not in letter.get("authorization")
    for name, value in (("user-agent", "any"), ("accept-encoding", "identity"), ("connection", "close")):
        letter = letter.add(name, value)
    assert spoken.send(letter).status == 200


def test_an_unknown_access_key_is_hashed_for_no_less_than_a_wrong_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    digest, count = hmac.digest, 0

    def counting(*arguments: Any) -> bytes:
        nonlocal count
        count += 1
        return digest(*arguments)

    head = Head("GET", "/data", "", {"host": "a"})
    added = sign_headers(
        head,
        access_key_id="AK",
        secret="of nobody here",
        region="us-east-1",
        signed_at=datetime(2020, 1, 1, tzinfo=UTC),
    )
    head = head._replace(headers={**head.headers, **added})
    claim = find_claim(head)
    assert claim is not None
    monkeypatch.setattr(hmac, "digest", counting)
    counts = []
    for secret in ("wrong", None):
        count = 0
        with pytest.raises(S3Error):
            check_signature(claim, head, "a", secret)
        counts.append(count)
    assert counts[0] == counts[1] > 4


def test_the_region_is_told_to_whoever_asks_for_a_bucket_that_is_there(spoken: Spoken) -> None:
    ours = spoken.letter("HEAD", spoken.path)
    # AWS: regardless of the permissions on the bucket.
    for letter, status in (
        (signed(ours, spoken.key), 200),
        (signed(ours, spoken.other_key), 403),
        (signed(ours, spoken.key._replace(secret="wrong")), 403),
        (ours, 403),
    ):
        answer = spoken.send(letter)
        assert (answer.status, answer.headers["x-amz-bucket-region"]) == (status, "us-east-1")
    assert spoken.send(signed(ours, spoken.key, scope=scope_at(region="eu-west-1"))).status == 200
    absent = spoken.ask("HEAD", "/no-such-bucket")
    assert (absent.status, "x-amz-bucket-region" in absent.headers) == (404, False)


def test_the_oldest_region_has_an_empty_location_and_others_their_name(spoken: Spoken) -> None:
    assert spoken.s3.get_bucket_location(Bucket=spoken.bucket)["LocationConstraint"] is None
    site = Site()
    site.region = "eu-west-1"
    site.bucket("data")
    assert b">eu-west-1</LocationConstraint>" in site.ask(site.alice, "GET", "/data?location").body


def test_a_site_may_be_stricter_about_clocks_and_about_urls(tmp_path: Path) -> None:
    stricter = {"HOLDFAST_CLOCK_SKEW_S": "60", "HOLDFAST_PRESIGNED_LIFE_S_MAX": "3600"}
    with serve(tmp_path / "home", environment=stricter) as store:
        key = store.make_key(TENANCY, "alice")
        spoken = Spoken(store, key, key, store.client(key), None)
        spoken.s3.create_bucket(Bucket="data")
        letter, now = spoken.letter("GET", "/data"), datetime.now(UTC)
        for age_s, verdict in (
            (30, (200, "")),
            (120, (403, "RequestTimeTooSkewed")),
            (-120, (403, "RequestTimeTooSkewed")),
        ):
            scope = scope_at(now - timedelta(seconds=age_s))
            assert spoken.send(signed(letter, key, scope=scope)).verdict == verdict
        for life, verdict in (("3600", (200, "")), ("3601", (400, "AuthorizationQueryParametersError"))):
            assert spoken.send(presigned(letter, key, expires=life)).verdict == verdict


# --- addresses


def test_a_bucket_with_dots_is_reached_in_both_styles(spoken: Spoken) -> None:
    bucket, host = "climate.model.v2", spoken.store.host_of(TENANCY)
    spoken.s3.create_bucket(Bucket=bucket)
    assert spoken.ask("PUT", "/k", body=b"x", host=f"{bucket}.{host}").status == 200
    for path, name in (
        (f"/{bucket}/k", host),
        ("/k", f"{bucket}.{host}"),
        (f"/{bucket}/k", f"127.0.0.1:{spoken.port}"),
    ):
        assert spoken.ask("GET", path, host=name).body == b"x"


@pytest.mark.parametrize("host", ["[::1]:8080", "10.0.0.1", "192.0.2.7:9000", "store.example.org"])
def test_an_address_or_a_strange_name_is_path_style(spoken: Spoken, host: str) -> None:
    assert spoken.ask("GET", spoken.path, host=host).status == 200


@pytest.mark.parametrize("host", ["x_y.s3.localhost", ".s3.localhost", "data..my-o.s3.localhost"])
def test_a_name_below_ours_that_is_none_is_a_bad_request_and_no_missing_bucket(spoken: Spoken, host: str) -> None:
    answer = spoken.ask("GET", spoken.path, host=host)
    assert answer.verdict == (400, "InvalidRequest")
    assert "TENANCY.s3.localhost" in answer.detail("Message")


# --- bodies


@pytest.mark.parametrize("place", ["http", "https"])
@pytest.mark.parametrize("size", [0, 5, 3_000_000])
def test_botocores_checksum_comes_in_a_header_over_http_and_in_a_trailer_over_https(
    spoken: Spoken, place: str, size: int
) -> None:
    client = spoken.s3 if place == "http" else spoken.secure_s3
    sent: dict[str, str] = {}

    def note(request: Any, **_: Any) -> None:
        for name, value in request.headers.items():
            sent[name.lower()] = value.decode() if isinstance(value, bytes) else value

    body = b"\0\xff" * (size // 2) + b"z" * (size % 2)
    client.meta.events.register("before-send.s3.PutObject", note)
    try:
        client.put_object(Bucket=spoken.bucket, Key="k", Body=body, ContentEncoding="gzip")
    finally:
        client.meta.events.unregister("before-send.s3.PutObject", note)
    crc32 = base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
    if place == "http":
        assert sent["x-amz-checksum-crc32"] == crc32
        assert (sent["x-amz-content-sha256"], sent["content-length"]) == (hashlib.sha256(body).hexdigest(), str(size))
    else:
        assert (sent["x-amz-trailer"], sent["transfer-encoding"]) == ("x-amz-checksum-crc32", "chunked")
        assert sent["x-amz-content-sha256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        assert (sent["x-amz-decoded-content-length"], "content-length" in sent) == (str(size), False)
        assert "aws-chunked" in sent["content-encoding"]
    assert sent["expect"] == EXPECT
    found = client.get_object(Bucket=spoken.bucket, Key="k", ChecksumMode="ENABLED")
    assert found["Body"].read() == body
    assert (found["ChecksumCRC32"], found["ContentEncoding"]) == (crc32, "gzip")


def test_a_trailer_that_was_not_declared_is_not_missed(spoken: Spoken) -> None:
    # AWS takes such a body and makes the default checksum of it (versitygw#1632).
    letter = spoken.letter("PUT", f"{spoken.path}/k", x_amz_decoded_content_length="10")
    letter = signed(letter, spoken.key, payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER")
    answer = spoken.send(sized(letter._replace(body=chunk_unsigned([b"0123456789"], {}).body)))
    assert (answer.status, answer.headers["x-amz-checksum-crc64nvme"]) == (200, "Ffmx7kz9nB0=")


DELETION = b"<Delete><Object><Key>nothing</Key></Object></Delete>"


@pytest.mark.parametrize(
    ("method", "key", "query", "body", "headers", "status"),
    [
        ("PUT", "/k", "", b"", {}, 200),
        ("PUT", "/k", "", b"body", {}, 200),
        ("PUT", "/copy", "", b"", {"x-amz-copy-source": "/{bucket}/there"}, 200),
        ("POST", "", "delete", DELETION, {}, 200),
        ("POST", "/k", "uploads", b"", {}, 200),
        ("PUT", "", "tagging", b"<Tagging><TagSet></TagSet></Tagging>", {}, 204),
        ("PUT", "", "", b"", {}, 200),
        ("GET", "/there", "", b"", {}, 200),
        ("DELETE", "/there", "", b"", {"content-length": "0"}, 204),
    ],
    ids=["empty", "object", "copy", "deletes", "upload", "tags", "bucket", "read", "delete"],
)
def test_who_waits_to_go_on_is_told_so_once_whatever_it_asks(
    spoken: Spoken, method: str, key: str, query: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    spoken.put("there")
    letter = spoken.letter(method, spoken.path + key, query, body)
    for name, value in headers.items():
        letter = letter.put(name, value.format(bucket=spoken.bucket))
    letter = signed(letter, spoken.key).add("Expect", EXPECT)
    with spoken.connect() as wire:
        assert wire.send(letter.head).read().status == 100
        assert wire.send(body).read().status == status
        # Had it been said twice, the second one would be this answer.
        after = signed(spoken.letter("GET", spoken.path), spoken.key)
        assert wire.send(after.head).read().status == 200


def test_who_may_not_is_told_in_its_place_and_no_body_is_waited_for(spoken: Spoken) -> None:
    anonymous = spoken.letter("PUT", f"{spoken.path}/k").put("content-length", "100000").add("Expect", "100-Continue")
    with spoken.connect() as wire:
        answer = wire.send(anonymous.head).read()
        assert answer.verdict == (403, "AccessDenied")
        assert answer.headers["connection"] == "close"
        assert wire.is_closed()


def test_a_connection_outlives_every_kind_of_refusal(spoken: Spoken) -> None:
    spoken.put("k", b"0123456789")
    refusals: list[tuple[Letter, int]] = [
        (spoken.letter("PUT", f"{spoken.path}/k", body=b"abc").put("x-amz-meta-a", "v" * 3000), 400),
        (spoken.letter("GET", f"{spoken.path}/none"), 404),
        (spoken.letter("HEAD", f"{spoken.path}/none"), 404),
        (spoken.letter("GET", f"{spoken.path}/k", range="bytes=10-"), 416),
        (spoken.letter("HEAD", f"{spoken.path}/k", if_match='"x"'), 412),
        (spoken.letter("GET", f"{spoken.path}/k", if_none_match="*"), 304),
        (spoken.letter("PATCH", f"{spoken.path}/k"), 405),
        (spoken.letter("PUT", spoken.path, "versioning", b"<x/>"), 501),
        (spoken.letter("PUT", f"{spoken.path}/k").without("content-length"), 411),
    ]
    with spoken.connect() as wire:
        for letter, status in refusals:
            letter = signed(letter, spoken.key)
            answer = wire.send(letter.head + letter.body).read(is_head=letter.method == "HEAD")
            assert (answer.status, answer.headers.get("connection")) == (status, None)
            if letter.method == "HEAD" or status == 304:
                assert "content-length" not in answer.headers
        wrong = signed(spoken.letter("PUT", f"{spoken.path}/k", body=b"abc"), spoken.key, payload="0" * 64)
        assert wire.send(wrong.head + wrong.body).read().code == "XAmzContentSHA256Mismatch"
        unsigned = spoken.letter("GET", f"{spoken.path}/k")
        assert wire.send(unsigned.head).read().status == 403


CORS = (
    b"<CORSConfiguration><CORSRule><AllowedOrigin>https://a.example</AllowedOrigin>"
    b"<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
)
TAGS = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"


@pytest.mark.parametrize("name", ["policy", "cors", "tagging"])
def test_a_document_may_bring_either_digest_or_none_and_a_wrong_one_changes_nothing(spoken: Spoken, name: str) -> None:
    allowed = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{spoken.bucket}/*",
    }
    document = {"policy": json.dumps({"Statement": [allowed]}).encode(), "cors": CORS, "tagging": TAGS}[name]
    digests = {
        "content_md5": base64.b64encode(hashlib.md5(document).digest()).decode(),
        "x_amz_checksum_crc32": base64.b64encode(zlib.crc32(document).to_bytes(4, "big")).decode(),
        "x_amz_checksum_sha256": base64.b64encode(hashlib.sha256(document).digest()).decode(),
    }
    for header, value in digests.items():
        wrong = base64.b64encode(bytes(len(base64.b64decode(value)))).decode()
        assert spoken.ask("PUT", spoken.path, name, document, **{header: wrong}).verdict == (400, "BadDigest")
        assert spoken.ask("GET", spoken.path, name).status == 404
    for headers in ({}, *({header: value} for header, value in digests.items())):
        assert spoken.ask("PUT", spoken.path, name, document, **headers).status in (200, 204)


@pytest.mark.parametrize(
    ("value", "code"),
    [("", "InvalidDigest"), ("YQ==", "InvalidDigest"), ("!", "InvalidDigest"), ("A" * 22 + "==", "BadDigest")],
)
def test_a_content_md5_is_a_digest_and_the_right_one(spoken: Spoken, value: str, code: str) -> None:
    assert spoken.ask("PUT", f"{spoken.path}/k", body=b"x", content_md5=value).verdict == (400, code)


def test_a_body_has_a_length_and_not_more_than_five_gib(spoken: Spoken) -> None:
    for length, verdict in ((None, (411, "MissingContentLength")), (5 * 2**30 + 1, (400, "EntityTooLarge"))):
        letter = spoken.letter("PUT", f"{spoken.path}/k").without("content-length")
        letter = letter.put("content-length", str(length)) if length else letter
        assert spoken.send(signed(letter, spoken.key, payload=UNSIGNED)).verdict == verdict


def test_a_url_of_twelve_kibibytes_is_read(spoken: Spoken) -> None:
    spoken.put("k")
    query = "&".join(f"x-p{number}={'v' * 100}" for number in range(100))
    assert spoken.ask("GET", f"{spoken.path}/k", query).body == b"body"


# --- what some clients add


@pytest.mark.parametrize("query", ["x-id=PutObject", "foo=bar", "x-id=PutObject&foo=bar"])
def test_parameters_that_choose_nothing_are_signed_and_ignored(spoken: Spoken, query: str) -> None:
    assert spoken.ask("PUT", f"{spoken.path}/k", query, b"x").status == 200
    letter = signed(spoken.letter("GET", f"{spoken.path}/k", query.replace("Put", "Get")), spoken.key)
    assert spoken.send(letter).body == b"x"
    assert spoken.send(letter._replace(query="x-id=Other")).code == "SignatureDoesNotMatch"


ENCRYPTION = "x-amz-server-side-encryption"


def test_no_write_says_yes_to_an_encryption_that_there_is_not(spoken: Spoken) -> None:
    spoken.put("there")
    upload = spoken.s3.create_multipart_upload(Bucket=spoken.bucket, Key="k")["UploadId"]
    part, source = f"partNumber=1&uploadId={upload}", f"/{spoken.bucket}/there"
    customer = f"{ENCRYPTION}-customer-algorithm"
    writes: list[tuple[str, str, bytes, dict[str, str]]] = [
        ("PUT", "", b"x", {ENCRYPTION: "AES256"}),
        ("PUT", "", b"x", {ENCRYPTION: "aws:kms"}),
        ("PUT", "", b"x", {customer: "AES256"}),
        ("POST", "uploads", b"", {ENCRYPTION: "AES256"}),
        ("PUT", part, b"x", {customer: "AES256"}),
        ("PUT", part, b"", {customer: "AES256", "x-amz-copy-source": source}),
        ("PUT", "", b"", {ENCRYPTION: "AES256", "x-amz-copy-source": source}),
    ]
    for method, query, body, headers in writes:
        answer = spoken.ask(method, f"{spoken.path}/k", query, body, **headers)
        assert answer.verdict == (501, "NotImplemented"), (method, query, headers)
    assert spoken.ask("GET", f"{spoken.path}/k").status == 404


def test_no_read_believes_an_object_to_be_encrypted_by_the_clients_key(spoken: Spoken) -> None:
    # AWS: InvalidRequest for an object that was stored without.
    spoken.put("there")
    customer = f"{ENCRYPTION}-customer-algorithm"
    refused = (400, "InvalidRequest")
    assert spoken.ask("GET", f"{spoken.path}/there", **{customer: "AES256"}).verdict == refused
    assert spoken.ask("HEAD", f"{spoken.path}/there", **{customer: "AES256"}).status == 400
    headers = {f"x-amz-copy-source-{customer.removeprefix('x-amz-')}": "AES256"}
    headers["x-amz-copy-source"] = f"/{spoken.bucket}/there"
    assert spoken.ask("PUT", f"{spoken.path}/copy", **headers).verdict == refused
