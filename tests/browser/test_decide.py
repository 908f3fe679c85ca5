"""M2, decide requests: one by one and many at once, by two managers at once, with a mouse and without."""

from __future__ import annotations

import pytest
from tests.browser.conftest import Visit
from tests.browser.joining import ask_to_join
from tests.browser.place import Place, text_of
from tests.browser.registry import make_member

from holdfast.auth.roles import Role


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_many_are_approved_at_once_with_an_end(town: Place, visit: Visit, by: str) -> None:
    tenancy, names = f"many-{by}-o", [f"asker-{by}-{number}" for number in range(3)]
    town.clerk.run(make_member, tenancy, f"max-{by}", Role.MANAGER)
    town.clerk.run(ask_to_join, tenancy, names)
    manager = visit(f"max-{by}", by=by).go("/").click(tenancy).click("Requests").is_at("Requests")
    for name in names[:2]:
        manager.tick(f"Select the request of {name}")
    manager.choose("Access lasts", "2 years").click("Approve selected").sees(names[2]).sees_no(names[0], names[1])
    for name in names[:2]:
        assert town.mail(f"{name}@example.org", f"you are USER of {tenancy}")
    manager.click("Members").sees(*names[:2]).sees_no(names[2])


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_a_rejection_tells_the_reason_and_never_the_internal_comment(town: Place, visit: Visit, by: str) -> None:
    tenancy, name = f"reject-{by}-o", f"asked-{by}"
    town.clerk.run(make_member, tenancy, f"mia-{by}", Role.MANAGER)
    town.clerk.run(ask_to_join, tenancy, [name])
    manager = visit(f"mia-{by}", by=by).go(f"/tenancies/{tenancy}/requests/").click(name)
    manager.choose("Decision", "Reject").click("Save the decision").sees("Say why: the applicant reads it.")
    manager.fill("Reason", "Ask your own institute first.").fill("Internal comment", "Third time this year.")
    manager.click("Save the decision").sees("Rejected: the applicant was told why.")
    manager.click("Decided").click(name).sees("REJECTED", "Third time this year.")
    told = text_of(town.mail(f"{name}@example.org", "was rejected"))
    assert "Ask your own institute first." in told
    assert "Third time" not in told
    applicant = visit(name).go(f"/tenancies/{tenancy}/")
    applicant.sees("REJECTED", "Ask your own institute first.").sees_no("Third time")
    applicant.go("/notices/").sees("was rejected").sees_no("Third time")


def test_the_second_of_two_managers_is_told_who_was_first(town: Place, visit: Visit) -> None:
    for name in ("mabel", "miles"):
        town.clerk.run(make_member, "race-o", name, Role.MANAGER)
    town.clerk.run(ask_to_join, "race-o", ["racer"])
    first, second = (visit(name).go("/tenancies/race-o/requests/").click("racer") for name in ("mabel", "miles"))
    first.choose("Decision", "Approve").choose("Role", "USER").click("Save the decision").sees("APPROVED")
    second.choose("Decision", "Reject").fill("Reason", "No.").click("Save the decision")
    second.sees("already decided by mabel").sees_no("REJECTED")
    visit("racer").go("/").sees("race-o", "USER")
