"""Who decides about whom: by the role table, and never about oneself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from holdfast.admin.break_glass import SOURCE as BREAK_GLASS
from holdfast.admin.errors import Refused
from holdfast.admin.managers import is_live
from holdfast.auth.roles import TABLE, Extent, Right, Role
from holdfast.catalog.rows import MemberRow, TenancyRow
from holdfast.portal.access import Standing
from holdfast.portal.people.backends import may_log_in
from holdfast.portal.people.lookups import people_with_roles
from holdfast.portal.people.models import Person

RANK: Final = {Role.GUEST: 0, Role.USER: 1, Role.DEPUTY: 2, Role.MANAGER: 3}

OWN_SOURCES: Final = frozenset(("portal", "cli"))
"""Memberships that are changed here. Others belong to a directory, which would change them back."""


def right_to_decide(role: Role | str) -> Right:
    """Return the right that it takes to give or take this role."""
    return Right.GRANT_ROLES if Role(role) in (Role.DEPUTY, Role.MANAGER) else Right.DECIDE_REQUESTS


def grantable_roles(standing: Standing) -> tuple[Role, ...]:
    """Return the roles that a person may give in a tenancy, GUEST left out."""
    return tuple(role for role in (Role.USER, Role.DEPUTY, Role.MANAGER) if standing.may(right_to_decide(role)))


def why_not(standing: Standing, principal_id: str, member: MemberRow | None, now_us: int) -> str:
    """Say why a person may not change this membership (None = there is none yet), or nothing when they may."""
    if principal_id == standing.person.principal_id:
        return "nobody decides about themselves: ask another MANAGER, or the operators of this site"
    if member is None or not is_live(member, now_us):
        return ""
    if member.source == BREAK_GLASS:
        return "this is an operator's access to data, which ends by itself: see Operators' access"
    if member.source not in OWN_SOURCES:
        return "this membership comes from the site's directory, which would change it back: change it there"
    if not standing.may(right_to_decide(member.role)):
        return f"only a MANAGER changes the membership of a {member.role}"
    return ""


def check_may_change(
    standing: Standing, principal_id: str, member: MemberRow | None, now_us: int, role: Role | None = None
) -> None:
    """Raise Refused unless a person may change this membership, and give `role`."""
    refusal = why_not(standing, principal_id, member, now_us)
    if not refusal and role is not None and not standing.may(right_to_decide(role)):
        refusal = f"only a MANAGER makes somebody {role}"
    if refusal:
        raise Refused(refusal)


def deciders_for(tenancy: TenancyRow, role: Role | str) -> Sequence[Person]:
    """Return the members who decide a request for a role and can log in, by name. Operators are left out."""
    right = right_to_decide(role)
    roles = [role for role in (Role.DEPUTY, Role.MANAGER) if TABLE[right][role] is Extent.ALL]
    return [person for person in people_with_roles(tenancy, roles) if may_log_in(person)]


def operators() -> Sequence[Person]:
    """Return the operators of the site who can log in, by name."""
    return [person for person in Person.objects.filter(is_operator=True).order_by("name") if may_log_in(person)]
