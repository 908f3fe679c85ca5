"""A real LDAP directory for tests: Debian's slapd as a plain process on loopback, with a certificate of its own.

with slapd(tmp_path) as directory:
    directory.person("ann", "her password", mail="ann@uni.example")
    directory.posix_group("cmip", "ann")
"""

from __future__ import annotations

import datetime
import ipaddress
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

BASE = "dc=uni,dc=example"
PEOPLE = f"ou=people,{BASE}"
GROUPS = f"ou=groups,{BASE}"
ROOT = f"cn=root,{BASE}"
ROOT_PASSWORD = "the root of this directory"
READER = f"cn=reader,{BASE}"
READER_PASSWORD = "may read and no more"

_CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload ppolicy
pidfile {root}/slapd.pid
argsfile {root}/slapd.args
TLSCACertificateFile {root}/ca.pem
TLSCertificateFile {root}/server.pem
TLSCertificateKeyFile {root}/server.key
# A password crosses no connection in clear.
security simple_bind={strength}
allow bind_anon_cred
sizelimit {sizelimit}
database mdb
maxsize 16777216
suffix "{base}"
rootdn "{root_dn}"
rootpw "{root_password}"
directory {root}/data
overlay ppolicy
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by * none
"""


@dataclass
class Slapd:
    """A running directory."""

    root: Path
    port: int
    tls_port: int
    connection: Any
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"ldaps://127.0.0.1:{self.tls_port}"

    @property
    def ca(self) -> Path:
        return self.root / "ca.pem"

    @property
    def password_file(self) -> Path:
        """The reader's password."""
        return self.root / "reader-password"

    def person(self, uid: str, password: str, **attributes: str) -> str:
        """Add somebody, and return the DN."""
        dn = f"uid={_escaped(uid)},{PEOPLE}"
        values = {"cn": uid, "sn": uid, "uid": uid, "userPassword": password} | attributes
        classes = ["inetOrgPerson", *(["shadowAccount"] if "shadowExpire" in attributes else [])]
        self._add(dn, {"objectClass": classes, **{name: [value] for name, value in values.items()}})
        return dn

    def posix_group(self, name: str, *uids: str) -> str:
        dn = f"cn={name},{GROUPS}"
        self._add(dn, {"objectClass": ["posixGroup"], "cn": [name], "gidNumber": ["5000"], "memberUid": list(uids)})
        return dn

    def group_of_names(self, name: str, *dns: str) -> str:
        dn = f"cn={name},{GROUPS}"
        self._add(dn, {"objectClass": ["groupOfNames"], "cn": [name], "member": list(dns)})
        return dn

    def set(self, dn: str, attribute: str, *values: str) -> None:
        """Give an attribute these values in the place of what it had; none takes it away. Operational ones, too."""
        import ldap
        from ldap.controls.simple import RelaxRulesControl

        change = [(ldap.MOD_REPLACE, attribute, [value.encode() for value in values] or None)]
        self.connection.modify_ext_s(dn, change, serverctrls=[RelaxRulesControl()])

    def remove(self, dn: str) -> None:
        self.connection.delete_s(dn)

    def stop(self) -> None:
        """End it, as if the machine were gone. Its data stays."""
        self.process.terminate()
        self.process.wait(timeout=30)

    def _add(self, dn: str, attributes: dict[str, list[str]]) -> None:
        self.connection.add_s(
            dn, [(name, [value.encode() for value in values]) for name, values in attributes.items() if values]
        )


def _escaped(value: str) -> str:
    from ldap.dn import escape_dn_chars

    return str(escape_dn_chars(value))


@contextmanager
def slapd(root: Path, *, sizelimit: str = "unlimited") -> Iterator[Slapd]:
    """Serve a directory with nobody in it until the block ends."""
    import ldap

    (root / "data").mkdir(parents=True, exist_ok=True)
    _certify(root)
    (root / "reader-password").touch(mode=0o600)
    (root / "reader-password").write_text(READER_PASSWORD + "\n")
    port, tls_port = _free_ports(2)
    config = root / "slapd.conf"
    config.write_text(
        _CONFIG.format(
            root=root, base=BASE, root_dn=ROOT, root_password=ROOT_PASSWORD, reader=READER, strength=128,
            sizelimit=sizelimit,
        )
    )  # fmt: skip
    program = shutil.which("slapd", path="/usr/sbin:/usr/bin:/usr/local/sbin") or "slapd"
    urls = f"ldap://127.0.0.1:{port} ldaps://127.0.0.1:{tls_port}"
    log = (root / "slapd.log").open("wb")
    process = subprocess.Popen([program, "-f", str(config), "-h", urls, "-d", "0"], stdout=log, stderr=log)
    try:
        connection = ldap.initialize(f"ldaps://127.0.0.1:{tls_port}")
        connection.set_option(ldap.OPT_X_TLS_CACERTFILE, str(root / "ca.pem"))
        connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        _await(lambda: connection.simple_bind_s(ROOT, ROOT_PASSWORD), process, root)
        made = Slapd(root, port, tls_port, connection, process)
        made._add(BASE, {"objectClass": ["dcObject", "organization"], "o": ["University"], "dc": ["uni"]})
        for name in ("people", "groups"):
            made._add(f"ou={name},{BASE}", {"objectClass": ["organizationalUnit"], "ou": [name]})
        reader = {"objectClass": ["organizationalRole", "simpleSecurityObject"], "cn": ["reader"]}
        made._add(READER, {**reader, "userPassword": [READER_PASSWORD]})
        yield made
    finally:
        process.terminate()
        process.wait(timeout=30)
        log.close()


def _await(attempt: Any, process: subprocess.Popen[bytes], root: Path) -> None:
    import ldap

    for _ in range(200):
        try:
            attempt()
        except ldap.SERVER_DOWN:
            assert process.poll() is None, (root / "slapd.log").read_text(errors="replace")
            time.sleep(0.05)
        else:
            return
    raise AssertionError("slapd did not answer within 10 s")


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _certify(root: Path) -> None:
    """Write an authority's certificate, and one for localhost that it vouches for."""
    now = datetime.datetime.now(datetime.UTC)

    def make(name: str, issuer: str, key: Any, by: Any, *, is_authority: bool) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
            .issuer_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, issuer)]))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        )
        if not is_authority:
            names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return builder.sign(by, hashes.SHA256())

    authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    pem = serialization.Encoding.PEM
    (root / "ca.pem").write_bytes(make("test CA", "test CA", authority, authority, is_authority=True).public_bytes(pem))
    certificate = make("localhost", "test CA", server, authority, is_authority=False)
    (root / "server.pem").write_bytes(certificate.public_bytes(pem))
    (root / "server.key").touch(mode=0o600)
    (root / "server.key").write_bytes(
        server.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
