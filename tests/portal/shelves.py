"""Buckets with objects in them, for pages about data: rows without bytes, for no page here reads any."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from typing import Any, Final

from holdfast.admin.office import DAY_US
from holdfast.auth.callers import Caller, member_subject
from holdfast.auth.roles import Role
from holdfast.catalog.interface import Transaction
from holdfast.catalog.rows import BUCKETS, MEMBERS, TENANCIES, USERS, BucketRow, TenancyRow
from holdfast.store import buckets, versions

BATCH: Final = 5_000


def tenancy_row(town: Any, name: str) -> TenancyRow:
    """Return a tenancy's row."""
    with town.house.catalog.read() as rows:
        row: TenancyRow = rows.scan(TENANCIES, (name,), index="by_name", count_max=1)[0]
    return row


def bucket_row(town: Any, tenancy: str, bucket: str) -> BucketRow:
    """Return a bucket's row."""
    with town.house.catalog.read() as rows:
        row: BucketRow | None = rows.find(BUCKETS, (tenancy_row(town, tenancy).tenancy_id, bucket))
    assert row is not None
    return row


def guest(town: Any, tenancy: str, name: str, **buckets: str) -> Any:
    """Make a person a GUEST for a day, with what is named: bucket="read"."""
    return town.member(tenancy, name, Role.GUEST, until_us=town.house.now_us() + DAY_US, buckets=buckets)


def caller_of(town: Any, tenancy: str, person: Any) -> Caller:
    """Return a member as the store sees them."""
    row = tenancy_row(town, tenancy)
    with town.house.catalog.read() as rows:
        member = rows.find(MEMBERS, (row.tenancy_id, person.principal_id))
        return Caller(member_subject(row, member), row, rows.find(USERS, (person.principal_id,)))


def make_bucket(town: Any, tenancy: str, owner: Any, name: str, *, policy: str = "") -> BucketRow:
    """Make a bucket. `policy` is a document, put as its owner's word."""
    from holdfast.auth.policies import resolver
    from holdfast.s3.policy import parse

    row = tenancy_row(town, tenancy)

    def commit(rows: Transaction) -> None:
        compiled = parse(policy, name, resolver(rows, row)).source if policy else ""
        bucket = BucketRow(
            row.tenancy_id, name, f"{row.tenancy_id}-{name}", owner.principal_id, town.house.now_us(),
            policy, compiled, "", "", None, None,
        )  # fmt: skip
        buckets.create(rows, bucket, 1_000)

    outcome = town.house.catalog.commit([commit])[0]
    assert outcome.error is None, outcome.error
    return bucket_row(town, tenancy, name)


def put_objects(
    town: Any, tenancy: str, bucket: str, keys: Iterable[str], *, size_bytes: int = 0, by: str = "test"
) -> None:
    """Put objects by their keys, in few transactions."""
    tenancy_, bucket_ = tenancy_row(town, tenancy), bucket_row(town, tenancy, bucket)
    wanted = list(keys)
    now_us = town.house.now_us()
    for start in range(0, len(wanted), BATCH):
        batch = wanted[start : start + BATCH]

        def commit(rows: Transaction, batch: list[str] = batch) -> None:
            for key in batch:
                versions.put(
                    rows,
                    tenancy_,
                    bucket_,
                    key,
                    versions.Facts("text/plain"),
                    versions.Body(size_bytes, "d41d8cd98f00b204e9800998ecf8427e", ""),
                    version_id="null",
                    created_by=by,
                    now_us=now_us,
                )

        outcome = town.house.catalog.commit([commit])[0]
        assert outcome.error is None, outcome.error


def keys_of(town: Any, tenancy: str, bucket: str) -> list[str]:
    """Return all keys of a bucket, as the catalog has them."""
    from holdfast.catalog.rows import OBJECTS

    row = bucket_row(town, tenancy, bucket)
    with town.house.catalog.read() as rows:
        return [found.key for found in rows.scan(OBJECTS, (row.bucket_id,))]


def audit_of(town: Any, action: str) -> list[Any]:
    """Return the audit rows of one action, the oldest first."""
    from holdfast.catalog.rows import AUDIT

    with town.house.catalog.read() as rows:
        return [row for row in rows.scan(AUDIT) if row.action == action]


def text_of(answer: Any) -> str:
    """Return what a person reads of a page: no tags, one space between words."""
    body = re.sub(r"<(script|style).*?</\1>|<[^>]+>", " ", answer.content.decode(), flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(body))
