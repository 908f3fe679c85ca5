"""Buckets: made and shared as their pages do it, by the operations of S3 in the name of the person.

Operators are not among their callers: they see names and sizes by `/tenancies/{tenancy}/usage`.
"""

from __future__ import annotations

from typing import Annotated, Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from ninja import Header, Router, Status

from holdfast.admin.errors import Refused, Taken
from holdfast.auth.roles import Right
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import BUCKETS, BucketRow
from holdfast.operations import get_bucket_policy, list_buckets
from holdfast.portal.access import Standing, TenancyNeed
from holdfast.portal.data import cors_switch
from holdfast.portal.data.acting import Acting
from holdfast.portal.data.buckets_acts import make_bucket, remove_bucket, set_web_pages
from holdfast.portal.data.buckets_shelf import buckets_seen, get_bucket_seen
from holdfast.portal.data.deletions import cancel, deletions_seen, find_ordered, get_deletion, measure_for, order
from holdfast.portal.data.models import Deletion
from holdfast.portal.data.sharing_acts import change_policy, mark_of
from holdfast.portal.data.sharing_presets import BY_NAME, visibility_of
from holdfast.portal.house import house
from holdfast.portal.people.lookups import user_names
from holdfast.s3.codes import S3Error
from holdfast.s3.names import check_key, find_bucket_name_fault
from holdfast.store.errors import AccessDenied, BucketTaken, NoSuchBucket
from holdfast.store.quotas import get_usage, used_bytes, used_objects

from . import shapes
from .needs import Once, route
from .paging import After, Limit, cut, is_number, page_of

router = Router(tags=["buckets"])
_LISTS = TenancyNeed(Right.LIST_BUCKETS, in_person=True)
_MAKES = TenancyNeed(Right.CREATE_BUCKET, in_person=True)
_CHANGES = TenancyNeed(Right.CHANGE_BUCKET, in_person=True)
_DELETES = TenancyNeed(Right.WRITE_DATA, in_person=True)
IfMatch = Annotated[
    str | None, Header(alias="If-Match", description="The `ETag` that was seen: 412 where somebody changed it since.")
]


def _shown(rows: Snapshot, found: list[BucketRow]) -> list[dict[str, Any]]:
    names = user_names(rows, {row.owner_id for row in found})
    return [_one(rows, row, names.get(row.owner_id, row.owner_id)) for row in found]


def _one(rows: Snapshot, row: BucketRow, owner: str) -> dict[str, Any]:
    usage = get_usage(rows, row.bucket_id)
    visibility = visibility_of(row)
    return {
        "name": row.name,
        "owner": owner,
        "sharing": visibility.preset.name if visibility.preset is not None else None,
        "is_public": visibility.is_public,
        "web_pages": cors_switch.switch_of(row.cors).is_on,
        "used_bytes": used_bytes(usage),
        "used_objects": used_objects(usage),
        "limit_bytes": row.limit_bytes,
        "limit_objects": row.limit_objects,
        "created_at": shapes.moment(row.created_at_us),
    }


@route(router, "GET", "/tenancies/{tenancy}/buckets", _LISTS, response=shapes.Page[shapes.Bucket])
def buckets(
    request: HttpRequest, standing: Standing, limit: Limit = 50, after: After = "", q: str = ""
) -> dict[str, Any]:
    """List the buckets that one sees, by name."""
    acting = Acting.of(request, standing)
    with house().catalog.read() as rows:
        context = acting.context(rows, list_buckets.operation, list_buckets.Request())
        part, following = cut(buckets_seen(context, q.strip().lower()[:63]), limit, after, lambda row: row.name)
        return page_of(_shown(rows, part), following)


@route(router, "GET", "/tenancies/{tenancy}/buckets/{bucket}", _LISTS, response=shapes.Bucket)
def one_bucket(request: HttpRequest, standing: Standing, bucket: str) -> dict[str, Any]:
    """Show a bucket that one sees."""
    acting = Acting.of(request, standing)
    with house().catalog.read() as rows:
        context = acting.context(rows, list_buckets.operation, list_buckets.Request())
        return _shown(rows, [get_bucket_seen(context, bucket)])[0]


@route(router, "PUT", "/tenancies/{tenancy}/buckets/{bucket}", _MAKES, response=shapes.Bucket)
def set_bucket(request: HttpRequest, standing: Standing, bucket: str, said: shapes.SetBucket) -> dict[str, Any]:
    """Make a bucket, or set what is said of one that one may change. The same call again changes nothing."""
    fault = find_bucket_name_fault(bucket)
    if fault is not None:
        raise Refused(fault)
    acting = Acting.of(request, standing)
    if _find(acting, bucket) is None:
        preset = BY_NAME[said.sharing or standing.tenancy.new_buckets]
        make_bucket(acting, standing.tenancy, bucket, preset, web_pages=bool(said.web_pages))
    else:
        try:
            _check_answers_for(acting, bucket)
        except (AccessDenied, NoSuchBucket):
            raise BucketTaken(bucket, is_own=False) from None
        if said.sharing is not None:
            change_policy(acting, bucket, BY_NAME[said.sharing].build(standing.tenancy, bucket), None)
        if said.web_pages is not None:
            set_web_pages(acting, bucket, said.web_pages, None)
    with house().catalog.read() as rows:
        row = rows.find(BUCKETS, (acting.tenancy_id, bucket))
        if row is None:
            raise Taken(f"bucket {bucket} was deleted by somebody meanwhile: send the call again")
        return _shown(rows, [row])[0]


