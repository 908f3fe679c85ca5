"""What people are told about requests and memberships: the words of notices and mails."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from holdfast.catalog.rows import TenancyRow
from holdfast.portal.access import Standing
from holdfast.portal.notices.notify import notify
from holdfast.portal.people.lookups import managers_of, people_by_principal
from holdfast.portal.people.models import Person
from holdfast.portal.people.templatetags.portal import day
from holdfast.portal.tenancies.pages import tenancy_path

from . import days
from .deciders import deciders_for, operators
from .faces import page_of
from .models import AccessRequest, Grant
from .questions import answers_text


def person_of(principal_id: str) -> Person | None:
    """Return the account behind a principal, or None."""
    return people_by_principal([principal_id]).get(principal_id)


def reply_to(person: Person | None) -> list[str]:
    """Return where an answer to a person goes."""
    return [person.email] if person is not None and person.email else []


def sentence(refusal: str) -> str:
    """Return the words of a refusal as a sentence."""
    return f"{refusal[:1].upper()}{refusal[1:]}."


def tell_pending(request: AccessRequest, tenancy: TenancyRow, *, week: int = 0) -> int:
    """Tell those who decide of a request that waits; the operators where nobody can. Once, and once for each `week`.

    Like all here that return a number, it returns how many people were told now.
    """
    applicant = person_of(request.applicant_id)
    deciders = deciders_for(tenancy, request.role)
    path = tenancy_path(tenancy.name, f"requests/{request.pk}/")
    name = f"{applicant} ({applicant.name}, {applicant.email or 'no e-mail address'})" if applicant else "Somebody"
    ask = f"{name} asks to be {request.role} of {tenancy.name}."
    if week:
        ask = f"This request has waited since {day(request.asked_at)}.\n\n{ask}"
    parts = [ask, answers_text(request.answers)]
    message = page_of(tenancy.tenancy_id).approver_message
    if message:
        parts.append(f"For those who decide:\n{message}")
    again = "Still waiting. " if week else ""
    once = f"request:{request.pk}" + (f":{week}" if week else "")
    if deciders:
        return notify(
            deciders,
            "request_pending",
            f"{again}{applicant or 'Somebody'} asks to be {request.role} of {tenancy.name}",
            "\n\n".join(parts),
            url=path,
            level="attention",
            once=once,
            reply_to=reply_to(applicant),
        )
    parts.insert(0, f"Nobody in {tenancy.name} can decide this: it has no live MANAGER who could log in.")
    return notify(
        operators(),
        "request_without_decider",
        f"{again}Nobody decides requests of {tenancy.name}",
        "\n\n".join(parts),
        url=path,
        level="warning",
        once=once,
        reply_to=reply_to(applicant),
    )


def tell_refused(request: AccessRequest, tenancy: TenancyRow, decided_by: Person) -> None:
    """Tell the applicant of a request that was rejected, or that more is wanted; with the reason, and nothing else."""
    applicant = person_of(request.applicant_id)
    if applicant is None:
        return
    path = tenancy_path(tenancy.name, "join/")
    if request.is_incomplete:
        subject = f"More is wanted for your request to join {tenancy.name}"
        text = (
            f"{decided_by} has read your request to be {request.role} of {tenancy.name} and needs more information:"
            f"\n\n{request.user_reason}\n\nYour answers were kept. Complete them and send the request again."
        )
        notify([applicant], "request_incomplete", subject, text, url=path, level="attention")
        return
    subject = f"Your request to join {tenancy.name} was rejected"
    text = f"{decided_by} has rejected your request to be {request.role} of {tenancy.name}:\n\n{request.user_reason}"
    notify([applicant], "request_rejected", subject, text, url=path, level="warning")


def tell_gone(request: AccessRequest, applicant: Person) -> None:
    """Tell an applicant that the tenancy of a request that waited was deleted."""
    text = (
        f"You asked to be {request.role} of {request.tenancy_name}. The tenancy was deleted before anybody decided, so "
        "that your request is closed."
    )
    subject = f"Your request to join {request.tenancy_name} is closed"
    notify([applicant], "request_closed", subject, text, url="/services/", once=f"gone:{request.pk}")


def tell_granted(grant: Grant, tenancy: TenancyRow) -> None:
    """Tell a member what they may from now on, and until when. Once for each grant."""
    member = person_of(grant.principal_id)
    if member is None:
        return
    until = f", up to and including {day(grant.ends_on)}" if grant.ends_on else ""
    granter = person_of(grant.granted_by) if grant.granted_by else None
    by = f"{granter} has made you" if granter is not None else "You are now"
    text = (
        f"{by} {grant.role} of {tenancy.name}{until}. It holds at once: make an access key (token) on the "
        "tenancy's page, and you can use it."
    )
    url = tenancy_path(tenancy.name)
    notify(
        [member],
        "grant_created",
        f"You are {grant.role} of {tenancy.name}",
        text,
        url=url,
        level="success",
        once=f"grant:{grant.pk}",
    )


def tell_revoked(principal_id: str, role: str, tenancy: TenancyRow, reason: str, revoked_by: Person) -> None:
    """Tell somebody that their membership has ended, and why."""
    member = person_of(principal_id)
    if member is None:
        return
    text = (
        f"{revoked_by} has ended your membership of {tenancy.name}, where you were {role}:\n\n{reason}\n\n"
        "Your access keys (tokens) for it are refused from now on. Your buckets stay with the tenancy."
    )
    notify([member], "grant_revoked", f"Your access to {tenancy.name} has ended", text, url="/", level="warning")


def tell_not_applied(grant: Grant, tenancy_name: str, why: str) -> None:
    """Tell who granted something that it could not be put into force."""
    granter = person_of(grant.granted_by) if grant.granted_by else None
    people: Iterable[Person] = [granter] if granter is not None else operators()
    text = f"A membership of {tenancy_name} as {grant.role} was granted, but could not be put into force: {why}."
    notify(people, "grant_failed", f"A grant in {tenancy_name} failed", text, level="error", once=f"failed:{grant.pk}")


def ending_words(last_day: date, today: date) -> str:
    """Say when something ends, seen from a day: `on 31 January 2027, in 14 days`."""
    left = (last_day - today).days
    when = "today" if left <= 0 else "tomorrow" if left == 1 else f"in {left} days"
    return f"on {day(last_day)}, {when}"


def tell_ending(person: Person, tenancy: TenancyRow, role: str, last_day: date, *, is_final: bool, once: str) -> int:
    """Remind a member that their access ends."""
    when = ending_words(last_day, days.today())
    subject = f"Your access to {tenancy.name} ends {when}"
    text = (
        f"Your membership of {tenancy.name} as {role} ends {when} (UTC). After that day your access keys (tokens) for "
        "it are refused; the data stays.\n\n"
    )
    if role == "GUEST":
        text += "If you need it for longer, ask whoever invited you."
        url = tenancy_path(tenancy.name)
    else:
        text += "If you need it for longer, ask to extend it:"
        url = tenancy_path(tenancy.name, "join/")
    level = "warning" if is_final else "attention"
    subject = f"FINAL WARNING: {subject}" if is_final else subject
    return notify([person], "grant_expiring", subject, text, url=url, level=level, once=once)


def tell_ended(person: Person, tenancy: TenancyRow, role: str, last_day: date, *, once: str) -> int:
    """Tell somebody once that their membership has expired."""
    text = (
        f"Your membership of {tenancy.name} as {role} ended on {day(last_day)}. Your access keys (tokens) for it are "
        "refused; the data stays."
    )
    if role != "GUEST":
        text += " You can ask to join again:"
    return notify(
        [person],
        "grant_expired",
        f"Your access to {tenancy.name} has ended",
        text,
        url=tenancy_path(tenancy.name, "join/"),
        level="warning",
        once=once,
    )


def tell_of_last_manager(tenancy: TenancyRow, name: str, last_day: date, *, once: str) -> int:
    """Tell the operators that a tenancy loses its last MANAGER, or has lost them."""
    ended = last_day < days.today()
    when = f"ended on {day(last_day)}" if ended else f"ends {ending_words(last_day, days.today())}"
    subject = f"{tenancy.name} {'has no MANAGER any more' if ended else 'is about to lose its last MANAGER'}"
    text = (
        f"The membership of {name}, the last MANAGER of {tenancy.name}, {when}. Extend it, or make somebody else "
        "MANAGER; without one nobody grants roles or asks for quota there."
    )
    url = tenancy_path(tenancy.name, "members/")
    return notify(operators(), "last_manager", subject, text, url=url, level="warning", once=once)


def tell_managers_of_operator(standing: Standing, did: str) -> int:
    """Tell the MANAGERs what somebody did to memberships who is no member, by an operator's right; else nobody.

    `did` goes on after the operator's name: `made uma USER`.
    """
    if not standing.is_operator:
        return 0
    tenancy, person = standing.tenancy, standing.person
    text = (
        f"{person} ({person.name}), an operator of this site who is no member of {tenancy.name}, {did}.\n\n"
        "If you did not expect this, ask them why, and take it back:"
    )
    return notify(
        managers_of(tenancy),
        "operator_acted",
        f"An operator {did} in {tenancy.name}",
        text,
        url=tenancy_path(tenancy.name, "members/"),
        level="attention",
        reply_to=reply_to(person),
    )
