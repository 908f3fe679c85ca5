"""Bringing the history of grants and the catalog together again, after a crash between them or a change elsewhere.

The catalog is what is enforced. Only memberships whose source is the portal are ever changed here, and only to end
what was revoked: a catalog that was restored from an older backup would else let people in again.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from holdfast.admin.errors import AdminError
from holdfast.admin.managers import is_live
from holdfast.admin.members import remove_member
from holdfast.catalog.rows import MEMBERS, TENANCIES, USERS, MemberRow
from holdfast.portal.house import house
from holdfast.portal.people.principals import SYSTEM_ACTOR
from holdfast.telemetry.log import get_log

from . import days
from .faces import may_know
from .granting import find_head, record_outside
from .models import AccessRequest, Grant
from .telling import person_of, tell_gone

ELSEWHERE = "It was ended outside of the portal."
GONE = "The tenancy was deleted."

_log = get_log("portal")


def reconcile() -> int:
    """Compare all live memberships with the heads of their grants, and mend; return how much was mended."""
    return _mend_members() + _close_grants() + _tend_requests()


def _mend_members() -> int:
    """Look at the catalog's rows of the portal: end revoked ones, and write down those that have no history."""
    now_us = house().now_us()
    heads = {(each.tenancy_id, each.principal_id): each for each in Grant.objects.filter(is_head=True)}
    mended = 0
    for member in list(_own_members()):
        head = heads.get((member.tenancy_id, member.user_id))
        if is_live(member, now_us) and not _agrees(head, member):
            mended += _mend(member)
    return mended


def _own_members() -> Iterable[MemberRow]:
    with house().catalog.read() as rows:
        for tenancy in rows.scan(TENANCIES):
            for member in rows.scan(MEMBERS, (tenancy.tenancy_id,)):
                if member.source == "portal":
                    yield member


def _agrees(head: Grant | None, member: MemberRow) -> bool:
    if head is None or head.revoked_at is not None:
        return False
    ends_on = None if member.until_us is None else days.last_day_of(member.until_us)
    return head.applied_at is None or (head.role == member.role and head.ends_on == ends_on)


def _mend(member: MemberRow) -> int:
    """Mend one membership. Who grants or revokes holds the write lock, so that what differs now differs for good."""
    with transaction.atomic():
        with house().catalog.read() as rows:
            member_now = rows.find(MEMBERS, (member.tenancy_id, member.user_id))
            tenancy = rows.find(TENANCIES, (member.tenancy_id,))
            user = rows.find(USERS, (member.user_id,))
        head = find_head(member.tenancy_id, member.user_id)
        if member_now != member or tenancy is None or user is None or _agrees(head, member):
            return 0
        if head is not None and head.revoked_at is not None and _is_older(member, head):
            try:
                remove_member(
                    house().office(SYSTEM_ACTOR), tenancy.name, user.name, reason="revoked before", user_id=user.user_id
                )
            except AdminError as error:
                _log.error("a revoked member stays", tenancy=tenancy.name, user=user.name, why=str(error))
                return 0
            _log.warning("a member was revoked and still there: removed", tenancy=tenancy.name, user=user.name)
            return 1
        record_outside(member)
        return 1


def _is_older(member: MemberRow, head: Grant) -> bool:
    assert head.revoked_at is not None
    return member.created_at_us <= int(head.revoked_at.timestamp() * 1_000_000)


def _close_grants() -> int:
    """Close grants whose members were removed elsewhere, by an operator's command say."""
    live = Grant.objects.filter(is_head=True, revoked_at=None).exclude(applied_at=None)
    live = live.exclude(ends_on__lt=days.today())
    keys = list(live.values_list("pk", "tenancy_id", "principal_id"))
    with house().catalog.read() as rows:
        gone = [key for key in keys if rows.find(MEMBERS, key[1:]) is None]
    return sum(_close(*key) for key in gone)


def _close(grant_id: int, tenancy_id: str, principal_id: str) -> int:
    with transaction.atomic():
        with house().catalog.read() as rows:
            if rows.find(MEMBERS, (tenancy_id, principal_id)) is not None:
                return 0
        return (
            Grant.objects.filter(pk=grant_id, is_head=True, revoked_at=None)
            .exclude(applied_at=None)
            .update(revoked_at=days.now(), revoked_reason=ELSEWHERE)
        )


def _tend_requests() -> int:
    """Lead requests to tenancies that have come to be, and close those of users or to tenancies that are gone."""
    done = 0
    for request in list(AccessRequest.objects.filter(state=AccessRequest.PENDING)):
        with house().catalog.read() as rows:
            user = rows.find(USERS, (request.applicant_id,))
            found = () if request.tenancy_id else rows.scan(TENANCIES, (request.tenancy_name,), index="by_name")
            is_gone = bool(request.tenancy_id) and rows.find(TENANCIES, (request.tenancy_id,)) is None
        if user is None or user.state == "removed":
            done += _withdraw(request)
        elif found:
            done += _lead(request, found[0].tenancy_id)
        elif is_gone:
            done += _close_request(request)
    return done


def _waiting(request: AccessRequest) -> QuerySet[AccessRequest]:
    return AccessRequest.objects.filter(pk=request.pk, state=AccessRequest.PENDING)


def _withdraw(request: AccessRequest, reason: str = "") -> int:
    return _waiting(request).update(state=AccessRequest.WITHDRAWN, decided_at=days.now(), user_reason=reason)


def _lead(request: AccessRequest, tenancy_id: str) -> int:
    """Let a request be one to this tenancy, or to none where that is empty."""
    try:
        with transaction.atomic():
            return _waiting(request).update(tenancy_id=tenancy_id, told_at=None)
    except IntegrityError:
        # They asked again meanwhile.
        return _withdraw(request)


def _close_request(request: AccessRequest) -> int:
    """Close a request to a tenancy that was deleted, and tell the applicant.

    One who could not know the tenancy is told nothing: the request waits like any other to a name that is nobody's.
    """
    person = person_of(request.applicant_id)
    if person is not None and not may_know(person, request.tenancy_id):
        return _lead(request, "")
    with transaction.atomic():
        changed = _withdraw(request, GONE)
        if changed and person is not None:
            tell_gone(request, person)
    return changed
