"""https and IPv6 from a running store: names pick certificates, files are exchanged live, and old protocols are refused."""

from __future__ import annotations

import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from cryptography import x509
from tests.attacks.wire import Answer, Letter, Wire, signed
from tests.edge.test_tls import issue
from tests.serving import Key, Store, serve

from holdfast.auth.roles import Role
from holdfast.config import Limits
from holdfast.edge.authority import names_of

TENANCY = "my-os-tenancy-o"
OTHER = "my-other-o"
ADDRESSES = ("127.0.0.1:0", "[::1]:0")


class Shop:
    """A running store with both endpoints on both loopbacks, and a key."""

    def __init__(self, store: Store, trusted: Path) -> None:
        self.store = store
        self.trusted = trusted
        self.key: Key = store.make_key(TENANCY, "nora", Role.MANAGER)
        client = store.client(self.key)
        client.create_bucket(Bucket="data")
        client.put_object(Bucket="data", Key="k", Body=b"inside")

    def port(self, index: int, *, secure: bool) -> int:
        return int(self.store.facts["s3_tls" if secure else "s3"][index].rpartition(":")[2])

    def connect(self, name: str | None, address: str = "127.0.0.1", **options: Any) -> Wire:
        """Shake hands, checking what the server shows for this name."""
        context = ssl.create_default_context(cafile=str(self.trusted))
        for option, value in options.items():
            setattr(context, option, value)
        return Wire(self.port(":" in address, secure=True), tls=context, name=name, address=address)

    def get(self, wire: Wire, host: str, path: str = "/data/k") -> Answer:
        letter = signed(Letter("GET", path, "", (("host", host),)), self.key)
        return wire.send(letter.head).read()

    def shown(self, name: str) -> list[str]:
        with self.connect(name, check_hostname=False) as wire:
            assert isinstance(wire.socket, ssl.SSLSocket)
            return names_of(x509.load_der_x509_certificate(wire.socket.getpeercert(binary_form=True) or b""))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A store with certificates of its own authority."""
    home = tmp_path_factory.mktemp("issued") / "home"
    with serve(home, s3=ADDRESSES, s3_tls=ADDRESSES) as store:
        store.make_tenancy(OTHER)
        yield Shop(store, store.ca)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (f"{TENANCY}.s3-ext.localhost", "/data/k"),
        (f"data.{TENANCY}.s3-ext.localhost", "/k"),
        (f"{TENANCY}.s3.localhost", "/data/k"),
        (f"data.{TENANCY}.s3.localhost", "/k"),
        ("localhost", "/data/k"),
        ("127.0.0.1", "/data/k"),
    ],
)
def test_every_name_of_ours_is_trusted_by_who_trusts_the_local_authority(shop: Shop, name: str, path: str) -> None:
    with shop.connect(name) as wire:
        assert shop.get(wire, f"{name}:{shop.port(0, secure=True)}", path).body == b"inside"


@pytest.mark.parametrize("secure", [False, True])
def test_an_ipv6_address_is_served_in_path_style(shop: Shop, secure: bool) -> None:
    port = shop.port(1, secure=secure)
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=f"http{'s' if secure else ''}://[::1]:{port}",
        aws_access_key_id=shop.key.token,
        aws_secret_access_key=shop.key.secret,
        region_name="us-east-1",
        verify=str(shop.trusted),
        config=Config(retries={"total_max_attempts": 1}),
    )
    client.put_object(Bucket="data", Key="six", Body=b"over IPv6")
    assert client.get_object(Bucket="data", Key="six")["Body"].read() == b"over IPv6"


def test_a_tenancys_name_works_over_ipv6_too(shop: Shop) -> None:
    name = f"data.{TENANCY}.s3-ext.localhost"
    with shop.connect(name, "::1") as wire:
        assert shop.get(wire, name, "/k").body == b"inside"


def test_the_name_of_the_handshake_and_that_of_the_request_are_two_things(shop: Shop) -> None:
    # Host decides, and the key has to belong there: a connection that was made for one tenancy opens no other.
    with shop.connect(f"{OTHER}.s3-ext.localhost") as wire:
        assert shop.get(wire, f"{TENANCY}.s3-ext.localhost").body == b"inside"
        assert shop.get(wire, f"{OTHER}.s3-ext.localhost").code == "InvalidAccessKeyId"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_protocols_before_tls_1_2_are_refused(shop: Shop, version: ssl.TLSVersion) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        Wire(shop.port(0, secure=True), tls=context, name="localhost")


def test_weak_ciphers_and_other_protocols_are_not_spoken(shop: Shop) -> None:
    for ciphers in ("aNULL:eNULL:@SECLEVEL=0", "RC4:3DES:MD5:@SECLEVEL=0", "AES128-SHA:@SECLEVEL=0"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        try:
            context.set_ciphers(ciphers)
        except ssl.SSLError:
            continue  # not even the client's library has them
        with pytest.raises((ssl.SSLError, ConnectionResetError)):
            Wire(shop.port(0, secure=True), tls=context, name="localhost")
    context = ssl.create_default_context(cafile=str(shop.trusted))
    context.set_alpn_protocols(["h2", "http/1.1"])
    with Wire(shop.port(0, secure=True), tls=context, name="localhost") as wire:
        assert isinstance(wire.socket, ssl.SSLSocket)
        assert wire.socket.selected_alpn_protocol() == "http/1.1"


@pytest.mark.parametrize("style", ["virtual", "path"])
def test_boto3_reaches_a_tenancy_by_name_in_both_styles(
    shop: Shop, style: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        return real("127.0.0.1" if str(host).endswith(".localhost") else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    for secure in (True, False):
        client = boto3.session.Session().client(
            "s3",
            endpoint_url=f"http{'s' if secure else ''}://{shop.store.host_of(TENANCY, secure=secure)}",
            aws_access_key_id=shop.key.token,
            aws_secret_access_key=shop.key.secret,
            region_name="us-east-1",
            verify=str(shop.trusted),
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": style}),  # type: ignore[arg-type]
        )
        client.put_object(Bucket="data", Key=f"{style}/k", Body=b"x" * 300_000)
        assert client.get_object(Bucket="data", Key=f"{style}/k")["Body"].read() == b"x" * 300_000
        assert [each["Name"] for each in client.list_buckets()["Buckets"]] == ["data"]


def test_a_handshake_that_is_cut_or_never_comes_leaves_the_server_well(shop: Shop) -> None:
    hello = bytes.fromhex("16030100c8010000c40303")
    for data in (b"", hello, hello + bytes(200), b"\x80\x2e\x01\x00\x02", b"\x16\x03\x01\xff\xff" + bytes(70_000)):
        for _ in range(20):
            with Wire(shop.port(0, secure=True)) as wire:
                wire.send(data)
    with shop.connect("localhost") as wire:
        assert shop.get(wire, "localhost").body == b"inside"


@pytest.mark.parametrize("body", [b"", b"x" * 3_000_000])
def test_http_to_the_https_port_is_told_so_in_http(shop: Shop, body: bytes) -> None:
    for method in (b"GET", b"PUT", b"DELETE"):
        with Wire(shop.port(0, secure=True)) as wire:
            head = b"%s /data/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % (method, len(body))
            answer = wire.send(head + body).read()
        assert (answer.status, answer.code) == (400, "BadRequest")
        assert answer.headers["connection"] == "close"
        assert b"This port speaks https" in answer.body


def test_https_to_the_http_port_is_refused_and_closed_at_once(shop: Shop) -> None:
    for hello in (bytes.fromhex("16030100c8010000c40303") + bytes(194), bytes.fromhex("1603010200010001fc0303")):
        with Wire(shop.port(0, secure=False)) as wire:
            wire.socket.settimeout(Limits().header_timeout_s / 2)
            assert wire.send(hello).read().verdict == (400, "BadRequest")
            assert wire.is_closed()


# --- certificates from a directory


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    found = tmp_path / "tls"
    found.mkdir()
    issue(found, "a", [f"{TENANCY}.s3-ext.localhost", f"*.{TENANCY}.s3-ext.localhost"])
    issue(found, "b", [f"{OTHER}.s3-ext.localhost"])
    return found


def test_certificates_are_exchanged_while_connections_go_on(directory: Path, tmp_path: Path) -> None:
    name, other = f"{TENANCY}.s3-ext.localhost", f"{OTHER}.s3-ext.localhost"
    with serve(tmp_path / "home", "--tls-dir", str(directory), workers=2) as store:
        shop = Shop(store, tmp_path / "authority/ca.pem")
        assert shop.shown(name) == [name, f"*.{name}"]
        assert shop.shown(f"data.{name}") == [name, f"*.{name}"]
        assert shop.shown(other) == [other]
        assert shop.shown("nobodys.example") == [name, f"*.{name}"]
        with shop.connect(name) as kept:
            assert shop.get(kept, name).body == b"inside"
            shutil.rmtree(tmp_path / "authority/issued")
            issue(directory, "b", [other, "new.example"])
            issue(directory, "c", ["third.example"])
            until = time.monotonic() + 20
            # Each worker looks for itself; ask until both have surely been asked.
            while not all(shop.shown("third.example") == ["third.example"] for _ in range(12)):
                assert time.monotonic() < until, "the new certificate never came"
                time.sleep(0.1)
            assert shop.shown(other) == [other, "new.example"]
            assert shop.get(kept, name).body == b"inside"
            # A file that is no certificate changes nothing.
            (directory / "c.pem").write_text("-----BEGIN CERTIFICATE-----\n")
            assert shop.shown(other) == [other, "new.example"]
            assert shop.get(kept, name).body == b"inside"
