"""States of requests, memberships and grants as people read them: a word, and the kind of badge that it gets."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from typing import Final, NamedTuple

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from holdfast.admin.managers import is_live
from holdfast.catalog.rows import MemberRow

from . import days
from .models import AccessRequest, Grant


class Status(NamedTuple):
    """A word and the kind of `components/status.html`."""

    word: str
    kind: str

    @property
    def badge(self) -> SafeString:
        """The badge, for tables. Rendered once for each status: a list of fifty would spend half its time on it."""
        return _badge(self)


@cache
def _badge(status: Status) -> SafeString:
    return render_to_string("components/status.html", {"kind": status.kind, "text": status.word})


ACTIVE: Final = Status("ACTIVE", "ok")
EXPIRING: Final = Status("EXPIRING", "warn")
EXPIRED: Final = Status("EXPIRED", "neutral")
REVOKED: Final = Status("REVOKED", "error")
REPLACED: Final = Status("REPLACED", "neutral")
WAITING: Final = Status("STARTING", "info")

MEMBER_STATUSES: Final = (ACTIVE, EXPIRING, EXPIRED, REVOKED)

_REQUESTS: Final = {
    "PENDING": "info",
    "APPROVED": "ok",
    "INCOMPLETE": "warn",
    "REJECTED": "error",
    "WITHDRAWN": "neutral",
}


def status_of_request(request: AccessRequest) -> Status:
    """Return the state of a request."""
    return Status(request.shown_state, _REQUESTS[request.shown_state])


def status_of_member(member: MemberRow, now_us: int, expiring_us: int) -> Status:
    """Return the state of a membership that is there; `expiring_us` is `days.expiring_until()`."""
    if not is_live(member, now_us):
        return EXPIRED
    return EXPIRING if days.is_expiring(member.until_us, expiring_us) else ACTIVE


def status_of_grant(grant: Grant, now: datetime) -> Status:
    """Return what became of a grant."""
    if grant.revoked_at is not None:
        return REVOKED
    ended_by = grant.replaced_at or now
    if grant.ends_on is not None and grant.ends_on < ended_by.date():
        return EXPIRED
    if grant.replaced_at is not None:
        return REPLACED
    if grant.applied_at is None:
        return WAITING
    until_us = None if grant.ends_on is None else days.end_of(grant.ends_on)
    return EXPIRING if days.is_expiring(until_us, days.expiring_until()) else ACTIVE
