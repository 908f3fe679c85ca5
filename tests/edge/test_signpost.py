"""What browsers are shown, or led to, at S3's own address; and that no S3 client ever sees any of it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from hashlib import sha256

import pytest

from holdfast.edge.pages import wants_page

from .conftest import TENANCY, Answered, Served, Wire, raw_head, serving

PORTAL = "https://portal.example.org"
HOST = f"{TENANCY}.s3.localhost"
CHROMIUM = (
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,"
    "application/signed-exchange;v=b3;q=0.7"
)
BROWSERS = (
    CHROMIUM,
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "text/html",
    "Text/HTML;Q=1.0",
)
PROGRAMS = (
    None,
    "*/*",
    "application/xml",
    "application/xml,text/html",
    "text/html;q=0.5,*/*",
    "text/html;q=0",
    "text/html;q=x,application/json;q=0.1",
    "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",  # Java
    "text/html, image/gif, image/jpeg, */*; q=0.2",  # Java since 20
    "image/avif,image/webp,*/*;q=0.8",
)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(portal=PORTAL) as found:
        yield found


def ask(wire: Wire, target: str, host: str = HOST, accept: str | None = CHROMIUM, method: str = "GET") -> Answered:
    headers = {"host": host, **({} if accept is None else {"accept": accept})}
    return wire.send(raw_head(method, target, headers)).read(is_head=method == "HEAD")


@pytest.mark.parametrize("accept", BROWSERS)
def test_a_browser_is_told_what_the_address_is_and_where_the_portal_is(wire: Wire, accept: str) -> None:
    answered = ask(wire, "/", accept=accept)
    text = answered.body.decode()
    assert (answered.status, answered.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert f'<a href="{PORTAL}/tenancies/{TENANCY}/">' in text
    assert f"http://{HOST}" in text
    assert f"tenancy <strong>{TENANCY}</strong>" in text
    assert answered.headers["vary"] == "Accept, Origin"


def test_a_bare_address_leads_to_the_portal_itself(wire: Wire) -> None:
    text = ask(wire, "/", host="127.0.0.1:8080").body.decode()
    assert f'<a href="{PORTAL}/">the portal</a>' in text
    assert "tenancy" not in text


def test_a_tenancy_that_is_not_there_is_described_like_one_that_is(wire: Wire) -> None:
    there = ask(wire, "/").body.replace(TENANCY.encode(), b"NAME")
    absent = ask(wire, "/", host="absent-o.s3.localhost").body.replace(b"absent-o", b"NAME")
    assert there == absent
    for host, name in ((HOST, TENANCY), ("absent-o.s3.localhost", "absent-o")):
        answered = ask(wire, "/_admin/portal", host=host)
        assert (answered.status, answered.headers["location"]) == (302, f"{PORTAL}/tenancies/{name}/")


@pytest.mark.parametrize("accept", PROGRAMS)
def test_a_program_gets_s3s_answer(wire: Wire, served: Served, accept: str | None) -> None:
    answered = ask(wire, "/", accept=accept)
    assert (answered.status, answered.code) == (403, "AccessDenied")
    assert answered.headers["vary"] == "Origin"
    assert wants_page({} if accept is None else {"accept": accept}) is False


def test_a_signed_request_gets_s3s_answer_whatever_it_accepts(served: Served, wire: Wire) -> None:
    assert b"<ListAllMyBucketsResult" in served.ask("GET", "/", accept=CHROMIUM).body
    assert ask(wire, "/?X-Amz-Signature=00&X-Amz-Credential=a").code == "AuthorizationQueryParametersError"
    for target, method in (("/?max-buckets=1", "GET"), ("/data/a", "GET"), ("/", "PUT"), ("/", "POST")):
        assert ask(wire, target, method=method).headers["content-type"] == "application/xml"


def test_the_page_allows_nothing_but_its_own_style(wire: Wire) -> None:
    answered = ask(wire, "/")
    style = re.findall("<style>(.*?)</style>", answered.body.decode(), re.S)
    assert len(style) == 1
    policy = answered.headers["content-security-policy"].split("; ")
    assert "default-src 'none'" in policy
    assert f"style-src 'sha256-{base64.b64encode(sha256(style[0].encode()).digest()).decode()}'" in policy
    assert "frame-ancestors 'none'" in policy
    (sandbox,) = [each for each in policy if each.startswith("sandbox")]
    assert "allow-scripts" not in sandbox
    assert "allow-same-origin" not in sandbox
    assert b" style=" not in answered.body
    assert b"<script" not in answered.body


def test_a_host_is_shown_and_never_obeyed(wire: Wire) -> None:
    text = ask(wire, "/", host="a'\"><script>alert(1)</script>.example").body.decode()
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_a_head_has_no_body_and_the_length_of_the_page(wire: Wire) -> None:
    assert ask(wire, "/", method="HEAD").headers["content-length"] == str(len(ask(wire, "/").body))


@pytest.mark.parametrize("path", ["/_admin/portal", "/_admin/portal/", "/_admin/portal/login?next=//evil.example"])
@pytest.mark.parametrize("accept", [CHROMIUM, "*/*", None])
def test_the_former_portals_address_leads_to_the_tenancys_page(wire: Wire, path: str, accept: str | None) -> None:
    answered = ask(wire, path, accept=accept)
    assert (answered.status, answered.headers["location"]) == (302, f"{PORTAL}/tenancies/{TENANCY}/")
    assert ask(wire, path, host="127.0.0.1", accept=accept).headers["location"] == f"{PORTAL}/"


def test_a_key_of_that_name_is_still_a_key(served: Served, wire: Wire) -> None:
    for path in ("/_admin/portals", "/_admin", "/data/_admin/portal"):
        assert ask(wire, path).status == 403
    assert ask(wire, "/_admin/portal", host=f"data.{HOST}").status == 403
    assert ask(wire, "/", host=f"data.{HOST}").status == 403
    assert served.ask("GET", "/_admin/portal").code == "NoSuchBucket"


def test_without_a_portal_the_page_leads_nowhere_and_the_former_path_is_s3s() -> None:
    with serving() as served:
        wire = served.connect()
        answered = ask(wire, "/")
        assert answered.status == 200
        assert b"<a " not in answered.body
        assert b"Ask the operators" in answered.body
        assert ask(wire, "/_admin/portal").status == 403
        wire.close()


def test_signposts_are_counted_apart_from_s3_and_from_what_was_refused() -> None:
    with serving(portal=PORTAL) as served:
        wire = served.connect()
        for target in ("/", "/_admin/portal"):
            ask(wire, target)
        text = ask(wire, "/_admin/metrics", host="a").body.decode()
        assert 'holdfast_requests_total{operation="Signpost",status="2xx"} 1.0' in text
        assert 'holdfast_requests_total{operation="Signpost",status="3xx"} 1.0' in text
        assert 'operation="Unknown"' not in text
        wire.close()
