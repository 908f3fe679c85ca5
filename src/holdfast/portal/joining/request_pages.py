"""Requests to a tenancy, as those who decide see them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from holdfast.admin.errors import AdminError, Refused, Unknown
from holdfast.auth.roles import Right, Role
from holdfast.portal.access import Standing, tenancy_page
from holdfast.portal.house import house
from holdfast.portal.paging import PAGE_SIZE, cut
from holdfast.portal.people.lookups import names_by_principal, people_by_principal
from holdfast.portal.people.models import Person
from holdfast.portal.tenancies.pages import Crumb, render_in, tenancy_path

from .deciders import grantable_roles
from .deciding import AlreadyDecided, Decision, approve, decider_name, get_request, may_decide, refuse
from .forms import DecisionForm, ExpiryForm
from .history import events_of
from .models import AccessRequest, Grant
from .questions import read_answers
from .statuses import Status, status_of_request
from .telling import sentence

FILTERS: Final = (("pending", "Waiting"), ("decided", "Decided"))


class Line(NamedTuple):
    """A request in the list."""

    request: AccessRequest
    applicant: str
    applicant_name: str
    status: Status
    is_mine_to_decide: bool
    excerpt: str


@tenancy_page(Right.DECIDE_REQUESTS)
def requests(request: HttpRequest, standing: Standing) -> HttpResponse:
    """List the requests that wait, the oldest first, or those that were decided, the newest first."""
    return _list(request, standing, ExpiryForm())


def _list(request: HttpRequest, standing: Standing, form: ExpiryForm, status: int = 200) -> HttpResponse:
    show = "decided" if request.GET.get("show") == "decided" else "pending"
    found = AccessRequest.objects.filter(tenancy_id=standing.tenancy.tenancy_id)
    if show == "pending":
        found = found.filter(state=AccessRequest.PENDING).order_by("asked_at", "id")
    else:
        found = found.exclude(state=AccessRequest.PENDING).order_by("-decided_at", "-id")

    def load(start: int, stop: int) -> list[Line]:
        shown = list(found[start:stop])
        people, names = _applicants(shown)
        return [_line(standing, each, people, names) for each in shown]

    page = cut(request, found.count(), load)
    can_approve = show == "pending" and any(line.is_mine_to_decide for line in page.items)
    facts = {"page": page, "show": show, "filters": FILTERS, "form": form, "can_approve": can_approve}
    return render_in(request, standing, "joining/requests.html", facts, current="requests/", status=status)


def _applicants(shown: Sequence[AccessRequest]) -> tuple[Mapping[str, Person], Mapping[str, str]]:
    ids = {each.applicant_id for each in shown}
    with house().catalog.read() as rows:
        names = names_by_principal(rows, ids)
    return people_by_principal(ids), names


def _line(standing: Standing, each: AccessRequest, people: Mapping[str, Person], names: Mapping[str, str]) -> Line:
    person = people.get(each.applicant_id)
    text = " · ".join(answer.text for answer in read_answers(each.answers) if answer.text)
    return Line(
        each,
        names.get(each.applicant_id, "somebody who is gone"),
        person.name if person is not None else "",
        status_of_request(each),
        may_decide(standing, each),
        text if len(text) <= 160 else f"{text[:159]}…",
    )


@tenancy_page(Right.DECIDE_REQUESTS)
def one_request(request: HttpRequest, standing: Standing, request_id: int) -> HttpResponse:
    """Show a request whole, and take the decision about it."""
    found = get_request(standing, request_id)
    roles = grantable_roles(standing)
    if request.method != "POST":
        form = DecisionForm(roles, initial={"role": found.role, "decision": Decision.APPROVE})
        return _show(request, standing, found, form)
    form = DecisionForm(roles, request.POST)
    if not form.is_valid():
        return _show(request, standing, found, form, 400)
    try:
        _decide(standing, request_id, form.cleaned_data)
    except AlreadyDecided as late:
        messages.error(request, f"{sentence(str(late))} Nothing was changed.")
        return _show(request, standing, late.request, form, 409)
    except Refused as refusal:
        found = get_request(standing, request_id)
        if may_decide(standing, found):
            form.add_error(None, sentence(str(refusal)))
        else:
            messages.error(request, sentence(str(refusal)))
        return _show(request, standing, found, form, 400)
    messages.success(request, _DONE[Decision(form.cleaned_data["decision"])])
    return redirect(tenancy_path(standing.tenancy.name, "requests/"))


_DONE: Final = {
    Decision.APPROVE: "Approved: the applicant has access from now on, and was told.",
    Decision.INCOMPLETE: "The applicant was asked for more information.",
    Decision.REJECT: "Rejected: the applicant was told why.",
}


def _decide(standing: Standing, number: int, cleaned: Mapping[str, Any]) -> None:
    if cleaned["decision"] == Decision.APPROVE:
        approve(standing, number, role=Role(cleaned["role"]), ends_on=cleaned["ends_on"], comment=cleaned["comment"])
    else:
        refuse(
            standing,
            number,
            reason=cleaned["reason"],
            is_incomplete=cleaned["decision"] == Decision.INCOMPLETE,
            comment=cleaned["comment"],
        )


def _show(
    request: HttpRequest, standing: Standing, found: AccessRequest, form: DecisionForm, status: int = 200
) -> HttpResponse:
    others = AccessRequest.objects.filter(tenancy_id=found.tenancy_id, applicant_id=found.applicant_id)
    grants = Grant.objects.filter(tenancy_id=found.tenancy_id, principal_id=found.applicant_id)
    people, names = _applicants([found])
    applicant = names.get(found.applicant_id, "somebody who is gone")
    facts = {
        "found": found,
        "state": status_of_request(found),
        "applicant": applicant,
        "person_found": people.get(found.applicant_id),
        "answers": read_answers(found.answers),
        "events": events_of(others, grants, with_comments=True),
        "form": form if found.is_pending and may_decide(standing, found) else None,
        "decider": "" if found.is_pending else decider_name(found, standing),
        "newer": others.filter(previous=found).order_by("-pk").first(),
        "why_not": _why_not(standing, found),
    }
    crumbs = [Crumb("Requests", tenancy_path(standing.tenancy.name, "requests/")), Crumb(applicant)]
    return render_in(
        request, standing, "joining/request.html", facts, current="requests/", crumbs=crumbs, status=status
    )


def _why_not(standing: Standing, found: AccessRequest) -> str:
    if not found.is_pending or may_decide(standing, found):
        return ""
    if found.applicant_id == standing.person.principal_id:
        return "This is your own request: somebody else decides it."
    return f"Only a MANAGER decides who becomes {found.role}."


@tenancy_page(Right.DECIDE_REQUESTS)
@require_POST
def approve_many(request: HttpRequest, standing: Standing) -> HttpResponse:
    """Approve the requests that are ticked, each for the role that it asks for."""
    form = ExpiryForm(request.POST)
    numbers = [
        int(text) for text in request.POST.getlist("request") if text.isascii() and text.isdigit() and len(text) < 16
    ]
    if not numbers:
        messages.error(request, "Tick the requests that you want to approve first.")
        return redirect(tenancy_path(standing.tenancy.name, "requests/"))
    if not form.is_valid():
        return _list(request, standing, form, 400)
    approved = 0
    for number in dict.fromkeys(numbers[:PAGE_SIZE]):
        try:
            found = get_request(standing, number)
            approve(standing, number, role=Role(found.role), ends_on=form.cleaned_data["ends_on"])
            approved += 1
        except Unknown:
            messages.error(request, f"There is no request {number} here.")
        except AdminError as refusal:
            messages.error(request, f"{_applicant_of(standing, number)}: {refusal}.")
    if approved:
        messages.success(request, f"{approved} approved: they have access from now on, and were told.")
    return redirect(tenancy_path(standing.tenancy.name, "requests/"))


def _applicant_of(standing: Standing, number: int) -> str:
    found = get_request(standing, number)
    with house().catalog.read() as rows:
        return names_by_principal(rows, [found.applicant_id]).get(found.applicant_id, "Somebody who is gone")
