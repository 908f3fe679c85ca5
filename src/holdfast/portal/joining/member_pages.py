"""The members of a tenancy: the list, one of them, and what can be done to them by those who may."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from holdfast.admin.errors import AdminError, Unknown
from holdfast.auth.roles import Right, Role
from holdfast.catalog.rows import USERS, UserRow
from holdfast.portal.access import Standing, tenancy_page
from holdfast.portal.house import house
from holdfast.portal.notices.notify import notify
from holdfast.portal.pace import HOUR_S, check_pace
from holdfast.portal.paging import PAGE_SIZE, cut
from holdfast.portal.people.templatetags.portal import day
from holdfast.portal.tenancies.pages import Crumb, render_in, tenancy_path

from . import days
from .deciders import check_may_change, grantable_roles, why_not
from .forms import AddForm, BucketsForm, ChangeForm, ExpiryForm, MessageForm, ReasonForm
from .granting import bucket_names, grant, revoke
from .history import events_of
from .inviting import buckets_of, open_invitations
from .models import AccessRequest, Grant
from .roster import Entry, Found, Wanted, find_people, get_found, roster, source_words
from .statuses import MEMBER_STATUSES, REVOKED, status_of_member
from .telling import reply_to, sentence

QUERY_LENGTH_MAX: Final = 100
MESSAGES_AN_HOUR_MAX: Final = 10
"""Messages that one person sends; each goes to as many as a page of the list holds, by mail."""
ROLES: Final = ("USER", "DEPUTY", "MANAGER", "GUEST")


@tenancy_page(None)
@require_safe
def members(request: HttpRequest, standing: Standing) -> HttpResponse:
    """List the members: names and roles for everybody, ends and what can be done for those who decide."""
    decides = standing.may(Right.DECIDE_REQUESTS)
    wanted = Wanted(
        request.GET.get("q", "").strip()[:QUERY_LENGTH_MAX],
        request.GET.get("role", "").upper(),
        request.GET.get("status", "").upper() if decides else "",
    )
    found = roster(standing, wanted)

    def load(start: int, stop: int) -> Sequence[Entry]:
        return found[start:stop]

    facts = {
        "page": cut(request, len(found), load),
        "wanted": wanted,
        "roles": ROLES,
        "statuses": [status.word for status in MEMBER_STATUSES],
        "decides": decides,
        "invitations": _invitations(standing) if decides and not any(wanted) else (),
    }
    return render_in(request, standing, "joining/members.html", facts, current="members/")


def _invitations(standing: Standing) -> list[dict[str, Any]]:
    found = open_invitations(standing.tenancy)
    with house().catalog.read() as rows:
        return [
            {
                "invitation": each,
                "buckets": bucket_names(rows, each.tenancy_id, each.buckets),
                "is_over": each.link_ends_at <= days.now(),
            }
            for each in found
        ]


@tenancy_page(Right.DECIDE_REQUESTS)
@require_safe
def member(request: HttpRequest, standing: Standing, member: str) -> HttpResponse:
    """Show one member: role, end, where the membership comes from, and its history."""
    found = get_found(standing, member)
    tenancy_id = standing.tenancy.tenancy_id
    grants = Grant.objects.filter(tenancy_id=tenancy_id, principal_id=found.user.user_id)
    requests = AccessRequest.objects.filter(tenancy_id=tenancy_id, applicant_id=found.user.user_id)
    refusal = why_not(standing, found.user.user_id, found.member, house().now_us())
    buckets: dict[str, str] = {}
    if found.member is not None and found.member.buckets:
        with house().catalog.read() as rows:
            buckets = dict(bucket_names(rows, tenancy_id, json.loads(found.member.buckets)))
    if found.member is not None:
        last_day = days.last_day_of(found.member.until_us) if found.member.until_us is not None else None
    else:
        last_day = found.head.revoked_at.date() if found.head is not None and found.head.revoked_at else None
    facts = {
        "found": found,
        "status": REVOKED
        if found.member is None
        else status_of_member(found.member, house().now_us(), days.expiring_until()),
        "role": found.member.role if found.member is not None else found.head.role if found.head else "",
        "last_day": last_day,
        "buckets": buckets,
        "source": source_words(found.member.source) if found.member is not None else "",
        "why_not": sentence(refusal) if refusal else "",
        "events": events_of(requests, grants, with_comments=True),
    }
    return _render(request, standing, "joining/member.html", facts, found.label)


@tenancy_page(Right.DECIDE_REQUESTS)
def add(request: HttpRequest, standing: Standing) -> HttpResponse:
    """Make somebody a member by the name that they log in with."""
    form = AddForm(grantable_roles(standing), request.POST or None)
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        user = _find_user(cleaned["user_name"])
        if user is None:
            form.add_error("user_name", _NOBODY)
        elif _is_live_member(standing, user):
            form.add_error("user_name", f"{user.name} is a member already: change that on their own page.")
        elif _granted(form, standing, user, Role(cleaned["role"]), cleaned["ends_on"]):
            messages.success(request, f"{user.name} is {cleaned['role']} from now on, until {day(cleaned['ends_on'])}.")
            return redirect(tenancy_path(standing.tenancy.name, "members/"))
    facts = {"form": form, "title": "Add a member", "button": "Add the member"}
    return _render(request, standing, "joining/member_form.html", facts, "Add a member", _status(form))


_NOBODY: Final = (
    "Nobody has this name. Write the user name, not the e-mail address. No account yet? Ask an operator to invite them,"
    " or invite a GUEST."
)


def _find_user(name: str) -> UserRow | None:
    with house().catalog.read() as rows:
        found = rows.scan(USERS, (name.strip(),), index="by_live_name", count_max=1)
    return found[0] if found and found[0].state != "removed" else None


def _is_live_member(standing: Standing, user: UserRow) -> bool:
    found = find_people(standing, [user.name]).get(user.name)
    return found is not None and found.is_live


def _granted(form: Any, standing: Standing, user: UserRow, role: Role, ends_on: Any, **options: Any) -> bool:
    """Grant, or put the refusal on the form."""
    try:
        with transaction.atomic():
            grant(standing, user, role, ends_on, **options)
    except AdminError as refusal:
        form.add_error(None, sentence(str(refusal)))
        return False
    return True


@tenancy_page(Right.DECIDE_REQUESTS)
def change(request: HttpRequest, standing: Standing, member: str) -> HttpResponse:
    """Change the role of a member, or how long it lasts; let somebody in again whose membership has ended."""
    found = get_found(standing, member)
    _check(standing, found)
    held = found.member.role if found.member is not None else ""
    initial = {"role": held if held in ("USER", "DEPUTY", "MANAGER") else "USER"}
    form = ChangeForm(grantable_roles(standing), request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        role, ends_on = Role(form.cleaned_data["role"]), form.cleaned_data["ends_on"]
        if _granted(form, standing, found.user, role, ends_on):
            messages.success(request, f"{found.label} is {role} from now on, until {day(ends_on)}.")
            return redirect(_path_of(standing, member))
    title = f"Role and end: {found.label}"
    facts = {"form": form, "title": title, "button": "Save", "back": _path_of(standing, member)}
    return _render(request, standing, "joining/member_form.html", facts, found.label, _status(form))


@tenancy_page(Right.DECIDE_REQUESTS)
def buckets(request: HttpRequest, standing: Standing, member: str) -> HttpResponse:
    """Change which buckets a GUEST reaches, and until when."""
    found = get_found(standing, member)
    if found.member is None or found.member.role != Role.GUEST:
        raise Unknown("GUEST", member, (), f" of {standing.tenancy.name}")
    _check(standing, found)
    named = json.loads(found.member.buckets) if found.member.buckets else {}
    initial: dict[str, Any] = {f"bucket_{bucket_id}": access for bucket_id, access in named.items()}
    if found.member.until_us is not None:
        initial["last_day"] = days.last_day_of(found.member.until_us)
    form = BucketsForm(buckets_of(standing), request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        cleaned = form.cleaned_data
        if _granted(form, standing, found.user, Role.GUEST, cleaned["last_day"], buckets=cleaned["named"]):
            messages.success(request, f"{found.label} reaches these buckets until {day(cleaned['last_day'])}.")
            return redirect(_path_of(standing, member))
    title = f"Buckets of the GUEST {found.label}"
    facts = {"form": form, "title": title, "button": "Save", "back": _path_of(standing, member)}
    return _render(request, standing, "joining/guest_form.html", facts, found.label, _status(form))


@tenancy_page(Right.DECIDE_REQUESTS)
def revoke_member(request: HttpRequest, standing: Standing, member: str) -> HttpResponse:
    """Ask why, then end a membership at once."""
    found = get_found(standing, member)
    if not found.is_live:
        messages.info(request, f"{found.label} is no longer a member.")
        return redirect(_path_of(standing, member))
    _check(standing, found)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            revoke(standing, found.user, form.cleaned_data["reason"])
        except AdminError as refusal:
            form.add_error(None, sentence(str(refusal)))
        else:
            messages.success(request, f"{found.label} is no longer a member: their tokens are refused.")
            return redirect(tenancy_path(standing.tenancy.name, "members/"))
    facts = {
        "form": form,
        "found": found,
        "fields": [form["reason"]],
        "question": f"Revoke the access of {found.label}?",
        "consequences": [
            f"Their access keys (tokens) for {standing.tenancy.name} are refused at once, and so are links signed by "
            "them.",
            "Their buckets and data stay with the tenancy.",
            "They are told, with the reason that you give.",
        ],
        "back": _path_of(standing, member),
    }
    return _render(request, standing, "joining/revoke.html", facts, found.label, _status(form))


@tenancy_page(Right.DECIDE_REQUESTS)
def extend(request: HttpRequest, standing: Standing) -> HttpResponse:
    """Extend the access of the members that were ticked, each in their own role."""
    chosen = _chosen(request, standing)
    if not chosen:
        return _nobody_chosen(request, standing)
    form = ExpiryForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        extended = [found for found in chosen if _extend(request, standing, found, form.cleaned_data["ends_on"])]
        if extended:
            until = day(form.cleaned_data["ends_on"])
            messages.success(request, f"Extended until {until}: {', '.join(found.label for found in extended)}.")
        return redirect(tenancy_path(standing.tenancy.name, "members/"))
    facts = {"form": form, "chosen": chosen, "title": "Extend access", "button": "Extend"}
    return _render(request, standing, "joining/chosen_form.html", facts, "Extend access", _status(form))


def _extend(request: HttpRequest, standing: Standing, found: Found, ends_on: Any) -> bool:
    """Extend one member; say why where it can't be, and leave who has longer already as they are."""
    member = found.member
    if member is None:
        messages.error(request, f"{found.label}: the access was revoked; grant it anew on their own page.")
        return False
    if member.until_us is None or days.last_day_of(member.until_us) >= ends_on:
        until = "no end" if member.until_us is None else day(days.last_day_of(member.until_us))
        messages.info(request, f"{found.label} was left as they are: their last day is later already ({until}).")
        return False
    named = json.loads(member.buckets) if member.role == Role.GUEST and member.buckets else None
    try:
        with transaction.atomic():
            grant(standing, found.user, Role(member.role), ends_on, buckets=named)
    except AdminError as refusal:
        messages.error(request, f"{found.label}: {refusal}.")
        return False
    return True


