"""A person's notices: unread ones first."""

from __future__ import annotations

from typing import Final, NamedTuple

from django.contrib import messages
from django.db.models import BooleanField, ExpressionWrapper, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST, require_safe

from holdfast.portal.access import Need, page, signed_in
from holdfast.portal.errors import not_found
from holdfast.portal.paging import cut

from .models import Notice


class Badge(NamedTuple):
    """How a level shows: the kind of `components/status.html`, and its word."""

    kind: str
    word: str


BADGES: Final = {
    "info": Badge("info", "Note"),
    "attention": Badge("warn", "To do"),
    "warning": Badge("warn", "Warning"),
    "error": Badge("error", "Error"),
    "success": Badge("ok", "Done"),
}


class Line(NamedTuple):
    """A notice in the list."""

    notice: Notice
    badge: Badge
    leads_on: bool
    """Whether it has an address to go to."""


@page(Need.PERSON)
@require_safe
def notices(request: HttpRequest) -> HttpResponse:
    """List what the person was told: unread ones first, then by time, the newest first."""
    is_read = ExpressionWrapper(Q(read_at__isnull=False), output_field=BooleanField())
    mine = Notice.objects.filter(person=signed_in(request))
    found = mine.annotate(is_read=is_read).order_by("is_read", "-created_at", "-id")

    def load(start: int, stop: int) -> list[Line]:
        return [Line(each, BADGES[each.level], bool(safe_path(each.url))) for each in found[start:stop]]

    facts = {
        "page": cut(request, mine.count(), load),
        "unread": mine.filter(read_at=None).count(),
        "section": "notices",
    }
    return render(request, "notices/list.html", facts)


@page(Need.PERSON)
@require_POST
def mark_read(request: HttpRequest, number: int) -> HttpResponse:
    """Mark one notice of the person as read."""
    if not Notice.objects.filter(pk=number, person=signed_in(request)).exists():
        return not_found(request, LookupError(number))
    Notice.objects.filter(pk=number, person=signed_in(request), read_at=None).update(read_at=timezone.now())
    return redirect("notices")


@page(Need.PERSON)
@require_POST
def mark_all_read(request: HttpRequest) -> HttpResponse:
    """Mark all notices of the person as read."""
    count = Notice.objects.filter(person=signed_in(request), read_at=None).update(read_at=timezone.now())
    if count:
        messages.success(request, f"{count} {'notice was' if count == 1 else 'notices were'} marked as read.")
    return redirect("notices")


@page(Need.PERSON)
@require_POST
def open_notice(request: HttpRequest, number: int) -> HttpResponse:
    """Mark one notice of the person as read, and go where it leads."""
    found = Notice.objects.filter(pk=number, person=signed_in(request)).first()
    if found is None:
        return not_found(request, LookupError(number))
    Notice.objects.filter(pk=number, read_at=None).update(read_at=timezone.now())
    return redirect(safe_path(found.url) or "notices")


def safe_path(url: str) -> str:
    """Return an address of this site as it is, and nothing for any other: no notice leads elsewhere."""
    return url if url.startswith("/") and url_has_allowed_host_and_scheme(url, allowed_hosts=None) else ""
