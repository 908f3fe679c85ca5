"""Granting, changing and revoking memberships: the history here, what is enforced in the catalog.

A grant is written first and put into force once it is committed; what fails between is done by the worker. A revocation
goes the other way round: access is cut off before anything else is certain. Both hold the portal database's one write
lock while they touch the catalog, so that no two of them meet there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from functools import partial

from django.db import IntegrityError, transaction

from holdfast.admin.errors import AdminError, Refused, Unknown
from holdfast.admin.managers import check_manager_left, is_live
from holdfast.admin.members import Access, add_member, remove_member
from holdfast.auth.roles import Role
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import BUCKETS, MEMBERS, TENANCIES, USERS, MemberRow, TenancyRow, UserRow
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.people.principals import SYSTEM_ACTOR
from holdfast.telemetry.log import get_log

from . import days
from .deciders import check_may_change
from .models import AccessRequest, Grant
from .telling import tell_granted, tell_managers_of_operator, tell_not_applied, tell_revoked

_log = get_log("portal")


def check_last_day(last_day: date) -> None:
    """Raise Refused for a last day of access that is over, or too far away."""
    if last_day < days.today():
        raise Refused("the last day lies in the past: choose one that is to come")
    if last_day > days.latest_day():
        raise Refused(f"access is granted for at most {days.YEARS_MAX} years at once: choose an earlier day")


def grant(
    standing: Standing,
    user: UserRow,
    role: Role,
    ends_on: date,
    *,
    buckets: Mapping[str, Access] | None = None,
    request: AccessRequest | None = None,
) -> Grant:
    """Grant a role to a user in the name of a person, where the role table lets them. Raises Refused.

    `buckets` is for a GUEST: bucket id → what is named for them there. Runs in a transaction; in force once that is
    committed. The MANAGERs are told of what an operator grants who is no member.
    """
    opened = house()
    with opened.catalog.read() as rows:
        member = rows.find(MEMBERS, (standing.tenancy.tenancy_id, user.user_id))
    check_may_change(standing, user.user_id, member, opened.now_us(), role)
    check_last_day(ends_on)
    tell_managers_of_operator(standing, f"made {user.name} {role.value}")
    return give(
        standing.tenancy,
        user.user_id,
        role,
        ends_on,
        by=standing.person.principal_id,
        buckets=buckets,
        request=request,
    )


def give(
    tenancy: TenancyRow,
    principal_id: str,
    role: Role,
    ends_on: date,
    *,
    by: str,
    buckets: Mapping[str, Access] | None = None,
    request: AccessRequest | None = None,
) -> Grant:
    """Write a grant that stands for itself: by the tenancy's rules (`by` empty), or by an invitation that was accepted.

    Asks nobody's rights. Raises Refused where the membership can't be what is granted. Runs in a transaction.
    """
    opened = house()
    with opened.catalog.read() as rows:
        user = rows.find(USERS, (principal_id,))
        if user is None or user.state == "removed":
            raise Refused("this user was removed from the site")
        member = rows.find(MEMBERS, (tenancy.tenancy_id, principal_id))
        if member is not None:
            after = member._replace(role=role.value, until_us=days.end_of(ends_on))
            _check_manager_left(rows, tenancy, member, after)
    before = _replace_head(tenancy.tenancy_id, principal_id)
    made = Grant.objects.create(
        tenancy_id=tenancy.tenancy_id,
        principal_id=principal_id,
        role=role.value,
        ends_on=ends_on,
        buckets=dict(buckets or {}),
        granted_by=by,
        granted_at=days.now(),
        request=request,
        previous=before,
    )
    transaction.on_commit(partial(apply_grant, made.pk))
    return made


def _check_manager_left(rows: Snapshot, tenancy: TenancyRow, member: MemberRow, after: MemberRow | None) -> None:
    """Raise Refused in the portal's words; the catalog asks the same again at the change itself."""
    try:
        check_manager_left(rows, tenancy, member, after, house().now_us())
    except Refused:
        raise Refused(f"this would leave {tenancy.name} without a MANAGER: make somebody else MANAGER first") from None


def _replace_head(tenancy_id: str, principal_id: str) -> Grant | None:
    head = find_head(tenancy_id, principal_id)
    if head is not None:
        head.is_head = False
        head.replaced_at = days.now() if head.revoked_at is None else None
        head.save(update_fields=["is_head", "replaced_at"])
    return head


def find_head(tenancy_id: str, principal_id: str) -> Grant | None:
    """Return the newest grant of a person in a tenancy, whatever became of it."""
    return Grant.objects.filter(tenancy_id=tenancy_id, principal_id=principal_id, is_head=True).first()


def apply_grant(grant_id: int) -> None:
    """Put a grant into force, unless that was done, or it was revoked or replaced. Idempotent.

    What the catalog refuses is taken back: the grant before it stands again, and so does the request. Raises that
    AdminError.
    """
    try:
        with transaction.atomic():
            found = Grant.objects.filter(pk=grant_id, is_head=True, applied_at=None, revoked_at=None).first()
            if found is None:
                return
            tenancy, user, buckets = _names_of(found)
            add_member(
                house().office(found.granted_by or SYSTEM_ACTOR),
                tenancy.name,
                user.name,
                Role(found.role),
                until_us=None if found.ends_on is None else days.end_of(found.ends_on),
                buckets=buckets or None,
                user_id=user.user_id,
            )
            found.applied_at = days.now()
            found.save(update_fields=["applied_at"])
            tell_granted(found, tenancy)
    except AdminError as error:
        _take_back(grant_id, str(error))
        raise


