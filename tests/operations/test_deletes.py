"""DeleteObject and DeleteObjects over the wire."""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import Any

import pytest
from tests.operations.wired import Wired, plain, refused


def put(wired: Wired, *keys: str) -> None:
    for key in keys:
        wired.s3.put_object(Bucket=wired.bucket, Key=key, Body=b"body")


def delete(wired: Wired, *targets: dict[str, Any], quiet: bool = False) -> Any:
    return wired.s3.delete_objects(Bucket=wired.bucket, Delete={"Objects": list(targets), "Quiet": quiet})


def keys_of(wired: Wired) -> list[str]:
    return [each["Key"] for each in wired.s3.list_objects_v2(Bucket=wired.bucket).get("Contents", [])]


def test_a_key_that_is_not_there_is_deleted_already(wired: Wired) -> None:
    wired.s3.delete_object(Bucket=wired.bucket, Key="nothing")
    assert delete(wired, {"Key": "nothing"})["Deleted"] == [{"Key": "nothing"}]


def test_many_keys_go_at_once_whatever_their_names(wired: Wired) -> None:
    names = ["a", "a b+c", "50%", "é😀", "<&>'\"", "a/../b", " "]
    put(wired, *names, "stays")
    gone = delete(wired, *({"Key": name} for name in names))
    assert [each["Key"] for each in gone["Deleted"]] == names
    assert keys_of(wired) == ["stays"]


def test_quiet_tells_of_failures_only(wired: Wired) -> None:
    put(wired, "a", "b")
    said = delete(wired, {"Key": "a"}, {"Key": "b", "ETag": '"other"'}, quiet=True)
    assert "Deleted" not in said
    assert [(each["Key"], each["Code"]) for each in said["Errors"]] == [("b", "PreconditionFailed")]
    assert keys_of(wired) == ["b"]


def test_each_entry_has_conditions_of_its_own(wired: Wired) -> None:
    put(wired, "a", "b", "c")
    head = wired.s3.head_object(Bucket=wired.bucket, Key="a")
    said = delete(
        wired,
        {"Key": "a", "ETag": head["ETag"], "Size": 4, "LastModifiedTime": head["LastModified"]},
        {"Key": "b", "Size": 5},
        {"Key": "c", "LastModifiedTime": head["LastModified"].replace(year=2020)},
    )
    assert [each["Key"] for each in said["Deleted"]] == ["a"]
    assert [(each["Key"], each["Code"]) for each in said["Errors"]] == [
        ("b", "PreconditionFailed"),
        ("c", "PreconditionFailed"),
    ]


def test_a_delete_may_demand_what_it_deletes(wired: Wired) -> None:
    put(wired, "a")
    where = {"Bucket": wired.bucket, "Key": "a"}
    assert refused(wired.s3.delete_object, **where, IfMatch='"other"') == "PreconditionFailed"
    assert refused(wired.s3.delete_object, **where, IfMatchSize=5) == "PreconditionFailed"
    wired.s3.delete_object(**where, IfMatch=wired.s3.head_object(**where)["ETag"], IfMatchSize=4)
    assert keys_of(wired) == []


def test_each_key_is_authorised_by_itself(wired: Wired) -> None:
    put(wired, "mine", "open/k")
    arn = f"arn:aws:s3:::{wired.bucket}/open/*"
    statement = f'{{"Effect":"Allow","Principal":"*","Action":"s3:DeleteObject","Resource":"{arn}"}}'
    wired.s3.put_bucket_policy(Bucket=wired.bucket, Policy=f'{{"Version":"2012-10-17","Statement":[{statement}]}}')
    said = wired.other.delete_objects(Bucket=wired.bucket, Delete={"Objects": [{"Key": "mine"}, {"Key": "open/k"}]})
    assert [each["Key"] for each in said["Deleted"]] == ["open/k"]
    assert [(each["Key"], each["Code"]) for each in said["Errors"]] == [("mine", "AccessDenied")]


def test_a_thousand_keys_are_the_most(wired: Wired) -> None:
    assert len(delete(wired, *({"Key": f"k{n}"} for n in range(1000)))["Deleted"]) == 1000
    too_many = {"Objects": [{"Key": f"k{n}"} for n in range(1001)]}
    assert refused(wired.s3.delete_objects, Bucket=wired.bucket, Delete=too_many) == "MalformedXML"
    assert refused(wired.s3.delete_objects, Bucket=wired.bucket, Delete={"Objects": []}) == "MalformedXML"


DOCUMENT = b"<Delete><Object><Key>a</Key></Object></Delete>"
MD5 = base64.b64encode(hashlib.md5(DOCUMENT).digest()).decode()
CRC32 = base64.b64encode(zlib.crc32(DOCUMENT).to_bytes(4, "big")).decode()


@pytest.mark.parametrize(
    "headers",
    [{}, {"content-md5": MD5}, {"x-amz-checksum-crc32": CRC32}, {"content-md5": MD5, "x-amz-checksum-crc32": CRC32}],
    ids=["neither", "md5", "checksum", "both"],
)
def test_a_list_may_bring_a_digest_of_itself_and_need_not(wired: Wired, headers: dict[str, str]) -> None:
    put(wired, "a")
    url = wired.presign("POST", wired.url(query="delete="), headers)
    assert plain("POST", url, DOCUMENT, headers).status == 200
    assert keys_of(wired) == []


@pytest.mark.parametrize(
    ("header", "value", "code"),
    [
        ("content-md5", base64.b64encode(bytes(16)).decode(), "BadDigest"),
        ("content-md5", "none", "InvalidDigest"),
        ("x-amz-checksum-crc32", "AAAAAA==", "BadDigest"),
        ("x-amz-checksum-crc32", "bad", "InvalidRequest"),
    ],
)
def test_a_digest_that_the_list_has_not_deletes_nothing(wired: Wired, header: str, value: str, code: str) -> None:
    put(wired, "a")
    url = wired.presign("POST", wired.url(query="delete="), {header: value})
    assert plain("POST", url, DOCUMENT, {header: value}).code == code
    assert keys_of(wired) == ["a"]
