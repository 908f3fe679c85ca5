"""Browsers that somebody logged in with before: wrong log-ins by others don't keep them waiting.

A signed cookie, which scripts can't read, names the person and the browser. It logs nobody in: it only lets tries from
this browser be counted for themselves (`throttle.browser_gate`). It ends with the password that stood when it was
given, and after a year.
"""

from __future__ import annotations

import secrets
from typing import Any, Final, NamedTuple

from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import constant_time_compare, salted_hmac

from .models import Person

COOKIE: Final = "__Host-known"
LIFE_S: Final = 365 * 86_400
PEOPLE_MAX: Final = 5
"""How many people one browser is known to: a cookie has 4 KiB, and a machine that more share is a public one."""
_SALT: Final = "holdfast.known-browser"
_MARK: Final = "known_to"


class _Known(NamedTuple):
    person_id: int
    browser: str
    """Random text of this person's in this browser."""
    seal: str
    """Of the password as it stood, whose hash it tells nothing of."""


def find_browser(request: HttpRequest, person: Person) -> str | None:
    """Return what tells this browser of a person from others, or None where they did not log in with it."""
    for known in _read(request):
        if known.person_id == person.pk and constant_time_compare(known.seal, _seal(person)):
            return known.browser
    return None


def remember(request: HttpRequest, person: Person) -> None:
    """Let the answer to this request say that the browser is one of this person's (`mark`)."""
    setattr(request, _MARK, person)


def mark(request: HttpRequest, response: HttpResponseBase) -> None:
    """Give the browser the cookie, where somebody logged in or changed the password by this request."""
    person: Person | None = getattr(request, _MARK, None)
    if person is None:
        return
    own = _Known(person.pk, find_browser(request, person) or secrets.token_urlsafe(12), _seal(person))
    others = [known for known in _read(request) if known.person_id != person.pk]
    value = signing.dumps([own, *others][:PEOPLE_MAX], salt=_SALT)
    response.set_cookie(COOKIE, value, max_age=LIFE_S, secure=True, httponly=True, samesite="Lax")


def _read(request: HttpRequest) -> list[_Known]:
    try:
        found: Any = signing.loads(request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=LIFE_S)
    except signing.BadSignature:
        return []
    return [_Known(*each) for each in found]


def _seal(person: Person) -> str:
    return salted_hmac(_SALT, person.password, algorithm="sha256").hexdigest()[:32]
