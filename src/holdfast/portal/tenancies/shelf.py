"""The tenancies that a person belongs to, with what each holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from holdfast.admin.usage import Usage, tenancy_usage
from holdfast.auth.callers import member_subject
from holdfast.auth.decide import BucketFacts, Subject, sees
from holdfast.auth.policies import find_policy
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import BUCKETS, MEMBERS, TENANCIES, BucketRow, MemberRow, TenancyRow
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.people.models import Person


class Card(NamedTuple):
    """One tenancy of a person."""

    tenancy: TenancyRow
    member: MemberRow
    usage: Usage


def tenancies_of(person: Person) -> Sequence[Card]:
    """Return the tenancies that a person is a live member of, by name."""
    opened = house()
    now_us = opened.now_us()
    cards = []
    with opened.catalog.read() as rows:
        for member in rows.scan(MEMBERS, (person.principal_id,), index="by_user"):
            tenancy = rows.find(TENANCIES, (member.tenancy_id,))
            if tenancy is not None and (member.until_us is None or now_us < member.until_us):
                cards.append(Card(tenancy, member, tenancy_usage(rows, tenancy)))
    return sorted(cards, key=lambda card: card.tenancy.name)


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
