"""How objects and buckets are read, written, copied and deleted: `points.toml` says which test proves what."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from typing import Any

import pytest
from tests.attacks.wire import Answer, signed
from tests.behaviour.conftest import Spoken
from tests.operations.site import Site

DATA = b"0123456789"
ETAG = f'"{hashlib.md5(DATA).hexdigest()}"'
LONG_AGO = "Wed, 21 Oct 2015 07:28:00 GMT"


def shown(answer: Answer, *names: str) -> tuple[int | str | None, ...]:
    """Return the status, and what the answer's headers of these names say."""
    return answer.status, *(answer.headers.get(name) for name in names)


# --- ETags and refusals


def test_an_etag_is_quoted_everywhere_but_among_the_attributes(spoken: Spoken) -> None:
    assert spoken.put("k", DATA).headers["etag"] == ETAG
    for method in ("GET", "HEAD"):
        assert spoken.ask(method, f"{spoken.path}/k").headers["etag"] == ETAG
    quoted = ETAG.replace('"', "&quot;")
    for query in ("", "list-type=2", "versions"):
        assert spoken.ask("GET", spoken.path, query).detail("ETag") == quoted
    copied = spoken.ask("PUT", f"{spoken.path}/copy", x_amz_copy_source=f"{spoken.path}/k")
    assert copied.detail("ETag") == quoted
    attributes = spoken.ask("GET", f"{spoken.path}/k", "attributes", x_amz_object_attributes="ETag,ObjectSize")
    assert (attributes.detail("ETag"), attributes.detail("ObjectSize")) == (ETAG.strip('"'), "10")
    assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT", attributes.headers["last-modified"])


def test_the_refusal_of_a_head_is_a_status_alone(spoken: Spoken) -> None:
    spoken.put("k", DATA)
    asked: list[tuple[str, dict[str, str], int]] = [
        ("/none", {}, 404),
        ("/k", {"range": "bytes=10-"}, 416),
        ("/k", {"if_match": '"x"'}, 412),
        ("/k?versionId=a!b", {}, 400),
    ]
    for target, headers, status in asked:
        path, _, query = f"{spoken.path}{target}".partition("?")
        letter = signed(spoken.letter("HEAD", path, query, **headers), spoken.key)
        with spoken.connect() as wire:
            answer = wire.send(letter.put("connection", "close").head).read(is_head=True)
            assert (answer.status, "content-length" in answer.headers) == (status, False)
            assert wire.is_closed(), "a byte came after the head"


def test_a_refusal_has_no_namespace_and_names_what_it_is_about(spoken: Spoken) -> None:
    cases = [
        (spoken.ask("GET", f"{spoken.path}/none"), "Key", "none"),
        (spoken.ask("PUT", f"{spoken.path}/none", body=b"x", if_match=ETAG), "Key", "none"),
        (spoken.ask("GET", "/no-such-bucket"), "BucketName", "no-such-bucket"),
        (spoken.ask("GET", spoken.path, "lifecycle"), "BucketName", spoken.bucket),
    ]
    for answer, element, value in cases:
        assert answer.body.startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>')
        assert answer.headers["content-type"] == "application/xml"
        assert answer.detail(element) == value
        assert answer.detail("RequestId") == answer.headers["x-amz-request-id"]
        assert answer.detail("HostId") == answer.headers["x-amz-id-2"]


def test_what_is_no_request_is_refused_with_the_ids_too(spoken: Spoken) -> None:
    with spoken.connect() as wire:
        answer = wire.send(b"GET / HTTP/1.1\r\n\r\n").read()
    assert answer.verdict == (400, "BadRequest")
    assert answer.detail("RequestId") == answer.headers["x-amz-request-id"]
    assert answer.detail("HostId") == answer.headers["x-amz-id-2"]


# --- conditions


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_conditions_of_a_read_are_asked_in_their_order(spoken: Spoken, method: str) -> None:
    spoken.put("k", DATA, cache_control="max-age=5", expires="Wed, 21 Oct 2026 07:28:00 GMT")
    now = spoken.ask("HEAD", f"{spoken.path}/k").headers["last-modified"]
    cases: list[tuple[dict[str, str], int]] = [
        ({"if_match": ETAG, "if_unmodified_since": LONG_AGO}, 200),
        ({"if_match": "*"}, 200),
        ({"if_match": '"x"', "if_unmodified_since": now}, 412),
        ({"if_unmodified_since": now}, 200),
        ({"if_unmodified_since": LONG_AGO}, 412),
        ({"if_none_match": '"x"', "if_modified_since": now}, 200),
        ({"if_none_match": ETAG, "if_modified_since": LONG_AGO}, 304),
        ({"if_none_match": "*"}, 304),
        ({"if_modified_since": now}, 304),
        ({"if_modified_since": LONG_AGO}, 200),
    ]
    for headers, status in cases:
        answer = spoken.ask(method, f"{spoken.path}/k", **headers)
        assert answer.status == status, headers
        if status == 304:
            assert shown(answer, "etag", "last-modified", "cache-control", "expires", "content-length") == (
                304, ETAG, now, "max-age=5", "Wed, 21 Oct 2026 07:28:00 GMT", None,
            )  # fmt: skip


