"""Deciding requests (M2): by whom, once, with reasons that reach the applicant and comments that never do."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from typing import Any

import pytest

from holdfast.auth.roles import Role

SECRET = "internal-comment-7f3a"


@pytest.fixture
def lab(town: Any) -> Any:
    """A tenancy with MANAGERs mary and max, a DEPUTY, dave, and a USER, uma."""
    for name, role in (("mary", Role.MANAGER), ("max", Role.MANAGER), ("dave", Role.DEPUTY), ("uma", Role.USER)):
        town.member("lab-o", name, role)
    return town


def ask(town: Any, name: str, role: str = "USER", tenancy: str = "lab-o", purpose: str = "Sea ice.") -> int:
    """Ask to join, and return the number of the request."""
    from holdfast.portal.joining.models import AccessRequest

    answer = town.client(town.person(name)).post(
        f"/tenancies/{tenancy}/join/", {"role": role, "answer_purpose": purpose}
    )
    assert answer.status_code == 302
    return AccessRequest.objects.latest("pk").pk


def found(number: int) -> Any:
    from holdfast.portal.joining.models import AccessRequest

    return AccessRequest.objects.get(pk=number)


def decide(town: Any, name: str, number: int, decision: str = "approve", tenancy: str = "lab-o", **facts: Any) -> Any:
    given = {"decision": decision, **facts}
    if decision == "approve":
        given = {"role": "USER", "lasts": "1y", **given}
    return town.client(town.person(name)).post(f"/tenancies/{tenancy}/requests/{number}/", given)


def standing(town: Any, name: str, tenancy: str = "lab-o") -> Any:
    from holdfast.portal.access import find_standing

    return find_standing(town.person(name), tenancy)


def today() -> date:
    from holdfast.portal.joining.days import today

    return today()


def mails_to(town: Any, name: str) -> list[Any]:
    return [mail for mail in town.mails() if mail["To"] == f"{name}@example.org"]


# Approving


def test_an_approved_applicant_is_a_member_at_once_until_the_day_that_was_chosen(lab: Any) -> None:
    from holdfast.portal.joining.days import add_months, last_day_of
    from holdfast.portal.joining.models import Grant

    number = ask(lab, "ann")
    answer = decide(lab, "mary", number, lasts="6m", comment=SECRET)
    assert answer["Location"] == "/tenancies/lab-o/requests/"
    here = standing(lab, "ann")
    assert here.role is Role.USER
    assert here.member.source == "portal"
    assert last_day_of(here.member.until_us) == add_months(today(), 6)
    grant = Grant.objects.get(request=number)
    assert (grant.role, grant.ends_on, grant.is_head) == ("USER", add_months(today(), 6), True)
    assert grant.granted_by == lab.person("mary").principal_id
    assert grant.applied_at is not None
    (mail,) = mails_to(lab, "ann")
    assert "You are USER of lab-o" in mail["Subject"]


def test_the_approval_stands_in_the_audit_log_under_the_managers_name(lab: Any) -> None:
    from holdfast.catalog.rows import AUDIT

    decide(lab, "mary", ask(lab, "ann"))
    with lab.house.catalog.read() as rows:
        made = [row for row in rows.scan(AUDIT) if (row.action, row.subject) == ("member.add", "lab-o/ann")]
    assert [row.actor for row in made] == [lab.person("mary").principal_id]


@pytest.mark.parametrize(
    ("lasts", "last_day", "fault"),
    [
        ("custom", "", "Give the last day"),
        ("custom", "yesterday", "after today"),
        ("custom", "today", "after today"),
        ("custom", "2199-01-01", "at most 10 years"),
        ("custom", "31.12.2030", "valid date"),
        ("99y", "", "valid choice"),
        ("", "", "Choose how long"),
    ],
)
def test_an_end_that_is_none_is_refused_and_nothing_changes(lab: Any, lasts: str, last_day: str, fault: str) -> None:
    number = ask(lab, "ann")
    days = {"today": today(), "yesterday": today() - timedelta(days=1)}
    day = days[last_day].isoformat() if last_day in days else last_day
    answer = decide(lab, "mary", number, lasts=lasts, last_day=day)
    assert answer.status_code == 400
    assert fault in answer.content.decode()
    assert found(number).is_pending
    assert standing(lab, "ann") is None


def test_a_day_of_ones_own_choice_counts_whole(lab: Any, clock: Any) -> None:
    last_day = today() + timedelta(days=3)
    decide(lab, "mary", ask(lab, "ann"), lasts="custom", last_day=last_day.isoformat())
    until_us = standing(lab, "ann").member.until_us
    clock.moved_us += until_us - 1_000_000 - clock()
    assert standing(lab, "ann") is not None
    clock.moved_us += 2_000_000
    assert standing(lab, "ann") is None


def test_what_the_site_grants_usually_is_chosen_already(lab: Any) -> None:
    page = lab.client(lab.person("mary")).get(f"/tenancies/lab-o/requests/{ask(lab, 'ann')}/").content.decode()
    assert '<option value="1y" selected>' in page


# Rejecting, and asking for more: R1, M2


@pytest.mark.parametrize("decision", ["reject", "incomplete"])
def test_a_reason_is_compulsory_and_reaches_the_applicant_and_the_comment_does_not(lab: Any, decision: str) -> None:
    number = ask(lab, "ann")
    refused = decide(lab, "mary", number, decision, reason=" ", comment=SECRET)
    assert refused.status_code == 400
    assert "Say why: the applicant reads it." in refused.content.decode()
    assert found(number).is_pending
    assert decide(lab, "mary", number, decision, reason="Which project is it?", comment=SECRET).status_code == 302
    assert found(number).shown_state == {"reject": "REJECTED", "incomplete": "INCOMPLETE"}[decision]
    (mail,) = mails_to(lab, "ann")
    assert "Which project is it?" in mail.get_content()
    ann = lab.client(lab.person("ann"))
    pages = [
        ann.get(path).content.decode()
        for path in ("/tenancies/lab-o/", "/tenancies/lab-o/join/", "/notices/", "/services/object-store/")
    ]
    assert "Which project is it?" in pages[1]
    assert all(SECRET not in page for page in pages)
    assert all(SECRET not in each.get_content() for each in lab.mails())
    assert SECRET in lab.client(lab.person("dave")).get(f"/tenancies/lab-o/requests/{number}/").content.decode()


def test_an_applicant_who_became_a_member_never_sees_the_comment_either(lab: Any) -> None:
    decide(lab, "mary", ask(lab, "ann"), comment=SECRET)
    ann = lab.client(lab.person("ann"))
    for path in ("/tenancies/lab-o/join/", "/tenancies/lab-o/members/", "/tenancies/lab-o/", "/notices/"):
        assert SECRET not in ann.get(path).content.decode(), path
    assert ann.get("/tenancies/lab-o/members/person/ann/").status_code == 403


def test_an_incomplete_request_is_completed_with_its_answers_kept_and_linked_to_the_first(lab: Any) -> None:
    first = ask(lab, "ann", purpose="Ice.")
    decide(lab, "dave", first, "incomplete", reason="Whose?")
    ann = lab.client(lab.person("ann"))
    page = ann.get("/tenancies/lab-o/join/").content.decode()
    assert "INCOMPLETE" in page
    assert "Complete your request" in page
    assert "Ice.</textarea>" in page
    second = ask(lab, "ann", purpose="Ice of the Arctic group.")
    assert found(second).previous_id == first
    assert found(first).shown_state == "INCOMPLETE"
    page = lab.client(lab.person("dave")).get(f"/tenancies/lab-o/requests/{second}/").content.decode()
    assert "Whose?" in page


# Who decides


@pytest.mark.parametrize(
    ("role", "decider", "status"),
    [
        ("USER", "dave", 302),
        ("USER", "mary", 302),
        ("USER", "olga", 302),
        ("DEPUTY", "dave", 400),
        ("DEPUTY", "mary", 302),
        ("MANAGER", "dave", 400),
        ("MANAGER", "mary", 302),
        ("USER", "uma", 403),
    ],
)
def test_who_decides_is_said_by_the_role_table(lab: Any, role: str, decider: str, status: int) -> None:
    lab.operator()
    number = ask(lab, "ann", role)
    answer = decide(lab, decider, number, role=role)
    assert answer.status_code == status
    assert found(number).is_pending is (status != 302)
    assert (standing(lab, "ann") is not None) is (status == 302)


def test_a_deputy_cant_approve_for_more_than_they_may_give(lab: Any) -> None:
    number = ask(lab, "ann")
    for role in ("DEPUTY", "MANAGER", "OPERATOR", "GUEST"):
        assert decide(lab, "dave", number, role=role).status_code == 400
    assert found(number).is_pending


def test_a_deputy_sees_what_only_a_manager_decides_without_the_form(lab: Any) -> None:
    number = ask(lab, "ann", "DEPUTY")
    page = lab.client(lab.person("dave")).get(f"/tenancies/lab-o/requests/{number}/").content.decode()
    assert "Only a MANAGER decides who becomes DEPUTY." in page
    assert "Save the decision" not in page


def test_nobody_decides_about_themselves(lab: Any) -> None:
    number = ask(lab, "dave", "MANAGER")
    from holdfast.admin.members import add_member

    add_member(lab.house.office("test"), "lab-o", "dave", Role.MANAGER)
    answer = decide(lab, "dave", number, role="MANAGER")
    assert answer.status_code == 400
    assert "Nobody decides about themselves" in answer.content.decode()
    assert found(number).is_pending


def test_a_request_of_another_tenancy_is_not_there(lab: Any) -> None:
    lab.member("other-o", "otto", Role.MANAGER)
    number = ask(lab, "ann")
    other = lab.client(lab.person("otto"))
    assert other.get(f"/tenancies/other-o/requests/{number}/").status_code == 404
    assert decide(lab, "otto", number, tenancy="other-o").status_code == 404
    other.post("/tenancies/other-o/requests/approve/", {"request": [number], "lasts": "1y"})
    assert found(number).is_pending
    assert standing(lab, "ann") is None
    assert standing(lab, "ann", "other-o") is None


def test_a_decision_takes_no_more_from_its_form_than_the_form_names(lab: Any) -> None:
    number = ask(lab, "ann")
    eve = lab.person("eve")
    decide(
        lab, "mary", number, applicant_id=eve.principal_id, principal_id=eve.principal_id, user="eve",
        tenancy_id="x", decided_by=eve.principal_id, ends_on="2099-01-01", buckets='{"x": "write"}',
    )  # fmt: skip
    assert standing(lab, "eve") is None
    assert standing(lab, "ann").member.buckets == ""
    assert found(number).decided_by == lab.person("mary").principal_id


# Twice


def test_the_second_of_two_managers_is_told_who_decided_and_nothing_changes(lab: Any) -> None:
    number = ask(lab, "ann")
    decide(lab, "mary", number)
    late = decide(lab, "max", number, "reject", reason="No.")
    assert late.status_code == 409
    assert "already decided by mary" in late.content.decode()
    assert found(number).state == "APPROVED"
    assert found(number).user_reason == ""
    assert standing(lab, "ann") is not None
    assert len(mails_to(lab, "ann")) == 1


def test_sending_the_same_decision_twice_says_so_and_grants_once(lab: Any) -> None:
    from holdfast.portal.joining.models import Grant

    number = ask(lab, "ann")
    decide(lab, "mary", number)
    again = decide(lab, "mary", number)
    assert again.status_code == 409
    assert "already decided by you" in again.content.decode()
    assert Grant.objects.filter(request=number).count() == 1


def test_of_two_managers_at_once_exactly_one_decides(lab: Any) -> None:
    """Two threads, each with a connection of its own, as two workers of the server have."""
    from django.db import connection

    from holdfast.portal.joining.deciding import AlreadyDecided, approve, refuse
    from holdfast.portal.joining.models import Grant

    for turn in range(6):
        number = ask(lab, f"ann{turn}")
        start = threading.Barrier(2)
        outcomes: dict[str, str] = {}

        def act(name: str, approves: bool, number: int = number, start: Any = start, outcomes: Any = outcomes) -> None:
            try:
                here = standing(lab, name)
                start.wait()
                if approves:
                    approve(here, number, role=Role.USER, ends_on=today() + timedelta(days=90))
                else:
                    refuse(here, number, reason="No.")
                outcomes[name] = "decided"
            except AlreadyDecided as late:
                outcomes[name] = str(late)
            finally:
                connection.close()

        threads = [threading.Thread(target=act, args=each) for each in (("mary", True), ("max", False))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        winner = next(name for name, outcome in outcomes.items() if outcome == "decided")
        loser = "max" if winner == "mary" else "mary"
        assert f"already decided by {winner}" in outcomes[loser]
        assert (standing(lab, f"ann{turn}") is not None) is (winner == "mary")
        assert Grant.objects.filter(request=number).count() == (1 if winner == "mary" else 0)
        assert found(number).state == ("APPROVED" if winner == "mary" else "REJECTED")


# Many at once


def test_many_are_approved_at_once_each_for_the_role_that_it_asks_for(lab: Any) -> None:
    numbers = [ask(lab, "ann"), ask(lab, "bob", "DEPUTY")]
    client = lab.client(lab.person("mary"))
    answer = client.post("/tenancies/lab-o/requests/approve/", {"request": numbers, "lasts": "2y"}, follow=True)
    assert "2 approved" in answer.content.decode()
    assert standing(lab, "ann").role is Role.USER
    assert standing(lab, "bob").role is Role.DEPUTY


def test_of_many_those_that_cant_be_are_told_one_by_one(lab: Any) -> None:
    done, deputy, fine = ask(lab, "ann"), ask(lab, "bob", "DEPUTY"), ask(lab, "cat")
    decide(lab, "mary", done, "reject", reason="No.")
    client = lab.client(lab.person("dave"))
    given = {"request": [done, deputy, fine, fine, 999, "x"], "lasts": "1y"}
    page = client.post("/tenancies/lab-o/requests/approve/", given, follow=True).content.decode()
    assert "ann: this request was already decided by mary" in page
    assert "bob: only a MANAGER decides who becomes DEPUTY" in page
    assert "There is no request 999 here" in page
    assert "1 approved" in page
    assert standing(lab, "cat") is not None
    assert standing(lab, "bob") is None


def test_none_ticked_or_no_end_approves_nothing(lab: Any) -> None:
    number = ask(lab, "ann")
    client = lab.client(lab.person("mary"))
    page = client.post("/tenancies/lab-o/requests/approve/", {"lasts": "1y"}, follow=True).content.decode()
    assert "Tick the requests" in page
    given = {"request": [number], "lasts": "custom"}
    assert client.post("/tenancies/lab-o/requests/approve/", given).status_code == 400
    assert client.get("/tenancies/lab-o/requests/approve/").status_code == 405
    assert found(number).is_pending


def test_the_tab_counts_what_waits_and_the_list_pages(lab: Any) -> None:
    from holdfast.portal.joining.models import AccessRequest

    tenancy_id = standing(lab, "mary").tenancy.tenancy_id
    AccessRequest.objects.bulk_create(
        AccessRequest(
            tenancy_id=tenancy_id, tenancy_name="lab-o", applicant_id=f"{each:032x}", role="USER",
            asked_at=f"2026-01-01T00:{each // 60:02}:{each % 60:02}Z", answers=[],
        )
        for each in range(120)
    )  # fmt: skip
    client = lab.client(lab.person("mary"))
    page = client.get("/tenancies/lab-o/requests/?page=3").content.decode()
    assert "101 to 120 of 120" in page
    assert page.count('name="request"') == 20
    assert '<span class="count">120</span>' in page.replace("\n", "")


# What stands between the portal and the catalog


def test_an_approval_never_takes_away_what_the_applicant_has_by_now(lab: Any) -> None:
    from holdfast.admin.members import add_member

    number = ask(lab, "ann")
    add_member(lab.house.office("test"), "lab-o", "ann", Role.DEPUTY)
    answer = decide(lab, "mary", number)
    assert answer.status_code == 400
    assert "is DEPUTY here by now" in answer.content.decode()
    assert standing(lab, "ann").role is Role.DEPUTY
    add_member(lab.house.office("test"), "lab-o", "ann", Role.USER)
    assert "already without an end" in decide(lab, "mary", number).content.decode()
    assert found(number).is_pending


def test_an_applicant_who_was_removed_from_the_site_cant_be_approved(lab: Any) -> None:
    from holdfast.admin.users import remove_user

    number = ask(lab, "ann")
    remove_user(lab.house.office("test"), "ann")
    answer = decide(lab, "mary", number)
    assert answer.status_code == 400
    assert "removed from the site" in answer.content.decode()
    assert found(number).is_pending


def test_what_a_crash_left_between_the_decision_and_the_catalog_is_done_by_the_worker(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from holdfast.portal.joining import granting

    number = ask(lab, "ann")

    class Killed(BaseException):
        pass

    def killed(*args: Any, **options: Any) -> None:
        raise Killed

    monkeypatch.setattr(granting, "add_member", killed)
    with pytest.raises(Killed):
        decide(lab, "mary", number)
    monkeypatch.undo()
    assert found(number).state == "APPROVED"
    assert standing(lab, "ann") is None
    assert mails_to(lab, "ann") == []
    assert granting.apply_waiting() == 1
    assert standing(lab, "ann").role is Role.USER
    assert len(mails_to(lab, "ann")) == 1
    assert granting.apply_waiting() == 0


def test_a_crash_after_the_catalog_and_before_the_portals_commit_is_done_again_to_the_same_end(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from holdfast.portal.joining import granting

    number = ask(lab, "ann")

    class Killed(BaseException):
        pass

    def killed(*args: Any, **options: Any) -> None:
        raise Killed

    monkeypatch.setattr(granting, "tell_granted", killed)
    with pytest.raises(Killed):
        decide(lab, "mary", number)
    monkeypatch.undo()
    before = standing(lab, "ann").member
    assert granting.apply_waiting() == 1
    after = standing(lab, "ann").member
    assert after == before
    assert len(mails_to(lab, "ann")) == 1


def test_what_the_catalog_refuses_at_the_last_moment_is_taken_back_whole(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from holdfast.admin.errors import Refused
    from holdfast.portal.joining import granting
    from holdfast.portal.joining.models import Grant

    number = ask(lab, "ann")

    def refused(*args: Any, **options: Any) -> None:
        raise Refused("for a reason of its own")

    monkeypatch.setattr(granting, "add_member", refused)
    answer = decide(lab, "mary", number)
    monkeypatch.undo()
    assert answer.status_code == 400
    assert "for a reason of its own" in answer.content.decode()
    assert found(number).is_pending
    assert standing(lab, "ann") is None
    assert not Grant.objects.filter(is_head=True, request=number).exists()
    assert mails_to(lab, "ann") == []
    assert any("could not be put into force" in mail.get_content() for mail in mails_to(lab, "mary"))
    assert decide(lab, "mary", number).status_code == 302
    assert standing(lab, "ann").role is Role.USER


def test_the_name_of_somebody_who_is_gone_grants_nothing_to_whoever_has_it_now(lab: Any) -> None:
    """A grant is of a principal; its name may be somebody else's by the time that it is applied."""
    from holdfast.admin.users import create_user, remove_user
    from holdfast.portal.joining import granting
    from holdfast.portal.joining.models import Grant

    ann = lab.person("ann")
    here = standing(lab, "mary")
    remove_user(lab.house.office("test"), "ann")
    create_user(lab.house.office("test"), "ann", "other@example.org")
    Grant.objects.create(
        tenancy_id=here.tenancy.tenancy_id, principal_id=ann.principal_id, role="USER",
        ends_on=today() + timedelta(days=9), granted_by=here.person.principal_id, granted_at="2026-01-01T00:00:00Z",
    )  # fmt: skip
    assert granting.apply_waiting() == 0
    assert not Grant.objects.filter(is_head=True, principal_id=ann.principal_id).exists()
    from holdfast.admin.members import list_members

    with lab.house.catalog.read() as rows:
        names = [each.user.name for each in list_members(rows, here.tenancy, lab.house.now_us())]
    assert "ann" not in names
