"""Tenancies: what they hold and may hold, their rules and states."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest
from ninja import Router

from holdfast.admin.audit import Sought, search_audit
from holdfast.admin.errors import Taken
from holdfast.admin.lookups import get_tenancy
from holdfast.admin.quotas import set_bucket_quota
from holdfast.admin.tenancies import create_tenancy, delete_tenancy, list_tenancies, set_tenancy_rules
from holdfast.admin.usage import Usage, bucket_usages, tenancy_usage
from holdfast.auth.roles import Right, Role
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import TENANCIES, AuditRow, TenancyRow
from holdfast.portal.access import Need, Standing, TenancyNeed
from holdfast.portal.house import house
from holdfast.portal.notices.models import Notice
from holdfast.portal.operating.tenancies import change_state, check_may_manage, give_manager, give_quota
from holdfast.portal.people.lookups import user_names
from holdfast.portal.tenancies.pages import tenancy_path
from holdfast.portal.tenancies.shelf import tenancies_of

from . import shapes
from .bearer import caller_of
from .needs import route
from .paging import After, Limit, cut, is_number, page_of

router = Router(tags=["tenancies"])


def office_of(request: HttpRequest) -> Any:
    """Return where `admin` works in the name of the caller."""
    return house().office(caller_of(request).person.principal_id)


def _shown(rows: Snapshot, tenancy: TenancyRow, role: str) -> dict[str, Any]:
    usage = tenancy_usage(rows, tenancy)
    endpoints = house().endpoints(tenancy.name)
    return {
        "name": tenancy.name,
        "state": tenancy.state,
        "reason": tenancy.reason if role in (Role.MANAGER.value, Role.OPERATOR.value) else "",
        "role": role,
        "limit_bytes": tenancy.limit_bytes,
        "limit_objects": tenancy.limit_objects,
        "used_bytes": usage.used_bytes,
        "used_objects": usage.used_objects,
        "new_buckets": tenancy.new_buckets,
        "users_may_publish": bool(tenancy.users_may_publish),
        "users_may_create": bool(tenancy.users_may_create),
        "endpoint_inside": endpoints.inside,
        "endpoint_outside": endpoints.outside,
        "created_at": shapes.moment(tenancy.created_at_us),
    }


@route(router, "GET", "/tenancies", Need.PERSON, response=shapes.Page[shapes.Tenancy])
def tenancies(request: HttpRequest, limit: Limit = 50, after: After = "") -> dict[str, Any]:
    """List tenancies: one's own, or all with an operator's token of the whole site."""
    caller = caller_of(request)
    own = {card.tenancy.tenancy_id: card.member.role for card in tenancies_of(caller.person)}
    with house().catalog.read() as rows:
        if caller.token.tenancy_id:
            tenancy = rows.find(TENANCIES, (caller.token.tenancy_id,))
            found = [tenancy] if tenancy is not None else []
        elif caller.person.is_operator:
            found = list(list_tenancies(rows))
        else:
            found = [tenancy for tenancy in list_tenancies(rows) if tenancy.tenancy_id in own]
        part, following = cut(found, limit, after, lambda each: each.name)
        items = [_shown(rows, each, own.get(each.tenancy_id, Role.OPERATOR.value)) for each in part]
    return page_of(items, following)


@route(router, "GET", "/tenancies/{tenancy}", TenancyNeed(None), response=shapes.Tenancy)
def one_tenancy(request: HttpRequest, standing: Standing) -> dict[str, Any]:
    """Show a tenancy."""
    with house().catalog.read() as rows:
        return _shown(rows, standing.tenancy, standing.role.value)


@route(router, "PUT", "/tenancies/{tenancy}", Need.OPERATOR, response=shapes.Tenancy)
def set_tenancy(request: HttpRequest, tenancy: str, said: shapes.SetTenancy) -> dict[str, Any]:
    """Make a tenancy, or set the quota of one that is there. The same call again changes nothing.

    `manager` is somebody else than the caller, and heeded where the tenancy has no MANAGER, suspended ones included.
    """
    operator = caller_of(request).person
    office = office_of(request)
    if said.manager is not None:
        check_may_manage(operator, said.manager)  # before anything is made
    try:
        create_tenancy(office, tenancy, limit_bytes=said.limit_bytes, limit_objects=said.limit_objects)
    except Taken:
        give_quota(operator, tenancy, said.limit_bytes, said.limit_objects)
    if said.manager is not None:
        # Of one that a call left half made, too.
        give_manager(operator, tenancy, said.manager)
    with office.read() as rows:
        return _shown(rows, get_tenancy(rows, tenancy), Role.OPERATOR.value)


@route(router, "PUT", "/tenancies/{tenancy}/rules", TenancyNeed(Right.GRANT_ROLES), response=shapes.Tenancy)
def set_rules(request: HttpRequest, standing: Standing, said: shapes.SetRules) -> dict[str, Any]:
    """Say what new buckets begin with, and what USERs may."""
    row = set_tenancy_rules(office_of(request), standing.tenancy.name, **said.dict())
    with house().catalog.read() as rows:
        return _shown(rows, row, standing.role.value)


@route(router, "PUT", "/tenancies/{tenancy}/state", TenancyNeed(Right.SUSPEND), response=shapes.Tenancy)
def set_state(request: HttpRequest, standing: Standing, said: shapes.SetState) -> dict[str, Any]:
    """Suspend a tenancy, make it read-only, or resume it. Managers are told."""
    row = change_state(standing.person, standing.tenancy.name, said.state, said.reason)
    with house().catalog.read() as rows:
        return _shown(rows, row, standing.role.value)


@route(router, "DELETE", "/tenancies/{tenancy}", Need.OPERATOR, response=shapes.Done)
def remove_tenancy(request: HttpRequest, tenancy: str) -> dict[str, str]:
    """Delete a tenancy that has no buckets, with its memberships."""
    delete_tenancy(office_of(request), tenancy)
    return {"done": f"tenancy {tenancy} is deleted"}


@route(router, "GET", "/tenancies/{tenancy}/usage", TenancyNeed(Right.OTHERS_TOKENS), response=shapes.Usage)
def usage(request: HttpRequest, standing: Standing) -> dict[str, Any]:
    """Show what a tenancy and each of its buckets hold, exact at this moment."""
    with house().catalog.read() as rows:
        whole = tenancy_usage(rows, standing.tenancy)
        buckets = bucket_usages(rows, standing.tenancy)
    return {**whole._asdict(), "buckets": [_bucket(each) for each in buckets]}


def _bucket(usage: Usage) -> dict[str, Any]:
    return {field: getattr(usage, field) for field in shapes.BucketUsage.model_fields}


@route(router, "PUT", "/tenancies/{tenancy}/quota", TenancyNeed(Right.SET_QUOTA), response=shapes.Tenancy)
def set_quota(request: HttpRequest, standing: Standing, said: shapes.SetQuota) -> dict[str, Any]:
    """Set the quota of a tenancy; null is no limit. Nothing is deleted by it, and its managers are told."""
    row = give_quota(standing.person, standing.tenancy.name, said.limit_bytes, said.limit_objects)
    with house().catalog.read() as rows:
        return _shown(rows, row, standing.role.value)


@route(
    router, "PUT", "/tenancies/{tenancy}/buckets/{bucket}/quota", TenancyNeed(Right.GRANT_ROLES), response=shapes.Done
)
def set_one_buckets_quota(
    request: HttpRequest, standing: Standing, bucket: str, said: shapes.SetQuota
) -> dict[str, str]:
    """Set the quota of one bucket, which holds beside the tenancy's."""
    set_bucket_quota(office_of(request), standing.tenancy.name, bucket, said.limit_bytes, said.limit_objects)
    return {"done": f"the quota of {bucket} is set"}


