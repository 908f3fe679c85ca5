"""What happened between a person and a tenancy, as a timeline: requests, decisions, grants, ends."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from holdfast.portal.house import house
from holdfast.portal.people.lookups import names_by_principal
from holdfast.portal.people.templatetags.portal import day

from . import days
from .models import AccessRequest, Grant
from .statuses import EXPIRED, REVOKED, status_of_grant


class Event(NamedTuple):
    """One entry of `components/timeline.html`."""

    when: datetime
    text: str
    who: str = ""
    note: str = ""
    kind: str = "neutral"
    icon: str = "dot"


def events_of(
    requests: Iterable[AccessRequest], grants: Iterable[Grant], *, with_comments: bool = False
) -> Sequence[Event]:
    """Return the events, the newest first. Internal comments only for those who decide (`with_comments`)."""
    requests, grants = list(requests), list(grants)
    ids = {request.decided_by for request in requests} | {each.granted_by for each in grants}
    ids |= {each.revoked_by for each in grants}
    with house().catalog.read() as rows:
        names = names_by_principal(rows, ids - {""})
    events = [event for request in requests for event in _of_request(request, names, with_comments)]
    events += [event for each in grants for event in _of_grant(each, names)]
    return sorted(events, key=lambda event: event.when, reverse=True)


def _of_request(request: AccessRequest, names: Mapping[str, str], with_comments: bool) -> Iterable[Event]:
    yield Event(request.asked_at, f"Asked to be {request.role}", kind="info", icon="inbox")
    if request.decided_at is None:
        return
    who = names.get(request.decided_by, "")
    note = request.user_reason
    if with_comments and request.internal_comment:
        note = f"{note}\n(internal: {request.internal_comment})".strip()
    match request.shown_state:
        case "APPROVED":
            # The grant that follows says what was given; the comment is this request's.
            yield Event(request.decided_at, "Request approved", who, note, "ok", "check")
        case "INCOMPLETE":
            yield Event(request.decided_at, "More information is needed", who, note, "warn", "warning")
        case "REJECTED":
            yield Event(request.decided_at, "Request rejected", who, note, "error", "error")
        case _:
            yield Event(request.decided_at, "Request withdrawn", kind="neutral", icon="close")


def _of_grant(each: Grant, names: Mapping[str, str]) -> Iterable[Event]:
    until = f" until {day(each.ends_on)}" if each.ends_on is not None else ""
    verb = "Became" if each.previous_id is None else "Is from then on"
    who = names.get(each.granted_by, "")
    yield Event(each.granted_at, f"{verb} {each.role}{until}", who, kind="ok", icon="person")
    status = status_of_grant(each, days.now())
    if status == REVOKED and each.revoked_at is not None:
        who = names.get(each.revoked_by, "")
        yield Event(each.revoked_at, "Access was revoked", who, each.revoked_reason, "error", "close")
    elif status == EXPIRED and each.ends_on is not None:
        end = datetime.fromtimestamp(days.end_of(each.ends_on) / 1_000_000, each.granted_at.tzinfo)
        yield Event(end, "Access expired", kind="neutral", icon="clock")
