"""Who is told of requests for tenancies: the operators, and whoever asked."""

from __future__ import annotations

from holdfast.portal.joining.deciders import operators
from holdfast.portal.joining.telling import person_of, reply_to
from holdfast.portal.notices.notify import notify
from holdfast.portal.people.models import Person

from .models import TenancyRequest


def tell_operators(request: TenancyRequest, subject: str, text: str, *, by: Person) -> None:
    """Tell all operators but whoever does it."""
    notify(
        [person for person in operators() if person.pk != by.pk],
        "tenancy_request",
        subject,
        text,
        url=f"/operators/tenancy-requests/{request.pk}/",
        level="attention",
        reply_to=reply_to(by),
    )


def tell_requester(
    request: TenancyRequest, subject: str, text: str, *, url: str = "", level: str = "info", by: Person | None = None
) -> None:
    """Tell whoever asked, where they still have an account."""
    person = person_of(request.requester_id)
    if person is not None:
        url = url or f"/ask-for-a-tenancy/{request.pk}/"
        notify([person], "tenancy_request", subject, text, url=url, level=level, reply_to=reply_to(by))
