"""Access keys of the whole site, for operators: found by id, owner or tenancy, and revoked at once."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from holdfast.admin.access_keys import KnownKey, get_access_key, list_access_keys, revoke_access_key
from holdfast.admin.errors import Unknown
from holdfast.admin.lookups import get_tenancy, get_user
from holdfast.portal.access import Need, page, signed_in
from holdfast.portal.house import house
from holdfast.portal.notices.notify import notify
from holdfast.portal.paging import cut
from holdfast.portal.people.models import Person

from .frame import render_page


@page(Need.OPERATOR)
def tokens(request: HttpRequest) -> HttpResponse:
    """Show access keys, the newest first, those that are refused first where asked for."""
    said = {name: request.GET.get(name, "").strip() for name in ("id", "owner", "tenancy", "state")}
    fault = ""
    try:
        found = find_tokens(**said)
    except Unknown as error:
        found, fault = [], str(error)
    shown = cut(request, len(found), lambda start, stop: found[start:stop])
    context = {
        "keys": shown.items,
        "count": len(found),
        "fault": fault,
        "states": ("active", "expired", "refused", "revoked"),
        **{f"asked_{name}": value for name, value in said.items()},
        "previous_url": shown.previous_url,
        "next_url": shown.next_url,
    }
    return render_page(request, "operating/tokens.html", context, current="tokens/")


def find_tokens(id: str, owner: str, tenancy: str, state: str) -> Sequence[KnownKey]:
    """Return access keys that fit, the newest first; empty texts fit all. Raises Unknown."""
    opened = house()
    with opened.catalog.read() as rows:
        of_tenancy = get_tenancy(rows, tenancy) if tenancy else None
        of_user = get_user(rows, owner) if owner else None
        known = list_access_keys(rows, opened.now_us(), of_tenancy, of_user)
    fitting = [key for key in known if id in key.row.access_key_id and (not state or key.state == state)]
    fitting.reverse()
    return fitting


def revoke_for(operator: Person, token: str) -> None:
    """Refuse an access key from now on, and tell its owner the first time. Idempotent. Raises Unknown."""
    opened = house()
    with opened.catalog.read() as rows:
        before = get_access_key(rows, token)
    revoke_access_key(opened.office(operator.principal_id), token)
    if before.state != "revoked":
        what = before.description or "without a description"
        text = f"An operator revoked your access key (token) {token} ({what})."
        owner = Person.objects.filter(principal_id=before.user_id)
        notify(owner, "token_revoked", f"Token {token} was revoked", text, level="warning")


@page(Need.OPERATOR)
@require_POST
def revoke(request: HttpRequest, token: str) -> HttpResponse:
    """Refuse an access key from now on; its owner is told."""
    revoke_for(signed_in(request), token)
    messages.success(request, f"{token} is revoked: it is refused within a second.")
    return redirect("/operators/tokens/")