def _find(acting: Acting, bucket: str) -> BucketRow | None:
    with house().catalog.read() as rows:
        return rows.find(BUCKETS, (acting.tenancy_id, bucket))


def _check_answers_for(acting: Acting, bucket: str) -> BucketRow:
    """Return a bucket for who answers for it. Raises AccessDenied or NoSuchBucket."""
    with house().catalog.read() as rows:
        context = acting.context(rows, get_bucket_policy.operation, get_bucket_policy.Request(bucket))
        return context.authorised("s3:GetBucketPolicy", bucket)


@route(router, "DELETE", "/tenancies/{tenancy}/buckets/{bucket}", _CHANGES, response=shapes.Done)
def delete_bucket(request: HttpRequest, standing: Standing, bucket: str) -> dict[str, str]:
    """Delete a bucket that is empty."""
    remove_bucket(Acting.of(request, standing), bucket)
    return {"done": f"bucket {bucket} is deleted"}


def _etag(text: str) -> str:
    return f'"{mark_of(text)}"'


def _seen(if_match: str | None) -> str | None:
    """Return the mark of an `If-Match`; None = whatever is there."""
    return None if if_match is None or if_match.strip() == "*" else if_match.strip().strip('"')


@route(router, "GET", "/tenancies/{tenancy}/buckets/{bucket}/sharing", _CHANGES, response=shapes.Sharing)
def sharing(request: HttpRequest, standing: Standing, bucket: str, response: HttpResponse) -> dict[str, Any]:
    """Show which preset a bucket's policy amounts to. Its `ETag` is the policy's."""
    return _sharing_now(Acting.of(request, standing), bucket, response)


def _sharing_now(acting: Acting, bucket: str, response: HttpResponse) -> dict[str, Any]:
    row = _check_answers_for(acting, bucket)
    response["ETag"] = _etag(row.policy)
    visibility = visibility_of(row)
    name = visibility.preset.name if visibility.preset is not None else None
    return {"sharing": name, "is_public": visibility.is_public, "in_words": visibility.label}


