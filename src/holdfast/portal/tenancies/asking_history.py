"""What happened to a request for a tenancy, as people read it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from holdfast.portal.house import house
from holdfast.portal.people.lookups import names_by_principal

from .models import QuotaRequest, RequestEvent, TenancyRequest


class Status(NamedTuple):
    """A word and the kind of `components/status.html`."""

    word: str
    kind: str


class Event(NamedTuple):
    """One entry of `components/timeline.html`."""

    when: datetime
    text: str
    who: str
    note: str
    kind: str
    icon: str


_KINDS: Final = {
    "REQUESTED": "info",
    "REJECTED": "error",
    "WITHDRAWN": "neutral",
    "APPROVED": "ok",
    "PROVISIONED": "ok",
}
_WORDS: Final = {
    RequestEvent.SENT: ("Sent", "info", "inbox"),
    RequestEvent.COMMENT: ("Comment", "neutral", "mail"),
    RequestEvent.REJECTED: ("Rejected", "error", "error"),
    RequestEvent.WITHDRAWN: ("Withdrawn", "neutral", "close"),
    RequestEvent.APPROVED: ("Approved", "ok", "check"),
    RequestEvent.PROVISIONED: ("Provisioned: the tenancy is there", "ok", "check"),
}


def status_of(request: TenancyRequest | QuotaRequest) -> Status:
    """Return the state of a request."""
    return Status(request.state, _KINDS[request.state])


def events_of(request: TenancyRequest) -> Sequence[Event]:
    """Return what happened to a request, the newest first.

    What the newest sending asks for is said in short: it is shown whole beside.
    """
    found = list(request.events.order_by("-at", "-id"))
    with house().catalog.read() as rows:
        names = names_by_principal(rows, {event.by for event in found} - {""})
    newest = next((event.pk for event in found if event.kind == RequestEvent.SENT), None)
    return [
        Event(
            event.at,
            text,
            names.get(event.by, "somebody who is gone") if event.by else "",
            event.text.partition("\n")[0] if event.pk == newest else event.text,
            kind,
            icon,
        )
        for event in found
        for text, kind, icon in [_WORDS[event.kind]]
    ]
