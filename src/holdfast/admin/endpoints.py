"""Endpoints: under which URLs a tenancy is reached, and what a site's name server must know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from holdfast.config import Address


class Serving(NamedTuple):
    """Where this home is served, or would be: by the running server's own word, else by the settings."""

    domain: str
    ext_domain: str
    s3: tuple[Address, ...]
    s3_tls: tuple[Address, ...]
    is_running: bool
    tls_dir: Path | None = None
    """Where its certificates lie; None = the local authority issues them."""
    portal_url: str = ""
    """The portal's address as browsers write it; empty when there is no portal."""
    portal: tuple[Address, ...] = ()
    legacy_portal: tuple[Address, ...] = ()
    """Where former addresses of a portal lead to this one (http)."""


class Endpoints(NamedTuple):
    """The two URLs of a tenancy, over the same data."""

    inside: str
    """http, for the machines of the site."""
    outside: str
    """https, for everywhere else."""


def endpoints_of(serving: Serving, tenancy_name: str) -> Endpoints:
    """Return the URLs of a tenancy, with a port where it is not the usual one."""
    return Endpoints(
        f"http://{tenancy_name}.{serving.domain}{_port(serving.s3, 80)}",
        f"https://{tenancy_name}.{serving.ext_domain}{_port(serving.s3_tls, 443)}",
    )


def _port(addresses: Sequence[Address], usual: int) -> str:
    ports = [address.port for address in addresses]
    return "" if not ports or usual in ports else f":{ports[0]}"


def hosts_lines(serving: Serving, address: str, tenancies: Iterable[tuple[str, Sequence[str]]]) -> list[str]:
    """Return lines for /etc/hosts, one for each tenancy and its buckets: that file knows no wildcards."""
    lines = []
    for name, buckets in tenancies:
        hosts = [f"{name}.{serving.domain}", f"{name}.{serving.ext_domain}"]
        hosts += [f"{bucket}.{host}" for bucket in buckets for host in hosts]
        lines += [" ".join([address, *hosts])]
    return lines


def zone_lines(serving: Serving, address: str) -> list[str]:
    """Return records for the zone of a name server.

    A wildcard covers names of any depth below it (RFC 4592, 2.2.1), so these cover every tenancy and `bucket.tenancy`
    too, as long as no record of their own is made for a tenancy.
    """
    kind = "AAAA" if ip_address(address).version == 6 else "A"
    width = max(len(serving.domain), len(serving.ext_domain)) + 3
    return [
        f"{prefix + domain + '.':<{width}} 300 IN {kind} {address}"
        for domain in dict.fromkeys((serving.domain, serving.ext_domain))
        for prefix in ("", "*.")
    ]