@route(router, "PUT", "/tenancies/{tenancy}/buckets/{bucket}/sharing", _CHANGES, response=shapes.Sharing)
def set_sharing(
    request: HttpRequest,
    standing: Standing,
    bucket: str,
    said: shapes.SetSharing,
    response: HttpResponse,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """Say who sees a bucket. `public-read` opens it to the whole internet at once."""
    acting = Acting.of(request, standing)
    change_policy(acting, bucket, BY_NAME[said.sharing].build(standing.tenancy, bucket), _seen(if_match))
    return _sharing_now(acting, bucket, response)


_DOCUMENT: dict[str, Any] = {"application/json": {"schema": {"type": "object", "title": "Policy"}}}
_POLICY = "/tenancies/{tenancy}/buckets/{bucket}/policy"


@route(
    router, "GET", _POLICY, _CHANGES,
    openapi_extra={"responses": {200: {"description": "The document", "content": _DOCUMENT}}},
)  # fmt: skip
def policy(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponse:
    """Return a bucket's policy in the very bytes that were put, with an `ETag`. 404 where it has none."""
    row = _check_answers_for(Acting.of(request, standing), bucket)
    if not row.policy:
        raise get_bucket_policy.no_policy(row)
    return HttpResponse(row.policy, content_type="application/json", headers={"ETag": _etag(row.policy)})


@route(
    router, "PUT", _POLICY, _CHANGES, response=shapes.Sharing,
    openapi_extra={"requestBody": {"required": True, "content": _DOCUMENT}},
)  # fmt: skip
def set_policy(
    request: HttpRequest, standing: Standing, bucket: str, response: HttpResponse, if_match: IfMatch = None
) -> dict[str, Any]:
    """Put a policy: the body is the document, in AWS's form or JASMIN's."""
    try:
        document = request.body.decode()
    except UnicodeDecodeError:
        raise S3Error("MalformedPolicy", "A policy is JSON in UTF-8.") from None
    if not document.strip():
        raise S3Error("MalformedPolicy", "The body is the policy. To take it away, use DELETE.")
    acting = Acting.of(request, standing)
    change_policy(acting, bucket, document, _seen(if_match))
    return _sharing_now(acting, bucket, response)


@route(router, "DELETE", _POLICY, _CHANGES, response=shapes.Done)
def delete_policy(request: HttpRequest, standing: Standing, bucket: str, if_match: IfMatch = None) -> dict[str, str]:
    """Take a bucket's policy away: it is private. Idempotent."""
    change_policy(Acting.of(request, standing), bucket, "", _seen(if_match))
    return {"done": f"bucket {bucket} is private"}


@route(router, "GET", "/tenancies/{tenancy}/buckets/{bucket}/web-pages", _CHANGES, response=shapes.WebPages)
def web_pages(request: HttpRequest, standing: Standing, bucket: str, response: HttpResponse) -> dict[str, Any]:
    """Show whether web pages of other origins may read a bucket (CORS)."""
    return _web_pages_now(Acting.of(request, standing), bucket, response)


def _web_pages_now(acting: Acting, bucket: str, response: HttpResponse) -> dict[str, Any]:
    row = _check_answers_for(acting, bucket)
    response["ETag"] = _etag(row.cors)
    switch = cors_switch.switch_of(row.cors)
    return {"is_on": switch.is_on, "other_rules": list(switch.rules)}


@route(router, "PUT", "/tenancies/{tenancy}/buckets/{bucket}/web-pages", _CHANGES, response=shapes.WebPages)
def turn_web_pages(
    request: HttpRequest,
    standing: Standing,
    bucket: str,
    said: shapes.SetWebPages,
    response: HttpResponse,
    if_match: IfMatch = None,
) -> dict[str, Any]:
    """Let any web page read a bucket, or none. Nobody sees more by it than the policy lets them."""
    acting = Acting.of(request, standing)
    set_web_pages(acting, bucket, said.is_on, _seen(if_match))
    return _web_pages_now(acting, bucket, response)


def _deletions(found: list[Deletion]) -> list[dict[str, Any]]:
    with house().catalog.read() as rows:
        names = user_names(rows, {each.principal_id for each in found})
    return [
        {
            "id": each.pk,
            "bucket": each.bucket,
            "prefix": each.prefix,
            "ordered_by": names.get(each.principal_id, each.principal_id),
            "state": each.state,
            "found_objects": each.found_count,
            "deleted_objects": each.deleted_count,
            "deleted_bytes": each.deleted_bytes,
            "left_as_newer": each.newer_count,
            "refused": each.refused_count,
            "reason": each.reason,
            "ordered_at": shapes.moment(each.ordered_at_us),
            "ended_at": each.ended_at,
        }
        for each in found
    ]


@route(router, "GET", "/tenancies/{tenancy}/deletions", _DELETES, response=shapes.Page[shapes.Deletion])
def deletions(request: HttpRequest, standing: Standing, limit: Limit = 50, after: After = "") -> dict[str, Any]:
    """List deletions of whole prefixes, the newest first: one's own, or all for who may write everywhere."""
    before = Q(pk__lt=int(after)) if is_number(after) else Q()
    found = list(deletions_seen(standing, Acting.of(request, standing)).filter(before)[: limit + 1])
    return page_of(_deletions(found[:limit]), str(found[limit - 1].pk) if len(found) > limit else None)


@route(router, "POST", "/tenancies/{tenancy}/deletions", _DELETES, status=201, response=shapes.Deletion)
def order_deletion(request: HttpRequest, standing: Standing, said: shapes.OrderDeletion, once_key: Once) -> Status[Any]:
    """Order that all objects below a prefix are deleted; it runs behind the call. What is written later is left alone.

    Sent again with the same key, it answers with the deletion that was ordered.
    """
    if said.whole_bucket is bool(said.prefix):
        raise Refused("give a prefix, or an empty one with `whole_bucket` true: it deletes every object of the bucket")
    acting = Acting.of(request, standing)
    found = find_ordered(acting, once_key)
    if found is None:
        if said.prefix:
            check_key(said.prefix)
        if not measure_for(acting, said.bucket, said.prefix).objects:
            raise Refused(f"there is nothing below {said.bucket}/{said.prefix}")
        found = order(acting, standing.tenancy.name, said.bucket, said.prefix, once_key)
    if (found.bucket, found.prefix) != (said.bucket, said.prefix):
        raise Taken("that Idempotency-Key ordered the deletion of something else: choose a new one")
    return Status(201, _deletions([found])[0])


@route(router, "GET", "/tenancies/{tenancy}/deletions/{int:number}", _DELETES, response=shapes.Deletion)
def one_deletion(request: HttpRequest, standing: Standing, number: int) -> dict[str, Any]:
    """Show how far a deletion has come."""
    return _deletions([get_deletion(standing, Acting.of(request, standing), number)])[0]


@route(router, "DELETE", "/tenancies/{tenancy}/deletions/{int:number}", _DELETES, response=shapes.Deletion)
def cancel_deletion(request: HttpRequest, standing: Standing, number: int) -> dict[str, Any]:
    """Stop a deletion before its next batch. What is deleted stays deleted. Idempotent."""
    found = get_deletion(standing, Acting.of(request, standing), number)
    cancel(found, standing.person)
    found.refresh_from_db()
    return _deletions([found])[0]
