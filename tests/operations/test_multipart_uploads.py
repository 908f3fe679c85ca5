"""Multipart uploads over the wire, by a client with its defaults: what ceph/s3-tests found, and what it would find again."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError
from tests.operations.wired import Wired, refused

MIB = 1 << 20
LONG, SHORT = b"a" * (5 * MIB), b"b" * 1000  # every part but the last has at least 5 MiB
WHOLE = LONG + SHORT


def begin(wired: Wired, key: str, **options: Any) -> Upload:
    made = wired.s3.create_multipart_upload(Bucket=wired.bucket, Key=key, **options)
    return Upload(wired, key, made["UploadId"], made)


class Upload(NamedTuple):
    wired: Wired
    key: str
    upload_id: str
    made: Any

    @property
    def where(self) -> dict[str, str]:
        return {"Bucket": self.wired.bucket, "Key": self.key, "UploadId": self.upload_id}

    def put(self, number: int, body: bytes, **options: Any) -> dict[str, Any]:
        """Send a part, and return what a list of parts says of it."""
        # Without being told, botocore sends a CRC32 with every part, whatever the upload began with.
        options.setdefault("ChecksumAlgorithm", self.made.get("ChecksumAlgorithm", "CRC32"))
        sent = self.wired.s3.upload_part(**self.where, PartNumber=number, Body=body, **options)
        checksums = {name: value for name, value in sent.items() if name.startswith("Checksum")}
        return {"PartNumber": number, "ETag": sent["ETag"], **checksums}

    def complete(self, parts: list[dict[str, Any]], **options: Any) -> Any:
        return self.wired.s3.complete_multipart_upload(**self.where, MultipartUpload={"Parts": parts}, **options)

    def refused(self, parts: list[dict[str, Any]], **options: Any) -> str:
        return refused(self.complete, parts=parts, **options)


def crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()


def sha256(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def composite_sha256(*bodies: bytes) -> str:
    return f"{sha256(b''.join(hashlib.sha256(body).digest() for body in bodies))}-{len(bodies)}"


# --- the object that is made


def test_the_parts_become_one_object_with_the_headers_that_the_upload_began_with(wired: Wired) -> None:
    upload = begin(wired, "k", ContentType="text/x", Metadata={"a": "1"}, Tagging="t=u", ContentEncoding="gzip")
    done = upload.complete([upload.put(1, LONG), upload.put(2, SHORT)])
    md5s = hashlib.md5(LONG).digest() + hashlib.md5(SHORT).digest()
    assert done["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-2"'
    found = wired.s3.get_object(Bucket=wired.bucket, Key="k")
    assert (found["ContentType"], found["Metadata"], found["ContentEncoding"]) == ("text/x", {"a": "1"}, "gzip")
    assert found["TagCount"] == 1
    assert found["Body"].read() == WHOLE


def test_numbers_may_have_gaps_and_a_part_that_is_sent_again_replaces_the_first(wired: Wired) -> None:
    upload = begin(wired, "k")
    first = upload.put(7, b"x" * len(LONG))
    again, last = upload.put(7, LONG), upload.put(9000, SHORT)
    assert upload.refused([first, last]) == "InvalidPart"
    upload.complete([again, last])
    assert wired.s3.get_object(Bucket=wired.bucket, Key="k")["Body"].read() == WHOLE


def test_a_part_that_is_not_listed_is_left_out(wired: Wired) -> None:
    upload = begin(wired, "k")
    _, second = upload.put(1, LONG), upload.put(2, SHORT)
    upload.complete([second])
    assert wired.s3.get_object(Bucket=wired.bucket, Key="k")["Body"].read() == SHORT


def test_a_completion_may_be_repeated_and_answers_the_same(wired: Wired) -> None:
    upload = begin(wired, "k", ChecksumAlgorithm="SHA256")
    parts = [upload.put(1, LONG), upload.put(2, SHORT)]
    first, again = upload.complete(parts), upload.complete(parts)
    for name in ("ETag", "ChecksumSHA256", "ChecksumType", "Location"):
        assert first[name] == again[name]
    assert upload.refused(parts[:1]) == "NoSuchUpload"


# --- lists that are refused


def test_the_order_is_looked_at_before_the_parts(wired: Wired) -> None:
    upload = begin(wired, "k")
    first, second = upload.put(1, LONG), upload.put(2, SHORT)
    for parts in ([second, first], [first, first], [{**first, "ETag": "0" * 32}, first]):
        assert upload.refused(parts) == "InvalidPartOrder"
    upload.complete([first, second])


def test_a_list_that_cannot_be_met_is_refused_and_leaves_the_upload(wired: Wired) -> None:
    upload = begin(wired, "k")
    first, second = upload.put(1, SHORT), upload.put(2, LONG)
    assert upload.refused([first, second]) == "EntityTooSmall"
    assert upload.refused([{**first, "ETag": '"0"'}]) == "InvalidPart"
    assert upload.refused([{**first, "PartNumber": 3}]) == "InvalidPart"
    assert upload.refused([]) == "MalformedXML"
    assert upload._replace(upload_id="nothing").refused([first]) == "NoSuchUpload"
    assert upload._replace(key="other").refused([first]) == "NoSuchUpload"
    upload.complete([first])


@pytest.mark.parametrize("number", [0, 10_001])
def test_a_part_has_a_number_from_1_to_10000(wired: Wired, number: int) -> None:
    assert refused(begin(wired, "k").put, number=number, body=SHORT) == "InvalidArgument"


# --- checksums


def test_what_a_client_sends_with_each_part_unasked_is_kept_of_the_whole(wired: Wired) -> None:
    upload = begin(wired, "k")
    assert "ChecksumAlgorithm" not in upload.made  # botocore begins without, and sends a CRC32 with each part
    done = upload.complete([upload.put(1, LONG), upload.put(2, SHORT)])
    assert (done["ChecksumCRC32"], done["ChecksumType"]) == (crc32(WHOLE), "FULL_OBJECT")
    head = wired.s3.head_object(Bucket=wired.bucket, Key="k", ChecksumMode="ENABLED")
    assert (head["ChecksumCRC32"], head["ChecksumType"]) == (crc32(WHOLE), "FULL_OBJECT")


def test_parts_whose_checksums_make_none_of_the_whole_leave_it_without(wired: Wired) -> None:
    upload = begin(wired, "k")
    done = upload.complete([upload.put(1, LONG), upload.put(2, SHORT, ChecksumAlgorithm="CRC32C")])
    assert "ChecksumType" not in done
    upload = begin(wired, "k")
    assert "ChecksumType" not in upload.complete([upload.put(1, SHORT, ChecksumAlgorithm="SHA256")])


def test_the_checksum_of_a_completion_is_the_objects_and_not_the_lists(wired: Wired) -> None:
    upload = begin(wired, "k", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    parts = [upload.put(1, LONG), upload.put(2, SHORT)]
    for wrong in (crc32(b"other"), "bad"):
        assert upload.refused(parts, ChecksumCRC32=wrong) == "BadDigest"
    assert upload.complete(parts, ChecksumCRC32=crc32(WHOLE))["ChecksumCRC32"] == crc32(WHOLE)


@pytest.mark.parametrize(
    "shown", [composite_sha256(LONG, SHORT), composite_sha256(LONG, SHORT).removesuffix("-2")], ids=["with", "without"]
)
def test_a_composite_checksum_may_be_sent_with_its_count_and_without(wired: Wired, shown: str) -> None:
    upload = begin(wired, "k", ChecksumAlgorithm="SHA256")
    done = upload.complete([upload.put(1, LONG), upload.put(2, SHORT)], ChecksumSHA256=shown)
    assert (done["ChecksumSHA256"], done["ChecksumType"]) == (composite_sha256(LONG, SHORT), "COMPOSITE")


def test_a_checksum_of_another_kind_than_the_uploads_is_refused(wired: Wired) -> None:
    upload = begin(wired, "k", ChecksumAlgorithm="SHA256")
    assert refused(upload.put, number=1, body=LONG, ChecksumAlgorithm="CRC32") == "InvalidRequest"
    part = upload.put(1, SHORT)
    assert upload.refused([part], ChecksumCRC32=crc32(SHORT)) == "InvalidRequest"
    assert upload.refused([part], ChecksumType="FULL_OBJECT") == "InvalidRequest"
    assert upload.refused([{**part, "ChecksumSHA256": sha256(b"other")}]) == "InvalidPart"


@pytest.mark.parametrize(("algorithm", "kind"), [("SHA256", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE")])
def test_not_every_algorithm_makes_every_kind(wired: Wired, algorithm: str, kind: str) -> None:
    wanted = {"ChecksumAlgorithm": algorithm, "ChecksumType": kind}
    assert refused(begin, wired=wired, key="k", **wanted) == "InvalidRequest"


# --- reading it


def test_a_part_is_read_by_its_number_with_its_own_checksum(wired: Wired) -> None:
    upload = begin(wired, "k", ChecksumAlgorithm="SHA256")
    etag = upload.complete([upload.put(1, LONG), upload.put(2, SHORT)])["ETag"]
    found = wired.s3.get_object(Bucket=wired.bucket, Key="k", PartNumber=2, ChecksumMode="ENABLED")
    assert found["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert found["ContentRange"] == f"bytes {len(LONG)}-{len(WHOLE) - 1}/{len(WHOLE)}"
    assert (found["ETag"], found["PartsCount"]) == (etag, 2)
    assert (found["ChecksumSHA256"], found["ChecksumType"]) == (sha256(SHORT), "COMPOSITE")
    assert found["Body"].read() == SHORT


def test_a_range_across_parts_is_read_and_has_no_checksum(wired: Wired) -> None:
    upload = begin(wired, "k")
    upload.complete([upload.put(1, LONG), upload.put(2, SHORT)])
    wanted = f"bytes={len(LONG) - 3}-{len(LONG) + 1}"
    found = wired.s3.get_object(Bucket=wired.bucket, Key="k", Range=wanted, ChecksumMode="ENABLED")
    assert found["Body"].read() == b"aaabb"
    assert "ChecksumCRC32" not in found


@pytest.mark.parametrize("is_multipart", [True, False])
def test_a_part_beyond_the_last_is_not_satisfiable(wired: Wired, is_multipart: bool) -> None:
    # AWS: 416 InvalidPartNumber; the suite wants 400 InvalidPart.
    if is_multipart:
        upload = begin(wired, "k")
        upload.complete([upload.put(1, SHORT)])
    else:
        wired.s3.put_object(Bucket=wired.bucket, Key="k", Body=SHORT)
    assert wired.s3.get_object(Bucket=wired.bucket, Key="k", PartNumber=1)["Body"].read() == SHORT
    with pytest.raises(ClientError) as caught:
        wired.s3.get_object(Bucket=wired.bucket, Key="k", PartNumber=2)
    assert caught.value.response["Error"]["Code"] == "InvalidPartNumber"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 416


# --- attributes

ALL = ["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"]


def test_attributes_tell_of_the_whole_and_page_through_the_parts(wired: Wired) -> None:
    upload = begin(wired, "k")
    etag = upload.complete([upload.put(1, LONG), upload.put(2, LONG), upload.put(3, SHORT)])["ETag"]
    said = wired.s3.get_object_attributes(Bucket=wired.bucket, Key="k", ObjectAttributes=ALL, MaxParts=2)
    assert (said["ETag"], said["ObjectSize"], said["StorageClass"]) == (
        etag.strip('"'),
        2 * len(LONG) + len(SHORT),
        "STANDARD",
    )
    parts = said["ObjectParts"]
    assert (parts["TotalPartsCount"], parts["IsTruncated"], parts["NextPartNumberMarker"]) == (3, True, 2)
    assert [(part["PartNumber"], part["Size"]) for part in parts["Parts"]] == [(1, len(LONG)), (2, len(LONG))]
    rest = wired.s3.get_object_attributes(
        Bucket=wired.bucket, Key="k", ObjectAttributes=["ObjectParts"], PartNumberMarker=2
    )["ObjectParts"]
    assert [(part["PartNumber"], part["ChecksumCRC32"]) for part in rest["Parts"]] == [(3, crc32(SHORT))]
    assert rest["IsTruncated"] is False


def test_attributes_show_a_composite_checksum_without_its_count(wired: Wired) -> None:
    # As AWS does (https://github.com/floci-io/floci/issues/3083); the suite wants the count.
    upload = begin(wired, "k", ChecksumAlgorithm="SHA256")
    whole = upload.complete([upload.put(1, LONG), upload.put(2, SHORT)])["ChecksumSHA256"]
    said = wired.s3.get_object_attributes(Bucket=wired.bucket, Key="k", ObjectAttributes=["Checksum"])
    assert said["Checksum"] == {"ChecksumSHA256": whole.removesuffix("-2"), "ChecksumType": "COMPOSITE"}


def test_an_object_that_was_put_at_once_has_no_parts(wired: Wired) -> None:
    wired.s3.put_object(Bucket=wired.bucket, Key="k", Body=b"foo")
    said = wired.s3.get_object_attributes(Bucket=wired.bucket, Key="k", ObjectAttributes=ALL)
    assert "ObjectParts" not in said
    assert said["Checksum"]["ChecksumCRC32"] == crc32(b"foo")


# --- conditions


def test_conditions_of_a_completion_are_asked_of_the_object_that_is_there(wired: Wired) -> None:
    upload = begin(wired, "k")
    parts = [upload.put(1, SHORT)]
    assert upload.refused(parts, IfMatch="*") == "NoSuchKey"
    etag = wired.s3.put_object(Bucket=wired.bucket, Key="k", Body=b"there")["ETag"]
    assert upload.refused(parts, IfNoneMatch="*") == "PreconditionFailed"
    assert upload.refused(parts, IfMatch='"other"') == "PreconditionFailed"
    assert upload.refused(parts, IfNoneMatch=etag) == "NotImplemented"  # AWS knows `*` only
    upload.complete(parts, IfMatch=etag)


# --- lists of parts and uploads, and giving up


def test_parts_and_uploads_are_listed_page_by_page(wired: Wired) -> None:
    uploads = [begin(wired, key) for key in ("a/1", "a/1", "b", "c/d")]
    for number in (3, 1, 2):
        uploads[0].put(number, SHORT)
    found = [part for page in pages(wired, "list_parts", uploads[0].where, 2) for part in page["Parts"]]
    assert [(part["PartNumber"], part["Size"]) for part in found] == [(1, 1000), (2, 1000), (3, 1000)]
    listed = [
        each for page in pages(wired, "list_multipart_uploads", {"Bucket": wired.bucket}, 1) for each in page["Uploads"]
    ]
    assert [(each["Key"], each["UploadId"]) for each in listed] == [(each.key, each.upload_id) for each in uploads]
    by_folder = wired.s3.list_multipart_uploads(Bucket=wired.bucket, Delimiter="/")
    assert [each["Prefix"] for each in by_folder["CommonPrefixes"]] == ["a/", "c/"]
    assert [each["Key"] for each in by_folder["Uploads"]] == ["b"]
    below = wired.s3.list_multipart_uploads(Bucket=wired.bucket, Prefix="a/")
    assert [each["UploadId"] for each in below["Uploads"]] == [each.upload_id for each in uploads[:2]]


def pages(wired: Wired, operation: str, where: dict[str, str], size: int) -> Iterator[Any]:
    yield from wired.s3.get_paginator(operation).paginate(**where, PaginationConfig={"PageSize": size})


def test_an_aborted_upload_is_gone(wired: Wired) -> None:
    upload = begin(wired, "k")
    part = upload.put(1, SHORT)
    wired.s3.abort_multipart_upload(**upload.where)
    assert upload.refused([part]) == "NoSuchUpload"
    for ask in (wired.s3.list_parts, wired.s3.abort_multipart_upload):
        assert refused(ask, **upload.where) == "NoSuchUpload"


def test_uploads_are_no_content_of_a_bucket(wired: Wired) -> None:
    begin(wired, "k").put(1, SHORT)
    assert "Contents" not in wired.s3.list_objects_v2(Bucket=wired.bucket)
    wired.s3.delete_bucket(Bucket=wired.bucket)


# --- parts that are copied


@pytest.mark.parametrize("algorithm", [None, "CRC32", "SHA256"])
def test_a_part_may_be_a_stretch_of_an_object(wired: Wired, algorithm: str | None) -> None:
    wired.s3.put_object(Bucket=wired.bucket, Key="from + %2F é", Body=WHOLE)
    upload = begin(wired, "k", **({"ChecksumAlgorithm": algorithm} if algorithm else {}))
    source = {"Bucket": wired.bucket, "Key": "from + %2F é"}
    parts = []
    for number, stretch in ((1, f"bytes=0-{len(LONG) - 1}"), (2, f"bytes={len(LONG)}-{len(WHOLE) - 1}")):
        copied = wired.s3.upload_part_copy(
            **upload.where, PartNumber=number, CopySource=source, CopySourceRange=stretch
        )
        parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
    assert parts[1]["ETag"] == f'"{hashlib.md5(SHORT).hexdigest()}"'
    done = upload.complete(parts)
    assert wired.s3.get_object(Bucket=wired.bucket, Key="k")["Body"].read() == WHOLE
    if algorithm == "SHA256":
        assert done["ChecksumSHA256"] == composite_sha256(LONG, SHORT)


@pytest.mark.parametrize(
    ("stretch", "code"),
    [
        ("bytes=0-3", "InvalidRange"),
        ("bytes=2-1", "InvalidArgument"),
        ("0-2", "InvalidArgument"),
        ("bytes=0-", "InvalidArgument"),
    ],
)
def test_a_copied_stretch_lies_within_its_object(wired: Wired, stretch: str, code: str) -> None:
    wired.s3.put_object(Bucket=wired.bucket, Key="from", Body=b"abc")
    upload = begin(wired, "k")
    source = {"CopySource": f"{wired.bucket}/from", "CopySourceRange": stretch}
    assert refused(wired.s3.upload_part_copy, **upload.where, PartNumber=1, **source) == code


def test_a_source_that_is_not_there_is_no_such_key(wired: Wired) -> None:
    upload = begin(wired, "k")
    source = f"{wired.bucket}/nothing"
    assert refused(wired.s3.upload_part_copy, **upload.where, PartNumber=1, CopySource=source) == "NoSuchKey"
