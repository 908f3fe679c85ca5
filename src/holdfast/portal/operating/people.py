"""People, for operators: find, suspend, resume, help back in, make operators of, remove."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from holdfast.admin.access_keys import list_access_keys
from holdfast.admin.errors import Refused
from holdfast.admin.lookups import get_user
from holdfast.admin.users import remove_user, resume_user, suspend_user
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import MEMBERS, TENANCIES, USERS, MemberRow, UserRow
from holdfast.portal.access import Need, page, signed_in
from holdfast.portal.house import house
from holdfast.portal.notices.notify import notify, write_to
from holdfast.portal.paging import cut
from holdfast.portal.people import accounts
from holdfast.portal.people.links import password_link
from holdfast.portal.people.lookups import people_by_principal
from holdfast.portal.people.models import Person
from holdfast.portal.people.recent import check_proved_lately
from holdfast.portal.people.sessions import end_others
from holdfast.portal.tenancies.pages import Crumb

from .frame import PAGE_ROWS, render_page
from .tenancies import ReasonForm


class PersonLine(NamedTuple):
    """Somebody in the list: a user of the catalog, and the account if there is one."""

    user: UserRow
    person: Person | None


class Belonging(NamedTuple):
    """One membership of a person."""

    tenancy_name: str
    member: MemberRow


@page(Need.OPERATOR)
def people(request: HttpRequest) -> HttpResponse:
    """Show people by name: those of the catalog, with or without an account."""
    wanted, state = request.GET.get("q", "").strip().casefold(), request.GET.get("state", "")
    with house().catalog.read() as rows:
        users = sorted((user for user in rows.scan(USERS) if user.state != "removed"), key=lambda user: user.name)
    by_other_name = set(
        Person.objects.filter(Q(full_name__icontains=wanted) | Q(email__icontains=wanted)).values_list(
            "principal_id", flat=True
        )
        if wanted
        else ()
    )
    fitting = [
        user
        for user in users
        if (wanted in user.name or wanted in user.email.casefold() or user.user_id in by_other_name)
        and (not state or user.state == state)
    ]
    shown = cut(request, len(fitting), lambda start, stop: _lines(fitting[start:stop]))
    context = {
        "lines": shown.items,
        "count": len(fitting),
        "q": request.GET.get("q", ""),
        "state": state,
        "states": ("active", "suspended"),
        "previous_url": shown.previous_url,
        "next_url": shown.next_url,
    }
    return render_page(request, "operating/people.html", context, current="people/")


def _lines(shown: Sequence[UserRow]) -> Sequence[PersonLine]:
    by_principal = people_by_principal({user.user_id for user in shown})
    return [PersonLine(user, by_principal.get(user.user_id)) for user in shown]


@page(Need.OPERATOR)
def one_person(request: HttpRequest, name: str) -> HttpResponse:
    """Show one person: memberships, tokens by their ids, second factors, addresses."""
    opened = house()
    with opened.catalog.read() as rows:
        user = get_user(rows, name)
        belongings = _belongings(rows, user)
        keys = list_access_keys(rows, opened.now_us(), user=user)[:PAGE_ROWS]
    person = Person.objects.filter(principal_id=user.user_id).first()
    context = {
        "user_row": user,
        "account": person,
        "belongings": belongings,
        "keys": keys,
        "factors": _factors(person),
        "addresses": EmailAddress.objects.filter(user=person) if person is not None else (),
        "reason": ReasonForm(),
        "is_self": user.user_id == signed_in(request).principal_id,
    }
    crumbs = [Crumb("People", "/operators/people/"), Crumb(name)]
    return render_page(request, "operating/person.html", context, current="people/", crumbs=crumbs)


def _belongings(rows: Snapshot, user: UserRow) -> Sequence[Belonging]:
    found = []
    for member in rows.scan(MEMBERS, (user.user_id,), index="by_user"):
        tenancy = rows.find(TENANCIES, (member.tenancy_id,))
        if tenancy is not None:
            found.append(Belonging(tenancy.name, member))
    return sorted(found, key=lambda each: each.tenancy_name)


def _factors(person: Person | None) -> Mapping[str, int]:
    names = {"totp": "authenticator app", "webauthn": "passkey", "recovery_codes": "recovery codes"}
    found: dict[str, int] = {}
    for kind in Authenticator.objects.filter(user=person).values_list("type", flat=True) if person else ():
        found[names.get(kind, kind)] = found.get(names.get(kind, kind), 0) + 1
    return found


def suspend_person(operator: Person, name: str, reason: str) -> None:
    """Log somebody out and refuse their keys, now; they and those who decide about them are told why.

    Raises Unknown or Refused.
    """
    user = _other(operator, name)
    office = house().office(operator.principal_id)
    suspend_user(office, name)
    office.record("user.suspend-reason", name, detail={"reason": reason})
    for person in Person.objects.filter(principal_id=user.user_id):
        end_others(person, None, by=operator)
        Person.objects.filter(pk=person.pk).update(suspended_reason=reason)
        text = f"Your account is suspended: you can't log in, and your tokens are refused.\n\nReason: {reason}"
        notify([person], "user_state", "Your account is suspended", text, level="warning")


def resume_person(operator: Person, name: str) -> None:
    """Let somebody back in: their keys work again. Idempotent. Raises Unknown."""
    user = resume_user(house().office(operator.principal_id), name)
    theirs = Person.objects.filter(principal_id=user.user_id)
    theirs.update(suspended_reason="")
    notify(theirs, "user_state", "Your account works again", "You can log in, and your tokens work again.")


def reset_persons_factors(operator: Person, name: str, reason: str) -> int:
    """Take somebody's second factors away, for who lost them; they are told. Returns how many there were."""
    _other(operator, name)
    person = _account(name)
    count: int = Authenticator.objects.filter(user=person).delete()[0]
    end_others(person, None, by=operator)
    detail = {"factors": count, "reason": reason}
    house().office(operator.principal_id).record("user.reset-factors", name, detail=detail)
    text = f"An operator removed your second factors. If you did not ask for that, tell us at once.\n\nReason: {reason}"
    subject = "Your second factors were removed"
    notify([person], "factors_reset", subject, text, level="warning", url="/account/security/")
    return count


