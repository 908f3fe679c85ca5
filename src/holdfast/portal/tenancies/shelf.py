"""The tenancies that a person belongs to, with what each holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from holdfast.admin.usage import Usage, tenancy_usage
from holdfast.catalog.rows import MEMBERS, TENANCIES, MemberRow, TenancyRow
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
