"""Members, guests and requests to join."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from ninja import Router, Status

from holdfast.admin.break_glass import SOURCE as BREAK_GLASS
from holdfast.admin.errors import Refused
from holdfast.admin.lookups import get_bucket, get_user
from holdfast.admin.managers import is_live
from holdfast.admin.members import Access
from holdfast.auth.roles import Right, Role
from holdfast.catalog.rows import MEMBERS, UserRow
from holdfast.portal.access import Standing, TenancyNeed
from holdfast.portal.house import house
from holdfast.portal.joining import days
from holdfast.portal.joining.deciding import approve, get_request, refuse
from holdfast.portal.joining.granting import bucket_names, grant, revoke
from holdfast.portal.joining.inviting import invite, open_invitations, resend, withdraw_invitation
from holdfast.portal.joining.models import AccessRequest
from holdfast.portal.joining.models import Invitation as InvitationRow
from holdfast.portal.joining.roster import Entry, Wanted, get_found, roster
from holdfast.portal.people.lookups import user_names

from . import shapes
from .needs import route
from .paging import After, Limit, cut, is_number, page_of

router = Router(tags=["members"])
_DECIDES = TenancyNeed(Right.DECIDE_REQUESTS)


def _member(standing: Standing, entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "full_name": entry.full_name,
        "role": entry.role.value,
        "last_day": entry.last_day if entry.is_own or standing.may(Right.DECIDE_REQUESTS) else None,
        "status": entry.status.word,
        "source": entry.source,
    }


@route(router, "GET", "/tenancies/{tenancy}/members", TenancyNeed(None), response=shapes.Page[shapes.Member])
def members(
    request: HttpRequest, standing: Standing, limit: Limit = 50, after: After = "", q: str = ""
) -> dict[str, Any]:
    """List the members, MANAGERs first, then by name."""
    found = roster(standing, Wanted(q.strip()[:100], "", ""))
    part, following = cut(found, limit, after, lambda entry: entry.name)
    return page_of([_member(standing, entry) for entry in part], following)


@route(router, "PUT", "/tenancies/{tenancy}/members/{name}", _DECIDES, response=shapes.Member)
def set_member(request: HttpRequest, standing: Standing, name: str, said: shapes.SetMember) -> dict[str, Any]:
    """Make somebody a member, or change the role, end and buckets of one who is. The same call again changes nothing.

    DEPUTY and MANAGER are given by MANAGERs alone. A GUEST's buckets are those that are named.
    """
    role = Role(said.role)
    if bool(said.buckets) != (role is Role.GUEST):
        raise Refused("a GUEST has named buckets, and nobody else has: give `buckets` for a GUEST alone")
    with house().catalog.read() as rows:
        user = get_user(rows, name)
    buckets = _by_id(standing, said.buckets)
    if not _has(standing, user, role, said.last_day, buckets):
        with transaction.atomic():
            grant(standing, user, role, said.last_day, buckets=buckets or None)
    entry = next(each for each in roster(standing, Wanted("", "", "")) if each.name == name)
    return _member(standing, entry)


def _has(standing: Standing, user: UserRow, role: Role, last_day: date, buckets: Mapping[str, Access]) -> bool:
    """Whether somebody is a member as this says already."""
    opened = house()
    with opened.catalog.read() as rows:
        member = rows.find(MEMBERS, (standing.tenancy.tenancy_id, user.user_id))
    # An operator's access to data looks like a GUEST's, and is nobody's to confirm.
    if member is None or not is_live(member, opened.now_us()) or member.source == BREAK_GLASS:
        return False
    ends_on = None if member.until_us is None else days.last_day_of(member.until_us)
    named = json.loads(member.buckets) if member.buckets else {}
    return (member.role, ends_on, named) == (role.value, last_day, buckets)


@route(router, "DELETE", "/tenancies/{tenancy}/members/{name}", _DECIDES, response=shapes.Done)
def remove_member(request: HttpRequest, standing: Standing, name: str, said: shapes.Reason) -> dict[str, str]:
    """End a membership at once. The member is told the reason."""
    revoke(standing, get_found(standing, name).user, said.reason)
    return {"done": f"{name} is no longer a member"}


def _by_id(standing: Standing, named: Mapping[str, Access]) -> dict[str, Access]:
    with house().catalog.read() as rows:
        return {get_bucket(rows, standing.tenancy, name).bucket_id: access for name, access in named.items()}


@route(router, "GET", "/tenancies/{tenancy}/invitations", _DECIDES, response=list[shapes.Invitation])
def invitations(request: HttpRequest, standing: Standing) -> list[dict[str, Any]]:
    """List the invitations of GUESTs that nobody accepted or withdrew yet."""
    return [_invitation(standing, each) for each in open_invitations(standing.tenancy)]


def _invitation(standing: Standing, made: InvitationRow) -> dict[str, Any]:
    with house().catalog.read() as rows:
        buckets = dict(bucket_names(rows, standing.tenancy.tenancy_id, made.buckets))
    return {
        "id": made.pk,
        "email": made.email,
        "last_day": made.ends_on,
        "buckets": buckets,
        "link_ends_at": made.link_ends_at,
    }


@route(router, "POST", "/tenancies/{tenancy}/invitations", _DECIDES, status=201, response=shapes.Invitation)
def make_invitation(request: HttpRequest, standing: Standing, said: shapes.Invite) -> Status[Any]:
    """Invite a GUEST by e-mail to named buckets."""
    made = invite(standing, said.email, _by_id(standing, said.buckets), said.last_day, said.message)
    return Status(201, _invitation(standing, made))


@route(router, "POST", "/tenancies/{tenancy}/invitations/{int:number}/resend", _DECIDES, response=shapes.Invitation)
def send_again(request: HttpRequest, standing: Standing, number: int) -> dict[str, Any]:
    """Send an invitation once more, with a new link; the old one ends."""
    return _invitation(standing, resend(standing, number))


@route(router, "DELETE", "/tenancies/{tenancy}/invitations/{int:number}", _DECIDES, response=shapes.Done)
def withdraw(request: HttpRequest, standing: Standing, number: int) -> dict[str, str]:
    """Take an invitation back: its link ends at once."""
    withdraw_invitation(standing, number)
    return {"done": "the invitation is withdrawn"}


@route(router, "GET", "/tenancies/{tenancy}/requests", _DECIDES, response=shapes.Page[shapes.JoinRequest])
def requests(
    request: HttpRequest, standing: Standing, limit: Limit = 50, after: After = "", state: str = "PENDING"
) -> dict[str, Any]:
    """List the requests to join in a state, the oldest first."""
    found = AccessRequest.objects.filter(tenancy_id=standing.tenancy.tenancy_id, state=state[:20].upper())
    if is_number(after):
        found = found.filter(pk__gt=int(after))
    part = list(found.order_by("pk")[: limit + 1])
    return page_of(_requests(part[:limit]), str(part[limit - 1].pk) if len(part) > limit else None)


def _requests(found: list[AccessRequest]) -> list[dict[str, Any]]:
    ids = {each.applicant_id for each in found} | {each.decided_by for each in found if each.decided_by}
    with house().catalog.read() as rows:
        names = user_names(rows, ids)
    return [
        {
            "id": each.pk,
            "applicant": names.get(each.applicant_id, each.applicant_id),
            "role": each.role,
            "state": each.shown_state,
            "asked_at": each.asked_at,
            "answers": each.answers,
            "decided_by": names.get(each.decided_by, ""),
            "reason": each.user_reason,
        }
        for each in found
    ]


@route(router, "GET", "/tenancies/{tenancy}/requests/{int:number}", _DECIDES, response=shapes.JoinRequest)
def join_request(request: HttpRequest, standing: Standing, number: int) -> dict[str, Any]:
    """Show one request to join."""
    return _requests([get_request(standing, number)])[0]


@route(router, "POST", "/tenancies/{tenancy}/requests/{int:number}/decision", _DECIDES, response=shapes.JoinRequest)
def decide(request: HttpRequest, standing: Standing, number: int, said: shapes.Decide) -> dict[str, Any]:
    """Decide a request. Who comes second is told by 409 that it was decided, and nothing changes."""
    found = get_request(standing, number)
    if said.decision == "approve":
        role = Role(said.role or found.role)
        made = approve(standing, number, role=role, ends_on=said.last_day or days.usual_day(), comment=said.comment)
    else:
        made = refuse(
            standing,
            number,
            reason=said.reason,
            is_incomplete=said.decision == "incomplete",
            comment=said.comment,
        )
    return _requests([made])[0]
