"""Django's way into ASGI, for requests that Django can't even make a request of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import HttpResponseBadRequest
from django.http.response import HttpResponseBase


class Handler(ASGIHandler):
    """Django's own, which answers 400 where a head names a charset that is none for text (`rot13`)."""

    def create_request(
        self, scope: Mapping[str, Any], body_file: Any
    ) -> tuple[ASGIRequest, None] | tuple[None, HttpResponseBase]:
        try:
            return super().create_request(scope, body_file)
        except (LookupError, ValueError):
            # Django reads the query by that charset while it makes the request, before any middleware is asked.
            return None, HttpResponseBadRequest("What was sent says that it is not written in UTF-8.\n", "text/plain")
