"""What a policy's conditions may ask about a request: one supplier for each condition key.

Each fact is the value that the request is served by: of a repeated query parameter the one that the codec reads, of a
copy source the bucket and key that are read, of tags what the header or the body is parsed into. A fact that two
readers could see differently would let a request be judged as one thing and served as another.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html#amazons3-policy-keys
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias

from holdfast.catalog.rows import OBJECTS, BucketRow
from holdfast.s3 import names
from holdfast.s3.claims import ALGORITHM, Claim, find_claim
from holdfast.s3.codes import S3Error
from holdfast.s3.dates import iso_date
from holdfast.s3.documents import tagging
from holdfast.s3.policy import TAG_KEYS
from holdfast.s3.target import parse_query

from .tag_sets import decode_tags

if TYPE_CHECKING:
    from .context import Context

EXISTING_TAG, REQUEST_TAG = TAG_KEYS
REQUEST_TAG_KEYS: Final = "s3:RequestObjectTagKeys"


class _Asked:
    """One question about one bucket or key of a request. What is costly is found when it is first asked for."""

    def __init__(self, context: Context, bucket: BucketRow, key: str | None) -> None:
        self.context = context
        self.headers = context.head.headers
        self._bucket = bucket
        self._key = key

    @cached_property
    def query(self) -> Mapping[str, str]:
        return parse_query(self.context.head.raw_query)

    @cached_property
    def claim(self) -> Claim | None:
        """The signature, which has been verified by now; None for an anonymous request and for one from inside."""
        return find_claim(self.context.head) if not self.context.caller.is_anonymous else None

    @cached_property
    def existing_tags(self) -> Mapping[str, str]:
        row = self.context.rows.find(OBJECTS, (self._bucket.bucket_id, self._key)) if self._key is not None else None
        return decode_tags(row.tags) if row is not None else {}

    @cached_property
    def request_tags(self) -> Mapping[str, str]:
        """The tags that the headers bring. What is no list of tags brings none: who reads it there refuses it."""
        text = self.headers.get("x-amz-tagging")
        copies = "x-amz-copy-source" in self.headers and self.headers.get("x-amz-tagging-directive") != "REPLACE"
        if text is None or copies:
            return {}
        try:
            return dict(tagging.parse_header(text))
        except S3Error:
            return {}


Values: TypeAlias = Sequence[str]
Supplier: TypeAlias = Callable[[_Asked], str | Values | None]
"""Finds a fact: one value, several, or None where the request has none."""


def request_facts(
    context: Context,
    bucket: BucketRow,
    key: str | None,
    needed: Iterable[str],
    more: Mapping[str, Values] | None = None,
) -> dict[str, Values]:
    """Return condition key → values for those of the keys `needed` that this request has.

    `more` holds what only the operation knows and wins over what the head says; an empty value there means that the
    request has none. Costs what is needed: a row is read for `s3:ExistingObjectTag/…` alone.
    """
    asked = _Asked(context, bucket, key)
    told = more or {}
    facts: dict[str, Values] = {}
    for name in needed:
        if name in told or (name.startswith(REQUEST_TAG) and REQUEST_TAG_KEYS in told):
            continue
        found = _find(asked, name)
        if found:
            facts[name] = (found,) if isinstance(found, str) else found
        elif found == "":
            facts[name] = ("",)
    facts.update((name, values) for name, values in told.items() if values)
    return facts


def tag_facts(tags: Iterable[tuple[str, str]]) -> dict[str, Values]:
    """Return what a request's tags are to conditions, where its body and not its head brings them."""
    found: dict[str, Values] = {f"{REQUEST_TAG}{tag}": (value,) for tag, value in tags}
    found[REQUEST_TAG_KEYS] = tuple(tag for tag, _ in tags)
    return found


def version_facts(version_id: str | None) -> dict[str, Values]:
    """Return what conditions are told of a version that another place than the query names."""
    return {"s3:VersionId": () if version_id is None else (version_id,)}


