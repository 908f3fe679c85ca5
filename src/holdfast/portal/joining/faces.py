"""How a tenancy looks to who is no member: its public face, or the blank one that hidden and absent ones share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q

from holdfast.admin.managers import is_live
from holdfast.auth.roles import Role
from holdfast.catalog.rows import MEMBERS, TENANCIES, MemberRow, TenancyRow
from holdfast.portal.house import house
from holdfast.portal.people.models import Person

from .models import AccessRequest, Grant, Invitation, TenancyPage
from .questions import PURPOSE, Question, read_questions


@dataclass(frozen=True, slots=True)
class Face:
    """A tenancy as one person may see it."""

    name: str
    tenancy: TenancyRow | None
    """None = there is none of this name. Nothing that the person sees or can measure may depend on it, unless the face
    is open.
    """
    page: TenancyPage
    member: MemberRow | None
    """The membership of the person, live or ended."""
    is_member: bool
    """Whether it is live."""
    is_open: bool
    """Whether the person may know the tenancy."""

    @property
    def questions(self) -> Sequence[Question]:
        return read_questions(self.page.questions) if self.is_open else (PURPOSE,)

    @property
    def role(self) -> Role | None:
        """The live role of the person."""
        return Role(self.member.role) if self.member is not None and self.is_member else None


def page_of(tenancy_id: str) -> TenancyPage:
    """Return the public face of a tenancy: what it begins with when nobody has edited it."""
    return TenancyPage.objects.filter(tenancy_id=tenancy_id).first() or TenancyPage(tenancy_id=tenancy_id)


def pages_of(tenancy_ids: Iterable[str]) -> Mapping[str, TenancyPage]:
    """Return the public faces of many tenancies. One query."""
    found = {page.tenancy_id: page for page in TenancyPage.objects.all()}
    return {tenancy_id: found.get(tenancy_id) or TenancyPage(tenancy_id=tenancy_id) for tenancy_id in tenancy_ids}


def find_face(person: Person, name: str) -> Face:
    """Return how a tenancy looks to a person, whether there is one of this name or not."""
    opened = house()
    now_us = opened.now_us()
    member: MemberRow | None = None
    with opened.catalog.read() as rows:
        found = rows.scan(TENANCIES, (name,), index="by_name", count_max=1)
        tenancy = found[0] if found else None
        # An absent one costs the same look.
        member = rows.find(MEMBERS, (tenancy.tenancy_id if tenancy else "", person.principal_id))
    tenancy_id = tenancy.tenancy_id if tenancy else ""
    page = page_of(tenancy_id)
    known = known_tenancies(person, tenancy_id)
    is_open = tenancy is not None and (
        person.is_operator or tenancy_id in known or member is not None or (not page.hidden and not is_outsider(person))
    )
    is_member = member is not None and is_live(member, now_us)
    return Face(name, tenancy, page, member, is_member, is_open)


def may_know(person: Person, tenancy_id: str) -> bool:
    """Whether a person who is no member may know a tenancy, or may have known one that was deleted."""
    if person.is_operator or known_tenancies(person, tenancy_id):
        return True
    return not page_of(tenancy_id).hidden and not is_outsider(person)


def known_tenancies(person: Person, tenancy_id: str | None = None) -> frozenset[str]:
    """Return the tenancies that answered a request of this person, or had them as a member: no secret to them.

    With `tenancy_id`, of that one alone.
    """
    answered = AccessRequest.objects.filter(
        Q(state=AccessRequest.APPROVED) | Q(state=AccessRequest.REJECTED), applicant_id=person.principal_id
    )
    granted = Grant.objects.filter(principal_id=person.principal_id)
    if tenancy_id is not None:
        answered, granted = answered.filter(tenancy_id=tenancy_id), granted.filter(tenancy_id=tenancy_id)
    ids = answered.order_by().values_list("tenancy_id").union(granted.order_by().values_list("tenancy_id"))
    return frozenset(found for (found,) in ids)


def is_outsider(person: Person) -> bool:
    """Whether a person came by an invitation and is no more than a GUEST anywhere: such see no list of tenancies."""
    if not Invitation.objects.filter(accepted_by=person.principal_id, made_account=True).exists():
        return False
    opened = house()
    now_us = opened.now_us()
    with opened.catalog.read() as rows:
        return not any(
            member.role != Role.GUEST and is_live(member, now_us)
            for member in rows.scan(MEMBERS, (person.principal_id,), index="by_user")
        )
