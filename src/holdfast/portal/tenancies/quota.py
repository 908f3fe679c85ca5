"""A tenancy's requests for another quota: sent by its managers, decided once by one operator."""

from __future__ import annotations

from datetime import date
from typing import Final

from django.db import IntegrityError, transaction

from holdfast.admin.errors import Refused, Taken, Unknown
from holdfast.admin.quotas import set_tenancy_quota
from holdfast.catalog.rows import TENANCIES, TenancyRow
from holdfast.config import show_size
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.joining import days
from holdfast.portal.joining.deciders import operators
from holdfast.portal.joining.telling import person_of, reply_to
from holdfast.portal.notices.notify import notify
from holdfast.portal.people.lookups import deciders_of, names_by_principal
from holdfast.portal.people.models import Person
from holdfast.portal.people.templatetags.portal import day

from .asking_review import check_promise
from .models import QuotaRequest, TenancyTerm
from .own_requests import check_may_decide
from .pages import tenancy_path

NO_LIMIT: Final = "no limit"


class QuotaAlreadyDecided(Taken):
    """Somebody else was quicker; nothing was changed."""

    def __init__(self, request: QuotaRequest, by: str) -> None:
        super().__init__(f"this request was already decided by {by}: it is {request.state}")


def term_of(tenancy: TenancyRow) -> date | None:
    """Return the day until which a tenancy was granted; None where nobody said."""
    found = TenancyTerm.objects.filter(tenancy_id=tenancy.tenancy_id).first()
    return found.ends_on if found is not None else None


def find_waiting(tenancy: TenancyRow) -> QuotaRequest | None:
    """Return the request of a tenancy that waits for a decision, or None."""
    return QuotaRequest.objects.filter(tenancy_id=tenancy.tenancy_id, state=QuotaRequest.REQUESTED).first()


def words_of(request: QuotaRequest) -> str:
    """Return what is asked for in words."""
    before = NO_LIMIT if request.before_bytes is None else show_size(request.before_bytes)
    parts = []
    if request.limit_bytes != request.before_bytes:
        parts.append(f"{show_size(request.limit_bytes)} in the place of {before}")
    if request.ends_on is not None:
        parts.append(f"until {day(request.ends_on)}")
    return ", ".join(parts)


def ask_for_quota(standing: Standing, limit_bytes: int, ends_on: date | None, reason: str) -> QuotaRequest:
    """Ask for a new total, a later end, or both; operators are told. Raises Refused."""
    tenancy = standing.tenancy
    if tenancy.state != "active":
        raise Refused("a tenancy that is closed or suspended gets no other quota: ask the operators of this site")
    if limit_bytes == tenancy.limit_bytes and ends_on in (None, term_of(tenancy)):
        raise Refused("that is what the tenancy has already: ask for another quota, or another end")
    with transaction.atomic():
        try:
            with transaction.atomic():
                made = QuotaRequest.objects.create(
                    tenancy_id=tenancy.tenancy_id,
                    requester_id=standing.person.principal_id,
                    limit_bytes=limit_bytes,
                    before_bytes=tenancy.limit_bytes,
                    ends_on=ends_on,
                    reason=reason,
                    asked_at=days.now(),
                )
        except IntegrityError:
            raise Refused("a request of this tenancy waits for a decision already: withdraw that one first") from None
        person = standing.person
        notify(
            [each for each in operators() if each.pk != person.pk],
            "quota_request",
            f"{tenancy.name} asks for another quota",
            f"{person} asks for {words_of(made)}.\n\n{reason}",
            url=f"/operators/quota-requests/{made.pk}/",
            level="attention",
            reply_to=reply_to(person),
        )
        house().office(person.principal_id).record(
            "quota-request.send", tenancy.name, tenancy.tenancy_id, _detail(made)
        )
    return made


def withdraw_quota_request(standing: Standing, number: int) -> None:
    """Take a request back that waits. Raises Unknown, for those of other tenancies too, and QuotaAlreadyDecided."""
    tenancy = standing.tenancy
    with transaction.atomic():
        request = QuotaRequest.objects.filter(pk=number, tenancy_id=tenancy.tenancy_id).first()
        if request is None:
            raise Unknown("request", str(number), (), f" of {tenancy.name}")
        _decide(request, standing.person, QuotaRequest.WITHDRAWN, "")
        house().office(standing.person.principal_id).record(
            "quota-request.withdraw", tenancy.name, tenancy.tenancy_id, _detail(request)
        )


def get_quota_request(number: int) -> QuotaRequest:
    """Return a request, whatever its tenancy. Raises Unknown."""
    found = QuotaRequest.objects.filter(pk=number).first()
    if found is None:
        raise Unknown("request for a quota", str(number))
    return found


