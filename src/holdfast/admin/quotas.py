"""Quotas: how many bytes and objects a tenancy, or one of its buckets, may hold."""

from __future__ import annotations

from typing import Literal, TypeAlias

from holdfast.catalog.interface import Transaction
from holdfast.catalog.rows import BUCKETS, TENANCIES, BucketRow, TenancyRow

from .lookups import get_bucket, get_tenancy
from .office import Change, Office

Limit: TypeAlias = int | Literal["keep"] | None
"""A number, None = no limit, or `keep` = as it is."""


def set_tenancy_quota(
    office: Office, name: str, limit_bytes: Limit = "keep", limit_objects: Limit = "keep"
) -> TenancyRow:
    """Set the limits of a tenancy. A limit below what is used deletes nothing: writes wait for deletes.

    Workers judge by it within a second, as they do with keys. Raises Unknown.
    """

    def change(rows: Transaction, now_us: int) -> Change[TenancyRow]:
        before = get_tenancy(rows, name)
        tenancy = before._replace(
            limit_bytes=before.limit_bytes if limit_bytes == "keep" else limit_bytes,
            limit_objects=before.limit_objects if limit_objects == "keep" else limit_objects,
        )
        rows.replace(TENANCIES, tenancy)
        return Change(tenancy, name, tenancy.tenancy_id, _detail(before, tenancy))

    return office.commit("tenancy.set-quota", change)


def set_bucket_quota(
    office: Office, tenancy_name: str, name: str, limit_bytes: Limit = "keep", limit_objects: Limit = "keep"
) -> BucketRow:
    """Set the limits of a bucket, which hold beside the tenancy's. Raises Unknown."""

    def change(rows: Transaction, now_us: int) -> Change[BucketRow]:
        tenancy = get_tenancy(rows, tenancy_name)
        before = get_bucket(rows, tenancy, name)
        bucket = before._replace(
            limit_bytes=before.limit_bytes if limit_bytes == "keep" else limit_bytes,
            limit_objects=before.limit_objects if limit_objects == "keep" else limit_objects,
        )
        rows.replace(BUCKETS, bucket)
        detail = _detail(before, bucket)
        return Change(bucket, f"{tenancy.name}/{name}", tenancy.tenancy_id, detail)

    return office.commit("bucket.set-quota", change)


def _detail(before: TenancyRow | BucketRow, after: TenancyRow | BucketRow) -> dict[str, int | None]:
    return {
        "limit_bytes": after.limit_bytes,
        "limit_objects": after.limit_objects,
        "before_bytes": before.limit_bytes,
        "before_objects": before.limit_objects,
    }
