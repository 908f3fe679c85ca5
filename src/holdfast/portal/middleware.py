"""What happens at every request, whatever the page."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from holdfast.telemetry.log import get_log

from .access import check_access, find_need, person_of
from .errors import explain
from .people.backends import may_log_in
from .visits import new_visit_id

_log = get_log("portal")
Next = Callable[[HttpRequest], HttpResponseBase]


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
        response["Server-Timing"] = f"app;dur={took_ms}"
        person = getattr(request, "user", None)
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


class LivePerson:
    """Logs out whoever is suspended or removed in the catalog, at their next request."""

    def __init__(self, get_response: Next) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        person = person_of(request)
        if person is not None and not may_log_in(person):
            logout(request)
        return self._next(request)


class DefaultDeny:
    """Refuses every page that doesn't say who may see it, so that a new one can't be forgotten."""

    def __init__(self, get_response: Next) -> None:
        self._next = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._next(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponseBase | None:
        """Return the page for an error that a person can be told; what is our fault goes to the log."""
        explained = explain(request, error)
        if explained is None:
            _log.exception("a page failed", visit=getattr(request, "visit_id", ""), exc_info=error)
        return explained

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], args: Any, kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        """Return the refusal of a page that this person may not see, before any of it runs."""
        return check_access(request, find_need(request, view))
