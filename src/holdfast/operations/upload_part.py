"""UploadPart: one part of an upload, replaceable until the upload is completed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from holdfast.s3 import checksums
from holdfast.s3.codes import S3Error
from holdfast.s3.shapes import ETag, Header, HeaderMap, Label, Query, Route
from holdfast.store import multipart, quotas
from holdfast.store.receipt import Receipt

from .context import Context
from .operation import Admission, Operation
from .stored_headers import encryption_is_off


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]
    key: Annotated[str, Label("Key")]
    upload_id: Annotated[str, Query("uploadId")]
    part_number: Annotated[int, Query("partNumber")]
    content_length: Annotated[int | None, Header("Content-Length")] = None
    decoded_length: Annotated[int | None, Header("x-amz-decoded-content-length")] = None
    customer_algorithm: Annotated[str | None, Header("x-amz-server-side-encryption-customer-algorithm")] = None


@dataclass(frozen=True, slots=True)
class Response:
    etag: Annotated[ETag, Header("ETag")]
    checksum: Annotated[dict[str, str], HeaderMap("x-amz-checksum-")]


def check_part_number(part_number: int, parts_max: int) -> None:
    """Raise `InvalidArgument` for a number that no part can have."""
    if not 1 <= part_number <= parts_max:
        raise S3Error(
            "InvalidArgument",
            f"Part number must be an integer between 1 and {parts_max}, inclusive",
            details={"ArgumentName": "partNumber", "ArgumentValue": str(part_number)},
        )


def admit(context: Context, request: Request) -> Admission:
    """Refuse before the body: an unknown upload, a bad number, a checksum of another kind, a full quota."""
    bucket = context.authorised("s3:PutObject", request.bucket, request.key)
    check_part_number(request.part_number, context.limits.parts_max)
    if request.customer_algorithm is not None:
        raise encryption_is_off()
    upload = multipart.get_open(context.rows, bucket, request.key, request.upload_id)
    claim = checksums.find_requested(context.head)
    if claim is not None and upload.checksum_algorithm and claim.algorithm != upload.checksum_algorithm:
        raise S3Error(
            "InvalidRequest",
            f"Checksum Type mismatch occurred, expected checksum Type: {upload.checksum_algorithm.lower()},"
            f" actual checksum Type: {claim.algorithm.lower()}",
        )
    length = request.decoded_length if request.decoded_length is not None else request.content_length
    replaced_bytes = multipart.part_bytes(context.rows, upload, request.part_number)
    if length is not None:
        quotas.check_room(context.rows, context.tenancy, bucket, quotas.Delta(upload_bytes=length - replaced_bytes))
    return Admission(
        checksum_algorithm=upload.checksum_algorithm or None,
        reserve=(context.tenancy.tenancy_id, bucket.bucket_id),
        reserve_replaces_bytes=replaced_bytes,
    )


def commit(context: Context, request: Request, receipt: Receipt | None) -> Response:
    """Keep the part, if the upload is still open."""
    assert receipt is not None
    bucket = context.authorised("s3:PutObject", request.bucket, request.key)
    upload = multipart.get_open(context.changes, bucket, request.key, request.upload_id)
    algorithm = receipt.checksum_algorithm
    multipart.put_part(
        context.changes,
        context.tenancy,
        bucket,
        upload,
        request.part_number,
        slices=receipt.slices,
        size_bytes=receipt.size_bytes,
        etag=receipt.md5_hex,
        checksum=f"{algorithm}:{receipt.checksum}" if algorithm else "",
        now_us=context.now_us,
        reservation_id=receipt.reservation_id,
    )
    return Response(ETag(receipt.md5_hex), {algorithm.lower(): receipt.checksum} if algorithm else {})


operation = Operation(
    name="UploadPart",
    route=Route("PUT", "key", query=("partNumber", "uploadId")),
    permission="s3:PutObject",
    request=Request,
    response=Response,
    admit=admit,
    commit=commit,
    body="payload",
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_UploadPart.html",
)