def _find(asked: _Asked, name: str) -> str | Values | None:
    if name.startswith(EXISTING_TAG):
        return asked.existing_tags.get(name.removeprefix(EXISTING_TAG))
    if name.startswith(REQUEST_TAG):
        return asked.request_tags.get(name.removeprefix(REQUEST_TAG))
    return SUPPLIERS[name](asked)


def _principal_arn(asked: _Asked) -> str | None:
    caller = asked.context.caller
    if caller.is_anonymous or caller.tenancy is None:
        return None
    # The account is the tenancy, as in the principals of a policy.
    return f"arn:aws:iam::{caller.tenancy.name}:user/{caller.display_name}"


def _copy_source(asked: _Asked) -> Values | None:
    text = asked.headers.get("x-amz-copy-source")
    if text is None:
        return None
    try:
        source = names.parse_copy_source(text)
    except S3Error:
        return (text,)
    # Policies are written with the slash before the bucket and without; a deny has to hit in either form.
    return f"{source.bucket}/{source.key}", f"/{source.bucket}/{source.key}"


def _auth_type(asked: _Asked) -> str | None:
    if asked.claim is None:
        return None
    return "REST-HEADER" if asked.claim.form == "header" else "REST-QUERY-STRING"


def _signature_age_ms(asked: _Asked) -> str | None:
    if asked.claim is None:
        return None
    return str(max(0, asked.context.now_us // 1000 - int(asked.claim.signed_at.timestamp() * 1000)))


def _payload_hash(asked: _Asked) -> str | None:
    # A presigned URL without the header stands for UNSIGNED-PAYLOAD, and the claim knows.
    return asked.claim.payload if asked.claim is not None else asked.headers.get("x-amz-content-sha256")


def _person(value: Callable[[Context], str]) -> Supplier:
    return lambda asked: None if asked.context.caller.is_anonymous else value(asked.context)


def _header(name: str) -> Supplier:
    return lambda asked: asked.headers.get(name)


def _parameter(name: str) -> Supplier:
    return lambda asked: asked.query.get(name)


SUPPLIERS: Final[Mapping[str, Supplier]] = {
    "aws:CurrentTime": lambda asked: iso_date(asked.context.now_us // 1_000_000),
    "aws:EpochTime": lambda asked: str(asked.context.now_us // 1_000_000),
    "aws:PrincipalArn": _principal_arn,
    "aws:Referer": _header("referer"),
    "aws:SecureTransport": lambda asked: "true" if asked.context.is_secure else "false",
    "aws:SourceIp": lambda asked: asked.context.source_ip,
    "aws:UserAgent": _header("user-agent"),
    "aws:userid": _person(lambda context: context.caller.id),
    "aws:username": _person(lambda context: context.caller.display_name),
    REQUEST_TAG_KEYS: lambda asked: tuple(asked.request_tags),
    "s3:VersionId": _parameter("versionId"),
    "s3:authType": _auth_type,
    "s3:delimiter": _parameter("delimiter"),
    "s3:if-match": _header("if-match"),
    "s3:if-none-match": _header("if-none-match"),
    # Empty counts as absent, as the codec reads it.
    "s3:max-keys": lambda asked: asked.query.get("max-keys") or None,
    "s3:prefix": _parameter("prefix"),
    "s3:signatureAge": _signature_age_ms,
    "s3:signatureversion": lambda asked: ALGORITHM if asked.claim is not None else None,
    "s3:x-amz-content-sha256": _payload_hash,
    "s3:x-amz-copy-source": _copy_source,
    **{
        f"s3:{header}": _header(header)
        for header in (
            "x-amz-acl",
            "x-amz-grant-full-control",
            "x-amz-grant-read",
            "x-amz-grant-read-acp",
            "x-amz-grant-write",
            "x-amz-grant-write-acp",
            "x-amz-metadata-directive",
            "x-amz-server-side-encryption",
            "x-amz-server-side-encryption-aws-kms-key-id",
            "x-amz-server-side-encryption-customer-algorithm",
            "x-amz-storage-class",
        )
    },
}
"""Every key of `holdfast.s3.policy.CONDITION_KEYS`, and how its fact is found."""
