"""ListObjectsV2: a page of a bucket's keys, continued by an opaque token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from holdfast.s3.shapes import Element, Label, Query, Route
from holdfast.store import listing

from .context import Context
from .listed import ObjectEntry, PrefixEntry, split_page
from .operation import Operation
from .paging import choose_encoding, open_token, page_size, seal_token


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]
    continuation_token: Annotated[str | None, Query("continuation-token")] = None
    delimiter: Annotated[str | None, Query("delimiter")] = None
    encoding_type: Annotated[str | None, Query("encoding-type")] = None
    fetch_owner: Annotated[bool | None, Query("fetch-owner")] = None
    max_keys: Annotated[int | None, Query("max-keys")] = None
    prefix: Annotated[str | None, Query("prefix")] = None
    start_after: Annotated[str | None, Query("start-after")] = None


@dataclass(frozen=True, slots=True)
class Response:
    root: ClassVar[str] = "ListBucketResult"

    name: Annotated[str, Element("Name")]
    prefix: Annotated[str, Element("Prefix")]
    continuation_token: Annotated[str | None, Element("ContinuationToken")]
    next_continuation_token: Annotated[str | None, Element("NextContinuationToken")]
    start_after: Annotated[str | None, Element("StartAfter")]
    key_count: Annotated[int, Element("KeyCount")]
    max_keys: Annotated[int, Element("MaxKeys")]
    delimiter: Annotated[str | None, Element("Delimiter")]
    encoding_type: Annotated[str | None, Element("EncodingType")]
    is_truncated: Annotated[bool, Element("IsTruncated")]
    contents: Annotated[tuple[ObjectEntry, ...], Element("Contents")]
    common_prefixes: Annotated[tuple[PrefixEntry, ...], Element("CommonPrefixes")]


def run(context: Context, request: Request) -> Response:
    """Return the page after the token, or after `start-after` when there is no token."""
    bucket = context.authorised("s3:ListBucket", request.bucket)
    spell = choose_encoding(request.encoding_type)
    # An empty token is sent by some clients for the first page, and is echoed like any other.
    after = open_token(request.continuation_token or None) or (request.start_after or "")
    page = listing.list_page(
        context.rows,
        bucket.bucket_id,
        prefix=request.prefix or "",
        delimiter=request.delimiter or "",
        after=after,
        count_max=page_size(request.max_keys),
    )
    contents, prefixes = split_page(context, page, spell, with_owner=bool(request.fetch_owner))
    return Response(
        name=bucket.name,
        prefix=spell(request.prefix or ""),
        continuation_token=request.continuation_token,
        next_continuation_token=seal_token(page.after) if page.is_truncated else None,
        start_after=None if request.start_after is None else spell(request.start_after),
        key_count=len(page.entries),
        max_keys=page_size(request.max_keys),
        delimiter=spell(request.delimiter) if request.delimiter else None,
        encoding_type=request.encoding_type,
        is_truncated=page.is_truncated,
        contents=contents,
        common_prefixes=prefixes,
    )


operation = Operation(
    name="ListObjectsV2",
    route=Route("GET", "bucket", query=("list-type=2",)),
    permission="s3:ListBucket",
    request=Request,
    response=Response,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html",
)
