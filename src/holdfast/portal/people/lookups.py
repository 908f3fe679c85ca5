"""From the catalog's users to people, and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from holdfast.admin.managers import is_live
from holdfast.auth.roles import Role
from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import MEMBERS, USERS, TenancyRow
from holdfast.portal.house import house

from .models import Person


def people_by_principal(principal_ids: Iterable[str]) -> Mapping[str, Person]:
    """Return principal id → person, for those that have an account. One query."""
    return {person.principal_id: person for person in Person.objects.filter(principal_id__in=list(principal_ids))}


def names_by_principal(rows: Snapshot, principal_ids: Iterable[str]) -> Mapping[str, str]:
    """Return principal id → the name that people read: of the account, else of the user in the catalog."""
    wanted = set(principal_ids)
    names = {principal_id: str(person) for principal_id, person in people_by_principal(wanted).items()}
    for principal_id in wanted - names.keys():
        user = rows.find(USERS, (principal_id,))
        if user is not None:
            names[principal_id] = user.name
    return names


def user_names(rows: Snapshot, principal_ids: Iterable[str]) -> Mapping[str, str]:
    """Return principal id → user name in the catalog, for programs; who is not there is left out."""
    found = ((principal_id, rows.find(USERS, (principal_id,))) for principal_id in set(principal_ids))
    return {principal_id: user.name for principal_id, user in found if user is not None}


def people_with_roles(tenancy: TenancyRow, roles: Iterable[Role]) -> Sequence[Person]:
    """Return who holds one of these roles in a tenancy now and has an account, by name."""
    opened = house()
    wanted = {role.value for role in roles}
    now_us = opened.now_us()
    with opened.catalog.read() as rows:
        ids = [
            member.user_id
            for member in rows.scan(MEMBERS, (tenancy.tenancy_id,))
            if member.role in wanted and is_live(member, now_us)
        ]
    return sorted(people_by_principal(ids).values(), key=lambda person: person.name)


def managers_of(tenancy: TenancyRow) -> Sequence[Person]:
    """Return the MANAGERs of a tenancy: whom people ask."""
    return people_with_roles(tenancy, [Role.MANAGER])


def deciders_of(tenancy: TenancyRow) -> Sequence[Person]:
    """Return who decides requests to join a tenancy: its MANAGERs and DEPUTYs."""
    return people_with_roles(tenancy, [Role.MANAGER, Role.DEPUTY])
