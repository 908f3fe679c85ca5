"""The tenancies that a person can discover, with how the person stands to each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from holdfast.admin.managers import is_live
from holdfast.auth.roles import Role
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import MEMBERS, TENANCIES, MemberRow, TenancyRow
from holdfast.portal.house import house
from holdfast.portal.people.lookups import names_by_principal
from holdfast.portal.people.models import Person
from holdfast.portal.tenancies.pages import tenancy_path

from . import days
from .faces import is_outsider, known_tenancies, pages_of
from .models import AccessRequest, Grant
from .statuses import EXPIRED, EXPIRING, REVOKED, Status, status_of_request

MANAGERS_SHOWN_MAX: Final = 5

FILTERS: Final = (("", "All"), ("mine", "I am a member"), ("asked", "I have asked"), ("others", "I can ask to join"))


class Entry(NamedTuple):
    """A tenancy in the list."""

    tenancy: TenancyRow
    summary: str
    status: Status | None
    """None where the person has nothing to do with it."""
    role: str
    """The live role of the person, or empty."""
    last_day: date | None
    """Of the person's own access."""
    group: str
    """Which of FILTERS it belongs to."""
    managers: Sequence[str] = ()

    @property
    def address(self) -> str:
        """Where the person goes on: the tenancy for its members, the way in for others."""
        return tenancy_path(self.tenancy.name, "" if self.role else "join/")

    @property
    def act(self) -> str:
        """What the person does there."""
        return "Open" if self.role else "My request" if self.group == "asked" else "Request to join"


def discoverable(person: Person, query: str = "", group: str = "") -> Sequence[Entry]:
    """Return the tenancies that a person may know and that match, by name; without their managers.

    Hidden ones are there for members and operators, and for whom they have answered.
    """
    opened = house()
    now_us = opened.now_us()
    with opened.catalog.read() as rows:
        tenancies = rows.scan(TENANCIES, index="by_name")
        members = {row.tenancy_id: row for row in rows.scan(MEMBERS, (person.principal_id,), index="by_user")}
    pages = pages_of(tenancy.tenancy_id for tenancy in tenancies)
    known = known_tenancies(person)
    sees_all = person.is_operator
    is_from_outside = not sees_all and is_outsider(person)
    requests = _newest_requests(person)
    revoked = frozenset(
        Grant.objects.filter(principal_id=person.principal_id, is_head=True)
        .exclude(revoked_at=None)
        .values_list("tenancy_id", flat=True)
    )
    entries = []
    for tenancy in tenancies:
        page = pages[tenancy.tenancy_id]
        is_shown = sees_all or tenancy.tenancy_id in known or tenancy.tenancy_id in members
        if not is_shown and (page.hidden or is_from_outside):
            continue
        if query and query not in tenancy.name and query not in page.summary.lower():
            continue
        entry = _entry(tenancy, page.summary, members, requests, revoked, now_us)
        if not group or entry.group == group:
            entries.append(entry)
    return entries


def _newest_requests(person: Person) -> Mapping[str, AccessRequest]:
    requests = AccessRequest.objects.filter(applicant_id=person.principal_id).exclude(tenancy_id="")
    return {request.tenancy_id: request for request in requests.order_by("asked_at", "id")}


def _entry(
    tenancy: TenancyRow,
    summary: str,
    members: Mapping[str, MemberRow],
    requests: Mapping[str, AccessRequest],
    revoked: frozenset[str],
    now_us: int,
) -> Entry:
    member, request = members.get(tenancy.tenancy_id), requests.get(tenancy.tenancy_id)
    if member is not None and is_live(member, now_us):
        last_day = None if member.until_us is None else days.last_day_of(member.until_us)
        is_near = days.is_expiring(member.until_us, days.expiring_until())
        status = EXPIRING if is_near else Status(member.role, "ok")
        return Entry(tenancy, summary, status, member.role, last_day, "mine")
    if request is not None and (request.is_pending or request.shown_state == "INCOMPLETE"):
        return Entry(tenancy, summary, status_of_request(request), "", None, "asked")
    ended = REVOKED if tenancy.tenancy_id in revoked else EXPIRED if member is not None else None
    if ended is None and request is not None and request.state == AccessRequest.REJECTED:
        ended = status_of_request(request)
    return Entry(tenancy, summary, ended, "", None, "others")


def with_managers(entries: Sequence[Entry]) -> Sequence[Entry]:
    """Return entries with the names of their MANAGERs: a scan of each tenancy's members, so for one page of them."""
    now_us = house().now_us()
    with house().catalog.read() as rows:
        managers = {each.tenancy.tenancy_id: _managers(rows, each.tenancy.tenancy_id, now_us) for each in entries}
        names = names_by_principal(rows, {user_id for ids in managers.values() for user_id in ids})
    return [
        each._replace(
            managers=sorted(names[user_id] for user_id in managers[each.tenancy.tenancy_id] if user_id in names)
        )
        for each in entries
    ]


def manager_names(tenancy: TenancyRow) -> Sequence[str]:
    """Return the names of a tenancy's MANAGERs."""
    now_us = house().now_us()
    with house().catalog.read() as rows:
        ids = _managers(rows, tenancy.tenancy_id, now_us)
        names = names_by_principal(rows, ids)
    return sorted(names.values())


def _managers(rows: Snapshot, tenancy_id: str, now_us: int) -> Sequence[str]:
    managers = (
        member.user_id
        for member in rows.scan(MEMBERS, (tenancy_id,))
        if member.role == Role.MANAGER and is_live(member, now_us)
    )
    return [user_id for _, user_id in zip(range(MANAGERS_SHOWN_MAX), managers, strict=False)]


def asked_elsewhere(person: Person, shown: Sequence[Entry]) -> Sequence[AccessRequest]:
    """Return the requests of a person that wait under names which the list does not show: hidden or not there."""
    names = {each.tenancy.name for each in shown}
    waiting = AccessRequest.objects.filter(applicant_id=person.principal_id, state=AccessRequest.PENDING)
    return [request for request in waiting.order_by("tenancy_name", "id") if request.tenancy_name not in names]