@route(
    router,
    "GET",
    "/tenancies/{tenancy}/activity",
    TenancyNeed(Right.OTHERS_TOKENS),
    response=shapes.Page[shapes.AuditRow],
)
def activity(
    request: HttpRequest, standing: Standing, limit: Limit = 50, after: After = "", action: str = ""
) -> dict[str, Any]:
    """List what was done in a tenancy, the newest first: its part of the audit log."""
    sought = Sought(action=action[:60], tenancy_id=standing.tenancy.tenancy_id)
    with house().catalog.read() as rows:
        found = search_audit(rows, sought, limit, int(after) if is_number(after) else None)
        items = audit_items(rows, found.rows)
    return page_of(items, str(found.before_us) if found.before_us is not None else None)


@route(router, "GET", "/tenancies/{tenancy}/notices", TenancyNeed(None), response=shapes.Page[shapes.Notice])
def notices(
    request: HttpRequest, standing: Standing, limit: Limit = 50, after: After = "", unread: bool = False
) -> dict[str, Any]:
    """List what one was told about a tenancy, the newest first."""
    found = Notice.objects.filter(person=standing.person, url__startswith=tenancy_path(standing.tenancy.name))
    if unread:
        found = found.filter(read_at=None)
    if is_number(after):
        found = found.filter(pk__lt=int(after))
    part = list(found.order_by("-pk")[: limit + 1])
    items = [
        {
            "id": each.pk,
            "kind": each.kind,
            "level": each.level,
            "subject": each.subject,
            "text": each.text,
            "path": each.url,
            "at": each.created_at,
            "read_at": each.read_at,
        }
        for each in part[:limit]
    ]
    return page_of(items, str(part[limit - 1].pk) if len(part) > limit else None)


def audit_items(rows: Snapshot, found: Any) -> list[dict[str, Any]]:
    """Return rows of the audit log as the API gives them."""
    names = user_names(rows, {row.actor for row in found})
    tenancies = {row.tenancy_id: rows.find(TENANCIES, (row.tenancy_id,)) for row in found if row.tenancy_id}

    def item(row: AuditRow) -> dict[str, Any]:
        of = tenancies.get(row.tenancy_id)
        return {
            "at": shapes.moment(row.at_us),
            "who": names.get(row.actor, row.actor),
            "action": row.action,
            "what": row.subject,
            "tenancy": of.name if of is not None else "",
            "detail": json.loads(row.detail) if row.detail else {},
        }

    return [item(row) for row in found]
