"""The activity of a tenancy: who did what, to look through and to take away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.http import require_safe

from holdfast.admin.audit import Sought, search_audit
from holdfast.auth.roles import Right
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import TenancyRow
from holdfast.portal.access import Standing, tenancy_page
from holdfast.portal.csv_cells import csv_answer, csv_text
from holdfast.portal.house import house
from holdfast.portal.paging import PAGE_SIZE, with_query
from holdfast.portal.tenancies.pages import render_in

from .activity import WORDS, Act, find_actors, in_words

EXPORT_ROWS_MAX: Final = 100_000
"""How many rows one export holds: the newest."""
_STEP: Final = 1_000

GROUPS: Final = (
    ("member.", "members"),
    ("request.", "requests"),
    ("guest.", "invitations"),
    ("key.", "tokens"),
    ("bucket.", "buckets"),
    ("quota-request.", "requests for quota"),
    ("tenancy.", "the tenancy"),
    ("break-glass.", "operators' access to data"),
)


@tenancy_page(Right.OTHERS_TOKENS)
@require_safe
def activity(request: HttpRequest, standing: Standing) -> HttpResponse:
    """Show what happened in a tenancy, the newest first."""
    before_us = _before(request)
    with house().catalog.read() as rows:
        found = search_audit(rows, _sought(request, rows, standing.tenancy), PAGE_SIZE, before_us)
        acts = in_words(rows, standing.tenancy, found.rows)
    who, action = _filters(request)
    facts = {
        "acts": acts,
        "who": who,
        "action": action,
        "groups": GROUPS,
        "actions": sorted(WORDS.items(), key=lambda each: each[1]),
        "older_url": with_query(request, {"before": found.before_us}) if found.before_us is not None else "",
        "first_url": with_query(request, {"before": ""}) if before_us is not None else "",
        "export_url": f"export/{with_query(request, {'before': ''}).removeprefix(request.path)}",
    }
    return render_in(request, standing, "joining/activity.html", facts, current="activity/")


@tenancy_page(Right.OTHERS_TOKENS)
@require_safe
def export(request: HttpRequest, standing: Standing) -> HttpResponseBase:
    """Give the same as a CSV document, at most the newest 100,000 rows."""
    return csv_answer(f"activity-{standing.tenancy.name}.csv", _pages(request, standing.tenancy))


def _pages(request: HttpRequest, tenancy: TenancyRow) -> Iterator[str]:
    """Yield the document. Each page reads for itself, so that no slow client holds a snapshot open."""
    yield csv_text([("when", "who", "user", "principal", "action", "what", "detail")])
    before_us: int | None = None
    count = 0
    while count < EXPORT_ROWS_MAX:
        with house().catalog.read() as rows:
            found = search_audit(rows, _sought(request, rows, tenancy), _STEP, before_us)
            acts = in_words(rows, tenancy, found.rows)
        yield csv_text(map(_cells, acts))
        count += len(acts)
        before_us = found.before_us
        if before_us is None:
            return


def _cells(act: Act) -> Sequence[str]:
    when = datetime.fromtimestamp(act.at_us / 1_000_000, UTC).isoformat()
    return (when, act.who, act.user, act.actor, act.action, act.subject, act.detail)


def _sought(request: HttpRequest, rows: Snapshot, tenancy: TenancyRow) -> Sought:
    who, action = _filters(request)
    actors = find_actors(rows, tenancy, who) if who else frozenset[str]()
    return Sought(actors=actors, action=action, tenancy_id=tenancy.tenancy_id)


def _filters(request: HttpRequest) -> tuple[str, str]:
    return request.GET.get("who", "").strip()[:64], request.GET.get("action", "")[:40]


def _before(request: HttpRequest) -> int | None:
    text = request.GET.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 18 else None