@tenancy_page(Right.DECIDE_REQUESTS)
def message(request: HttpRequest, standing: Standing) -> HttpResponse:
    """Write to the members that were ticked. Answers go to whoever writes."""
    chosen = [found for found in _chosen(request, standing) if found.is_live and found.person is not None]
    if not chosen:
        return _nobody_chosen(request, standing)
    form = MessageForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        name = standing.tenancy.name
        check_pace("member-message", standing.person.principal_id, MESSAGES_AN_HOUR_MAX, HOUR_S)
        with transaction.atomic():
            told = notify(
                [found.person for found in chosen if found.person is not None],
                "message",
                f"{form.cleaned_data['subject']} ({name})",
                f"{standing.person} writes to you as a member of {name}:\n\n{form.cleaned_data['text']}",
                url=tenancy_path(name),
                reply_to=reply_to(standing.person),
            )
            house().office(standing.person.principal_id).record(
                "member.message", name, standing.tenancy.tenancy_id, {"people": told}
            )
        messages.success(request, f"Sent to {told} {'person' if told == 1 else 'people'}.")
        return redirect(tenancy_path(name, "members/"))
    facts = {"form": form, "chosen": chosen, "title": "Write to members", "button": "Send"}
    return _render(request, standing, "joining/chosen_form.html", facts, "Write to members", _status(form))


