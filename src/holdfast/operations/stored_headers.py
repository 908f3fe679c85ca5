"""The headers that a client stores with an object and gets back with it.

These are content headers, user metadata, tags and the storage class.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from holdfast.s3.codes import S3Error
from holdfast.s3.documents import tagging
from holdfast.s3.shapes import Header, HeaderMap
from holdfast.store.versions import Facts

from .context import Context
from .tag_sets import encode_tags

DEFAULT_CONTENT_TYPE: Final = "binary/octet-stream"
STORAGE_CLASSES: Final = frozenset(("STANDARD", "STANDARD_IA", "REDUCED_REDUNDANCY"))
"""Accepted and shown again; all of them lie in the one pool there is."""
_CONTENT_HEADERS: Final = (
    ("cache_control", "cache-control"),
    ("content_disposition", "content-disposition"),
    ("content_encoding", "content-encoding"),
    ("content_language", "content-language"),
    ("expires", "expires"),
    ("website_redirect_location", "x-amz-website-redirect-location"),
)
_ACLS_ACCEPTED: Final = frozenset(("private", "bucket-owner-full-control", "bucket-owner-read"))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredHeaders:
    """The part of a request that Put, Copy and CreateMultipartUpload share."""

    acl: Annotated[str | None, Header("x-amz-acl")] = None
    grants: Annotated[dict[str, str], HeaderMap("x-amz-grant-")]
    cache_control: Annotated[str | None, Header("Cache-Control")] = None
    content_disposition: Annotated[str | None, Header("Content-Disposition")] = None
    content_encoding: Annotated[str | None, Header("Content-Encoding")] = None
    content_language: Annotated[str | None, Header("Content-Language")] = None
    content_type: Annotated[str | None, Header("Content-Type")] = None
    expires: Annotated[str | None, Header("Expires")] = None
    metadata: Annotated[dict[str, str], HeaderMap("x-amz-meta-")]
    encryption: Annotated[dict[str, str], HeaderMap("x-amz-server-side-encryption")]
    object_lock: Annotated[dict[str, str], HeaderMap("x-amz-object-lock-")]
    storage_class: Annotated[str | None, Header("x-amz-storage-class")] = None
    tagging: Annotated[str | None, Header("x-amz-tagging")] = None
    website_redirect_location: Annotated[str | None, Header("x-amz-website-redirect-location")] = None


def check_acl(acl: str | None, grants: Mapping[str, str]) -> None:
    """Accept an ACL that changes nothing; refuse one that would have to be kept.

    Access is the owner's and the policy's alone ("bucket owner enforced", S3's own default since 2023).
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
    """
    if grants or (acl is not None and acl not in _ACLS_ACCEPTED):
        raise acls_are_off()


def acls_are_off() -> S3Error:
    """Return the refusal of an ACL that would have to be kept."""
    return S3Error(
        "AccessControlListNotSupported",
        "The bucket does not allow ACLs. Leave the ACL out, or use a bucket policy to share.",
    )


def encryption_is_off() -> S3Error:
    """Return the refusal of a write that asks for encryption: to say yes and store it plain would be the worst."""
    return S3Error(
        "NotImplemented",
        "Server-side encryption headers are not supported by this server. Leave x-amz-server-side-encryption… out.",
    )


def read_facts(context: Context, request: StoredHeaders) -> Facts:
    """Return what is to be kept of the headers. Raises the error for a header that would not be honoured.

    Saying yes to a lock that is then not there would be as bad as to an encryption.
    """
    check_acl(request.acl, request.grants)
    if request.encryption:
        raise encryption_is_off()
    if request.object_lock:
        raise S3Error("InvalidRequest", "Bucket is missing Object Lock Configuration")
    storage_class = request.storage_class or "STANDARD"
    if storage_class not in STORAGE_CLASSES:
        raise S3Error("InvalidStorageClass", "The storage class you specified is not valid. Use STANDARD.")
    kept: dict[str, str] = {}
    for field, name in _CONTENT_HEADERS:
        value = getattr(request, field)
        if field == "content_encoding" and value is not None:
            value = _without_aws_chunked(value)
        if value:
            kept[name] = value
    metadata_bytes = 0
    for name, value in request.metadata.items():
        metadata_bytes += len(name) + len(value)
        kept[f"x-amz-meta-{name}"] = value
    if metadata_bytes > context.limits.metadata_bytes_max:
        raise S3Error(
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size of"
            f" {context.limits.metadata_bytes_max} bytes.",
            details={"Size": str(metadata_bytes), "MaxSizeAllowed": str(context.limits.metadata_bytes_max)},
        )
    return Facts(
        content_type=request.content_type or DEFAULT_CONTENT_TYPE,
        metadata=json.dumps(kept, separators=(",", ":")) if kept else "",
        tags=encode_tags(dict(tagging.parse_header(request.tagging))) if request.tagging else "",
        storage_class=storage_class,
    )


def show(metadata: str) -> dict[str, str]:
    """Return the stored headers as name → value, as they were sent."""
    return json.loads(metadata) if metadata else {}


def _without_aws_chunked(value: str) -> str:
    """Drop the encoding of the upload itself, which is gone when the object is stored.

    `gzip` in `gzip,aws-chunked` stays, and so does whatever has no `aws-chunked` in it.
    """
    if "aws-chunked" not in value:
        return value
    return ",".join(item for item in (part.strip() for part in value.split(",")) if item and item != "aws-chunked")
