"""Certificates by the name that a client asks for (SNI): from a directory, reloaded while we serve, or from the local
authority.

    DIR/NAME.pem + DIR/NAME.key               a certificate with its chain, and its key
    DIR/NAME/fullchain.pem + privkey.pem      as ACME clients leave them

Which names a certificate is for is read from it, wildcards included; NAME is for people.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, Protocol, TypeVar

from cryptography import x509

from holdfast.telemetry.log import get_log

from .authority import LocalAuthority, names_of
from .misdirected import TellingContext

CHECKED_EVERY_S: Final = 1.0
KEPT_MAX: Final = 1024
_Context = TypeVar("_Context", bound=ssl.SSLContext)
_log = get_log("edge")


class NoCertificates(Exception):
    """There is nothing to serve https with. The text tells the operator what to do."""


class Certificates(Protocol):
    """Where certificates come from."""

    def find(self, server_name: str | None) -> ssl.SSLContext:
        """Return the context of the certificate for a name, or of the default one. Quick when nothing changed."""

    def reload(self) -> None:
        """Look again at the next handshake, whatever the clock says."""

    def ends(self) -> Mapping[str, datetime]:
        """Return when the certificates end that somebody has to renew, by their files' names."""


def server_context(certificates: Certificates, answer_plain: Callable[[], bytes]) -> ssl.SSLContext:
    """Return the context to listen with: it gives each handshake the certificate for its name.

    `answer_plain` makes the answer for who speaks plain http here.
    """
    context = new_context(TellingContext)
    context.answer = answer_plain

    def choose(handshake: ssl.SSLSocket | ssl.SSLObject, server_name: str | None, _: ssl.SSLContext) -> int | None:
        try:
            handshake.context = certificates.find(server_name)
        except Exception as error:
            _log.error("no certificate could be had for a handshake", server_name=server_name, exc_info=error)
            return ssl.ALERT_DESCRIPTION_INTERNAL_ERROR
        return None

    context.sni_callback = choose
    return context


