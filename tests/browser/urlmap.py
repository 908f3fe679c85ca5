"""The portal's URL map, as the clerk reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tests.browser.registry import Registry


class Address(NamedTuple):
    """One entry of the map."""

    name: str
    pattern: str
    is_for_nobody: bool
    """Whether the page does not say who may see it, so that all are refused."""


def addresses(registry: Registry) -> Sequence[Address]:
    """Return every entry of the map but those of the management API, which shows no pages."""
    from django.urls import get_resolver

    return sorted(_entries(get_resolver().url_patterns, ""))


def names_of(registry: Registry, paths: Sequence[str]) -> Sequence[str]:
    """Return the name of the URL that each path leads to, empty where there is none."""
    from django.urls import Resolver404, resolve

    def name_of(path: str) -> str:
        try:
            return resolve(path).url_name or ""
        except Resolver404:
            return ""

    return [name_of(path.partition("?")[0]) for path in paths]


def _entries(patterns: Sequence[Any], prefix: str) -> Iterator[Address]:
    from django.http import HttpRequest
    from django.urls import ResolverMatch, URLResolver

    from holdfast.portal.access import find_need

    for each in patterns:
        pattern = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            if each.app_name != "ninja":
                yield from _entries(each.url_patterns, pattern)
            continue
        request = HttpRequest()
        request.resolver_match = ResolverMatch(each.callback, (), {}, url_name=each.name)
        yield Address(each.name or "", pattern, find_need(request, each.callback) is None)