def make_operator(operator: Person, name: str, is_operator: bool) -> None:
    """Make somebody an operator, or none any more. Idempotent. Raises Refused for the last one."""
    person = _account(name)
    if not accounts.set_operator(house().office(operator.principal_id), person, is_operator=is_operator):
        return
    text = "You are an operator of this site now." if is_operator else "You are no operator of this site any more."
    notify([person], "operator", text.removesuffix("."), text)


def remove_person(operator: Person, name: str) -> None:
    """Remove somebody for good, and log them out. Raises Unknown or Refused."""
    user = _other(operator, name)
    remove_user(house().office(operator.principal_id), name)
    for person in Person.objects.filter(principal_id=user.user_id):
        end_others(person, None, by=operator)


def log_out_person(operator: Person, name: str) -> int:
    """Log somebody out everywhere; return of how many browsers. Raises Unknown, or Http404 without an account."""
    person = _account(name)
    count = end_others(person, None, by=operator)
    house().office(operator.principal_id).record("user.end-sessions", name, detail={"sessions": count})
    return count


def mail_password_link(operator: Person, name: str) -> str:
    """Mail somebody a link to set a password, which the operator never sees; return the address.

    Raises Unknown, Refused without an address, or Http404 without an account.
    """
    person = _account(name)
    if not person.keeps_password_here:
        raise Refused(f"`{name}` logs in with a password that is kept elsewhere: it is set there")
    if not person.email:
        raise Refused(f"`{name}` has no e-mail address to send a link to: they have to tell you one")
    house().office(operator.principal_id).record("user.password-link", name)
    text = "An operator sent you this link to set a password. It works once, within an hour."
    # Not a notice: it must not stand in the portal.
    write_to(person.email, "Set your password", text, url=password_link(person))
    return person.email


