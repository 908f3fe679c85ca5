"""What a person has asked for and has not got yet: to join tenancies, and tenancies of their own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from django.urls import reverse

from holdfast.catalog.rows import TENANCIES
from holdfast.portal.house import house
from holdfast.portal.joining.models import AccessRequest
from holdfast.portal.joining.statuses import status_of_request
from holdfast.portal.people.models import Person

from .asking_history import status_of
from .models import TenancyRequest
from .pages import tenancy_path

SHOWN_MAX: Final = 50
"""At most so many of the newest requests of each kind are looked at."""


class MyRequest(NamedTuple):
    """One request that somebody has not answered, or that its sender is to complete."""

    name: str
    """Of the tenancy."""
    what: str
    """What is asked for."""
    word: str
    kind: str
    """Of `components/status.html`."""
    asked_at: datetime
    reason: str
    """What is still wanted of the sender; empty where others decide."""
    url: str
    is_mine_to_do: bool
    """Whether it waits for its sender."""


def requests_of(person: Person, member_of: Sequence[str] = ()) -> Sequence[MyRequest]:
    """Return what waits, the oldest first. `member_of` names the tenancies that the person is a member of by now.

    Two queries. Nothing in it depends on whether a tenancy is there of which the person may not know.
    """
    found = [*_to_join(person, frozenset(member_of)), *_for_tenancies(person)]
    return sorted(found, key=lambda each: each.asked_at)


def _to_join(person: Person, member_of: frozenset[str]) -> Sequence[MyRequest]:
    mine = AccessRequest.objects.filter(applicant_id=person.principal_id).order_by("-asked_at", "-id")[:SHOWN_MAX]
    newest: dict[tuple[str, str], AccessRequest] = {}
    for each in mine:
        newest.setdefault((each.tenancy_name, each.role), each)
    with house().catalog.read() as rows:
        # Who was asked for more knows the tenancy; one that is gone wants nothing any more.
        shown = [
            each
            for each in newest.values()
            if each.is_pending
            or (
                each.shown_state == "INCOMPLETE"
                and each.tenancy_name not in member_of
                and rows.find(TENANCIES, (each.tenancy_id,)) is not None
            )
        ]
    return [
        MyRequest(
            each.tenancy_name,
            f"To join as {each.role}",
            status_of_request(each).word,
            status_of_request(each).kind,
            each.asked_at,
            "" if each.is_pending else each.user_reason,
            tenancy_path(each.tenancy_name, "join/"),
            not each.is_pending,
        )
        for each in shown
    ]


def _for_tenancies(person: Person) -> Sequence[MyRequest]:
    mine = TenancyRequest.objects.filter(
        requester_id=person.principal_id, state__in=(TenancyRequest.REQUESTED, TenancyRequest.APPROVED)
    ).order_by("-asked_at", "-id")[:SHOWN_MAX]
    return [
        MyRequest(
            each.name,
            "For a tenancy of this name",
            status_of(each).word,
            status_of(each).kind,
            each.asked_at,
            "",
            reverse("my_tenancy_request", args=[each.pk]),
            False,
        )
        for each in mine
    ]
