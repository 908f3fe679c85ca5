"""Answers that a client tries to write itself: no header is split, no page runs, no secret is told, nobody's origin trusted."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest
from tests.attacks.conftest import NORTH, OPEN, Besieged
from tests.attacks.wire import presigned, signed

SPLITTERS = ["a\r\nSet-Cookie: b=c", "a\nSet-Cookie: b=c", "a\rSet-Cookie: b=c", "a\x00b", "\r\n\r\n<script>"]
OVERRIDES = ["cache-control", "content-disposition", "content-encoding", "content-language", "content-type", "expires"]


@pytest.mark.parametrize("text", SPLITTERS, ids=ascii)
@pytest.mark.parametrize("name", OVERRIDES)
def test_an_override_splits_no_answer(besieged: Besieged, name: str, text: str) -> None:
    query = f"response-{name}={quote(text, safe='')}"
    for answer in (besieged.ask("GET", "/data/kept", query), besieged.ask_presigned("GET", "/data/kept", query)):
        assert answer.verdict == (400, "InvalidArgument")
        assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("name", OVERRIDES)
@pytest.mark.parametrize(
    "text", ["\u00e9", "\u212a", "\u010a\u010d", "\U0001f986", "a" * 3000, "\x85", "\t"], ids=ascii
)
def test_an_odd_override_is_one_header_or_a_refusal(besieged: Besieged, name: str, text: str) -> None:
    # `\u010a` and `\u010d` end in the bytes of a line feed and a carriage return.
    answer = besieged.ask("GET", "/data/kept", f"response-{name}={quote(text, safe='')}")
    assert answer.status in (200, 400)
    if answer.status == 200:
        assert answer.body == b"kept"


@pytest.mark.parametrize("name", OVERRIDES)
def test_an_anonymous_reader_overrides_nothing(besieged: Besieged, name: str) -> None:
    letter = besieged.letter("GET", f"/{OPEN}/page", f"response-{name}=x", host=besieged.host_of(NORTH))
    assert besieged.send(letter).verdict == (400, "InvalidRequest")


@pytest.mark.parametrize("text", SPLITTERS, ids=ascii)
def test_a_hoisted_header_splits_nothing(besieged: Besieged, text: str, unchanged: None) -> None:
    query = f"x-amz-meta-a={quote(text, safe='')}"
    assert besieged.ask_presigned("PUT", "/data/kept", query, b"x").verdict == (400, "InvalidArgument")


@pytest.mark.parametrize("text", ["a\x01b", "a\x1fb", "a\x7fb", "a\nb", "a\r\nb"], ids=ascii)
@pytest.mark.parametrize("name", ["x-amz-meta-a", "content-type", "cache-control"])
def test_a_control_character_gets_into_no_stored_header(
    besieged: Besieged, name: str, text: str, unchanged: None
) -> None:
    letter = besieged.letter("PUT", "/data/kept", body=b"x").put(name, text)
    assert besieged.send(signed(letter, besieged.key)).status in (400, 403)


def test_stored_headers_come_back_as_they_went(besieged: Besieged) -> None:
    text = "caf\u00e9 \U0001f986".encode().decode("latin-1")
    letter = besieged.letter(
        "PUT", "/data/stored", body=b"x", x_amz_meta_a=text, content_language="en", cache_control="no-store"
    )
    try:
        assert besieged.send(signed(letter, besieged.key)).status == 200
        answer = besieged.ask("GET", "/data/stored")
        assert (answer.headers["x-amz-meta-a"], answer.headers["cache-control"]) == (text, "no-store")
    finally:
        besieged.ask("DELETE", "/data/stored")


@pytest.mark.parametrize(
    "name", ["set-cookie", "location", "transfer-encoding", "access-control-allow-origin", "content-security-policy", "x-content-type-options", "strict-transport-security"],
)  # fmt: skip
def test_no_client_stores_a_header_that_is_not_its_own_to_set(besieged: Besieged, name: str) -> None:
    besieged.ask("PUT", "/data/stored", body=b"x")
    letter = besieged.letter("PUT", "/data/stored", body=b"x")
    for each in (name, f"x-amz-meta-{name}"):
        if each != "transfer-encoding":
            letter = letter.put(each, "evil")
    try:
        assert besieged.send(signed(letter, besieged.key)).status == 200
        answer = besieged.ask("GET", "/data/stored", f"response-{name}=evil")
        assert "evil" not in answer.headers.get(name, "")
    finally:
        besieged.ask("DELETE", "/data/stored")


@pytest.mark.parametrize(
    "content_type",
    ["text/html", "TEXT/HTML; charset=utf-8", " text/html", "application/xhtml+xml", "image/svg+xml", "text/xml", "application/xml", "application/pdf", "text/xsl", "multipart/x-mixed-replace", "application/rss+xml", "application/mathml+xml", "message/rfc822", "text/plain", "text/markdown", "application/json", "application/geo+json", "text/javascript", "application/javascript", "image/png", "Image/JPEG", "video/mp4", "audio/ogg"],
)  # fmt: skip
def test_what_a_browser_renders_runs_in_a_sandbox(besieged: Besieged, content_type: str) -> None:
    letter = besieged.letter("PUT", f"/{OPEN}/rendered", body=b"<script>").put("content-type", content_type)
    try:
        assert besieged.send(signed(letter, besieged.key)).status == 200
        host = besieged.host_of(NORTH)
        stored = besieged.send(besieged.letter("GET", f"/{OPEN}/rendered", host=host))
        overridden = besieged.ask_presigned(
            "GET", "/data/kept", f"response-content-type={quote(content_type, safe='')}"
        )
        for answer in (stored, overridden):
            assert answer.status == 200
            assert answer.headers["content-security-policy"] == "sandbox"
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "set-cookie" not in answer.headers
            # The portal shows it in a frame of its own page.
            assert "x-frame-options" not in answer.headers
            assert "cross-origin-resource-policy" not in answer.headers
    finally:
        besieged.ask("DELETE", f"/{OPEN}/rendered")


def test_data_are_sent_without_a_sandbox_but_never_sniffed(besieged: Besieged) -> None:
    answer = besieged.ask("GET", "/data/kept")
    assert answer.headers["content-type"] == "binary/octet-stream"
    assert "content-security-policy" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    for refused in (besieged.ask("GET", "/data/none"), besieged.send(besieged.letter("GET", "/data/<script>"))):
        assert refused.headers["content-type"] == "application/xml"
        assert refused.headers["x-content-type-options"] == "nosniff"
        assert b"<script>" not in refused.body


# --- origins


def put_cors(besieged: Besieged, *origins: str) -> None:
    rules = "".join(f"<AllowedOrigin>{origin}</AllowedOrigin>" for origin in origins)
    body = f"<CORSConfiguration><CORSRule>{rules}<AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"
    assert besieged.ask("PUT", "/data", "cors", body.encode()).status == 200


def test_no_origin_is_reflected_with_credentials(besieged: Besieged, unchanged: None) -> None:
    allowed = {
        "*": ("*", None),
        "https://*": ("https://evil.example", None),
        "https://evil.example": ("https://evil.example", "true"),
    }
    try:
        for pattern, expected in allowed.items():
            put_cors(besieged, pattern)
            for path in ("/data/kept", "/data/none"):
                for answer in (
                    besieged.ask("GET", path, origin="https://evil.example"),
                    besieged.ask(
                        "OPTIONS",
                        path,
                        host=besieged.host_of(NORTH),
                        origin="https://evil.example",
                        access_control_request_method="GET",
                    ),
                ):
                    found = (
                        answer.headers.get("access-control-allow-origin"),
                        answer.headers.get("access-control-allow-credentials"),
                    )
                    assert found == expected
                    assert "Origin" in answer.headers["vary"]
        put_cors(besieged, "https://site.example")
        for origin in (
            "null",
            "https://evil.example",
            "https://site.example.evil",
            "http://site.example",
            "https://site.example:1",
            "HTTPS://SITE.EXAMPLE",
        ):
            assert "access-control-allow-origin" not in besieged.ask("GET", "/data/kept", origin=origin).headers
        assert (
            "access-control-allow-origin"
            not in besieged.ask("GET", f"/{OPEN}/page", origin="https://site.example").headers
        )
    finally:
        besieged.ask("DELETE", "/data", "cors")


@pytest.mark.parametrize("origin", ["a&#13;&#10;Set-Cookie: b", "a&#10;b", "a b", "", "https://*.*.example"], ids=ascii)
def test_a_rule_splits_no_answer(besieged: Besieged, origin: str, unchanged: None) -> None:
    for element in ("AllowedOrigin", "ExposeHeader", "AllowedHeader"):
        good = "<AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>"
        body = f"<CORSConfiguration><CORSRule>{good}<{element}>{origin}</{element}></CORSRule></CORSConfiguration>"
        assert besieged.ask("PUT", "/data", "cors", body.encode()).status == 400


def test_what_a_preflight_asks_for_is_not_sent_back_unread(besieged: Besieged, unchanged: None) -> None:
    body = "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin><AllowedHeader>*</AllowedHeader></CORSRule></CORSConfiguration>"
    besieged.ask("PUT", "/data", "cors", body.encode())
    try:
        for asked in ("a b", "a: b", "a\xe9", "<script>", "a" * 9000):
            letter = besieged.letter("OPTIONS", "/data/kept", origin="https://a", access_control_request_method="GET")
            letter = letter.put("host", besieged.host_of(NORTH)).put("access-control-request-headers", asked)
            answer = besieged.send(letter)
            assert answer.status == 403 or re.fullmatch("a+", answer.headers["access-control-allow-headers"])
    finally:
        besieged.ask("DELETE", "/data", "cors")


# --- secrets


def test_no_secret_reaches_a_log_or_an_answer(besieged: Besieged) -> None:
    letter = besieged.letter("GET", "/data/kept", "X-Amz-Security-Token=secret-session-token", user_agent="probe/1")
    bad = presigned(letter, besieged.key)
    good = presigned(besieged.letter("GET", "/data/kept"), besieged.key)
    header = signed(besieged.letter("GET", "/data/kept", cookie="secret-cookie"), besieged.key)
    wrong = header._replace(path="/data/other")
    encoded = good._replace(query=good.query.replace("X-Amz-Signature", "X%2DAmz%2DSignature"))
    answers = [besieged.send(each) for each in (bad, good, header, wrong, encoded)]
    signatures = [
        re.findall("Signature=([0-9a-f]{64})", each.target + each.head.decode("latin-1"))
        for each in (bad, good, header, encoded)
    ]
    _wait_for_the_log(besieged, "probe/1")
    text = besieged.log_text()
    secrets = [
        besieged.key.secret,
        besieged.other.secret,
        "secret-session-token",
        "secret-cookie",
        *(each for found in signatures for each in found),
    ]
    assert len(secrets) >= 8
    for secret in secrets:
        assert secret not in text
    for answer in answers:
        assert besieged.key.secret.encode() not in answer.body
    assert "AWS4-HMAC-SHA256 Credential" not in text
    sealed = {path: path.read_bytes() for path in besieged.store.home.rglob("*") if path.is_file()}
    for path, data in sealed.items():
        assert besieged.key.secret.encode() not in data, path


def test_a_line_of_the_log_is_one_line_whatever_a_client_calls_itself(besieged: Besieged) -> None:
    path = f"/data/{quote(chr(10) + chr(34) + chr(0x2028))}%0d%0a"
    letter = besieged.letter("GET", path, 'a="}%0a{', user_agent='probe/2 "},{"at":"\\\x85')
    besieged.send(signed(letter, besieged.key))
    _wait_for_the_log(besieged, "probe/2")
    for line in (besieged.store.home / "log/access.log").read_text().splitlines():
        assert isinstance(json.loads(line), dict)


def _wait_for_the_log(besieged: Besieged, text: str) -> None:
    # A worker writes what it has once a second; the log is also written whenever its buffer is full.
    for _ in range(2000):
        if text in besieged.log_text():
            return
        besieged.send(besieged.letter("GET", "/health/live"))
    raise AssertionError(f"{text} never came into the log")
