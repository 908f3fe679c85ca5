"""Who calls the management API: the person behind a bearer token, and nobody else. A cookie gives nothing here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from django.http import HttpRequest
from ninja.security import HttpBearer

from holdfast.portal.access import Standing
from holdfast.portal.pace import MINUTE_S, is_within
from holdfast.portal.people.models import Person
from holdfast.portal.tokens.api_tokens import find_api_token
from holdfast.portal.tokens.models import ApiToken

from .errors import TooMany

FAILURES_MAX = 30
"""Wrong tokens from one address in a minute. A token has 2^238 values, so this only keeps the log short."""
CALLS_MAX = 600
"""Calls with one token in a minute."""


@dataclass(frozen=True, slots=True)
class ApiCaller:
    """A person who calls with a token that works."""

    person: Person
    token: ApiToken
    standing: Standing | None = None
    """How they stand in the tenancy that a route is about."""


class Bearer(HttpBearer):
    """`Authorization: Bearer hft_…`."""

    def authenticate(self, request: HttpRequest, token: str) -> ApiCaller | None:
        """Return who calls, or None. Raises TooMany."""
        address = request.META.get("REMOTE_ADDR", "")
        found = find_api_token(token)
        if found is None:
            _count(f"api-failures-{address}", FAILURES_MAX)
            return None
        _count(f"api-calls-{found.pk}", CALLS_MAX)
        return ApiCaller(found.person, found)


def caller_of(request: HttpRequest) -> ApiCaller:
    """Return who calls."""
    return cast(ApiCaller, request.auth)  # type: ignore[attr-defined]  # ninja sets it


def _count(name: str, most: int) -> None:
    if not is_within(name, most):
        raise TooMany(MINUTE_S)
