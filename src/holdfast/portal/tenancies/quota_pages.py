"""A tenancy's quota: what is used, by what, and asking for another one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from holdfast.admin.errors import Refused
from holdfast.admin.quotas import set_bucket_quota
from holdfast.auth.roles import Right
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import BUCKETS, BucketRow
from holdfast.config import show_size
from holdfast.portal.access import Standing, tenancy_page
from holdfast.portal.house import house
from holdfast.portal.joining.telling import sentence
from holdfast.portal.paging import cut
from holdfast.portal.people.lookups import names_by_principal
from holdfast.portal.sizes import exact_size, percent_of
from holdfast.store.quotas import get_usage, used_bytes, used_objects

from .asking_history import status_of
from .models import QuotaRequest
from .pages import Crumb, render_in, tenancy_path
from .quota import ask_for_quota, find_waiting, term_of, withdraw_quota_request, words_of
from .quota_figures import find_bucket_shares, find_figures, get_own_bucket, sees_totals, with_owners
from .quota_forms import AskForQuota, BucketCap

HISTORY_MAX = 50


@tenancy_page(None)
@require_safe
def quota(request: HttpRequest, standing: Standing) -> HttpResponse:
    """Show what is used, by state and by bucket, and what was asked for."""
    with house().catalog.read() as rows:
        figures = find_figures(rows, standing) if sees_totals(standing) else None
        shares = find_bucket_shares(rows, standing)
        page = cut(request, len(shares), lambda start, stop: with_owners(rows, shares[start:stop]))
        history = _history(rows, standing) if standing.may(Right.DECIDE_REQUESTS) else ()
    context = {
        "figures": figures,
        "page": page,
        "history": history,
        "ends_on": term_of(standing.tenancy) if figures is not None else None,
        "may_ask": standing.may(Right.GRANT_ROLES),
        "is_open": standing.tenancy.state == "active",
        "waiting": find_waiting(standing.tenancy) if standing.may(Right.DECIDE_REQUESTS) else None,
    }
    return render_in(request, standing, "tenancies/quota.html", context, current="quota/")


def _history(rows: Snapshot, standing: Standing) -> Sequence[dict[str, Any]]:
    found = list(QuotaRequest.objects.filter(tenancy_id=standing.tenancy.tenancy_id)[:HISTORY_MAX])
    names = names_by_principal(rows, {each.requester_id for each in found} | {each.decided_by for each in found} - {""})
    return [
        {
            "request": each,
            "words": words_of(each),
            "status": status_of(each),
            "requester": names.get(each.requester_id, "somebody who is gone"),
            "decider": names.get(each.decided_by, "") if each.decided_by else "",
        }
        for each in found
    ]


@tenancy_page(Right.GRANT_ROLES)
def ask(request: HttpRequest, standing: Standing) -> HttpResponse:
    """Ask for another quota."""
    tenancy = standing.tenancy
    initial = {"limit_bytes": exact_size(tenancy.limit_bytes)}
    form = AskForQuota(request.POST) if request.method == "POST" else AskForQuota(initial=initial)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            made = ask_for_quota(standing, said["limit_bytes"], said["ends_on"], said["reason"])
        except Refused as error:
            form.add_error(None, sentence(str(error)))
        else:
            messages.success(request, f"You asked for {words_of(made)}. The operators of this site decide it.")
            return redirect(tenancy_path(tenancy.name, "quota/"))
    with house().catalog.read() as rows:
        figures = find_figures(rows, standing)
    context = {
        "form": form,
        "figures": figures,
        "ends_on": term_of(tenancy),
        "waiting": find_waiting(tenancy),
        "back": tenancy_path(tenancy.name, "quota/"),
    }
    crumbs = [Crumb("Quota", tenancy_path(tenancy.name, "quota/")), Crumb("Ask for another one")]
    return render_in(
        request, standing, "tenancies/quota_ask.html", context,
        current="quota/", crumbs=crumbs, status=400 if form.errors else 200,
    )  # fmt: skip


@tenancy_page(Right.GRANT_ROLES)
@require_POST
def withdraw(request: HttpRequest, standing: Standing, quota_request_id: int) -> HttpResponse:
    """Take a request back."""
    withdraw_quota_request(standing, quota_request_id)
    messages.success(request, "The request is withdrawn.")
    return redirect(tenancy_path(standing.tenancy.name, "quota/"))


@tenancy_page(Right.GRANT_ROLES)
@require_safe
def buckets(request: HttpRequest, standing: Standing) -> HttpResponse:
    """Show the limits of each bucket."""
    with house().catalog.read() as rows:
        found = rows.scan(BUCKETS, (standing.tenancy.tenancy_id,))
        page = cut(request, len(found), lambda start, stop: [_capped(rows, row) for row in found[start:stop]])
    crumbs = [Crumb("Quota", tenancy_path(standing.tenancy.name, "quota/")), Crumb("Limits of buckets")]
    return render_in(request, standing, "tenancies/quota_buckets.html", {"page": page}, current="quota/", crumbs=crumbs)


def _capped(rows: Snapshot, row: BucketRow) -> dict[str, Any]:
    usage = get_usage(rows, row.bucket_id)
    return {
        "bucket": row,
        "used_bytes": used_bytes(usage),
        "used_objects": used_objects(usage),
        "percent": percent_of(used_bytes(usage), row.limit_bytes) if row.limit_bytes is not None else None,
    }


@tenancy_page(Right.GRANT_ROLES)
def bucket(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponse:
    """Set the limits of one bucket."""
    name = standing.tenancy.name
    with house().catalog.read() as rows:
        row = get_own_bucket(rows, standing.tenancy, bucket)
        facts = _capped(rows, row)
    initial = {"limit_bytes": exact_size(row.limit_bytes), "limit_objects": row.limit_objects}
    form = BucketCap(request.POST) if request.method == "POST" else BucketCap(initial=initial)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        set_bucket_quota(
            house().office(standing.person.principal_id), name, bucket, said["limit_bytes"], said["limit_objects"]
        )
        messages.success(request, f"The limits of {bucket} are set.")
        if said["limit_bytes"] is not None and facts["used_bytes"] > said["limit_bytes"]:
            messages.warning(
                request,
                f"{bucket} holds {show_size(facts['used_bytes'])} already, which is more: nothing can be written to it "
                "until enough is deleted. Nothing is deleted by itself.",
            )
        return redirect(tenancy_path(name, "quota/buckets/"))
    crumbs = [
        Crumb("Quota", tenancy_path(name, "quota/")),
        Crumb("Limits of buckets", tenancy_path(name, "quota/buckets/")),
        Crumb(bucket),
    ]
    context = {"form": form, **facts, "back": tenancy_path(name, "quota/buckets/")}
    return render_in(
        request, standing, "tenancies/quota_bucket.html", context,
        current="quota/", crumbs=crumbs, status=400 if form.errors else 200,
    )  # fmt: skip
