"""Pages about oneself, and the links that log in."""

from __future__ import annotations

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.socialaccount.internal.flows.connect import validate_disconnect
from allauth.socialaccount.models import SocialAccount
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST

from holdfast.portal.access import Need, page, signed_in
from holdfast.portal.errors import error_page
from holdfast.portal.house import house

from . import profile as about
from .adapters import provider_name
from .backends import may_log_in
from .events import record
from .forms import ProfileForm
from .links import peek_login_link, spend_login_link
from .oidc import give_roles
from .recent import check_proved_lately
from .sessions import end_others


@page(Need.ANYBODY)
@sensitive_variables("secret")
def login_by_link(request: HttpRequest, secret: str) -> HttpResponseBase:
    """Log in once by a link. Looking at the page spends nothing: programs look at links before people do.

    Who has a second factor proves it all the same.
    """
    person = spend_login_link(secret) if request.method == "POST" else peek_login_link(secret)
    if person is None or not may_log_in(person):
        text = "It was used already, or is too old. Ask for a new one, or log in with your password."
        return error_page(request, 404, "This link does not work any more", text)
    if request.method == "POST":
        record_authentication(request, person, method="link")
        answer: HttpResponseBase = perform_login(request, Login(user=person, email_verification="none"))
        return answer
    return render(request, "people/login_link.html", {"whom": person})


@page(Need.PERSON)
def profile(request: HttpRequest) -> HttpResponse:
    """Show who one is here: names, address, identities and roles. The full name may be changed."""
    person = signed_in(request)
    if request.method == "POST":
        form = ProfileForm(request.POST)
        if form.is_valid() and person.source != "ldap":
            before, person.full_name = person.full_name, form.cleaned_data["full_name"]
            if person.full_name != before:
                with transaction.atomic():
                    person.save(update_fields=["full_name"])
                    # Within: what others read of a log must not change by what is in no log.
                    record(person, "person.rename", {"before": before, "full_name": person.full_name})
            messages.success(request, "Your profile is saved.")
            return redirect("profile")
    else:
        form = ProfileForm(initial={"full_name": person.full_name})
    site = house().settings.site
    facts = {
        "form": form,
        "addresses": about.addresses_of(person),
        "identities": about.identities_of(person),
        "roles": about.roles_of(person),
        "oidc_name": site.oidc_name if site.oidc_issuer else "",
        "is_of_directory": person.source == "ldap",
    }
    return render(request, "people/profile.html", facts)


@page(Need.PERSON)
def security(request: HttpRequest) -> HttpResponse:
    """Show the ways to log in, and where one is logged in."""
    person = signed_in(request)
    facts = {
        "factors": about.factors_of(person),
        "places": about.places_of(person, request.session.session_key),
        "keeps_password_here": person.keeps_password_here,
        "has_password": person.has_usable_password(),
        "password_keeper": provider_name(person),
    }
    return render(request, "people/security.html", facts)


@page(Need.PERSON)
@require_POST
def log_out_elsewhere(request: HttpRequest) -> HttpResponse:
    """End all sessions of the person but this one."""
    person = signed_in(request)
    ended = end_others(person, request.session.session_key)
    record(person, "person.sessions", {"ended": ended})
    messages.success(request, "You are logged out everywhere else." if ended else "You were logged in nowhere else.")
    return redirect("security")


@page(Need.PERSON)
@require_POST
def disconnect(request: HttpRequest, number: int) -> HttpResponse:
    """Take an identity of a provider away from the account, with the roles that its groups gave."""
    check_proved_lately(request)
    person = signed_in(request)
    account = get_object_or_404(SocialAccount, pk=number, user=person)
    try:
        validate_disconnect(request, account)
    except ValidationError as error:
        messages.error(request, error.messages[0])
        return redirect("profile")
    account.delete()
    give_roles(person)
    record(person, "person.identity.remove", {})
    messages.success(request, "The identity is not connected any more.")
    return redirect("profile")


@page(Need.PERSON)
def log_in_again(request: HttpRequest) -> HttpResponse:
    """Ask who has no password here to prove who they are: by the provider, or by logging in anew."""
    from .adapters import is_own_path

    site = house().settings.site
    wanted = request.GET.get("next", "")
    facts = {
        "oidc_name": site.oidc_name if site.oidc_issuer and signed_in(request).source == "oidc" else "",
        "next": wanted if is_own_path(wanted) else "/",
    }
    return render(request, "people/log_in_again.html", facts)


@page(Need.PERSON)
def to_security(request: HttpRequest, **_: object) -> HttpResponse:
    """Lead to the page that holds what another one would show."""
    return redirect("security")


@page(Need.PERSON)
def to_profile(request: HttpRequest) -> HttpResponse:
    """Lead to the page that holds what another one would show."""
    return redirect("profile")
