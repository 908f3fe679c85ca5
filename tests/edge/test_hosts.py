"""Which tenancy and bucket a request is for, and what trusted proxies may say of it."""

from __future__ import annotations

from contextlib import suppress
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.edge.hosts import NOWHERE, Place, find_place, read_origin
from holdfast.s3.codes import S3Error

from .conftest import TENANCY, Served, Wire, serving

DOMAINS = ("s3.example.org", "s3-ext.example.org")


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("my-o.s3.example.org", Place("my-o", None)),
        ("my-o.s3.example.org:8080", Place("my-o", None)),
        ("MY-O.S3.Example.ORG.", Place("my-o", None)),
        ("my-o.s3-ext.example.org", Place("my-o", None)),
        ("bucket.my-o.s3.example.org", Place("my-o", "bucket")),
        ("dotted.bucket.my-o.s3.example.org:443", Place("my-o", "dotted.bucket")),
        ("s3.example.org", NOWHERE),
        ("127.0.0.1:8080", NOWHERE),
        ("[::1]:8080", NOWHERE),
        ("localhost", NOWHERE),
        ("else.where.net", NOWHERE),
        ("nots3.example.org", NOWHERE),
        ("", NOWHERE),
    ],
)
def test_a_host_names_a_tenancy_and_a_bucket_on_label_boundaries(host: str, place: Place) -> None:
    assert find_place(host, DOMAINS) == place


@pytest.mark.parametrize(
    "host", [".s3.example.org", "a..s3.example.org", "..my-o.s3.example.org", "b@d.s3.example.org", "x" * 300]
)
def test_a_host_below_ours_that_names_nothing_is_refused(host: str) -> None:
    with pytest.raises(S3Error) as refused:
        find_place(host, DOMAINS)
    assert refused.value.status == 400


@given(st.text(max_size=80))
def test_no_host_breaks_the_reader(host: str) -> None:
    with suppress(S3Error):
        find_place(host, DOMAINS)


FORWARDED = {
    "host": "10.0.0.1:8080",
    "x-forwarded-host": "my-o.s3.example.org",
    "x-forwarded-proto": "https",
    "x-forwarded-port": "8443",
    "x-forwarded-for": "203.0.113.9, 198.51.100.7",
}


def test_a_stranger_forwards_nothing() -> None:
    origin = read_origin(FORWARDED, "192.0.2.1", is_secure=False, is_trusted=False)
    assert origin == (("10.0.0.1:8080",), "192.0.2.1", False)


def test_a_trusted_proxy_says_who_and_what_was_asked_for() -> None:
    origin = read_origin(FORWARDED, "192.0.2.1", is_secure=False, is_trusted=True)
    assert origin.hosts == ("my-o.s3.example.org", "my-o.s3.example.org:8443", "10.0.0.1:8080")
    assert (origin.address, origin.is_secure) == ("198.51.100.7", True)


def test_the_standard_header_says_the_same() -> None:
    headers = {"host": "a", "forwarded": 'for="[2001:db8::7]:4711";host=my-o.s3.example.org;proto=https'}
    origin = read_origin(headers, "192.0.2.1", is_secure=False, is_trusted=True)
    assert origin == (("my-o.s3.example.org", "a"), "2001:db8::7", True)


@pytest.mark.parametrize("said", ["unknown", '"}\n', "1.2.3", "_hidden", "x" * 10_000])
def test_what_is_no_address_is_not_taken_for_one(said: str) -> None:
    headers = {"host": "a", "x-forwarded-for": said}
    assert read_origin(headers, "192.0.2.1", is_secure=False, is_trusted=True).address == "192.0.2.1"


def test_virtual_host_style_reaches_the_bucket(wire: Wire, served: Served) -> None:
    host = f"data.{TENANCY}.s3.localhost"
    wire.send(served.head("PUT", "/vhost/key", {"content-length": "1"}, host=host) + b"v")
    assert wire.read().status == 200
    assert wire.send(served.head("GET", "/data/vhost/key")).read().body == b"v"


def test_the_key_of_another_tenancy_is_unknown_on_this_ones_host(wire: Wire, served: Served) -> None:
    answered = wire.send(served.head("GET", "/data", host="other-o.s3.localhost")).read()
    assert (answered.status, answered.code) == (403, "InvalidAccessKeyId")


@pytest.mark.parametrize("path", ["/data/a//b", "/data/a%2Fb", "/data/./..", "/data/%E2%98%83/", "/data/a%20b%2Bc"])
def test_a_signature_stays_valid_behind_a_proxy_that_rewrites_host(path: str) -> None:
    with serving(proxies=(ip_network("127.0.0.0/8"),)) as served:
        wire = served.connect()
        client_host = f"{TENANCY}.s3.localhost:9000"
        head = served.head("PUT", path, {"content-length": "1"}, host=client_host)
        forwarded = f"Host: backend:8080\r\nX-Forwarded-Host: {TENANCY}.s3.localhost\r\nX-Forwarded-Port: 9000\r\n"
        head = head.replace(f"host: {client_host}\r\n".encode(), forwarded.encode())
        assert wire.send(head + b"x").read().status == 200
        wire.close()


def test_the_same_headers_from_a_stranger_change_nothing(wire: Wire, served: Served) -> None:
    client_host = f"{TENANCY}.s3.localhost"
    head = served.head("GET", "/data", host=client_host)
    forwarded = f"Host: backend\r\nX-Forwarded-Host: {client_host}\r\n"
    answered = wire.send(head.replace(f"host: {client_host}\r\n".encode(), forwarded.encode())).read()
    assert answered.code == "SignatureDoesNotMatch"
