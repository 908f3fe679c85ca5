"""The outbox, for operators: what waits, what it says but for secret links, and how to be rid of it."""

from __future__ import annotations

import re
from pathlib import Path

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from holdfast.portal.access import Need, page, signed_in
from holdfast.portal.house import house
from holdfast.portal.notices.outbox import find, read, waiting_ids
from holdfast.portal.notices.veil import IN_ITS_PLACE, veiled
from holdfast.portal.people.models import Person
from holdfast.portal.tenancies.pages import Crumb

from .frame import PAGE_ROWS, render_page

_ID = re.compile(r"\d{10,20}-[0-9a-f]{8}", re.ASCII)


@page(Need.OPERATOR)
def mail(request: HttpRequest) -> HttpResponse:
    """Show what waits, the newest first."""
    outbox = house().home.outbox
    ids = waiting_ids(outbox)
    newest = (find(outbox, mail_id) for mail_id in reversed(ids[-PAGE_ROWS:]))
    context = {"mails": [each for each in newest if each is not None], "count": len(ids)}
    return render_page(request, "operating/mail.html", context, current="mail/")


@page(Need.OPERATOR)
def show_mail(request: HttpRequest, mail_id: str) -> HttpResponse:
    """Show one mail as text, without links that log somebody in. Looking is audited."""
    path = _path(mail_id)
    try:
        message = read(path)
    except FileNotFoundError:
        raise Http404 from None
    house().office(signed_in(request).principal_id).record("mail.show", str(message["To"]), detail={"mail": mail_id})
    body = message.get_body(("plain",))
    headers = [{"label": name, "value": str(message[name] or "")} for name in ("To", "From", "Subject", "Date")]
    text = veiled(body.get_content()) if body is not None else ""
    context = {"mail_id": mail_id, "headers": headers, "text": text, "is_veiled": IN_ITS_PLACE in text}
    crumbs = [Crumb("Mail", "/operators/mail/"), Crumb(str(message["Subject"] or mail_id))]
    return render_page(request, "operating/mail_one.html", context, current="mail/", crumbs=crumbs)


@page(Need.OPERATOR)
@require_POST
def remove_mail(request: HttpRequest, mail_id: str) -> HttpResponse:
    """Remove one mail unsent."""
    remove_one(signed_in(request), mail_id)
    messages.success(request, "The mail is removed. It was not sent.")
    return redirect("/operators/mail/")


def remove_one(operator: Person, mail_id: str) -> None:
    """Remove one mail unsent. Raises Http404."""
    path = _path(mail_id)
    if not path.exists():
        raise Http404
    house().office(operator.principal_id).record("mail.remove", mail_id)
    path.unlink(missing_ok=True)


def _path(mail_id: str) -> Path:
    if not _ID.fullmatch(mail_id):
        raise Http404
    return house().home.outbox / f"{mail_id}.eml"
