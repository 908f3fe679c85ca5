"""Deciding requests: once, by one person, however many try."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Final

from django.db import transaction

from holdfast.admin.errors import Refused, Taken, Unknown
from holdfast.admin.managers import is_live
from holdfast.auth.roles import Role
from holdfast.catalog.rows import MEMBERS, USERS, MemberRow
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.people.lookups import names_by_principal
from holdfast.portal.people.templatetags.portal import day

from . import days
from .deciders import RANK, right_to_decide
from .granting import grant
from .models import AccessRequest
from .telling import tell_managers_of_operator, tell_refused

REASON_LENGTH_MAX: Final = 2000


class Decision(StrEnum):
    """What can be decided about a request."""

    APPROVE = "approve"
    INCOMPLETE = "incomplete"
    REJECT = "reject"


class AlreadyDecided(Taken):
    """Somebody else was quicker; nothing was changed."""

    def __init__(self, request: AccessRequest, by: str) -> None:
        super().__init__(f"this request was already decided by {by}: it is {request.shown_state}")
        self.request = request


def get_request(standing: Standing, request_id: int) -> AccessRequest:
    """Return a request to this tenancy. Raises Unknown, for those to other tenancies too."""
    found = AccessRequest.objects.filter(pk=request_id, tenancy_id=standing.tenancy.tenancy_id).first()
    if found is None:
        raise Unknown("request", str(request_id), (), f" to join {standing.tenancy.name}")
    return found


def may_decide(standing: Standing, request: AccessRequest) -> bool:
    """Whether a person may decide a request: by the role table, and never their own."""
    return request.applicant_id != standing.person.principal_id and standing.may(right_to_decide(request.role))


def approve(standing: Standing, request_id: int, *, role: Role, ends_on: date, comment: str = "") -> AccessRequest:
    """Approve a request: its maker is a member from the commit on. Raises Unknown, AlreadyDecided or Refused."""
    with transaction.atomic():
        request = _decide(standing, request_id, AccessRequest.APPROVED, comment=comment)
        with house().catalog.read() as rows:
            user = rows.find(USERS, (request.applicant_id,))
            member = rows.find(MEMBERS, (standing.tenancy.tenancy_id, request.applicant_id))
        if user is None:
            raise Refused("this user was removed from the site")
        if member is not None and is_live(member, house().now_us()):
            _check_adds(member, role, ends_on)
        grant(standing, user, role, ends_on, request=request)
    return request


def _check_adds(member: MemberRow, role: Role, ends_on: date) -> None:
    """Raise Refused where an approval would take away from what its maker has by now."""
    if RANK[Role(member.role)] > RANK[role]:
        raise Refused(f"the applicant is {member.role} here by now, which is more: reject the request")
    if member.until_us is None or ends_on < days.last_day_of(member.until_us):
        until = "without an end" if member.until_us is None else f"until {day(days.last_day_of(member.until_us))}"
        raise Refused(f"the applicant is {member.role} here already {until}: choose a later day, or reject the request")


def refuse(
    standing: Standing, request_id: int, *, reason: str, is_incomplete: bool = False, comment: str = ""
) -> AccessRequest:
    """Reject a request, or ask its maker to complete it. Raises Unknown, AlreadyDecided or Refused.

    `reason` reaches the applicant and is compulsory; `comment` never does.
    """
    if not reason.strip():
        raise Refused("say why: the applicant reads it")
    with transaction.atomic():
        request = _decide(
            standing, request_id, AccessRequest.REJECTED, reason=reason, comment=comment, is_incomplete=is_incomplete
        )
        tell_refused(request, standing.tenancy, standing.person)
        with house().catalog.read() as rows:
            applicant = rows.find(USERS, (request.applicant_id,))
        who = applicant.name if applicant is not None else "somebody"
        tell_managers_of_operator(
            standing, f"{'sent back' if is_incomplete else 'rejected'} the request of {who} to be {request.role}"
        )
        house().office(standing.person.principal_id).record(
            "request.incomplete" if is_incomplete else "request.reject",
            f"{standing.tenancy.name}/{applicant.name if applicant is not None else request.applicant_id}",
            standing.tenancy.tenancy_id,
            {"user_id": request.applicant_id, "role": request.role},
        )
    return request


def _decide(
    standing: Standing,
    request_id: int,
    state: str,
    *,
    reason: str = "",
    comment: str = "",
    is_incomplete: bool = False,
) -> AccessRequest:
    """Set the state of a request that is PENDING still. In a transaction, whose failure undoes it."""
    request = get_request(standing, request_id)
    if request.applicant_id == standing.person.principal_id:
        raise Refused("nobody decides about themselves: ask another MANAGER, or the operators of this site")
    if not standing.may(right_to_decide(request.role)):
        raise Refused(f"only a MANAGER decides who becomes {request.role}")
    changed = AccessRequest.objects.filter(pk=request.pk, state=AccessRequest.PENDING).update(
        state=state,
        is_incomplete=is_incomplete,
        user_reason=reason,
        internal_comment=comment,
        decided_at=days.now(),
        decided_by=standing.person.principal_id,
    )
    request.refresh_from_db()
    if not changed:
        raise AlreadyDecided(request, decider_name(request, standing))
    return request


def decider_name(request: AccessRequest, standing: Standing) -> str:
    """Say who decided a request, for people."""
    if request.decided_by == standing.person.principal_id:
        return "you"
    if not request.decided_by:
        return "the applicant" if request.state == AccessRequest.WITHDRAWN else "the tenancy's own rule"
    with house().catalog.read() as rows:
        return names_by_principal(rows, [request.decided_by]).get(request.decided_by, "somebody who is gone")
