"""What happens at every request, whatever the page."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from allauth.core.exceptions import ImmediateHttpResponse, ReauthenticationRequired
from django.contrib.auth import SESSION_KEY, logout
from django.core.exceptions import BadRequest, PermissionDenied, SuspiciousOperation
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from holdfast.telemetry.log import get_log

from .access import check_access, find_need, person_of
from .api.errors import answer
from .errors import error_page, explain, wrong_method
from .people.known import mark
from .people.recent import prove_again
from .people.sessions import touch
from .visits import new_visit_id

_log = get_log("portal")
Next = Callable[[HttpRequest], HttpResponseBase]
_UTF_8: Final = ("utf-8", "utf8", "us-ascii")


class Visit:
    """Gives each request an id, which errors show and the log has, and keeps pages of people out of caches."""

    def __init__(self, get_response: Next) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        began_s = time.perf_counter()
        visit_id = new_visit_id()
        setattr(request, "visit_id", visit_id)  # noqa: B010  (HttpRequest declares no such attribute)
        response = self._next(request)
        response["X-Request-Id"] = visit_id
        response.setdefault("Cache-Control", "no-store")
        response.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        response.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        took_ms = round((time.perf_counter() - began_s) * 1000, 1)
        person = getattr(request, "user", None)
        if person is not None and person.is_authenticated and person.is_operator:
            # To others it would tell what a page had to look for: whether there is an account, or a bucket.
            response["Server-Timing"] = f"app;dur={took_ms}"
        _log.info(
            "a page was asked for",
            visit=visit_id,
            method=request.method,
            # Paths hold one-time secrets of links: only the view that answered is named.
            page=getattr(getattr(request, "resolver_match", None), "view_name", None) or "",
            status=response.status_code,
            took_ms=took_ms,
            person=getattr(person, "name", "") if person is not None and person.is_authenticated else "",
        )
        return response


class OneCharset:
    """Refuses what says that it is written in another charset than UTF-8, before anything reads it.

    Django would read forms and queries by whatever codec of Python's a client names, and fail at those that are none
    for text. No browser sends a charset with a form, and JSON is UTF-8.
    """

    def __init__(self, get_response: Next) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        said = (request.content_params or {}).get("charset")
        if said is None:
            return self._next(request)
        request.encoding = "utf-8"
        if said.strip().lower() in _UTF_8:
            return self._next(request)
        text = "What was sent says that it is not written in UTF-8. Send it in UTF-8."
        if request.path.startswith("/api/"):
            return answer(request, 400, "Refused", text)
        return error_page(request, 400, "This can't be read", text)


class LivePerson:
    """Logs out whoever is suspended or removed in the catalog, at their next request; knows browsers again."""

    def __init__(self, get_response: Next) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        person = person_of(request)
        if person is not None:
            touch(request.session)
        elif SESSION_KEY in request.session:
            # The backend found that they may not be here (`backends.may_log_in`).
            logout(request)
            return redirect("account_inactive")
        response = self._next(request)
        mark(request, response)
        return response


# Django and allauth have an answer to these.
_ANSWERED: Final = (Http404, PermissionDenied, BadRequest, SuspiciousOperation, ImmediateHttpResponse)


class OwnNames:
    """Gives pages of allauth the `site` that every template has: its views use the name for what a Host header says."""

    def __init__(self, get_response: Next) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._next(request)

    def process_template_response(self, request: HttpRequest, response: TemplateResponse) -> TemplateResponse:
        """Take the name out of what the view said."""
        (response.context_data or {}).pop("site", None)
        return response


class WrongMethod:
    """Puts a page where Django says with nothing at all that an address is not for this method."""

    def __init__(self, get_response: Next) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._next(request)
        if not isinstance(response, HttpResponseNotAllowed) or response.content:
            return response
        explained = wrong_method(request)
        explained["Allow"] = response["Allow"]
        return explained


class DefaultDeny:
    """Refuses every page that doesn't say who may see it, so that a new one can't be forgotten."""

    def __init__(self, get_response: Next) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._next(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """Return the page for an error that a person can be told; what is our fault goes to the log."""
        if isinstance(error, ReauthenticationRequired):
            return prove_again(request)
        if isinstance(error, _ANSWERED):
            return None
        explained = explain(request, error)
        if explained is None:
            _log.exception("a page failed", visit=getattr(request, "visit_id", ""), exc_info=error)
        return explained

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Return the refusal of a page that this person may not see, before any of it runs."""
        return check_access(request, find_need(request, view))
