"""Errors of the management API: one shape for all, with S3's code where the store refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, RequestDataTooBig
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from holdfast.admin.errors import AdminError, Taken, Unknown
from holdfast.operations.errors import to_s3
from holdfast.portal.errors import Forbidden
from holdfast.s3.codes import S3Error
from holdfast.store.errors import StoreError
from holdfast.telemetry.log import get_log

_log = get_log("portal")
_FOR_MEMBERS = "Only members of the tenancy may do that, by their role: operators see names and sizes, not data."
_MADE_BEFORE = (
    "An earlier call with this Idempotency-Key made it, and its secret is shown only once. Look for it in the list; if "
    "the secret is lost, rotate it."
)


class TooMany(Exception):
    """Too many calls. `after_s` is when to call again."""

    def __init__(self, after_s: int) -> None:
        super().__init__(after_s)
        self.after_s = after_s


class NotAllowed(Exception):
    """The role or the token does not allow it. The text says what would."""


class MadeBefore(Exception):
    """What was asked for was made by an earlier call with the same `Idempotency-Key`."""


class Invalid(Exception):
    """Fields that are not as they must be: name → what is wrong."""

    def __init__(self, fields: Sequence[tuple[str, str]]) -> None:
        super().__init__(fields)
        self.fields = fields


def checked(form: Form) -> dict[str, Any]:
    """Return what a form of the pages makes of a body, so that its rules are written once. Raises Invalid."""
    if form.is_valid():
        return dict(form.cleaned_data)
    raise Invalid(
        [("" if name == NON_FIELD_ERRORS else name, str(text)) for name, texts in form.errors.items() for text in texts]
    )


class NotThere(Exception):
    """There is nothing of that name for this caller: it may be somebody else's, or nobody's."""


def answer(request: HttpRequest, status: int, code: str, message: str, **more: Any) -> HttpResponse:
    """Return an error's answer."""
    visit_id = getattr(request, "visit_id", "")
    return JsonResponse({"error": {"code": code, "message": message, "request_id": visit_id, **more}}, status=status)


def register(api: NinjaAPI) -> None:
    """Have an API answer every error in this shape."""

    def add(kind: type[Exception], handle: Any) -> None:
        api.add_exception_handler(kind, handle)

    add(TooMany, _too_many)
    add(AuthenticationError, _unauthenticated)
    add(NotAllowed, lambda request, error: answer(request, 403, "Forbidden", str(error)))
    add(Forbidden, lambda request, error: answer(request, 403, "Forbidden", _FOR_MEMBERS))
    add(NotThere, lambda request, error: answer(request, 404, "NotFound", "There is nothing of that name for you."))
    add(Http404, lambda request, error: answer(request, 404, "NotFound", "There is nothing of that name for you."))
    add(MadeBefore, lambda request, error: answer(request, 409, "MadeBefore", _MADE_BEFORE))
    add(RequestDataTooBig, lambda request, error: answer(request, 413, "TooBig", "A body has at most 1 MiB."))
    add(HttpError, lambda request, error: answer(request, error.status_code, "Refused", str(error)))
    add(ValidationError, _invalid)
    add(Invalid, lambda request, error: _of_fields(request, error.fields))
    add(AdminError, _refused)
    add(StoreError, lambda request, error: _of_store(request, to_s3(error)))
    add(S3Error, _of_store)
    add(Exception, _failed)


def nothing_there(request: HttpRequest) -> HttpResponse:
    """Answer a path of no route."""
    return answer(request, 404, "NotFound", "There is no such route: /api/v1/ lists them all.")


def refusing_methods(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Return a view that says in the shape of all errors which methods its path takes."""

    @wraps(view)
    def run(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        given = view(request, *args, **kwargs)
        if given.status_code != 405:
            return given
        made = answer(request, 405, "MethodNotAllowed", f"This path takes {given['Allow']}.")
        made["Allow"] = given["Allow"]
        return made

    return run


def _too_many(request: HttpRequest, error: TooMany) -> HttpResponse:
    made = answer(request, 429, "SlowDown", f"Too many calls: try again in {error.after_s} seconds.")
    made["Retry-After"] = str(error.after_s)
    return made


def _unauthenticated(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    text = "Send a token that works: Authorization: Bearer hft_… (make one in the portal, without “S3 Secret Key”)."
    made = answer(request, 401, "Unauthenticated", text)
    made["WWW-Authenticate"] = 'Bearer realm="holdfast"'
    return made


def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    fields = [(".".join(str(part) for part in each["loc"][1:] if part != "said"), each["msg"]) for each in error.errors]
    return _of_fields(request, fields)


def _of_fields(request: HttpRequest, found: Sequence[tuple[str, str]]) -> HttpResponse:
    fields = [{"field": name, "message": text} for name, text in found]
    return answer(request, 422, "Invalid", "Some fields are not as they must be.", fields=fields)


def _refused(request: HttpRequest, error: AdminError) -> HttpResponse:
    if isinstance(error, Unknown):
        return answer(request, 404, "NotFound", str(error))
    return answer(request, 409 if isinstance(error, Taken) else 400, "Refused", str(error))


def _of_store(request: HttpRequest, error: S3Error) -> HttpResponse:
    return answer(request, error.status, error.code, error.message)


def _failed(request: HttpRequest, error: Exception) -> HttpResponse:
    _log.error("a call of the API failed", visit=getattr(request, "visit_id", ""), exc_info=error)
    text = "That is our fault. What you asked for may not have happened: look before you try again."
    return answer(request, 500, "InternalError", text)
