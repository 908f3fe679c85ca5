"""Pages that want somebody who proved lately who they are: what makes secrets must not be left open on a screen."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from allauth.account import app_settings
from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import suspend_request
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from holdfast.portal.access import Standing, signed_in
from holdfast.portal.errors import error_page

Given = ParamSpec("Given")
TenancyView = Callable[Concatenate[HttpRequest, Standing, Given], HttpResponseBase]


def is_recent(request: HttpRequest) -> bool:
    """Whether the person logged in, or gave their password or second factor again, within the last 15 minutes.

    allauth's own question wants a second prompt even right after a log-in; here each proof counts, whatever its kind.
    """
    records = get_authentication_records(request, signed_in(request))
    latest_s = max((record["at"] for record in records), default=0.0)
    return bool(time.time() - latest_s < app_settings.REAUTHENTICATION_TIMEOUT)


def recently(view: TenancyView[Given]) -> TenancyView[Given]:
    """Ask for the password or a second factor first where the last proof is older. A form that was sent is kept."""

    def run(request: HttpRequest, standing: Standing, *args: Given.args, **kwargs: Given.kwargs) -> HttpResponseBase:
        if is_recent(request):
            return view(request, standing, *args, **kwargs)
        ways = get_adapter().get_reauthentication_methods(signed_in(request))
        if not ways:
            # Somebody who came by a provider or a link has nothing here that could be asked for.
            text = "It is more than 15 minutes since you logged in. Log out, log in again, and come back to this page."
            return error_page(request, 403, "Log in again first", text)
        answer: HttpResponseBase = suspend_request(request, ways[0]["url"])
        return answer

    # `wraps` would make a callable of another shape of it.
    return cast("TenancyView[Given]", wraps(view)(run))