def _chosen(request: HttpRequest, standing: Standing) -> list[Found]:
    """Return who was ticked, of this tenancy alone, and no more than a page of the list holds."""
    given = request.POST if request.method == "POST" else request.GET
    names = list(dict.fromkeys(given.getlist("member")))[:PAGE_SIZE]
    return list(find_people(standing, names).values())


def _nobody_chosen(request: HttpRequest, standing: Standing) -> HttpResponse:
    messages.error(request, "Tick the members first.")
    return redirect(tenancy_path(standing.tenancy.name, "members/"))


def _check(standing: Standing, found: Found) -> None:
    """Raise Refused for a member whom the person may not change, before a form is shown."""
    check_may_change(standing, found.user.user_id, found.member, house().now_us())


def _path_of(standing: Standing, name: str) -> str:
    return tenancy_path(standing.tenancy.name, f"members/person/{name}/")


def _status(form: Any) -> int:
    return 400 if form.errors else 200


def _render(
    request: HttpRequest, standing: Standing, template: str, facts: dict[str, Any], label: str, status: int = 200
) -> HttpResponse:
    facts.setdefault("back", tenancy_path(standing.tenancy.name, "members/"))
    crumbs = [Crumb("Members", tenancy_path(standing.tenancy.name, "members/")), Crumb(label)]
    return render_in(request, standing, template, facts, current="members/", crumbs=crumbs, status=status)
