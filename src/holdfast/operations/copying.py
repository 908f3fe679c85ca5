"""The source of a copy: read by name from another key of the tenancy, under the caller's own right to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from holdfast.catalog.rows import ObjectRow
from holdfast.s3 import conditions, names
from holdfast.s3.shapes import Header

from .context import Context
from .facts import version_facts
from .reading import check_no_customer_key, get_version


# Without slots: CopyObject's request inherits from two shapes, and only one base of a class may have slots.
@dataclass(frozen=True, kw_only=True)
class CopySource:
    """The part of a request that CopyObject and UploadPartCopy share."""

    copy_source: Annotated[str, Header("x-amz-copy-source")]
    source_customer_algorithm: Annotated[
        str | None, Header("x-amz-copy-source-server-side-encryption-customer-algorithm")
    ] = None
    source_if_match: Annotated[str | None, Header("x-amz-copy-source-if-match")] = None
    source_if_modified_since: Annotated[str | None, Header("x-amz-copy-source-if-modified-since")] = None
    source_if_none_match: Annotated[str | None, Header("x-amz-copy-source-if-none-match")] = None
    source_if_unmodified_since: Annotated[str | None, Header("x-amz-copy-source-if-unmodified-since")] = None


def get_source(context: Context, request: CopySource) -> tuple[names.CopySource, ObjectRow]:
    """Return the version that is to be copied, authorised as a read of it and under the request's conditions on it.

    Raises what reading it would raise, and `PreconditionFailed` (412): a copy knows no 304.
    """
    source = names.parse_copy_source(request.copy_source)
    action = "s3:GetObject" if source.version_id is None else "s3:GetObjectVersion"
    bucket = context.authorised(
        action,
        source.bucket,
        source.key,
        version_facts(source.version_id),
        owner_header="x-amz-source-expected-bucket-owner",
    )
    row = get_version(context, bucket, source.key, source.version_id)
    check_no_customer_key(request.source_customer_algorithm)
    conditions.check_copy_source(
        etag=row.etag,
        modified_s=row.sequence // 1_000_000,
        if_match=request.source_if_match,
        if_none_match=request.source_if_none_match,
        if_modified_since=request.source_if_modified_since,
        if_unmodified_since=request.source_if_unmodified_since,
    )
    return source, row
