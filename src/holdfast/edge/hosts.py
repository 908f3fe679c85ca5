"""Where a request is addressed to: Host picks the tenancy and perhaps the bucket, and trusted proxies say what Host
was.

    TENANCY.DOMAIN           path style
    BUCKET.TENANCY.DOMAIN    virtual-host style; the bucket's name may hold dots
    anything else            path style; the access key decides the tenancy

Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html; RFC 7239.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address
from typing import Final, NamedTuple

from holdfast.s3.codes import S3Error

HOST_LENGTH_MAX: Final = 255 + 6  # RFC 1035, and a port
_LABEL_CHARACTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


class Place(NamedTuple):
    """What a Host header names."""

    tenancy: str | None
    bucket: str | None
    """The bucket of a virtual-host style request; None = the path begins with it."""


class Origin(NamedTuple):
    """Where a request came from, and under which names the client may have called us."""

    hosts: tuple[str, ...]
    """The first is what the client asked for; a signature may have been made over any of them."""
    address: str
    """The client's, not the proxy's."""
    is_secure: bool


NOWHERE: Final = Place(None, None)


def find_place(host: str, domains: tuple[str, ...]) -> Place:
    """Return the tenancy and bucket that a Host header names.

    Raises S3Error for a name below ours that can't be one.
    """
    if len(host) > HOST_LENGTH_MAX:
        raise S3Error("BadRequest", "The Host header is too long.")
    return _find_place(host, domains)


@lru_cache(maxsize=4096)
def _find_place(host: str, domains: tuple[str, ...]) -> Place:
    if host.startswith("["):
        return NOWHERE
    name = host.partition(":")[0].lower().removesuffix(".")
    for domain in domains:
        if name.endswith(domain) and len(name) > len(domain) and name[-len(domain) - 1] == ".":
            bucket, _, tenancy = name[: -len(domain) - 1].rpartition(".")
            if not _is_label(tenancy) or (bucket and not all(map(_is_label, bucket.split(".")))):
                break
            if name.startswith("."):
                break
            return Place(tenancy, bucket or None)
    else:
        return NOWHERE
    raise S3Error(
        "InvalidRequest",
        f"The host name names no tenancy: use TENANCY.{domain}, or BUCKET.TENANCY.{domain} for virtual-host style.",
    )


def read_origin(headers: Mapping[str, str], peer: str, *, is_secure: bool, is_trusted: bool) -> Origin:
    """Return where a request came from. Only a trusted peer's forwarded headers are believed.

    `X-Forwarded-…` wins over `Forwarded`. Of a list of clients the last is taken, which the trusted proxy itself has
    seen.
    """
    host = headers.get("host", "")
    if not is_trusted:
        return Origin((host,), peer, is_secure)
    said = _read_forwarded(headers.get("forwarded", ""))
    asked = _last(headers.get("x-forwarded-host", "")) or said.get("host", "") or host
    proto = _last(headers.get("x-forwarded-proto", "")) or said.get("proto", "")
    client = (_last(headers.get("x-forwarded-for", "")) or said.get("for", ""))[:64]
    port = _last(headers.get("x-forwarded-port", ""))
    hosts = [asked]
    if port.isascii() and port.isdigit() and not _has_port(asked):
        hosts.append(f"{asked}:{port}")
    if host not in hosts:
        hosts.append(host)
    return Origin(
        tuple(hosts),
        _address(client) or peer,
        proto.lower() == "https" if proto else is_secure,
    )


def signed_hosts(origin: Origin, place: Place, domains: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names that a signature may have been made over: those that name the place that is served, no others.

    A proxy may pass on an X-Forwarded-Host that the client made up. With a URL presigned for one bucket's name it would
    else lead to another bucket.
    """
    return origin.hosts[:1] + tuple(host for host in origin.hosts[1:] if _names(host, place, domains))


def _names(host: str, place: Place, domains: tuple[str, ...]) -> bool:
    try:
        return find_place(host, domains) == place
    except S3Error:
        return False


def _read_forwarded(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in _last(text).split(";"):
        name, _, value = pair.strip().partition("=")
        found[name.lower()] = value.strip('"')
    return found


def _last(text: str) -> str:
    return text.rpartition(",")[2].strip()


def _has_port(host: str) -> bool:
    return ":" in host.rpartition("]")[2]


@lru_cache(maxsize=4096)
def _address(text: str) -> str:
    """Return the address in `192.0.2.7`, `192.0.2.7:80`, `2001:db8::7` or `[2001:db8::7]:80`; empty for other text."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


def _is_label(text: str) -> bool:
    return 0 < len(text) <= 63 and _LABEL_CHARACTERS.issuperset(text)
