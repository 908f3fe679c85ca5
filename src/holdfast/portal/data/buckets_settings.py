"""The settings of a bucket: web pages that may read it, its limits, and its end."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from holdfast.auth.roles import Right
from holdfast.operations import get_bucket_policy
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.tenancies.pages import Crumb, tenancy_path
from holdfast.store.errors import BucketNotEmpty

from . import cors_switch
from .acting import Acting
from .buckets_acts import remove_bucket, set_web_pages
from .buckets_forms import DeleteBucket
from .buckets_frame import BucketFacts, look_at, render_bucket
from .buckets_paths import buckets_path
from .objects_places import bucket_path
from .pages import data_page
from .sharing_acts import mark_of

_EXAMPLE: Final = "any-key"


@data_page(Right.CHANGE_BUCKET)
@require_GET
def settings(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponse:
    """Show what can be changed about a bucket."""
    facts = _look_at(request, standing, bucket)
    tenancy = standing.tenancy.name
    context = {
        "switch": cors_switch.switch_of(facts.row.cors),
        "seen_cors": mark_of(facts.row.cors),
        "cors_url": bucket_path(tenancy, facts.name, "settings/cors/"),
        "limits_url": tenancy_path(tenancy, f"quota/buckets/{facts.name}/") if standing.may(Right.GRANT_ROLES) else "",
        "delete_url": bucket_path(tenancy, facts.name, "settings/delete/"),
    }
    crumbs = [Crumb("Settings")]
    return render_bucket(request, standing, facts, "data/bucket_settings.html", context, crumbs=crumbs)


def _look_at(request: HttpRequest, standing: Standing, bucket: str) -> BucketFacts:
    """Return the facts of a bucket for who answers for it. Raises AccessDenied or NoSuchBucket."""
    acting = Acting.of(request, standing)
    with house().catalog.read() as rows:
        context = acting.context(rows, get_bucket_policy.operation, get_bucket_policy.Request(bucket))
        return look_at(context, context.authorised("s3:GetBucketPolicy", bucket), _EXAMPLE)


@data_page(Right.CHANGE_BUCKET)
@require_POST
def set_cors(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponse:
    """Turn the switch for web pages on or off."""
    turns_on = request.POST.get("web_pages") == "on"
    seen = request.POST.get("seen", "")
    set_web_pages(Acting.of(request, standing), bucket, turns_on, seen)
    said = "Web pages can read this bucket now." if turns_on else "Web pages can't read this bucket any more."
    messages.success(request, said)
    return _to_settings(standing, bucket)


def _to_settings(standing: Standing, bucket: str) -> HttpResponseRedirect:
    return HttpResponseRedirect(bucket_path(standing.tenancy.name, bucket, "settings/"))


@data_page(Right.CHANGE_BUCKET)
def delete(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponseBase:
    """Delete a bucket that is empty; of one that isn't, say how much is in it and where that is deleted."""
    facts = _look_at(request, standing, bucket)
    form = DeleteBucket(request.POST if request.method == "POST" else None, wanted=bucket)
    if request.method == "POST" and form.is_valid():
        try:
            remove_bucket(Acting.of(request, standing), bucket)
        except BucketNotEmpty:
            return _delete_page(request, standing, _look_at(request, standing, bucket), form, status=409)
        messages.success(request, f"The bucket {bucket} is deleted.")
        return redirect(buckets_path(standing.tenancy.name))
    return _delete_page(request, standing, facts, form, status=400 if form.is_bound else 200)


def _delete_page(
    request: HttpRequest, standing: Standing, facts: BucketFacts, form: DeleteBucket, *, status: int
) -> HttpResponse:
    tenancy = standing.tenancy.name
    settings_url = bucket_path(tenancy, facts.name, "settings/")
    context = {
        "form": form,
        "empty_url": bucket_path(tenancy, facts.name, "delete-prefix/"),
        "cancel_url": settings_url,
        "title": f"Delete the bucket {facts.name}?",
        "consequences": [
            "Its name is free at once: anybody in the tenancy may make a bucket of the same name.",
            "Its unfinished uploads, its sharing and its settings go with it.",
            "This can't be undone.",
        ],
    }
    crumbs = [Crumb("Settings", settings_url), Crumb("Delete")]
    return render_bucket(request, standing, facts, "data/delete_bucket.html", context, crumbs=crumbs, status=status)
