"""The list of a tenancy's buckets, and the page that makes one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_GET

from holdfast.auth.roles import Right
from holdfast.catalog import rows as tables
from holdfast.operations import create_bucket
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.paging import page_number
from holdfast.portal.tenancies.pages import Crumb, render_in
from holdfast.s3 import names
from holdfast.store.errors import BucketTaken

from .acting import Acting
from .buckets_acts import make_bucket
from .buckets_forms import CreateBucket
from .buckets_paths import BUCKETS, buckets_path, new_bucket_path
from .buckets_shelf import read_shelf
from .objects_places import bucket_path
from .pages import data_page
from .sharing_acts import may_publish
from .sharing_presets import Preset

_EXAMPLE = "any-name"


@data_page(Right.LIST_BUCKETS)
@require_GET
def buckets(request: HttpRequest, standing: Standing) -> HttpResponse:
    """Show the buckets that the person sees."""
    wanted = request.GET.get("q", "")
    with house().catalog.read() as rows:
        shelf = read_shelf(Acting.of(request, standing), rows, wanted, page_number(request))
    context = {"shelf": shelf, "wanted": wanted, "create_url": new_bucket_path(standing.tenancy.name)}
    crumbs = [Crumb("Buckets")]
    return render_in(request, standing, "data/buckets.html", context, current=BUCKETS, crumbs=crumbs)


@data_page(Right.CREATE_BUCKET)
def create(request: HttpRequest, standing: Standing) -> HttpResponseBase:
    """Ask what bucket to make, and make it. One that everybody can see is asked for twice."""
    acting = Acting.of(request, standing)
    asked = create_bucket.Request(bucket=_EXAMPLE, grants={})
    with house().catalog.read() as rows:
        context = acting.context(rows, create_bucket.operation, asked)
        create_bucket.check_may_create(context, _EXAMPLE)
        publishes = may_publish(context)
    if request.method != "POST":
        initial = {"preset": standing.tenancy.new_buckets}
        return _ask_to_create(request, standing, CreateBucket(initial=initial, may_publish=publishes), publishes)
    form = CreateBucket(request.POST, may_publish=publishes)
    if not form.is_valid():
        return _ask_to_create(request, standing, form, publishes)
    name, preset, web_pages = form.cleaned_data["name"], form.chosen, form.cleaned_data["web_pages"]
    if preset.is_public and request.POST.get("confirmed") != name:
        return _confirm_public(request, standing, name, preset, web_pages=web_pages)
    try:
        make_bucket(acting, standing.tenancy, name, preset, web_pages=web_pages)
    except BucketTaken:
        form.add_error("name", f"There is a bucket named {name} in {standing.tenancy.name} already.")
        return _ask_to_create(request, standing, form, publishes)
    messages.success(request, f"The bucket {name} was created. {preset.label}.")
    return redirect(bucket_path(standing.tenancy.name, name))


def _ask_to_create(request: HttpRequest, standing: Standing, form: CreateBucket, publishes: bool) -> HttpResponse:
    tenancy = standing.tenancy.name
    context = {
        "form": form,
        "may_publish": publishes,
        "check_url": new_bucket_path(tenancy, "check/"),
        "cancel_url": buckets_path(tenancy),
    }
    return _creating(request, standing, "data/create_bucket.html", context, status=400 if form.is_bound else 200)


def _creating(
    request: HttpRequest, standing: Standing, template: str, context: Mapping[str, Any], status: int = 200
) -> HttpResponse:
    crumbs = [Crumb("Buckets", buckets_path(standing.tenancy.name)), Crumb("Create a bucket")]
    return render_in(request, standing, template, context, current=BUCKETS, crumbs=crumbs, status=status)


def _confirm_public(
    request: HttpRequest, standing: Standing, name: str, preset: Preset, *, web_pages: bool
) -> HttpResponse:
    tenancy = standing.tenancy.name
    hidden = [{"name": "name", "value": name}, {"name": "preset", "value": preset.name}]
    hidden.append({"name": "confirmed", "value": name})
    if web_pages:
        hidden.append({"name": "web_pages", "value": "on"})
    context = {
        "title": f"Make the bucket {name} public?",
        "text": "Anyone on the internet can then list and download whatever is put into it, without an account.",
        "consequences": [
            "Nobody outside the tenancy can change or delete anything.",
            "Never put personal or sensitive data into it.",
            "You can make it private again at any time; what was downloaded by then stays with those who have it.",
        ],
        "button": "Make a public bucket",
        "hidden": hidden,
        "cancel_url": new_bucket_path(tenancy),
    }
    return _creating(request, standing, "data/confirm.html", context)


@data_page(Right.CREATE_BUCKET)
@require_GET
def check_name(request: HttpRequest, standing: Standing) -> HttpResponse:
    """Say whether a bucket may be made by a name, while it is typed."""
    name = request.GET.get("value", "")
    fault = names.find_bucket_name_fault(name)
    if fault is None:
        with house().catalog.read() as rows:
            taken = rows.find(tables.BUCKETS, (standing.tenancy.tenancy_id, name))
        if taken is not None:
            fault = f"There is a bucket named {name} in {standing.tenancy.name} already."
    if fault is not None:
        return JsonResponse({"ok": False, "message": fault})
    advice = " Hyphens work in more programs than dots do." if "." in name else ""
    return JsonResponse({"ok": True, "message": f"The name is free.{advice}"})
