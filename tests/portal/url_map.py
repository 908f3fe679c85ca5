"""The portal's URL map, walked: every page with what it needs, so that no test forgets a new one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from holdfast.portal.access import FOREIGN, AnyNeed, Need, TenancyNeed

_NONE = re.compile("")


class Page(NamedTuple):
    """One pattern of the map."""

    route: str
    """As Django has it: `tenancies/<str:tenancy>/members/`."""
    name: str
    need: AnyNeed | None
    kwargs: tuple[str, ...]
    is_foreign: bool
    """Whether it is allauth's."""

    def path(self, values: Mapping[str, str]) -> str:
        """Return the path with values in the place of the arguments."""
        path = "/" + re.sub(r"\(\?P<(\w+)>[^()]*\)", r"<\1>", self.route).removesuffix("$")
        for converter in ("str", "int", "slug", "uuid", "path"):
            for name, value in values.items():
                path = path.replace(f"<{converter}:{name}>", str(value)).replace(f"<{name}>", str(value))
        from tests.portal.samples import QUERY

        path += QUERY.get(self.name, "")
        assert "<" not in path, f"{path}: give the argument a value in SAMPLES"
        return path


def pages() -> Iterator[Page]:
    """Yield every page but the management API's, which has a map of its own."""
    from django.urls import get_resolver

    yield from _walk(get_resolver().url_patterns, "", ())


def _walk(patterns: Any, prefix: str, before: tuple[str, ...]) -> Iterator[Page]:
    from django.urls import URLPattern

    for pattern in patterns:
        route = prefix + str(pattern.pattern).removeprefix("^").replace("\\Z", "")
        arguments = (*before, *pattern.pattern.converters, *getattr(pattern.pattern, "regex", _NONE).groupindex)
        if isinstance(pattern, URLPattern):
            name = pattern.name or ""
            own = getattr(pattern.callback, "need", None)
            need = own if own is not None else FOREIGN.get(name)
            yield Page(route, name, need, tuple(dict.fromkeys(arguments)), own is None)
        elif getattr(pattern, "app_name", None) != "ninja":
            yield from _walk(pattern.url_patterns, route, arguments)


def of_tenancies() -> list[Page]:
    return [page for page in pages() if isinstance(page.need, TenancyNeed)]


def for_operators() -> list[Page]:
    return [page for page in pages() if page.need is Need.OPERATOR]