def test_a_copy_asks_its_conditions_of_what_is_at_its_end(spoken: Spoken) -> None:
    spoken.put("from", DATA)

    def copy(**conditions: str) -> tuple[int, str]:
        return spoken.ask("PUT", f"{spoken.path}/to", x_amz_copy_source=f"{spoken.path}/from", **conditions).verdict

    assert copy(if_match=ETAG) == (404, "NoSuchKey")
    assert copy(if_none_match="*") == (200, "")
    assert copy(if_none_match="*") == (412, "PreconditionFailed")
    assert copy(if_match='"x"') == (412, "PreconditionFailed")
    assert copy(if_match=ETAG) == (200, "")


# --- ranges and parts

RANGES = [
    ("bytes=2-4", "bytes 2-4/10", b"234"),
    ("bytes=2-", "bytes 2-9/10", b"23456789"),
    ("bytes=-3", "bytes 7-9/10", b"789"),
    ("bytes=-100", "bytes 0-9/10", DATA),
    ("bytes=5-100", "bytes 5-9/10", b"56789"),
    ("bytes=0-9", "bytes 0-9/10", DATA),
    ("bytes=0-1,3-4", None, DATA),
    ("bytes=5-2", None, DATA),
    ("octets=1-2", None, DATA),
    ("bytes=a-b", None, DATA),
]


def test_a_range_means_the_same_to_get_and_head(spoken: Spoken) -> None:
    spoken.put("k", DATA)
    for asked, stretch, body in RANGES:
        expected = (206 if stretch else 200, stretch, str(len(body)))
        answer = spoken.ask("GET", f"{spoken.path}/k", range=asked)
        assert (*shown(answer, "content-range", "content-length"), answer.body) == (*expected, body)
        head = spoken.ask("HEAD", f"{spoken.path}/k", range=asked)
        assert shown(head, "content-range", "content-length") == expected


def test_a_range_of_another_version_is_answered_with_the_whole_of_this_one(spoken: Spoken) -> None:
    # Browsers and download managers go on so where they were cut off.
    spoken.put("k", DATA)
    modified = spoken.ask("HEAD", f"{spoken.path}/k").headers["last-modified"]
    for if_range, status in (
        (ETAG, 206), (modified, 206), ('"other"', 200), (f"W/{ETAG}", 200), (LONG_AGO, 200), ("nonsense", 200),
    ):  # fmt: skip
        answer = spoken.ask("GET", f"{spoken.path}/k", range="bytes=2-4", if_range=if_range)
        assert (answer.status, answer.body) == (status, b"234" if status == 206 else DATA), if_range
    assert spoken.ask("GET", f"{spoken.path}/k", if_range=ETAG).status == 200
    assert spoken.ask("GET", f"{spoken.path}/k", range="bytes=99-", if_range='"other"').status == 200


def test_attributes_are_asked_for_by_names_that_there_are(spoken: Spoken) -> None:
    spoken.put("k", DATA)
    assert spoken.ask("GET", f"{spoken.path}/k", "attributes").verdict == (400, "InvalidRequest")
    wrong = spoken.ask("GET", f"{spoken.path}/k", "attributes", x_amz_object_attributes="ETags")
    assert (wrong.verdict, wrong.detail("ArgumentValue")) == ((400, "InvalidArgument"), "ETags")
    found = spoken.ask("GET", f"{spoken.path}/k", "attributes", x_amz_object_attributes="ETag").body
    assert b"<ETag>" in found
    assert not any(name in found for name in (b"LastModified", b"StorageClass", b"ObjectSize"))