def _names_of(found: Grant) -> tuple[TenancyRow, UserRow, Mapping[str, Access]]:
    """Return the rows that a grant is about, and its buckets by their names of now; gone ones are left out."""
    with house().catalog.read() as rows:
        tenancy = rows.find(TENANCIES, (found.tenancy_id,))
        user = rows.find(USERS, (found.principal_id,))
        if tenancy is None or user is None or user.state == "removed":
            raise Refused("the tenancy or the user was removed from the site")
        return tenancy, user, bucket_names(rows, found.tenancy_id, found.buckets)


def bucket_names(rows: Snapshot, tenancy_id: str, buckets: Mapping[str, Access]) -> Mapping[str, Access]:
    """Return bucket name → access for buckets by id, those of this tenancy that are there."""
    named = {}
    for bucket_id, access in buckets.items():
        found = rows.scan(BUCKETS, (bucket_id,), index="by_id", count_max=1)
        if found and found[0].tenancy_id == tenancy_id:
            named[found[0].name] = access
    return named


def _take_back(grant_id: int, why: str) -> None:
    _log.error("a grant could not be put into force", grant=grant_id, why=why)
    with transaction.atomic():
        failed = Grant.objects.filter(pk=grant_id, is_head=True, applied_at=None).first()
        if failed is None:
            return
        failed.is_head = False
        failed.revoked_at = days.now()
        failed.revoked_reason = f"It could not be put into force: {why}"
        failed.save(update_fields=["is_head", "revoked_at", "revoked_reason"])
        if failed.previous_id is not None:
            Grant.objects.filter(pk=failed.previous_id).update(is_head=True, replaced_at=None)
        with house().catalog.read() as rows:
            tenancy = rows.find(TENANCIES, (failed.tenancy_id,))
        tell_not_applied(failed, tenancy.name if tenancy else "a tenancy that is gone", why)
        if failed.request_id is not None:
            _reopen(failed.request_id)


def _reopen(request_id: int) -> None:
    try:
        with transaction.atomic():
            AccessRequest.objects.filter(pk=request_id, state=AccessRequest.APPROVED).update(
                state=AccessRequest.PENDING, decided_at=None, decided_by=""
            )
    except IntegrityError:
        # They have asked again meanwhile: the newer request waits in its place.
        _log.warning("a request could not be opened again: there is a newer one", request=request_id)


def apply_waiting() -> int:
    """Put into force what was granted and not applied, since a process died between; return how much that was."""
    done = 0
    for grant_id in list(
        Grant.objects.filter(is_head=True, applied_at=None, revoked_at=None).values_list("pk", flat=True)
    ):
        try:
            apply_grant(grant_id)
            done += 1
        except AdminError:
            continue  # It was taken back, and whoever granted it was told.
    return done


def revoke(standing: Standing, user: UserRow, reason: str) -> None:
    """End a membership at once in the name of a person, where the role table lets them. Raises Unknown or Refused."""
    opened = house()
    tenancy = standing.tenancy
    with transaction.atomic():
        with opened.catalog.read() as rows:
            member = rows.find(MEMBERS, (tenancy.tenancy_id, user.user_id))
        head = find_head(tenancy.tenancy_id, user.user_id)
        is_waiting = head is not None and head.applied_at is None and head.revoked_at is None
        now_us = opened.now_us()
        if not is_waiting and (member is None or not is_live(member, now_us)):
            raise Unknown("live member", user.name, (), f" of {tenancy.name}")
        check_may_change(
            standing, user.user_id, member, now_us, Role(head.role) if head is not None and is_waiting else None
        )
        if member is not None:
            with opened.catalog.read() as rows:
                _check_manager_left(rows, tenancy, member, None)
        if head is None or head.revoked_at is not None:
            assert member is not None
            head = record_outside(member)
        role = head.role
        head.revoked_at = days.now()
        head.revoked_by = standing.person.principal_id
        head.revoked_reason = reason
        head.save(update_fields=["revoked_at", "revoked_by", "revoked_reason"])
        tell_revoked(user.user_id, role, tenancy, reason, standing.person)
        tell_managers_of_operator(standing, f"ended the membership of {user.name} ({role})")
        if member is not None:
            office = opened.office(standing.person.principal_id)
            remove_member(office, tenancy.name, user.name, reason=reason, user_id=user.user_id)


def record_outside(member: MemberRow) -> Grant:
    """Write down a membership that was made outside of the portal, so that its history is whole. In a transaction."""
    before = _replace_head(member.tenancy_id, member.user_id)
    return Grant.objects.create(
        tenancy_id=member.tenancy_id,
        principal_id=member.user_id,
        role=member.role,
        ends_on=None if member.until_us is None else days.last_day_of(member.until_us),
        buckets=json.loads(member.buckets) if member.buckets else {},
        granted_at=days.now(),
        applied_at=days.now(),
        previous=before,
    )
