"""Certificates: from a directory that changes while we serve, and from the authority of the home."""

from __future__ import annotations

import os
import re
import ssl
import stat
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509

from holdfast import assemble
from holdfast.catalog.memory import MemoryCatalog
from holdfast.config import load_settings
from holdfast.edge.authority import LIFE, RENEWED_BEFORE, LocalAuthority, names_of
from holdfast.edge.tls import CertificateDirectory, Certificates, IssuedCertificates, NoCertificates, server_context
from holdfast.edge.worker import open_certificates

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
Clock = Callable[[], float]


def issue(directory: Path, name: str, names: Sequence[str], now: datetime | None = None) -> None:
    """Put NAME.pem and NAME.key into a directory, issued by an authority beside it."""
    authority = LocalAuthority(directory.parent / "authority")
    moment = now or datetime.now(UTC)
    authority.prepare(moment)
    both = authority.find(name, names, moment).read_text()
    key, begin, rest = both.partition("-----BEGIN CERTIFICATE-----")
    (directory / f"{name}.key").write_text(key)
    (directory / f"{name}.pem").write_text(begin + rest)


def shown(certificates: Certificates, server_name: str | None, trusted: Path) -> list[str]:
    """Shake hands in memory and return the names of the certificate that the server showed."""
    client_context = ssl.create_default_context(cafile=str(trusted))
    client_context.check_hostname = False
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname=server_name)
    server = server_context(certificates, bytes).wrap_bio(to_server, to_client, server_side=True)
    done: set[object] = set()
    while len(done) < 2:
        for side in (client, server):
            try:
                side.do_handshake()
                done.add(side)
            except ssl.SSLWantReadError:
                continue
    der = client.getpeercert(binary_form=True)
    assert der is not None
    assert client.version() in ("TLSv1.2", "TLSv1.3")
    return names_of(x509.load_der_x509_certificate(der))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    found = tmp_path / "tls"
    found.mkdir()
    issue(found, "a", ["a.example.org", "*.a.example.org"])
    issue(found, "b", ["b.example.org"])
    return found


def test_the_name_that_is_asked_for_picks_the_certificate(directory: Path, tmp_path: Path) -> None:
    certificates = CertificateDirectory(directory, lambda: 0.0)
    ca = tmp_path / "authority" / "ca.pem"
    assert shown(certificates, "b.example.org", ca) == ["b.example.org"]
    assert shown(certificates, "B.Example.org", ca) == ["b.example.org"]
    assert "a.example.org" in shown(certificates, "bucket.a.example.org", ca)


def test_an_unknown_name_gets_the_first_certificate(directory: Path, tmp_path: Path) -> None:
    certificates = CertificateDirectory(directory, lambda: 0.0)
    ca = tmp_path / "authority" / "ca.pem"
    for name in ("else.example.net", "two.labels.a.example.org", None):
        assert "a.example.org" in shown(certificates, name, ca)


def test_a_new_certificate_is_served_within_a_second(directory: Path, tmp_path: Path) -> None:
    now_s = 100.0
    certificates = CertificateDirectory(directory, lambda: now_s)
    issue(directory, "c", ["c.example.org"])
    ca = tmp_path / "authority" / "ca.pem"
    assert shown(certificates, "c.example.org", ca) != ["c.example.org"]
    now_s += 1.0
    assert shown(certificates, "c.example.org", ca) == ["c.example.org"]


def test_certificates_that_cannot_be_read_leave_the_former_ones(directory: Path, tmp_path: Path) -> None:
    now_s = 100.0
    certificates = CertificateDirectory(directory, lambda: now_s)
    (directory / "b.pem").write_text("half of a file")
    now_s += 1.0
    assert shown(certificates, "b.example.org", tmp_path / "authority" / "ca.pem") == ["b.example.org"]


def test_what_acme_clients_leave_is_found(tmp_path: Path) -> None:
    directory = tmp_path / "tls"
    directory.mkdir()
    issue(directory, "x", ["x.example.org"])
    (directory / "x.example.org").mkdir()
    (directory / "x.pem").rename(directory / "x.example.org" / "fullchain.pem")
    (directory / "x.key").rename(directory / "x.example.org" / "privkey.pem")
    certificates = CertificateDirectory(directory, lambda: 0.0)
    assert shown(certificates, "x.example.org", tmp_path / "authority" / "ca.pem") == ["x.example.org"]


def test_an_empty_directory_is_refused_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(NoCertificates, match="holds no certificate"):
        CertificateDirectory(tmp_path, lambda: 0.0)


def spoil_certificate(directory: Path) -> None:
    (directory / "b.pem").write_text("half of a file")


def spoil_key(directory: Path) -> None:
    (directory / "b.key").write_text("half of a file")


def exchange_keys(directory: Path) -> None:
    (directory / "b.key").write_bytes((directory / "a.key").read_bytes())