@pytest.mark.parametrize(
    ("size", "asked"), [(10, "bytes=10-"), (10, "bytes=-0"), (0, "bytes=0-"), (0, "bytes=-0"), (0, "bytes=0-0")]
)
def test_a_range_without_bytes_is_told_the_size(spoken: Spoken, size: int, asked: str) -> None:
    spoken.put("k", DATA[:size])
    answer = spoken.ask("GET", f"{spoken.path}/k", range=asked)
    assert answer.verdict == (416, "InvalidRange")
    assert answer.headers["content-range"] == f"bytes */{size}"
    assert (answer.detail("ActualObjectSize"), answer.detail("RangeRequested")) == (str(size), asked)
    assert shown(spoken.ask("HEAD", f"{spoken.path}/k", range=asked), "content-range") == (416, f"bytes */{size}")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("query", "headers"), [("", {"range": "bytes=-5"}), ("partNumber=1", {})], ids=["end", "part"])
def test_the_end_and_the_part_of_an_empty_object_are_the_whole_of_it(
    spoken: Spoken, method: str, query: str, headers: dict[str, str]
) -> None:
    # AWS; Trino and arrow read the end of a file before they know its size. A 206 would have to name bytes.
    spoken.put("k", b"")
    answer = spoken.ask(method, f"{spoken.path}/k", query, **headers)
    assert shown(answer, "content-range", "content-length") == (200, None, "0")


def test_an_empty_last_part_is_no_malformed_range(spoken: Spoken) -> None:
    where = {"Bucket": spoken.bucket, "Key": "k"}
    upload = spoken.s3.create_multipart_upload(**where)["UploadId"]
    bodies = [b"a" * (5 << 20), b""]
    parts = [
        {
            "PartNumber": number,
            "ETag": spoken.s3.upload_part(**where, UploadId=upload, PartNumber=number, Body=body)["ETag"],
        }
        for number, body in enumerate(bodies, 1)
    ]
    spoken.s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload={"Parts": parts})
    answer = spoken.ask("GET", f"{spoken.path}/k", "partNumber=2")
    assert shown(answer, "content-range", "content-length", "x-amz-mp-parts-count") == (200, None, "0", "2")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_an_object_that_was_put_at_once_has_one_part(spoken: Spoken, method: str) -> None:
    spoken.put("k", DATA)
    answer = spoken.ask(method, f"{spoken.path}/k", "partNumber=1")
    # AWS counts parts only of what was uploaded in parts.
    assert shown(answer, "content-range", "etag", "x-amz-mp-parts-count") == (206, "bytes 0-9/10", ETAG, None)
    assert spoken.ask(method, f"{spoken.path}/k", "partNumber=2").status == 416
    assert spoken.ask(method, f"{spoken.path}/k", "partNumber=1", range="bytes=0-1").status == 400


# --- checksums


def test_a_checksum_is_told_of_the_whole_to_who_asks_and_is_made_when_none_was_sent(spoken: Spoken) -> None:
    names = ("x-amz-checksum-crc64nvme", "x-amz-checksum-type")
    value, kind = "Ffmx7kz9nB0=", "FULL_OBJECT"
    put = spoken.put("k", DATA)
    assert shown(put, *names) == (200, value, kind)
    for method in ("GET", "HEAD"):
        ask = {"x_amz_checksum_mode": "ENABLED"}
        assert shown(spoken.ask(method, f"{spoken.path}/k", **ask), *names) == (200, value, kind)
        assert shown(spoken.ask(method, f"{spoken.path}/k"), *names) == (200, None, None)
        assert shown(spoken.ask(method, f"{spoken.path}/k", range="bytes=0-1", **ask), *names) == (206, None, None)


def test_of_several_checksums_none_is_believed(spoken: Spoken) -> None:
    sha1 = base64.b64encode(hashlib.sha1(b"x").digest()).decode()
    sha256 = base64.b64encode(hashlib.sha256(b"x").digest()).decode()
    for more in ({"x_amz_checksum_sha256": sha256}, {"x_amz_sdk_checksum_algorithm": "CRC32"}):
        answer = spoken.ask("PUT", f"{spoken.path}/k", body=b"x", x_amz_checksum_sha1=sha1, **more)
        assert answer.verdict == (400, "InvalidRequest")


# --- what is stored with an object


def test_metadata_are_kept_as_they_went_and_survive_a_copy(spoken: Spoken) -> None:
    # s3cmd, rclone and RFC 2047 in their own spellings, and UTF-8 as it is.
    kept = {
        "x-amz-meta-s3cmd-attrs": "atime:1700000000/uid:0/md5:d41d8cd98f00b204e9800998ecf8427e/mode:33188",
        "x-amz-meta-mtime": "1700000000.123456789",
        "x-amz-meta-md5chksum": "1B2M2Y8AsgTpgAmY7PhCfg==",
        "x-amz-meta-title": "=?UTF-8?B?w6k=?=",
        "x-amz-meta-place": "é".encode().decode("latin-1"),
    }
    spoken.put("from", DATA, **kept)
    assert spoken.ask("PUT", f"{spoken.path}/to", x_amz_copy_source=f"{spoken.path}/from").status == 200
    for key in ("from", "to"):
        headers = spoken.ask("HEAD", f"{spoken.path}/{key}").headers
        assert {name: headers[name] for name in kept} == kept
        assert headers["content-type"] == "binary/octet-stream"


