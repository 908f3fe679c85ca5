"""Break-glass: an operator's way to data, which managers are told of at once and see for ever."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from holdfast.admin.break_glass import (
    MINUTES_MAX,
    MINUTES_MIN,
    REASON_LENGTH_MAX,
    REASON_LENGTH_MIN,
    open_glasses,
)
from holdfast.admin.errors import AdminError
from holdfast.admin.lookups import get_tenancy
from holdfast.auth.roles import Right
from holdfast.catalog.rows import BUCKETS
from holdfast.portal.access import Need, Standing, page, signed_in, tenancy_page
from holdfast.portal.house import house
from holdfast.portal.people.recent import check_proved_lately
from holdfast.portal.tenancies.pages import Crumb, render_in, tenancy_path

from .frame import render_page
from .glass_acts import close_for, open_for
from .models import BreakGlass

_LASTS = ((60, "1 hour"), (MINUTES_MIN, "15 minutes"), (240, "4 hours"), (MINUTES_MAX, "8 hours"))


class GlassForm(forms.Form):
    """What an operator has to say."""

    reason = forms.CharField(
        label="Reason",
        min_length=REASON_LENGTH_MIN,
        max_length=REASON_LENGTH_MAX,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Who asked, for what, and where it is written down. The managers read it.",
    )
    access = forms.ChoiceField(
        label="Access",
        choices=[("read", "Read"), ("write", "Read and write")],
        widget=forms.RadioSelect,
        initial="read",
    )
    buckets = forms.MultipleChoiceField(
        label="Buckets", required=False, widget=forms.CheckboxSelectMultiple, help_text="None ticked: all of them."
    )
    minutes = forms.TypedChoiceField(label="For how long", choices=_LASTS, coerce=int, initial=60)

    def __init__(self, buckets: list[str], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["buckets"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(name, name) for name in buckets]


@page(Need.OPERATOR)
def break_glass(request: HttpRequest, name: str) -> HttpResponse:
    """Ask for access to data of a tenancy, and get it."""
    check_proved_lately(request)
    operator = signed_in(request)
    opened = house()
    with opened.catalog.read() as rows:
        tenancy = get_tenancy(rows, name)
        buckets = [bucket.name for bucket in rows.scan(BUCKETS, (tenancy.tenancy_id,))]
        is_open = any(row.user_id == operator.principal_id for row in open_glasses(rows, tenancy, opened.now_us()))
    form = GlassForm(buckets, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            made = open_for(operator, tenancy, form.cleaned_data)
        except AdminError as error:
            form.add_error(None, str(error))
        else:
            messages.warning(request, f"You may {made.access} until {made.ends_at:%H:%M} UTC. The managers were told.")
            return redirect(tenancy_path(name))
    crumbs = [
        Crumb("Tenancies", "/operators/tenancies/"), Crumb(name, f"/operators/tenancies/{name}/"), Crumb("Break-glass")
    ]  # fmt: skip
    past = BreakGlass.objects.filter(tenancy_id=tenancy.tenancy_id).select_related("operator")[:50]
    context = {"form": form, "tenancy_row": tenancy, "is_open": is_open, "past": past}
    return render_page(request, "operating/break_glass.html", context, current="tenancies/", crumbs=crumbs)


@page(Need.OPERATOR)
@require_POST
def give_back(request: HttpRequest, name: str) -> HttpResponse:
    """End one's own access before its time."""
    operator = signed_in(request)
    with house().catalog.read() as rows:
        tenancy = get_tenancy(rows, name)
    close_for(operator, tenancy)
    messages.success(request, f"You have no access to data of {name} any more.")
    return redirect(f"/operators/tenancies/{name}/")


@tenancy_page(Right.OTHERS_TOKENS)
def history(request: HttpRequest, standing: Standing) -> HttpResponse:
    """Show managers when operators had access to their data, and why."""
    past = BreakGlass.objects.filter(tenancy_id=standing.tenancy.tenancy_id).select_related("operator")[:200]
    crumbs = [Crumb("Operators' access")]
    return render_in(request, standing, "operating/glass_history.html", {"past": past}, crumbs=crumbs)
