"""Pages about the end of a tenancy: closing it, taking that back, manifests, and the certificate."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from holdfast.admin.errors import AdminError
from holdfast.admin.usage import tenancy_usage
from holdfast.auth.roles import Right
from holdfast.catalog.rows import BUCKETS, MEMBERS, BucketRow, TenancyRow
from holdfast.portal.access import Need, Standing, page, signed_in, tenancy_page
from holdfast.portal.house import house
from holdfast.portal.joining.telling import sentence
from holdfast.portal.paging import cut
from holdfast.portal.people.templatetags.portal import day
from holdfast.store.errors import TenancyClosed
from holdfast.store.quotas import get_usage, used_bytes, used_objects

from .closing import close, find_closing, grace_end, take_back
from .closing_certificate import certificate_text, find_certificate, name_in
from .closing_manifest import manifest_answer
from .models import Closing
from .pages import Crumb, render_in, tenancy_path
from .quota_figures import get_own_bucket

REASON_LENGTH_MAX = 300
_TAB = "close/"
_STEPS: Final = (
    ("Freeze", "Nothing can be written; reading and deleting go on."),
    ("Tell the members", "In the portal and by mail, with the day until which data can be read."),
    ("Copy what is needed", "Download the manifests, and hold the copies against them."),
    ("Delete", "An operator has the data deleted when the time is over."),
    ("Certificate", "What was deleted, when, and by whom. It is mailed to the managers."),
)


class CloseForm(forms.Form):
    """Why a tenancy is closed, and its name to be sure."""

    reason = forms.CharField(label="Reason", max_length=REASON_LENGTH_MAX, help_text="All members read it.")
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


@tenancy_page(Right.GRANT_ROLES)
def close_page(request: HttpRequest, standing: Standing) -> HttpResponse:
    """Say what closing means and do it; of a tenancy that is being closed, show how far that is."""
    tenancy = standing.tenancy
    closing = find_closing(tenancy)
    form = CloseForm(tenancy.name, request.POST if request.method == "POST" else None)
    if request.method == "POST" and closing is not None:
        messages.info(request, "This tenancy is being closed already.")
        return redirect(tenancy_path(tenancy.name, _TAB))
    if request.method == "POST" and form.is_valid():
        try:
            made = close(standing, form.cleaned_data["reason"])
        except AdminError as error:
            form.add_error(None, sentence(str(error)))
        else:
            until = day(made.grace_ends_on)
            messages.success(
                request, f"{tenancy.name} is frozen. Its data can be read until {until}; members are told."
            )
            return redirect(tenancy_path(tenancy.name, _TAB))
    return _show(request, standing, closing, form)


def _show(request: HttpRequest, standing: Standing, closing: Closing | None, form: CloseForm) -> HttpResponse:
    tenancy = standing.tenancy
    opened = house()
    with opened.catalog.read() as rows:
        usage = tenancy_usage(rows, tenancy)
        buckets = rows.scan(BUCKETS, (tenancy.tenancy_id,))
        member_count = len(rows.scan(MEMBERS, (tenancy.tenancy_id,)))
        listed = cut(
            request,
            len(buckets),
            lambda start, stop: [
                {"name": row.name, "used_bytes": used_bytes(its), "used_objects": used_objects(its)}
                for row in buckets[start:stop]
                for its in [get_usage(rows, row.bucket_id)]
            ],
        )
    until = day(closing.grace_ends_on if closing is not None else grace_end())
    context = {
        "closing": closing,
        "form": form,
        "usage": usage,
        "page": listed,
        "bucket_count": len(buckets),
        "until": until,
        "consequences": [
            "At once nothing can be written any more. Reading and deleting go on.",
            f"All {member_count:,} members are told, with your reason, in the portal and by mail.",
            f"Data can be read until {until}, and manifests downloaded to hold copies against.",
            "You, or another MANAGER, can take it back until the data are being deleted.",
            "After that day an operator has everything deleted: the data, the buckets, the memberships, the tokens.",
        ],
        "closer": name_in(closing, closing.closed_by) if closing is not None else "",
        "steps": _steps(closing),
        "may_close": tenancy.state == "active",
        "shows_manifests": standing.member is not None and tenancy.state != "suspended",
        "back": tenancy_path(tenancy.name),
    }
    status = 400 if form.errors else 200
    return render_in(request, standing, "tenancies/close.html", context, current=_TAB, status=status)


def _steps(closing: Closing | None) -> list[dict[str, str]]:
    """Return the steps of `components/checklist.html`."""
    current = _current_step(closing)
    return [
        {"label": label, "text": text, "state": "done" if place < current else "now" if place == current else "later"}
        for place, (label, text) in enumerate(_STEPS)
    ]


def _current_step(closing: Closing | None) -> int:
    """Return which of the steps is being done; -1 before the first one."""
    if closing is None:
        return -1
    if closing.state == Closing.DELETING:
        return 3
    if closing.frozen_at is None:
        return 0
    return 2 if closing.told_state == closing.state else 1


@tenancy_page(Right.GRANT_ROLES)
@require_POST
def take_back_page(request: HttpRequest, standing: Standing) -> HttpResponse:
    """Open a tenancy again."""
    take_back(standing)
    messages.success(request, f"{standing.tenancy.name} is open again: it can be written to as before.")
    return redirect(tenancy_path(standing.tenancy.name))


@tenancy_page(Right.GRANT_ROLES, in_person=True)
@require_safe
def manifest(request: HttpRequest, standing: Standing, bucket: str) -> HttpResponseBase:
    """Download the manifest of a bucket."""
    row = _get_readable(standing.tenancy, bucket)
    house().office(standing.person.principal_id).record(
        "bucket.manifest", f"{standing.tenancy.name}/{bucket}", standing.tenancy.tenancy_id
    )
    return manifest_answer(row)


def _get_readable(tenancy: TenancyRow, bucket: str) -> BucketRow:
    """Return a bucket whose keys may be read. Raises NoSuchBucket, or TenancyClosed where all S3 is refused."""
    with house().catalog.read() as rows:
        row = get_own_bucket(rows, tenancy, bucket)
    if tenancy.state == "suspended":
        raise TenancyClosed(tenancy.name, tenancy.state)
    return row


@page(Need.PERSON)
@require_safe
def certificate(request: HttpRequest, closing_id: int) -> HttpResponse:
    """Show a certificate of deletion to those whose it is."""
    closing = _get_certificate(request, closing_id)
    context = {
        "closing": closing,
        "text": certificate_text(closing),
        "closer": name_in(closing, closing.closed_by),
        "operator": name_in(closing, closing.confirmed_by) if closing.confirmed_by else "",
        "crumbs": [Crumb("My tenancies", "/"), Crumb(f"Certificate of deletion {closing.pk}")],
    }
    return render(request, "tenancies/certificate.html", context)


@page(Need.PERSON)
@require_safe
def certificate_file(request: HttpRequest, closing_id: int) -> HttpResponse:
    """Download a certificate as text."""
    closing = _get_certificate(request, closing_id)
    name = f"certificate-of-deletion-{closing.tenancy_name}-{closing.pk}.txt"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(certificate_text(closing), content_type="text/plain; charset=utf-8", headers=headers)


def _get_certificate(request: HttpRequest, closing_id: int) -> Closing:
    found = find_certificate(signed_in(request), closing_id)
    if found is None:
        raise Http404
    return found
