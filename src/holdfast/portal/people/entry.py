"""allauth's pages where they need more than another look: sign-up, the address, the first password, the provider."""

from __future__ import annotations

from typing import Any

import requests
from allauth.account import views as account
from allauth.core import ratelimit
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2LoginView
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from holdfast.portal.access import Need, page, signed_in
from holdfast.portal.errors import error_page
from holdfast.portal.house import house
from holdfast.portal.upstream import provider_id
from holdfast.telemetry.log import get_log

from .adapters import provider_name
from .forms import NameTaken
from .oidc import Callback, Endpoint
from .recent import check_proved_lately

_log = get_log("portal")


class SignUp(account.SignupView):  # type: ignore[misc]  # allauth is not typed
    """Sign-up, where two may want one name in the same moment."""

    def form_valid(self, form: Any) -> HttpResponseBase:
        try:
            answer: HttpResponseBase = super().form_valid(form)
        except NameTaken:
            form.add_error("username", "This name was just taken by somebody else.")
            answer = self.form_invalid(form)
        return answer


class Address(account.EmailView):  # type: ignore[misc]
    """The e-mail address; a directory's people change theirs there."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        person = signed_in(request)
        if person.source == "ldap":
            messages.info(request, f"Your e-mail address comes from {provider_name(person)}: change it there.")
            return redirect("profile")
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return answer


class FirstPassword(account.PasswordSetView):  # type: ignore[misc]
    """A password for who has none, unless a provider or directory keeps it."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        person = signed_in(request)
        if not person.keeps_password_here:
            messages.info(request, f"You log in with the password of {provider_name(person)}: change it there.")
            return redirect("security")
        check_proved_lately(request)
        answer: HttpResponseBase = super().dispatch(request, *args, **kwargs)
        return answer


sign_up = page(Need.ANYBODY)(SignUp.as_view())
address = page(Need.PERSON)(Address.as_view())
first_password = page(Need.PERSON)(FirstPassword.as_view())


@page(Need.ANYBODY)
@require_POST
def provider_login(request: HttpRequest) -> HttpResponseBase:
    """Lead to the provider, by a page of our own: a form may not be answered with a way out of this site."""
    if refusal := ratelimit.consume_or_429(request, action="login"):
        return refusal  # type: ignore[no-any-return]
    try:
        answer: HttpResponseBase = OAuth2LoginView.adapter_view(_endpoint(request))(request)
    except (OAuth2Error, requests.RequestException, KeyError) as error:
        _log.warning("the provider can't be asked", reason=type(error).__name__)
        return _unreachable(request)
    if answer.status_code == 302:
        return render(request, "people/leaving.html", {"where": answer["Location"], "provider": _name()})
    return answer


@page(Need.ANYBODY)
def provider_callback(request: HttpRequest) -> HttpResponseBase:
    """Log in whom the provider sends back, or connect them to the account that is logged in."""
    try:
        answer: HttpResponseBase = Callback.adapter_view(_endpoint(request))(request)
    except (ValueError, KeyError) as error:
        _log.warning("the provider's answer was not understood", reason=type(error).__name__)
        return _unreachable(request)
    return answer


def _endpoint(request: HttpRequest) -> Endpoint:
    issuer = house().settings.site.oidc_issuer
    if not issuer:
        raise Http404
    return Endpoint(request, provider_id(issuer))


def _name() -> str:
    return house().settings.site.oidc_name


def _unreachable(request: HttpRequest) -> HttpResponse:
    text = f"{_name()} does not answer as it should. Try again in some minutes."
    return error_page(request, 502, f"{_name()} can't be reached", text)
