"""What the management API offers, as OpenAPI for programs and as a page for people. It tells no secrets to anybody.

It changes with the code alone, and a tenth of a second goes into it: a process makes it once.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from ninja import NinjaAPI

PREFIX = "/api/v1"


def openapi(api: NinjaAPI) -> Callable[[HttpRequest], HttpResponse]:
    """Return the page of the OpenAPI document."""

    def show(request: HttpRequest) -> HttpResponse:
        return HttpResponse(_text(api), content_type="application/json")

    return show


def reference(api: NinjaAPI) -> Callable[[HttpRequest], HttpResponse]:
    """Return the page for people."""

    def show(request: HttpRequest) -> HttpResponse:
        return render(request, "api/reference.html", {"groups": groups(api), "prefix": PREFIX})

    return show


@cache
def document(api: NinjaAPI) -> dict[str, Any]:
    """Return the OpenAPI document, the same at each call."""
    return dict(api.get_openapi_schema(path_prefix=f"{PREFIX}/"))


@cache
def _text(api: NinjaAPI) -> bytes:
    return json.dumps(document(api), indent=1).encode("ascii")


@cache
def groups(api: NinjaAPI) -> list[dict[str, Any]]:
    """Return the routes by their subject, as a page or a document lists them."""
    found: dict[str, list[dict[str, str]]] = {}
    for path, methods in document(api)["paths"].items():
        for method, facts in methods.items():
            summary, _, needs = facts.get("description", "").rpartition("Needs: ")
            found.setdefault(facts["tags"][0], []).append(
                {
                    "method": method.upper(),
                    "path": path,
                    "summary": facts["summary"],
                    "description": summary.strip(),
                    "needs": needs.rstrip("."),
                    "takes": _shape(facts.get("requestBody", {})),
                    "gives": _shape(next(iter(facts["responses"].values()), {})),
                }
            )
    return [{"name": name, "routes": routes} for name, routes in found.items()]


def _shape(facts: dict[str, Any]) -> str:
    """Return the name of the shape of a body; empty where it has none."""
    schema = facts.get("content", {}).get("application/json", {}).get("schema", {})
    item = schema.get("items", schema)
    name = str(item.get("$ref", "")).rpartition("/")[2] or str(item.get("title", ""))
    if name.startswith("Page_"):
        return f"page of {name.removeprefix('Page_').removesuffix('_')}"  # as ninja calls a Page[Tenancy]
    return f"list of {name}" if item is not schema else name
