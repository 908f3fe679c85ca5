"""Signatures that do not hold, and requests altered after they were signed: each refused by its code, nothing changed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from tests.attacks.conftest import NORTH, Besieged
from tests.attacks.wire import EMPTY_HASH, UNSIGNED, Letter, presigned, scope_at, signed
from tests.serving import Key

pytestmark = pytest.mark.usefixtures("unchanged")

BODY = b"twelve bytes"
WRONG_HASH = hashlib.sha256(b"other bytes!").hexdigest()
MISMATCH = (403, "SignatureDoesNotMatch")
DENIED = (403, "AccessDenied")
BAD_QUERY = (400, "AuthorizationQueryParametersError")


def now() -> datetime:
    return datetime.now(UTC)


# --- the letter that all of these tamper with: a copy of it, untouched, is accepted


def put(besieged: Besieged) -> Letter:
    return besieged.letter("PUT", "/data/kept", "b=2&a=1&a=0", BODY, x_amz_meta_colour="red", content_type="text/plain")


def signed_put(besieged: Besieged) -> Letter:
    return signed(put(besieged), besieged.key, also=("content-type",))


def test_what_is_tampered_with_below_is_good_by_itself(besieged: Besieged) -> None:
    # To another bucket that is not there: the signature is verified before that is told.
    letter = put(besieged)._replace(path="/absent/kept")
    assert besieged.send(signed(letter, besieged.key, also=("content-type",))).code == "NoSuchBucket"
    assert besieged.send(presigned(letter.without("content-type"), besieged.key)).code == "NoSuchBucket"


@pytest.mark.parametrize("form", ["header", "query"])
@pytest.mark.parametrize(
    ("tamper", "verdict"),
    [
        pytest.param(lambda letter: letter._replace(method="DELETE", body=b"").put("content-length", "0"), MISMATCH, id="method"),
        pytest.param(lambda letter: letter._replace(path="/data/kepT"), MISMATCH, id="key"),
        pytest.param(lambda letter: letter._replace(path="/data2/kept"), MISMATCH, id="bucket"),
        pytest.param(lambda letter: letter._replace(path="/data//kept"), MISMATCH, id="slash doubled"),
        pytest.param(lambda letter: letter._replace(path="/data/kept/"), MISMATCH, id="slash at the end"),
        pytest.param(lambda letter: letter._replace(path="/data/./kept"), MISMATCH, id="dot segment"),
        pytest.param(lambda letter: letter._replace(path="/data/x/../kept"), MISMATCH, id="parent segment"),
        pytest.param(lambda letter: letter._replace(path="/data%2Fkept"), MISMATCH, id="slash encoded"),
        pytest.param(lambda letter: letter._replace(path="/data/kep%2574"), MISMATCH, id="encoded twice"),
        pytest.param(lambda letter: letter._replace(query=letter.query.replace("b=2", "b=3")), MISMATCH, id="query value"),
        pytest.param(lambda letter: letter._replace(query=letter.query.replace("b=2", "c=2")), MISMATCH, id="query name"),
        pytest.param(lambda letter: letter._replace(query=letter.query.replace("&a=0", "")), MISMATCH, id="query repeat dropped"),
        pytest.param(lambda letter: letter._replace(query=letter.query + "&a=1"), MISMATCH, id="query repeat added"),
        pytest.param(lambda letter: letter._replace(query=letter.query + "&tagging"), MISMATCH, id="query name added"),
        pytest.param(lambda letter: letter.put("x-amz-meta-colour", "blue"), MISMATCH, id="signed metadata"),
        pytest.param(lambda letter: letter.put("host", letter.get("host") + "0"), MISMATCH, id="host"),
        pytest.param(lambda letter: letter.without("x-amz-meta-colour"), MISMATCH, id="signed header dropped"),
        pytest.param(lambda letter: letter.add("x-amz-meta-colour", "blue"), MISMATCH, id="signed header doubled"),
        pytest.param(lambda letter: letter.add("x-amz-meta-shape", "round"), DENIED, id="metadata added"),
        pytest.param(lambda letter: letter.add("x-amz-acl", "private"), DENIED, id="acl added"),
        pytest.param(lambda letter: letter.add("x-amz-tagging", "a=b"), DENIED, id="tags added"),
        pytest.param(lambda letter: letter.add("x-amz-copy-source", "/data/kept"), DENIED, id="copy source added"),
        pytest.param(lambda letter: letter.add("X-AMZ-Storage-Class", "STANDARD_IA"), DENIED, id="upper case added"),
    ],
)  # fmt: skip
def test_what_was_altered_after_it_was_signed_is_refused(
    besieged: Besieged, form: str, tamper: Callable[[Letter], Letter], verdict: tuple[int, str]
) -> None:
    letter = signed_put(besieged) if form == "header" else presigned(put(besieged), besieged.key)
    assert besieged.send(tamper(letter)).verdict == verdict


@pytest.mark.parametrize(
    ("tamper", "verdict"),
    [
        pytest.param(lambda letter: letter.put("content-type", "text/html"), MISMATCH, id="content type"),
        pytest.param(lambda letter: letter.put("x-amz-content-sha256", UNSIGNED), MISMATCH, id="payload unsigned"),
        pytest.param(lambda letter: letter.put("x-amz-content-sha256", WRONG_HASH), MISMATCH, id="other payload"),
        pytest.param(lambda letter: letter.without("x-amz-content-sha256"), (400, "InvalidRequest"), id="payload missing"),
        pytest.param(lambda letter: letter.put("x-amz-content-sha256", ""), (400, "InvalidRequest"), id="payload empty"),
        pytest.param(lambda letter: letter.put("x-amz-content-sha256", "e3b0"), (400, "InvalidRequest"), id="payload short"),
        pytest.param(lambda letter: letter.put("x-amz-date", scope_at(now() + timedelta(seconds=30)).at), MISMATCH, id="date"),
        pytest.param(lambda letter: letter.without("x-amz-date"), DENIED, id="no date"),
        pytest.param(lambda letter: letter.put("x-amz-date", "yesterday"), DENIED, id="no such date"),
        pytest.param(lambda letter: letter.swap("authorization", "/us-east-1/", "/eu-west-1/"), MISMATCH, id="region"),
        pytest.param(lambda letter: letter.swap("authorization", "/s3/", "/sts/"), (400, "AuthorizationHeaderMalformed"), id="service"),
        pytest.param(lambda letter: letter.swap("authorization", "aws4_request", "aws5_request"), (400, "AuthorizationHeaderMalformed"), id="terminator"),
        pytest.param(lambda letter: letter.swap("authorization", "AWS4-HMAC-SHA256 ", "AWS4-HMAC-MD5 "), (400, "InvalidRequest"), id="algorithm"),
        pytest.param(lambda letter: letter.swap("authorization", "AWS4-HMAC-SHA256 ", "AWS4-ECDSA-P256-SHA256 "), (501, "NotImplemented"), id="ECDSA"),
        pytest.param(lambda letter: letter.swap("authorization", "host;", ""), DENIED, id="host no longer signed"),
        pytest.param(lambda letter: letter.swap("authorization", ";x-amz-date", ""), DENIED, id="date no longer signed"),
        pytest.param(lambda letter: letter.swap("authorization", "host;", "host;host;"), MISMATCH, id="name repeated"),
        pytest.param(lambda letter: letter.swap("authorization", "SignedHeaders=", "signedheaders="), (400, "AuthorizationHeaderMalformed"), id="name misspelt"),
        pytest.param(lambda letter: letter.put("authorization", letter.get("authorization")[:-1]), MISMATCH, id="signature cut"),
        pytest.param(lambda letter: letter.put("authorization", letter.get("authorization") + "0"), MISMATCH, id="signature longer"),
        pytest.param(lambda letter: letter.put("authorization", letter.get("authorization").rpartition("=")[0] + "="), (400, "AuthorizationHeaderMalformed"), id="signature empty"),
        pytest.param(lambda letter: letter.put("authorization", letter.get("authorization")[:-64] + "\xe9" * 64), MISMATCH, id="signature no hex"),
        pytest.param(lambda letter: letter.put("authorization", "AWS4-HMAC-SHA256"), (400, "AuthorizationHeaderMalformed"), id="algorithm alone"),
        pytest.param(lambda letter: letter.put("authorization", ""), DENIED, id="empty"),
        pytest.param(lambda letter: letter.put("authorization", "Bearer abc"), (400, "InvalidRequest"), id="bearer"),
        pytest.param(lambda letter: letter.put("authorization", "Basic YTpi"), (400, "InvalidRequest"), id="basic"),
    ],
)  # fmt: skip
def test_a_header_signature_that_was_altered_is_refused(
    besieged: Besieged, tamper: Callable[[Letter], Letter], verdict: tuple[int, str]
) -> None:
    assert besieged.send(tamper(signed_put(besieged))).verdict == verdict


def _field(name: str, value: str | None) -> Callable[[Letter], Letter]:
    """Return what exchanges one field of a query, or takes it away."""

    def tamper(letter: Letter) -> Letter:
        pairs = [pair.partition("=") for pair in letter.query.split("&")]
        kept = [(each, value if each == name else old) for each, _, old in pairs if each != name or value is not None]
        return letter._replace(query="&".join(f"{each}={text}" for each, text in kept))

    return tamper


@pytest.mark.parametrize(
    ("tamper", "verdict"),
    [
        pytest.param(_field("X-Amz-Signature", "0" * 64), MISMATCH, id="signature"),
        pytest.param(_field("X-Amz-Signature", None), BAD_QUERY, id="no signature"),
        pytest.param(_field("X-Amz-Signature", ""), BAD_QUERY, id="signature empty"),
        pytest.param(_field("X-Amz-Expires", "901"), MISMATCH, id="longer life"),
        pytest.param(_field("X-Amz-Expires", None), BAD_QUERY, id="no life"),
        pytest.param(_field("X-Amz-Expires", "604801"), BAD_QUERY, id="over a week"),
        pytest.param(_field("X-Amz-Expires", "0"), BAD_QUERY, id="no time at all"),
        pytest.param(_field("X-Amz-Expires", "-1"), BAD_QUERY, id="negative life"),
        pytest.param(_field("X-Amz-Expires", "1e3"), BAD_QUERY, id="no number"),
        pytest.param(_field("X-Amz-Expires", "9" * 400), BAD_QUERY, id="huge"),
        pytest.param(_field("X-Amz-Expires", "%D9%A9"), BAD_QUERY, id="digits of another script"),
        pytest.param(_field("X-Amz-Date", "20260101"), BAD_QUERY, id="date alone"),
        pytest.param(_field("X-Amz-Algorithm", "AWS4-HMAC-SHA1"), BAD_QUERY, id="algorithm"),
        pytest.param(_field("X-Amz-Algorithm", None), BAD_QUERY, id="no algorithm"),
        pytest.param(_field("X-Amz-Algorithm", "AWS4-ECDSA-P256-SHA256"), (501, "NotImplemented"), id="ECDSA"),
        pytest.param(_field("X-Amz-Credential", "nobody"), BAD_QUERY, id="credential"),
        pytest.param(_field("X-Amz-SignedHeaders", "host"), DENIED, id="metadata no longer signed"),
        pytest.param(_field("X-Amz-SignedHeaders", ""), BAD_QUERY, id="nothing signed"),
        pytest.param(lambda letter: letter._replace(query=letter.query + "&X-Amz-Expires=900"), BAD_QUERY, id="field doubled"),
        pytest.param(lambda letter: letter._replace(query=letter.query + "&X-Amz-Signature=0"), BAD_QUERY, id="signature doubled"),
        pytest.param(lambda letter: letter.put("x-amz-content-sha256", WRONG_HASH), (400, "XAmzContentSHA256Mismatch"), id="payload hash added"),
    ],
)  # fmt: skip
def test_a_presigned_url_that_was_altered_is_refused(
    besieged: Besieged, tamper: Callable[[Letter], Letter], verdict: tuple[int, str]
) -> None:
    assert besieged.send(tamper(presigned(put(besieged), besieged.key))).verdict == verdict


@pytest.mark.parametrize("minutes", [-16, 16])
def test_a_header_signature_lives_a_quarter_of_an_hour(besieged: Besieged, minutes: int) -> None:
    letter = signed(put(besieged), besieged.key, scope=scope_at(now() + timedelta(minutes=minutes)))
    assert besieged.send(letter).verdict == (403, "RequestTimeTooSkewed")


@pytest.mark.parametrize("minutes", [-14, 14])
def test_a_clock_that_differs_by_less_is_forgiven(besieged: Besieged, minutes: int) -> None:
    letter = besieged.letter("GET", "/data/kept")
    assert (
        besieged.send(signed(letter, besieged.key, scope=scope_at(now() + timedelta(minutes=minutes)))).body == b"kept"
    )


def test_a_presigned_url_ends_when_it_says_and_begins_when_it_says(besieged: Besieged) -> None:
    letter = besieged.letter("GET", "/data/kept")
    for age, expires, verdict in (
        (timedelta(seconds=-61), "60", DENIED),
        (timedelta(days=-7, seconds=-2), "604800", DENIED),
        (timedelta(minutes=16), "60", DENIED),
        (timedelta(days=-6), "604800", (200, "")),
    ):
        answer = besieged.send(presigned(letter, besieged.key, scope=scope_at(now() + age), expires=expires))
        assert answer.verdict == verdict, (age, answer.body)
    expired = presigned(letter, besieged.key, scope=scope_at(now() - timedelta(hours=1)), expires="1")
    assert besieged.send(expired).detail("Message") == "Request has expired"


@pytest.mark.parametrize(
    ("scope", "header", "query"),
    [
        ({"date": "20200101"}, "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError"),
        ({"service": "sts"}, "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError"),
        ({"service": "s3-outposts"}, "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError"),
        ({"terminator": "aws4"}, "AuthorizationHeaderMalformed", "AuthorizationQueryParametersError"),
    ],
)
def test_a_scope_that_is_not_ours_is_refused_though_its_signature_is_right(
    besieged: Besieged, scope: dict[str, str], header: str, query: str
) -> None:
    ours = scope_at(now(), **scope)
    assert besieged.send(signed(put(besieged), besieged.key, scope=ours)).verdict == (400, header)
    assert besieged.send(presigned(put(besieged), besieged.key, scope=ours)).verdict == (400, query)


def test_any_region_is_ours_and_its_signature_is_for_it_alone(besieged: Besieged) -> None:
    letter = signed(besieged.letter("GET", "/data/kept"), besieged.key, scope=scope_at(now(), region="moon-1"))
    assert besieged.send(letter).status == 200
    assert besieged.send(letter.swap("authorization", "/moon-1/", "/moon-2/")).verdict == MISMATCH


@pytest.mark.parametrize("sign", [signed, presigned])
def test_an_unknown_key_another_tenancys_and_an_empty_secret_get_no_further(
    besieged: Besieged, sign: Callable[[Letter, Key], Letter]
) -> None:
    letter = besieged.letter("GET", "/data/kept", host=besieged.host_of(NORTH))
    unknown = besieged.send(sign(letter, besieged.key._replace(token="x" * 20)))
    other = besieged.send(sign(letter, besieged.other))
    assert unknown.verdict == other.verdict == (403, "InvalidAccessKeyId")
    assert other.detail("Message") == unknown.detail("Message")
    for secret in ("", "no such access key", besieged.other.secret):
        assert besieged.send(sign(letter, besieged.key._replace(secret=secret))).verdict == MISMATCH
        assert besieged.send(sign(letter, Key("", secret, "", ""))).status in (400, 403)
        assert besieged.send(sign(letter, Key("x" * 20, secret, "", ""))).code == "InvalidAccessKeyId"


def test_two_signatures_are_one_too_many(besieged: Besieged) -> None:
    letter = signed(presigned(besieged.letter("GET", "/data/kept"), besieged.key), besieged.key)
    assert besieged.send(letter).verdict == (400, "InvalidRequest")
    doubled = signed_put(besieged)
    assert besieged.send(doubled.add("Authorization", doubled.get("authorization"))).verdict == (400, "BadRequest")


def test_signature_version_2_is_refused_in_the_words_that_s3cmd_knows(besieged: Besieged) -> None:
    sentence = "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
    date = "Mon, 23 Nov 2026 12:00:00 GMT"
    header = besieged.letter("GET", "/data/kept", date=date, authorization=f"AWS {besieged.key.token}:c2lnbmF0dXJl")
    query = besieged.letter(
        "GET", "/data/kept", f"AWSAccessKeyId={besieged.key.token}&Expires=1900000000&Signature=c2ln"
    )
    for letter in (header, query):
        answer = besieged.send(letter)
        assert answer.verdict == (400, "InvalidRequest")
        assert answer.detail("Message") == sentence


@pytest.mark.parametrize("sign", [signed, presigned])
def test_a_session_token_is_none_of_ours(besieged: Besieged, sign: Callable[[Letter, Key], Letter]) -> None:
    letter = besieged.letter("GET", "/data/kept", x_amz_security_token="FwoGZXIvYXdzEBY")
    assert besieged.send(sign(letter, besieged.key)).verdict == (400, "InvalidToken")


def test_a_session_token_in_a_presigned_url_is_none_of_ours(besieged: Besieged) -> None:
    letter = besieged.letter("GET", "/data/kept", "X-Amz-Security-Token=FwoGZXIvYXdzEBY")
    assert besieged.send(presigned(letter, besieged.key)).verdict == (400, "InvalidToken")


def test_a_mismatch_tells_what_was_signed_and_nothing_secret(besieged: Besieged) -> None:
    answer = besieged.send(signed_put(besieged)._replace(path="/data/<&>"))
    assert answer.code == "SignatureDoesNotMatch"
    assert answer.detail("AWSAccessKeyId") == besieged.key.token
    assert "/data/&lt;&amp;&gt;" in answer.detail("CanonicalRequest")
    assert answer.detail("StringToSign").startswith("AWS4-HMAC-SHA256\n")
    assert besieged.key.secret.encode() not in answer.body


@pytest.mark.parametrize("payload", [WRONG_HASH, EMPTY_HASH, WRONG_HASH.upper()])
@pytest.mark.parametrize("path", ["/data/kept", "/data/new"])
def test_a_body_that_is_not_the_one_that_was_signed_is_refused(besieged: Besieged, payload: str, path: str) -> None:
    letter = signed(besieged.letter("PUT", path, body=BODY), besieged.key, payload=payload)
    answer = besieged.send(letter)
    assert answer.verdict == (400, "XAmzContentSHA256Mismatch")
    assert answer.detail("S3ComputedContentSHA256") == hashlib.sha256(BODY).hexdigest()


def test_a_document_that_is_not_the_one_that_was_signed_is_refused(besieged: Besieged) -> None:
    body = b"<Delete><Object><Key>kept</Key></Object></Delete>"
    letter = signed(besieged.letter("POST", "/data", "delete", body), besieged.key, payload=EMPTY_HASH)
    assert besieged.send(letter).verdict == (400, "XAmzContentSHA256Mismatch")


def test_a_presigned_put_copies_nothing_that_its_signer_did_not_mean(besieged: Besieged) -> None:
    letter = presigned(besieged.letter("PUT", "/data/stolen"), besieged.key)
    for spelling in ("x-amz-copy-source", "X-Amz-Copy-Source", "x-amz-COPY-source"):
        assert besieged.send(letter.add(spelling, "/data/kept")).verdict == DENIED
    doubled = presigned(besieged.letter("PUT", "/data/stolen", x_amz_copy_source="/data/absent"), besieged.key)
    assert besieged.send(doubled.add("x-amz-copy-source", "/data/kept")).verdict == (400, "BadRequest")


def test_a_signature_made_for_one_host_is_worth_nothing_at_another(besieged: Besieged) -> None:
    letter = signed(besieged.letter("GET", "/kept", host=f"data.{besieged.host_of(NORTH)}"), besieged.key)
    assert besieged.send(letter).body == b"kept"
    moved = letter.put("host", f"plans.{besieged.host_of(NORTH)}")
    assert besieged.send(moved).verdict == MISMATCH
    assert besieged.send(moved.add("x-forwarded-host", f"data.{besieged.host_of(NORTH)}")).verdict == MISMATCH


def test_the_order_of_repeated_fields_decides_nothing(besieged: Besieged) -> None:
    # It is the one thing about a query that a signature does not cover.
    letter = presigned(besieged.letter("GET", "/data", "list-type=2&prefix=absent&prefix=kept"), besieged.key)
    turned = letter._replace(query=letter.query.replace("prefix=absent&prefix=kept", "prefix=kept&prefix=absent"))
    answers = [besieged.send(each) for each in (letter, turned)]
    assert [answer.status for answer in answers] == [200, 200]
    assert answers[0].body == answers[1].body
