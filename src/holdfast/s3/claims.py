"""What a request says of its signature: the Authorization header, or the `X-Amz-*` fields of a presigned URL.

A claim is parsed and well formed, and not yet believed. `holdfast.s3.sigv4` verifies it.

A refusal never has the code `InvalidArgument`: s3cmd takes it as a hint to try Signature Version 2.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from hashlib import sha256
from typing import Final, Literal, NamedTuple, NoReturn
from urllib.parse import unquote_to_bytes

from holdfast.s3.codes import S3Error
from holdfast.s3.dates import amz_date, parse_amz_date, parse_http_date
from holdfast.s3.head import Head

Form = Literal["header", "query"]

ALGORITHM: Final = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD: Final = "UNSIGNED-PAYLOAD"
STREAMING_SIGNED: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
STREAMING_SIGNED_TRAILER: Final = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
STREAMING_UNSIGNED_TRAILER: Final = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
STREAMING_FORMS: Final = frozenset((STREAMING_SIGNED, STREAMING_SIGNED_TRAILER, STREAMING_UNSIGNED_TRAILER))
EMPTY_SHA256: Final = sha256(b"").hexdigest()

EXPIRES_MAX_S: Final = 7 * 24 * 3600  # S3 API reference, "X-Amz-Expires"
CREDENTIAL_LENGTH_MAX: Final = 256  # characters, ours: an access key id and a scope are far shorter
SIGNER_LENGTH_MAX: Final = 4096  # characters of a credential and its signed headers, ours
SIGNED_HEADERS_MAX: Final = 128  # ours: more than a header block of 16 KiB makes sense for

_SHA256: Final = re.compile("[0-9a-fA-F]{64}")
_QUERY_FIELDS: Final = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Expires",
)
_AUTH_FIELDS: Final = frozenset((*_QUERY_FIELDS, "X-Amz-Content-Sha256", "X-Amz-Security-Token", "AWSAccessKeyId"))
_V2_REFUSAL: Final = (
    # s3cmd looks for this very sentence.
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
)


class Claim(NamedTuple):
    """What a request says of its signature: parsed, and not yet believed."""

    form: Form
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


def _read_header(head: Head, authorization: str) -> Claim:
    algorithm, _, rest = authorization.partition(" ")
    if algorithm != ALGORITHM:
        _refuse_algorithm(algorithm)
    signer_text, _, signature = rest.rpartition("Signature=")
    if len(signer_text) > SIGNER_LENGTH_MAX or not signature:
        raise malformed("header", "expecting Credential, SignedHeaders and Signature.")
    access_key_id, date, region, service, names = _read_signer(signer_text)
    headers = head.headers
    _check_no_session(headers.get("x-amz-security-token"))
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
        check_payload(payload)
    if date != timestamp[:8]:
        raise malformed(
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
        raise malformed("header", "expecting Credential, SignedHeaders and Signature.")
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
    _check_no_session(fields.get("X-Amz-Security-Token") or head.headers.get("x-amz-security-token"))
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
        raise malformed(
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
        check_payload(payload)
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


def _check_no_session(token: str | None) -> None:
    """Refuse a session's token: an access key here has none, and a request must not look narrower than it is."""
    if token:
        raise S3Error("InvalidToken", "The provided token is malformed or otherwise invalid.")


def check_payload(payload: str) -> None:
    """Refuse what `x-amz-content-sha256` says if it is neither a hash nor `UNSIGNED-PAYLOAD`."""
    if payload in (EMPTY_SHA256, UNSIGNED_PAYLOAD) or _SHA256.fullmatch(payload):
        return
    if payload.startswith("STREAMING-AWS4-ECDSA"):
        raise S3Error("NotImplemented", "Signatures with AWS4-ECDSA-P256-SHA256 are not implemented.")
    raise S3Error(
        "InvalidRequest",
        f"x-amz-content-sha256 must be {UNSIGNED_PAYLOAD}, {', '.join(sorted(STREAMING_FORMS))}, "
        "or a valid sha256 value.",
    )


def _split_credential(form: Form, credential: str) -> tuple[str, str, str, str]:
    parts = credential.rsplit("/", 4)
    if (
        len(parts) != 5
        or parts[4] != "aws4_request"
        or not all(parts)
        or len(credential) > CREDENTIAL_LENGTH_MAX
        # A line feed in the scope would make the string to sign ambiguous.
        or not (credential.isascii() and credential.isprintable())
    ):
        raise malformed(
            form,
            'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
        )
    return parts[0], parts[1], parts[2], parts[3]


def _split_names(form: Form, text: str) -> tuple[str, ...]:
    names = tuple(text.split(";"))
    if len(names) > SIGNED_HEADERS_MAX or not (text.isascii() and text.isprintable()):
        raise malformed(form, "the SignedHeaders are mal-formed.")
    return names


def malformed(form: Form, why: str) -> S3Error:
    """Return the refusal of a claim that can't be read, or is for somewhere else, in the words of its form."""
    if form == "header":
        return S3Error("AuthorizationHeaderMalformed", f"The authorization header is malformed; {why}")
    return S3Error("AuthorizationQueryParametersError", f"Error parsing the X-Amz-Credential parameter; {why}")
