"""Tenancies, for operators: names, sizes, states and limits. No data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from holdfast.admin.audit import Sought, search_audit
from holdfast.admin.errors import AdminError, Refused, Unknown
from holdfast.admin.lookups import get_tenancy, get_user
from holdfast.admin.managers import has_manager
from holdfast.admin.members import add_member
from holdfast.admin.quotas import set_tenancy_quota
from holdfast.admin.tenancies import close_tenancy, create_tenancy, list_tenancies, resume_tenancy, suspend_tenancy
from holdfast.admin.usage import bucket_usages, tenancy_usage
from holdfast.auth.roles import Role
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import MEMBERS, TenancyRow
from holdfast.config import show_size
from holdfast.portal.access import Need, page, signed_in
from holdfast.portal.house import house
from holdfast.portal.notices.notify import notify
from holdfast.portal.paging import cut
from holdfast.portal.people.lookups import deciders_of, managers_of, names_by_principal, people_by_principal
from holdfast.portal.people.models import Person
from holdfast.portal.people.recent import check_proved_lately
from holdfast.portal.sizes import SizeField, exact_size, percent_of
from holdfast.portal.tenancies.asking_names import NAME_HELP, find_fault
from holdfast.portal.tenancies.pages import Crumb

from .audit import audit_lines
from .frame import PAGE_ROWS, render_page

REASON_LENGTH_MAX = 500
_STATES: Final = {
    "suspended": "is suspended: all S3 is refused",
    "readonly": "is read-only: reads and deletes go on, writes are refused",
}


class QuotaForm(forms.Form):
    """The limits of a tenancy."""

    limit_bytes = SizeField(label="Quota")
    limit_objects = forms.IntegerField(
        label="Most objects", required=False, min_value=0, max_value=10**15, help_text="Empty: no limit."
    )


class NewTenancyForm(QuotaForm):
    """A tenancy that an operator makes, with its first manager."""

    name = forms.CharField(label="Name", max_length=63, help_text=NAME_HELP)
    manager = forms.CharField(label="First MANAGER", max_length=64, help_text="The user name of who answers for it.")

    field_order = ("name", "manager", "limit_bytes", "limit_objects")

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"]).lower()
        with house().catalog.read() as rows:
            fault = find_fault(rows, name)
        if fault:
            raise ValidationError(fault)
        return name

    def clean_manager(self) -> str:
        name = str(self.cleaned_data["manager"]).lower()
        with house().catalog.read() as rows:
            try:
                get_user(rows, name)
            except Unknown:
                raise ValidationError(
                    "Nobody has this user name. Who has no account yet is invited first: People, Invite a person."
                ) from None
        return name


class ReasonForm(forms.Form):
    """Why something is done, for those whom it concerns."""

    reason = forms.CharField(label="Reason", max_length=REASON_LENGTH_MAX, help_text="Managers read it.")


class TenancyLine(NamedTuple):
    """A tenancy in the list."""

    tenancy: TenancyRow
    used_bytes: int
    used_objects: int
    percent: int
    managers: str


@page(Need.OPERATOR)
def tenancies(request: HttpRequest) -> HttpResponse:
    """Show the tenancies, by name."""
    wanted, state = request.GET.get("q", "").strip().casefold(), request.GET.get("state", "")
    opened = house()
    with opened.catalog.read() as rows:
        fitting = [
            tenancy
            for tenancy in list_tenancies(rows)
            if wanted in tenancy.name and (not state or tenancy.state == state)
        ]
        shown = cut(request, len(fitting), lambda start, stop: _lines(rows, fitting[start:stop]))
    context = {
        "lines": shown.items,
        "count": len(fitting),
        "q": request.GET.get("q", ""),
        "state": state,
        "states": ("active", "readonly", "suspended"),
        "previous_url": shown.previous_url,
        "next_url": shown.next_url,
    }
    return render_page(request, "operating/tenancies.html", context, current="tenancies/")


def _lines(rows: Snapshot, shown: Sequence[TenancyRow]) -> Sequence[TenancyLine]:
    managing = {
        tenancy.tenancy_id: [row.user_id for row in rows.scan(MEMBERS, (tenancy.tenancy_id,)) if row.role == "MANAGER"]
        for tenancy in shown
    }
    names = names_by_principal(rows, {user_id for ids in managing.values() for user_id in ids})
    lines = []
    for tenancy in shown:
        usage = tenancy_usage(rows, tenancy)
        percent = percent_of(usage.used_bytes, tenancy.limit_bytes)
        managers = ", ".join(names.get(user_id, "") for user_id in managing[tenancy.tenancy_id])
        lines.append(TenancyLine(tenancy, usage.used_bytes, usage.used_objects, percent, managers))
    return lines


@page(Need.OPERATOR)
def new_tenancy(request: HttpRequest) -> HttpResponse:
    """Make a tenancy with its first manager."""
    check_proved_lately(request)
    form = NewTenancyForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        operator = signed_in(request)
        office = house().office(operator.principal_id)
        try:
            check_may_manage(operator, said["manager"])  # before anything is made
            create_tenancy(office, said["name"], limit_bytes=said["limit_bytes"], limit_objects=said["limit_objects"])
            give_manager(operator, said["name"], said["manager"])
        except AdminError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"The tenancy {said['name']} was created, with {said['manager']} as its MANAGER.")
            return redirect(f"/operators/tenancies/{said['name']}/")
    crumbs = [Crumb("Tenancies", "/operators/tenancies/"), Crumb("New")]
    return render_page(request, "operating/new_tenancy.html", {"form": form}, current="tenancies/", crumbs=crumbs)


def check_may_manage(operator: Person, manager: str) -> None:
    """Check whom an operator names as the MANAGER of a tenancy. Raises Unknown, or Refused for the operator themselves.

    A MANAGER reads all data, and operators reach data by break-glass alone.
    """
    with house().catalog.read() as rows:
        user = get_user(rows, manager)
    if user.user_id == operator.principal_id:
        raise Refused(
            "an operator makes themselves MANAGER of nothing: name somebody else, or ask for a tenancy as others do"
        )


def give_manager(operator: Person, name: str, manager: str) -> None:
    """Make somebody MANAGER of a tenancy that has none, nor one who is merely suspended; else nothing happens.

    They are told, and so is who was MANAGER before and ended. Raises Unknown or Refused.
    """
    check_may_manage(operator, manager)
    opened = house()
    office = opened.office(operator.principal_id)
    with office.read() as rows:
        tenancy = get_tenancy(rows, name)
        if has_manager(rows, tenancy.tenancy_id, opened.now_us()):
            return
        ended = [row.user_id for row in rows.scan(MEMBERS, (tenancy.tenancy_id,)) if row.role == "MANAGER"]
    add_member(office, name, manager, Role.MANAGER)
    text = f"{operator}, an operator of this site, made {manager} MANAGER of {name}, which had none."
    told = {person.pk: person for person in [*people_by_principal(ended).values(), *managers_of(tenancy)]}
    notify(told.values(), "manager_set", f"{manager} is MANAGER of {name}", text, url=f"/tenancies/{name}/members/")


@page(Need.OPERATOR)
def one_tenancy(request: HttpRequest, name: str) -> HttpResponse:
    """Show one tenancy: its state, limits, buckets by name and size, and what was done to it lately."""
    opened = house()
    with opened.catalog.read() as rows:
        tenancy = get_tenancy(rows, name)
        usage = tenancy_usage(rows, tenancy)
        buckets = bucket_usages(rows, tenancy)[:PAGE_ROWS]
        lately = audit_lines(rows, search_audit(rows, Sought(tenancy_id=tenancy.tenancy_id), 10).rows)
        member_count = len(rows.scan(MEMBERS, (tenancy.tenancy_id,)))
    context = {
        "tenancy_row": tenancy,
        "usage": usage,
        "percent": percent_of(usage.used_bytes, tenancy.limit_bytes),
        "buckets": buckets,
        "lately": lately,
        "member_count": member_count,
        "managers": managers_of(tenancy),
        "quota": QuotaForm(initial=_limits(tenancy)),
        "reason": ReasonForm(),
    }
    crumbs = [Crumb("Tenancies", "/operators/tenancies/"), Crumb(name)]
    return render_page(request, "operating/tenancy.html", context, current="tenancies/", crumbs=crumbs)


@page(Need.OPERATOR)
@require_POST
def set_quota(request: HttpRequest, name: str) -> HttpResponse:
    """Set the limits of a tenancy; its managers are told."""
    check_proved_lately(request)
    form = QuotaForm(request.POST)
    if not form.is_valid():
        for errors in form.errors.values():
            messages.error(request, " ".join(map(str, errors)))
        return redirect(f"/operators/tenancies/{name}/")
    said = form.cleaned_data
    tenancy = give_quota(signed_in(request), name, said["limit_bytes"], said["limit_objects"])
    messages.success(request, _quota_text(tenancy))
    return redirect(f"/operators/tenancies/{name}/")


def give_quota(operator: Person, name: str, limit_bytes: int | None, limit_objects: int | None) -> TenancyRow:
    """Set the limits of a tenancy; its managers are told. What is so already is no change. Raises Unknown."""
    office = house().office(operator.principal_id)
    with office.read() as rows:
        before = get_tenancy(rows, name)
    if (before.limit_bytes, before.limit_objects) == (limit_bytes, limit_objects):
        return before
    tenancy = set_tenancy_quota(office, name, limit_bytes, limit_objects)
    url = f"/tenancies/{name}/quota/"
    notify(deciders_of(tenancy), "quota_set", f"{name}: new quota", _quota_text(tenancy), url=url)
    return tenancy


def _quota_text(tenancy: TenancyRow) -> str:
    limit = "no limit" if tenancy.limit_bytes is None else show_size(tenancy.limit_bytes)
    return f"The quota of {tenancy.name} is now {limit}."


@page(Need.OPERATOR)
@require_POST
def suspend(request: HttpRequest, name: str) -> HttpResponse:
    """Refuse all S3 to a tenancy within a second."""
    return _set_state(request, name, "suspended")


@page(Need.OPERATOR)
@require_POST
def close(request: HttpRequest, name: str) -> HttpResponse:
    """Make a tenancy read-only."""
    return _set_state(request, name, "readonly")


@page(Need.OPERATOR)
@require_POST
def resume(request: HttpRequest, name: str) -> HttpResponse:
    """Take a suspension or closing back."""
    change_state(signed_in(request), name, "active", "")
    messages.success(request, f"{name} works again.")
    return redirect(f"/operators/tenancies/{name}/")


def _set_state(request: HttpRequest, name: str, state: Literal["suspended", "readonly"]) -> HttpResponse:
    check_proved_lately(request)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, f"Say why in at most {REASON_LENGTH_MAX} characters: managers read it.")
        return redirect(f"/operators/tenancies/{name}/")
    change_state(signed_in(request), name, state, form.cleaned_data["reason"])
    messages.success(request, f"{name} {_STATES[state]}.")
    return redirect(f"/operators/tenancies/{name}/")


def change_state(
    operator: Person, name: str, state: Literal["active", "readonly", "suspended"], reason: str
) -> TenancyRow:
    """Suspend a tenancy, make it read-only or let it work again; its managers are told.

    What is so already is no change. Raises Unknown or Refused.
    """
    office, url = house().office(operator.principal_id), f"/tenancies/{name}/"
    with office.read() as rows:
        before = get_tenancy(rows, name)
    if before.state == state and (state == "active" or before.reason == reason):
        return before
    if state == "active":
        tenancy = resume_tenancy(office, name)
        notify(managers_of(tenancy), "tenancy_state", f"{name} works again", "All S3 is served again.", url=url)
        return tenancy
    if not reason.strip():
        raise Refused("say why: managers read the reason")
    tenancy = (suspend_tenancy if state == "suspended" else close_tenancy)(office, name, reason)
    what = _STATES[state]
    text = f"{name} {what}.\n\nReason: {reason}\n\nNothing is deleted."
    subject = f"{name} {what.partition(':')[0]}"
    notify(managers_of(tenancy), "tenancy_state", subject, text, url=url, level="warning")
    return tenancy


def _limits(tenancy: TenancyRow) -> dict[str, Any]:
    return {"limit_bytes": exact_size(tenancy.limit_bytes), "limit_objects": tenancy.limit_objects}
