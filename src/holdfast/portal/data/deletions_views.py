"""Deleting everything below a prefix: the question, the order, and how far it has come."""

from __future__ import annotations

import secrets
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from holdfast.auth.roles import Right
from holdfast.config import show_size
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.people.lookups import names_by_principal
from holdfast.portal.tenancies.pages import Crumb, render_in, tenancy_path
from holdfast.s3 import names

from .acting import Acting
from .deletions import Measure, cancel, deletions_seen, get_deletion, measure_for, order
from .models import CANCELLED, COUNTING, DELETING, DONE, STOPPED, Deletion
from .objects_places import bucket_crumbs, bucket_path, shown
from .pages import data_page

PAGE_MAX: Final = 50

_STATES: Final = {
    COUNTING: ("info", "Counting"),
    DELETING: ("info", "Deleting"),
    DONE: ("ok", "Done"),
    STOPPED: ("error", "Stopped"),
    CANCELLED: ("neutral", "Cancelled"),
}


class OrderForm(forms.Form):
    """The order; for a whole bucket with its name typed."""

    once = forms.CharField(max_length=64, widget=forms.HiddenInput)

    def __init__(self, *args: Any, typed_name: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._typed_name = typed_name
        if typed_name:
            self.fields["typed"] = forms.CharField(label="The bucket's name", max_length=63)

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed != self._typed_name:
            raise forms.ValidationError(f"This is not the bucket's name: type {self._typed_name}.")
        return typed


@data_page(Right.WRITE_DATA)
def delete_prefix(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponseBase:
    """Say what would be deleted, ask, and order it."""
    acting = Acting.of(request, standing)
    tenancy = standing.tenancy.name
    # From the address for the order, too: browsers change the line breaks in a field, and a key may hold some.
    prefix = request.GET.get("prefix", "")
    if prefix:
        names.check_key(prefix)
    found = measure_for(acting, bucket, prefix)
    back = bucket_path(tenancy, bucket, prefix=prefix)
    if not found.objects:
        messages.info(request, f"There is nothing below {bucket}/{shown(prefix)}.")
        return redirect(bucket_path(tenancy, bucket))
    typed_name = "" if prefix else bucket
    form = OrderForm(
        request.POST if request.method == "POST" else None,
        typed_name=typed_name,
        initial={"once": secrets.token_hex(16)},
    )
    if request.method == "POST" and form.is_valid():
        deletion = order(acting, tenancy, bucket, prefix, form.cleaned_data["once"])
        return redirect(tenancy_path(tenancy, f"deletions/{deletion.id}/"))
    context = {
        "bucket": bucket,
        "heading": f"Delete {bucket}/{shown(prefix)}" if prefix else f"Delete all of {bucket}",
        **_question(bucket, prefix, found),
        "typed_name": typed_name,
        "form": form,
        "back": back,
        "deletions_url": tenancy_path(tenancy, "deletions/"),
    }
    crumbs = [*bucket_crumbs(tenancy, bucket, prefix), Crumb("Delete")]
    return render_in(request, standing, "data/delete_prefix.html", context, current="buckets/", crumbs=crumbs)


def _question(bucket: str, prefix: str, found: Measure) -> dict[str, Any]:
    """Return what the page asks: how much it is, and what becomes of it."""
    more = "" if found.is_all else "more than "
    objects = f"{more}{found.objects:,} object{'' if found.objects == 1 else 's'}"
    where = f"in the bucket {bucket}" if not prefix else f"whose key begins with {bucket}/{shown(prefix)}"
    return {
        "title": f"Delete {objects}?",
        "question": f"This deletes all that is {where}: {objects}, {more}{show_size(found.size_bytes)}.",
        "consequences": [
            "It can't be undone: the store keeps no copy.",
            "It runs behind the pages. You can watch it, and cancel what is not deleted yet.",
            "What is written after your order is left alone, and so is what you may not delete.",
            *([] if prefix else ["The bucket itself stays, with its policy and settings."]),
        ],
    }


@data_page(Right.WRITE_DATA)
def deletions(request: HttpRequest, standing: Standing) -> HttpResponse:
    """List deletions, the newest first."""
    acting = Acting.of(request, standing)
    before = request.GET.get("before", "")
    chosen = deletions_seen(standing, acting)
    if before.isdecimal() and len(before) < 18:
        chosen = chosen.filter(id__lt=int(before))
    found = list(chosen[: PAGE_MAX + 1])
    page = found[:PAGE_MAX]
    with house().catalog.read() as rows:
        people = names_by_principal(rows, {each.principal_id for each in page})
    here = tenancy_path(standing.tenancy.name, "deletions/")
    context = {
        "deletions": [
            {
                "deletion": each,
                "place": f"{each.bucket}/{shown(each.prefix)}",
                "kind": _STATES[each.state][0],
                "state": _STATES[each.state][1],
                "person": people.get(each.principal_id, "former member"),
                "deleted": f"{each.deleted_count:,}",
                "url": f"{here}{each.id}/",
            }
            for each in page
        ],
        "next_url": f"{here}?before={page[-1].id}" if len(found) > PAGE_MAX else "",
        "first_url": here if before else "",
    }
    crumbs = [Crumb("Buckets", tenancy_path(standing.tenancy.name, "buckets/")), Crumb("Deletions")]
    return render_in(request, standing, "data/deletions.html", context, current="buckets/", crumbs=crumbs)


@data_page(Right.WRITE_DATA)
def show_deletion(request: HttpRequest, standing: Standing, deletion_id: int) -> HttpResponse:
    """Show how far a deletion has come."""
    acting = Acting.of(request, standing)
    deletion = get_deletion(standing, acting, deletion_id)
    with house().catalog.read() as rows:
        people = names_by_principal(rows, [deletion.principal_id])
    tenancy = standing.tenancy.name
    here = tenancy_path(tenancy, f"deletions/{deletion.id}/")
    kind, state = _STATES[deletion.state]
    context = {
        "deletion": deletion,
        "place": f"{deletion.bucket}/{shown(deletion.prefix)}",
        "kind": kind,
        "state": state,
        "text": progress_text(deletion),
        "total": max(deletion.found_count, deletion.seen_count, 1),
        "person": people.get(deletion.principal_id, "former member"),
        "cancel_url": f"{here}cancel/",
        "state_url": f"{here}state/",
        "here": here,
        "bucket_url": bucket_path(tenancy, deletion.bucket),
    }
    crumbs = [
        *bucket_crumbs(tenancy, deletion.bucket)[:1],
        Crumb("Deletions", tenancy_path(tenancy, "deletions/")),
        Crumb(f"{deletion.bucket}/{shown(deletion.prefix)}"),
    ]
    return render_in(request, standing, "data/deletion.html", context, current="buckets/", crumbs=crumbs)


def progress_text(deletion: Deletion) -> str:
    """Return in words how far a deletion has come."""
    if deletion.state == COUNTING:
        return f"{deletion.found_count:,} objects counted so far"
    # What was written meanwhile is seen, too, so that more may be seen than was counted.
    total = max(deletion.found_count, deletion.seen_count)
    parts = [f"{deletion.deleted_count:,} of {total:,} objects deleted"]
    if deletion.newer_count:
        parts.append(f"{deletion.newer_count:,} left because they are newer than the order")
    if deletion.refused_count:
        parts.append(f"{deletion.refused_count:,} could not be deleted")
    return ", ".join(parts)


@data_page(Right.WRITE_DATA)
def deletion_state(request: HttpRequest, standing: Standing, deletion_id: int) -> HttpResponse:
    """Say how far a deletion has come, for the page's own script."""
    deletion = get_deletion(standing, Acting.of(request, standing), deletion_id)
    return JsonResponse(
        {
            "state": deletion.state,
            "is_active": deletion.is_active,
            "value": deletion.seen_count if deletion.state != COUNTING else None,
            "max": max(deletion.found_count, deletion.seen_count, 1),
            "text": progress_text(deletion),
            "reason": deletion.reason,
        }
    )


@data_page(Right.WRITE_DATA)
def cancel_deletion(request: HttpRequest, standing: Standing, deletion_id: int) -> HttpResponseBase:
    """Stop a deletion before its next batch."""
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    deletion = get_deletion(standing, Acting.of(request, standing), deletion_id)
    if cancel(deletion, standing.person):
        messages.success(request, "The deletion is cancelled. What was deleted already stays deleted.")
    else:
        messages.info(request, "The deletion had ended already.")
    return redirect(tenancy_path(standing.tenancy.name, f"deletions/{deletion_id}/"))
