"""Switches of the whole site: an announcement, read-only for maintenance, nothing made public."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from holdfast.admin.site import VALUE_LENGTH_MAX, list_site_settings, public_buckets, set_site_setting
from holdfast.portal.access import Need, page, signed_in
from holdfast.portal.house import house
from holdfast.portal.people.recent import check_proved_lately
from holdfast.store.site import ANNOUNCEMENT, PUBLIC_FORBIDDEN, READ_ONLY

from .frame import render_page

_LINE = {"max_length": VALUE_LENGTH_MAX, "required": False, "strip": True}


class SiteForm(forms.Form):
    """All switches at once, as they are."""

    announcement = forms.CharField(
        label="Announcement",
        help_text="Shown at the top of every page, to everybody. Empty: none.",
        max_length=VALUE_LENGTH_MAX,
        required=False,
    )
    is_read_only = forms.BooleanField(
        label="Read-only for maintenance",
        help_text="Nobody writes or deletes by S3, in any tenancy, within a second. Reading goes on.",
        required=False,
    )
    read_only_reason = forms.CharField(
        label="Why it is read-only",
        help_text="Every page and every refused write shows it.",
        max_length=VALUE_LENGTH_MAX,
        required=False,
    )
    is_public_forbidden = forms.BooleanField(
        label="Nothing new is made public",
        help_text="Whatever the role. Buckets that are public now stay so until their policy changes.",
        required=False,
    )
    public_forbidden_reason = forms.CharField(
        label="Why nothing is made public", max_length=VALUE_LENGTH_MAX, required=False
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("is_read_only") and not cleaned.get("read_only_reason"):
            self.add_error("read_only_reason", "Say why: people read it while they can't write.")
        return cleaned

    def switches(self) -> dict[str, str | None]:
        """Return name → value of each switch, None = off."""
        said = self.cleaned_data
        return {
            ANNOUNCEMENT: said["announcement"] or None,
            READ_ONLY: said["read_only_reason"] if said["is_read_only"] else None,
            PUBLIC_FORBIDDEN: said["public_forbidden_reason"] if said["is_public_forbidden"] else None,
        }


@page(Need.OPERATOR)
def site(request: HttpRequest) -> HttpResponse:
    """Show the switches, and turn those that differ."""
    check_proved_lately(request)
    opened = house()
    with opened.catalog.read() as rows:
        before = list_site_settings(rows)
        public = public_buckets(rows)
    if request.method == "POST":
        form = SiteForm(request.POST)
        if form.is_valid():
            office = opened.office(signed_in(request).principal_id)
            for name, value in form.switches().items():
                if value != before.get(name):
                    set_site_setting(office, name, value)
            messages.success(request, "The switches of the site were saved. The store heeds them within a second.")
            return redirect("/operators/site/")
    else:
        form = SiteForm(
            initial={
                "announcement": before.get(ANNOUNCEMENT, ""),
                "is_read_only": READ_ONLY in before,
                "read_only_reason": before.get(READ_ONLY, ""),
                "is_public_forbidden": PUBLIC_FORBIDDEN in before,
                "public_forbidden_reason": before.get(PUBLIC_FORBIDDEN, ""),
            }
        )
    return render_page(request, "operating/site.html", {"form": form, "public": public}, current="site/")
