"""Refusals as pages: what happened in plain words, S3's code where there is one, the id to quote, and whom to ask."""

from __future__ import annotations

from collections.abc import Sequence

from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.defaults import bad_request as plain_bad_request

from holdfast.admin.errors import AdminError, Taken, Unknown
from holdfast.auth.roles import TABLE, Extent, Right, Role
from holdfast.catalog.interface import CatalogBroken, CatalogFull
from holdfast.operations.errors import to_s3
from holdfast.s3.codes import S3Error
from holdfast.store.errors import StorageFull, StorageReadOnly, StoreError

from .access import Standing
from .pace import TooOften


class Forbidden(Exception):
    """A member without the right that a page needs; None = a page for members alone."""

    def __init__(self, standing: Standing, right: Right | None) -> None:
        super().__init__(right)
        self.standing = standing
        self.right = right


def explain(request: HttpRequest, error: Exception) -> HttpResponse | None:
    """Return the page for an error that a person can be told; None for a fault of ours."""
    if isinstance(error, Forbidden):
        return _forbidden_in(request, error.standing, error.right)
    if isinstance(error, TooOften):
        return error_page(request, 429, "Slower, please", str(error))
    if isinstance(error, AdminError):
        status = 404 if isinstance(error, Unknown) else 409 if isinstance(error, Taken) else 400
        return error_page(request, status, "That can't be done", str(error))
    if isinstance(error, CatalogFull):
        error = StorageFull(str(error))
    if isinstance(error, CatalogBroken):
        error = StorageReadOnly(str(error))
    if isinstance(error, StoreError | S3Error):
        s3 = error if isinstance(error, S3Error) else to_s3(error)
        return error_page(request, s3.status, "The store refused that", s3.message, code=s3.code)
    return None


def error_page(
    request: HttpRequest,
    status: int,
    title: str,
    text: str,
    *,
    code: str = "",
    ask: Sequence[str] = (),
    ask_operators: bool = False,
    way: tuple[str, str] = ("", ""),
) -> HttpResponse:
    """Return an error's page. `code` is S3's; `ask` names people who can help, the site's support if it is empty.

    `ask_operators` says that operators alone can help; `way` is the address and the label of another way.
    """
    facts = {
        "title": title,
        "text": text,
        "code": code,
        "contacts": [{"name": name} for name in ask],
        "ask_operators": ask_operators,
        "way": {"url": way[0], "label": way[1]},
    }
    return render(request, "error.html", facts, status=status)


def forbidden(request: HttpRequest, text: str) -> HttpResponse:
    """Return the page for who may not see a page."""
    return error_page(request, 403, "You can't see this page", text)


def _forbidden_in(request: HttpRequest, standing: Standing, right: Right | None) -> HttpResponse:
    from .people.lookups import managers_of

    tenancy = standing.tenancy.name
    if standing.is_operator:
        # Whatever right is missing, membership is what they lack.
        text = f"Only members of {tenancy} may see this page: operators see names and sizes, not data."
        return error_page(
            request,
            403,
            "You can't see this page",
            f"{text} Break-glass gives access for some hours, and tells the managers.",
            way=(f"/operators/tenancies/{tenancy}/break-glass/", "Break-glass"),
        )
    names = [str(person) for person in managers_of(standing.tenancy) if person != standing.person]
    if right is None:
        text = f"Only members of {tenancy} may see this page."
    else:
        roles = [role for role in Role if TABLE[right][role] not in (Extent.NONE, Extent.BREAK_GLASS)]
        allowed = ", ".join(role.value for role in roles if role is not Role.OPERATOR) or "operators"
        text = f"In {tenancy} you are {standing.role.value}. This page is for {allowed}."
    return error_page(request, 403, "You can't see this page", text, ask=names)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler of 400: a body that is too long, or is no form."""
    if isinstance(exception, DisallowedHost):
        # A page with links, for a host that is not ours, is what was asked for.
        return plain_bad_request(request, exception)
    if isinstance(exception, RequestDataTooBig):
        return error_page(request, 413, "Too much at once", "A form has at most 1 MiB. Send less, in several steps.")
    return error_page(request, 400, "This can't be read", "The form arrived damaged. Go back, and send it once more.")


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler of 404."""
    return error_page(request, 404, "There is no such page", "Check the address, or start from the home page.")


def denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler of 403."""
    return forbidden(request, "Go back, or start from the home page.")


def too_many(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """allauth's handler of 429."""
    text = "Too many of these came from you or from your network. Wait some minutes, then try again."
    return error_page(request, 429, "Slower, please", text)


def wrong_method(request: HttpRequest) -> HttpResponse:
    """Return the page for who types the address of what only a form asks for, or reloads what it answered."""
    text = "This address takes what a form sends, and shows nothing by itself. Go back, or start from the home page."
    return error_page(request, 405, "Nothing to see here", text)


def failed(request: HttpRequest) -> HttpResponse:
    """Django's handler of 500: a fault of ours, with nothing of it shown but the id that the log has too."""
    text = "That is our fault, not yours. What you did may not have happened: look before you try again."
    return error_page(request, 500, "Something went wrong here", text)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's handler of a form that did not come from a page of ours, or from one that is too old."""
    text = "The form was too old, or did not come from this site. Go back, load the page again, and send it once more."
    return error_page(request, 403, "The form was not accepted", text)
