"""CopyObject over the wire: what is taken along, what is replaced, and what is refused."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.operations.wired import Wired, refused

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def put(wired: Wired, **options: Any) -> dict[str, str]:
    """Put an object with something in every place, and return what names it as a source."""
    whole = {
        "Key": "from",
        "Body": b"body",
        "ContentType": "text/x",
        "CacheControl": "no-cache",
        "Metadata": {"a": "1"},
    }
    wired.s3.put_object(Bucket=wired.bucket, **{**whole, "Tagging": "t=u", **options})
    return {"Bucket": wired.bucket, "Key": options.get("Key", "from")}


def copy(wired: Wired, source: Any, **options: Any) -> Any:
    return wired.s3.copy_object(**{"Bucket": wired.bucket, "Key": "to", "CopySource": source, **options})


def test_a_copy_has_bytes_headers_and_tags_of_its_source(wired: Wired) -> None:
    copied = copy(wired, put(wired))
    found = wired.s3.get_object(Bucket=wired.bucket, Key="to")
    assert (found["Body"].read(), found["ContentType"], found["CacheControl"]) == (b"body", "text/x", "no-cache")
    assert (found["Metadata"], found["TagCount"]) == ({"a": "1"}, 1)
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(b"body").hexdigest()}"'


def test_replacing_replaces_the_content_headers_too(wired: Wired) -> None:
    copy(wired, put(wired), MetadataDirective="REPLACE", Metadata={"b": "2"}, ContentType="text/y")
    found = wired.s3.head_object(Bucket=wired.bucket, Key="to")
    assert (found["Metadata"], found["ContentType"], found.get("CacheControl")) == ({"b": "2"}, "text/y", None)


def test_without_the_directive_headers_of_the_request_change_nothing(wired: Wired) -> None:
    copy(wired, put(wired), Metadata={"b": "2"}, ContentType="text/y")
    found = wired.s3.head_object(Bucket=wired.bucket, Key="to")
    assert (found["Metadata"], found["ContentType"]) == ({"a": "1"}, "text/x")


@pytest.mark.parametrize(("directive", "tags"), [("COPY", [("t", "u")]), ("REPLACE", [("v", "w")])])
def test_tags_have_a_directive_of_their_own(wired: Wired, directive: str, tags: list[tuple[str, str]]) -> None:
    copy(wired, put(wired), TaggingDirective=directive, Tagging="v=w")
    found = wired.s3.get_object_tagging(Bucket=wired.bucket, Key="to")["TagSet"]
    assert [(each["Key"], each["Value"]) for each in found] == tags


def test_a_copy_onto_itself_must_change_something(wired: Wired) -> None:
    source = put(wired)
    assert refused(copy, wired=wired, source=source, Key="from") == "InvalidRequest"
    copy(wired, source, Key="from", MetadataDirective="REPLACE", Metadata={"c": "3"})
    found = wired.s3.get_object(Bucket=wired.bucket, Key="from")
    assert (found["Body"].read(), found["Metadata"]) == (b"body", {"c": "3"})


@pytest.mark.parametrize("key", ["a b+c", "50%", "a%2Fb", "?versionId=null", "é😀", "//a//", "x?y=z&w#f"])
def test_any_key_may_be_a_source(wired: Wired, key: str) -> None:
    source = put(wired, Key=key)
    copy(wired, source)
    assert wired.s3.get_object(Bucket=wired.bucket, Key="to")["Body"].read() == b"body"


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_source_may_begin_with_a_slash(wired: Wired, slash: str) -> None:
    put(wired)
    copy(wired, f"{slash}{wired.bucket}/from")


def test_an_empty_object_is_copied(wired: Wired) -> None:
    copy(wired, put(wired, Body=b""))
    assert wired.s3.head_object(Bucket=wired.bucket, Key="to")["ContentLength"] == 0


def test_a_source_that_is_not_there_is_named_by_what_is_missing(wired: Wired) -> None:
    assert refused(copy, wired=wired, source=f"{wired.bucket}/nothing") == "NoSuchKey"
    assert refused(copy, wired=wired, source="no-such-bucket/k") == "NoSuchBucket"
    assert refused(copy, wired=wired, source="no-key-at-all") == "InvalidArgument"


def test_conditions_on_the_source_have_no_304(wired: Wired) -> None:
    source = put(wired)
    etag = wired.s3.head_object(Bucket=wired.bucket, Key="from")["ETag"]
    for holds in (
        {"CopySourceIfMatch": etag},
        {"CopySourceIfNoneMatch": '"x"'},
        {"CopySourceIfModifiedSince": LONG_AGO},
    ):
        copy(wired, source, **holds)
    for fails in (
        {"CopySourceIfMatch": '"x"'},
        {"CopySourceIfNoneMatch": etag},
        {"CopySourceIfUnmodifiedSince": LONG_AGO},
    ):
        assert refused(copy, wired=wired, source=source, **fails) == "PreconditionFailed"


def test_a_copy_of_an_upload_keeps_its_etag_and_its_parts(wired: Wired) -> None:
    # AWS makes one part of it, which reads and writes every byte. Here a copy is rows, however long the object.
    upload = wired.s3.create_multipart_upload(Bucket=wired.bucket, Key="from")
    where = {"Bucket": wired.bucket, "Key": "from", "UploadId": upload["UploadId"]}
    part = wired.s3.upload_part(**where, PartNumber=1, Body=b"body")
    parts = [{"PartNumber": 1, "ETag": part["ETag"]}]
    wired.s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    copied = copy(wired, f"{wired.bucket}/from")
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(hashlib.md5(b"body").digest()).hexdigest()}-1"'
    found = wired.s3.get_object(Bucket=wired.bucket, Key="to", PartNumber=1)
    assert (found["Body"].read(), found["PartsCount"]) == (b"body", 1)


def test_a_copy_may_ask_for_another_checksum(wired: Wired) -> None:
    copied = copy(wired, put(wired), ChecksumAlgorithm="SHA256")["CopyObjectResult"]
    expected = base64.b64encode(hashlib.sha256(b"body").digest()).decode()
    assert (copied["ChecksumSHA256"], copied["ChecksumType"]) == (expected, "FULL_OBJECT")
    assert wired.s3.head_object(Bucket=wired.bucket, Key="to", ChecksumMode="ENABLED")["ChecksumSHA256"] == expected


def test_a_copy_outlives_its_source(wired: Wired) -> None:
    copy(wired, put(wired))
    wired.s3.delete_object(Bucket=wired.bucket, Key="from")
    assert wired.s3.get_object(Bucket=wired.bucket, Key="to")["Body"].read() == b"body"


def test_both_ends_of_a_copy_are_authorised(wired: Wired) -> None:
    source = put(wired)
    assert refused(wired.other.copy_object, Bucket=wired.bucket, Key="to", CopySource=source) == "AccessDenied"
    theirs = f"{wired.bucket}-theirs"
    wired.other.create_bucket(Bucket=theirs)
    assert refused(wired.other.copy_object, Bucket=theirs, Key="to", CopySource=source) == "AccessDenied"
