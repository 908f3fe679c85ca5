"""The portal's own origin: answered by the server whatever a bucket's rules say, and alike whatever is there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .conftest import TENANCY, Answered, Served, Wire, raw_head, serving

PORTAL = "https://portal.example.org:8444"
HOST = f"{TENANCY}.s3.localhost"
RULE = "<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>{}</AllowedOrigin></CORSRule>"
LOOKALIKES = (
    "https://portal.example.org",
    "http://portal.example.org:8444",
    "https://portal.example.org:8444/",
    "https://portal.example.org:84440",
    "https://PORTAL.example.org:8444",
    "https://portal.example.org.evil.example:8444",
    "https://evil.example",
    f"{PORTAL}, {PORTAL}",
    "null",
)
# Every kind of thing that a preflight may be about: with a bucket of our own, without one, and on hosts that can't be.
TARGETS = (
    (HOST, "/data/key"),
    (HOST, "/ruled/key"),
    (HOST, "/absent/key?partNumber=1&uploadId=x"),
    (HOST, "/"),
    (HOST, "/health/live"),
    (f"data.{HOST}", "/key"),
    (f"absent.{HOST}", "/"),
    ("absent-o.s3.localhost", "/data"),
    ("a_b.s3.localhost", "/data"),
    ("127.0.0.1", "/data/key"),
)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(portal=PORTAL) as found:
        assert found.ask("PUT", "/ruled").status == 200
        put_rule(found, "https://viewer.example.org")
        yield found


def put_rule(served: Served, origin: str) -> None:
    body = f"<CORSConfiguration>{RULE.format(origin)}</CORSConfiguration>".encode()
    assert served.ask("PUT", "/ruled?cors", body).status == 200


def preflight(wire: Wire, origin: str, host: str, target: str, **more: str) -> Answered:
    headers = {"host": host, "origin": origin, "access-control-request-method": "PUT"}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    return wire.send(raw_head("OPTIONS", target, headers)).read()


def cors_of(answered: Answered) -> dict[str, str]:
    return {name: value for name, value in answered.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize(("host", "target"), TARGETS)
def test_a_preflight_of_the_portal_is_a_yes_that_tells_nothing(wire: Wire, host: str, target: str) -> None:
    answered = preflight(
        wire, PORTAL, host, target, access_control_request_headers="Authorization,x-amz-date, x-amz-content-sha256"
    )
    assert (answered.status, answered.body) == (200, b"")
    exposed = answered.headers["access-control-expose-headers"].split(", ")
    assert {"ETag", "Content-Range", "Accept-Ranges", "x-amz-request-id", "x-amz-checksum-crc64nvme", "*"} <= set(
        exposed
    )
    assert cors_of(answered) == {
        "access-control-allow-origin": PORTAL,
        "access-control-allow-methods": "GET, PUT, POST, DELETE, HEAD",
        "access-control-allow-headers": "authorization, x-amz-date, x-amz-content-sha256",
        "access-control-expose-headers": ", ".join(exposed),
        "access-control-max-age": "7200",
    }
    assert answered.headers["vary"] == "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


def test_a_preflight_into_a_private_network_is_answered_for_the_portal_alone(wire: Wire) -> None:
    asked = {"access_control_request_private_network": "true"}
    assert preflight(wire, PORTAL, HOST, "/data", **asked).headers["access-control-allow-private-network"] == "true"
    assert "access-control-allow-private-network" not in cors_of(preflight(wire, PORTAL, HOST, "/data"))
    assert cors_of(preflight(wire, "https://evil.example", HOST, "/data", **asked)) == {}


def test_header_names_that_cannot_be_are_not_sent_back(wire: Wire) -> None:
    for asked in ("a b", "a: b", "<script>", ",".join(["a"] * 101)):
        answered = preflight(wire, PORTAL, HOST, "/data", access_control_request_headers=asked)
        assert (answered.status, answered.code) == (403, "AccessForbidden")
        assert "access-control-allow-headers" not in answered.headers


def test_an_options_request_that_is_no_preflight_is_refused_readably(wire: Wire) -> None:
    answered = wire.send(raw_head("OPTIONS", "/data", {"host": HOST, "origin": PORTAL})).read()
    assert (answered.status, answered.code) == (400, "BadRequest")
    assert answered.headers["access-control-allow-origin"] == PORTAL


@pytest.mark.parametrize("bucket", ["data", "ruled"])
def test_an_answer_to_the_portal_can_be_read_by_it_refusals_too(served: Served, bucket: str) -> None:
    put = served.ask("PUT", f"/{bucket}/key", b"12345", origin=PORTAL)
    answers = [
        put,
        served.ask("GET", f"/{bucket}/key", origin=PORTAL, range="bytes=1-2"),
        served.ask("GET", f"/{bucket}/key", origin=PORTAL, if_none_match=put.headers["etag"]),
        served.ask("HEAD", f"/{bucket}/key", origin=PORTAL),
        served.ask("GET", f"/{bucket}/none", origin=PORTAL),
        served.ask("GET", f"/{bucket}?list-type=2", origin=PORTAL),
        served.ask("GET", "/", origin=PORTAL),
        served.ask("GET", "/absent", origin=PORTAL),
        served.ask("DELETE", f"/{bucket}/key", origin=PORTAL),
    ]
    assert [each.status for each in answers] == [200, 206, 304, 200, 404, 200, 200, 404, 204]
    for answered in answers:
        assert answered.headers["access-control-allow-origin"] == PORTAL
        assert "*" in answered.headers["access-control-expose-headers"].split(", ")
        assert "access-control-allow-credentials" not in answered.headers
        assert answered.headers["vary"] == "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"


@pytest.mark.parametrize(("host", "target"), TARGETS)
def test_an_unsigned_answer_to_the_portal_can_be_read_wherever_it_comes_from(
    wire: Wire, host: str, target: str
) -> None:
    answered = wire.send(raw_head("GET", target, {"host": host, "origin": PORTAL})).read()
    assert answered.headers["access-control-allow-origin"] == PORTAL


def test_a_rule_for_the_portal_adds_nothing_to_its_answers(served: Served) -> None:
    put_rule(served, PORTAL)
    try:
        answered = served.ask("GET", "/ruled", origin=PORTAL)
        assert "access-control-allow-credentials" not in answered.headers
        assert "access-control-allow-methods" not in answered.headers
    finally:
        put_rule(served, "https://viewer.example.org")


@pytest.mark.parametrize("origin", LOOKALIKES)
def test_an_origin_that_only_resembles_the_portals_is_any_other(served: Served, wire: Wire, origin: str) -> None:
    for path in ("/data", "/ruled", "/absent", "/"):
        assert cors_of(served.ask("GET", path, origin=origin)) == {}
        refused = preflight(wire, origin, HOST, path)
        assert (refused.status, cors_of(refused)) == (403, {})


def test_the_rules_of_a_bucket_hold_for_every_other_origin(served: Served, wire: Wire) -> None:
    viewer = "https://viewer.example.org"
    allowed = served.ask("GET", "/ruled", origin=viewer)
    assert allowed.headers["access-control-allow-origin"] == viewer
    assert allowed.headers["access-control-allow-methods"] == "GET"
    assert preflight(wire, viewer, HOST, "/ruled").status == 403
    assert cors_of(served.ask("GET", "/data", origin=viewer)) == {}


def test_a_cache_never_gives_the_portal_what_it_kept_for_another(served: Served) -> None:
    served.ask("PUT", "/data/kept", b"1")
    for headers in ({}, {"origin": "https://viewer.example.org"}):
        for path in ("/data/kept", "/data/none", "/data", "/", "/ruled"):
            assert "Origin" in served.ask("GET", path, **headers).headers["vary"].split(", ")


def test_without_a_portal_nothing_is_answered_to_one() -> None:
    with serving() as bare:
        wire = bare.connect()
        for origin in (PORTAL, ""):
            answered = bare.ask("GET", "/data", origin=origin)
            assert (cors_of(answered), answered.headers.get("vary")) == ({}, None)
            assert preflight(wire, origin, HOST, "/data").status in (400, 403)
        wire.close()
