"""Requests for tenancies and quotas, closing a tenancy, and the buckets of who left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from holdfast.admin.buckets import Transfer, get_owner
from holdfast.admin.errors import Refused, Taken
from holdfast.auth.roles import Right
from holdfast.catalog.rows import TENANCIES
from holdfast.portal.access import Need, Standing, TenancyNeed
from holdfast.portal.house import house
from holdfast.portal.people.lookups import user_names
from holdfast.portal.sizes import exact_size
from holdfast.portal.tenancies.asking_forms import ReviewForm
from holdfast.portal.tenancies.asking_review import approve, get_request, reject
from holdfast.portal.tenancies.closing import close, find_closing, take_back
from holdfast.portal.tenancies.closing_certificate import certificate_text, find_certificate
from holdfast.portal.tenancies.closing_erasure import confirm, get_closing
from holdfast.portal.tenancies.leavers import Plan, carry_out, owner_lines
from holdfast.portal.tenancies.leavers import plan as plan_for
from holdfast.portal.tenancies.models import Closing, QuotaRequest, TenancyRequest
from holdfast.portal.tenancies.quota import (
    approve_quota,
    ask_for_quota,
    get_quota_request,
    reject_quota,
    withdraw_quota_request,
)
from holdfast.portal.tenancies.quota_forms import AskForQuota, ReviewQuota

from . import shapes
from .bearer import caller_of
from .errors import NotThere, checked
from .needs import route
from .paging import After, Limit, cut, is_number, page_of

router = Router(tags=["requests"])
_MANAGES = TenancyNeed(Right.GRANT_ROLES)


@route(router, "GET", "/tenancy-requests", Need.OPERATOR, response=shapes.Page[shapes.TenancyRequest])
def tenancy_requests(
    request: HttpRequest,
    limit: Limit = 50,
    after: After = "",
    state: Literal["REQUESTED", "APPROVED", "PROVISIONED", "REJECTED", "WITHDRAWN"] = "REQUESTED",
) -> dict[str, Any]:
    """List requests for tenancies in a state, by number."""
    found = TenancyRequest.objects.filter(state=state)
    if is_number(after):
        found = found.filter(pk__gt=int(after))
    part = list(found.order_by("pk")[: limit + 1])
    return page_of(_tenancy_requests(part[:limit]), str(part[limit - 1].pk) if len(part) > limit else None)


def _tenancy_requests(found: Sequence[TenancyRequest]) -> list[dict[str, Any]]:
    with house().catalog.read() as rows:
        names = user_names(rows, {each.requester_id for each in found} | {each.decided_by for each in found})
    return [
        {
            "id": each.pk,
            "name": each.name,
            "requester": names.get(each.requester_id, each.requester_id),
            "purpose": each.purpose,
            "limit_bytes": each.limit_bytes,
            "ends_on": each.ends_on,
            "deputies": each.deputies,
            "state": each.state,
            "version": each.version,
            "asked_at": each.asked_at,
            "decided_at": each.decided_at,
            "decided_by": names.get(each.decided_by, each.decided_by),
        }
        for each in found
    ]


@route(router, "GET", "/tenancy-requests/{int:number}", Need.OPERATOR, response=shapes.TenancyRequest)
def tenancy_request(request: HttpRequest, number: int) -> dict[str, Any]:
    """Show one request for a tenancy."""
    return _tenancy_requests([get_request(number)])[0]


@route(router, "POST", "/tenancy-requests/{int:number}/decision", Need.OPERATOR, response=shapes.TenancyRequest)
def decide_tenancy(request: HttpRequest, number: int, said: shapes.DecideTenancy) -> dict[str, Any]:
    """Decide a request for a tenancy; an approved one is there at once. Who comes second is told so by 409."""
    found = get_request(number)
    given = checked(
        ReviewForm(
            {
                **said.dict(),
                "limit_bytes": exact_size(said.limit_bytes or found.limit_bytes),
                "ends_on": said.ends_on or found.ends_on,
            }
        )
    )
    operator = caller_of(request).person
    if said.decision == "reject":
        return _tenancy_requests([reject(operator, number, said.version, given["reason"])])[0]
    made = approve(
        operator,
        number,
        said.version,
        limit_bytes=given["limit_bytes"],
        ends_on=given["ends_on"],
        promises_more=said.promises_more,
        reason=given["reason"],
    )
    return _tenancy_requests([made])[0]


def _quota_requests(found: Sequence[QuotaRequest]) -> list[dict[str, Any]]:
    with house().catalog.read() as rows:
        names = user_names(rows, {each.requester_id for each in found} | {each.decided_by for each in found})
        tenancies = {each.tenancy_id: rows.find(TENANCIES, (each.tenancy_id,)) for each in found}
    return [
        {
            "id": each.pk,
            "tenancy": tenancy.name if tenancy is not None else "",
            "requester": names.get(each.requester_id, each.requester_id),
            "limit_bytes": each.limit_bytes,
            "before_bytes": each.before_bytes,
            "ends_on": each.ends_on,
            "reason": each.reason,
            "state": each.state,
            "answer": each.answer,
            "asked_at": each.asked_at,
            "decided_at": each.decided_at,
            "decided_by": names.get(each.decided_by, each.decided_by),
        }
        for each in found
        for tenancy in [tenancies[each.tenancy_id]]
    ]


@route(router, "GET", "/quota-requests", Need.OPERATOR, response=shapes.Page[shapes.QuotaRequest])
def quota_requests(
    request: HttpRequest,
    limit: Limit = 50,
    after: After = "",
    state: Literal["REQUESTED", "APPROVED", "REJECTED", "WITHDRAWN"] = "REQUESTED",
) -> dict[str, Any]:
    """List requests for quotas in a state, by number."""
    found = QuotaRequest.objects.filter(state=state)
    if is_number(after):
        found = found.filter(pk__gt=int(after))
    part = list(found.order_by("pk")[: limit + 1])
    return page_of(_quota_requests(part[:limit]), str(part[limit - 1].pk) if len(part) > limit else None)


@route(router, "GET", "/quota-requests/{int:number}", Need.OPERATOR, response=shapes.QuotaRequest)
def quota_request(request: HttpRequest, number: int) -> dict[str, Any]:
    """Show one request for a quota."""
    return _quota_requests([get_quota_request(number)])[0]


@route(router, "POST", "/quota-requests/{int:number}/decision", Need.OPERATOR, response=shapes.QuotaRequest)
def decide_quota(request: HttpRequest, number: int, said: shapes.DecideQuota) -> dict[str, Any]:
    """Decide a request for a quota; an approved one holds at once. Who comes second is told so by 409."""
    found = get_quota_request(number)
    given = checked(
        ReviewQuota(
            {
                **said.dict(),
                "limit_bytes": exact_size(said.limit_bytes or found.limit_bytes),
                "ends_on": said.ends_on or found.ends_on,
            }
        )
    )
    operator = caller_of(request).person
    if said.decision == "reject":
        reject_quota(operator, number, given["answer"])
    else:
        approve_quota(
            operator,
            number,
            limit_bytes=given["limit_bytes"],
            ends_on=given["ends_on"],
            promises_more=said.promises_more,
            answer=given["answer"],
        )
    return _quota_requests([get_quota_request(number)])[0]


@route(
    router,
    "GET",
    "/tenancies/{tenancy}/quota-requests",
    TenancyNeed(Right.DECIDE_REQUESTS),
    response=shapes.Page[shapes.QuotaRequest],
)
def own_quota_requests(
    request: HttpRequest, standing: Standing, limit: Limit = 50, after: After = ""
) -> dict[str, Any]:
    """List what a tenancy asked for, the newest first."""
    found = QuotaRequest.objects.filter(tenancy_id=standing.tenancy.tenancy_id)
    if is_number(after):
        found = found.filter(pk__lt=int(after))
    part = list(found.order_by("-pk")[: limit + 1])
    return page_of(_quota_requests(part[:limit]), str(part[limit - 1].pk) if len(part) > limit else None)


@route(router, "POST", "/tenancies/{tenancy}/quota-requests", _MANAGES, status=201, response=shapes.QuotaRequest)
def ask_quota(request: HttpRequest, standing: Standing, said: shapes.AskForQuota) -> Status[Any]:
    """Ask the operators for another quota, or a later end. One request of a tenancy waits at a time."""
    given = checked(AskForQuota({**said.dict(), "limit_bytes": exact_size(said.limit_bytes)}))
    made = ask_for_quota(standing, given["limit_bytes"], given["ends_on"], given["reason"])
    return Status(201, _quota_requests([made])[0])


@route(router, "DELETE", "/tenancies/{tenancy}/quota-requests/{int:number}", _MANAGES, response=shapes.Done)
def withdraw_quota(request: HttpRequest, standing: Standing, number: int) -> dict[str, str]:
    """Take a request for a quota back that waits."""
    withdraw_quota_request(standing, number)
    return {"done": "the request is withdrawn"}


def _closing(found: Closing) -> dict[str, Any]:
    return {
        "id": found.pk,
        "tenancy": found.tenancy_name,
        "state": found.state,
        "reason": found.reason,
        "closed_at": found.closed_at,
        "readable_until": found.grace_ends_on,
        "is_frozen": found.frozen_at is not None,
        "objects": found.held_objects,
        "bytes": found.held_bytes,
        "deleted_objects": found.deleted_objects,
        "deleted_bytes": found.deleted_bytes,
        "fault": found.fault,
        "deleted_at": found.deleted_at,
    }


@route(router, "GET", "/tenancies/{tenancy}/closing", _MANAGES, response=shapes.Closing)
def closing(request: HttpRequest, standing: Standing) -> dict[str, Any]:
    """Show the closing of a tenancy that is under way. 404 where it is not being closed."""
    found = find_closing(standing.tenancy)
    if found is None:
        raise NotThere
    return _closing(found)


@route(router, "PUT", "/tenancies/{tenancy}/closing", _MANAGES, response=shapes.Closing)
def close_tenancy(request: HttpRequest, standing: Standing, said: shapes.Close) -> dict[str, Any]:
    """Close a tenancy: it is read-only at once, and members are told until when its data can be read. Idempotent."""
    found = find_closing(standing.tenancy) or close(standing, said.reason)
    found.refresh_from_db()
    return _closing(found)


@route(router, "DELETE", "/tenancies/{tenancy}/closing", _MANAGES, response=shapes.Closing)
def take_closing_back(request: HttpRequest, standing: Standing) -> dict[str, Any]:
    """Open a tenancy again whose data are not being deleted yet."""
    return _closing(take_back(standing))


@route(router, "GET", "/closings", Need.OPERATOR, response=shapes.Page[shapes.Closing])
def closings(
    request: HttpRequest,
    limit: Limit = 50,
    after: After = "",
    state: Literal["GRACE", "RESUMED", "DELETING", "DELETED"] = "GRACE",
) -> dict[str, Any]:
    """List closings in a state, by number."""
    found = Closing.objects.filter(state=state)
    if is_number(after):
        found = found.filter(pk__gt=int(after))
    part = list(found.order_by("pk")[: limit + 1])
    return page_of([_closing(each) for each in part[:limit]], str(part[limit - 1].pk) if len(part) > limit else None)


@route(router, "GET", "/closings/{int:number}", Need.OPERATOR, response=shapes.Closing)
def one_closing(request: HttpRequest, number: int) -> dict[str, Any]:
    """Show a closing, and how far its deletion has come."""
    return _closing(get_closing(number))


@route(router, "POST", "/closings/{int:number}/deletion", Need.OPERATOR, response=shapes.Closing)
def delete_closed(request: HttpRequest, number: int, said: shapes.EraseClosed) -> dict[str, Any]:
    """Have all data of a closed tenancy deleted, once they could be read as long as was said. It can't be undone."""
    if get_closing(number).tenancy_name != said.tenancy:
        raise Refused("`tenancy` is not the name of the tenancy of this closing: nothing was deleted")
    return _closing(confirm(caller_of(request).person, number))


