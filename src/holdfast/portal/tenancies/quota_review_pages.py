"""A tenancy's request for another quota, as operators see it: beside what the site has promised."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from holdfast.admin.errors import AdminError
from holdfast.catalog.rows import TENANCIES
from holdfast.config import show_size
from holdfast.portal.access import Need, page, signed_in
from holdfast.portal.house import house
from holdfast.portal.joining.telling import sentence
from holdfast.portal.operating.frame import render_page
from holdfast.portal.people.lookups import names_by_principal
from holdfast.portal.sizes import exact_size, percent_of
from holdfast.store.quotas import get_usage, used_bytes

from .asking_history import status_of
from .asking_review import weigh
from .asking_review_pages import LIST
from .models import QuotaRequest
from .pages import Crumb
from .quota import QuotaAlreadyDecided, approve_quota, get_quota_request, reject_quota, term_of, words_of
from .quota_forms import ReviewQuota

_TAB = "tenancy-requests/"


@page(Need.OPERATOR)
def one_quota_request(request: HttpRequest, quota_request_id: int) -> HttpResponse:
    """Show one request, and take the decision about it."""
    found = get_quota_request(quota_request_id)
    if request.method != "POST":
        return _show(request, found)
    form = ReviewQuota(request.POST)
    if not form.is_valid():
        return _show(request, found, form, status=400)
    try:
        _decide(request, quota_request_id, form.cleaned_data)
    except QuotaAlreadyDecided as late:
        messages.error(request, f"{sentence(str(late))} Nothing was changed.")
        return _show(request, get_quota_request(quota_request_id), status=409)
    except AdminError as error:
        form.add_error(None, sentence(str(error)))
        return _show(request, get_quota_request(quota_request_id), form, status=400)
    return redirect(LIST)


def _decide(request: HttpRequest, number: int, said: dict[str, Any]) -> None:
    operator = signed_in(request)
    if said["decision"] == "reject":
        reject_quota(operator, number, said["answer"])
        messages.success(request, "The request is rejected, and the managers were told why.")
        return
    tenancy = approve_quota(
        operator,
        number,
        limit_bytes=said["limit_bytes"],
        ends_on=said["ends_on"],
        promises_more=said["promises_more"],
        answer=said["answer"],
    )
    limit = show_size(said["limit_bytes"])
    messages.success(request, f"The quota of {tenancy.name} is {limit} now, and its managers were told.")


def _show(
    request: HttpRequest, found: QuotaRequest, form: ReviewQuota | None = None, *, status: int = 200
) -> HttpResponse:
    is_waiting = found.state == QuotaRequest.REQUESTED
    with house().catalog.read() as rows:
        tenancy = rows.find(TENANCIES, (found.tenancy_id,))
        used = used_bytes(get_usage(rows, found.tenancy_id))
        names = names_by_principal(rows, {found.requester_id, found.decided_by} - {""})
        limit_bytes = tenancy.limit_bytes if tenancy is not None else None
        promise = weigh(rows, found.limit_bytes - (limit_bytes or 0) if is_waiting else 0)
    initial = {"decision": "approve", "limit_bytes": exact_size(found.limit_bytes), "ends_on": found.ends_on}
    name = tenancy.name if tenancy is not None else "a tenancy that is gone"
    context = {
        "found": found,
        "tenancy_row": tenancy,
        "tenancy_name": name,
        "status": status_of(found),
        "words": words_of(found),
        "requester": names.get(found.requester_id, "somebody who is gone"),
        "decider": names.get(found.decided_by, "somebody who is gone") if found.decided_by else "",
        "used_bytes": used,
        "percent": percent_of(used, limit_bytes),
        "ends_on": term_of(tenancy) if tenancy is not None else None,
        "promise": promise,
        "form": (form or ReviewQuota(initial=initial)) if is_waiting and tenancy is not None else None,
    }
    crumbs = [Crumb("Requests", LIST), Crumb(f"Quota of {name}")]
    return render_page(request, "tenancies/review_quota.html", context, current=_TAB, crumbs=crumbs, status=status)
