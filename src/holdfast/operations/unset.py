"""What a read answers whose subject no bucket or object can have yet: S3's own "not set", never a guess at rules.

Clients probe these (`s3cmd info`, mc, Terraform) and go on when they are told so. Putting such rules is
`NotImplemented`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from holdfast.s3.codes import S3Error
from holdfast.s3.shapes import Label, Query

from .context import Context
from .reading import get_version


@dataclass(frozen=True, slots=True)
class BucketRequest:
    """A read of a bucket's rules."""

    bucket: Annotated[str, Label("Bucket")]


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A read of what holds for one version."""

    bucket: Annotated[str, Label("Bucket")]
    key: Annotated[str, Label("Key")]
    version_id: Annotated[str | None, Query("versionId")] = None


@dataclass(frozen=True, slots=True)
class Nothing:
    """The answer that never comes: the refusal is all there is."""


def bucket_error(context: Context, action: str, request: BucketRequest, code: str, message: str) -> S3Error:
    """Return the error that says so of a bucket. Raises what `Context.authorised` raises."""
    bucket = context.authorised(action, request.bucket)
    return S3Error(code, message, details={"BucketName": bucket.name})


def lock_error(context: Context, action: str, request: KeyRequest) -> S3Error:
    """Return the error that says that no lock holds a version.

    Raises what `Context.authorised` raises, and `NoSuchKey` or `NoSuchVersion`.
    """
    bucket = context.authorised(action, request.bucket, request.key)
    get_version(context, bucket, request.key, request.version_id)
    return S3Error(
        "NoSuchObjectLockConfiguration",
        "The specified object does not have a ObjectLock configuration",
        details={"Key": request.key},
    )
