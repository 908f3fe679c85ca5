"""AWS Signature Version 4, as S3 uses it: reading what a request claims, and verifying it.

The order for a server: `find_claim` (is it signed, and is the claim well formed?), look the access key up,
`check_time`, `check_signature`. Nothing here knows a clock or a store of secrets.

What is verified is what was sent: the path is taken as it came over the wire, and every `x-amz-*` header that
arrives must be among the signed ones, or an unsigned `x-amz-copy-source` on a presigned PUT would copy anything
(CVE-2026-71191 of OpenStack Swift).

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html,
https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
"""

from __future__ import annotations

import hmac
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import quote

from holdfast.s3.canonical import (
    canonical_query,
    canonical_request,
    derive_signing_key,
    other_spellings,
    string_to_sign,
)
from holdfast.s3.claims import (
    ALGORITHM,
    EMPTY_SHA256,
    EXPIRES_MAX_S,
    STREAMING_FORMS,
    STREAMING_SIGNED,
    STREAMING_SIGNED_TRAILER,
    STREAMING_UNSIGNED_TRAILER,
    UNSIGNED_PAYLOAD,
    Claim,
    Form,
    check_payload,
    find_claim,
    malformed,
)
from holdfast.s3.codes import S3Error
from holdfast.s3.dates import amz_date
from holdfast.s3.head import Head

__all__ = [
    "EMPTY_SHA256",
    "EXPIRES_MAX_S",
    "SKEW_MAX",
    "STREAMING_FORMS",
    "STREAMING_SIGNED",
    "STREAMING_SIGNED_TRAILER",
    "STREAMING_UNSIGNED_TRAILER",
    "UNSIGNED_PAYLOAD",
    "Claim",
    "check_payload",
    "check_signature",
    "check_time",
    "derive_signing_key",
    "find_claim",
    "presign",
    "sign_headers",
]

SKEW_MAX: Final = timedelta(minutes=15)  # S3 user guide, "Request timestamps"

_SIGNING_KEYS_MAX: Final = 4096
# (secret, date, region) → signing key. Deriving one costs more than the rest of a verification. Only a request whose
# signature was right adds to it, so a stranger can't fill it.
_signing_keys: dict[tuple[str, str, str], bytes] = {}


def check_time(
    claim: Claim, now: datetime, *, skew_max: timedelta = SKEW_MAX, expires_max_s: int = EXPIRES_MAX_S
) -> None:
    """Refuse a signature that was made too long ago, or in the future; `now` is UTC.

    A header's signature lives `skew_max` in both directions. A presigned URL lives `expires_s` from when it was
    made, at most `expires_max_s`, and the maker's clock may be `skew_max` ahead of ours.
    """
    age = now - claim.signed_at
    if claim.expires_s is None:
        if abs(age) > skew_max:
            raise S3Error(
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
                details={
                    "RequestTime": claim.timestamp,
                    "ServerTime": _iso(now),
                    "MaxAllowedSkewMilliseconds": str(int(skew_max.total_seconds()) * 1000),
                },
            )
        return
    if claim.expires_s > expires_max_s:
        raise S3Error(
            "AuthorizationQueryParametersError",
            f"X-Amz-Expires must be at most {expires_max_s} (in seconds) at this site",
        )
    if -age > skew_max:
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
        raise malformed(claim.form, f'incorrect service "{claim.service}". This endpoint belongs to "s3".')
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
    query = canonical_query(head.raw_query)
    canonical = canonical_request(claim, head, host, head.raw_path, query, claim.payload)
    text = string_to_sign(claim, canonical)
    given = claim.signature.encode("latin-1")
    is_right = _matches(key, text, given)
    if not is_right:
        for path, payload in other_spellings(claim, head):
            other = canonical_request(claim, head, host, path, query, payload)
            is_right = _matches(key, string_to_sign(claim, other), given) or is_right
    if not secret:
        raise unknown_access_key(claim)
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
                "StringToSign": text,
                "SignatureProvided": claim.signature,
                "StringToSignBytes": text.encode("latin-1").hex(" "),
                "CanonicalRequest": canonical.decode("latin-1"),
                "CanonicalRequestBytes": canonical.hex(" "),
            },
        )
    if not known:
        if len(_signing_keys) >= _SIGNING_KEYS_MAX:
            _signing_keys.clear()
        _signing_keys[cache_key] = key
    return key


def unknown_access_key(claim: Claim) -> S3Error:
    """Return the refusal of an access key that may not sign."""
    return S3Error(
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
        details={"AWSAccessKeyId": claim.access_key_id},
    )


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


def _matches(key: bytes, text: str, given: bytes) -> bool:
    signature = hmac.digest(key, text.encode("latin-1"), "sha256").hex()
    return hmac.compare_digest(signature.encode(), given)


def _claim_to_sign(
    form: Form,
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
    canonical = canonical_request(
        claim, head, head.headers["host"], head.raw_path, canonical_query(head.raw_query), claim.payload
    )
    key = derive_signing_key(secret, claim.date, claim.region, claim.service)
    return hmac.digest(key, string_to_sign(claim, canonical).encode("latin-1"), "sha256").hex()


def _iso(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
