"""ListObjects: a page of a bucket's keys, continued by a marker (version 1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from holdfast.s3.shapes import Element, Label, Query, Route
from holdfast.store import listing

from .context import Context
from .listed import ObjectEntry, PrefixEntry, split_page
from .operation import Operation
from .paging import choose_encoding, page_size


@dataclass(frozen=True, slots=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]
    delimiter: Annotated[str | None, Query("delimiter")] = None
    encoding_type: Annotated[str | None, Query("encoding-type")] = None
    marker: Annotated[str | None, Query("marker")] = None
    max_keys: Annotated[int | None, Query("max-keys")] = None
    prefix: Annotated[str | None, Query("prefix")] = None


@dataclass(frozen=True, slots=True)
class Response:
    root: ClassVar[str] = "ListBucketResult"

    name: Annotated[str, Element("Name")]
    prefix: Annotated[str, Element("Prefix")]
    marker: Annotated[str, Element("Marker")]
    next_marker: Annotated[str | None, Element("NextMarker")]
    max_keys: Annotated[int, Element("MaxKeys")]
    delimiter: Annotated[str | None, Element("Delimiter")]
    encoding_type: Annotated[str | None, Element("EncodingType")]
    is_truncated: Annotated[bool, Element("IsTruncated")]
    contents: Annotated[tuple[ObjectEntry, ...], Element("Contents")]
    common_prefixes: Annotated[tuple[PrefixEntry, ...], Element("CommonPrefixes")]


def run(context: Context, request: Request) -> Response:
    """Return the page after the marker.

    `NextMarker` comes with a delimiter only, as at AWS: without one the last key is the mark.
    """
    bucket = context.authorised("s3:ListBucket", request.bucket)
    spell = choose_encoding(request.encoding_type)
    page = listing.list_page(
        context.rows,
        bucket.bucket_id,
        prefix=request.prefix or "",
        delimiter=request.delimiter or "",
        after=request.marker or "",
        count_max=page_size(request.max_keys),
    )
    contents, prefixes = split_page(context, page, spell, with_owner=True)
    return Response(
        name=bucket.name,
        prefix=spell(request.prefix or ""),
        marker=spell(request.marker or ""),
        next_marker=spell(page.after) if page.is_truncated and request.delimiter else None,
        max_keys=page_size(request.max_keys),
        delimiter=spell(request.delimiter) if request.delimiter else None,
        encoding_type=request.encoding_type,
        is_truncated=page.is_truncated,
        contents=contents,
        common_prefixes=prefixes,
    )


operation = Operation(
    name="ListObjects",
    route=Route("GET", "bucket"),
    permission="s3:ListBucket",
    request=Request,
    response=Response,
    run=run,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html",
)