def test_a_compressed_body_comes_back_as_it_went_whatever_the_client_takes(spoken: Spoken) -> None:
    body = gzip.compress(b"a" * 10_000)
    spoken.put("z", body, content_encoding="gzip")
    spoken.put("plain", b"a" * 10_000)
    for key, sent, coding in (("z", body, "gzip"), ("plain", b"a" * 10_000, None)):
        letter = spoken.letter("GET", f"{spoken.path}/{key}", accept_encoding="gzip, deflate")
        answer = spoken.send(signed(letter, spoken.key, also=("accept-encoding",)))
        assert (*shown(answer, "content-encoding", "content-length"), answer.body) == (
            200,
            coding,
            str(len(sent)),
            sent,
        )
    assert "content-encoding" not in spoken.ask("GET", spoken.path, accept_encoding="gzip").headers


@pytest.mark.parametrize("name", ["STANDARD", "STANDARD_IA", "REDUCED_REDUNDANCY"])
def test_storage_classes_are_taken_and_told(spoken: Spoken, name: str) -> None:
    spoken.put("k", x_amz_storage_class=name)
    # AWS leaves the header out for STANDARD.
    told = None if name == "STANDARD" else name
    assert spoken.ask("HEAD", f"{spoken.path}/k").headers.get("x-amz-storage-class") == told
    assert spoken.ask("GET", spoken.path).detail("StorageClass") == name
    refused = spoken.ask("PUT", f"{spoken.path}/k", body=b"x", x_amz_storage_class="GLACIER")
    assert refused.verdict == (400, "InvalidStorageClass")


@pytest.mark.parametrize(
    ("acl", "verdict"),
    [
        ("private", (200, "")),
        ("bucket-owner-full-control", (200, "")),
        ("public-read", (400, "AccessControlListNotSupported")),
        ("authenticated-read", (400, "AccessControlListNotSupported")),
    ],
)
def test_an_acl_that_changes_nothing_is_taken_silently_wherever_it_stands(
    spoken: Spoken, acl: str, verdict: tuple[int, str]
) -> None:
    # rclone is told to send `private` by every site that copies JASMIN's configuration.
    spoken.put("there")
    writes: list[tuple[str, str, str, dict[str, str]]] = [
        ("PUT", f"{spoken.path}/k", "", {}),
        ("PUT", f"{spoken.path}/k", "", {"x_amz_copy_source": f"{spoken.path}/there"}),
        ("POST", f"{spoken.path}/k", "uploads", {}),
        ("PUT", f"{spoken.path}-new", "", {}),
        ("PUT", f"{spoken.path}/there", "acl", {}),
        ("PUT", spoken.path, "acl", {}),
    ]
    for method, path, query, headers in writes:
        assert spoken.ask(method, path, query, x_amz_acl=acl, **headers).verdict == verdict, (method, path, query)


# --- keys that look like folders


def test_a_key_that_ends_in_a_slash_is_a_key_like_others(spoken: Spoken) -> None:
    spoken.put("a/", b"")
    spoken.put("a/b", b"file")
    assert spoken.ask("GET", f"{spoken.path}/a/b/").code == "NoSuchKey"
    assert spoken.ask("GET", f"{spoken.path}/a").code == "NoSuchKey"
    assert shown(spoken.ask("HEAD", f"{spoken.path}/a/"), "content-length") == (200, "0")
    spoken.put("a/b/", b"folder")
    assert spoken.ask("GET", f"{spoken.path}/a/b").body == b"file"
    assert spoken.ask("GET", f"{spoken.path}/a/b/").body == b"folder"
    listed = spoken.s3.list_objects_v2(Bucket=spoken.bucket, Prefix="a/", Delimiter="/")
    assert [each["Key"] for each in listed["Contents"]] == ["a/", "a/b"]
    assert [each["Prefix"] for each in listed["CommonPrefixes"]] == ["a/b/"]
    assert spoken.ask("DELETE", f"{spoken.path}/a/").status == 204
    assert spoken.ask("GET", f"{spoken.path}/a/b").body == b"file"


# --- copies


