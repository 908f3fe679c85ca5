"""CORS rules of a bucket: kept in one spelling, and in force from their commit."""

from __future__ import annotations

import pytest
from tests.operations.site import Site

from holdfast.s3.documents import cors

RULES = b"""
<CORSConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
  <CORSRule>
    <AllowedOrigin>https://*.example.org</AllowedOrigin><AllowedMethod>GET</AllowedMethod>
    <AllowedHeader>*</AllowedHeader><ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>60</MaxAgeSeconds><ID>one</ID>
  </CORSRule>
</CORSConfiguration>"""


@pytest.fixture
def site(site: Site) -> Site:
    site.bucket("b")
    return site


def test_rules_are_put_read_and_taken_away(site: Site) -> None:
    assert site.refused(site.alice, "GET", "/b?cors") == "NoSuchCORSConfiguration"
    assert site.ask(site.alice, "PUT", "/b?cors", body=RULES).status == 200
    answer = site.ask(site.alice, "GET", "/b?cors")
    assert answer.headers == [("Content-Type", "application/xml")]
    assert cors.parse(answer.body) == cors.parse(RULES)
    assert site.ask(site.alice, "DELETE", "/b?cors").status == 204
    assert site.refused(site.alice, "GET", "/b?cors") == "NoSuchCORSConfiguration"
    assert site.ask(site.alice, "DELETE", "/b?cors").status == 204


def test_what_is_kept_is_what_a_preflight_reads(site: Site) -> None:
    site.ask(site.alice, "PUT", "/b?cors", body=RULES)
    kept = cors.parse(site.bucket_row("b").cors.encode())
    assert cors.check_preflight(kept, "https://a.example.org", "GET", "x-a")["Access-Control-Max-Age"] == "60"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MalformedXML"),
        (b"<CORSConfiguration/>", "MalformedXML"),
        (RULES.replace(b"GET", b"PATCH"), "InvalidRequest"),
        (RULES.replace(b"https://*.", b"*.*."), "InvalidRequest"),
    ],
)
def test_rules_that_s3_does_not_take_are_refused_and_change_nothing(site: Site, body: bytes, code: str) -> None:
    site.ask(site.alice, "PUT", "/b?cors", body=RULES)
    before = site.bucket_row("b")
    assert site.refused(site.alice, "PUT", "/b?cors", body=body) == code
    assert site.bucket_row("b") == before
