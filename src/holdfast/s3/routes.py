"""Which operation a request asks for: by method, level, and the query parameters and headers that set it apart.

In S3 a query parameter chooses the operation: `DELETE /bucket?lifecycle` removes rules, `DELETE /bucket` the bucket. So
a sub-resource that S3 knows and this store does not serve must be refused, never be read as the bare bucket or object
(Swift did so with `publicAccessBlock` until 2.38).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Generic, NamedTuple, TypeVar

from holdfast.s3.codes import S3Error
from holdfast.s3.shapes import Route

T = TypeVar("T")

BUCKET_SUBRESOURCES: Final[Mapping[str, str]] = {
    "abac": "GET PUT",
    "accelerate": "GET PUT",
    "acl": "GET PUT",
    "analytics": "GET PUT DELETE",
    "cors": "GET PUT DELETE",
    "delete": "POST",
    "encryption": "GET PUT DELETE",
    "intelligent-tiering": "GET PUT DELETE",
    "inventory": "GET PUT DELETE",
    "lifecycle": "GET PUT DELETE",
    "location": "GET",
    "logging": "GET PUT",
    "metadataAnnotationTable": "PUT",
    "metadataConfiguration": "GET POST DELETE",
    "metadataInventoryTable": "PUT",
    "metadataJournalTable": "PUT",
    "metadataTable": "GET POST DELETE",
    "metrics": "GET PUT DELETE",
    "notification": "GET PUT",
    "object-lock": "GET PUT",
    "ownershipControls": "GET PUT DELETE",
    "policy": "GET PUT DELETE",
    "policyStatus": "GET",
    "publicAccessBlock": "GET PUT DELETE",
    "replication": "GET PUT DELETE",
    "requestPayment": "GET PUT",
    "session": "GET",
    "tagging": "GET PUT DELETE",
    "uploads": "GET",
    "versioning": "GET PUT",
    "versions": "GET",
    "website": "GET PUT DELETE",
}
"""Sub-resource → the methods that S3 has for it.

Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
"""

KEY_SUBRESOURCES: Final[Mapping[str, str]] = {
    "acl": "GET PUT",
    "annotation": "GET PUT DELETE",
    "attributes": "GET",
    "encryption": "PUT",
    "legal-hold": "GET PUT",
    "renameObject": "PUT",
    "restore": "POST",
    "retention": "GET PUT",
    "select": "POST",
    "tagging": "GET PUT DELETE",
    "torrent": "GET",
    "uploadId": "GET PUT POST DELETE",
    "uploads": "POST",
}

_SUBRESOURCES: Final[Mapping[str, Mapping[str, str]]] = {
    "service": {},
    "bucket": BUCKET_SUBRESOURCES,
    "key": KEY_SUBRESOURCES,
}

_PARAMETERS: Final = frozenset(
    {
        "bucket-region", "continuation-token", "delimiter", "encoding-type", "fetch-owner", "key-marker", "list-type",
        "marker", "max-buckets", "max-keys", "max-parts", "max-uploads", "part-number-marker", "prefix", "start-after",
        "upload-id-marker", "version-id-marker", "versionId",
    }
)  # fmt: skip
"""Parameters that may be there without a value."""

_CHOOSES_WHEN_WRITING: Final = frozenset({"partNumber", "versionId"})
"""Parameters with which a bare PUT or POST of a key would do something else than was asked."""


class _Candidate(NamedTuple, Generic[T]):
    route: Route
    query: tuple[tuple[str, str | None], ...]
    names: frozenset[str]
    target: T

    def matches(self, query: Mapping[str, str], headers: Mapping[str, str]) -> bool:
        for name, value in self.query:
            if name not in query or (value is not None and query[name] != value):
                return False
        # A generator costs more than the whole search of a bare GET.
        for name in self.route.headers:  # noqa: SIM110
            if name not in headers:
                return False
        return True


class Router(Generic[T]):
    """Finds the most specific of the routes that a request fits."""

    def __init__(self, routes: Iterable[tuple[Route, T]]) -> None:
        self._candidates: dict[tuple[str, str], list[_Candidate[T]]] = {}
        seen: set[Route] = set()
        for route, target in routes:
            assert route not in seen, f"{route} leads to two operations"
            seen.add(route)
            demands = tuple((name, value if equals else None) for name, equals, value in map(_partition, route.query))
            candidate = _Candidate(route, demands, frozenset(name for name, _ in demands), target)
            self._candidates.setdefault((route.method, route.level), []).append(candidate)
        for candidates in self._candidates.values():
            candidates.sort(key=lambda each: (-len(each.query) - len(each.route.headers), each.route))
        # What the plain GET, PUT, HEAD and DELETE ask: nothing in the query can match or has to be judged.
        self._bare = {
            place: [each for each in candidates if not each.query] for place, candidates in self._candidates.items()
        }

    def find(self, method: str, level: str, query: Mapping[str, str], headers: Mapping[str, str]) -> T:
        """Return what the most specific matching route leads to.

        `level` is `service`, `bucket` or `key`; header names are lower-case. Raises NotImplemented for what S3 has
        and this store has not, MethodNotAllowed (with `Allow`), InvalidArgument for parameters that contradict.
        """
        place = (method, level)
        for candidate in (self._candidates if query else self._bare).get(place, ()):
            if candidate.matches(query, headers):
                if query and method != "OPTIONS":  # a preflight asks about any of the others
                    self._check_sub_resources(method, level, query, headers, candidate.names)
                    _check_strays(method, level, query, candidate.names)
                return candidate.target
        self._check_sub_resources(method, level, query, headers, frozenset())
        raise self._method_not_allowed(method, level, query, headers)

    def _check_sub_resources(
        self, method: str, level: str, query: Mapping[str, str], headers: Mapping[str, str], taken: frozenset[str]
    ) -> None:
        known = _SUBRESOURCES[level]
        for name, value in query.items():
            if name in taken or name not in known:
                continue
            if taken:
                names = ", ".join(sorted({*taken, name}))
                raise _contradiction(f"Conflicting query string parameters: {names}", name)
            for each in self._candidates.get((method, level), ()):
                if name in each.names:
                    raise _contradiction(
                        f"{name} does not stand alone here: send {' and '.join(each.route.query)}", name
                    )
            refusal = self._method_not_allowed(method, level, {name: value}, headers)
            if method in known[name].split() or not refusal.headers["Allow"]:
                raise _not_implemented(name)
            raise refusal

    def _method_not_allowed(
        self, method: str, level: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> S3Error:
        is_bare = query.keys().isdisjoint(_SUBRESOURCES[level])
        allowed = {
            each.route.method
            for (_, at), candidates in self._candidates.items()
            for each in candidates
            if at == level and (each.query or is_bare) and each.matches(query, headers)
        }
        return S3Error(
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
            details={"Method": method, "ResourceType": "OBJECT" if level == "key" else level.upper()},
            headers={"Allow": ", ".join(sorted(allowed))},
        )


def _check_strays(method: str, level: str, query: Mapping[str, str], taken: frozenset[str]) -> None:
    """Refuse parameters that S3 may mean something by, where to ignore them would write or delete something else."""
    if level == "service" or (level == "key" and method in ("GET", "HEAD")):
        # Web pages add `?20260101` to the addresses of pictures, and S3 lets them.
        return
    for name, value in query.items():
        if name in taken:
            continue
        if level == "key" and method in ("PUT", "POST") and not taken and name in _CHOOSES_WHEN_WRITING:
            raise _contradiction("This operation does not accept a query-string.", name)
        # S3 gains sub-resources each year. `x-id`, `X-Amz-…` and `response-…` never choose an operation.
        if not value and name not in _PARAMETERS and not name.lower().startswith(("x-", "response-")):
            raise _not_implemented(name)


def _partition(demand: str) -> tuple[str, str, str]:
    return demand.partition("=")


def _not_implemented(name: str) -> S3Error:
    return S3Error(
        "NotImplemented",
        f"The sub-resource ?{name} is not served by this store; see the reference for the operations that are",
        details={"Header": name},
    )


def _contradiction(message: str, name: str) -> S3Error:
    return S3Error("InvalidArgument", message, details={"ArgumentName": "ResourceType", "ArgumentValue": name})
