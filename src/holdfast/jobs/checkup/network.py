"""How a home is reached: its ports, its readiness, its certificates and its names."""

from __future__ import annotations

import errno
import http.client
import json
import socket
import ssl
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509

from holdfast.admin.endpoints import Serving
from holdfast.config import Address

from . import Finding

TIMEOUT_S: Final = 5
CERTIFICATE_WARN: Final = timedelta(days=21)
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}


def check_ports(serving: Serving) -> Iterator[Finding]:
    """A running server answers on its ports; before it runs, they are free."""
    for address in (*serving.s3, *serving.s3_tls, *serving.portal, *serving.legacy_portal):
        reachable = Address(_ANY.get(address.host, address.host), address.port)
        if serving.is_running:
            yield _answers(reachable)
        elif address.port:
            yield _is_free(address)


def _answers(address: Address) -> Finding:
    try:
        socket.create_connection(address, TIMEOUT_S).close()
    except OSError as error:
        return Finding("ports", "fail", f"{address} does not answer: {error}", "look at the log, then restart holdfast")
    return Finding("ports", "ok", f"{address} answers")


def _is_free(address: Address) -> Finding:
    family, kind, protocol, _, place = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(place)
        except OSError as error:
            advice = {
                errno.EADDRINUSE: f"stop what listens there (ss -ltnp 'sport = :{address.port}'), or take another port",
                errno.EACCES: "allow it ports below 1024 (CAP_NET_BIND_SERVICE, as the systemd unit does)",
            }
            return Finding(
                "ports",
                "fail",
                f"{address}: {error.strerror}",
                advice.get(error.errno or 0, "see holdfast serve --help"),
            )
    return Finding("ports", "ok", f"{address} is free")


def check_ready(serving: Serving) -> Iterator[Finding]:
    """The server itself says that it is ready."""
    if not serving.is_running or not serving.s3:
        return
    address = serving.s3[0]
    connection = http.client.HTTPConnection(_ANY.get(address.host, address.host), address.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/health/ready")
        answer = connection.getresponse()
        body = answer.read(4096)
        status = str(json.loads(body).get("status", "?"))
    except (OSError, ValueError, http.client.HTTPException) as error:
        yield Finding("ready", "fail", f"/health/ready: {error}", "look at the log, then restart holdfast")
        return
    finally:
        connection.close()
    if answer.status == 200 and status == "ok":
        yield Finding("ready", "ok", status)
    else:
        yield Finding("ready", "fail", f"/health/ready says {answer.status} {status}", "look at the log")


def check_certificates(directories: Sequence[Path], now: datetime | None = None) -> Iterator[Finding]:
    """No certificate has expired, or soon will."""
    now = now or datetime.now(UTC)
    for directory in directories:
        for path in (
            sorted(directory.glob("*.pem"))
            + sorted(directory.glob("*.crt"))
            + sorted(directory.glob("*/fullchain.pem"))
        ):
            try:
                certificate = x509.load_pem_x509_certificate(path.read_bytes())
            except (OSError, ValueError) as error:
                yield Finding("certificates", "fail", f"{path}: {error}", "put a PEM certificate with its chain there")
                continue
            yield _judge(certificate, str(path), now, f"put the renewed one at {path}: it is served within a second")


def check_served_certificates(
    serving: Serving, tenancies: Sequence[str], now: datetime | None = None
) -> Iterator[Finding]:
    """Nor has one that a running server really shows, which is the former where a new one can't be used."""
    now = now or datetime.now(UTC)
    if not serving.is_running:
        return
    told: set[bytes] = set()
    for address in serving.s3_tls:
        for name in [serving.ext_domain, *(f"{tenancy}.{serving.ext_domain}" for tenancy in tenancies)]:
            try:
                shown = _shown(Address(_ANY.get(address.host, address.host), address.port), name)
            except OSError as error:
                text = f"{address} shows none for {name}: {error}"
                yield Finding("certificates", "fail", text, "look at the log, then restart holdfast")
                continue
            if shown not in told:
                told.add(shown)
                advice = "renew it, and look at the log if that was done: it names what could not be used"
                yield _judge(x509.load_der_x509_certificate(shown), f"{address} for {name}", now, advice)


def _shown(address: Address, name: str) -> bytes:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # It is looked at, not trusted.
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection(address, TIMEOUT_S) as plain:
        with context.wrap_socket(plain, server_hostname=name) as secure:
            return secure.getpeercert(binary_form=True) or b""


def _judge(certificate: x509.Certificate, where: str, now: datetime, advice: str) -> Finding:
    left = certificate.not_valid_after_utc - now
    if left < timedelta(0):
        return Finding("certificates", "fail", f"{where} expired {-left.days} days ago", advice)
    if now < certificate.not_valid_before_utc:
        return Finding("certificates", "fail", f"{where} is not valid yet", "set the clock (timedatectl)")
    if left < CERTIFICATE_WARN:
        return Finding("certificates", "warn", f"{where} expires in {left.days} days", advice)
    return Finding("certificates", "ok", f"{where}, {left.days} days left")


def check_names(serving: Serving, tenancies: Sequence[str]) -> Iterator[Finding]:
    """The names of tenancies lead to this machine."""
    for name in tenancies:
        for domain in (serving.domain, serving.ext_domain):
            host = f"{name}.{domain}"
            try:
                found = {place[4][0] for place in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
            except OSError:
                advice = "see holdfast dns; path style on an address works without names"
                yield Finding("names", "warn", f"{host} is not known here", advice)
                continue
            shown = ", ".join(sorted(map(str, found)))
            if any(_is_ours(str(each)) for each in found):
                yield Finding("names", "ok", f"{host} is {shown}")
            else:
                yield Finding("names", "warn", f"{host} is {shown}, not this machine", "right if a proxy is there")


def _is_ours(address: str) -> bool:
    """Whether this machine has an address, which is so when a socket can be bound to it."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
