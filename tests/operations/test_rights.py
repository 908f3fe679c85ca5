"""For each operation and each role: what running it gives is what the table of roles says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest
from tests.operations.site import Site

from holdfast.auth.callers import Caller
from holdfast.auth.roles import RIGHT_OF, Extent, Right, Role, extent
from holdfast.operations.operation import Operation
from holdfast.operations.registry import OPERATIONS
from holdfast.s3.codes import S3Error


class Sample(NamedTuple):
    """What a request of an operation needs beside its route."""

    query: str = ""
    headers: Mapping[str, str] = {}
    body: bytes = b""


TAGGING = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
CORS = (
    b"<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod>"
    b"</CORSRule></CORSConfiguration>"
)
POLICY = b'{"Statement":[{"Effect":"Deny","Principal":{"AWS":"bob"},"Action":"s3:GetObjectTorrent","Resource":"b/*"}]}'
PRIVATE = {"x-amz-acl": "private"}
SAMPLES = {
    "AbortMultipartUpload": Sample("uploadId=u"),
    "CompleteMultipartUpload": Sample("uploadId=u", body=b"<CompleteMultipartUpload/>"),
    "CopyObject": Sample(headers={"x-amz-copy-source": "b/other"}),
    "CreateBucket": Sample(),
    "DeleteObjects": Sample(body=b"<Delete><Object><Key>k</Key></Object></Delete>"),
    "GetObjectAttributes": Sample(headers={"x-amz-object-attributes": "ETag"}),
    "ListParts": Sample("uploadId=u"),
    "PutBucketAcl": Sample(headers=PRIVATE),
    "PutBucketCors": Sample(body=CORS),
    "PutBucketPolicy": Sample(body=POLICY),
    "PutBucketTagging": Sample(body=TAGGING),
    "PutObject": Sample(body=b"x"),
    "PutObjectAcl": Sample(headers=PRIVATE),
    "PutObjectTagging": Sample(body=TAGGING),
    "UploadPart": Sample("uploadId=u&partNumber=1", body=b"x"),
    "UploadPartCopy": Sample("uploadId=u&partNumber=1", {"x-amz-copy-source": "b/other"}),
}
PEOPLE: Mapping[str, tuple[Role | None, bool]] = {
    # name → role, owns the bucket
    "gus": (Role.GUEST, False),
    "alice": (Role.USER, True),
    "bob": (Role.USER, False),
    "dora": (Role.DEPUTY, False),
    "mary": (Role.MANAGER, False),
    "nobody": (None, False),
}
by_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)


def is_denied(site: Site, caller: Caller, operation: Operation[Any, Any]) -> bool:
    """Whether an operation refuses for want of a right. Another refusal (nothing set, no such upload) grants it."""
    sample = SAMPLES.get(operation.name, Sample())
    bucket = "new" if operation.name == "CreateBucket" else "b"
    path = {"service": "/", "bucket": f"/{bucket}", "key": f"/{bucket}/k"}[operation.route.level]
    given = sample.query.split("&") if sample.query else []
    names = {each.partition("=")[0] for each in given}
    query = "&".join([*(each for each in operation.route.query if each not in names), *given])
    headers = dict.fromkeys(operation.route.headers, "") | dict(sample.headers)
    try:
        answer = site.ask(caller, operation.route.method, f"{path}?{query}" if query else path, headers, sample.body)
    except S3Error as error:
        return error.code == "AccessDenied"
    return b"<Code>AccessDenied</Code>" in answer.body


def site_with(bucket: Mapping[str, Any] | None = None) -> Site:
    site = Site()
    site.bucket("b", **(bucket or {}))
    site.object("b", "k")
    site.object("b", "other")
    return site


@by_operation
@pytest.mark.parametrize("name", PEOPLE)
def test_what_each_role_may_do_is_what_the_table_says(operation: Operation[Any, Any], name: str) -> None:
    site = site_with()
    role, owns = PEOPLE[name]
    right = RIGHT_OF[operation.permission]
    reach = extent(role, right)
    if right in (Right.LIST_BUCKETS, Right.CREATE_BUCKET):
        expected = reach is not Extent.NONE
    else:
        expected = reach is Extent.ALL or (owns and reach in (Extent.OWN, Extent.OWN_OR_POLICY))
    assert is_denied(site, getattr(site, name), operation) is not expected


@by_operation
@pytest.mark.parametrize("access", ["read", "write"])
def test_a_guest_may_do_what_is_named(operation: Operation[Any, Any], access: str) -> None:
    site = site_with()
    guest = site.member("gina", Role.GUEST, buckets={"id-b": access})
    right = RIGHT_OF[operation.permission]
    expected = right in (Right.LIST_BUCKETS, Right.READ_DATA) or (right is Right.WRITE_DATA and access == "write")
    assert is_denied(site, guest, operation) is not expected


@by_operation
@pytest.mark.parametrize("name", ["bob", "gus", "nobody"])
def test_a_policy_for_everyone_opens_data_and_nothing_else(operation: Operation[Any, Any], name: str) -> None:
    site = site_with({"statements": [{}]})
    right = RIGHT_OF[operation.permission]
    if right in (Right.LIST_BUCKETS, Right.CREATE_BUCKET):
        return
    expected = right in (Right.READ_DATA, Right.WRITE_DATA)
    assert is_denied(site, getattr(site, name), operation) is not expected


@by_operation
def test_a_token_never_reaches_beyond_its_scope(operation: Operation[Any, Any]) -> None:
    right = RIGHT_OF[operation.permission]
    reads = right in (Right.LIST_BUCKETS, Right.READ_DATA) or operation.permission in (
        "s3:GetBucketPolicy",
        "s3:GetBucketPolicyStatus",
    )
    site = site_with()
    assert is_denied(site, site.narrowed(site.mary, read_only=True), operation) is not reads
    if right is not Right.LIST_BUCKETS:
        assert is_denied(site, site.narrowed(site.mary, buckets=frozenset({"c"})), operation)


def test_every_permission_is_an_action_of_the_policy_language() -> None:
    assert {each.permission for each in OPERATIONS} <= RIGHT_OF.keys()
    assert SAMPLES.keys() <= {each.name for each in OPERATIONS}