def new_context(kind: type[_Context]) -> _Context:
    """Return a server's context without a certificate: TLS 1.2 and newer, HTTP/1.1 only."""
    context = kind(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    return context


class _Pair(NamedTuple):
    certificate: Path
    key: Path


class CertificateDirectory:
    """The certificates in a directory.

    A change that can't be read is logged, and what was there before goes on serving.
    """

    def __init__(self, directory: Path, clock_s: Callable[[], float]) -> None:
        """Raises NoCertificates when the directory holds none that can be used."""
        self._directory = directory
        self._clock_s = clock_s
        self._checked_s = clock_s()
        self._seen = self._look()
        self._by_name: dict[str, ssl.SSLContext] = {}
        self._ends: dict[str, datetime] = {}
        self._default = self._load()

    def find(self, server_name: str | None) -> ssl.SSLContext:
        now_s = self._clock_s()
        if now_s - self._checked_s >= CHECKED_EVERY_S:
            self._checked_s = now_s
            self._refresh()
        if server_name is None:
            return self._default
        name = server_name.lower().removesuffix(".")
        exact = self._by_name.get(name)
        # A wildcard stands for one label (RFC 9525, 6.3).
        return exact or self._by_name.get("*." + name.partition(".")[2]) or self._default

    def reload(self) -> None:
        self._checked_s = float("-inf")

    def ends(self) -> Mapping[str, datetime]:
        self._refresh()
        return self._ends

    def _refresh(self) -> None:
        try:
            seen = self._look()
            if seen == self._seen:
                return
            self._seen = seen
            self._default = self._load()
        except (OSError, NoCertificates) as error:
            _log.error(
                "new certificates could not be used; the former ones go on",
                directory=str(self._directory),
                fault=str(error),
            )

    def _pairs(self) -> Iterator[_Pair]:
        for path in sorted(self._directory.iterdir()):
            if path.is_dir():
                pair = _Pair(path / "fullchain.pem", path / "privkey.pem")
                if pair.certificate.exists():
                    yield pair
            elif path.suffix in (".pem", ".crt"):
                yield _Pair(path, path.with_suffix(".key"))

    def _look(self) -> list[tuple[str, int, int]]:
        return [
            # The time of a change tells of new rights too, where a key could not be read before.
            (str(path), stat.st_ctime_ns, stat.st_ino)
            for pair in self._pairs()
            for path in pair
            if path.exists()
            for stat in [path.stat()]
        ]

    def _load(self) -> ssl.SSLContext:
        by_name: dict[str, ssl.SSLContext] = {}
        default: ssl.SSLContext | None = None
        ends: dict[str, datetime] = {}
        alone: list[_Pair] = []
        for pair in self._pairs():
            if not pair.key.exists():
                alone.append(pair)
                continue
            certificate = _read_certificate(pair)
            context = _read_context(pair)
            default = default or context
            ends[str(pair.certificate.relative_to(self._directory))] = certificate.not_valid_after_utc
            for name in names_of(certificate):
                by_name.setdefault(name.lower(), context)
        if default is None and alone:
            raise NoCertificates(f"{alone[0].certificate} has no key beside it: put it at {alone[0].key}")
        if default is None:
            raise NoCertificates(
                f"{self._directory} holds no certificate: put NAME.pem and NAME.key there, or leave --tls-dir out"
            )
        for pair in alone:
            _log.warning("a certificate is not served: it has no key beside it", key=str(pair.key))
        self._by_name = by_name
        self._ends = ends
        return default


def _read_certificate(pair: _Pair) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(pair.certificate.read_bytes())[0]
    except OSError as error:
        raise _unreadable(pair.certificate, error) from None
    except ValueError:
        raise NoCertificates(f"{pair.certificate} is no certificate: put one there, in PEM, with its chain") from None


def _read_context(pair: _Pair) -> ssl.SSLContext:
    context = new_context(ssl.SSLContext)
    try:
        pair.key.read_bytes()  # By its name: what follows does not say which of the two files could not be read.
        context.load_cert_chain(pair.certificate, pair.key, password="")
    except ssl.SSLError as error:
        if "MISMATCH" in (error.reason or ""):
            raise NoCertificates(
                f"{pair.key} is not the key of {pair.certificate}: put both of one pair there"
            ) from None
        raise NoCertificates(f"{pair.key} is no private key in PEM without a passphrase: put one there") from None
    except OSError as error:
        raise _unreadable(pair.key, error) from None
    return context


def _unreadable(path: Path, error: OSError) -> NoCertificates:
    return NoCertificates(
        f"{path}: {error.strerror}: let the user who serves read it, such as by chgrp holdfast and chmod 640"
    )


class IssuedCertificates:
    """Certificates of the local authority, made when a name of ours is first asked for."""

    def __init__(
        self,
        authority: LocalAuthority,
        domains: tuple[str, ...],
        hosts: tuple[str, ...],
        is_tenancy: Callable[[str], bool],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`domains`: what tenancies' names stand below.

        `hosts`: other names and addresses of this machine, for the default.
        """
        self._authority = authority
        self._domains = domains
        self._hosts = hosts
        self._is_tenancy = is_tenancy
        self._now = now
        self._contexts: dict[str, tuple[datetime, ssl.SSLContext]] = {}

    def find(self, server_name: str | None) -> ssl.SSLContext:
        tenancy = self._tenancy_of(server_name.lower().removesuffix(".")) if server_name else None
        today = self._now()
        kept = self._contexts.get(tenancy or "")
        if kept is not None and (today - kept[0]).days < 1:
            return kept[1]
        if tenancy is None:
            names = [*self._domains, *self._hosts]
        else:
            names = [name for domain in self._domains for name in (f"{tenancy}.{domain}", f"*.{tenancy}.{domain}")]
        context = new_context(ssl.SSLContext)
        # A tenancy's name has no underscore, so that no tenancy is called like the default's file.
        context.load_cert_chain(self._authority.find(tenancy or "_default", names, today))
        if len(self._contexts) >= KEPT_MAX:
            self._contexts.clear()
        self._contexts[tenancy or ""] = (today, context)
        return context

    def reload(self) -> None:
        self._contexts.clear()

    def ends(self) -> Mapping[str, datetime]:
        return {}  # They are made anew in time.

    def _tenancy_of(self, name: str) -> str | None:
        for domain in self._domains:
            if name.endswith(f".{domain}"):
                tenancy = name[: -len(domain) - 1].rpartition(".")[2]
                if tenancy in self._contexts or self._is_tenancy(tenancy):
                    return tenancy
        return None