def make_key_unreadable(directory: Path) -> None:
    # root reads whatever its rights are, but no directory.
    (directory / "b.key").unlink()
    (directory / "b.key").mkdir()


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (spoil_certificate, r"/b\.pem is no certificate: put one there, in PEM"),
        (spoil_key, r"/b\.key is no private key in PEM without a passphrase"),
        (exchange_keys, r"/b\.key is not the key of .*/b\.pem"),
        (make_key_unreadable, r"/b\.key: .*: let the user who serves read it"),
    ],
)
def test_what_is_wrong_with_a_certificate_is_a_sentence_with_the_file(
    directory: Path, tmp_path: Path, spoil: Callable[[Path], None], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    now_s = 100.0
    running = CertificateDirectory(directory, lambda: now_s)
    spoil(directory)
    with pytest.raises(NoCertificates, match=sentence):
        CertificateDirectory(directory, lambda: 0.0)
    now_s += 1.0
    assert shown(running, "b.example.org", tmp_path / "authority" / "ca.pem") == ["b.example.org"]
    said = capsys.readouterr().out
    assert re.search(sentence, said)
    assert "Traceback" not in said


def test_a_certificate_without_its_key_is_named(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (directory / "b.key").unlink()
    CertificateDirectory(directory, lambda: 0.0)
    assert str(directory / "b.key") in capsys.readouterr().out
    (directory / "a.key").unlink()
    with pytest.raises(NoCertificates, match=r"/a\.pem has no key beside it: put it at .*/a\.key"):
        CertificateDirectory(directory, lambda: 0.0)


def make_issued(tmp_path: Path, now: Callable[[], datetime]) -> IssuedCertificates:
    authority = LocalAuthority(tmp_path)
    authority.prepare(now())
    return IssuedCertificates(
        authority,
        ("s3-ext.localhost", "s3.localhost"),
        ("localhost", "127.0.0.1", "::1"),
        lambda name: name == "my-o",
        now,
    )


def test_each_tenancy_gets_a_certificate_of_its_own(tmp_path: Path) -> None:
    certificates = make_issued(tmp_path, lambda: datetime.now(UTC))
    for name in ("my-o.s3-ext.localhost", "bucket.my-o.s3-ext.localhost"):
        found = shown(certificates, name, tmp_path / "ca.pem")
        assert found[:2] == ["my-o.s3-ext.localhost", "*.my-o.s3-ext.localhost"]


@pytest.mark.parametrize("name", [None, "s3-ext.localhost", "other-o.s3-ext.localhost", "..s3-ext.localhost", "a/../b"])
def test_other_names_get_the_default_and_issue_nothing(tmp_path: Path, name: str | None) -> None:
    certificates = make_issued(tmp_path, lambda: datetime.now(UTC))
    certificates.find(name)
    assert os.listdir(tmp_path / "issued") == ["_default.pem"]
    assert {"s3-ext.localhost", "localhost", "127.0.0.1", "::1"} <= set(shown(certificates, None, tmp_path / "ca.pem"))


@pytest.mark.parametrize(("url", "name"), [("https://portal.example.org", "portal.example.org"), ("", "localhost")])
def test_a_home_whose_portal_alone_is_served_by_https_has_a_certificate_for_it(
    tmp_path: Path, url: str, name: str
) -> None:
    options = {"portal": ("127.0.0.1:8444",), "portal_url": url}
    settings = load_settings(tmp_path / "home", options, {"HOLDFAST_S3_TLS": ""})
    home = assemble.open_home(settings, create=True)
    LocalAuthority(home.tls).prepare(datetime.now(UTC))
    certificates = open_certificates(settings, home, MemoryCatalog())
    assert certificates is not None
    assert {name, "localhost"} <= set(shown(certificates, name, home.tls / "ca.pem"))


def test_a_home_without_https_opens_no_certificates(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home", {}, {"HOLDFAST_S3_TLS": "", "HOLDFAST_PORTAL": ""})
    assert open_certificates(settings, assemble.open_home(settings, create=True), MemoryCatalog()) is None


def test_certificates_of_a_directory_are_read_anew_by_the_clock_of_any_process(directory: Path, tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "home", {"tls_dir": str(directory)}, {})
    now_s = 100.0
    home = assemble.open_home(settings, create=True)
    certificates = open_certificates(settings, home, MemoryCatalog(), lambda: now_s)
    assert certificates is not None
    issue(directory, "portal", ["portal.example.org"])
    now_s += 1.0
    ca = tmp_path / "authority" / "ca.pem"
    assert shown(certificates, "portal.example.org", ca) == ["portal.example.org"]


def test_a_certificate_is_issued_once_and_renewed_before_it_ends(tmp_path: Path) -> None:
    authority = LocalAuthority(tmp_path)
    authority.prepare(NOW)
    path = authority.find("my-o", ["my-o.example"], NOW)
    first = path.read_bytes()
    assert (
        authority.find("my-o", ["my-o.example"], NOW + LIFE - RENEWED_BEFORE - timedelta(days=1)).read_bytes() == first
    )
    assert authority.find("my-o", ["my-o.example"], NOW + LIFE - RENEWED_BEFORE).read_bytes() != first


def test_other_names_make_another_certificate(tmp_path: Path) -> None:
    authority = LocalAuthority(tmp_path)
    authority.prepare(NOW)
    first = authority.find("my-o", ["my-o.old"], NOW).read_bytes()
    assert authority.find("my-o", ["my-o.new"], NOW).read_bytes() != first


def test_the_authority_stays_when_it_is_prepared_again(tmp_path: Path) -> None:
    authority = LocalAuthority(tmp_path)
    authority.prepare(NOW)
    first = authority.certificate_file.read_bytes()
    authority.prepare(NOW + timedelta(days=365))
    assert authority.certificate_file.read_bytes() == first


def test_keys_are_for_their_owner_only(tmp_path: Path) -> None:
    authority = LocalAuthority(tmp_path)
    authority.prepare(NOW)
    for path in (tmp_path / "ca.key", authority.find("x", ["x"], NOW)):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
