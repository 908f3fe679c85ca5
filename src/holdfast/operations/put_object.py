"""PutObject: a new object under a key, in the place of what was there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from holdfast.s3.shapes import ETag, Header, HeaderMap, Label, Route
from holdfast.store import quotas, versions
from holdfast.store.receipt import Receipt

from . import preconditions
from .context import Context
from .operation import Admission, Operation
from .stored_headers import StoredHeaders, read_facts


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(StoredHeaders):
    bucket: Annotated[str, Label("Bucket")]
    key: Annotated[str, Label("Key")]
    content_length: Annotated[int | None, Header("Content-Length")] = None
    decoded_length: Annotated[int | None, Header("x-amz-decoded-content-length")] = None
    if_match: Annotated[str | None, Header("If-Match")] = None
    if_none_match: Annotated[str | None, Header("If-None-Match")] = None
    write_offset: Annotated[int | None, Header("x-amz-write-offset-bytes")] = None


@dataclass(frozen=True, slots=True)
class Response:
    etag: Annotated[ETag, Header("ETag")]
    checksum: Annotated[dict[str, str], HeaderMap("x-amz-checksum-")]


def admit(context: Context, request: Request) -> Admission:
    """Refuse before the body what is known to fail: headers, conditions, quota."""
    bucket = context.authorised("s3:PutObject", request.bucket, request.key)
    if request.tagging:
        context.authorised("s3:PutObjectTagging", request.bucket, request.key)
    preconditions.check_put_headers(request.if_match, request.if_none_match, request.write_offset)
    read_facts(context, request)
    tenancy = context.tenancy
    current = versions.find(context.rows, bucket, request.key)
    preconditions.write_condition(bucket.name, request.key, request.if_match, request.if_none_match)(current)
    replaced_bytes = current.size_bytes if current else 0
    length = request.decoded_length if request.decoded_length is not None else request.content_length
    if length is not None:
        quotas.check_room(context.rows, tenancy, bucket, quotas.Delta(length - replaced_bytes, 0 if current else 1))
    return Admission(reserve=(tenancy.tenancy_id, bucket.bucket_id), reserve_replaces_bytes=replaced_bytes)


def commit(context: Context, request: Request, receipt: Receipt | None) -> Response:
    """Make the body the current version of the key; conditions and quota are decided here, again and finally."""
    assert receipt is not None
    bucket = context.authorised("s3:PutObject", request.bucket, request.key)
    algorithm = receipt.checksum_algorithm
    versions.put(
        context.changes,
        context.tenancy,
        bucket,
        request.key,
        read_facts(context, request),
        versions.Body(
            receipt.size_bytes,
            receipt.md5_hex,
            f"{algorithm}:FULL_OBJECT:{receipt.checksum}" if algorithm else "",
            receipt.slices,
        ),
        version_id=context.new_id,
        created_by=context.caller.id,
        now_us=context.now_us,
        condition=preconditions.write_condition(bucket.name, request.key, request.if_match, request.if_none_match),
        reservation_id=receipt.reservation_id,
    )
    shown = {algorithm.lower(): receipt.checksum, "type": "FULL_OBJECT"} if algorithm else {}
    return Response(ETag(receipt.md5_hex), shown)


operation = Operation(
    name="PutObject",
    route=Route("PUT", "key"),
    permission="s3:PutObject",
    request=Request,
    response=Response,
    admit=admit,
    commit=commit,
    body="payload",
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html",
)