@route(
    router, "GET", "/closings/{int:number}/certificate", Need.OPERATOR,
    openapi_extra={"responses": {200: {"description": "The text", "content": {"text/plain": {}}}}},
)  # fmt: skip
def certificate(request: HttpRequest, number: int) -> HttpResponse:
    """Return the certificate of a deletion, as text."""
    found = find_certificate(caller_of(request).person, number)
    if found is None:
        raise NotThere
    return HttpResponse(certificate_text(found), content_type="text/plain; charset=utf-8")


@route(router, "GET", "/tenancies/{tenancy}/owners", _MANAGES, response=shapes.Page[shapes.OwnerLine])
def owners(
    request: HttpRequest, standing: Standing, limit: Limit = 50, after: After = "", everybody: bool = False
) -> dict[str, Any]:
    """List owners of buckets who can't answer for them any more, or all owners, by name."""
    with house().catalog.read() as rows:
        found = owner_lines(rows, standing, everybody=everybody)
    part, following = cut(found, limit, after, lambda line: line.owner.user.user_id)
    items = [
        {
            "id": line.owner.user.user_id,
            "name": line.owner.user.name,
            "status": line.status.word,
            "used_bytes": line.size_bytes,
            "used_objects": line.object_count,
            "buckets": [bucket.name for bucket in line.owner.buckets],
        }
        for line in part
    ]
    return page_of(items, following)


