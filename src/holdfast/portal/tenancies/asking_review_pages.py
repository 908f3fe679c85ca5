"""What waits for operators: requests for tenancies, for quotas, and tenancies that are being closed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from holdfast.admin.errors import AdminError
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import TENANCIES, TenancyRow
from holdfast.portal.access import Need, page, signed_in
from holdfast.portal.house import house
from holdfast.portal.joining.telling import sentence
from holdfast.portal.operating.frame import render_page
from holdfast.portal.paging import cut
from holdfast.portal.people.lookups import names_by_principal, people_by_principal
from holdfast.portal.sizes import exact_size

from .asking import comment
from .asking_forms import CommentForm, ReviewForm
from .asking_history import events_of, status_of
from .asking_review import AlreadyDecided, approve, find_users, get_request, name_fault, reject, weigh
from .models import Closing, QuotaRequest, TenancyRequest
from .pages import Crumb
from .quota import words_of

LIST = "/operators/tenancy-requests/"
_TAB = "tenancy-requests/"
_SOMEBODY = "somebody who is gone"


@page(Need.OPERATOR)
@require_safe
def requests(request: HttpRequest) -> HttpResponse:
    """List what waits, the oldest first, or what was decided, the newest first."""
    show = "decided" if request.GET.get("show") == "decided" else "waiting"
    found = TenancyRequest.objects.all()
    if show == "waiting":
        found = found.filter(state__in=(TenancyRequest.REQUESTED, TenancyRequest.APPROVED))
        quotas = list(QuotaRequest.objects.filter(state=QuotaRequest.REQUESTED).order_by("asked_at")[:200])
        closings = list(
            Closing.objects.filter(state__in=(Closing.GRACE, Closing.DELETING)).order_by("grace_ends_on")[:200]
        )
    else:
        found = found.exclude(state__in=(TenancyRequest.REQUESTED, TenancyRequest.APPROVED)).order_by(
            "-decided_at", "-id"
        )
        quotas = list(QuotaRequest.objects.exclude(state=QuotaRequest.REQUESTED).order_by("-decided_at")[:50])
        closings = list(Closing.objects.filter(state__in=(Closing.RESUMED, Closing.DELETED))[:50])
    with house().catalog.read() as rows:
        listed = cut(request, found.count(), lambda start, stop: list(found[start:stop]))
        ids = {each.requester_id for each in listed.items} | {each.requester_id for each in quotas}
        names = names_by_principal(rows, ids | {closing.closed_by for closing in closings})
        context = {
            "show": show,
            "page": listed,
            "lines": [_request_line(each, names) for each in listed.items],
            "quotas": [_quota_line(rows, each, names) for each in quotas],
            "closings": [{"closing": each, "closer": names.get(each.closed_by, _SOMEBODY)} for each in closings],
            "promise": weigh(rows, 0),
        }
    return render_page(request, "tenancies/review.html", context, current=_TAB)


def _request_line(found: TenancyRequest, names: Mapping[str, str]) -> dict[str, Any]:
    return {"request": found, "requester": names.get(found.requester_id, _SOMEBODY), "status": status_of(found)}


def _quota_line(rows: Snapshot, found: QuotaRequest, names: Mapping[str, str]) -> dict[str, Any]:
    tenancy: TenancyRow | None = rows.find(TENANCIES, (found.tenancy_id,))
    return {
        "request": found,
        "tenancy_name": tenancy.name if tenancy is not None else "a tenancy that is gone",
        "requester": names.get(found.requester_id, _SOMEBODY),
        "words": words_of(found),
        "status": status_of(found),
    }


@page(Need.OPERATOR)
def one_request(request: HttpRequest, tenancy_request_id: int) -> HttpResponse:
    """Show one request beside what the site has promised, and take the decision about it."""
    found = get_request(tenancy_request_id)
    if request.method != "POST":
        return _show(request, found)
    form = ReviewForm(request.POST)
    if not form.is_valid():
        return _show(request, found, form, status=400)
    try:
        _decide(request, tenancy_request_id, form.cleaned_data)
    except AlreadyDecided as late:
        messages.error(request, f"{sentence(str(late))} Nothing was changed.")
        return _show(request, get_request(tenancy_request_id), status=409)
    except AdminError as error:
        form.add_error(None, sentence(str(error)))
        return _show(request, get_request(tenancy_request_id), form, status=400)
    return redirect(LIST)


def _decide(request: HttpRequest, number: int, said: Mapping[str, Any]) -> None:
    operator = signed_in(request)
    if said["decision"] == "reject":
        done = reject(operator, number, said["version"], said["reason"])
        messages.success(request, f"The request for {done.name} is rejected, and whoever asked was told why.")
        return
    done = approve(
        operator,
        number,
        said["version"],
        limit_bytes=said["limit_bytes"],
        ends_on=said["ends_on"],
        promises_more=said["promises_more"],
        reason=said["reason"],
    )
    messages.success(request, f"The tenancy {done.name} was created, and whoever asked was told.")


def _show(
    request: HttpRequest, found: TenancyRequest, form: ReviewForm | None = None, *, status: int = 200
) -> HttpResponse:
    is_waiting = found.state == TenancyRequest.REQUESTED
    initial = {
        "version": found.version,
        "limit_bytes": exact_size(found.limit_bytes),
        "ends_on": found.ends_on,
        "decision": "approve",
    }
    fault = name_fault(found) if is_waiting else ""
    if fault:
        initial.update(decision="reject", reason=fault)
    with house().catalog.read() as rows:
        names = names_by_principal(rows, [found.requester_id])
        deputies = _deputies(rows, found.deputies)
        promise = weigh(rows, found.limit_bytes if is_waiting else 0)
    context = {
        "found": found,
        "status": status_of(found),
        "requester": names.get(found.requester_id, _SOMEBODY),
        "person_found": people_by_principal([found.requester_id]).get(found.requester_id),
        "deputies": deputies,
        "events": events_of(found),
        "promise": promise,
        "fault": fault,
        "form": (form or ReviewForm(initial=initial)) if is_waiting else None,
        "comment_form": CommentForm(),
    }
    crumbs = [Crumb("Requests", LIST), Crumb(found.name)]
    return render_page(request, "tenancies/review_request.html", context, current=_TAB, crumbs=crumbs, status=status)


def _deputies(rows: Snapshot, names: Sequence[str]) -> Sequence[dict[str, Any]]:
    users = find_users(rows, names)
    people = people_by_principal([user.user_id for user in users.values() if user is not None])
    return [
        {
            "name": name,
            "person_found": people.get(user.user_id) if user is not None else None,
            "is_there": user is not None,
        }
        for name, user in users.items()
    ]


@page(Need.OPERATOR)
@require_POST
def comment_on(request: HttpRequest, tenancy_request_id: int) -> HttpResponse:
    """Say something about a request to whoever asked."""
    found = get_request(tenancy_request_id)
    form = CommentForm(request.POST)
    if form.is_valid():
        comment(signed_in(request), found, form.cleaned_data["text"])
        messages.success(request, "Your comment was added, and whoever asked was told.")
    else:
        messages.error(request, "Write something first.")
    return redirect(f"{LIST}{tenancy_request_id}/")
