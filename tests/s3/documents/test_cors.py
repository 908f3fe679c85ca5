"""Cross-origin rules: what is taken, which rule applies, and which headers follow."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.s3.codes import S3Error
from holdfast.s3.documents import cors
from holdfast.s3.documents.cors import Rule

rule_sets = st.lists(
    st.builds(
        Rule,
        st.lists(st.sampled_from(cors.METHODS), min_size=1, max_size=3).map(tuple),
        st.lists(st.sampled_from(["*", "https://a.example", "http*://b.example"]), min_size=1, max_size=3).map(tuple),
        st.lists(st.sampled_from(["*", "x-amz-*", "Range"]), max_size=2).map(tuple),
        st.lists(st.sampled_from(["ETag", "x-amz-meta-a"]), max_size=2).map(tuple),
        st.none() | st.integers(0, cors.MAX_AGE_S_MAX),
        st.none() | st.text("abc é<&", min_size=1, max_size=9).filter(lambda text: text == text.strip()),
    ),
    min_size=1,
    max_size=4,
).map(tuple)


@given(rule_sets)
def test_rules_survive_the_document(rules: tuple[Rule, ...]) -> None:
    assert cors.parse(cors.write(rules)) == rules


def document(inside: str) -> bytes:
    return f"<CORSConfiguration><CORSRule>{inside}</CORSRule></CORSConfiguration>".encode()


GET_ALL = "<AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>"


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("<AllowedMethod>PATCH</AllowedMethod><AllowedOrigin>*</AllowedOrigin>", "Unsupported method is PATCH"),
        ("<AllowedMethod>OPTIONS</AllowedMethod><AllowedOrigin>*</AllowedOrigin>", "Unsupported method is OPTIONS"),
        ("<AllowedMethod>get</AllowedMethod><AllowedOrigin>*</AllowedOrigin>", "Unsupported method is get"),
        (
            "<AllowedMethod>GET</AllowedMethod><AllowedOrigin>*.a.*</AllowedOrigin>",
            "can not have more than one wildcard",
        ),
        ("<AllowedMethod>GET</AllowedMethod><AllowedOrigin/>", "is not an origin"),
        ("<AllowedMethod>GET</AllowedMethod><AllowedOrigin>a&#10;b</AllowedOrigin>", "is not an origin"),
        (GET_ALL + "<AllowedHeader>*-*</AllowedHeader>", "can not have more than one wildcard"),
        (GET_ALL + "<AllowedHeader>a b</AllowedHeader>", "not the name of a header"),
        (GET_ALL + "<ExposeHeader>*</ExposeHeader>", "do not support wildcard for ExposeHeader"),
        (GET_ALL + "<ExposeHeader>a&#13;&#10;Set-Cookie: b</ExposeHeader>", "not the name of a header"),
        (GET_ALL + f"<ID>{'x' * 256}</ID>", "at most 255"),
    ],
)
def test_a_rule_that_s3_does_not_take_is_an_invalid_request(inside: str, message: str) -> None:
    with pytest.raises(S3Error, match=message) as caught:
        cors.parse(document(inside))
    assert caught.value.code == "InvalidRequest"


@pytest.mark.parametrize(
    "body",
    [
        b"<CORSConfiguration/>",
        document(""),
        document("<AllowedMethod>GET</AllowedMethod>"),
        document("<AllowedOrigin>*</AllowedOrigin>"),
        document(GET_ALL + "<MaxAgeSeconds>-1</MaxAgeSeconds>"),
        document(GET_ALL + "<MaxAgeSeconds>9999999999</MaxAgeSeconds>"),
        document(GET_ALL + "<ID>a</ID><ID>b</ID>"),
        document(GET_ALL + "<AllowedHeader><b/></AllowedHeader>"),
    ],
)
def test_a_document_that_is_not_whole_is_malformed(body: bytes) -> None:
    with pytest.raises(S3Error, match="MalformedXML"):
        cors.parse(body)


def test_there_are_at_most_a_hundred_rules() -> None:
    rule = f"<CORSRule>{GET_ALL}</CORSRule>".encode()
    assert len(cors.parse(b"<CORSConfiguration>" + rule * 100 + b"</CORSConfiguration>")) == 100
    with pytest.raises(S3Error, match="100 rules"):
        cors.parse(b"<CORSConfiguration>" + rule * 101 + b"</CORSConfiguration>")


# The rules and origins of ceph/s3-tests' test_cors_origin_response.
SUFFIXES = (
    Rule(("GET",), ("*suffix",)),
    Rule(("GET",), ("start*end",)),
    Rule(("GET",), ("prefix*",)),
    Rule(("PUT",), ("*.put",)),
)


@pytest.mark.parametrize(
    ("origin", "method", "rule"),
    [
        ("foo.suffix", "GET", 0),
        ("foo.suffix", "PUT", None),
        ("foo.suffix.get", "GET", None),
        ("startend", "GET", 1),
        ("start12end", "GET", 1),
        ("0start12end", "GET", None),
        ("startnd", "GET", None),
        ("prefix", "GET", 2),
        ("bla.prefix", "GET", None),
        ("foo.put", "PUT", 3),
        ("foo.put", "GET", None),
    ],
)
def test_the_first_rule_whose_pattern_fits_applies(origin: str, method: str, rule: int | None) -> None:
    assert cors.find_rule(SUFFIXES, origin, method) == (None if rule is None else SUFFIXES[rule])


def test_the_ends_of_a_pattern_do_not_share_characters() -> None:
    assert cors.find_rule((Rule(("GET",), ("aba*aba",)),), "ababa", "GET") is None


def test_requested_headers_must_all_be_allowed_whatever_their_case() -> None:
    rules = (Rule(("GET",), ("*",), ("X-Amz-*", "range")),)
    assert cors.find_rule(rules, "https://a", "GET", ("x-amz-date", "RANGE"))
    assert cors.find_rule(rules, "https://a", "GET", ("x-amz-date", "authorization")) is None
    assert cors.find_rule((Rule(("GET",), ("*",)),), "https://a", "GET", ("range",)) is None


def test_a_rule_for_every_origin_answers_a_star_and_never_credentials() -> None:
    for rule in (Rule(("GET",), ("*",)), Rule(("GET",), ("https://a.example", "*"))):
        headers = cors.actual_headers(rule, "https://a.example")
        assert headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in headers


@pytest.mark.parametrize("pattern", ["https*", "h*", "*.example", "https://*"])
def test_an_origin_that_only_fits_a_pattern_is_named_without_credentials(pattern: str) -> None:
    headers = cors.actual_headers(Rule(("GET",), (pattern,)), "https://evil.example")
    assert headers["Access-Control-Allow-Origin"] == "https://evil.example"
    assert "Access-Control-Allow-Credentials" not in headers


def test_an_origin_that_is_named_in_full_is_granted_credentials() -> None:
    headers = cors.actual_headers(
        Rule(("GET", "PUT"), ("https://a.example",), (), ("ETag", "x-amz-meta-a"), 60), "https://a.example"
    )
    assert headers == {
        "Access-Control-Allow-Origin": "https://a.example",
        "Access-Control-Allow-Credentials": "true",
        "Access-Control-Allow-Methods": "GET, PUT",
        "Access-Control-Expose-Headers": "ETag, x-amz-meta-a",
        "Vary": "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
    }


def test_a_preflight_is_told_the_headers_it_asked_for_and_how_long_it_may_remember() -> None:
    rules = (Rule(("GET",), ("*",), ("*",), (), 3000),)
    headers = cors.check_preflight(rules, "https://a", "GET", "Range, X-Amz-Date,")
    assert headers["Access-Control-Allow-Headers"] == "range, x-amz-date"
    assert headers["Access-Control-Max-Age"] == "3000"


@pytest.mark.parametrize(
    ("origin", "method", "headers", "status"),
    [
        (None, "GET", None, 400),
        ("", "GET", None, 400),
        ("https://a", None, None, 400),
        ("https://a", "PATCH", None, 400),
        ("https://a", "PUT", None, 403),
        ("https://b", "GET", None, 403),
        ("https://a", "GET", "x-other", 403),
        ("https://a", "GET", "range\r\nSet-Cookie: a", 403),
        ("https://a", "GET", ",".join(["range"] * 101), 403),
    ],
)
def test_a_preflight_that_no_rule_allows_is_refused(
    origin: str | None, method: str | None, headers: str | None, status: int
) -> None:
    with pytest.raises(S3Error) as caught:
        cors.check_preflight((Rule(("GET",), ("https://a",), ("range",)),), origin, method, headers)
    assert caught.value.status == status


def test_a_bucket_without_rules_refuses_every_preflight() -> None:
    with pytest.raises(S3Error, match="CORS is not enabled") as caught:
        cors.check_preflight((), "https://a", "GET", None)
    assert caught.value.status == 403
