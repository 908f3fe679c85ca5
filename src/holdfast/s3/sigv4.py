"""AWS Signature Version 4, as S3 uses it: reading what a request claims, and verifying it.

The order for a server: `find_claim` (is it signed, and is the claim well formed?), look the access key up,
`check_time`, `check_signature`. Nothing here knows a clock or a store of secrets.

What is verified is what was sent: the path is taken as it came over the wire, and every `x-amz-*` header that
arrives must be among the signed ones, or an unsigned `x-amz-copy-source` on a presigned PUT would copy anything
(CVE-2026-71191 of OpenStack Swift).

A refusal never has the code `InvalidArgument`: s3cmd takes it as a hint to try Signature Version 2.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Final, Literal, NamedTuple, NoReturn
from urllib.parse import quote, unquote_to_bytes

from holdfast.s3.codes import S3Error
from holdfast.s3.dates import amz_date, parse_amz_date, parse_http_date
from holdfast.s3.head import Head

ALGORITHM: Final = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
STREAMING_SIGNED: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
STREAMING_SIGNED_TRAILER: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
STREAMING_UNSIGNED_TRAILER: Final = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
STREAMING_FORMS: Final = frozenset((STREAMING_SIGNED, STREAMING_SIGNED_TRAILER, STREAMING_UNSIGNED_TRAILER))
EMPTY_SHA256: Final = sha256(b"").hexdigest()

SKEW_MAX: Final = timedelta(minutes=15)  # S3 user guide, "Request timestamps"
EXPIRES_MAX_S: Final = 7 * 24 * 3600  # S3 API reference, "X-Amz-Expires"
CREDENTIAL_LENGTH_MAX: Final = 256  # characters, ours: an access key id and a scope are far shorter
SIGNER_LENGTH_MAX: Final = 4096  # characters of a credential and its signed headers, ours
SIGNED_HEADERS_MAX: Final = 128  # ours: more than a header block of 16 KiB makes sense for

_UNRESERVED: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~"
_HEX: Final = "0123456789abcdefABCDEF"
_QUERY_FIELDS: Final = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)
_AUTH_FIELDS: Final = frozenset((*_QUERY_FIELDS, "X-Amz-Content-Sha256", "AWSAccessKeyId"))
_V2_REFUSAL: Final = (
    # s3cmd looks for this very sentence.
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
)
_SIGNING_KEYS_MAX: Final = 4096
# (secret, date, region) → signing key. Deriving one costs more than the rest of a verification. Only a request whose
# signature was right adds to it, so a stranger can't fill it.
_signing_keys: dict[tuple[str, str, str], bytes] = {}


class Claim(NamedTuple):
    """What a request says of its signature: parsed, and not yet believed."""

    form: Literal["header", "query"]
    access_key_id: str
    date: str
    """`YYYYMMDD` of the credential's scope; equal to the first eight characters of `timestamp`."""
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    timestamp: str
    """`YYYYMMDDTHHMMSSZ`, as it enters the string to sign."""
    signed_at: datetime
    """`timestamp` as a UTC moment."""
    expires_s: int | None
    """How long a presigned URL lasts; None for the header form."""
    payload: str
    """What `x-amz-content-sha256` says: a hexadecimal hash, `UNSIGNED-PAYLOAD` or one of `STREAMING_FORMS`.

    A hash is a promise about the body that the reader of the body has to check, in both forms.
    """

    @property
    def scope(self) -> str:
        """The credential without the access key id."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def find_claim(head: Head) -> Claim | None:
    """Read the signature that a request carries; None if it is anonymous.

    Raises S3Error if there is more than one signature, an unsupported or a malformed one.
    """
    authorization = head.headers.get("authorization")
    # Only a field's plain name counts: a percent-encoded one is an ordinary field, signed like any other.
    query = head.raw_query
    fields: dict[str, str] | None = None
    if query and ("X-Amz-" in query or "AWSAccessKeyId" in query):
        fields = _find_auth_fields(query)
    if authorization is None:
        return None if fields is None else _read_query(head, fields)
    if fields is not None:
        raise S3Error(
            "InvalidRequest",
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string "
            "parameter or the Authorization header should be specified.",
        )
    return _read_header(head, authorization)


def check_time(claim: Claim, now: datetime) -> None:
    """Refuse a signature that was made too long ago, or in the future; `now` is UTC.

    A header's signature lives 15 minutes in both directions. A presigned URL lives `expires_s` from when it was
    made, and the maker's clock may be 15 minutes ahead of ours.
    """
    age = now - claim.signed_at
    if claim.expires_s is None:
        if abs(age) > SKEW_MAX:
            raise S3Error(
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
                details={
                    "RequestTime": claim.timestamp,
                    "ServerTime": _iso(now),
                    "MaxAllowedSkewMilliseconds": str(int(SKEW_MAX.total_seconds()) * 1000),
                },
            )
        return
    if -age > SKEW_MAX:
        raise S3Error(
            "AccessDenied",
            "Request is not valid yet",
            details={"X-Amz-Date": claim.timestamp, "ServerTime": _iso(now)},
        )
    expires_after = timedelta(seconds=claim.expires_s)
    if age > expires_after:
        raise S3Error(
            "AccessDenied",
            "Request has expired",
            details={
                "X-Amz-Expires": str(claim.expires_s),
                "Expires": _iso(claim.signed_at + expires_after),
                "ServerTime": _iso(now),
            },
        )


def check_signature(claim: Claim, head: Head, host: str, secret: str | None) -> bytes:
    """Verify a claim and return the signing key, which the signatures of chunks need.

    `host` stands for the value of the `Host` header: the one the client used, which a trusted proxy may have told.
    `secret` is None for an unknown access key: then the same work is done, and the answer is InvalidAccessKeyId.

    Raises S3Error: AccessDenied if a header that must be signed isn't, SignatureDoesNotMatch with what was signed.
    """
    if claim.service != "s3":
        raise _malformed(claim.form, f'incorrect service "{claim.service}". This endpoint belongs to "s3".')
    headers = head.headers
    signed = claim.signed_headers
    unsigned = [name for name in headers if name.startswith("x-amz-") and name not in signed]
    if claim.form == "query" and "x-amz-content-sha256" in unsigned:
        # A presigner can't know the body. find_claim let only a hash or UNSIGNED-PAYLOAD pass, which the sender of
        # the body may add: it makes the check of the body stricter and changes nothing else.
        unsigned.remove("x-amz-content-sha256")
    if "host" not in signed:
        unsigned.append("host")
    if unsigned:
        raise S3Error(
            "AccessDenied",
            "There were headers present in the request which were not signed",
            details={"HeadersNotSigned": ", ".join(unsigned)},
        )

    date = claim.date
    region = claim.region
    cache_key = (secret or "", date, region)
    key = _signing_keys.get(cache_key)
    known = key is not None
    if key is None:
        key = derive_signing_key(secret or "no such access key", date, region)
    query = _canonical_query(head.raw_query)
    canonical = _canonical_request(claim, head, host, head.raw_path, query, claim.payload)
    string_to_sign = f"{ALGORITHM}\n{claim.timestamp}\n{claim.scope}\n{sha256(canonical).hexdigest()}"
    given = claim.signature.encode("latin-1")
    is_right = _matches(key, string_to_sign, given)
    if not is_right:
        for path, payload in _other_spellings(claim, head):
            other = _canonical_request(claim, head, host, path, query, payload)
            other_string = f"{ALGORITHM}\n{claim.timestamp}\n{claim.scope}\n{sha256(other).hexdigest()}"
            is_right = _matches(key, other_string, given) or is_right
    if not secret:
        raise S3Error(
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
            details={"AWSAccessKeyId": claim.access_key_id},
        )
    for name in signed:
        # A header that was signed must be here, even where an empty value would give the same canonical request.
        if name not in headers and name != "host":
            is_right = False
    if not is_right:
        raise S3Error(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method.",
            details={
                "AWSAccessKeyId": claim.access_key_id,
                "StringToSign": string_to_sign,
                "SignatureProvided": claim.signature,
                "StringToSignBytes": string_to_sign.encode("latin-1").hex(" "),
                "CanonicalRequest": canonical.decode("latin-1"),
                "CanonicalRequestBytes": canonical.hex(" "),
            },
        )
    if not known:
        if len(_signing_keys) >= _SIGNING_KEYS_MAX:
            _signing_keys.clear()
        _signing_keys[cache_key] = key
    return key


def derive_signing_key(secret: str, date: str, region: str, service: str = "s3") -> bytes:
    """Derive the key that signs all requests of one day, region and service."""
    key = hmac.digest(b"AWS4" + secret.encode(), date.encode("latin-1"), "sha256")
    for step in (region, service, "aws4_request"):
        key = hmac.digest(key, step.encode("latin-1"), "sha256")
    return key


def sign_headers(
    head: Head, *, access_key_id: str, secret: str, region: str, signed_at: datetime, payload: str = UNSIGNED_PAYLOAD
) -> dict[str, str]:
    """Return the headers to add to a request, so that it is signed: date, payload and Authorization.

    `head.headers` must hold `host`; all of them get signed. `payload` is what `x-amz-content-sha256` will say.
    """
    added = {"x-amz-content-sha256": payload, "x-amz-date": amz_date(signed_at)}
    headers = {**head.headers, **added}
    names = tuple(sorted(headers))
    claim = _claim_to_sign("header", access_key_id, region, names, signed_at, None, payload)
    signature = _sign(claim, head._replace(headers=headers), secret)
    added["authorization"] = (
        f"{ALGORITHM} Credential={access_key_id}/{claim.scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
    )
    return added


def presign(head: Head, *, access_key_id: str, secret: str, region: str, signed_at: datetime, expires_s: int) -> str:
    """Return the query of a presigned URL for a request; whoever sends it must send all of `head.headers` too."""
    names = tuple(sorted(head.headers))
    claim = _claim_to_sign("query", access_key_id, region, names, signed_at, expires_s, UNSIGNED_PAYLOAD)
    fields = {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{access_key_id}/{claim.scope}",
        "X-Amz-Date": claim.timestamp,
        "X-Amz-Expires": str(expires_s),
        "X-Amz-SignedHeaders": ";".join(names),
    }
    pairs = [f"{name}={quote(value, safe='')}" for name, value in fields.items()]
    query = "&".join([head.raw_query, *pairs] if head.raw_query else pairs)
    return f"{query}&X-Amz-Signature={_sign(claim, head._replace(raw_query=query), secret)}"


# --- reading a claim


def _read_header(head: Head, authorization: str) -> Claim:
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != ALGORITHM:
        _refuse_algorithm(algorithm)
    signer_text, _, signature = rest.rpartition("Signature=")
    if len(signer_text) > SIGNER_LENGTH_MAX or not signature:
        raise _malformed("header", "expecting Credential, SignedHeaders and Signature.")
    access_key_id, date, region, service, names = _read_signer(signer_text)
    headers = head.headers
    timestamp = headers.get("x-amz-date")
    signed_at: datetime | None
    if timestamp is None:
        signed_at = parse_http_date(headers.get("date", "")) or parse_amz_date(headers.get("date", ""))
        timestamp = amz_date(signed_at) if signed_at else ""
    else:
        signed_at = parse_amz_date(timestamp)
    if signed_at is None:
        raise S3Error("AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
    payload = headers.get("x-amz-content-sha256")
    if payload is None:
        raise S3Error("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    if payload not in STREAMING_FORMS:
        _check_payload(payload)
    if date != timestamp[:8]:
        raise _malformed(
            "header", f'Invalid credential date "{date}". This date is not the same as X-Amz-Date: "{timestamp[:8]}".'
        )
    return Claim("header", access_key_id, date, region, service, names, signature, timestamp, signed_at, None, payload)


@lru_cache(maxsize=1024)
def _read_signer(text: str) -> tuple[str, str, str, str, tuple[str, ...]]:
    """Read `Credential=…, SignedHeaders=…,`, which one client repeats for a day: access key id, scope and names."""
    credential, _, rest = text.partition(",")
    signed_headers, _, after = rest.partition(",")
    credential_name, _, credential = credential.strip(" ").partition("=")
    names_name, _, signed_headers = signed_headers.strip(" ").partition("=")
    if credential_name != "Credential" or names_name != "SignedHeaders" or not signed_headers or after.strip(" "):
        raise _malformed("header", "expecting Credential, SignedHeaders and Signature.")
    return *_split_credential("header", credential), _split_names("header", signed_headers)


def _read_query(head: Head, fields: Mapping[str, str]) -> Claim:
    if "AWSAccessKeyId" in fields:
        raise S3Error("InvalidRequest", _V2_REFUSAL)
    for name in _QUERY_FIELDS:
        if not fields.get(name):
            raise S3Error(
                "AuthorizationQueryParametersError",
                f"Query-string authentication version 4 requires the {', '.join(_QUERY_FIELDS)} parameters.",
            )
    if fields["X-Amz-Algorithm"] != ALGORITHM:
        if "ECDSA" in fields["X-Amz-Algorithm"]:
            raise S3Error("NotImplemented", "Signatures with AWS4-ECDSA-P256-SHA256 are not implemented.")
        raise S3Error("AuthorizationQueryParametersError", f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    expires = fields["X-Amz-Expires"]
    if not (expires.isascii() and expires.lstrip("-").isdigit()):
        raise S3Error("AuthorizationQueryParametersError", "X-Amz-Expires should be a number")
    if expires.startswith("-"):
        raise S3Error("AuthorizationQueryParametersError", "X-Amz-Expires must be non-negative")
    expires_s = int(expires) if len(expires) < 10 else EXPIRES_MAX_S + 1
    if not 1 <= expires_s <= EXPIRES_MAX_S:
        raise S3Error(
            "AuthorizationQueryParametersError",
            f"X-Amz-Expires must be at least 1 and at most a week (in seconds): {EXPIRES_MAX_S}",
        )
    timestamp = fields["X-Amz-Date"]
    signed_at = parse_amz_date(timestamp)
    if signed_at is None:
        raise S3Error(
            "AuthorizationQueryParametersError",
            "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
        )
    access_key_id, date, region, service = _split_credential("query", fields["X-Amz-Credential"])
    if date != timestamp[:8]:
        raise _malformed(
            "query", f'Invalid credential date "{date}". This date is not the same as X-Amz-Date: "{timestamp[:8]}".'
        )
    payload = _choose_payload(
        head.headers.get("x-amz-content-sha256", UNSIGNED_PAYLOAD), fields.get("X-Amz-Content-Sha256", UNSIGNED_PAYLOAD)
    )
    names = _split_names("query", fields["X-Amz-SignedHeaders"])
    return Claim(
        "query",
        access_key_id,
        date,
        region,
        service,
        names,
        fields["X-Amz-Signature"],
        timestamp,
        signed_at,
        expires_s,
        payload,
    )


def _find_auth_fields(query: str) -> dict[str, str] | None:
    """Return the fields of a query that speak of a signature, or None if none of them asks for one to be checked."""
    found: dict[str, str] = {}
    for pair in query.split("&"):
        name, _, value = pair.partition("=")
        if name in _AUTH_FIELDS:
            if name in found:
                raise S3Error("AuthorizationQueryParametersError", f"The query parameter {name} is given twice.")
            if "%" in value or "+" in value:
                value = unquote_to_bytes(value.replace("+", " ").encode("latin-1")).decode("latin-1")
            found[name] = value
    is_signed = "AWSAccessKeyId" in found or "X-Amz-Signature" in found or "X-Amz-Credential" in found
    return found if is_signed or "X-Amz-Algorithm" in found else None


def _choose_payload(in_header: str, in_query: str) -> str:
    """Return the stricter word on the body of a presigned request: the header need not be signed, the query is."""
    for payload in (in_header, in_query):
        if payload in STREAMING_FORMS:
            raise S3Error("NotImplemented", "A presigned URL does not go with a chunked body (x-amz-content-sha256).")
        _check_payload(payload)
    if in_query == UNSIGNED_PAYLOAD:
        return in_header
    if in_header not in (UNSIGNED_PAYLOAD, in_query):
        raise S3Error("InvalidRequest", "x-amz-content-sha256 differs between the headers and the query.")
    return in_query


def _refuse_algorithm(algorithm: str) -> NoReturn:
    if algorithm == "AWS":
        raise S3Error("InvalidRequest", _V2_REFUSAL)
    if algorithm.startswith("AWS4-ECDSA"):
        raise S3Error("NotImplemented", "Signatures with AWS4-ECDSA-P256-SHA256 are not implemented.")
    if not algorithm:
        raise S3Error("AccessDenied", "The Authorization header is empty.")
    raise S3Error("InvalidRequest", f"Unsupported Authorization Type. Please use {ALGORITHM}.")


def _check_payload(payload: str) -> None:
    if payload == UNSIGNED_PAYLOAD or (len(payload) == 64 and not payload.strip(_HEX)):
        return
    if payload.startswith("STREAMING-AWS4-ECDSA"):
        raise S3Error("NotImplemented", "Signatures with AWS4-ECDSA-P256-SHA256 are not implemented.")
    raise S3Error(
        "InvalidRequest",
        f"x-amz-content-sha256 must be {UNSIGNED_PAYLOAD}, {', '.join(sorted(STREAMING_FORMS))}, "
        "or a valid sha256 value.",
    )


def _split_credential(form: Literal["header", "query"], credential: str) -> tuple[str, str, str, str]:
    parts = credential.rsplit("/", 4)
    if (
        len(parts) != 5
        or parts[4] != "aws4_request"
        or not all(parts)
        or len(credential) > CREDENTIAL_LENGTH_MAX
        # A line feed in the scope would make the string to sign ambiguous.
        or not (credential.isascii() and credential.isprintable())
    ):
        raise _malformed(
            form,
            'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
        )
    return parts[0], parts[1], parts[2], parts[3]


def _split_names(form: Literal["header", "query"], text: str) -> tuple[str, ...]:
    names = tuple(text.split(";"))
    if len(names) > SIGNED_HEADERS_MAX or not (text.isascii() and text.isprintable()):
        raise _malformed(form, "the SignedHeaders are mal-formed.")
    return names


def _malformed(form: Literal["header", "query"], why: str) -> S3Error:
    if form == "header":
        return S3Error("AuthorizationHeaderMalformed", f"The authorization header is malformed; {why}")
    return S3Error("AuthorizationQueryParametersError", f"Error parsing the X-Amz-Credential parameter; {why}")


# --- what is signed


def _canonical_request(claim: Claim, head: Head, host: str, path: str, query: str, payload: str) -> bytes:
    get = head.headers.get
    lines = [head.method, path, query]
    for name in claim.signed_headers:
        value = host if name == "host" else get(name, "")
        if "  " in value or "\t" in value:
            value = _collapse(value)
        lines.append(f"{name}:{value}")
    lines.append("")
    lines.append(";".join(claim.signed_headers))
    lines.append(payload)
    return "\n".join(lines).encode("latin-1")


def _collapse(value: str) -> str:
    """Make one space of every run. Not by `str.split()`: bytes that Latin-1 calls white space are text in UTF-8."""
    value = value.replace("\t", " ")
    while "  " in value:
        value = value.replace("  ", " ")
    return value


def _canonical_query(raw_query: str) -> str:
    """Decode and re-encode a query once, sort it by name and then value, and leave the signature itself out."""
    if not raw_query:
        return ""
    pairs = []
    for pair in raw_query.split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        if name == "X-Amz-Signature":
            continue
        if name.rstrip(_UNRESERVED):
            name = _reencode(name)
        if value.rstrip(_UNRESERVED):
            value = _reencode(value)
        pairs.append((name, value))
    if len(pairs) > 1:
        pairs.sort()
    return "&".join([f"{name}={value}" for name, value in pairs])


def _reencode(text: str) -> str:
    # Delimiters and prefixes come again and again; the length is bounded so that the cache is.
    return _reencode_short(text) if len(text) <= 128 else _reencode_any(text)


def _reencode_any(text: str) -> str:
    # A plus is a space, as S3 and every reader of HTML forms take it; a client that means a plus sends %2B.
    return quote(unquote_to_bytes(text.replace("+", " ").encode("latin-1")), safe="")


_reencode_short: Final = lru_cache(maxsize=1024)(_reencode_any)


def _other_spellings(claim: Claim, head: Head) -> list[tuple[str, str]]:
    """Return other (path, payload) that a client may have signed for this very request; each means the same.

    Some clients sign a path's normal form and send another spelling of it, such as `(` for `%28`. The normal form
    is made for each segment, so that `%2F` never turns into a separator: a request has one meaning for each of them.
    A presigner may sign `UNSIGNED-PAYLOAD` beside a hash in `x-amz-content-sha256`: that hash is verified anyway.
    """
    paths = [head.raw_path]
    normal = "/".join(
        [quote(unquote_to_bytes(segment.encode("latin-1")), safe="") for segment in head.raw_path.split("/")]
    )
    if normal != head.raw_path:
        paths.append(normal)
    payloads = [claim.payload]
    if claim.form == "query" and claim.payload != UNSIGNED_PAYLOAD:
        payloads.append(UNSIGNED_PAYLOAD)
    return [(path, payload) for path in paths for payload in payloads][1:]


def _matches(key: bytes, string_to_sign: str, given: bytes) -> bool:
    signature = hmac.digest(key, string_to_sign.encode("latin-1"), "sha256").hex()
    return hmac.compare_digest(signature.encode(), given)


def _claim_to_sign(
    form: Literal["header", "query"],
    access_key_id: str,
    region: str,
    names: tuple[str, ...],
    signed_at: datetime,
    expires_s: int | None,
    payload: str,
) -> Claim:
    timestamp = amz_date(signed_at)
    return Claim(form, access_key_id, timestamp[:8], region, "s3", names, "", timestamp, signed_at, expires_s, payload)


def _sign(claim: Claim, head: Head, secret: str) -> str:
    canonical = _canonical_request(
        claim, head, head.headers["host"], head.raw_path, _canonical_query(head.raw_query), claim.payload
    )
    string_to_sign = f"{ALGORITHM}\n{claim.timestamp}\n{claim.scope}\n{sha256(canonical).hexdigest()}"
    key = derive_signing_key(secret, claim.date, claim.region, claim.service)
    return hmac.digest(key, string_to_sign.encode("latin-1"), "sha256").hex()


def _iso(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
