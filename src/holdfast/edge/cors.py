"""Cross-origin requests: preflights, which nobody signs, and the headers of actual answers, refusals among them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from holdfast.auth.callers import Caller
from holdfast.catalog.rows import BUCKETS
from holdfast.s3.answer import Answer
from holdfast.s3.codes import S3Error
from holdfast.s3.documents import cors
from holdfast.s3.head import Head
from holdfast.s3.target import parse_query

from .hosts import Place

if TYPE_CHECKING:
    from .gateway import Gateway


def preflight(gateway: Gateway, head: Head, place: Place, bucket: str, now_us: int) -> Answer:
    """Answer an OPTIONS request by the bucket's rules. Raises S3Error, CORSForbidden where no rule allows it."""
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
    with gateway.catalog.read() as rows:
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
