"""What a policy's conditions may ask about a request.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html#amazons3-policy-keys
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl

from holdfast.catalog.rows import OBJECTS, BucketRow
from holdfast.s3.dates import iso_date

if TYPE_CHECKING:
    from .context import Context

_QUERY_KEYS: Final = {
    "prefix": "s3:prefix",
    "delimiter": "s3:delimiter",
    "max-keys": "s3:max-keys",
    "versionId": "s3:VersionId",
}
_HEADER_PREFIXES: Final = ("x-amz-server-side-encryption", "x-amz-grant-", "x-amz-object-lock-")
_HEADER_KEYS: Final = (
    "x-amz-acl",
    "x-amz-copy-source",
    "x-amz-metadata-directive",
    "x-amz-storage-class",
    "x-amz-content-sha256",
    "x-amz-website-redirect-location",
)


def request_facts(
    context: Context,
    bucket: BucketRow,
    key: str | None,
    needed: frozenset[str],
    more: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, Sequence[str]]:
    """Return condition key → values for one request. `needed` are the keys that will be asked for, so that no tag is looked up in vain."""
    head = context.head
    headers = head.headers
    query = dict(parse_qsl(head.raw_query, keep_blank_values=True))
    epoch_s = context.now_us // 1_000_000
    facts: dict[str, Sequence[str]] = {
        "aws:SourceIp": (context.source_ip,),
        "aws:SecureTransport": ("true" if context.is_secure else "false",),
        "aws:CurrentTime": (iso_date(epoch_s),),
        "aws:EpochTime": (str(epoch_s),),
    }
    if not context.caller.is_anonymous:
        facts["aws:username"] = (context.caller.display_name,)
        facts["aws:userid"] = (context.caller.id,)
        facts["s3:authType"] = ("REST-QUERY-STRING" if "X-Amz-Signature" in query else "REST-HEADER",)
        facts["s3:signatureversion"] = ("AWS4-HMAC-SHA256",)
        signed_at = query.get("X-Amz-Date") or headers.get("x-amz-date")
        if signed_at:
            facts["s3:signatureAge"] = (_age_ms(signed_at, context.now_us),)
    for header, name in (("user-agent", "aws:UserAgent"), ("referer", "aws:Referer")):
        if header in headers:
            facts[name] = (headers[header],)
    for parameter, name in _QUERY_KEYS.items():
        if parameter in query:
            facts[name] = (query[parameter],)
    for header, value in headers.items():
        if header in _HEADER_KEYS or header.startswith(_HEADER_PREFIXES):
            facts[f"s3:{header}"] = (value,)
    if "x-amz-tagging" in headers:
        add_request_tags(facts, dict(parse_qsl(headers["x-amz-tagging"], keep_blank_values=True)))
    if key is not None and any(name.startswith("s3:ExistingObjectTag") for name in needed):
        _add_existing_tags(context, bucket, key, facts)
    if more:
        facts.update(more)
    return facts


def add_request_tags(facts: dict[str, Sequence[str]], tags: Mapping[str, str]) -> None:
    """Add the tags that a request brings, as `s3:RequestObjectTag/…` and `s3:RequestObjectTagKeys`."""
    for tag, value in tags.items():
        facts[f"s3:RequestObjectTag/{tag}"] = (value,)
    facts["s3:RequestObjectTagKeys"] = tuple(tags)


def _add_existing_tags(context: Context, bucket: BucketRow, key: str, facts: dict[str, Sequence[str]]) -> None:
    from .stored_headers import decode_tags

    row = context.rows.find(OBJECTS, (bucket.bucket_id, key))
    if row is not None:
        for tag, value in decode_tags(row.tags).items():
            facts[f"s3:ExistingObjectTag/{tag}"] = (value,)


def _age_ms(signed_at: str, now_us: int) -> str:
    try:
        moment = datetime.strptime(signed_at, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return "0"
    return str(max(0, now_us // 1000 - int(moment.timestamp() * 1000)))