@route(router, "POST", "/tenancies/{tenancy}/owners/{owner}/transfer", _MANAGES, response=shapes.Transfer)
def transfer(request: HttpRequest, standing: Standing, owner: str, said: shapes.TransferBuckets) -> dict[str, Any]:
    """Give buckets of an owner, by name or id, to another member. With `dry_run`, say what would change."""
    with house().catalog.read() as rows:
        found = get_owner(rows, standing.tenancy, owner, house().now_us())
        planned = plan_for(rows, standing, found, said.buckets, said.new_owner)
    if said.plan is not None and said.plan != planned.mark:
        raise Taken("something has changed since that plan was made: look at a new one first")
    if said.dry_run:
        return _transfer(planned, planned.transfers, "", done=False)
    done, refusal = carry_out(standing, found, planned)
    if not done:
        raise Refused(refusal)
    return _transfer(planned, done, refusal, done=True)


def _transfer(planned: Plan, transfers: Sequence[Transfer], refusal: str, *, done: bool) -> dict[str, Any]:
    return {
        "done": done,
        "plan": planned.mark,
        "buckets": [
            {
                "name": each.bucket.name,
                "before": each.before.name if each.before is not None else each.bucket.owner_id,
                "after": each.after.name,
                "used_bytes": each.size_bytes,
                "used_objects": each.object_count,
                "has_policy": each.has_policy,
            }
            for each in transfers
        ],
        "refusal": refusal,
    }
