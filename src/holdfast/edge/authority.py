"""A certificate authority of this home's own, for sites that have no certificates yet.

    HOME/tls/ca.pem      what clients are told to trust
    HOME/tls/ca.key      0600; who reads it can be any host to those clients
    HOME/tls/issued/     NAME.pem: a private key, its certificate and the authority's

Source: CA/Browser Forum baseline requirements, sections 6.3.2 and 7.1 (lifetimes and extensions that clients insist
on).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_LIFE: Final = timedelta(days=3650)
LIFE: Final = timedelta(days=397)
RENEWED_BEFORE: Final = timedelta(days=30)
_CLOCKS_DIFFER: Final = timedelta(hours=1)


class LocalAuthority:
    """Issues certificates into files; processes that ask for the same one at once get the same file."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._issued = directory / "issued"
        self._issued.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def certificate_file(self) -> Path:
        return self._directory / "ca.pem"

    def prepare(self, now: datetime) -> None:
        """Make the authority if there is none, or if it ends within a leaf's life."""
        with self._locked():
            if self.certificate_file.exists():
                found = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())
                if found.not_valid_after_utc - now > LIFE:
                    return
            key = ec.generate_private_key(ec.SECP256R1())
            name = x509.Name(
                [
                    x509.NameAttribute(NameOID.ORGANIZATION_NAME, "holdfast"),
                    x509.NameAttribute(NameOID.COMMON_NAME, f"holdfast local authority of {os.uname().nodename}"[:64]),
                ]
            )
            certificate = (
                _builder(name, name, key.public_key(), now, AUTHORITY_LIFE)
                .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
                .add_extension(_key_usage(signs_certificates=True), critical=True)
                .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
                .sign(key, hashes.SHA256())
            )
            _write(self._directory / "ca.key", _private(key), 0o600)
            _write(self.certificate_file, certificate.public_bytes(serialization.Encoding.PEM), 0o644)

    def find(self, file_name: str, names: Sequence[str], now: datetime) -> Path:
        """Return a file with a certificate for these names and its key: the issued one, or a new one near its end."""
        path = self._issued / f"{file_name}.pem"
        if not self._is_good(path, names, now):
            with self._locked():
                if not self._is_good(path, names, now):
                    _write(path, self._issue(names, now), 0o600)
        return path

    def _is_good(self, path: Path, names: Sequence[str], now: datetime) -> bool:
        try:
            chain = x509.load_pem_x509_certificates(path.read_bytes())
        except (OSError, ValueError):
            return False
        authority = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())
        return (
            chain[0].not_valid_after_utc - now > RENEWED_BEFORE
            and chain[-1] == authority
            and set(names_of(chain[0])) == set(names)
        )

    def _issue(self, names: Sequence[str], now: datetime) -> bytes:
        authority = x509.load_pem_x509_certificate(self.certificate_file.read_bytes())
        signer = serialization.load_pem_private_key((self._directory / "ca.key").read_bytes(), None)
        assert isinstance(signer, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
        certificate = (
            _builder(subject, authority.subject, key.public_key(), now, LIFE)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
            .sign(signer, hashes.SHA256())
        )
        encoding = serialization.Encoding.PEM
        return _private(key) + certificate.public_bytes(encoding) + authority.public_bytes(encoding)

    def _locked(self) -> _Lock:
        return _Lock(self._directory / "lock")


def names_of(certificate: x509.Certificate) -> list[str]:
    """Return the host names and addresses that a certificate is for."""
    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = [str(address) for address in extension.get_values_for_type(x509.IPAddress)]
    return extension.get_values_for_type(x509.DNSName) + addresses


class _Lock:
    """A lock on a file, between processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = -1

    def __enter__(self) -> None:
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - _CLOCKS_DIFFER)
        .not_valid_after(now.astimezone(UTC) + life)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write(path: Path, data: bytes, mode: int) -> None:
    """Put a whole file in its place, durably, so that nobody ever reads half of it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, mode)
    with os.fdopen(fd, "wb") as file:
        os.fchmod(file.fileno(), mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
