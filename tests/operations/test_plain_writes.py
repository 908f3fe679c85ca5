"""Puts of objects and buckets over the wire: small things that ceph/s3-tests asks for."""

from __future__ import annotations

import base64
import hashlib

import pytest
from tests.operations.site import Site
from tests.operations.wired import Wired, plain, refused


def test_to_make_ones_own_bucket_again_changes_nothing(wired: Wired) -> None:
    wired.s3.put_object(Bucket=wired.bucket, Key="k", Body=b"body")
    wired.s3.create_bucket(Bucket=wired.bucket)
    assert [each["Key"] for each in wired.s3.list_objects_v2(Bucket=wired.bucket)["Contents"]] == ["k"]
    assert refused(wired.other.create_bucket, Bucket=wired.bucket) == "BucketAlreadyExists"


@pytest.mark.parametrize(("region", "is_lenient"), [("us-east-1", True), ("eu-west-1", False)])
def test_only_the_oldest_region_lets_a_bucket_be_made_twice(site: Site, region: str, is_lenient: bool) -> None:
    site.region = region
    site.ask(site.alice, "PUT", "/data")
    if is_lenient:
        assert site.ask(site.alice, "PUT", "/data").status == 200
    else:
        assert site.refused(site.alice, "PUT", "/data") == "BucketAlreadyOwnedByYou"
    assert site.refused(site.bob, "PUT", "/data") == "BucketAlreadyExists"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("gzip", "gzip"),
        ("deflate, gzip", "deflate, gzip"),
        ("gzip, aws-chunked", "gzip"),
        ("aws-chunked,gzip", "gzip"),
        ("aws-chunked", None),
        ("aws-chunked, aws-chunked", None),
    ],
)
def test_the_coding_of_the_transfer_is_not_kept_with_the_object(site: Site, sent: str, kept: str | None) -> None:
    site.bucket("data")
    site.ask(site.alice, "PUT", "/data/k", {"content-encoding": sent})
    assert dict(site.ask(site.alice, "GET", "/data/k").headers).get("content-encoding") == kept


@pytest.mark.parametrize("value", ["200", "", "miracles"])
def test_an_expectation_that_nobody_knows_is_ignored(wired: Wired, value: str) -> None:
    url = wired.presign("PUT", wired.url("k"))
    assert plain("PUT", url, b"body", {"Expect": value}).status == 200


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"ChecksumSHA256": "bad"}, "InvalidRequest"),  # AWS; the suite wants BadDigest
        ({"ChecksumCRC64NVME": "bad"}, "InvalidRequest"),
        ({"ChecksumSHA256": base64.b64encode(bytes(32)).decode()}, "BadDigest"),
    ],
)
def test_a_checksum_that_is_none_is_not_one_that_is_wrong(wired: Wired, options: dict[str, str], code: str) -> None:
    assert refused(wired.s3.put_object, Bucket=wired.bucket, Key="k", Body=b"body", **options) == code
    assert "Contents" not in wired.s3.list_objects_v2(Bucket=wired.bucket)


def test_checksums_are_told_to_those_who_ask(wired: Wired) -> None:
    sha256 = base64.b64encode(hashlib.sha256(b"body").digest()).decode()
    where = {"Bucket": wired.bucket, "Key": "k"}
    assert wired.s3.put_object(**where, Body=b"body", ChecksumSHA256=sha256)["ChecksumSHA256"] == sha256
    assert "ChecksumSHA256" not in wired.s3.head_object(**where)
    assert wired.s3.head_object(**where, ChecksumMode="ENABLED")["ChecksumSHA256"] == sha256


def test_a_conditional_put_knows_the_object_that_is_there(wired: Wired) -> None:
    where = {"Bucket": wired.bucket, "Key": "k"}
    assert refused(wired.s3.put_object, **where, Body=b"0", IfMatch="*") == "NoSuchKey"
    etag = wired.s3.put_object(**where, Body=b"1", IfNoneMatch="*")["ETag"]
    assert refused(wired.s3.put_object, **where, Body=b"2", IfNoneMatch="*") == "PreconditionFailed"
    assert refused(wired.s3.put_object, **where, Body=b"2", IfMatch='"other"') == "PreconditionFailed"
    assert refused(wired.s3.put_object, **where, Body=b"2", IfNoneMatch=etag) == "NotImplemented"
    wired.s3.put_object(**where, Body=b"3", IfMatch=etag)
    assert wired.s3.get_object(**where)["Body"].read() == b"3"


def test_a_prefix_of_control_characters_is_told_in_its_encoding(site: Site) -> None:
    site.bucket("data")
    for version in ("", "&list-type=2"):
        answer = site.ask(site.alice, "GET", f"/data?prefix=%0A&encoding-type=url{version}")
        assert b"<Prefix>%0A</Prefix>" in answer.body
