"""Who proved lately who they are: what is sensitive asks for it again once that was a quarter of an hour ago."""

from __future__ import annotations

import time
from urllib.parse import urlencode, urlsplit

from allauth.account import app_settings
from allauth.account.internal.flows.login import get_authentication_records
from allauth.core.exceptions import ReauthenticationRequired
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from holdfast.portal.access import person_of


def proved_lately(request: HttpRequest) -> bool:
    """Whether the person gave a password, a code or a passkey, or came from a provider, in the last 15 minutes.

    The log-in itself counts, so that nobody is asked twice in a row.
    """
    records = get_authentication_records(request, person_of(request))
    return (
        bool(records) and time.time() - max(record["at"] for record in records) < app_settings.REAUTHENTICATION_TIMEOUT
    )


def check_proved_lately(request: HttpRequest) -> None:
    """Send the person to prove who they are, unless they did lately. Raises ReauthenticationRequired."""
    if not proved_lately(request):
        raise ReauthenticationRequired


def prove_again(request: HttpRequest) -> HttpResponse:
    """Lead to where one proves it again, and from there back to the page.

    What was being sent is not kept: it may hold a password, and who sent it may have lost a right meanwhile.
    """
    from allauth.account.adapter import get_adapter

    from .adapters import is_own_path

    methods = get_adapter().get_reauthentication_methods(request.user)
    if not methods:
        raise PermissionDenied
    back = request.get_full_path()
    if request.method == "POST":
        came_from = urlsplit(request.headers.get("Referer", ""))
        path = f"{came_from.path}?{came_from.query}" if came_from.query else came_from.path
        back = path if is_own_path(path) else request.path
    return redirect(f"{methods[0]['url']}?{urlencode({'next': back})}")
