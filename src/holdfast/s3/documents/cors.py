"""Cross-origin rules of a bucket: the CORSConfiguration document and the headers that follow from it.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html and
https://docs.aws.amazon.com/AmazonS3/latest/API/API_CORSRule.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from holdfast.s3 import xml
from holdfast.s3.codes import S3Error

RULE_COUNT_MAX: Final = 100
BODY_BYTES_MAX: Final = 64 * 1024
ID_CHARACTERS_MAX: Final = 255
MAX_AGE_S_MAX: Final = 2**31 - 1
METHODS: Final = ("GET", "PUT", "POST", "DELETE", "HEAD")
REQUEST_HEADER_COUNT_MAX: Final = 100

FORBIDDEN_CODE: Final = "AccessForbidden"
NOT_ENABLED: Final = "CORSResponse: CORS is not enabled for this bucket."
# The spelling is AWS's.
NOT_ALLOWED: Final = (
    "CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method /"
    " Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec."
)
VARY: Final = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method"

_TOKEN_CHARACTERS: Final = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Rule(NamedTuple):
    """One CORSRule. Origins and request headers may hold one `*` each."""

    allowed_methods: tuple[str, ...]
    allowed_origins: tuple[str, ...]
    allowed_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    max_age_s: int | None = None
    id: str | None = None


def parse(body: bytes) -> tuple[Rule, ...]:
    """Read the body of PutBucketCors. Raises MalformedXML, or InvalidRequest for a rule that S3 does not take."""
    root = xml.parse_root(body, "CORSConfiguration", BODY_BYTES_MAX)
    elements = xml.children(root, "CORSRule")
    if not elements:
        raise xml.malformed()
    if len(elements) > RULE_COUNT_MAX:
        raise S3Error(
            "InvalidRequest", f"The number of CORS rules should not exceed allowed limit of {RULE_COUNT_MAX} rules."
        )
    return tuple(_rule(element) for element in elements)


def write(rules: Sequence[Rule]) -> bytes:
    """The answer of GetBucketCors."""
    parts: list[str] = []
    for rule in rules:
        parts.append("<CORSRule>")
        if rule.id is not None:
            parts.append(xml.element("ID", rule.id))
        parts += [xml.element("AllowedMethod", method) for method in rule.allowed_methods]
        parts += [xml.element("AllowedOrigin", origin) for origin in rule.allowed_origins]
        parts += [xml.element("AllowedHeader", header) for header in rule.allowed_headers]
        if rule.max_age_s is not None:
            parts.append(xml.element("MaxAgeSeconds", str(rule.max_age_s)))
        parts += [xml.element("ExposeHeader", header) for header in rule.expose_headers]
        parts.append("</CORSRule>")
    return xml.document("CORSConfiguration", parts)


def find_rule(rules: Sequence[Rule], origin: str, method: str, request_headers: Sequence[str] = ()) -> Rule | None:
    """The first rule that allows the origin, the method and every header, or None.

    Origins compare by case, headers do not. An actual request gives no headers: its preflight asked for them.
    """
    for rule in rules:
        if (
            method in rule.allowed_methods
            and any(_fits(pattern, origin) for pattern in rule.allowed_origins)
            and all(_is_header_allowed(rule, header.lower()) for header in request_headers)
        ):
            return rule
    return None


def check_preflight(
    rules: Sequence[Rule], origin: str | None, method: str | None, request_headers: str | None
) -> dict[str, str]:
    """The headers that answer a preflight, from its Origin and the values of its two Access-Control-Request- headers.

    `rules` is empty for a bucket without CORS, and for one that does not exist: the refusal is the same. Raises
    BadRequest if the request is no preflight, AccessForbidden if no rule allows it.
    """
    if not origin:
        raise S3Error("BadRequest", "Insufficient information. Origin request header needed.")
    if method not in METHODS:
        raise S3Error("BadRequest", f"Invalid Access-Control-Request-Method: {method or 'null'}")
    if not rules:
        raise S3Error(FORBIDDEN_CODE, NOT_ENABLED, headers={"Vary": VARY})
    wanted = read_request_headers(request_headers)
    rule = find_rule(rules, origin, method, wanted) if wanted is not None else None
    if rule is None:
        raise S3Error(FORBIDDEN_CODE, NOT_ALLOWED, headers={"Vary": VARY})
    headers = actual_headers(rule, origin)
    if wanted:
        headers["Access-Control-Allow-Headers"] = ", ".join(wanted)
    if rule.max_age_s is not None:
        headers["Access-Control-Max-Age"] = str(rule.max_age_s)
    return headers


def read_request_headers(text: str | None) -> list[str] | None:
    """The names in Access-Control-Request-Headers, in lower case; None for what can't be sent back as names."""
    wanted = [header.strip().lower() for header in (text or "").split(",")]
    wanted = [header for header in wanted if header]
    return wanted if len(wanted) <= REQUEST_HEADER_COUNT_MAX and all(map(_is_token, wanted)) else None


