"""Telling people: a notice in the portal, and the same by mail once the change that caused it is committed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models.functions import Coalesce, Now

from holdfast.portal.house import house
from holdfast.portal.people.models import Person

from .models import Notice

SUBJECT_LENGTH_MAX: Final = 200
"""As many characters as a notice's subject may have."""


def notify(
    people: Iterable[Person],
    kind: str,
    subject: str,
    text: str,
    *,
    url: str = "",
    level: str = "info",
    once: str = "",
    reply_to: Sequence[str] = (),
    by_mail: bool = True,
) -> int:
    """Tell each of these people, and return how many had not been told before. `text` is plain paragraphs.

    With `once`, nobody is told the same thing twice. `url` is a path in the portal. Mail goes out when the transaction
    that this is part of is committed.
    """
    subject = one_line(subject)
    told = 0
    for person in people:
        facts = {"kind": kind, "subject": subject, "text": text, "url": url, "level": level}
        if once:
            _, is_new = Notice.objects.get_or_create(person=person, once=once, defaults=facts)
            if not is_new:
                continue
        else:
            Notice.objects.create(person=person, **facts)
        told += 1
        if by_mail and person.email:
            _mail(person.email, subject, text, url, reply_to, f"Hello {one_line(str(person))},\n\n")
    return told


def settle(person: Person, kind: str, url: str) -> None:
    """Mark what a person was asked to do as done and read, wherever else they did it. `url` is that of the notices."""
    asked = Notice.objects.filter(person=person, kind=kind, url=url, level="attention")
    asked.update(level="success", read_at=Coalesce("read_at", Now()))


def one_line(text: str) -> str:
    """Return text on one line, short enough for a subject: names in it may hold anything."""
    line = " ".join(text.split())
    return line if len(line) <= SUBJECT_LENGTH_MAX else f"{line[: SUBJECT_LENGTH_MAX - 1]}…"


def write_to(address: str, subject: str, text: str, *, url: str = "", reply_to: Sequence[str] = ()) -> None:
    """Mail somebody who has no account, or not yet, once the transaction is committed."""
    _mail(address, one_line(subject), text, url, reply_to, "Hello,\n\n")


def _mail(address: str, subject: str, text: str, url: str, reply_to: Sequence[str], greeting: str) -> None:
    settings = house().settings
    link = "" if not url else f"\n\n{url if url.startswith('https://') else settings.portal_origin + url}"
    help_line = f"\nQuestions? {settings.site.support_contact}" if settings.site.support_contact else ""
    body = f"{greeting}{text}{link}\n\n-- \n{settings.site.site_name}{help_line}\n"
    message = EmailMessage(
        one_line(f"{settings.site.site_name}: {subject}"), body, to=[address], reply_to=list(reply_to)
    )
    transaction.on_commit(message.send)
