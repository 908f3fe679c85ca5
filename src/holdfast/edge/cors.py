"""Cross-origin requests: preflights, which nobody signs, and the headers of actual answers, refusals among them.

A bucket's rules decide for every origin but one: the portal's own. That one is answered by the server, alike for every
bucket, for one that is absent, and where there is none, so that the portal works whatever the rules are and learns
nothing from an answer of CORS that the signature does not let it learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from holdfast.auth.callers import Caller
from holdfast.catalog.rows import BUCKETS
from holdfast.s3.answer import Answer
from holdfast.s3.checksums import HEADER_OF
from holdfast.s3.codes import S3Error
from holdfast.s3.documents import cors
from holdfast.s3.head import Head
from holdfast.s3.target import parse_query

from .hosts import Place

if TYPE_CHECKING:
    from .gateway import Gateway

PORTAL_PREFLIGHT_AGE_S: Final = 7200  # the longest that Chromium keeps one
VARY_BY_ORIGIN: Final = (("Vary", "Origin"),)
"""On every answer that is not of CORS, where there is a portal: what a cache keeps of it is not the portal's."""

# `*` means all to a request without credentials, which the portal's are; the names are for browsers that don't know it.
# Source: https://fetch.spec.whatwg.org/#http-access-control-expose-headers
_EXPOSED: Final = ", ".join(
    (
        "ETag",
        "Content-Length",
        "Content-Range",
        "Content-Encoding",
        "Content-Disposition",
        "Accept-Ranges",
        "Last-Modified",
        "Date",
        "Retry-After",
        "x-amz-request-id",
        "x-amz-id-2",
        "x-amz-version-id",
        "x-amz-bucket-region",
        "x-amz-mp-parts-count",
        "x-amz-tagging-count",
        "x-amz-checksum-type",
        *HEADER_OF.values(),
        "*",
    )
)


def is_portals(gateway: Gateway, head: Head) -> bool:
    """Whether a page of the portal asks. Origins compare as a whole and by case, as browsers write them."""
    return bool(gateway.portal_origin) and head.headers.get("origin") == gateway.portal_origin


def portal_preflight(head: Head) -> Answer:
    """Answer an OPTIONS request of the portal: always a yes. `portal_headers` are added to it.

    Raises S3Error: BadRequest for what is no preflight, AccessForbidden for header names that can't be.
    """
    if not head.headers.get("access-control-request-method"):
        raise S3Error("BadRequest", "Insufficient information. Access-Control-Request-Method request header needed.")
    wanted = cors.read_request_headers(head.headers.get("access-control-request-headers"))
    if wanted is None:
        raise S3Error(cors.FORBIDDEN_CODE, cors.NOT_ALLOWED)
    headers = [
        ("Access-Control-Allow-Methods", ", ".join(cors.METHODS)),
        ("Access-Control-Max-Age", str(PORTAL_PREFLIGHT_AGE_S)),
    ]
    if wanted:
        headers.append(("Access-Control-Allow-Headers", ", ".join(wanted)))
    # A store on a machine of the site's own network, asked for by a page that came over the internet:
    # https://wicg.github.io/private-network-access/#cors-preflight
    if head.headers.get("access-control-request-private-network") == "true":
        headers.append(("Access-Control-Allow-Private-Network", "true"))
    return Answer(200, headers, b"", None)


@lru_cache(maxsize=1)
def portal_headers(origin: str) -> Sequence[tuple[str, str]]:
    """Return what every answer to the portal's origin carries. Never credentials: it signs what it asks."""
    return (
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", _EXPOSED),
        ("Vary", cors.VARY),
    )


def preflight(gateway: Gateway, head: Head, place: Place, bucket: str, now_us: int) -> Answer:
    """Answer an OPTIONS request by the bucket's rules. Raises S3Error, AccessForbidden where no rule allows it."""
    origin = head.headers.get("origin")
    method = head.headers.get("access-control-request-method")
    if not origin or not method:
        raise S3Error("BadRequest", "Insufficient information. Origin request header needed.")
    caller = _find_presigner(gateway, head, place, now_us) or gateway.identifier.anonymous(place)
    headers = cors.check_preflight(
        _find_rules(gateway, caller, bucket), origin, method, head.headers.get("access-control-request-headers")
    )
    return Answer(200, list(headers.items()), b"", None)


def actual_headers(
    gateway: Gateway, head: Head, place: Place, caller: Caller | None, bucket: str
) -> Sequence[tuple[str, str]]:
    """Return what an answer to a request with an Origin carries, whatever its status."""
    rules = _find_rules(gateway, caller or gateway.identifier.anonymous(place), bucket)
    if not rules:
        return ()
    origin = head.headers["origin"]
    rule = cors.find_rule(rules, origin, head.method)
    return tuple(cors.actual_headers(rule, origin).items()) if rule is not None else (("Vary", cors.VARY),)


def _find_rules(gateway: Gateway, caller: Caller, bucket: str) -> tuple[cors.Rule, ...]:
    if caller.tenancy is None or not bucket:
        return ()
    with gateway.snapshots as rows:
        row = rows.find(BUCKETS, (caller.tenancy.tenancy_id, bucket))
    return _parse(row.cors) if row is not None and row.cors else ()


def _find_presigner(gateway: Gateway, head: Head, place: Place, now_us: int) -> Caller | None:
    """Return whose presigned URL a preflight is about: on a bare address only the access key tells the tenancy."""
    if place.tenancy is not None or "X-Amz-Credential" not in head.raw_query:
        return None
    access_key_id = parse_query(head.raw_query).get("X-Amz-Credential", "").partition("/")[0]
    return gateway.identifier.find_unverified(access_key_id, now_us)


@lru_cache(maxsize=256)
def _parse(text: str) -> tuple[cors.Rule, ...]:
    return cors.parse(text.encode())
