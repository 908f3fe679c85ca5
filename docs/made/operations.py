"""The operations of S3 that are served, and what of S3 is not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from holdfast.operations.operation import Operation
from holdfast.operations.registry import OPERATIONS
from holdfast.s3.codes import S3Error
from holdfast.s3.routes import BUCKET_SUBRESOURCES, KEY_SUBRESOURCES, Router
from holdfast.s3.shapes import Route

from .markdown import code, codes, table


def served() -> str:
    """Return a row for each operation."""
    rows = [
        (
            f"[{each.name}]({each.source})",
            code(route(each.route)),
            code(each.permission),
            meaning(each),
            code(module(each).rpartition(".")[2] + ".py"),
        )
        for each in sorted(OPERATIONS, key=lambda each: each.name)
    ]
    return table(("operation (AWS's page)", "request", "permission", "what it is", "module"), rows)


def route(where: Route) -> str:
    """Return a route as the first line of a request, with the headers that it needs."""
    path = {"service": "/", "bucket": "/BUCKET", "key": "/BUCKET/KEY"}[where.level]
    query = "?" + "&".join(where.query) if where.query else ""
    headers = "".join(f" + {name}" for name in where.headers)
    return f"{where.method} {path}{query}{headers}"


def module(operation: Operation[Any, Any]) -> str:
    """Return the module that an operation is in: it holds the request's shape or at least what answers it."""
    step = operation.run or operation.commit
    assert step is not None
    return step.__module__


def meaning(operation: Operation[Any, Any]) -> str:
    """Return the sentence with which the operation's module begins."""
    text = sys.modules[module(operation)].__doc__ or ""
    first = text.strip().partition("\n\n")[0].replace("\n", " ")
    said = first.removeprefix(f"{operation.name}: ").strip()
    return said[:1].upper() + said[1:]


def not_served() -> str:
    """Return the sub-resources that answer NotImplemented, by what they are of, with the methods."""
    rows = [(level, code(f"?{name}"), codes(methods)) for level, name, methods in refused()]
    return table(("of a", "sub-resource", "methods that answer NotImplemented"), rows)


def refused() -> Iterator[tuple[str, str, list[str]]]:
    """Yield what of S3's sub-resources the real router refuses to serve: level, name, methods."""
    router = Router((each.route, each) for each in OPERATIONS)
    for level, known in (("bucket", BUCKET_SUBRESOURCES), ("key", KEY_SUBRESOURCES)):
        for name, methods in sorted(known.items(), key=lambda each: each[0].lower()):
            missing = [method for method in methods.split() if _is_refused(router, method, level, name)]
            if missing:
                yield level, name, missing


def _is_refused(router: Router[Operation[Any, Any]], method: str, level: str, name: str) -> bool:
    try:
        router.find(method, level, {name: ""}, {})
    except S3Error as error:
        return error.code == "NotImplemented"
    return False
