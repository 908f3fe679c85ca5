"""PutBucketPolicy: who besides its owner and the tenancy's managers may use a bucket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from holdfast.auth.decide import may_make_public
from holdfast.auth.policies import resolver
from holdfast.s3 import policy
from holdfast.s3.codes import S3Error
from holdfast.s3.shapes import Header, Label, RawDocument, Route
from holdfast.store import buckets, site
from holdfast.store.receipt import Receipt

from .context import Context
from .operation import Operation


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    bucket: Annotated[str, Label("Bucket")]
    policy: Annotated[bytes, RawDocument()]
    confirm_remove_self: Annotated[bool | None, Header("x-amz-confirm-remove-self-bucket-access")] = None
    """Accepted and not needed: no policy takes itself out of reach of who answers for the bucket."""


@dataclass(frozen=True, slots=True)
class Response:
    status: ClassVar[int] = 204


def commit(context: Context, request: Request, receipt: Receipt | None) -> Response:
    """Keep the document as it came, and its meaning with ids for names: who gets a name later inherits nothing.

    Raises MalformedPolicy, and AccessDenied for a public policy of one who may not make anything public.
    """
    bucket = context.authorised("s3:PutBucketPolicy", request.bucket)
    tenancy = context.tenancy
    parsed = policy.parse(request.policy, bucket.name, resolver(context.rows, tenancy))
    if policy.is_public(parsed):
        check_may_publish(context)
    changed = bucket._replace(policy=request.policy.decode(), compiled_policy=parsed.source)
    buckets.change(context.changes, changed, bucket)
    return Response()


def check_may_publish(context: Context) -> None:
    """Raise AccessDenied where the caller may not make a bucket public, though they may put its policy."""
    forbidden = site.find_setting(context.rows, site.PUBLIC_FORBIDDEN)
    users_may = bool(context.tenancy.users_may_publish)
    if may_make_public(context.caller.subject, users_may, site_forbids=forbidden is not None):
        return
    if forbidden is None:
        remedy = "In this tenancy a MANAGER or DEPUTY has to put it; or name users or groups as Principal."
    else:
        why = f": {forbidden.rstrip('.')}" if forbidden else ""
        remedy = f"The operators of this site allow that to nobody now{why}."
    raise S3Error("AccessDenied", f"This policy would open the bucket to everyone. {remedy}")


operation = Operation(
    name="PutBucketPolicy",
    route=Route("PUT", "bucket", query=("policy",)),
    permission="s3:PutBucketPolicy",
    request=Request,
    response=Response,
    commit=commit,
    body="document",
    source="https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html",
)
