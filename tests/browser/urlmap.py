"""The portal's URL map, as the clerk reads it."""

from __future__ import annotations

from collections.abc import Sequence

from tests.browser.registry import Registry


def names_of_pages(registry: Registry) -> set[str]:
    """Return the names of all URLs that somebody may see, but those of the management API."""
    from tests.portal.url_map import pages

    return {page.name for page in pages() if page.need is not None}


def names_of(registry: Registry, paths: Sequence[str]) -> list[str]:
    """Return the name of the URL that each path leads to, empty where there is none."""
    from django.urls import Resolver404, resolve

    def name_of(path: str) -> str:
        try:
            return resolve(path).url_name or ""
        except Resolver404:
            return ""

    return [name_of(path.partition("?")[0]) for path in paths]
