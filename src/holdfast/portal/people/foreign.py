"""allauth's pages, but those alone that this portal uses: the URL map has no page that nobody may see."""

from __future__ import annotations

from collections.abc import Sequence

from allauth.urls import urlpatterns as all_of_them
from django.urls import URLPattern, URLResolver

from holdfast.portal.access import FOREIGN


def _wanted(patterns: Sequence[URLPattern | URLResolver]) -> list[URLPattern | URLResolver]:
    found: list[URLPattern | URLResolver] = []
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            if pattern.name in FOREIGN:
                found.append(pattern)
        elif inner := _wanted(pattern.url_patterns):
            found.append(URLResolver(pattern.pattern, inner))
    return found


urlpatterns = _wanted(all_of_them)
