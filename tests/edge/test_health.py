"""Health, metrics, and cross-origin requests: what is answered without a signature."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from holdfast.s3.documents import cors

from .conftest import TENANCY, Answered, Served, Wire, raw_head, serving

RULES = b"""<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>https://app.example</AllowedOrigin>
<AllowedHeader>x-*</AllowedHeader><ExposeHeader>ETag</ExposeHeader></CORSRule></CORSConfiguration>"""
HOST = "my-o.s3.localhost"


def test_live_and_ready_need_no_signature(wire: Wire) -> None:
    for path in ("/health/live", "/health/ready"):
        assert wire.send(raw_head("GET", path, {"host": "a"})).read().status == 200


def test_a_signed_request_of_that_path_is_about_a_bucket(served: Served) -> None:
    assert served.ask("GET", "/health/live").code == "NoSuchBucket"


def test_metrics_are_counted_and_told_to_this_machine() -> None:
    with serving() as served:
        served.ask("GET", "/data/none")
        served.ask("PUT", "/data/k", b"12345")
        wire = served.connect()
        text = wire.send(raw_head("GET", "/_admin/metrics", {"host": "a"})).read().body.decode()
        assert 'holdfast_requests_total{operation="PutObject",status="2xx"} 1.0' in text
        assert 'holdfast_requests_total{operation="GetObject",status="4xx"} 1.0' in text
        again = wire.send(raw_head("GET", "/_admin/metrics", {"host": "a"})).read().body.decode()
        assert 'holdfast_requests_total{operation="Health",status="2xx"} 1.0' in again
        assert 'operation="Unknown"' not in again
        assert 'holdfast_received_bytes_total{operation="PutObject"} 5.0' in text
        assert 'holdfast_request_duration_seconds_count{operation="PutObject"} 1.0' in text
        assert f'holdfast_tenancy_used_bytes{{tenancy="{TENANCY}"}} 5.0' in text
        assert f'holdfast_tenancy_objects{{tenancy="{TENANCY}"}} 1.0' in text
        wire.close()


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "via"])
def test_metrics_are_not_told_through_a_proxy(wire: Wire, header: str) -> None:
    assert wire.send(raw_head("GET", "/_admin/metrics", {"host": "a", header: "198.51.100.7"})).read().status == 403


def test_the_refusal_of_metrics_names_loopback(wire: Wire) -> None:
    answered = wire.send(raw_head("GET", "/_admin/metrics", {"host": "a", "via": "1.1 a"})).read()
    assert b"loopback addresses only" in answered.body


@pytest.fixture(scope="module")
def shared() -> Iterator[Served]:
    with serving() as served:
        assert served.ask("PUT", "/data?cors", RULES).status == 200
        served.ask("PUT", "/data/k", b"x")
        yield served


def preflight(served: Served, **headers: str) -> Answered:
    wire = served.connect()
    try:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return wire.send(raw_head("OPTIONS", "/data/k", {"host": HOST, **fields})).read()
    finally:
        wire.close()


def test_a_preflight_that_a_rule_allows(shared: Served) -> None:
    answered = preflight(
        shared,
        origin="https://app.example",
        access_control_request_method="GET",
        access_control_request_headers="X-Amz-Date",
    )
    assert answered.status == 200
    assert answered.headers["access-control-allow-origin"] == "https://app.example"
    assert answered.headers["access-control-allow-headers"] == "x-amz-date"


@pytest.mark.parametrize(
    ("origin", "method"), [("https://evil.example", "GET"), ("https://app.example", "PUT"), ("null", "GET")]
)
def test_a_preflight_that_no_rule_allows_is_forbidden(shared: Served, origin: str, method: str) -> None:
    answered = preflight(shared, origin=origin, access_control_request_method=method)
    assert answered.status == 403
    assert "access-control-allow-origin" not in answered.headers


def test_a_preflight_without_an_origin_is_malformed(shared: Served) -> None:
    assert preflight(shared).status == 400


def test_actual_answers_and_refusals_carry_the_headers(shared: Served) -> None:
    for path, status in (("/data/k", 200), ("/data/none", 404)):
        answered = shared.ask("GET", path, origin="https://app.example")
        assert answered.status == status
        assert answered.headers["access-control-allow-origin"] == "https://app.example"
        assert answered.headers["access-control-expose-headers"] == "ETag"


def test_another_origin_gets_none_of_them_but_caches_are_told(shared: Served) -> None:
    answered = shared.ask("GET", "/data/k", origin="https://evil.example")
    assert "access-control-allow-origin" not in answered.headers
    assert answered.headers["vary"] == cors.VARY


def test_a_refused_signature_tells_the_browser_why(shared: Served) -> None:
    wire = shared.connect()
    head = shared.head("GET", "/data/k", {"origin": "https://app.example"}, host=HOST).replace(b"/data/k", b"/data/l")
    answered = wire.send(head).read()
    assert answered.code == "SignatureDoesNotMatch"
    assert answered.headers["access-control-allow-origin"] == "https://app.example"
    wire.close()
