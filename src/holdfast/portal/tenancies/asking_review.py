"""Deciding requests for tenancies: once, by one operator, however many try; and making what was approved.

The approval is written first, with the id that the tenancy is going to have, and what was approved is made once that
is committed. What a crash leaves unmade is made by the worker: everything here may be done twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import partial
from typing import Final, NamedTuple

from django.db import transaction

from holdfast.admin.errors import AdminError, Refused, Taken, Unknown
from holdfast.admin.members import add_member
from holdfast.admin.tenancies import create_tenancy
from holdfast.auth.roles import Role
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import MEMBERS, USERS, UserRow
from holdfast.config import show_size
from holdfast.portal.house import house
from holdfast.portal.joining import days
from holdfast.portal.joining.models import TenancyPage
from holdfast.portal.joining.telling import person_of
from holdfast.portal.notices.notify import notify
from holdfast.portal.operating.capacity import Capacity, find_capacity
from holdfast.portal.people.lookups import names_by_principal
from holdfast.portal.people.models import Person
from holdfast.portal.people.templatetags.portal import day
from holdfast.telemetry.log import get_log

from .asking import record_event
from .asking_names import TAKEN, find_fault
from .asking_telling import tell_requester
from .models import RequestEvent, TenancyRequest, TenancyTerm
from .own_requests import check_may_decide
from .pages import tenancy_path

CHOOSE_ANOTHER: Final = (
    "The name {name} belongs to another tenancy by now. Please choose another one and send the request again."
)

SUMMARY_LENGTH: Final = 160
"""As much of the purpose as a tenancy shows of itself."""

_log = get_log("portal")


class AlreadyDecided(Taken):
    """Somebody else was quicker, or the request is another one by now; nothing was changed."""

    def __init__(self, request: TenancyRequest, by: str, version: int) -> None:
        if request.state == TenancyRequest.REQUESTED and request.version != version:
            text = "this request was changed and sent again since you looked at it: read it again"
        else:
            text = f"this request was already decided by {by}: it is {request.state}"
        super().__init__(text)


class OverPromised(Refused):
    """The quotas of all tenancies would be more than there is."""


class Promise(NamedTuple):
    """What the site has promised, and what it would have with one more quota in the place of an older one."""

    capacity: Capacity
    would_be: int
    """Bytes of all quotas, those that are approved and on their way included."""

    @property
    def would_be_percent(self) -> int:
        return round(100 * self.would_be / self.capacity.total) if self.capacity.total else 0

    @property
    def is_too_much(self) -> bool:
        return self.would_be > self.capacity.total


def weigh(rows: Snapshot, more_bytes: int) -> Promise:
    """Return what the site would have promised with so many bytes more."""
    capacity = find_capacity(house(), rows)
    on_their_way = sum(
        TenancyRequest.objects.filter(state=TenancyRequest.APPROVED).values_list("limit_bytes", flat=True)
    )
    return Promise(capacity, capacity.promised + on_their_way + max(more_bytes, 0))


def check_promise(rows: Snapshot, more_bytes: int, promises_more: bool) -> None:
    """Raise OverPromised where the promises would pass what there is and nobody said that they may."""
    promise = weigh(rows, more_bytes)
    if more_bytes > 0 and promise.is_too_much and not promises_more:
        raise OverPromised(
            f"with this, {show_size(promise.would_be)} would be promised of {show_size(promise.capacity.total)}: "
            "tick “Promise more than there is” if that is meant"
        )


def get_request(number: int) -> TenancyRequest:
    """Return a request, whosever it is. Raises Unknown."""
    found = TenancyRequest.objects.filter(pk=number).first()
    if found is None:
        raise Unknown("request for a tenancy", str(number))
    return found


def find_users(rows: Snapshot, names: Sequence[str]) -> Mapping[str, UserRow | None]:
    """Return the user behind each name; None where it is nobody's, or nobody's who is active."""
    found: dict[str, UserRow | None] = {}
    for name in names:
        users = rows.scan(USERS, (name,), index="by_live_name", count_max=1)
        found[name] = users[0] if users and users[0].state == "active" else None
    return found


def approve(
    operator: Person,
    number: int,
    version: int,
    *,
    limit_bytes: int,
    ends_on: date,
    promises_more: bool = False,
    reason: str = "",
) -> TenancyRequest:
    """Approve a request; the tenancy is there when this returns. Raises Unknown, Taken, AlreadyDecided or Refused.

    `version` is the sending that the operator has read. Their own is for another operator, where there is one.
    """
    with transaction.atomic():
        request = get_request(number)
        _check_waits(request, version)
        own = check_may_decide(operator, request.requester_id)
        with house().catalog.read() as rows:
            if find_fault(rows, request.name):
                raise Taken(f"the name {request.name} is taken by now: reject the request, and say so")
            user = rows.find(USERS, (request.requester_id,))
            if user is None or user.state != "active":
                raise Refused("whoever asked is suspended or was removed: nobody would answer for this tenancy")
            check_promise(rows, limit_bytes, promises_more)
        request = _decide(
            operator,
            request,
            version,
            TenancyRequest.APPROVED,
            tenancy_id=house().office(operator.principal_id).new_id(),
            limit_bytes=limit_bytes,
            ends_on=ends_on,
        )
        record_event(request, RequestEvent.APPROVED, operator, reason)
        detail = {"limit_bytes": limit_bytes, "ends_on": ends_on.isoformat(), "promises_more": promises_more}
        house().office(operator.principal_id).record(
            "tenancy-request.approve",
            request.name,
            request.tenancy_id,
            {**detail, **own, "user_id": request.requester_id},
        )
        transaction.on_commit(partial(provision, request.pk))
    request.refresh_from_db()
    return request


def reject(operator: Person, number: int, version: int, reason: str) -> TenancyRequest:
    """Reject a request; whoever asked reads why, and may send it again. Raises Unknown, AlreadyDecided or Refused."""
    if not reason.strip():
        raise Refused("say why: the requester reads it, and can ask again")
    with transaction.atomic():
        request = get_request(number)
        _check_waits(request, version)
        own = check_may_decide(operator, request.requester_id)
        request = _decide(operator, request, version, TenancyRequest.REJECTED)
        record_event(request, RequestEvent.REJECTED, operator, reason)
        _tell_rejected(request, reason)
        house().office(operator.principal_id).record(
            "tenancy-request.reject", request.name, "", {"user_id": request.requester_id, "reason": reason, **own}
        )
    return request


def _tell_rejected(request: TenancyRequest, reason: str) -> None:
    text = f"{reason}\n\nYou can change the request and send it again."
    tell_requester(request, f"Your request for {request.name} was rejected", text, level="warning")


def _check_waits(request: TenancyRequest, version: int) -> None:
    if request.state != TenancyRequest.REQUESTED or request.version != version:
        raise AlreadyDecided(request, _decider(request), version)


def _decide(
    operator: Person, request: TenancyRequest, version: int, state: str, **changes: str | int | date
) -> TenancyRequest:
    """Set the state of a request that waits. In a transaction, whose failure undoes it."""
    changed = TenancyRequest.objects.filter(pk=request.pk, state=TenancyRequest.REQUESTED, version=version).update(
        state=state, decided_at=days.now(), decided_by=operator.principal_id, **changes
    )
    request.refresh_from_db()
    if not changed:
        raise AlreadyDecided(request, _decider(request), version)
    return request


def _decider(request: TenancyRequest) -> str:
    if request.decided_by == request.requester_id:
        return "the requester"
    with house().catalog.read() as rows:
        return names_by_principal(rows, [request.decided_by]).get(request.decided_by, "somebody who is gone")


def provision(request_id: int) -> None:
    """Make the tenancy of an approved request, with its MANAGER and deputies. Idempotent.

    Where that can't be done the request is rejected with the reason. Raises that AdminError.
    """
    try:
        with transaction.atomic():
            request = TenancyRequest.objects.filter(pk=request_id, state=TenancyRequest.APPROVED).first()
            if request is not None:
                _make(request)
    except AdminError as error:
        _take_back(request_id, error)
        raise


def _make(request: TenancyRequest) -> None:
    office = house().office(request.decided_by)
    with office.read() as rows:
        user = rows.find(USERS, (request.requester_id,))
        deputies = [found for found in find_users(rows, request.deputies).values() if found is not None]
    if user is None or user.state == "removed":
        raise Refused("whoever asked was removed from the site meanwhile")
    tenancy = create_tenancy(office, request.name, limit_bytes=request.limit_bytes, tenancy_id=request.tenancy_id)
    with office.read() as rows:
        members = {row.user_id for row in rows.scan(MEMBERS, (tenancy.tenancy_id,))}
    # Without an end: somebody answers for a tenancy as long as it is there.
    for each, role in ((user, Role.MANAGER), *((deputy, Role.DEPUTY) for deputy in deputies)):
        if each.user_id not in members:
            members.add(each.user_id)
            add_member(office, tenancy.name, each.name, role)
    TenancyTerm.objects.update_or_create(tenancy_id=tenancy.tenancy_id, defaults={"ends_on": request.ends_on})
    summary = request.purpose.strip().splitlines()[0][:SUMMARY_LENGTH]
    TenancyPage.objects.get_or_create(tenancy_id=tenancy.tenancy_id, defaults={"summary": summary})
    TenancyRequest.objects.filter(pk=request.pk).update(state=TenancyRequest.PROVISIONED)
    record_event(request, RequestEvent.PROVISIONED, None)
    _tell_made(request, deputies)


def _tell_made(request: TenancyRequest, deputies: Sequence[UserRow]) -> None:
    name = request.name
    endpoints = house().endpoints(name)
    missing = sorted(set(request.deputies) - {user.name for user in deputies})
    parts = [
        f"The tenancy {name} is there, and you are its MANAGER.",
        f"Inside:  {endpoints.inside}\nOutside: {endpoints.outside}",
        f"Quota: {show_size(request.limit_bytes)}. Until: {day(request.ends_on)}; you are reminded before.",
        "Next: make an access key (token) under Tokens, and let people in under Members.",
    ]
    if missing:
        parts.insert(3, f"Nobody has these user names, so they are no deputies: {', '.join(missing)}.")
    url = tenancy_path(name)
    tell_requester(request, f"Your tenancy {name} is there", "\n\n".join(parts), url=url, level="success")
    people = [found for user in deputies if (found := person_of(user.user_id)) is not None]
    text = f"You are DEPUTY of the new tenancy {name}: you reach all its buckets, and decide who joins."
    notify(people, "tenancy_request", f"You are DEPUTY of {name}", text, url=url)


def _take_back(request_id: int, error: AdminError) -> None:
    """Reject a request that was approved and can't be made: its name went to somebody else between the two."""
    _log.warning("an approved tenancy could not be made", request=request_id, why=str(error))
    with transaction.atomic():
        changed = TenancyRequest.objects.filter(pk=request_id, state=TenancyRequest.APPROVED).update(
            state=TenancyRequest.REJECTED, tenancy_id="", decided_at=days.now()
        )
        if changed:
            request = get_request(request_id)
            taken = isinstance(error, Taken)
            reason = CHOOSE_ANOTHER.format(name=request.name) if taken else f"It could not be made: {error}."
            record_event(request, RequestEvent.REJECTED, None, reason)
            _tell_rejected(request, reason)


def provision_waiting() -> int:
    """Make what was approved and is not there, since a process died between; return how much that was."""
    done = 0
    for number in list(TenancyRequest.objects.filter(state=TenancyRequest.APPROVED).values_list("pk", flat=True)):
        try:
            provision(number)
            done += 1
        except AdminError:
            continue  # It was rejected, and whoever asked was told.
    return done


def name_fault(request: TenancyRequest) -> str:
    """Say why a tenancy of this request's name can't be made now, or nothing."""
    with house().catalog.read() as rows:
        fault = find_fault(rows, request.name)
    return CHOOSE_ANOTHER.format(name=request.name) if fault == TAKEN else fault