def get_its_tenancy(request: QuotaRequest) -> TenancyRow:
    """Return the tenancy that a request is of. Raises Unknown where it is gone."""
    with house().catalog.read() as rows:
        tenancy = rows.find(TENANCIES, (request.tenancy_id,))
    if tenancy is None:
        raise Unknown("tenancy any more that asked for this", request.tenancy_id)
    return tenancy


def approve_quota(
    operator: Person,
    number: int,
    *,
    limit_bytes: int,
    ends_on: date | None = None,
    promises_more: bool = False,
    answer: str = "",
) -> TenancyRow:
    """Set the quota, and the end of the tenancy where one is given. Raises Unknown, QuotaAlreadyDecided or Refused.

    An operator's own request is for another operator, where there is one.
    """
    with transaction.atomic():
        request = get_quota_request(number)
        before = get_its_tenancy(request)
        own = check_may_decide(operator, request.requester_id)
        with house().catalog.read() as rows:
            check_promise(rows, limit_bytes - (before.limit_bytes or 0), promises_more)
        _decide(request, operator, QuotaRequest.APPROVED, answer, limit_bytes=limit_bytes, ends_on=ends_on)
        if ends_on is not None:
            TenancyTerm.objects.update_or_create(tenancy_id=before.tenancy_id, defaults={"ends_on": ends_on})
        office = house().office(operator.principal_id)
        office.record("quota-request.approve", before.name, before.tenancy_id, {**_detail(request), **own})
        # Last: what a crash leaves between the two is a quota that is set, and a request that is decided anew.
        tenancy = set_tenancy_quota(office, before.name, limit_bytes)
        until = f" The tenancy is granted until {day(ends_on)}." if ends_on is not None else ""
        _tell(
            request, tenancy, f"{tenancy.name}: the new quota is {show_size(limit_bytes)}", f"{answer}{until}".strip()
        )
    return tenancy


def reject_quota(operator: Person, number: int, answer: str) -> None:
    """Reject a request; the managers read why. Raises Unknown, QuotaAlreadyDecided or Refused."""
    if not answer.strip():
        raise Refused("say why: the managers read it")
    with transaction.atomic():
        request = get_quota_request(number)
        tenancy = get_its_tenancy(request)
        own = check_may_decide(operator, request.requester_id)
        _decide(request, operator, QuotaRequest.REJECTED, answer)
        _tell(request, tenancy, f"{tenancy.name}: the request for another quota was rejected", answer)
        detail = {**_detail(request), "reason": answer, **own}
        house().office(operator.principal_id).record("quota-request.reject", tenancy.name, tenancy.tenancy_id, detail)


def withdraw_of_gone() -> int:
    """Withdraw requests of tenancies that are gone, which nobody can decide any more; return how many."""
    with house().catalog.read() as rows:
        there = {tenancy.tenancy_id for tenancy in rows.scan(TENANCIES)}
    waiting = QuotaRequest.objects.filter(state=QuotaRequest.REQUESTED)
    gone = [request.pk for request in waiting if request.tenancy_id not in there]
    found = QuotaRequest.objects.filter(pk__in=gone, state=QuotaRequest.REQUESTED)
    return found.update(state=QuotaRequest.WITHDRAWN, decided_at=days.now())


def _decide(request: QuotaRequest, by: Person, state: str, answer: str, **changes: int | date | None) -> None:
    changed = QuotaRequest.objects.filter(pk=request.pk, state=QuotaRequest.REQUESTED).update(
        state=state, answer=answer, decided_at=days.now(), decided_by=by.principal_id, **changes
    )
    request.refresh_from_db()
    if not changed:
        with house().catalog.read() as rows:
            names = names_by_principal(rows, [request.decided_by])
        raise QuotaAlreadyDecided(request, names.get(request.decided_by, "somebody who is gone"))


def _tell(request: QuotaRequest, tenancy: TenancyRow, subject: str, text: str) -> None:
    """Tell the managers and deputies, and whoever asked where they are none any more."""
    people = {person.pk: person for person in deciders_of(tenancy)}
    requester = person_of(request.requester_id)
    if requester is not None:
        people.setdefault(requester.pk, requester)
    is_good = request.state == QuotaRequest.APPROVED
    notify(
        people.values(),
        "quota_request",
        subject,
        text or f"You asked for {words_of(request)}.",
        url=tenancy_path(tenancy.name, "quota/"),
        level="success" if is_good else "warning",
    )


def _detail(request: QuotaRequest) -> dict[str, str | int | None]:
    ends_on = request.ends_on.isoformat() if request.ends_on is not None else None
    return {"limit_bytes": request.limit_bytes, "before_bytes": request.before_bytes, "ends_on": ends_on}