def actual_headers(rule: Rule, origin: str) -> dict[str, str]:
    """What the answer to an allowed request of that origin carries, whatever its status.

    Credentials are allowed only to an origin that the rule names in full. AWS grants them to every origin that fits a
    pattern, too, and `https*` fits them all: reflecting any origin with credentials is what GHSA-x5xv was about.
    """
    headers = {"Access-Control-Allow-Origin": origin}
    if "*" in rule.allowed_origins:
        headers["Access-Control-Allow-Origin"] = "*"
    elif origin in rule.allowed_origins and "*" not in origin:
        headers["Access-Control-Allow-Credentials"] = "true"
    headers["Access-Control-Allow-Methods"] = ", ".join(rule.allowed_methods)
    if rule.expose_headers:
        headers["Access-Control-Expose-Headers"] = ", ".join(rule.expose_headers)
    headers["Vary"] = VARY
    return headers


def _is_header_allowed(rule: Rule, header: str) -> bool:
    return any(_fits(pattern.lower(), header) for pattern in rule.allowed_headers)


def _fits(pattern: str, text: str) -> bool:
    """Whether a pattern with one `*` at most matches the whole text."""
    head, star, tail = pattern.partition("*")
    if not star:
        return text == pattern
    return len(text) >= len(head) + len(tail) and text.startswith(head) and text.endswith(tail)


def _is_token(text: str) -> bool:
    return bool(text) and _TOKEN_CHARACTERS.issuperset(text)


def _rule(element: xml.Element) -> Rule:
    methods = _texts(element, "AllowedMethod")
    origins = _texts(element, "AllowedOrigin")
    headers = _texts(element, "AllowedHeader")
    exposed = _texts(element, "ExposeHeader")
    if not methods or not origins:
        raise xml.malformed()
    for method in methods:
        if method not in METHODS:
            raise S3Error(
                "InvalidRequest",
                f"Found unsupported HTTP method in CORS config. Unsupported method is {method}",
            )
    for origin in origins:
        if origin.count("*") > 1:
            raise S3Error("InvalidRequest", f'AllowedOrigin "{origin}" can not have more than one wildcard.')
        # What an origin names is sent back in a header.
        if not origin or not origin.isascii() or not origin.isprintable() or " " in origin:
            raise S3Error("InvalidRequest", f'AllowedOrigin "{origin}" is not an origin.')
    for header in headers:
        if header.count("*") > 1:
            raise S3Error("InvalidRequest", f'AllowedHeader "{header}" can not have more than one wildcard.')
        if not _is_token(header):
            raise S3Error("InvalidRequest", f'AllowedHeader "{header}" is not the name of a header.')
    for header in exposed:
        if "*" in header:
            raise S3Error(
                "InvalidRequest",
                f'ExposeHeader "{header}" contains wildcard. We currently do not support wildcard for ExposeHeader.',
            )
        if not _is_token(header):
            raise S3Error("InvalidRequest", f'ExposeHeader "{header}" is not the name of a header.')
    rule_id = xml.child_text(element, "ID")
    if rule_id is not None and len(rule_id) > ID_CHARACTERS_MAX:
        raise S3Error("InvalidRequest", f"The ID of a CORS rule has at most {ID_CHARACTERS_MAX} characters.")
    return Rule(
        methods, origins, headers, exposed, xml.child_integer(element, "MaxAgeSeconds", 0, MAX_AGE_S_MAX), rule_id
    )


def _texts(element: xml.Element, name: str) -> tuple[str, ...]:
    found = xml.children(element, name)
    if any(one.children for one in found):
        raise xml.malformed()
    return tuple(one.text.strip() for one in found)
