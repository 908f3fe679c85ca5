"""Roles by groups: they come and go with the groups, and leave alone what others gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from holdfast.admin.access_keys import create_access_key, list_access_keys
from holdfast.admin.errors import Refused
from holdfast.admin.groups import Step, give_role, plan, take_role
from holdfast.admin.lookups import get_user
from holdfast.admin.members import add_member
from holdfast.admin.office import DAY_US, Office
from holdfast.admin.tenancies import create_tenancy
from holdfast.admin.users import create_user, disable_user, enable_user, set_email, suspend_user
from holdfast.auth.keyring import Keyring
from holdfast.auth.roles import Role
from holdfast.catalog.rows import MEMBERS, TENANCIES
from holdfast.config import Limits

if TYPE_CHECKING:
    from tests.admin.conftest import Clock


@pytest.fixture
def ldap(office: Office) -> Office:
    """The office of a directory, beside that of the command line; two tenancies with a MANAGER, and ann."""
    for tenancy in ("a-o", "b-o"):
        create_tenancy(office, tenancy)
        create_user(office, f"head-{tenancy}")
        add_member(office, tenancy, f"head-{tenancy}", Role.MANAGER)
    create_user(office, "ann")
    return replace(office, source="ldap")


def held(office: Office, name: str = "ann") -> dict[str, tuple[str, str]]:
    """Return tenancy → role and source."""
    with office.read() as rows:
        names = {row.tenancy_id: row.name for row in rows.scan(TENANCIES)}
        members = rows.scan(MEMBERS, (get_user(rows, name).user_id,), index="by_user")
        return {names[member.tenancy_id]: (member.role, member.source) for member in members}


def reconcile(office: Office, wanted: Mapping[str, Role], until_us: int | None = None) -> list[Step]:
    with office.read() as rows:
        steps = list(plan(rows, get_user(rows, "ann"), office.source, wanted, until_us, office.now_us()))
    for step in steps:
        if step.role is None:
            take_role(office, step.tenancy, "ann")
        else:
            give_role(office, step.tenancy, "ann", step.role, until_us)
    return steps


def test_roles_come_change_and_go_with_the_groups(ldap: Office) -> None:
    assert reconcile(ldap, {"a-o": Role.USER, "nowhere-o": Role.USER}) == [Step("a-o", Role.USER)]
    assert held(ldap) == {"a-o": ("USER", "ldap")}
    assert reconcile(ldap, {"a-o": Role.USER}) == []
    assert reconcile(ldap, {"a-o": Role.MANAGER, "b-o": Role.USER}) == [
        Step("a-o", Role.MANAGER),
        Step("b-o", Role.USER),
    ]
    assert reconcile(ldap, {"b-o": Role.USER}) == [Step("a-o", None)]
    assert held(ldap) == {"b-o": ("USER", "ldap")}


@pytest.mark.parametrize("source", ["cli", "portal", "oidc"])
@pytest.mark.parametrize("wanted", [{"a-o": Role.MANAGER}, {"a-o": Role.USER}, {}])
def test_what_another_source_gave_is_left_as_it_is(ldap: Office, source: Any, wanted: dict[str, Role]) -> None:
    add_member(replace(ldap, source=source), "a-o", "ann", Role.DEPUTY)
    assert reconcile(ldap, wanted) == []
    # Nor where it was given between the look and the change.
    assert give_role(ldap, "a-o", "ann", Role.MANAGER, None).source == source
    take_role(ldap, "a-o", "ann")
    assert held(ldap) == {"a-o": ("DEPUTY", source)}


def test_what_has_ended_stands_in_no_ones_way_and_its_keys_stay_refused(
    ldap: Office, clock: Clock, keyring: Keyring
) -> None:
    add_member(replace(ldap, source="portal"), "a-o", "ann", Role.USER, until_us=clock() + DAY_US)
    create_access_key(ldap, keyring, Limits(), "a-o", "ann")
    clock.pass_days(2)
    assert reconcile(ldap, {"a-o": Role.USER}) == [Step("a-o", Role.USER)]
    assert held(ldap) == {"a-o": ("USER", "ldap")}
    with ldap.read() as rows:
        (key,) = list_access_keys(rows, clock(), None, get_user(rows, "ann"))
    assert key.state == "revoked"


def test_an_end_moves_on_once_a_day(ldap: Office, clock: Clock) -> None:
    for days, moves in ((0, True), (0.5, False), (1, True)):
        clock.pass_days(days)
        assert bool(reconcile(ldap, {"a-o": Role.USER}, clock() + 30 * DAY_US)) is moves


def test_keys_end_with_the_role(ldap: Office, keyring: Keyring, clock: Clock) -> None:
    reconcile(ldap, {"a-o": Role.USER})
    create_access_key(ldap, keyring, Limits(), "a-o", "ann")
    reconcile(ldap, {})
    with ldap.read() as rows:
        (key,) = list_access_keys(rows, clock(), None, get_user(rows, "ann"))
    assert key.state == "revoked"


def test_a_group_never_takes_the_last_manager(ldap: Office) -> None:
    create_tenancy(ldap, "c-o")
    reconcile(ldap, {"c-o": Role.MANAGER})
    for wanted in ({}, {"c-o": Role.USER}):
        with pytest.raises(Refused, match="without a MANAGER"):
            reconcile(ldap, wanted)
    assert held(ldap)["c-o"] == ("MANAGER", "ldap")


def state(office: Office) -> str:
    with office.read() as rows:
        return get_user(rows, "ann").state


def test_a_directory_disables_and_enables_and_a_suspension_outlasts_both(ldap: Office) -> None:
    assert disable_user(ldap, "ann").state == state(ldap) == "disabled"
    assert enable_user(ldap, "ann").state == state(ldap) == "active"
    suspend_user(ldap, "ann")
    for change in (disable_user, enable_user):
        assert change(ldap, "ann").state == state(ldap) == "suspended"


def test_an_address_that_is_none_is_refused(ldap: Office) -> None:
    assert set_email(ldap, "ann", "ann@new.example").email == "ann@new.example"
    with pytest.raises(Refused):
        set_email(ldap, "ann", "no address")