def test_a_copy_takes_a_whole_object_and_the_version_that_is_named(spoken: Spoken) -> None:
    spoken.put("from", DATA)

    def copy(source: str, **headers: str) -> tuple[int, str]:
        return spoken.ask("PUT", f"{spoken.path}/to", x_amz_copy_source=source, **headers).verdict

    source = f"{spoken.path}/from"
    assert copy(source, range="bytes=0-1") == (400, "InvalidRequest")
    assert copy(f"{source}?versionId=null") == (200, "")
    assert copy(f"{source}?versionId=abc") == (404, "NoSuchVersion")
    assert copy(f"{source}%3FversionId=null") == (404, "NoSuchKey")
    assert copy(f"{source}?versionId=") == (400, "InvalidArgument")


def test_a_copy_has_at_most_what_one_put_may_have() -> None:
    site = Site()
    site.bucket("data")
    site.ask(site.alice, "PUT", "/data/k", body=b"12345")
    site.limits = type(site.limits)(put_bytes_max=4)
    headers = {"x-amz-copy-source": "/data/k"}
    assert site.refused(site.alice, "PUT", "/data/copy", headers) == "InvalidRequest"


def test_a_part_is_copied_only_from_what_may_be_read_and_to_what_may_be_written(spoken: Spoken) -> None:
    spoken.put("from", DATA)
    other: Any = spoken.store.client(spoken.other_key)
    theirs = f"{spoken.bucket}-o"
    other.create_bucket(Bucket=theirs)
    upload = other.create_multipart_upload(Bucket=theirs, Key="k")["UploadId"]
    query = f"partNumber=1&uploadId={upload}"

    def copy(path: str, source: str) -> tuple[int, str]:
        letter = spoken.letter("PUT", path, query, x_amz_copy_source=source)
        return spoken.send(signed(letter, spoken.other_key)).verdict

    for source in (f"{spoken.path}/from", f"{spoken.path}/from?versionId=null", f"{spoken.path}/none"):
        assert copy(f"/{theirs}/k", source) == (403, "AccessDenied")
    allowed = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{spoken.bucket}/*",
    }
    spoken.s3.put_bucket_policy(Bucket=spoken.bucket, Policy=json.dumps({"Statement": [allowed]}))
    assert copy(f"/{theirs}/k", f"{spoken.path}/from") == (200, "")
    # Naming the version asks for another right.
    assert copy(f"/{theirs}/k", f"{spoken.path}/from?versionId=null") == (403, "AccessDenied")
    assert copy(f"{spoken.path}/k", f"{spoken.path}/from") == (403, "AccessDenied")


# --- deletes and buckets


def test_what_frees_room_is_allowed_at_a_full_quota(spoken: Spoken) -> None:
    tenancy = "full-o"
    spoken.store.make_tenancy(tenancy, limit_bytes=10)
    client: Any = spoken.store.client(spoken.store.make_key(tenancy, "carol"))
    client.create_bucket(Bucket="data")
    where = {"Bucket": "data", "Key": "upload"}
    upload = client.create_multipart_upload(**where)["UploadId"]
    client.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"12345")
    for key in ("a", "b"):
        client.put_object(Bucket="data", Key=key, Body=b"12")
    client.put_object(Bucket="data", Key="last", Body=b"1")
    with pytest.raises(client.exceptions.ClientError) as caught:
        client.put_object(Bucket="data", Key="more", Body=b"1")
    # Not a status that clients try again.
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert caught.value.response["Error"]["Code"] == "QuotaExceeded"
    client.delete_object(Bucket="data", Key="a")
    client.put_object(Bucket="data", Key="a", Body=b"12")
    client.delete_objects(Bucket="data", Delete={"Objects": [{"Key": "a"}, {"Key": "b"}, {"Key": "last"}]})
    client.abort_multipart_upload(**where, UploadId=upload)
    client.delete_bucket(Bucket="data")


def test_a_bucket_with_objects_stays(spoken: Spoken) -> None:
    spoken.put("k")
    full = spoken.ask("DELETE", spoken.path)
    assert (full.verdict, full.detail("BucketName")) == ((409, "BucketNotEmpty"), spoken.bucket)
    spoken.ask("DELETE", f"{spoken.path}/k")
    assert spoken.ask("DELETE", spoken.path).status == 204
    assert spoken.ask("DELETE", spoken.path).verdict == (404, "NoSuchBucket")


def test_a_version_that_never_was_is_told_from_what_is_none(spoken: Spoken) -> None:
    spoken.put("k")
    for version, verdict in (
        ("null", (200, "")),
        ("abc", (404, "NoSuchVersion")),
        ("a!b", (400, "InvalidArgument")),
        ("", (400, "InvalidArgument")),
    ):
        assert spoken.ask("GET", f"{spoken.path}/k", f"versionId={version}").verdict == verdict
