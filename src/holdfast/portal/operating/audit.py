"""The audit log, for operators: who did what to which thing, and when."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.html import format_html

from holdfast.admin.audit import Sought, search_audit
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import TENANCIES, USERS, AuditRow
from holdfast.portal.access import Need, page
from holdfast.portal.csv_cells import csv_answer, csv_text
from holdfast.portal.house import house
from holdfast.portal.people.mentioned import PERSON_FACTS, mentioned_in

from .frame import PAGE_ROWS, render_page

EXPORT_ROWS_MAX: Final = 100_000
"""How many rows one export holds: the newest."""
_STEP: Final = 1_000

DOCUMENT_LENGTH_MAX: Final = 80
"""A longer document, such as a policy, is folded."""
WORDS_LENGTH_MAX: Final = 300
"""Longer words, such as reasons, are folded."""


class AuditForm(forms.Form):
    """What is looked for."""

    person = forms.CharField(
        label="Who",
        required=False,
        max_length=64,
        help_text=format_html("A user's name, or <code>{}</code>.", "cli:root"),
    )
    action = forms.CharField(
        label="Action begins with",
        required=False,
        max_length=60,
        help_text=format_html("Such as <code>{}</code>.", "key."),
    )
    tenancy = forms.CharField(label="Tenancy", required=False, max_length=63)
    text = forms.CharField(label="What was changed", required=False, max_length=200)
    since = forms.DateField(label="Since", required=False, widget=forms.DateInput(attrs={"type": "date"}))


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One row as people read it."""

    at_us: int
    who: str
    action: str
    subject: str
    tenancy: str
    facts: Sequence[tuple[str, str]]
    user: str
    """The user name of who did it; empty for who is none, such as `cli:root`."""
    principal: str
    """The id of who did it, which never changes and is nobody else's ever."""

    @property
    def short_facts(self) -> Sequence[tuple[str, str]]:
        return [fact for fact in self.facts if not _is_long(fact[1])]

    @property
    def long_facts(self) -> Sequence[tuple[str, str]]:
        """Those that a narrow column would tear to pieces."""
        return [fact for fact in self.facts if _is_long(fact[1])]


def _is_long(text: str) -> bool:
    return len(text) > (DOCUMENT_LENGTH_MAX if text.startswith(("{", "[")) else WORDS_LENGTH_MAX)


@page(Need.OPERATOR)
def audit(request: HttpRequest) -> HttpResponseBase:
    """Show the newest rows that fit, or all of them as CSV."""
    form = AuditForm(request.GET or None)
    said: Mapping[str, Any] = form.cleaned_data if form.is_valid() else {}
    opened = house()
    if request.GET.get("format") == "csv":
        return csv_answer("audit.csv", _csv_pages(said))
    with opened.catalog.read() as rows:
        sought = _sought(rows, said)
        found = search_audit(rows, sought, PAGE_ROWS, _before(request)) if sought is not None else None
        lines = audit_lines(rows, found.rows) if found is not None else []
    asked = {name: str(value) for name, value in said.items() if value}
    before_us = found.before_us if found is not None else None
    context = {
        "form": form,
        "lines": lines,
        "next_url": "?" + urlencode({**asked, "before": before_us}) if before_us is not None else "",
        "first_url": "?" + urlencode(asked) if request.GET.get("before") else "",
        "csv_url": "?" + urlencode({**asked, "format": "csv"}),
    }
    return render_page(request, "operating/audit.html", context, current="audit/")


def audit_lines(rows: Snapshot, found: Sequence[AuditRow]) -> list[AuditLine]:
    """Return rows with the names of people and tenancies in them."""
    details, names, users = mentioned_in(rows, found)
    tenancies = {row.tenancy_id: rows.find(TENANCIES, (row.tenancy_id,)) for row in found if row.tenancy_id}
    return [
        AuditLine(
            row.at_us,
            names.get(row.actor, row.actor),
            row.action,
            names.get(row.subject, row.subject),
            tenancy.name if (tenancy := tenancies.get(row.tenancy_id)) is not None else "",
            facts_of(detail, names),
            users.get(row.actor, ""),
            row.actor,
        )
        for row, detail in zip(found, details, strict=True)
    ]


def facts_of(detail: Mapping[str, Any], names: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the detail of an audit row as pairs that people read; moments in words, people by their names."""
    return [
        (name.removesuffix("_id"), names.get(str(value), str(value)))
        if name in PERSON_FACTS
        else (name.removesuffix("_us").replace("_", " "), _shown(name, value))
        for name, value in detail.items()
    ]


def _shown(name: str, value: Any) -> str:
    if value is None:
        return "none"
    if name.endswith("_at_us") or name == "until_us":
        return datetime.fromtimestamp(value / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M UTC")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _sought(rows: Snapshot, said: Mapping[str, Any]) -> Sought | None:
    since: date | None = said.get("since")
    return sought_of(
        rows,
        said.get("person") or "",
        said.get("action") or "",
        said.get("tenancy") or "",
        said.get("text") or "",
        datetime(since.year, since.month, since.day, tzinfo=UTC) if since else None,
    )


def sought_of(rows: Snapshot, who: str, action: str, tenancy: str, text: str, since: datetime | None) -> Sought | None:
    """Return what is looked for, by the names that people know; None where the tenancy that is named never was."""
    # A name may have been several people's, one after the other.
    actors = {who, *(user.user_id for user in rows.scan(USERS) if user.name == who)} if who else ()
    tenancy_id = ""
    if tenancy:
        tenancies = rows.scan(TENANCIES, (tenancy,), index="by_name", count_max=1)
        if not tenancies:
            return None
        tenancy_id = tenancies[0].tenancy_id
    since_us = int(since.timestamp()) * 1_000_000 if since else None
    return Sought(frozenset(actors), action, tenancy_id, text, since_us)


def _before(request: HttpRequest) -> int | None:
    text = request.GET.get("before", "")
    return int(text) if text.isdecimal() and len(text) < 18 else None


def _csv_pages(said: Mapping[str, Any]) -> Iterator[str]:
    """Yield the rows that fit as CSV. Each page reads for itself, so that no slow client holds a snapshot open."""
    yield csv_text([("when", "who", "user", "principal", "action", "what", "tenancy", "detail")])
    before_us: int | None = None
    count = 0
    while count < EXPORT_ROWS_MAX:
        with house().catalog.read() as rows:
            sought = _sought(rows, said)
            if sought is None:
                return
            found = search_audit(rows, sought, _STEP, before_us)
            made = audit_lines(rows, found.rows)
        yield csv_text(_cells(line, row.detail) for row, line in zip(found.rows, made, strict=True))
        count += len(made)
        before_us = found.before_us
        if before_us is None:
            return


def _cells(line: AuditLine, detail: str) -> Sequence[str]:
    when = datetime.fromtimestamp(line.at_us / 1_000_000, UTC).isoformat()
    return (when, line.who, line.user, line.principal, line.action, line.subject, line.tenancy, detail)
