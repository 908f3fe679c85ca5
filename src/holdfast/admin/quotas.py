"""Quotas: how many bytes and objects a tenancy, or one of its buckets, may hold."""

from __future__ import annotations

from holdfast.catalog.interface import Transaction
from holdfast.catalog.rows import BUCKETS, TENANCIES, BucketRow, TenancyRow

from .lookups import get_bucket, get_tenancy
from .office import Change, Office


def set_tenancy_quota(office: Office, name: str, limit_bytes: int | None, limit_objects: int | None) -> TenancyRow:
    """Set both limits of a tenancy; None = no limit. A limit below what is used deletes nothing: writes wait for deletes.

    Workers judge by it within a second, as they do with keys. Raises Unknown.
    """

    def change(rows: Transaction, now_us: int) -> Change[TenancyRow]:
        before = get_tenancy(rows, name)
        tenancy = before._replace(limit_bytes=limit_bytes, limit_objects=limit_objects)
        rows.replace(TENANCIES, tenancy)
        return Change(tenancy, name, tenancy.tenancy_id, _detail(before, limit_bytes, limit_objects))

    return office.commit("tenancy.set-quota", change)


def set_bucket_quota(
    office: Office, tenancy_name: str, name: str, limit_bytes: int | None, limit_objects: int | None
) -> BucketRow:
    """Set both limits of a bucket, which hold beside the tenancy's; None = no limit of its own. Raises Unknown."""

    def change(rows: Transaction, now_us: int) -> Change[BucketRow]:
        tenancy = get_tenancy(rows, tenancy_name)
        before = get_bucket(rows, tenancy, name)
        bucket = before._replace(limit_bytes=limit_bytes, limit_objects=limit_objects)
        rows.replace(BUCKETS, bucket)
        detail = _detail(before, limit_bytes, limit_objects)
        return Change(bucket, f"{tenancy.name}/{name}", tenancy.tenancy_id, detail)

    return office.commit("bucket.set-quota", change)


def _detail(
    before: TenancyRow | BucketRow, limit_bytes: int | None, limit_objects: int | None
) -> dict[str, int | None]:
    return {
        "limit_bytes": limit_bytes,
        "limit_objects": limit_objects,
        "before_bytes": before.limit_bytes,
        "before_objects": before.limit_objects,
    }
