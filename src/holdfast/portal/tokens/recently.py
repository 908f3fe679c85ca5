"""Pages that want somebody who proved lately who they are: what makes secrets must not be left open on a screen."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from allauth.account.adapter import get_adapter
from allauth.account.internal.flows.reauthentication import suspend_request
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from holdfast.portal.access import Standing, signed_in
from holdfast.portal.people.recent import proved_lately

Given = ParamSpec("Given")
TenancyView = Callable[Concatenate[HttpRequest, Standing, Given], HttpResponseBase]


def recently(view: TenancyView[Given]) -> TenancyView[Given]:
    """Ask for the password or a second factor first where the last proof is older. A form that was sent is kept."""

    def run(request: HttpRequest, standing: Standing, *args: Given.args, **kwargs: Given.kwargs) -> HttpResponseBase:
        if proved_lately(request):
            return view(request, standing, *args, **kwargs)
        ways = get_adapter().get_reauthentication_methods(signed_in(request))
        answer: HttpResponseBase = suspend_request(request, ways[0]["url"])
        return answer

    # `wraps` would make a callable of another shape of it.
    return cast("TenancyView[Given]", wraps(view)(run))
