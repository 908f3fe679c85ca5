"""What a client can be told, as facts. Only `operations/errors.py` knows S3's code and status for each."""

from __future__ import annotations


class StoreError(Exception):
    """Base of every refusal that a client can be told."""


class AccessDenied(StoreError):
    """The caller may not do this. `reason` is for the log and, where it reveals nothing, for the caller."""

    def __init__(self, action: str, bucket: str | None = None, key: str | None = None, reason: str = "") -> None:
        super().__init__(f"{action} on {bucket}/{key}: {reason}")
        self.action, self.bucket, self.key, self.reason = action, bucket, key, reason


class NoSuchBucket(StoreError):
    def __init__(self, bucket: str) -> None:
        super().__init__(bucket)
        self.bucket = bucket


class BucketTaken(StoreError):
    """The name is taken in this tenancy, by the caller or by another."""

    def __init__(self, bucket: str, is_own: bool) -> None:
        super().__init__(bucket)
        self.bucket, self.is_own = bucket, is_own


class BucketNotEmpty(StoreError):
    """There are objects in it, or more unfinished uploads than can be aborted at once."""

    def __init__(self, bucket: str, has_uploads: bool = False) -> None:
        super().__init__(bucket)
        self.bucket, self.has_uploads = bucket, has_uploads


class TooManyBuckets(StoreError):
    def __init__(self, limit: int) -> None:
        super().__init__(str(limit))
        self.limit = limit


class NoSuchKey(StoreError):
    def __init__(self, bucket: str, key: str) -> None:
        super().__init__(f"{bucket}/{key}")
        self.bucket, self.key = bucket, key


class NoSuchVersion(StoreError):
    def __init__(self, bucket: str, key: str, version_id: str) -> None:
        super().__init__(f"{bucket}/{key}?versionId={version_id}")
        self.bucket, self.key, self.version_id = bucket, key, version_id


class NoSuchUpload(StoreError):
    def __init__(self, upload_id: str) -> None:
        super().__init__(upload_id)
        self.upload_id = upload_id


class InvalidPart(StoreError):
    """A part that Complete names is not there, or its ETag or checksum differs."""

    def __init__(self, upload_id: str, part_number: int, etag: str = "") -> None:
        super().__init__(f"{upload_id} part {part_number}")
        self.upload_id, self.part_number, self.etag = upload_id, part_number, etag


class InvalidPartOrder(StoreError):
    def __init__(self, upload_id: str) -> None:
        super().__init__(upload_id)
        self.upload_id = upload_id


class PartTooSmall(StoreError):
    def __init__(self, part_number: int, size_bytes: int, least_bytes: int, etag: str) -> None:
        super().__init__(f"part {part_number}: {size_bytes} < {least_bytes}")
        self.part_number, self.size_bytes, self.least_bytes, self.etag = part_number, size_bytes, least_bytes, etag


class ObjectTooLarge(StoreError):
    def __init__(self, size_bytes: int, most_bytes: int) -> None:
        super().__init__(f"{size_bytes} > {most_bytes}")
        self.size_bytes, self.most_bytes = size_bytes, most_bytes


class ConditionFailed(StoreError):
    """A precondition named by header does not hold."""

    def __init__(self, condition: str) -> None:
        super().__init__(condition)
        self.condition = condition


class ChangedMeanwhile(StoreError):
    """What was read before the commit is no longer so. The client may repeat the request."""


class QuotaExceeded(StoreError):
    """A write would pass a limit. `what` is `bytes` or `objects`; `scope` says whose limit in words."""

    def __init__(self, scope: str, what: str, used: int, reserved: int, asked: int, limit: int) -> None:
        super().__init__(f"{scope}: {used} + {asked} > {limit} {what}")
        self.scope, self.what, self.used, self.reserved, self.asked, self.limit = (
            scope,
            what,
            used,
            reserved,
            asked,
            limit,
        )


class ObjectLocked(StoreError):
    def __init__(self, key: str, until_us: int | None = None) -> None:
        """`until_us` is when the lock ends by itself; None = a legal hold, which somebody takes off."""
        super().__init__(key)
        self.key = key
        self.until_us = until_us


class StorageFull(StoreError):
    """The disk is nearly full: bodies are refused, deletes go on."""


class StorageReadOnly(StoreError):
    """A sync failed somewhere in this site: writes are refused until it is started again."""


class SiteReadOnly(StoreError):
    """Operators have made the whole site read-only. `reason` is what they tell people, or empty."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class TenancyClosed(StoreError):
    """The tenancy is suspended, or read-only and this was a write."""

    def __init__(self, name: str, state: str) -> None:
        super().__init__(f"{name}: {state}")
        self.name, self.state = name, state
