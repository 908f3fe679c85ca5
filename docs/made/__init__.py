"""The parts of the reference that are made from the code while the documentation is built.

A page of `docs/reference` holds the line `<!-- made: NAME -->`, and what the function of that name returns stands in
its place. Nothing made is committed, so nothing made can be out of date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from . import api, commands, errors, metrics, operations, policies, roles, settings

if TYPE_CHECKING:
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

PARTS: Final[Mapping[str, Callable[[], str]]] = {
    "operations": operations.served,
    "not-served": operations.not_served,
    "settings": settings.settings,
    "limits": settings.limits,
    "site": settings.site,
    "commands": commands.commands,
    "metrics": metrics.metrics,
    "roles": roles.whole,
    "rights": roles.rights,
    "errors": errors.codes,
    "actions": policies.actions,
    "dialect": policies.dialect,
    "conditions": policies.condition_keys,
    "operators": policies.operators,
    "api-routes": api.routes,
    "api-shapes": api.shapes,
}
"""Name → the function that returns its Markdown."""

MARK: Final = re.compile(r"^<!-- made: ([a-z-]+) -->$", re.MULTILINE)


def fill(text: str) -> str:
    """Return a page with every mark replaced. Raises KeyError for a name that nothing is made for."""
    return MARK.sub(lambda match: PARTS[match[1]](), text)


def _read(_app: Sphinx, _page: str, source: list[str]) -> None:
    source[0] = fill(source[0])


def _outdated(
    _app: Sphinx, env: BuildEnvironment, _added: set[str], _changed: set[str], _gone: set[str]
) -> Iterable[str]:
    """Name the pages to read again whatever their own files say: the code may have changed."""
    return [page for page in env.found_docs if MARK.search(env.doc2path(page).read_text(encoding="utf-8"))]


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx."""
    app.connect("source-read", _read)
    app.connect("env-get-outdated", _outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
