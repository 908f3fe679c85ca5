"""Discovering tenancies, and asking to join one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from holdfast.admin.errors import Refused, Unknown
from holdfast.admin.names import check_tenancy_name
from holdfast.auth.roles import Role
from holdfast.portal.access import Need, find_standing, page, signed_in
from holdfast.portal.errors import not_found
from holdfast.portal.paging import cut
from holdfast.portal.people.models import Person
from holdfast.portal.tenancies.pages import Crumb, render_in, tenancy_path

from . import days
from .asking import ask, askable_roles, own_requests, why_not_ask, withdraw
from .discover import FILTERS, Entry, asked_elsewhere, discoverable, manager_names, with_managers
from .faces import Face, find_face
from .forms import AskForm
from .history import events_of
from .models import Grant
from .questions import initial_answers
from .statuses import status_of_request
from .telling import sentence

QUERY_LENGTH_MAX = 100


@page(Need.PERSON)
@require_safe
def services(request: HttpRequest) -> HttpResponse:
    """Show the kinds of services: the object store, so far."""
    return render(request, "joining/services.html", {"section": "services"})


@page(Need.PERSON)
@require_safe
def object_store(request: HttpRequest) -> HttpResponse:
    """Show the tenancies that can be joined, and those that the person is a member of."""
    person = signed_in(request)
    query = request.GET.get("q", "").strip().lower()[:QUERY_LENGTH_MAX]
    group = request.GET.get("show", "")
    found = discoverable(person, query, group)

    def load(start: int, stop: int) -> list[Entry]:
        return list(with_managers(found[start:stop]))

    facts = {
        "section": "services",
        "crumbs": [Crumb("Services", "/services/"), Crumb("Object store")],
        "query": query,
        "show": group,
        "filters": FILTERS,
        "page": cut(request, len(found), load),
        "waiting": asked_elsewhere(person, found) if not query and group in ("", "asked") else (),
    }
    return render(request, "joining/object_store.html", facts)


def ask_to_join(request: HttpRequest, tenancy: str) -> HttpResponse:
    """Show how to ask to join a tenancy: the same page whether it is hidden, or not there at all.

    This stands at every address of a tenancy for who is no member of it; the form goes to one address alone.
    """
    if not _is_name(tenancy):
        return not_found(request, LookupError(tenancy))
    person = signed_in(request)
    face = find_face(person, tenancy)
    # What was sent to a page of members has not happened.
    status = 200 if request.method in ("GET", "HEAD") else 403
    return _show(request, person, face, _form(person, face), status)


@page(Need.PERSON)
def join(request: HttpRequest, tenancy: str) -> HttpResponse:
    """Show and take a request to join a tenancy, to extend one's membership, or for another role."""
    if not _is_name(tenancy):
        return not_found(request, LookupError(tenancy))
    person = signed_in(request)
    face = find_face(person, tenancy)
    if request.method != "POST":
        return _show(request, person, face, _form(person, face))
    form = AskForm(face.questions, askable_roles(face), request.POST)
    if form.is_valid():
        try:
            made = ask(person, face, Role(form.cleaned_data["role"]), form.answers())
        except Refused as refusal:
            form.add_error(None, sentence(str(refusal)))
        else:
            if made.is_pending:
                messages.success(request, "Your request was sent. It is PENDING until somebody decides it.")
            else:
                messages.success(request, f"You are {made.role} of {face.name}: it accepts requests by itself.")
                return redirect(tenancy_path(face.name))
            return redirect(tenancy_path(face.name, "join/"))
    return _show(request, person, face, form, 400)


@page(Need.PERSON)
@require_POST
def withdraw_request(request: HttpRequest, tenancy: str) -> HttpResponse:
    """Take back a request of one's own that waits."""
    if not _is_name(tenancy):
        return not_found(request, LookupError(tenancy))
    person = signed_in(request)
    face = find_face(person, tenancy)
    number = request.POST.get("request", "")
    try:
        withdraw(person, face, int(number) if number.isascii() and number.isdigit() and len(number) < 16 else 0)
        messages.success(request, "Your request was withdrawn.")
    except Unknown:
        messages.info(request, "That request does not wait any more.")
    return redirect(tenancy_path(face.name, "join/"))


def _is_name(tenancy: str) -> bool:
    """Whether a tenancy could be called this; what can't be tells nothing by not being there."""
    try:
        check_tenancy_name(tenancy)
    except Refused:
        return False
    return True


def _form(person: Person, face: Face) -> AskForm | None:
    """Return the form, with the answers that the person gave before; None where there is nothing to ask for."""
    roles = askable_roles(face)
    if not roles:
        return None
    requests = own_requests(person, face)
    initial: dict[str, Any] = {}
    if requests:
        initial = initial_answers(face.questions, requests[-1].answers)
        if requests[-1].role in roles:
            initial["role"] = requests[-1].role
    return AskForm(face.questions, roles, initial=initial)


def _show(request: HttpRequest, person: Person, face: Face, form: AskForm | None, status: int = 200) -> HttpResponse:
    requests = own_requests(person, face)
    grants: list[Grant] = []
    if face.is_open and face.tenancy is not None:
        grants = list(Grant.objects.filter(tenancy_id=face.tenancy.tenancy_id, principal_id=person.principal_id))
    newest = requests[-1] if requests else None
    refusal = why_not_ask(face, face.role) if face.role is not None and face.role is not Role.GUEST else ""
    facts = {
        "face": face,
        "managers": manager_names(face.tenancy) if face.is_open and face.tenancy is not None else (),
        "description": face.page.description if face.is_open else "",
        "summary": face.page.summary if face.is_open else "",
        "form": form,
        "why_not": sentence(refusal) if refusal else "",
        "pending": [each for each in requests if each.is_pending],
        "newest": newest,
        "newest_status": status_of_request(newest) if newest is not None else None,
        "events": events_of(requests, grants),
        "until": days.last_day_of(face.member.until_us) if face.member and face.member.until_us else None,
    }
    standing = find_standing(person, face.name)
    if standing is not None and not standing.is_operator:
        crumbs = [Crumb("My access")]
        return render_in(request, standing, "joining/ask.html", facts, current="join/", crumbs=crumbs, status=status)
    crumbs = [Crumb("Services", "/services/"), Crumb("Object store", "/services/object-store/"), Crumb(face.name)]
    return render(request, "joining/ask.html", {**facts, "section": "services", "crumbs": crumbs}, status=status)
