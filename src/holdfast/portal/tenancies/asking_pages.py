"""Pages for whoever asks for a tenancy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from holdfast.admin.errors import AdminError, Taken
from holdfast.portal.access import Need, page, signed_in
from holdfast.portal.joining.telling import sentence
from holdfast.portal.people.models import Person

from .asking import ask, comment, get_own, send_again, withdraw
from .asking_forms import AskForm, CommentForm, initial_of
from .asking_history import events_of, status_of
from .models import TenancyRequest
from .pages import Crumb

OWN_MAX = 50
_HERE = "/ask-for-a-tenancy/"


@page(Need.PERSON)
def ask_page(request: HttpRequest) -> HttpResponse:
    """Show the form and one's own requests, and take a new one."""
    person = signed_in(request)
    form = AskForm(person, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = ask(person, form.wanted)
        except AdminError as error:
            _add_error(form, error)
        else:
            messages.success(request, f"Your request for {made.name} was sent. The operators of this site decide it.")
            return redirect(f"{_HERE}{made.pk}/")
    return render(
        request,
        "tenancies/ask.html",
        {
            "form": form,
            "requests": _own(person),
            "section": "services",
            "crumbs": [Crumb("Services", "/services/"), Crumb("Ask for a tenancy")],
        },
        status=400 if form.errors else 200,
    )


def _own(person: Person) -> Sequence[dict[str, Any]]:
    found = TenancyRequest.objects.filter(requester_id=person.principal_id).order_by("-asked_at", "-id")[:OWN_MAX]
    return [{"request": each, "status": status_of(each)} for each in found]


@page(Need.PERSON)
def my_request(request: HttpRequest, tenancy_request_id: int) -> HttpResponse:
    """Show one's own request with its timeline; one that was rejected can be changed and sent again."""
    person = signed_in(request)
    found = get_own(person, tenancy_request_id)
    if request.method != "POST":
        return _show(request, person, found)
    form = AskForm(person, request.POST)
    if form.is_valid():
        try:
            made = send_again(person, tenancy_request_id, form.wanted)
        except AdminError as error:
            _add_error(form, error)
        else:
            messages.success(request, f"Your request for {made.name} was sent again.")
            return redirect(f"{_HERE}{tenancy_request_id}/")
    return _show(request, person, found, form, status=400)


def _show(
    request: HttpRequest,
    person: Person,
    found: TenancyRequest,
    form: AskForm | None = None,
    comment_form: CommentForm | None = None,
    status: int = 200,
) -> HttpResponse:
    is_rejected = found.state == TenancyRequest.REJECTED
    context = {
        "found": found,
        "status": status_of(found),
        "events": events_of(found),
        "form": (form or AskForm(person, initial=initial_of(found))) if is_rejected else None,
        "comment_form": comment_form or CommentForm(),
        "can_withdraw": found.state in (TenancyRequest.REQUESTED, TenancyRequest.REJECTED),
        "section": "services",
        "crumbs": [Crumb("Services", "/services/"), Crumb("Ask for a tenancy", _HERE), Crumb(found.name)],
    }
    return render(request, "tenancies/my_request.html", context, status=status)


@page(Need.PERSON)
@require_POST
def withdraw_mine(request: HttpRequest, tenancy_request_id: int) -> HttpResponse:
    """Take back one's own request."""
    found = withdraw(signed_in(request), tenancy_request_id)
    messages.success(request, f"Your request for {found.name} is withdrawn.")
    return redirect(f"{_HERE}{tenancy_request_id}/")


@page(Need.PERSON)
@require_POST
def comment_on_mine(request: HttpRequest, tenancy_request_id: int) -> HttpResponse:
    """Say something about one's own request."""
    person = signed_in(request)
    found = get_own(person, tenancy_request_id)
    form = CommentForm(request.POST)
    if not form.is_valid():
        return _show(request, person, found, comment_form=form, status=400)
    comment(person, found, form.cleaned_data["text"])
    messages.success(request, "Your comment was added, and the operators were told.")
    return redirect(f"{_HERE}{tenancy_request_id}/")


def _add_error(form: AskForm, error: AdminError) -> None:
    form.add_error("name" if isinstance(error, Taken) else None, sentence(str(error)))
