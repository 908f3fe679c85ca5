"""A tenancy on the memory catalog, its people, and a way to ask it things as a client would, without a socket.

    site = Site()
    site.bucket("data", owner=site.alice)
    site.ask(site.alice, "PUT", "/data/k", body=b"x")
    assert site.refused(site.bob, "GET", "/data/k") == "AccessDenied"

A request goes the way that the edge would send it: target and headers are read by the router and the codec, the steps of
the operation run on the catalog, the answer is written by the codec. Signatures, framing and stored bytes are left out.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from holdfast.auth.callers import ANONYMOUS_ID, Caller, member_subject
from holdfast.auth.decide import ANONYMOUS
from holdfast.auth.policies import resolver
from holdfast.auth.roles import Role
from holdfast.auth.scope import Scope
from holdfast.blobs.interface import Slice
from holdfast.catalog.interface import CommitFn, Snapshot, Table, Transaction
from holdfast.catalog.memory import MemoryCatalog
from holdfast.catalog.rows import (
    BUCKETS,
    MEMBERS,
    OBJECTS,
    TENANCIES,
    USAGE,
    USERS,
    BucketRow,
    MemberRow,
    ObjectRow,
    TenancyRow,
    UserRow,
)
from holdfast.config import Limits
from holdfast.operations.context import Context
from holdfast.operations.errors import to_s3
from holdfast.operations.operation import Operation
from holdfast.operations.registry import OPERATIONS
from holdfast.s3 import policy
from holdfast.s3.answer import Answer
from holdfast.s3.checksums import Hasher
from holdfast.s3.codec import compile_request, compile_response
from holdfast.s3.codes import S3Error
from holdfast.s3.head import Head
from holdfast.s3.names import split_path
from holdfast.s3.routes import Router
from holdfast.s3.target import parse_query
from holdfast.store import quotas
from holdfast.store.errors import AccessDenied, StoreError
from holdfast.store.receipt import Receipt

SECOND_US = 1_000_000
EPOCH_US = 1_800_000_000 * SECOND_US


class Entry(NamedTuple):
    operation: Operation[Any, Any]
    read_request: Any
    write_response: Any


ROUTER = Router(
    (each.route, Entry(each, compile_request(each.request), compile_response(each.response))) for each in OPERATIONS
)


class Site:
    """One tenancy, `alpha`: alice and bob are USERs, dora a DEPUTY, mary a MANAGER, gus a GUEST. Time passes with each request."""

    def __init__(self, **tenancy: Any) -> None:
        self.catalog = MemoryCatalog()
        self.now_us = EPOCH_US
        self.limits = Limits()
        self.region = "us-east-1"
        self._ids = itertools.count(1)
        self.tenancy = self._add_tenancy("alpha", **tenancy)
        self.alice = self.member("alice")
        self.bob = self.member("bob")
        self.dora = self.member("dora", Role.DEPUTY)
        self.mary = self.member("mary", Role.MANAGER)
        self.gus = self.member("gus", Role.GUEST)
        self.nobody = Caller(ANONYMOUS, self.tenancy)

    # --- who and what there is

    def member(self, name: str, role: Role = Role.USER, *, buckets: Mapping[str, str] | None = None) -> Caller:
        """Add a user and member. `buckets`, for a GUEST: bucket id → `read` or `write`."""
        user = UserRow(f"u-{name}", name, f"{name}@example.org", "active", name, EPOCH_US)
        member = MemberRow(
            self.tenancy.tenancy_id, user.user_id, role.value, None, json.dumps(buckets or {}), "cli", EPOCH_US
        )
        self._add((USERS, user), (MEMBERS, member))
        return Caller(member_subject(self.tenancy, member), self.tenancy, user)

    def narrowed(self, caller: Caller, **scope: Any) -> Caller:
        """Return a caller with an access key that is narrowed: `read_only`, `buckets`, `prefixes`."""
        return replace(caller, subject=caller.subject._replace(scope=Scope(**scope)))

    def bucket(
        self, name: str, owner: Caller | None = None, statements: Iterable[Mapping[str, Any]] = (), **fields: Any
    ) -> BucketRow:
        """Add a bucket, alice's unless said. Each statement begins as an allow of all S3 to everyone on the whole bucket."""
        whole = [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": [name, f"{name}/*"], **one}
            for one in statements
        ]
        document = json.dumps({"Version": "2012-10-17", "Statement": whole}) if whole else ""
        with self.catalog.read() as rows:
            compiled = policy.parse(document, name, resolver(rows, self.tenancy)).source if whole else ""
        row = BucketRow(
            tenancy_id=self.tenancy.tenancy_id,
            name=name,
            bucket_id=f"id-{name}",
            owner_id=(owner or self.alice).id,
            created_at_us=self.now_us,
            policy=document,
            compiled_policy=compiled,
            cors="",
            tags="",
            limit_bytes=None,
            limit_objects=None,
        )._replace(**fields)
        self._add((BUCKETS, row), (USAGE, quotas.empty_usage(row.bucket_id)))
        return row

    def object(self, bucket: str, key: str, body: bytes = b"x", **headers: str) -> ObjectRow:
        """Put an object as the bucket's owner would; `x_amz_tagging="a=b"` is a header."""
        owner_id = self.bucket_row(bucket).owner_id
        owner = next(each for each in (self.alice, self.bob, self.dora, self.mary) if each.id == owner_id)
        self.ask(
            owner,
            "PUT",
            f"/{bucket}/{quote(key)}",
            {name.replace("_", "-"): text for name, text in headers.items()},
            body,
        )
        return self.object_row(bucket, key)

    def bucket_row(self, name: str) -> BucketRow:
        with self.catalog.read() as rows:
            found = rows.find(BUCKETS, (self.tenancy.tenancy_id, name))
        assert found is not None
        return found

    def object_row(self, bucket: str, key: str) -> ObjectRow:
        with self.catalog.read() as rows:
            found = rows.find(OBJECTS, (f"id-{bucket}", key))
        assert found is not None
        return found

    # --- asking

    def ask(
        self,
        caller: Caller,
        method: str,
        target: str,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        **surroundings: Any,
    ) -> Answer:
        """Serve one request. `target` is the raw path and query; `surroundings` replace fields of the context.

        Raises `S3Error`, which the edge would write.
        """
        try:
            return self._serve(caller, method, target, headers or {}, body, surroundings)
        except StoreError as error:
            raise to_s3(error) from error

    def refused(self, caller: Caller, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"", **surroundings: Any) -> str:  # fmt: skip
        """Return the code of the error that a request meets."""
        with pytest.raises(S3Error) as caught:
            self.ask(caller, method, target, headers, body, **surroundings)
        return caught.value.code

    def context(
        self, caller: Caller, head: Head | None = None, rows: Snapshot | None = None, **surroundings: Any
    ) -> Context:
        """Return the surroundings of a request."""
        context = Context(
            caller=caller,
            rows=self.catalog.read() if rows is None else rows,
            head=head or Head("GET", "/", "", {}),
            now_us=self.now_us,
            new_id=f"{next(self._ids):032x}",
            request_id="REQUEST",
            source_ip="192.0.2.7",
            is_secure=True,
            limits=self.limits,
            region=self.region,
        )
        return context._replace(**surroundings)

    def commit(self, commit_fn: CommitFn[Any]) -> Any:
        """Change rows; raises what the function raises, with nothing changed."""
        (outcome,) = self.catalog.commit([commit_fn])
        if outcome.error is not None:
            raise outcome.error
        return outcome.result

    def _serve(
        self,
        caller: Caller,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes,
        surroundings: Mapping[str, Any],
    ) -> Answer:
        self.now_us += SECOND_US
        raw_path, _, raw_query = target.partition("?")
        head = Head(method, raw_path, raw_query, headers)
        bucket, key = split_path(raw_path)
        level = "key" if key else "bucket" if bucket else "service"
        query = parse_query(raw_query)
        entry = ROUTER.find(method, level, query, headers)
        operation = entry.operation
        if caller.is_anonymous and not operation.anonymous_allowed:
            raise AccessDenied(operation.permission, bucket, key, ANONYMOUS_ID)
        request = entry.read_request(head, bucket, key, query, body if operation.body == "document" else b"")
        context = self.context(caller, head, **surroundings)
        if operation.run is not None:
            return entry.write_response(operation.run(context, request))  # type: ignore[no-any-return]
        receipt = _receipt(context.new_id, body) if operation.body == "payload" else None
        if operation.admit is not None:
            admission = operation.admit(context, request)
            if admission.digest is not None:
                receipt = _receipt(context.new_id, b"")._replace(slices=admission.digest.slices)
        commit = operation.commit
        assert commit is not None
        response = self.commit(lambda tx: commit(context.within(tx, self.now_us), request, receipt))
        return entry.write_response(response)  # type: ignore[no-any-return]

    def _add(self, *rows: tuple[Table[Any], Any]) -> None:
        def commit(tx: Transaction) -> None:
            for table, row in rows:
                tx.add(table, row)

        self.commit(commit)

    def _add_tenancy(self, name: str, **fields: Any) -> TenancyRow:
        row = TenancyRow(
            tenancy_id=f"t-{name}",
            name=name,
            state="active",
            reason="",
            new_buckets="private",
            users_may_publish=0,
            users_may_create=1,
            limit_bytes=None,
            limit_objects=None,
            created_at_us=EPOCH_US,
        )._replace(**fields)
        self._add((TENANCIES, row), (USAGE, quotas.empty_usage(row.tenancy_id)))
        return row


def _receipt(blob_id: str, body: bytes) -> Receipt:
    """Return the proof for a body that lies nowhere."""
    hasher = Hasher(("CRC64NVME",))
    hasher.update(body)
    slices = (Slice(blob_id, 0, len(body)),) if body else ()
    return Receipt(slices, len(body), hasher.md5_hex(), "CRC64NVME", hasher.checksum("CRC64NVME"))
