"""What the clerk does so that journeys through joining can begin in their middle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.browser.registry import Registry


def set_face(registry: Registry, tenancy: str, **face: Any) -> None:
    """Set the public page of a tenancy: summary, approver_message, questions, hidden."""
    from holdfast.admin.lookups import get_tenancy
    from holdfast.portal.joining.models import TenancyPage

    with registry.house.catalog.read() as rows:
        tenancy_id = get_tenancy(rows, tenancy).tenancy_id
    TenancyPage.objects.update_or_create(tenancy_id=tenancy_id, defaults=face)


def ask_to_join(registry: Registry, tenancy: str, names: Sequence[str]) -> None:
    """Let people ask to be USER of a tenancy."""
    from holdfast.auth.roles import Role
    from holdfast.portal.joining.asking import ask
    from holdfast.portal.joining.faces import find_face
    from holdfast.portal.joining.questions import PURPOSE, collect_answers

    answers = collect_answers([PURPOSE], {PURPOSE.field_name: "Ice cores."})
    for name in names:
        person = registry.person(name)
        ask(person, find_face(person, tenancy), Role.USER, answers)


def end_membership(registry: Registry, tenancy: str, name: str) -> None:
    """Let the end of a membership be over, as time would."""
    from holdfast.admin.lookups import get_member, get_tenancy, get_user
    from holdfast.catalog.interface import Transaction
    from holdfast.catalog.rows import MEMBERS

    house = registry.house

    def change(rows: Transaction) -> None:
        member = get_member(rows, get_tenancy(rows, tenancy), get_user(rows, name))
        rows.replace(MEMBERS, member._replace(until_us=house.now_us() - 1))

    house.catalog.commit([change])
    house.generation.raise_()
