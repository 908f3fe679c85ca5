"""A tenancy that is being closed, as operators see it: names and sizes, and the order to delete."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from holdfast.admin.errors import AdminError
from holdfast.admin.usage import tenancy_usage
from holdfast.catalog.rows import BUCKETS
from holdfast.portal.access import Need, page, signed_in
from holdfast.portal.house import house
from holdfast.portal.joining.telling import sentence
from holdfast.portal.operating.frame import render_page
from holdfast.portal.people.recent import check_proved_lately

from .asking_review_pages import LIST
from .closing import find_tenancy
from .closing_certificate import name_in
from .closing_erasure import confirm, get_closing, why_not_yet
from .models import Closing
from .pages import Crumb

_TAB = "tenancy-requests/"


class DeleteForm(forms.Form):
    """The name of the tenancy, to be sure."""

    typed_name = forms.CharField(
        label="Name of the tenancy", max_length=63, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )

    def __init__(self, name: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._name = name

    def clean_typed_name(self) -> str:
        typed = str(self.cleaned_data["typed_name"]).strip()
        if typed != self._name:
            raise forms.ValidationError(f"Type {self._name} to confirm.")
        return typed


@page(Need.OPERATOR)
def one_closing(request: HttpRequest, closing_id: int) -> HttpResponse:
    """Show a closing; once its time is over, have the data deleted."""
    closing = get_closing(closing_id)
    if request.method == "POST" or not why_not_yet(closing):
        check_proved_lately(request)
    form = DeleteForm(closing.tenancy_name, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            done = confirm(signed_in(request), closing_id)
        except AdminError as error:
            form.add_error(None, sentence(f"the data can't be deleted: {error}"))
            closing = get_closing(closing_id)
        else:
            messages.success(
                request, f"The data of {done.tenancy_name} are being deleted: {done.held_objects:,} objects."
            )
            return redirect(f"/operators/closings/{closing_id}/")
    return _show(request, closing, form)


def _show(request: HttpRequest, closing: Closing, form: DeleteForm) -> HttpResponse:
    tenancy = find_tenancy(closing)
    usage = None
    bucket_count = len(closing.holdings)
    if tenancy is not None and closing.state == Closing.GRACE:
        with house().catalog.read() as rows:
            usage = tenancy_usage(rows, tenancy)
            bucket_count = len(rows.scan(BUCKETS, (tenancy.tenancy_id,)))
    refusal = why_not_yet(closing)
    context = {
        "closing": closing,
        "closer": name_in(closing, closing.closed_by),
        "operator": name_in(closing, closing.confirmed_by) if closing.confirmed_by else "",
        "resumer": name_in(closing, closing.resumed_by) if closing.resumed_by else "operators",
        "is_there": tenancy is not None,
        "usage": usage,
        "bucket_count": bucket_count,
        "refusal": sentence(refusal) if refusal else "",
        "form": None if refusal else form,
        "errors": form,
        "consequences": [
            "The tenancy is suspended: nobody can read or take it back any more.",
            "All objects, unfinished uploads and buckets are deleted in the background, then the tenancy.",
            "This can't be undone. A certificate is made for its managers.",
        ],
        "back": LIST,
    }
    crumbs = [Crumb("Requests", LIST), Crumb(f"Closing of {closing.tenancy_name}")]
    status = 400 if form.errors else 200
    return render_page(request, "tenancies/review_closing.html", context, current=_TAB, crumbs=crumbs, status=status)
