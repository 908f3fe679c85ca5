"""Operators' tokens of the whole site, for the management API: listed, made for oneself, and revoked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from holdfast.admin.errors import AdminError
from holdfast.catalog.rows import USERS
from holdfast.portal.access import Need, page, signed_in
from holdfast.portal.house import house
from holdfast.portal.notices.notify import notify
from holdfast.portal.paging import cut
from holdfast.portal.people.models import Person
from holdfast.portal.people.recent import check_proved_lately
from holdfast.portal.tenancies.pages import Crumb
from holdfast.portal.tokens import making, once
from holdfast.portal.tokens.api_tokens import get_site_token, revoke_api_token, site_tokens, state_of_site_token
from holdfast.portal.tokens.forms import SiteTokenForm
from holdfast.portal.tokens.models import ApiToken

from .frame import render_page

_PATH = "/operators/api-tokens/"
_TAB = "api-tokens/"


class SiteToken(NamedTuple):
    """A token with how it stands."""

    token: ApiToken
    state: str


@page(Need.OPERATOR)
@require_GET
def api_tokens(request: HttpRequest) -> HttpResponse:
    """Show the tokens of the whole site, the newest first."""
    found = site_tokens()
    shown = cut(request, len(found), lambda start, stop: with_states(found[start:stop]))
    context = {"tokens": shown.items, "previous_url": shown.previous_url, "next_url": shown.next_url}
    return render_page(request, "operating/api_tokens.html", context, current=_TAB)


def with_states(found: Sequence[ApiToken]) -> list[SiteToken]:
    """Return tokens of the whole site with how they stand now."""
    opened = house()
    with opened.catalog.read() as rows:
        users = {token.person.principal_id: rows.find(USERS, (token.person.principal_id,)) for token in found}
    now_us = opened.now_us()
    return [SiteToken(token, state_of_site_token(token, users[token.person.principal_id], now_us)) for token in found]


@page(Need.OPERATOR)
@require_http_methods(["GET", "POST"])
@sensitive_variables()
def add(request: HttpRequest) -> HttpResponse:
    """Make a token for oneself, and show its secret in this one answer."""
    check_proved_lately(request)
    operator = signed_in(request)
    opened = house()
    form = SiteTokenForm(opened.settings.limits, opened.now_us(), request.POST if request.method == "POST" else None)
    crumbs = [Crumb("API tokens", _PATH), Crumb("Add")]
    if request.method != "POST" or not form.is_valid():
        status = 422 if form.is_bound else 200
        return render_page(
            request, "operating/add_api_token.html", {"form": form}, current=_TAB, crumbs=crumbs, status=status
        )
    if not once.claim(operator, form.cleaned_data["form_id"]):
        messages.info(request, "That form made its token before: a secret is shown only once. Add another.")
        return redirect(_PATH)
    try:
        made = making.make_for_site(operator, form.wish())
    except AdminError:
        once.give_back(operator, form.cleaned_data["form_id"])
        raise
    context = {"token": made.token, "secret": made.secret, "example": _example(made.secret)}
    answer = render_page(request, "operating/api_token_made.html", context, current=_TAB, crumbs=crumbs)
    answer["Cache-Control"] = "no-store"
    return answer


@page(Need.OPERATOR)
@require_POST
def revoke(request: HttpRequest, token: str) -> HttpResponse:
    """Refuse a token from now on, one's own or another operator's, who is told. Idempotent."""
    revoke_for(signed_in(request), token)
    messages.success(request, f"{token} is revoked: it is refused from now on.")
    return redirect(_PATH)


def revoke_for(operator: Person, token_id: str) -> None:
    """Revoke a token of the whole site, and tell its owner when that is somebody else. Raises Unknown. Idempotent."""
    token = get_site_token(token_id)
    if revoke_api_token(operator, token) and token.person != operator:
        text = (
            f"{operator}, an operator too, revoked your API token {token_id} “{token.description}” of the whole site."
        )
        notify([token.person], "token_revoked", f"API token {token_id} was revoked", text, url=_PATH, level="warning")


def _example(secret: str) -> str:
    return f"curl -H 'Authorization: Bearer {secret}' {house().settings.portal_origin}/api/v1/tenancies\n"
