"""The management API: its routes, and the fields of what they take and give, from the same document that it serves."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from .markdown import code, table


def routes() -> str:
    """Return a section for each subject, with a row for each route."""
    api = _api()
    from holdfast.portal.api.reference import groups  # ninja reads Django's settings when it is imported

    parts = []
    for group in groups(api):
        rows = [
            (
                code(f"{each['method']} {each['path']}"),
                " ".join(f"{each['summary']}. {each['description']}".split()),
                each["needs"],
                _names(each["takes"], each["gives"]),
            )
            for each in group["routes"]
        ]
        parts.append(
            f"### {group['name'].capitalize()}\n\n" + table(("route", "what it does", "who may", "shapes"), rows)
        )
    return "\n\n".join(parts)


def shapes() -> str:
    """Return a section for each shape, with a row for each field."""
    api = _api()
    from holdfast.portal.api.reference import document  # ninja reads Django's settings when it is imported

    found: Mapping[str, Any] = document(api)["components"]["schemas"]
    parts = []
    for name, shape in sorted(found.items()):
        needed = set(shape.get("required", ()))
        rows = [
            (code(field), _kind(facts), "yes" if field in needed else "", _words(facts))
            for field, facts in shape.get("properties", {}).items()
        ]
        if rows and not name.startswith("Page_"):
            parts.append(f"### {name}\n\n" + table(("field", "kind", "always", "meaning"), rows))
    return "\n\n".join(parts)


@lru_cache(maxsize=1)
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Return a folder that stays until the process ends: Django's settings keep a key in the home that they are for."""
    return tempfile.TemporaryDirectory(prefix="holdfast-docs-")


def _api() -> Any:
    """Return the API, with Django configured for an empty home where it is not configured yet."""
    from holdfast.assemble import Home
    from holdfast.config import Settings
    from holdfast.portal.start import configure

    home = Path(_folder().name)
    configure(Settings(home=home), Home(home))
    from holdfast.portal.api.urls import api

    return api


def _names(takes: str, gives: str) -> str:
    return " → ".join(_shape(name) if name else "–" for name in (takes, gives))


def _shape(name: str) -> str:
    plural, _, shape = name.rpartition(" ")
    return f"{plural} {code(shape)}".strip()


def _kind(facts: Mapping[str, Any]) -> str:
    if "anyOf" in facts:
        return " or ".join(_kind(each) for each in facts["anyOf"])
    if "$ref" in facts:
        return code(facts["$ref"].rpartition("/")[2])
    if "enum" in facts:
        return ", ".join(code(str(value)) for value in facts["enum"])
    if "const" in facts:
        return code(str(facts["const"]))
    kind = str(facts.get("format") or facts.get("type", "any"))
    if kind == "array":
        return f"list of {_kind(facts.get('items', {}))}"
    return kind


def _words(facts: Mapping[str, Any]) -> str:
    parts = [" ".join(str(facts.get("description", "")).split())]
    if "maxLength" in facts:
        parts.append(f"At most {facts['maxLength']} characters.")
    if "default" in facts and facts["default"] not in (None, "", [], {}):
        parts.append(f"Usually {code(str(facts['default']).lower())}.")
    return " ".join(part for part in parts if part)
