"""ListBuckets: the buckets of the tenancy that the caller may list."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from holdfast.auth.decide import BucketFacts, sees
from holdfast.auth.policies import find_policy
from holdfast.s3.shapes import Element, Micros, Query, Route
from holdfast.store import buckets

from .context import Context
from .operation import Operation
from .owners import Owner, caller_owner
from .paging import open_token, seal_token

BUCKETS_PAGE_MAX = 10_000  # API_ListBuckets, "MaxBuckets"


@dataclass(frozen=True, slots=True)
class Request:
    bucket_region: Annotated[str | None, Query("bucket-region")] = None
    continuation_token: Annotated[str | None, Query("continuation-token")] = None
    max_buckets: Annotated[int | None, Query("max-buckets")] = None
    prefix: Annotated[str | None, Query("prefix")] = None


@dataclass(frozen=True, slots=True)
class BucketEntry:
    name: Annotated[str, Element("Name")]
    creation_date: Annotated[Micros, Element("CreationDate")]


@dataclass(frozen=True, slots=True)
class Response:
    root: ClassVar[str] = "ListAllMyBucketsResult"

    owner: Annotated[Owner, Element("Owner")]
    buckets: Annotated[tuple[BucketEntry, ...], Element("Bucket", wrapper="Buckets")]
    prefix: Annotated[str | None, Element("Prefix")] = None
    continuation_token: Annotated[str | None, Element("ContinuationToken")] = None


def run(context: Context, request: Request) -> Response:
    """Return a page of buckets by name. Unlike other lists, each bucket is shown only to those who may list it."""
    tenancy = context.authorised_in_tenancy("s3:ListAllMyBuckets")
    count_max = request.max_buckets or BUCKETS_PAGE_MAX
    shown: list[BucketEntry] = []
    token = None
    for row in buckets.scan(context.rows, tenancy, after=open_token(request.continuation_token)):
        if request.prefix and not row.name.startswith(request.prefix):
            continue
        if not sees(context.caller.subject, BucketFacts(row.name, row.bucket_id, row.owner_id, find_policy(row))):
            continue
        if len(shown) == count_max:
            token = seal_token(shown[-1].name)
            break
        shown.append(BucketEntry(row.name, Micros(row.created_at_us)))
    return Response(caller_owner(context), tuple(shown), request.prefix, token)


operation = Operation(
    name="ListBuckets",
    route=Route("GET", "service"),
    permission="s3:ListAllMyBuckets",
    request=Request,
    response=Response,
    run=run,
    anonymous_allowed=False,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html",
)
