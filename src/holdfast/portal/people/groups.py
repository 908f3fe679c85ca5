"""Groups of a provider or directory become roles, by the site's settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

from holdfast.admin.errors import AdminError
from holdfast.admin.groups import Step, give_role, plan, take_role
from holdfast.admin.office import DAY_US, Source
from holdfast.auth.roles import Role
from holdfast.config import GroupRole
from holdfast.portal.house import house
from holdfast.telemetry.log import get_log

from .models import Person
from .principals import SYSTEM_ACTOR, find_principal

_log = get_log("portal")
_RANK: Final = (Role.USER, Role.DEPUTY, Role.MANAGER)


def roles_of(groups: Iterable[str], rules: Iterable[GroupRole]) -> Mapping[str, Role]:
    """Return tenancy → the highest role that these groups give there."""
    held = set(groups)
    found: dict[str, Role] = {}
    for rule in rules:
        if rule.group in held:
            role = Role(rule.role)
            found[rule.tenancy] = max(role, found.get(rule.tenancy, role), key=_RANK.index)
    return found


def reconcile(person: Person, groups: Iterable[str], source: Source, *, until_us: int | None = None) -> int:
    """Give a person the roles of their groups, and take those that groups gave before. Returns the number of changes.

    What can't be done is told to the operators, and the rest is done.
    """
    opened = house()
    principal = find_principal(person.principal_id)
    if principal is None or principal.state == "removed":
        return 0
    wanted = roles_of(groups, opened.settings.site.group_roles)
    with opened.catalog.read() as rows:
        steps = plan(rows, principal, source, wanted, until_us, opened.now_us())
    return sum(_take(step, principal.name, source, until_us) for step in steps)


def login_end_us() -> int:
    """Return the end of a membership that a provider's groups give: it knows of nobody who never logs in again."""
    opened = house()
    return opened.now_us() + opened.settings.site.grant_days * DAY_US


def _take(step: Step, user_name: str, source: Source, until_us: int | None) -> int:
    office = house().office(SYSTEM_ACTOR, source)
    try:
        if step.role is None:
            take_role(office, step.tenancy, user_name)
        else:
            give_role(office, step.tenancy, user_name, step.role, until_us)
    except AdminError as error:
        _log.warning("a role by a group was not changed", tenancy=step.tenancy, user=user_name, reason=str(error))
        tell_operators(
            "group_role",
            f"A role in {step.tenancy} was not changed",
            f"The groups of {user_name} say that it should be: {step.role.value if step.role else 'none'}.\n\n{error}.",
            once=f"group-role {step.tenancy} {user_name} {step.role} {today()}",
        )
        return 0
    return 1


def tell_operators(kind: str, subject: str, text: str, *, once: str) -> None:
    """Tell all operators something, once."""
    from holdfast.portal.notices.notify import notify

    notify(
        Person.objects.filter(is_operator=True, is_active=True), kind, subject, text, level="warning", once=once[:120]
    )


def today() -> str:
    """Return the day in UTC, for what is told once a day."""
    return datetime.fromtimestamp(house().now_us() / 1_000_000, UTC).date().isoformat()
