"""What operators' machines ask: is the process alive, is it ready, what has it counted. No S3 client asks any of it.

The paths are exact and unsigned, so that only an anonymous GET of a key of just that name in a bucket of just that name
is hidden.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Final

from holdfast.s3.answer import Answer
from holdfast.s3.codes import S3Error
from holdfast.s3.head import Head

from .gauges import read_gauges
from .hosts import Origin

if TYPE_CHECKING:
    from .gateway import Gateway

LIVE: Final = "/health/live"
READY: Final = "/health/ready"
METRICS: Final = "/_admin/metrics"
PATHS: Final = frozenset((LIVE, READY, METRICS))
_JSON: Final = ("Content-Type", "application/json")


def answer(gateway: Gateway, head: Head, origin: Origin, *, is_stopping: bool) -> Answer:
    """Answer one of `PATHS`. Raises S3Error."""
    if head.method not in ("GET", "HEAD"):
        raise S3Error("MethodNotAllowed", "The specified method is not allowed against this resource.")
    if head.raw_path == METRICS:
        return _metrics(gateway, head, origin)
    if head.raw_path == READY and is_stopping:
        return Answer(503, [_JSON], b'{"status":"stopping"}\n', None)
    status = "read-only" if gateway.board.is_read_only else "ok"
    return Answer(200, [_JSON], f'{{"status":"{status}"}}\n'.encode(), None)


def _metrics(gateway: Gateway, head: Head, origin: Origin) -> Answer:
    # A proxy on this machine is on loopback too, and its clients are anybody.
    forwarded = any(name in head.headers for name in ("forwarded", "x-forwarded-for", "x-real-ip", "via"))
    if forwarded or not _is_loopback(origin.address):
        raise S3Error(
            "AccessDenied",
            "Metrics are told to loopback addresses only, through no proxy: ask on this machine, by 127.0.0.1 or ::1.",
        )
    body = gateway.metrics.exposition(read_gauges(gateway))
    return Answer(200, [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")], body, None)


def _is_loopback(address: str) -> bool:
    try:
        return ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False
