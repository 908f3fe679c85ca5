"""Signatures: AWS's documented examples, botocore as the oracle, and each way to tamper with a signed request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from holdfast.s3 import canonical, claims, dates, sigv4
from holdfast.s3.codes import S3Error
from holdfast.s3.head import Head

AWS_KEY = "AKIAIOSFODNN7EXAMPLE"
AWS_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
AWS_TIME = datetime(2013, 5, 24, tzinfo=UTC)
EMPTY = sigv4.EMPTY_SHA256
NOW = datetime(2026, 11, 23, 12, 0, 0, tzinfo=UTC)
HOST = "my-os-tenancy-o.s3.localhost:9000"
SECRET = "s3cr3ts3cr3ts3cr3ts3cr3ts3cr3ts3cr3t"


def aws_example(method: str, path: str, query: str, headers: Mapping[str, str], signed: str, signature: str) -> Head:
    authorization = (
        f"AWS4-HMAC-SHA256 Credential={AWS_KEY}/20130524/us-east-1/s3/aws4_request,"
        f"SignedHeaders={signed},Signature={signature}"
    )
    return Head(
        method,
        path,
        query,
        {
            "host": "examplebucket.s3.amazonaws.com",
            "x-amz-date": "20130524T000000Z",
            "x-amz-content-sha256": EMPTY,
            **headers,
            "authorization": authorization,
        },
    )


def verify(head: Head, *, secret: str | None = SECRET, now: datetime = NOW, host: str | None = None) -> sigv4.Claim:
    claim = sigv4.find_claim(head)
    assert claim is not None
    sigv4.check_time(claim, now)
    sigv4.check_signature(claim, head, host or head.headers["host"], secret)
    return claim


def refusal(head: Head, *, secret: str | None = SECRET, now: datetime = NOW) -> S3Error:
    with pytest.raises(S3Error) as caught:
        verify(head, secret=secret, now=now)
    return caught.value


def signed(
    method: str = "GET",
    path: str = "/bucket/key",
    query: str = "",
    headers: Mapping[str, str] | None = None,
    *,
    payload: str = EMPTY,
    secret: str = SECRET,
    signed_at: datetime = NOW,
) -> Head:
    head = Head(method, path, query, {"host": HOST, **(headers or {})})
    added = sigv4.sign_headers(
        head, access_key_id="AKID", secret=secret, region="us-east-1", signed_at=signed_at, payload=payload
    )
    return head._replace(headers={**head.headers, **added})


def presigned(
    method: str = "GET",
    path: str = "/bucket/key",
    query: str = "",
    headers: Mapping[str, str] | None = None,
    *,
    expires_s: int = 3600,
    signed_at: datetime = NOW,
) -> Head:
    head = Head(method, path, query, {"host": HOST, **(headers or {})})
    query = sigv4.presign(
        head, access_key_id="AKID", secret=SECRET, region="us-east-1", signed_at=signed_at, expires_s=expires_s
    )
    return head._replace(raw_query=query)


def with_headers(head: Head, **changed: str | None) -> Head:
    headers = dict(head.headers)
    for name, value in changed.items():
        wire_name = name.replace("_", "-")
        if value is None:
            headers.pop(wire_name)
        else:
            headers[wire_name] = value
    return head._replace(headers=headers)


# --- AWS's own examples
# https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html

AWS_EXAMPLES = {
    "GET object": aws_example(
        "GET",
        "/test.txt",
        "",
        {"range": "bytes=0-9"},
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    "PUT object": aws_example(
        "PUT",
        "/test%24file.text",
        "",
        {
            "date": "Fri, 24 May 2013 00:00:00 GMT",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
            "x-amz-content-sha256": "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        },
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    "GET bucket lifecycle": aws_example(
        "GET",
        "/",
        "lifecycle",
        {},
        "host;x-amz-content-sha256;x-amz-date",
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    "GET bucket (list objects)": aws_example(
        "GET",
        "/",
        "max-keys=2&prefix=J",
        {},
        "host;x-amz-content-sha256;x-amz-date",
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
    # https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
    "presigned GET": Head(
        "GET",
        "/test.txt",
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request"
        "&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
        "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        {"host": "examplebucket.s3.amazonaws.com"},
    ),
}


@pytest.mark.parametrize("name", AWS_EXAMPLES)
def test_an_example_of_the_aws_documentation_is_verified(name: str) -> None:
    assert verify(AWS_EXAMPLES[name], secret=AWS_SECRET, now=AWS_TIME).access_key_id == AWS_KEY


@pytest.mark.parametrize("name", AWS_EXAMPLES)
def test_an_example_of_the_aws_documentation_is_refused_with_another_secret(name: str) -> None:
    assert refusal(AWS_EXAMPLES[name], secret="x", now=AWS_TIME).code == "SignatureDoesNotMatch"


def test_the_documented_signing_key_and_string_to_sign_are_told_on_a_mismatch() -> None:
    error = refusal(AWS_EXAMPLES["GET object"], secret="x", now=AWS_TIME)
    assert error.status == 403
    assert error.details["AWSAccessKeyId"] == AWS_KEY
    assert error.details["StringToSign"] == (
        "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n"
        "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972"
    )
    assert error.details["SignatureProvided"] == "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
    assert error.details["StringToSignBytes"].startswith("41 57 53 34")
    assert error.details["CanonicalRequest"].startswith("GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nrange:")
    assert bytes.fromhex(error.details["CanonicalRequestBytes"]).decode() == error.details["CanonicalRequest"]


# --- botocore as the oracle

keys = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)
header_values = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=10)
parameters = st.lists(st.tuples(keys, st.text(max_size=8)), max_size=5)
NOT_AUTH = re.compile(r"x-amz-|awsaccesskeyid", re.IGNORECASE)


def query_without_auth(query: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [pair for pair in query if not NOT_AUTH.match(pair[0])]


def aws_request(method: str, key: str, query: list[tuple[str, str]], metadata: dict[str, str]) -> AWSRequest:
    url = f"http://{HOST}/bucket/{quote(key, safe='/~')}"
    if query:
        url += "?" + "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query)
    return AWSRequest(method, url, headers={f"x-amz-meta-{name}": value for name, value in metadata.items()})


def head_of(request: AWSRequest) -> Head:
    prepared = request.prepare()
    path, _, query = prepared.url.removeprefix(f"http://{HOST}").partition("?")
    headers = {
        name.lower(): (value.decode("latin-1") if isinstance(value, bytes) else value).strip(" \t")
        for name, value in prepared.headers.items()
    }
    return Head(prepared.method, path, query, {"host": HOST, **headers})


@pytest.fixture(autouse=True)
def botocore_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: NOW.replace(tzinfo=None), raising=True)


@given(
    method=st.sampled_from(["GET", "PUT", "DELETE", "HEAD", "POST"]),
    key=keys,
    query=parameters,
    metadata=st.dictionaries(st.sampled_from(["a", "b", "mtime"]), header_values | st.just("two  spaces \t and a tab")),
)
def test_what_botocore_signs_in_headers_is_verified(
    method: str, key: str, query: list[tuple[str, str]], metadata: dict[str, str]
) -> None:
    request = aws_request(method, key, query_without_auth(query), metadata)
    botocore.auth.S3SigV4Auth(Credentials("AKID", SECRET), "s3", "eu-west-2").add_auth(request)
    claim = verify(head_of(request))
    assert (claim.form, claim.access_key_id, claim.region, claim.expires_s) == ("header", "AKID", "eu-west-2", None)


@given(key=keys, query=parameters)
def test_what_botocore_presigns_is_verified(key: str, query: list[tuple[str, str]]) -> None:
    # botocore's presigner takes a query as a dict, so no name comes twice.
    request = aws_request("GET", key, list(dict(query_without_auth(query)).items()), {})
    botocore.auth.S3SigV4QueryAuth(Credentials("AKID", SECRET), "s3", "us-east-1", expires=900).add_auth(request)
    claim = verify(head_of(request), now=NOW + timedelta(seconds=899))
    assert (claim.form, claim.expires_s, claim.payload) == ("query", 900, "UNSIGNED-PAYLOAD")


@given(key=keys, query=parameters, is_presigned=st.booleans())
def test_our_own_signer_and_verifier_agree(key: str, query: list[tuple[str, str]], is_presigned: bool) -> None:
    raw_query = "&".join(f"{quote(n, safe='')}={quote(v, safe='')}" for n, v in query_without_auth(query))
    make = presigned if is_presigned else signed
    verify(make("PUT", f"/bucket/{quote(key, safe='/')}", raw_query, {"x-amz-acl": "private"}))


# --- canonical form


def test_a_path_is_verified_as_it_came_over_the_wire() -> None:
    for path in ("/b//a/../b/./", "/b/%2e%2e/k", "/b/a%2Fb", "/b/a%252Fb", "/b/a+b", "/b/~!*'()", "/b/%e2%82%ac"):
        verify(signed(path=path))


def test_a_path_signed_in_its_normal_form_is_verified_in_another_spelling() -> None:
    head = signed(path="/bucket/a%28b%29%2C%E2%82%AC")
    verify(head._replace(raw_path="/bucket/a(b),%e2%82%ac"))


def test_an_encoded_slash_is_no_spelling_of_a_slash() -> None:
    assert refusal(signed(path="/bucket/a/b")._replace(raw_path="/bucket/a%2Fb")).code == "SignatureDoesNotMatch"
    assert refusal(signed(path="/bucket/a%2Fb")._replace(raw_path="/bucket/a/b")).code == "SignatureDoesNotMatch"
    assert refusal(signed(path="/bucket/k")._replace(raw_path="/bucket%2Fk")).code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("raw_query", "expected"),
    [
        ("b=2&a=1", "a=1&b=2"),
        ("acl", "acl="),
        ("acl=", "acl="),
        ("a=2&a=1&a=", "a=&a=1&a=2"),
        ("a-=1&a=2", "a=2&a-=1"),
        ("prefix=a/b c", "prefix=a%2Fb%20c"),
        ("prefix=a+b", "prefix=a%20b"),
        ("prefix=a%2bb", "prefix=a%2Bb"),
        ("prefix=%E2%82%AC", "prefix=%E2%82%AC"),
        ("prefix=\xe2\x82\xac", "prefix=%E2%82%AC"),
        ("prefix=~%7E", "prefix=~~"),
        ("prefix=%zz%", "prefix=%25zz%25"),
        ("a==&b=c=d", "a=%3D&b=c%3Dd"),
        ("X-Amz-Signature=0&x-amz-signature=1", "x-amz-signature=1"),
        ("%58-Amz-Signature=0&a", "X-Amz-Signature=0&a="),
        ("a=1&&b", "a=1&b="),
        ("", ""),
    ],
)
def test_the_canonical_query_is_decoded_encoded_and_sorted(raw_query: str, expected: str) -> None:
    assert canonical.canonical_query(raw_query) == expected


def test_a_header_of_utf8_bytes_is_signed_as_those_bytes() -> None:
    value = "é \xa0".encode().decode("latin-1")
    verify(signed(headers={"x-amz-meta-name": value}))


def test_inner_runs_of_spaces_in_a_header_do_not_matter() -> None:
    verify(with_headers(signed(headers={"x-amz-meta-a": "a b"}), x_amz_meta_a="a   b"))


def test_the_host_is_the_one_that_the_caller_names() -> None:
    head = with_headers(signed(), host="10.0.0.1:8000")
    verify(head, host=HOST)
    with pytest.raises(S3Error):
        verify(head)


def test_the_date_header_stands_in_for_x_amz_date() -> None:
    head = with_headers(AWS_EXAMPLES["PUT object"], x_amz_date=None)
    assert refusal(head, secret=AWS_SECRET, now=AWS_TIME).code == "SignatureDoesNotMatch"  # it was signed
    claim = sigv4.find_claim(head)
    assert claim is not None
    assert claim.timestamp == "20130524T000000Z"


# --- tampering


@pytest.mark.parametrize(
    "tamper",
    [
        lambda head: head._replace(method="DELETE"),
        lambda head: head._replace(raw_path="/bucket/key2"),
        lambda head: head._replace(raw_path="/bucket/key/"),
        lambda head: head._replace(raw_path="//bucket/key"),
        lambda head: head._replace(raw_path="/bucket/./key"),
        lambda head: head._replace(raw_query="a=1&a=2&uploadId=y"),
        lambda head: head._replace(raw_query="a=1&a=2&uploadId=x&a=2"),
        lambda head: head._replace(raw_query="a=1&uploadId=x"),
        lambda head: head._replace(raw_query="a=1&a=2&uploadId=x&acl"),
        lambda head: head._replace(raw_query=""),
        lambda head: with_headers(head, host="other.s3.localhost:9000"),
        lambda head: with_headers(head, host="my-os-tenancy-o.s3.localhost"),
        lambda head: with_headers(head, x_amz_meta_a="2"),
        lambda head: with_headers(head, x_amz_meta_a=None),
        lambda head: with_headers(head, x_amz_meta_empty=None),
        lambda head: with_headers(head, content_type="text/html"),
        lambda head: with_headers(head, content_type=None),
        lambda head: with_headers(head, x_amz_date=dates.amz_date(NOW + timedelta(seconds=1))),
        lambda head: with_headers(head, x_amz_content_sha256="UNSIGNED-PAYLOAD"),
        lambda head: with_headers(head, x_amz_content_sha256="0" * 64),
        lambda head: with_headers(head, authorization=head.headers["authorization"].replace("us-east-1", "us-east-2")),
        lambda head: with_headers(head, authorization=head.headers["authorization"][:-1]),
        lambda head: with_headers(head, authorization=head.headers["authorization"][:-4] + "beef"),
        lambda head: with_headers(head, authorization=head.headers["authorization"] + "\xe9"),
        lambda head: with_headers(
            head, authorization=re.sub("Signature=.*", "Signature=0", head.headers["authorization"])
        ),
    ],
)
def test_tampering_with_what_is_signed_is_refused(tamper) -> None:  # type: ignore[no-untyped-def]
    head = signed(
        "PUT",
        query="a=1&a=2&uploadId=x",
        headers={"content-type": "text/plain", "x-amz-meta-a": "1", "x-amz-meta-empty": ""},
    )
    verify(head)
    assert refusal(tamper(head)).code == "SignatureDoesNotMatch"


def test_the_order_of_a_query_is_no_part_of_its_meaning() -> None:
    verify(signed(query="b=2&a=1&a=0")._replace(raw_query="a=0&b=2&a=1"))


@pytest.mark.parametrize("make", [signed, presigned])
@pytest.mark.parametrize("name", ["x-amz-copy-source", "x-amz-acl", "x-amz-meta-a", "x-amz-tagging", "x-amz-"])
def test_an_unsigned_x_amz_header_is_refused(make, name: str) -> None:  # type: ignore[no-untyped-def]
    head = make("PUT")
    error = refusal(head._replace(headers={**head.headers, name: "v"}))
    assert (error.code, error.details["HeadersNotSigned"]) == ("AccessDenied", name)


def test_a_request_that_does_not_sign_its_host_is_refused() -> None:
    head = signed()
    authorization = head.headers["authorization"].replace("SignedHeaders=host;", "SignedHeaders=")
    error = refusal(with_headers(head, authorization=authorization))
    assert (error.code, error.details["HeadersNotSigned"]) == ("AccessDenied", "host")


def test_another_scope_is_refused() -> None:
    head = signed()
    authorization = head.headers["authorization"]
    for changed, code in (
        (authorization.replace("20261123", "20261122"), "AuthorizationHeaderMalformed"),
        (authorization.replace("/s3/", "/ec2/"), "AuthorizationHeaderMalformed"),
        (authorization.replace("aws4_request", "aws5_request"), "AuthorizationHeaderMalformed"),
        (authorization.replace("/us-east-1", ""), "AuthorizationHeaderMalformed"),
        (authorization.replace("/us-east-1", "/"), "AuthorizationHeaderMalformed"),
    ):
        assert refusal(with_headers(head, authorization=changed)).code == code


def test_a_signature_made_for_another_access_key_id_does_not_pass_with_another_secret() -> None:
    head = signed()
    changed = with_headers(head, authorization=head.headers["authorization"].replace("AKID", "AKI2"))
    assert refusal(changed, secret="the secret of AKI2").code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("secret", [None, ""])
@pytest.mark.parametrize("signer_secret", ["", "no such access key", SECRET])
def test_an_unknown_key_or_an_empty_secret_is_never_right(secret: str | None, signer_secret: str) -> None:
    error = refusal(signed(secret=signer_secret), secret=secret)
    assert (error.code, error.status, error.details) == ("InvalidAccessKeyId", 403, {"AWSAccessKeyId": "AKID"})


def test_a_wrong_signature_leaves_no_signing_key_behind() -> None:
    head = signed()
    sigv4._signing_keys.clear()
    refusal(head, secret="wrong")
    refusal(head, secret=None)
    assert not sigv4._signing_keys
    verify(head)
    assert len(sigv4._signing_keys) == 1


def test_the_signing_key_is_returned_for_the_chunks() -> None:
    claim = sigv4.find_claim(signed())
    assert claim is not None
    for _ in range(2):  # derived, and from the cache
        key = sigv4.check_signature(claim, signed(), HOST, SECRET)
        assert key == sigv4.derive_signing_key(SECRET, "20261123", "us-east-1")
    assert claim.scope == "20261123/us-east-1/s3/aws4_request"


# --- time


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_clock_16_minutes_away_is_too_skewed(minutes: int) -> None:
    error = refusal(signed(), now=NOW + timedelta(minutes=minutes))
    assert (error.code, error.status) == ("RequestTimeTooSkewed", 403)
    assert error.details["RequestTime"] == "20261123T120000Z"
    assert error.details["MaxAllowedSkewMilliseconds"] == "900000"


@pytest.mark.parametrize("minutes", [-15, 15])
def test_a_clock_15_minutes_away_is_near_enough(minutes: int) -> None:
    verify(signed(), now=NOW + timedelta(minutes=minutes))


def test_a_presigned_url_lasts_as_long_as_it_says() -> None:
    head = presigned(expires_s=60)
    verify(head, now=NOW + timedelta(seconds=60))
    error = refusal(head, now=NOW + timedelta(seconds=61))
    assert (error.code, error.status, error.message) == ("AccessDenied", 403, "Request has expired")
    assert error.details == {
        "X-Amz-Expires": "60",
        "Expires": "2026-11-23T12:01:00Z",
        "ServerTime": "2026-11-23T12:01:01Z",
    }


def test_a_presigned_url_of_the_future_is_refused() -> None:
    verify(presigned(signed_at=NOW + timedelta(minutes=15)))
    assert refusal(presigned(signed_at=NOW + timedelta(minutes=16))).code == "AccessDenied"


def test_a_presigned_url_lasts_a_week_at_most() -> None:
    verify(presigned(expires_s=604800))
    for expires_s in (0, -1, 604801, 10**30):
        assert refusal(presigned(expires_s=expires_s)).code == "AuthorizationQueryParametersError"


def test_an_expiry_can_not_be_changed() -> None:
    head = presigned(expires_s=60)
    changed = head._replace(raw_query=head.raw_query.replace("X-Amz-Expires=60", "X-Amz-Expires=600"))
    assert refusal(changed).code == "SignatureDoesNotMatch"


# --- malformed claims


@pytest.mark.parametrize("header", ["x-amz-date", "date"])
@pytest.mark.parametrize(
    "value", ["", "Bad Date", "20261123", "20261123T120000", "20261323T120000Z", "2026１123T12000Z"]
)
def test_a_date_that_is_missing_or_malformed_is_denied(header: str, value: str) -> None:
    head = with_headers(signed(), x_amz_date=None)
    error = refusal(head._replace(headers={**head.headers, header: value}))
    assert (error.code, error.status) == ("AccessDenied", 403)


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("", "AccessDenied"),
        ("AWS AKIAIGR7ZNNBHC5BKSUB:FWeDfwojDSdS2Ztmpfeubhd9isU=", "InvalidRequest"),
        ("AWS HAHAHA", "InvalidRequest"),
        ("Basic YTpi", "InvalidRequest"),
        ("Bearer x", "InvalidRequest"),
        ("AWS4-ECDSA-P256-SHA256 Credential=a", "NotImplemented"),
        ("AWS4-HMAC-SHA256", "AuthorizationHeaderMalformed"),
        ("AWS4-HMAC-SHA256 ", "AuthorizationHeaderMalformed"),
        ("AWS4-HMAC-SHA256 Credential=a/20261123/r/s3/aws4_request", "AuthorizationHeaderMalformed"),
        (
            "AWS4-HMAC-SHA256 Credential=a/20261123/r/s3/aws4_request,SignedHeaders=host,Signature=",
            "AuthorizationHeaderMalformed",
        ),
        ("AWS4-HMAC-SHA256 Credential=a,SignedHeaders=host,Signature=0", "AuthorizationHeaderMalformed"),
        (
            "AWS4-HMAC-SHA256 Credential=/20261123/r/s3/aws4_request,SignedHeaders=host,Signature=0",
            "AuthorizationHeaderMalformed",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=a/20261123/r/s3/aws4_request,SignedHeaders=host,Signature=0,Signature=1",
            "AuthorizationHeaderMalformed",
        ),
        (
            "AWS4-HMAC-SHA256 Credential=\xe9/20261123/r/s3/aws4_request,SignedHeaders=host,Signature=0",
            "AuthorizationHeaderMalformed",
        ),
    ],
)
def test_a_malformed_authorization_header_is_refused(authorization: str, code: str) -> None:
    assert refusal(with_headers(signed(), authorization=authorization)).code == code


def test_signature_version_2_is_refused_with_the_sentence_that_s3cmd_knows() -> None:
    sentence = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    in_header = refusal(with_headers(signed(), authorization="AWS AKID:c2ln"))
    in_query = refusal(Head("GET", "/b/k", "AWSAccessKeyId=AKID&Expires=1&Signature=c2ln", {"host": HOST}))
    assert (in_header.message, in_query.message) == (sentence, sentence)
    assert (in_header.code, in_query.code) == ("InvalidRequest", "InvalidRequest")


@pytest.mark.parametrize("query", ["AWSAccessKeyId=AKID&Signature=x", "X-Amz-Signature=0", "X-Amz-Credential=a"])
def test_header_and_query_auth_together_are_refused(query: str) -> None:
    assert refusal(signed(query=query)).code == "InvalidRequest"
    assert refusal(with_headers(presigned(), authorization=signed().headers["authorization"])).code == "InvalidRequest"


@pytest.mark.parametrize("name", ["Algorithm", "Credential", "Signature", "Date", "SignedHeaders", "Expires"])
def test_a_presigned_url_needs_each_of_its_fields_once(name: str) -> None:
    head = presigned()
    pairs = head.raw_query.split("&")
    without = "&".join(pair for pair in pairs if not pair.startswith(f"X-Amz-{name}="))
    doubled = f"{head.raw_query}&X-Amz-{name}=x"
    assert refusal(head._replace(raw_query=without)).code == "AuthorizationQueryParametersError"
    assert refusal(head._replace(raw_query=doubled)).code == "AuthorizationQueryParametersError"


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1", "AuthorizationQueryParametersError"),
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", "NotImplemented"),
        ("Expires=3600", "Expires=1h", "AuthorizationQueryParametersError"),
        ("Expires=3600", "Expires=-", "AuthorizationQueryParametersError"),
        ("Expires=3600", "Expires=%D9%A3", "AuthorizationQueryParametersError"),
        ("Date=20261123T120000Z", "Date=tomorrow", "AuthorizationQueryParametersError"),
        ("Date=20261123T", "Date=20261122T", "AuthorizationQueryParametersError"),
        ("%2Fus-east-1", "%2Fus%0Aeast-1", "AuthorizationQueryParametersError"),
        ("%2Fs3%2F", "%2Fec2%2F", "AuthorizationQueryParametersError"),
    ],
)
def test_a_malformed_presigned_url_is_refused(old: str, new: str, code: str) -> None:
    head = presigned()
    assert old in head.raw_query
    assert refusal(head._replace(raw_query=head.raw_query.replace(old, new))).code == code


@pytest.mark.parametrize(
    "head",
    [
        Head("GET", "/b/k", "", {"host": HOST}),
        Head("GET", "/b", "list-type=2&prefix=a%2Fb&X-Amz-Date=x&x-amz-signature=1", {"host": HOST, "x-amz-date": "x"}),
        Head("PUT", "/b/k", "", {"host": HOST, "x-amz-content-sha256": sigv4.STREAMING_UNSIGNED_TRAILER}),
    ],
)
def test_a_request_without_any_signature_is_anonymous(head: Head) -> None:
    assert sigv4.find_claim(head) is None


def test_no_refusal_has_the_code_that_sends_s3cmd_to_signature_version_2() -> None:
    for module in (claims, sigv4):
        assert 'S3Error("InvalidArgument"' not in Path(module.__file__).read_text()


# --- the payload's hash


@pytest.mark.parametrize(
    "payload",
    [EMPTY, EMPTY.upper(), "UNSIGNED-PAYLOAD", *sorted(sigv4.STREAMING_FORMS)],
)
def test_each_payload_form_is_accepted_in_the_header_form(payload: str) -> None:
    assert verify(signed("PUT", payload=payload)).payload == payload


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ("", "InvalidRequest"),
        ("0" * 63, "InvalidRequest"),
        ("g" * 64, "InvalidRequest"),
        ("STREAMING-UNSIGNED-PAYLOAD", "InvalidRequest"),
        ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "NotImplemented"),
        ("STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER", "NotImplemented"),
    ],
)
def test_another_payload_form_is_refused(payload: str, code: str) -> None:
    assert refusal(signed("PUT", payload=payload)).code == code


def test_the_header_form_needs_the_payload_hash() -> None:
    error = refusal(with_headers(signed(), x_amz_content_sha256=None))
    assert (error.code, error.status) == ("InvalidRequest", 400)


def test_a_presigned_url_takes_an_unsigned_hash_of_its_body_and_reports_it() -> None:
    head = with_headers(presigned("PUT"), x_amz_content_sha256="a" * 64)
    assert verify(head).payload == "a" * 64


def test_a_presigned_url_may_sign_the_hash_of_its_body_in_either_way() -> None:
    assert verify(presigned("PUT", headers={"x-amz-content-sha256": "a" * 64})).payload == "a" * 64
    in_query = presigned("PUT", query=f"X-Amz-Content-Sha256={'a' * 64}")
    assert verify(in_query).payload == "a" * 64
    # The unsigned header can not take back what the query promises.
    assert verify(with_headers(in_query, x_amz_content_sha256="UNSIGNED-PAYLOAD")).payload == "a" * 64
    assert refusal(with_headers(in_query, x_amz_content_sha256="b" * 64)).code == "InvalidRequest"


@pytest.mark.parametrize("form", sorted(sigv4.STREAMING_FORMS))
def test_a_presigned_url_takes_no_chunked_body(form: str) -> None:
    assert refusal(with_headers(presigned("PUT"), x_amz_content_sha256=form)).code == "NotImplemented"
    assert refusal(presigned("PUT", headers={"x-amz-content-sha256": form})).code == "NotImplemented"
    assert refusal(presigned("PUT", query=f"X-Amz-Content-Sha256={form}")).code == "NotImplemented"
