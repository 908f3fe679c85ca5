"""The frame of every page of one tenancy: its tabs, its cog, and the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from holdfast.auth.roles import Right
from holdfast.portal.access import Standing
from holdfast.portal.joining.queue import pending_count

from .banners import banners_of


class Crumb(NamedTuple):
    """A step on the way back."""

    label: str
    url: str = ""


def tenancy_path(name: str, rest: str = "") -> str:
    """Return the path of a tenancy's page."""
    return f"/tenancies/{name}/{rest}"


def render_in(
    request: HttpRequest,
    standing: Standing,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    current: str = "",
    crumbs: Sequence[Crumb] = (),
    status: int = 200,
) -> HttpResponse:
    """Render a page of a tenancy. `current` is the path of its tab below the tenancy, such as `members/`."""
    name = standing.tenancy.name
    trail = [Crumb("My tenancies", "/"), Crumb(name, tenancy_path(name) if current or crumbs else ""), *crumbs]
    facts = {
        "standing": standing,
        "tenancy": name,
        "nav": _tabs(standing, current),
        "cog": _cog(standing, current),
        "banners": banners_of(standing),
        "crumbs": trail,
        "section": "home",
        **(context or {}),
    }
    return render(request, template, facts, status=status)


def _tabs(standing: Standing, current: str) -> list[dict[str, Any]]:
    tabs: list[tuple[str, str, str, int | None]] = [("", "Overview", "gauge", None)]
    if not standing.is_operator:
        tabs.append(("buckets/", "Buckets", "bucket", None))
    tabs.append(("members/", "Members", "people", None))
    if standing.may(Right.DECIDE_REQUESTS):
        tabs.append(("requests/", "Requests", "inbox", pending_count(standing.tenancy) or None))
    tabs.append(("quota/", "Quota", "gauge", None))
    if standing.may(Right.OTHERS_TOKENS):
        tabs.append(("activity/", "Activity", "activity", None))
    return [_entry(standing, *tab, current) for tab in tabs]


def _cog(standing: Standing, current: str) -> list[dict[str, Any]]:
    entries = [("tokens/", "Tokens", "key", None)]
    if standing.may(Right.GRANT_ROLES):
        entries.append(("settings/", "Tenancy settings", "edit", None))
        entries.append(("leavers/", "Former members", "people", None))
        entries.append(("close/", "Close this tenancy", "lock", None))
    return [_entry(standing, *entry, current) for entry in entries]


def _entry(standing: Standing, rest: str, label: str, icon: str, badge: int | None, current: str) -> dict[str, Any]:
    url = tenancy_path(standing.tenancy.name, rest)
    return {"label": label, "url": url, "icon": icon, "badge": badge, "current": rest == current}
