"""CreateBucket: a new bucket of the tenancy, owned by the caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from holdfast.auth.policies import new_bucket_policy, resolver
from holdfast.auth.roles import Extent, Right, extent
from holdfast.catalog.rows import TENANCIES, BucketRow, TenancyRow
from holdfast.s3 import names, policy
from holdfast.s3.codes import S3Error
from holdfast.s3.shapes import Document, Element, Header, HeaderMap, Label, Route
from holdfast.store import buckets
from holdfast.store.errors import AccessDenied, BucketTaken
from holdfast.store.receipt import Receipt

from .context import Context
from .operation import Operation
from .stored_headers import check_acl

LENIENT_REGION: Final = "us-east-1"  # API_CreateBucket, "BucketAlreadyOwnedByYou"


@dataclass(frozen=True, slots=True)
class Configuration:
    location_constraint: Annotated[str | None, Element("LocationConstraint")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]
    configuration: Annotated[Configuration | None, Document("CreateBucketConfiguration")] = None
    acl: Annotated[str | None, Header("x-amz-acl")] = None
    grants: Annotated[dict[str, str], HeaderMap("x-amz-grant-")]
    object_lock: Annotated[bool | None, Header("x-amz-bucket-object-lock-enabled")] = None
    ownership: Annotated[str | None, Header("x-amz-object-ownership")] = None


@dataclass(frozen=True, slots=True)
class Response:
    location: Annotated[str, Header("Location")]


def commit(context: Context, request: Request, receipt: Receipt | None) -> Response:
    """Make the bucket with the policy that the tenancy gives to new ones. Any location is this site's one.

    To make one's own bucket again changes nothing and succeeds in S3's oldest region, by whose name sites go that have
    no regions; elsewhere it is `BucketAlreadyOwnedByYou`.
    """
    names.check_bucket_name(request.bucket)
    tenancy = check_may_create(context, request.bucket)
    if context.changes.find(TENANCIES, (tenancy.tenancy_id,)) is None:
        # The caller's rows are up to a second old; a bucket of a tenancy that was deleted meanwhile would be nobody's.
        raise AccessDenied("s3:CreateBucket", request.bucket, reason="the tenancy is gone")
    check_acl(request.acl, request.grants)
    if request.object_lock:
        raise S3Error("NotImplemented", "Object lock is not supported by this server. Leave its header out.")
    if request.ownership not in (None, "BucketOwnerEnforced"):
        raise S3Error("InvalidRequest", "ACLs are off here: the only object ownership there is is BucketOwnerEnforced.")
    document = new_bucket_policy(tenancy, request.bucket)
    compiled = policy.parse(document, request.bucket, resolver(context.rows, tenancy)).source if document else ""
    row = BucketRow(
        tenancy_id=tenancy.tenancy_id,
        name=request.bucket,
        bucket_id=context.new_id,
        owner_id=context.caller.id,
        created_at_us=context.now_us,
        policy=document,
        compiled_policy=compiled,
        cors="",
        tags="",
        limit_bytes=None,
        limit_objects=None,
    )
    try:
        buckets.create(context.changes, row, context.limits.buckets_max)
    except BucketTaken as taken:
        if not taken.is_own or context.region != LENIENT_REGION:
            raise
    return Response(f"/{request.bucket}")


def check_may_create(context: Context, bucket: str) -> TenancyRow:
    """Return the tenancy if the caller may make a bucket of this name in it. Raises AccessDenied or TenancyClosed."""
    tenancy = context.authorised_in_tenancy("s3:CreateBucket", bucket)
    if not tenancy.users_may_create and extent(context.caller.subject.role, Right.MAKE_PUBLIC) is not Extent.ALL:
        raise AccessDenied("s3:CreateBucket", bucket, reason="only managers make buckets in this tenancy")
    return tenancy


operation = Operation(
    name="CreateBucket",
    route=Route("PUT", "bucket"),
    permission="s3:CreateBucket",
    request=Request,
    response=Response,
    commit=commit,
    body="document",
    anonymous_allowed=False,
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html",
)
