"""What an operation is given: who asks, the rows, the time, and the only way to a bucket.

An operation reaches buckets and keys through `Context.authorised` alone, so that the source, the destination and each
entry of an XML body are authorised at the call, on the resolved name (design.md, "How a request flows").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, cast

from holdfast.auth.callers import Caller
from holdfast.auth.decide import BucketFacts, Decision, decide
from holdfast.auth.policies import find_policy
from holdfast.auth.scope import covers_bucket
from holdfast.catalog.interface import Snapshot, Transaction
from holdfast.catalog.rows import BUCKETS, BucketRow, TenancyRow
from holdfast.config import Limits
from holdfast.s3.head import Head
from holdfast.s3.policy import fact_keys
from holdfast.store.errors import AccessDenied, NoSuchBucket

from .facts import request_facts

_NO_KEYS: Final[frozenset[str]] = frozenset()
_PREFIX_KEY: Final = frozenset(("s3:prefix",))


class Context(NamedTuple):
    """One request's surroundings. Immutable; `within` gives the same with other rows."""

    caller: Caller
    rows: Snapshot
    head: Head
    now_us: int
    """The time of the request, in µs of the Unix epoch."""
    new_id: str
    """Random text made once for this request: an operation that is run again uses the same ids. Empty for one that only
    reads."""
    request_id: str
    source_ip: str
    is_secure: bool
    limits: Limits
    region: str

    def within(self, rows: Snapshot, now_us: int) -> Context:
        """Return this context over other rows: the transaction and time of the commit after the admission's."""
        return self._replace(rows=rows, now_us=now_us)

    @property
    def changes(self) -> Transaction:
        """The rows, for an operation's `commit`, which always runs in a transaction."""
        return cast(Transaction, self.rows)

    @property
    def tenancy(self) -> TenancyRow:
        """The caller's tenancy, for what comes after `authorised` or `authorised_in_tenancy`, which both imply one."""
        assert self.caller.tenancy is not None
        return self.caller.tenancy

    def authorised_in_tenancy(self, action: str, bucket: str | None = None) -> TenancyRow:
        """Return the tenancy if the caller may do this in it: list its buckets, or make one of this name.

        Raises `AccessDenied` or `TenancyClosed`.
        """
        self.caller.check_open(action)
        facts = BucketFacts(bucket, "", "", None) if bucket is not None else None
        decision = decide(self.caller.subject, action, facts, None, {})
        if self.caller.tenancy is None or not decision.allowed:
            raise AccessDenied(action, bucket, None, "anonymous" if self.caller.is_anonymous else decision.reason)
        return self.caller.tenancy

    def authorised(
        self,
        action: str,
        bucket: str,
        key: str | None = None,
        facts: Mapping[str, Sequence[str]] | None = None,
        *,
        owner_header: str = "x-amz-expected-bucket-owner",
        shows_keys: bool = True,
    ) -> BucketRow:
        """Return the bucket's row if the caller may do this to it or to a key, decided on the rows of this transaction.

        `action` is the policy language's: `s3:GetObject`. `facts` adds condition keys that only the operation knows
        (`s3:RequestObjectTag/…`). The bucket must also belong to whom the request's `owner_header` says, where it has
        one. `shows_keys` is False for what asks for the right to list and shows no key (HeadBucket): the prefixes of an
        access key then narrow nothing. Raises `NoSuchBucket` (to those who may know) or `AccessDenied`.
        """
        self.caller.check_open(action)
        row = self._find(bucket)
        if row is None:
            raise self._absent(action, bucket, key)
        decision = self._decide(row, action, key, facts, shows_keys=shows_keys)
        if not decision.allowed:
            # In the words of `_absent`, or anonymous clients could tell which buckets there are.
            raise AccessDenied(action, bucket, key, "anonymous" if self.caller.is_anonymous else decision.reason)
        expected_owner = self.head.headers.get(owner_header)
        if expected_owner is not None and expected_owner != row.owner_id:
            raise AccessDenied(action, bucket, key, f"{owner_header} is not the owner")
        return row

    def is_authorised(
        self, action: str, bucket: str, key: str | None = None, facts: Mapping[str, Sequence[str]] | None = None
    ) -> bool:
        """Whether the caller has this right too, where an answer depends on it (404 or 403 for a missing key)."""
        row = self._find(bucket)
        return row is not None and self._decide(row, action, key, facts).allowed

    def find_bucket(self, action: str, bucket: str) -> BucketRow:
        """Return the bucket's row undecided, for a request whose entries are authorised one by one.

        Raises what `authorised` raises for a bucket that is not there, and the same where nothing could grant anything
        to a caller who may not know which buckets there are.
        """
        self.caller.check_open(action)
        row = self._find(bucket)
        if row is None:
            raise self._absent(action, bucket, None)
        subject = self.caller.subject
        is_reachable = row.policy or row.bucket_id in subject.guest_buckets
        if not covers_bucket(subject.scope, bucket) or not is_reachable:
            error = self._absent(action, bucket, None)
            if isinstance(error, AccessDenied):
                raise error
        return row

    def _absent(self, action: str, bucket: str, key: str | None) -> Exception:
        """Return the error for a bucket that is not there; to some it looks like one that is private."""
        if self.caller.is_anonymous:
            return AccessDenied(action, bucket, key, "anonymous")
        decision = decide(self.caller.subject, action, BucketFacts(bucket, "", "", None), key, {})
        return NoSuchBucket(bucket) if decision.may_know_absence else AccessDenied(action, bucket, key, decision.reason)

    def _find(self, bucket: str) -> BucketRow | None:
        tenancy = self.caller.tenancy
        return self.rows.find(BUCKETS, (tenancy.tenancy_id, bucket)) if tenancy is not None else None

    def _decide(
        self,
        row: BucketRow,
        action: str,
        key: str | None,
        facts: Mapping[str, Sequence[str]] | None,
        *,
        shows_keys: bool = True,
    ) -> Decision:
        subject = self.caller.subject
        policy = find_policy(row)
        needed = fact_keys(policy, action) if policy is not None else _NO_KEYS
        if subject.scope.prefixes:
            if shows_keys:
                needed |= _PREFIX_KEY
            else:
                subject = subject._replace(scope=subject.scope._replace(prefixes=()))
        known = request_facts(self, row, key, needed, facts) if needed else {}
        return decide(subject, action, BucketFacts(row.name, row.bucket_id, row.owner_id, policy), key, known)
