"""ListMultipartUploads: the uploads of a bucket that are neither completed nor aborted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from holdfast.s3.shapes import Element, Label, Micros, Query, Route
from holdfast.store import multipart

from .context import Context
from .listed import PrefixEntry
from .operation import Operation
from .owners import Owner, find_owner
from .paging import choose_encoding, page_size


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]
    delimiter: Annotated[str | None, Query("delimiter")] = None
    encoding_type: Annotated[str | None, Query("encoding-type")] = None
    key_marker: Annotated[str | None, Query("key-marker")] = None
    max_uploads: Annotated[int | None, Query("max-uploads")] = None
    prefix: Annotated[str | None, Query("prefix")] = None
    upload_id_marker: Annotated[str | None, Query("upload-id-marker")] = None


@dataclass(frozen=True, slots=True)
class UploadEntry:
    key: Annotated[str, Element("Key")]
    upload_id: Annotated[str, Element("UploadId")]
    initiator: Annotated[Owner, Element("Initiator")]
    owner: Annotated[Owner, Element("Owner")]
    storage_class: Annotated[str, Element("StorageClass")]
    initiated: Annotated[Micros, Element("Initiated")]
    checksum_algorithm: Annotated[str | None, Element("ChecksumAlgorithm")]
    checksum_type: Annotated[str | None, Element("ChecksumType")]


@dataclass(frozen=True, slots=True)
class Response:
    root: ClassVar[str] = "ListMultipartUploadsResult"

    bucket: Annotated[str, Element("Bucket")]
    key_marker: Annotated[str, Element("KeyMarker")]
    upload_id_marker: Annotated[str, Element("UploadIdMarker")]
    next_key_marker: Annotated[str | None, Element("NextKeyMarker")]
    next_upload_id_marker: Annotated[str | None, Element("NextUploadIdMarker")]
    delimiter: Annotated[str | None, Element("Delimiter")]
    prefix: Annotated[str, Element("Prefix")]
    encoding_type: Annotated[str | None, Element("EncodingType")]
    max_uploads: Annotated[int, Element("MaxUploads")]
    is_truncated: Annotated[bool, Element("IsTruncated")]
    uploads: Annotated[tuple[UploadEntry, ...], Element("Upload")]
    common_prefixes: Annotated[tuple[PrefixEntry, ...], Element("CommonPrefixes")]


def run(context: Context, request: Request) -> Response:
    """Return a page of uploads by key, and by the time they began within a key."""
    bucket = context.authorised("s3:ListBucketMultipartUploads", request.bucket)
    spell = choose_encoding(request.encoding_type)
    page = multipart.list_uploads(
        context.rows,
        bucket,
        prefix=request.prefix or "",
        delimiter=request.delimiter or "",
        key_mark=request.key_marker or "",
        upload_mark=request.upload_id_marker or "" if request.key_marker else "",
        count_max=page_size(request.max_uploads),
    )
    owners = {user_id: find_owner(context, user_id) for user_id in {upload.created_by for upload in page.uploads}}
    return Response(
        bucket=bucket.name,
        key_marker=spell(request.key_marker or ""),
        upload_id_marker=request.upload_id_marker or "",
        next_key_marker=spell(page.key_mark) if page.is_truncated else None,
        next_upload_id_marker=page.upload_mark if page.is_truncated else None,
        delimiter=spell(request.delimiter) if request.delimiter else None,
        prefix=spell(request.prefix or ""),
        encoding_type=request.encoding_type,
        max_uploads=page_size(request.max_uploads),
        is_truncated=page.is_truncated,
        uploads=tuple(
            UploadEntry(
                key=spell(upload.key),
                upload_id=upload.upload_id,
                initiator=owners[upload.created_by],
                owner=owners[upload.created_by],
                storage_class=upload.storage_class,
                initiated=Micros(upload.created_at_us),
                checksum_algorithm=upload.checksum_algorithm or None,
                checksum_type=upload.checksum_type or None,
            )
            for upload in page.uploads
        ),
        common_prefixes=tuple(PrefixEntry(spell(prefix)) for prefix in page.prefixes),
    )


operation = Operation(
    name="ListMultipartUploads",
    route=Route("GET", "bucket", query=("uploads",)),
    permission="s3:ListBucketMultipartUploads",
    request=Request,
    response=Response,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListMultipartUploads.html",
)
