"""Asking for a tenancy: sending a request, sending it again, taking it back, and talking about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from django.db import IntegrityError, transaction
from django.db.models import F

from holdfast.admin.errors import Refused, Taken, Unknown
from holdfast.config import show_size
from holdfast.portal.house import house
from holdfast.portal.joining import days
from holdfast.portal.people.models import Person
from holdfast.portal.people.templatetags.portal import day

from .asking_names import find_fault
from .asking_telling import tell_operators, tell_requester
from .models import RequestEvent, TenancyRequest

WAITING_MAX: Final = 5
"""How many requests of one person may wait at once."""
A_DAY_MAX: Final = 10
"""How often one person may send a request within 24 hours: each is mailed to all operators."""
COMMENTS_A_DAY_MAX: Final = 20
TERM_YEARS: Final = 3
"""How long tenancies are usually granted for."""
TERM_YEARS_MAX: Final = 10


class Wanted(NamedTuple):
    """What is asked for."""

    name: str
    purpose: str
    limit_bytes: int
    ends_on: date
    deputies: Sequence[str] = ()

    def text(self) -> str:
        """Return it in words, as it is kept with each sending."""
        deputies = f" Deputies: {', '.join(self.deputies)}." if self.deputies else ""
        return f"{self.name}, {show_size(self.limit_bytes)} until {day(self.ends_on)}.{deputies}\n\n{self.purpose}"


def ask(person: Person, wanted: Wanted) -> TenancyRequest:
    """Send a request, of which operators are told. Raises Taken or Refused."""
    with transaction.atomic():
        _check_name(wanted.name)
        mine = TenancyRequest.objects.filter(requester_id=person.principal_id)
        if mine.filter(state=TenancyRequest.REQUESTED, name=wanted.name).exists():
            raise Refused(f"you have asked for {wanted.name} already: that request waits for a decision")
        if mine.filter(state=TenancyRequest.REQUESTED).count() >= WAITING_MAX:
            raise Refused(f"{WAITING_MAX} of your requests wait already: withdraw one, or wait until it is decided")
        _check_pace(person)
        made = TenancyRequest.objects.create(
            requester_id=person.principal_id,
            name=wanted.name,
            purpose=wanted.purpose,
            limit_bytes=wanted.limit_bytes,
            ends_on=wanted.ends_on,
            deputies=list(wanted.deputies),
            asked_at=days.now(),
        )
        _sent(made, person, wanted)
    return made


def send_again(person: Person, number: int, wanted: Wanted) -> TenancyRequest:
    """Send a rejected request again, changed or not; what was sent before is kept. Raises Unknown, Taken or Refused."""
    with transaction.atomic():
        request = get_own(person, number)
        _check_name(wanted.name)
        _check_pace(person)
        try:
            with transaction.atomic():
                changed = TenancyRequest.objects.filter(pk=request.pk, state=TenancyRequest.REJECTED).update(
                    state=TenancyRequest.REQUESTED,
                    version=F("version") + 1,
                    name=wanted.name,
                    purpose=wanted.purpose,
                    limit_bytes=wanted.limit_bytes,
                    ends_on=wanted.ends_on,
                    deputies=list(wanted.deputies),
                    asked_at=days.now(),
                    decided_at=None,
                    decided_by="",
                )
        except IntegrityError:
            raise Refused(f"another request of yours for {wanted.name} waits for a decision") from None
        if not changed:
            raise Refused("this request is not one that was rejected: there is nothing to send again")
        request.refresh_from_db()
        _sent(request, person, wanted)
    return request


def _sent(request: TenancyRequest, person: Person, wanted: Wanted) -> None:
    record_event(request, RequestEvent.SENT, person, wanted.text())
    again = "again " if request.version > 1 else ""
    tell_operators(request, f"{person} asks {again}for the tenancy {request.name}", wanted.text(), by=person)
    detail = {"limit_bytes": request.limit_bytes, "ends_on": request.ends_on.isoformat(), "version": request.version}
    house().office(person.principal_id).record("tenancy-request.send", request.name, "", detail)


def _check_name(name: str) -> None:
    with house().catalog.read() as rows:
        fault = find_fault(rows, name)
    if fault:
        raise Taken(fault[:1].lower() + fault[1:].rstrip("."))


def _check_pace(person: Person) -> None:
    since = days.now() - timedelta(days=1)
    sent = RequestEvent.objects.filter(by=person.principal_id, kind=RequestEvent.SENT, at__gt=since).count()
    if sent >= A_DAY_MAX:
        raise Refused(f"that were {A_DAY_MAX} requests within a day: try again tomorrow")


def get_own(person: Person, number: int) -> TenancyRequest:
    """Return a request of a person's own. Raises Unknown, for others' too."""
    found = TenancyRequest.objects.filter(pk=number, requester_id=person.principal_id).first()
    if found is None:
        raise Unknown("request of yours", str(number))
    return found


def withdraw(person: Person, number: int) -> TenancyRequest:
    """Take back one's own request that was not approved. Idempotent. Raises Unknown or Refused."""
    with transaction.atomic():
        request = get_own(person, number)
        if request.state == TenancyRequest.WITHDRAWN:
            return request
        changed = TenancyRequest.objects.filter(
            pk=request.pk, state__in=(TenancyRequest.REQUESTED, TenancyRequest.REJECTED)
        ).update(state=TenancyRequest.WITHDRAWN, decided_at=days.now(), decided_by=person.principal_id)
        if not changed:
            raise Refused("it is approved already: close the tenancy if you don't need it")
        request.refresh_from_db()
        record_event(request, RequestEvent.WITHDRAWN, person)
        house().office(person.principal_id).record("tenancy-request.withdraw", request.name)
    return request


def comment(person: Person, request: TenancyRequest, text: str) -> None:
    """Add a comment, of which the other side is told: the requester, or the operators. Raises Refused."""
    is_own = request.requester_id == person.principal_id
    assert is_own or person.is_operator
    with transaction.atomic():
        since = days.now() - timedelta(days=1)
        said = RequestEvent.objects.filter(by=person.principal_id, kind=RequestEvent.COMMENT, at__gt=since).count()
        if said >= COMMENTS_A_DAY_MAX:
            raise Refused(f"that were {COMMENTS_A_DAY_MAX} comments within a day: try again tomorrow")
        record_event(request, RequestEvent.COMMENT, person, text)
        subject = f"{person} wrote about the request for {request.name}"
        if is_own:
            tell_operators(request, subject, text, by=person)
        else:
            tell_requester(request, subject, text, by=person)


def record_event(request: TenancyRequest, kind: str, person: Person | None, text: str = "") -> None:
    """Write down what happened to a request. `person` None = the portal did it."""
    by = person.principal_id if person is not None else ""
    RequestEvent.objects.create(request=request, kind=kind, by=by, text=text, at=days.now())
