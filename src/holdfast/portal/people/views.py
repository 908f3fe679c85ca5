"""Pages about oneself, and the links that log in."""

from __future__ import annotations

from allauth.account.internal.flows.login import record_authentication
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_variables

from holdfast.portal.access import Need, page
from holdfast.portal.errors import error_page

from .backends import may_log_in
from .links import peek_login_link, spend_login_link


@page(Need.ANYBODY)
@sensitive_variables("secret")
def login_by_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Log in once by a link. Looking at the page spends nothing: programs look at links before people do."""
    person = spend_login_link(secret) if request.method == "POST" else peek_login_link(secret)
    if person is None or not may_log_in(person):
        text = "It was used already, or is too old. Ask for a new one, or log in with your password."
        return error_page(request, 404, "This link does not work any more", text)
    if request.method == "POST":
        login(request, person, backend="holdfast.portal.people.backends.ByPassword")
        record_authentication(request, person, method="link")
        return redirect("/")
    return render(request, "people/login_link.html", {"whom": person})
