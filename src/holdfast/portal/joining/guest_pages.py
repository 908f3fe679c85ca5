"""Inviting GUESTs, and accepting an invitation."""

from __future__ import annotations

from functools import partial
from typing import Final

from allauth.account.internal.flows.login import record_authentication
from django.contrib import messages
from django.contrib.auth import login
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_POST, require_safe

from holdfast.admin.errors import AdminError, Refused, Taken
from holdfast.auth.roles import Right
from holdfast.portal.access import Need, Standing, page, person_of, tenancy_page
from holdfast.portal.errors import error_page
from holdfast.portal.people.models import Person
from holdfast.portal.tenancies.pages import Crumb, render_in, tenancy_path

from .forms import InviteForm, NewAccountForm
from .inviting import (
    Closed,
    NotOpen,
    Offer,
    accept,
    buckets_of,
    digest_of,
    find_holder,
    find_offer,
    holds,
    invite,
    make_account,
    resend,
    withdraw_invitation,
)
from .telling import sentence

_SESSION_KEY: Final = "invitation"
"""Holds the hash of the link's secret while who followed it logs in or makes an account."""


@tenancy_page(Right.DECIDE_REQUESTS)
def invite_guest(request: HttpRequest, standing: Standing) -> HttpResponse:
    """Invite a GUEST by e-mail."""
    buckets = buckets_of(standing)
    form = InviteForm(buckets, request.POST or None)
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        try:
            made = invite(standing, cleaned["email"], cleaned["named"], cleaned["last_day"], cleaned["message"])
        except AdminError as refusal:
            form.add_error("email" if isinstance(refusal, Taken) else None, sentence(str(refusal)))
        else:
            messages.success(request, f"An invitation was sent to {made.email}. Its link works for 14 days.")
            return redirect(tenancy_path(standing.tenancy.name, "members/"))
    back = tenancy_path(standing.tenancy.name, "members/")
    facts = {
        "form": form,
        "title": "Invite a GUEST",
        "button": "Send the invitation",
        "back": back,
        "has_buckets": bool(buckets),
    }
    crumbs = [Crumb("Members", back), Crumb("Invite a GUEST")]
    status = 400 if form.errors else 200
    return render_in(
        request, standing, "joining/guest_form.html", facts, current="members/", crumbs=crumbs, status=status
    )


@tenancy_page(Right.DECIDE_REQUESTS)
@require_POST
def send_again(request: HttpRequest, standing: Standing, invitation_id: int) -> HttpResponse:
    """Send an invitation once more, with a new link."""
    try:
        made = resend(standing, invitation_id)
        messages.success(request, f"The invitation was sent to {made.email} again; the earlier link has ended.")
    except (Closed, Refused) as refusal:
        messages.error(request, sentence(str(refusal)))
    return redirect(tenancy_path(standing.tenancy.name, "members/"))


@tenancy_page(Right.DECIDE_REQUESTS)
@require_POST
def withdraw(request: HttpRequest, standing: Standing, invitation_id: int) -> HttpResponse:
    """Take an invitation back."""
    try:
        made = withdraw_invitation(standing, invitation_id)
        messages.success(request, f"The invitation of {made.email} was withdrawn: its link has ended.")
    except Closed as late:
        messages.error(request, sentence(str(late)))
    return redirect(tenancy_path(standing.tenancy.name, "members/"))


@page(Need.ANYBODY)
@require_safe
@sensitive_variables("secret")
def follow_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Take the secret out of the address, where other sites and screens would see it, and go on.

    Looking spends nothing: programs look at links before people do.
    """
    digest = digest_of(secret)
    if find_offer(digest) is None:
        return _not_open(request)
    request.session[_SESSION_KEY] = digest
    return redirect("invitation")


@page(Need.ANYBODY)
@sensitive_post_parameters("password")
def invitation(request: HttpRequest) -> HttpResponse:
    """Show what an invitation offers, and take its acceptance: by the account that has the address, or by a new one."""
    offer = find_offer(request.session.get(_SESSION_KEY, ""))
    if offer is None:
        return _not_open(request)
    person = person_of(request)
    email = offer.invitation.email
    if person is None and find_holder(email) is None:
        return _with_new_account(request, offer)
    if person is not None and holds(person, email) and request.method == "POST":
        try:
            accept(offer, person)
        except AdminError as refusal:
            return _show(request, offer, refusal=sentence(str(refusal)), status=409)
        return _welcome(request, offer)
    return _show(request, offer, is_meant=person is not None and holds(person, email))


def _with_new_account(request: HttpRequest, offer: Offer) -> HttpResponse:
    form = NewAccountForm(offer.invitation.email, request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return _show(request, offer, form=form, status=400 if form.errors else 200)
    cleaned = form.cleaned_data
    made: list[Person] = []
    try:
        with transaction.atomic():
            person = make_account(offer, cleaned["name"], cleaned["full_name"], cleaned["password"])
            # First of what is done once this is committed: the grant is put into force after it, and may be refused.
            transaction.on_commit(partial(made.append, person))
            accept(offer, person, made_account=True)
    except AdminError as refusal:
        if made:
            return _without_access(request, offer, person, refusal)
        if isinstance(refusal, Taken):
            form.add_error("name", sentence(str(refusal)))
            return _show(request, offer, form=form, status=400)
        return _show(request, offer, refusal=sentence(str(refusal)), status=409)
    _log_in(request, person)
    return _welcome(request, offer)


def _log_in(request: HttpRequest, person: Person) -> None:
    login(request, person, backend="holdfast.portal.people.backends.ByPassword")
    record_authentication(request, person, method="password")


def _without_access(request: HttpRequest, offer: Offer, person: Person, refusal: AdminError) -> HttpResponse:
    """Let somebody into the account that was made, and say that what they were invited to could not be given.

    Whoever invited them was told, too. The invitation is used, and the name is theirs.
    """
    request.session.pop(_SESSION_KEY, None)
    _log_in(request, person)
    text = (
        f"Your account is made, but {offer.tenancy.name} could not be opened for you: {refusal}. {offer.inviter} was "
        "told and can invite you again."
    )
    messages.error(request, text)
    return redirect("/")


def _welcome(request: HttpRequest, offer: Offer) -> HttpResponse:
    request.session.pop(_SESSION_KEY, None)
    messages.success(request, f"You are a GUEST of {offer.tenancy.name} from now on.")
    return redirect(tenancy_path(offer.tenancy.name))


def _show(
    request: HttpRequest,
    offer: Offer,
    *,
    form: NewAccountForm | None = None,
    is_meant: bool = False,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    facts = {"offer": offer, "form": form, "is_meant": is_meant, "refusal": refusal}
    return render(request, "joining/invitation.html", facts, status=status)


def _not_open(request: HttpRequest) -> HttpResponse:
    request.session.pop(_SESSION_KEY, None)
    return error_page(request, 404, "This invitation does not work any more", sentence(str(NotOpen())))
