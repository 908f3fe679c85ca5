"""The frame of the operators' pages: their tabs, and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from holdfast.portal.tenancies.pages import Crumb
from holdfast.portal.tenancies.review_queue import waiting_count

_TABS: Final = (
    ("", "Overview", "gauge"),
    ("tenancies/", "Tenancies", "folder"),
    ("tenancy-requests/", "Requests", "inbox"),
    ("people/", "People", "people"),
    ("tokens/", "Tokens", "key"),
    ("api-tokens/", "API tokens", "lock"),
    ("jobs/", "Jobs", "clock"),
    ("mail/", "Mail", "mail"),
    ("site/", "Site", "globe"),
    ("audit/", "Audit log", "activity"),
)
PAGE_ROWS: Final = 50


def render_page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    current: str = "",
    crumbs: Sequence[Crumb] = (),
    status: int = 200,
) -> HttpResponse:
    """Render a page for operators. `current` is the path of its tab below `/operators/`."""
    badges = {"tenancy-requests/": waiting_count() or None}
    nav = [
        {
            "label": label,
            "url": f"/operators/{rest}",
            "icon": icon,
            "badge": badges.get(rest),
            "current": rest == current,
        }
        for rest, label, icon in _TABS
    ]
    facts = {"nav": nav, "crumbs": [Crumb("Operators", "/operators/"), *crumbs], "section": "operators"}
    return render(request, template, {**facts, **(context or {})}, status=status)
