"""After a crash, a restored backup or a command elsewhere, the history of grants and the catalog say the same again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from holdfast.auth.roles import Role


@pytest.fixture
def lab(town: Any) -> Any:
    """A tenancy with a MANAGER, mary, of the command line; nothing of the portal yet."""
    from holdfast.admin.members import add_member
    from holdfast.admin.tenancies import create_tenancy

    cli = replace(town.house.office("root"), source="cli")
    create_tenancy(cli, "lab-o")
    town.person("mary")
    add_member(cli, "lab-o", "mary", Role.MANAGER)
    return town


def cli(town: Any) -> Any:
    return replace(town.house.office("cli:root"), source="cli")


def reconcile() -> int:
    from holdfast.portal.joining.reconcile import reconcile

    return reconcile()


def standing(town: Any, name: str) -> Any:
    from holdfast.portal.access import find_standing

    return find_standing(town.person(name), "lab-o")


def grant(town: Any, name: str, role: str = "USER") -> None:
    town.person(name)
    answer = town.client(town.person("mary")).post(
        "/tenancies/lab-o/members/add/", {"user_name": name, "role": role, "lasts": "1y"}
    )
    assert answer.status_code == 302


def revoke(town: Any, name: str) -> None:
    town.client(town.person("mary")).post(f"/tenancies/lab-o/members/person/{name}/revoke/", {"reason": "Done."})


def head(town: Any, name: str) -> Any:
    from holdfast.portal.joining.models import Grant

    return Grant.objects.filter(principal_id=town.person(name).principal_id, is_head=True).first()


def test_where_all_is_well_nothing_is_changed(lab: Any) -> None:
    grant(lab, "ann")
    assert reconcile() == 0
    assert standing(lab, "mary").member.source == "cli"
    assert head(lab, "mary") is None


def test_a_membership_of_the_portal_without_a_history_gets_one(lab: Any) -> None:
    """Another slice makes members too: who asked for a tenancy is its first MANAGER."""
    lab.member("lab-o", "ann", Role.DEPUTY, until_us=lab.house.now_us() + 86_400_000_000)
    assert reconcile() == 1
    made = head(lab, "ann")
    assert (made.role, made.granted_by) == ("DEPUTY", "")
    assert made.ends_on is not None
    assert reconcile() == 0


def test_a_grant_whose_member_was_removed_by_command_is_closed(lab: Any) -> None:
    from holdfast.admin.members import remove_member

    grant(lab, "ann")
    remove_member(cli(lab), "lab-o", "ann")
    assert reconcile() == 1
    assert head(lab, "ann").revoked_reason == "It was ended outside of the portal."
    assert standing(lab, "ann") is None
    assert reconcile() == 0


def test_a_membership_that_a_command_changed_is_left_as_it_is(lab: Any) -> None:
    from holdfast.admin.members import add_member

    grant(lab, "ann")
    add_member(cli(lab), "lab-o", "ann", Role.DEPUTY)
    assert reconcile() == 0
    assert (standing(lab, "ann").role, standing(lab, "ann").member.source) == (Role.DEPUTY, "cli")


def test_who_was_revoked_is_not_let_in_again_by_a_catalog_of_an_older_backup(lab: Any) -> None:
    from holdfast.catalog.rows import MEMBERS

    grant(lab, "ann")
    before = standing(lab, "ann").member
    revoke(lab, "ann")
    assert lab.house.catalog.commit([lambda rows: rows.add(MEMBERS, before)])[0].error is None
    assert standing(lab, "ann") is not None
    assert reconcile() == 1
    assert standing(lab, "ann") is None


def test_who_joined_again_after_a_revocation_stays(lab: Any) -> None:
    grant(lab, "ann")
    revoke(lab, "ann")
    lab.member("lab-o", "ann", Role.USER)
    assert reconcile() == 1
    assert standing(lab, "ann").role is Role.USER
    assert head(lab, "ann").revoked_at is None


def test_a_revoked_directory_member_who_is_there_again_is_the_directorys(lab: Any) -> None:
    from holdfast.admin.members import add_member

    grant(lab, "ann")
    revoke(lab, "ann")
    add_member(lab.house.office("sync", source="ldap"), "lab-o", "ann", Role.USER)
    assert reconcile() == 0
    assert standing(lab, "ann").member.source == "ldap"


def test_an_ended_membership_is_left_to_its_end(lab: Any, clock: Any) -> None:
    lab.client(lab.person("mary"))
    grant(lab, "ann")
    clock.pass_days(400)
    assert reconcile() == 0
    assert head(lab, "ann").revoked_at is None


def test_a_grant_that_waits_is_not_taken_for_a_closed_one(lab: Any) -> None:
    from holdfast.portal.joining.days import today
    from holdfast.portal.joining.granting import apply_waiting
    from holdfast.portal.joining.models import Grant

    here = standing(lab, "mary")
    Grant.objects.create(
        tenancy_id=here.tenancy.tenancy_id,
        principal_id=lab.person("ann").principal_id,
        role="USER",
        ends_on=today() + timedelta(days=9),
        granted_by=here.person.principal_id,
        granted_at="2026-01-01T00:00:00Z",
    )
    assert reconcile() == 0
    assert apply_waiting() == 1
    assert standing(lab, "ann").role is Role.USER


def test_requests_of_who_was_removed_from_the_site_are_withdrawn(lab: Any) -> None:
    from holdfast.admin.users import remove_user
    from holdfast.portal.joining.models import AccessRequest

    lab.client(lab.person("ann")).post("/tenancies/lab-o/join/", {"role": "USER", "answer_purpose": "Ice."})
    remove_user(cli(lab), "ann")
    assert reconcile() == 1
    assert AccessRequest.objects.get().state == "WITHDRAWN"


def test_requests_to_a_tenancy_that_was_deleted_are_closed_and_who_asked_is_told(lab: Any) -> None:
    from holdfast.admin.tenancies import delete_tenancy
    from holdfast.portal.joining.models import AccessRequest

    lab.client(lab.person("ann")).post("/tenancies/lab-o/join/", {"role": "USER", "answer_purpose": "Ice."})
    delete_tenancy(cli(lab), "lab-o")
    assert [reconcile(), reconcile()] == [1, 0]
    request = AccessRequest.objects.get()
    assert (request.state, request.user_reason) == ("WITHDRAWN", "The tenancy was deleted.")
    (mail,) = [mail for mail in lab.mails() if mail["To"] == "ann@example.org"]
    assert "request to join lab-o is closed" in mail["Subject"]


def test_who_could_not_know_a_tenancy_is_not_told_that_it_was_deleted(lab: Any) -> None:
    from tests.portal.samples import hide

    from holdfast.admin.tenancies import delete_tenancy
    from holdfast.portal.joining.models import AccessRequest

    hide(lab, "lab-o")
    for name in ("lab-o", "never-o"):
        lab.client(lab.person("ann")).post(f"/tenancies/{name}/join/", {"role": "USER", "answer_purpose": "Ice."})
    delete_tenancy(cli(lab), "lab-o")
    assert [reconcile(), reconcile()] == [1, 0]
    assert set(AccessRequest.objects.values_list("tenancy_name", "tenancy_id", "state")) == {
        ("lab-o", "", "PENDING"),
        ("never-o", "", "PENDING"),
    }
    assert [mail for mail in lab.mails() if mail["To"] == "ann@example.org"] == []


def test_the_worker_does_all_of_it(lab: Any) -> None:
    from holdfast.portal.worker import rounds

    names = {each.name: each for each in rounds()}
    for name in ("requests", "grants", "members", "reminders"):
        assert names[name].run() >= 0
