"""How the store's refusals are spelt in S3: the only place that knows both."""

from __future__ import annotations

from typing import Final

from holdfast.s3.codes import S3Error
from holdfast.store import errors as store

OPERATOR: Final = "Ask the tenancy's managers"


def to_s3(error: store.StoreError) -> S3Error:
    """Return S3's code, status and sentence for a refusal of the store."""
    match error:
        case store.AccessDenied():
            return S3Error("AccessDenied", _denied(error))
        case store.NoSuchBucket():
            return S3Error("NoSuchBucket", "The specified bucket does not exist", details={"BucketName": error.bucket})
        case store.BucketTaken(is_own=True):
            return S3Error(
                "BucketAlreadyOwnedByYou",
                "Your previous request to create the named bucket succeeded and you already own it.",
                details={"BucketName": error.bucket},
            )
        case store.BucketTaken():
            return S3Error(
                "BucketAlreadyExists",
                "The requested bucket name is not available in this tenancy. Please select a different name.",
                details={"BucketName": error.bucket},
            )
        case store.BucketNotEmpty():
            advice = ": it has too many unfinished uploads. Abort them first." if error.has_uploads else ""
            return S3Error(
                "BucketNotEmpty",
                f"The bucket you tried to delete is not empty{advice}",
                details={"BucketName": error.bucket},
            )
        case store.TooManyBuckets():
            return S3Error(
                "TooManyBuckets",
                f"You have attempted to create more buckets than allowed ({error.limit}). Delete one first.",
            )
        case store.NoSuchKey():
            return S3Error("NoSuchKey", "The specified key does not exist.", details={"Key": error.key})
        case store.NoSuchVersion():
            return S3Error(
                "NoSuchVersion",
                "The specified version does not exist.",
                details={"Key": error.key, "VersionId": error.version_id},
            )
        case store.NoSuchUpload():
            return S3Error(
                "NoSuchUpload",
                "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted"
                " or completed.",
                details={"UploadId": error.upload_id},
            )
        case store.InvalidPart():
            return S3Error(
                "InvalidPart",
                "One or more of the specified parts could not be found. The part may not have been uploaded, or the"
                " specified entity tag or checksum may not match the part's.",
                details={"UploadId": error.upload_id, "PartNumber": str(error.part_number), "ETag": error.etag},
            )
        case store.InvalidPartOrder():
            return S3Error(
                "InvalidPartOrder",
                "The list of parts was not in ascending order. Parts must be ordered by part number.",
                details={"UploadId": error.upload_id},
            )
        case store.PartTooSmall():
            return S3Error(
                "EntityTooSmall",
                "Your proposed upload is smaller than the minimum allowed size",
                details={
                    "ProposedSize": str(error.size_bytes),
                    "MinSizeAllowed": str(error.least_bytes),
                    "PartNumber": str(error.part_number),
                    "ETag": error.etag,
                },
            )
        case store.ObjectTooLarge():
            return S3Error(
                "EntityTooLarge",
                "Your proposed upload exceeds the maximum allowed size",
                details={"ProposedSize": str(error.size_bytes), "MaxSizeAllowed": str(error.most_bytes)},
            )
        case store.ConditionFailed():
            return S3Error(
                "PreconditionFailed",
                "At least one of the pre-conditions you specified did not hold",
                details={"Condition": error.condition},
            )
        case store.ChangedMeanwhile():
            return S3Error(
                "ConditionalRequestConflict",
                "What the request is about was changed while it ran. Repeat it.",
            )
        case store.QuotaExceeded():
            return S3Error("QuotaExceeded", _quota(error), details=_quota_details(error))
        case store.ObjectLocked():
            return S3Error("AccessDenied", "Access Denied because object protected by object lock.")
        case store.StorageFull():
            return S3Error(
                "InsufficientStorage",
                "The server's disk is full. Deletes still work; tell the operators of this site.",
            )
        case store.StorageReadOnly():
            return S3Error(
                "ServiceUnavailable",
                "The server takes no writes because its disk failed a sync. Reads still work; tell the operators of"
                " this site.",
                headers={"Retry-After": "60"},
            )
        case store.SiteReadOnly():
            # Maintenance lasts longer than clients try again for: of 503 they would show nothing for minutes.
            why = f": {error.reason.rstrip('.')}" if error.reason else ""
            return S3Error(
                "SiteReadOnly",
                f"The whole store is read-only for maintenance{why}. Reads work; writes and deletes are refused until"
                " the operators of this site end it.",
            )
        case store.TenancyClosed():
            return S3Error(
                "TenancySuspended",
                f"The tenancy is {'suspended' if error.state == 'suspended' else 'read-only: reads and deletes work'}."
                f" {OPERATOR} or the operators of this site.",
            )
    raise AssertionError(f"no S3 code for {type(error).__name__}")


def _denied(error: store.AccessDenied) -> str:
    """Return whom to ask for what.

    It is made of the request alone, never of the reason or of what is there: for a bucket or a key that is absent it
    is the same.
    """
    if error.reason == "anonymous":
        return (
            "Access Denied. The request was not signed: sign it with an access key. What is public is read without, by"
            " the tenancy's host name."
        )
    where = f"on {error.bucket}" if error.bucket else "in this tenancy"
    return f"Access Denied. Ask the bucket's owner or your tenancy's managers for this right: {error.action} {where}."


def _quota(error: store.QuotaExceeded) -> str:
    reserved = f", {error.reserved} reserved by uploads in progress" if error.reserved else ""
    return (
        f"The quota of {error.scope} would be exceeded: {error.used} of {error.limit} {error.what} used{reserved},"
        f" {error.asked} more asked. Delete objects or unfinished uploads (deletes always work), or ask the managers"
        " for more quota."
    )


def _quota_details(error: store.QuotaExceeded) -> dict[str, str]:
    return {
        "Scope": error.scope,
        "Unit": error.what,
        "Used": str(error.used),
        "Reserved": str(error.reserved),
        "Requested": str(error.asked),
        "Limit": str(error.limit),
    }
