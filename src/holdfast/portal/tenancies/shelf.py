"""The tenancies that a person belongs to, with what needs their attention; and the buckets that they see in one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from holdfast.admin.break_glass import SOURCE as BREAK_GLASS
from holdfast.admin.key_kinds import is_internal
from holdfast.admin.managers import is_live
from holdfast.admin.usage import Usage, tenancy_usage
from holdfast.auth.callers import member_subject
from holdfast.auth.decide import BucketFacts, Subject, sees
from holdfast.auth.policies import find_policy
from holdfast.auth.roles import Extent, Right, Role, extent
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import (
    ACCESS_KEYS,
    BUCKETS,
    MEMBERS,
    TENANCIES,
    BucketRow,
    MemberRow,
    TenancyRow,
)
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.joining import days
from holdfast.portal.joining.queue import pending_counts
from holdfast.portal.people.models import Person
from holdfast.portal.tokens.ledger import EXPIRING_US

from .quota_bars import QuotaBar, byte_bar


class Ending(NamedTuple):
    """The end of a membership, for people."""

    last_us: int
    """The last moment of it."""
    is_near: bool


class Card(NamedTuple):
    """One tenancy of a person."""

    tenancy: TenancyRow
    member: MemberRow
    usage: Usage
    ending: Ending | None
    """None = no end."""
    pending_count: int
    """Requests that wait for this person's decision."""
    expiring_count: int
    """Access keys of this person that end within a week."""
    has_token: bool

    @property
    def broke_glass(self) -> bool:
        """Whether the person is an operator who is in by break-glass."""
        return self.member.source == BREAK_GLASS

    @property
    def bar(self) -> QuotaBar | None:
        """None where there is no limit, and for a GUEST, who sees named buckets alone."""
        return None if self.member.role == Role.GUEST else byte_bar(self.usage)


def tenancies_of(person: Person) -> Sequence[Card]:
    """Return the tenancies that a person is a live member of, by name. A bounded number of queries and scans."""
    opened = house()
    now_us = opened.now_us()
    with opened.catalog.read() as rows:
        expiring, holding = _keys_of(rows, person, now_us)
        found = [
            (tenancy, member, tenancy_usage(rows, tenancy))
            for member in rows.scan(MEMBERS, (person.principal_id,), index="by_user")
            if is_live(member, now_us)
            for tenancy in [rows.find(TENANCIES, (member.tenancy_id,))]
            if tenancy is not None
        ]
    pending = pending_counts(tenancy.tenancy_id for tenancy, member, _ in found if _decides(member))
    cards = [
        Card(
            tenancy,
            member,
            usage,
            ending_of(member),
            pending.get(tenancy.tenancy_id, 0),
            expiring[tenancy.tenancy_id],
            holding[tenancy.tenancy_id] > 0,
        )
        for tenancy, member, usage in found
    ]
    return sorted(cards, key=lambda card: card.tenancy.name)


def ending_of(member: MemberRow | None) -> Ending | None:
    """Return the end of a membership, None where it has none."""
    if member is None or member.until_us is None:
        return None
    return Ending(member.until_us - 1, days.is_expiring(member.until_us, days.expiring_until()))


def subject_of(standing: Standing) -> Subject:
    """Return a person as decisions about data see them: by the live role alone."""
    if standing.member is None:
        return Subject(standing.person.principal_id, standing.role)
    return member_subject(standing.tenancy, standing.member)


def buckets_seen(rows: Snapshot, standing: Standing) -> Sequence[BucketRow]:
    """Return the buckets of a tenancy whose names and sizes a person may see, by name: what ListBuckets shows them."""
    subject = subject_of(standing)
    return [
        row
        for row in rows.scan(BUCKETS, (standing.tenancy.tenancy_id,))
        if sees(subject, BucketFacts(row.name, row.bucket_id, row.owner_id, find_policy(row)))
    ]


def bucket_names_seen(standing: Standing) -> Sequence[str]:
    """Return the names of these buckets."""
    with house().catalog.read() as rows:
        return [row.name for row in buckets_seen(rows, standing)]


def _decides(member: MemberRow) -> bool:
    return extent(Role(member.role), Right.DECIDE_REQUESTS) is not Extent.NONE


def _keys_of(rows: Snapshot, person: Person, now_us: int) -> tuple[Counter[str], Counter[str]]:
    """Return by tenancy how many keys of a person end within a week, and how many work in all."""
    expiring: Counter[str] = Counter()
    holding: Counter[str] = Counter()
    for row in rows.scan(ACCESS_KEYS, (person.principal_id,), index="by_user"):
        if is_internal(row.access_key_id) or row.state != "active":
            continue
        if row.expires_at_us is not None and row.expires_at_us <= now_us:
            continue
        holding[row.tenancy_id] += 1
        expiring[row.tenancy_id] += row.expires_at_us is not None and row.expires_at_us <= now_us + EXPIRING_US
    return expiring, holding