@page(Need.OPERATOR)
@require_POST
def suspend(request: HttpRequest, name: str) -> HttpResponse:
    """Log somebody out and refuse their keys, now."""
    check_proved_lately(request)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say why: the person is told.")
        return _back(name)
    suspend_person(signed_in(request), name, form.cleaned_data["reason"])
    messages.success(request, f"{name} is suspended: logged out, and their tokens are refused.")
    return _back(name)


@page(Need.OPERATOR)
@require_POST
def resume(request: HttpRequest, name: str) -> HttpResponse:
    """Let somebody back in: their keys work again."""
    resume_person(signed_in(request), name)
    messages.success(request, f"{name} is active again.")
    return _back(name)


@page(Need.OPERATOR)
@require_POST
def end_all_sessions(request: HttpRequest, name: str) -> HttpResponse:
    """Log somebody out everywhere."""
    log_out_person(signed_in(request), name)
    messages.success(request, f"{name} is logged out everywhere.")
    return _back(name)


@page(Need.OPERATOR)
@require_POST
def send_password_link(request: HttpRequest, name: str) -> HttpResponse:
    """Mail somebody a link to set a password. The operator never sees it here."""
    check_proved_lately(request)
    address = mail_password_link(signed_in(request), name)
    messages.success(request, f"A link to set a password is on its way to {address}.")
    return _back(name)


@page(Need.OPERATOR)
@require_POST
def reset_factors(request: HttpRequest, name: str) -> HttpResponse:
    """Take somebody's second factors away, for who lost them; they are told."""
    check_proved_lately(request)
    form = ReasonForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say why, and how you know that it is them: it stands in the audit log.")
        return _back(name)
    reset_persons_factors(signed_in(request), name, form.cleaned_data["reason"])
    messages.success(request, f"{name} logs in with the password alone until they set up a factor again.")
    return _back(name)


@page(Need.OPERATOR)
@require_POST
def set_operator(request: HttpRequest, name: str) -> HttpResponse:
    """Make somebody an operator, or no operator any more. The last one stays."""
    check_proved_lately(request)
    wanted = request.POST.get("is_operator") == "yes"
    make_operator(signed_in(request), name, wanted)
    messages.success(request, f"{name} is {'an operator' if wanted else 'no operator'} now.")
    return _back(name)


@page(Need.OPERATOR)
def remove(request: HttpRequest, name: str) -> HttpResponse:
    """Remove somebody for good, after asking."""
    check_proved_lately(request)
    user = _other(signed_in(request), name)
    if request.method == "POST" and request.POST.get("typed_name") == name:
        remove_person(signed_in(request), name)
        messages.success(request, f"{name} is removed. Their buckets stay; managers can transfer them.")
        return redirect("/operators/people/")
    if request.method == "POST":
        messages.error(request, "The name that you typed is another one. Nothing was removed.")
    crumbs = [Crumb("People", "/operators/people/"), Crumb(name, f"/operators/people/{name}/"), Crumb("Remove")]
    context: dict[str, Any] = {"user_row": user}
    return render_page(request, "operating/remove_person.html", context, current="people/", crumbs=crumbs)


def _other(operator: Person, name: str) -> UserRow:
    """Return somebody who is not the operator. Raises Unknown, or Refused: nobody locks themselves out."""
    with house().catalog.read() as rows:
        user = get_user(rows, name)
    if user.user_id == operator.principal_id:
        raise Refused("you can't do that to yourself: ask another operator")
    return user


def _account(name: str) -> Person:
    with house().catalog.read() as rows:
        user = get_user(rows, name)
    person = Person.objects.filter(principal_id=user.user_id).first()
    if person is None:
        raise Http404
    return person


def _back(name: str) -> HttpResponse:
    return redirect(f"/operators/people/{name}/")
