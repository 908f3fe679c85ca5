"""The members of a tenancy: the catalog's rows, with people's names and the history of grants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import date
from typing import Final, NamedTuple

from holdfast.admin.break_glass import SOURCE as BREAK_GLASS
from holdfast.admin.errors import Unknown
from holdfast.admin.managers import is_live
from holdfast.auth.roles import Right, Role
from holdfast.catalog.rows import MEMBERS, USERS, MemberRow, UserRow
from holdfast.portal.access import Standing
from holdfast.portal.house import house
from holdfast.portal.people.lookups import people_by_principal
from holdfast.portal.people.models import Person

from . import days
from .deciders import RANK
from .models import Grant
from .statuses import EXPIRED, REVOKED, Status, status_of_member

_ROLES: Final[Mapping[str, Role]] = {role.value: role for role in Role}
_MANY: Final = 500
"""From so many on, reading the names of all accounts is quicker than naming those that are wanted."""


class Entry(NamedTuple):
    """One person in the list of members."""

    principal_id: str
    name: str
    """The name that they log in with."""
    full_name: str
    role: Role
    until_us: int | None
    status: Status
    source: str
    is_own: bool
    """Whether it is the person who looks."""

    @property
    def label(self) -> str:
        """The name that people read."""
        return self.full_name or self.name

    @property
    def last_day(self) -> date | None:
        return None if self.until_us is None else days.last_day_of(self.until_us)

    @property
    def is_live(self) -> bool:
        return self.status not in (EXPIRED, REVOKED)

    @property
    def source_words(self) -> str:
        return source_words(self.source)


def source_words(source: str) -> str:
    """Say where a membership comes from."""
    words = {"portal": "portal", "cli": "command line", BREAK_GLASS: "operator's access"}
    return words.get(source, "directory")


class Wanted(NamedTuple):
    """Which members are asked for. Empty texts are no limit."""

    query: str = ""
    role: str = ""
    status: str = ""


def roster(standing: Standing, wanted: Wanted) -> Sequence[Entry]:
    """Return the members of a tenancy whom a person may see, MANAGERs first, then by name.

    Those who decide see ended and revoked ones too; a GUEST sees those who decide, and themselves.
    """
    entries = _entries(standing)
    if not standing.may(Right.DECIDE_REQUESTS):
        entries = [entry for entry in entries if entry.is_live]
    if standing.role is Role.GUEST:
        entries = [entry for entry in entries if entry.is_own or entry.role in (Role.DEPUTY, Role.MANAGER)]
    query = wanted.query.lower()
    matching = [
        entry
        for entry in entries
        if (not query or query in entry.name or query in entry.full_name.lower())
        and (not wanted.role or entry.role == wanted.role)
        and (not wanted.status or entry.status.word == wanted.status)
    ]
    return sorted(matching, key=lambda entry: (-RANK[entry.role], entry.label.lower(), entry.name))


def _entries(standing: Standing) -> list[Entry]:
    opened = house()
    now_us = opened.now_us()
    tenancy_id = standing.tenancy.tenancy_id
    revoked = {}
    if standing.may(Right.DECIDE_REQUESTS):
        heads = Grant.objects.filter(tenancy_id=tenancy_id, is_head=True).exclude(revoked_at=None)
        revoked = {each.principal_id: each for each in heads}
    with opened.catalog.read() as rows:
        members = {member.user_id: member for member in rows.scan(MEMBERS, (tenancy_id,))}
        names = _names({*members, *revoked})
        for user_id in (members.keys() | revoked.keys()) - names.keys():
            user = rows.find(USERS, (user_id,))
            names[user_id] = (user.name if user is not None else "", "")
    own_id = standing.person.principal_id
    expiring_us = days.expiring_until()
    entries = [
        Entry(
            user_id, *names[user_id], _ROLES[member.role], member.until_us,
            status_of_member(member, now_us, expiring_us), member.source, user_id == own_id,
        )
        for user_id, member in members.items()
    ]  # fmt: skip
    entries += [
        Entry(
            each.principal_id, *names[each.principal_id], _ROLES[each.role],
            _revoked_us(each), REVOKED, "portal",
            each.principal_id == own_id,
        )
        for each in revoked.values()
        if each.principal_id not in members
    ]  # fmt: skip
    return entries


def _revoked_us(head: Grant) -> int | None:
    """Return the end of the day on which somebody was revoked: their last one, whatever was granted."""
    return None if head.revoked_at is None else days.end_of(head.revoked_at.date())


def _names(principal_ids: Set[str]) -> dict[str, tuple[str, str]]:
    """Return principal id → name and full name, of those that have an account. One query."""
    people = Person.objects.all()
    if len(principal_ids) < _MANY:
        people = people.filter(principal_id__in=list(principal_ids))
    return {
        principal_id: (name, full_name)
        for principal_id, name, full_name in people.values_list("principal_id", "name", "full_name")
        if principal_id in principal_ids
    }


class Found(NamedTuple):
    """One person of a tenancy, as its own page shows them."""

    user: UserRow
    member: MemberRow | None
    """None for who was revoked."""
    person: Person | None
    head: Grant | None

    @property
    def is_live(self) -> bool:
        return self.member is not None and is_live(self.member, house().now_us())

    @property
    def label(self) -> str:
        return str(self.person) if self.person is not None else self.user.name


def find_people(standing: Standing, names: Iterable[str]) -> Mapping[str, Found]:
    """Return name → who is or was a member of this tenancy, for the names of such; others are left out."""
    tenancy_id = standing.tenancy.tenancy_id
    users: dict[str, tuple[UserRow, MemberRow | None]] = {}
    with house().catalog.read() as rows:
        for name in names:
            found = rows.scan(USERS, (name,), index="by_live_name", count_max=1)
            if found:
                users[name] = (found[0], rows.find(MEMBERS, (tenancy_id, found[0].user_id)))
    ids = [user.user_id for user, _ in users.values()]
    people = people_by_principal(ids)
    heads = {
        each.principal_id: each
        for each in Grant.objects.filter(tenancy_id=tenancy_id, principal_id__in=ids, is_head=True)
    }
    return {
        name: Found(user, member, people.get(user.user_id), heads.get(user.user_id))
        for name, (user, member) in users.items()
        if member is not None or user.user_id in heads
    }


def get_found(standing: Standing, name: str) -> Found:
    """Return who is or was a member of this tenancy. Raises Unknown, for members of other tenancies too."""
    found = find_people(standing, [name]).get(name)
    if found is None:
        raise Unknown("member", name, (), f" of {standing.tenancy.name}")
    return found
