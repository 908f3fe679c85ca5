"""Asking for a role: who may, how often, and what becomes of it at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from django.db import IntegrityError, transaction

from holdfast.admin.errors import Refused, Unknown
from holdfast.auth.roles import Role
from holdfast.catalog.rows import TENANCIES
from holdfast.portal.house import house
from holdfast.portal.notices.notify import settle
from holdfast.portal.people.models import Person
from holdfast.portal.people.templatetags.portal import day
from holdfast.portal.tenancies.pages import tenancy_path

from . import days
from .deciders import OWN_SOURCES, RANK
from .faces import Face
from .granting import give
from .models import ROLES, AccessRequest
from .telling import tell_pending

PENDING_MAX: Final = 10
"""How many requests of one person may wait at once, so that guessing names of tenancies leads nowhere."""
A_DAY_MAX: Final = 20
"""How many requests one person may make within 24 hours."""


class AlreadyAsked(Refused):
    """There is a request for this role already."""


def own_requests(person: Person, face: Face) -> Sequence[AccessRequest]:
    """Return the requests that a person made under the name of a tenancy, the oldest first. At most the newest 50.

    Those to an earlier tenancy of the same name are among them only while there is none now: as little as the person
    can tell those apart.
    """
    found = AccessRequest.objects.filter(applicant_id=person.principal_id, tenancy_name=face.name)
    if face.tenancy is not None:
        found = found.filter(tenancy_id__in=("", face.tenancy.tenancy_id))
    return sorted(found.order_by("-asked_at", "-id")[:50], key=lambda request: (request.asked_at, request.pk))


def why_not_ask(face: Face, role: Role) -> str:
    """Say why a person need not or can't ask for a role, or nothing when they may."""
    member = face.member
    if member is None or not face.is_member:
        return ""
    if member.source not in OWN_SOURCES:
        return "your membership comes from the site's directory: ask those who keep it"
    held = Role(member.role)
    if RANK[role] > RANK[held]:
        return ""
    if RANK[role] < RANK[held]:
        return f"you are {held} here, which is more than {role}"
    if member.until_us is None:
        return f"you are {held} here already, without an end"
    last_day = days.last_day_of(member.until_us)
    opens = last_day - timedelta(days=days.EXTEND_DAYS)
    if days.today() < opens:
        return f"you are {held} here until {day(last_day)}: you can ask to extend that from {day(opens)} on"
    return ""


def askable_roles(face: Face) -> tuple[Role, ...]:
    """Return the roles that a person may ask for now."""
    return tuple(role for role in map(Role, ROLES) if not why_not_ask(face, role))


def ask(person: Person, face: Face, role: Role, answers: list[dict[str, Any]]) -> AccessRequest:
    """Store a request and tell those who decide. Raises Refused, AlreadyAsked among them.

    For who may not know the tenancy it does the same whether there is one or not; the worker tells those who decide.
    """
    refusal = why_not_ask(face, role)
    if refusal:
        raise Refused(refusal)
    tenancy = face.tenancy
    with transaction.atomic():
        mine = AccessRequest.objects.filter(applicant_id=person.principal_id)
        if mine.filter(state=AccessRequest.PENDING).count() >= PENDING_MAX:
            raise Refused(f"{PENDING_MAX} of your requests wait already: withdraw one, or wait until it is decided")
        if mine.filter(asked_at__gt=days.now() - timedelta(days=1)).count() >= A_DAY_MAX:
            raise Refused(f"that were {A_DAY_MAX} requests within a day: try again tomorrow")
        earlier = own_requests(person, face)
        if any(request.is_pending and request.role == role for request in earlier):
            raise AlreadyAsked(f"you have asked to be {role} already: that request waits for a decision")
        try:
            with transaction.atomic():
                made = AccessRequest.objects.create(
                    tenancy_id=tenancy.tenancy_id if tenancy is not None else "",
                    tenancy_name=face.name,
                    applicant_id=person.principal_id,
                    role=role.value,
                    answers=answers,
                    asked_at=days.now(),
                    previous=next((request for request in reversed(earlier) if request.role == role), None),
                )
        except IntegrityError:
            raise AlreadyAsked(f"you have asked to be {role} already: that request waits for a decision") from None
        settle(person, "request_incomplete", tenancy_path(face.name, "join/"))
        if face.is_open and tenancy is not None:
            if role is Role.USER and face.page.auto_accept and not face.page.hidden:
                _accept(made, face)
            else:
                tell_pending(made, tenancy)
            made.told_at = days.now()
            made.save(update_fields=["told_at"])
        subject, tenancy_id = f"{face.name}/{person.name}", tenancy.tenancy_id if tenancy is not None else ""
        house().office(person.principal_id).record("request.make", subject, tenancy_id, {"role": role.value})
    return made


def _accept(made: AccessRequest, face: Face) -> None:
    assert face.tenancy is not None
    ends_on = days.usual_day()
    if face.member is not None and face.is_member:
        assert face.member.until_us is not None, "who has no end may not ask"
        ends_on = max(ends_on, days.last_day_of(face.member.until_us))
    made.state = AccessRequest.APPROVED
    made.decided_at = days.now()
    made.save(update_fields=["state", "decided_at"])
    give(face.tenancy, made.applicant_id, Role.USER, ends_on, by="", request=made)


def withdraw(person: Person, face: Face, request_id: int) -> None:
    """Take back one's own request that waits. Raises Unknown for one that doesn't."""
    with transaction.atomic():
        changed = AccessRequest.objects.filter(
            pk=request_id,
            applicant_id=person.principal_id,
            tenancy_name=face.name,
            state=AccessRequest.PENDING,
        ).update(state=AccessRequest.WITHDRAWN, decided_at=days.now())
        if not changed:
            raise Unknown("request of yours", face.name, (), " that waits for a decision")
        tenancy_id = face.tenancy.tenancy_id if face.tenancy is not None else ""
        house().office(person.principal_id).record("request.withdraw", f"{face.name}/{person.name}", tenancy_id)


def tell_waiting() -> int:
    """Tell those who decide of requests that they were not told of when they were made; return how many."""
    done = 0
    waiting = AccessRequest.objects.filter(state=AccessRequest.PENDING, told_at=None).order_by("id")[:50]
    for request in waiting:
        with house().catalog.read() as rows:
            tenancy = rows.find(TENANCIES, (request.tenancy_id,)) if request.tenancy_id else None
        with transaction.atomic():
            changed = AccessRequest.objects.filter(pk=request.pk, told_at=None).update(told_at=days.now())
            if changed and tenancy is not None:
                tell_pending(request, tenancy)
                done += 1
    return done
