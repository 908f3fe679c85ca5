"""Reminders by the portal's clock: two months, two weeks, two days, the end; requests that wait; the last MANAGER."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import dates, integers

from holdfast.auth.roles import Role


@pytest.fixture
def lab(town: Any, clock: Any) -> Any:
    """A tenancy with MANAGERs mary and max, and an operator."""
    for name in ("mary", "max"):
        town.member("lab-o", name, Role.MANAGER)
    town.operator()
    return town


def remind() -> int:
    from holdfast.portal.joining.reminders import remind

    return remind()


def today() -> date:
    from holdfast.portal.joining.days import today

    return today()


def end_of(day: date) -> int:
    from holdfast.portal.joining.days import end_of

    return end_of(day)


def member(town: Any, name: str, last_day: date, role: Role = Role.USER) -> None:
    town.member("lab-o", name, role, until_us=end_of(last_day))


def subjects(town: Any, name: str) -> list[str]:
    return [
        str(mail["Subject"]).replace("\n", "").strip().removeprefix("Object store: ")
        for mail in town.mails()
        if mail["To"] == f"{name}@example.org"
    ]


def test_each_reminder_of_an_end_is_sent_once_and_the_last_one_is_a_final_warning(lab: Any, clock: Any) -> None:
    last_day = today() + timedelta(days=100)
    member(lab, "ann", last_day)
    sent = []
    for day in range(110):
        before = len(subjects(lab, "ann"))
        remind()
        remind()
        sent += [(day, subject) for subject in subjects(lab, "ann")[before:]]
        clock.pass_days(1)
    from holdfast.portal.joining.days import add_months

    begins = (add_months(last_day, -2) - (last_day - timedelta(days=100))).days
    assert [day for day, _ in sent] == [begins, 86, 98, 101]
    words = [subject for _, subject in sent]
    assert words[0].startswith("Your access to lab-o ends on ")
    assert words[1].endswith("in 14 days")
    assert words[2].startswith("FINAL WARNING: Your access to lab-o ends on ")
    assert words[2].endswith("in 2 days")
    assert words[3] == "Your access to lab-o has ended"


def test_a_reminder_leads_to_where_one_asks_to_extend(lab: Any, clock: Any) -> None:
    member(lab, "ann", today() + timedelta(days=61))
    clock.pass_days(50)
    remind()
    (mail,) = [mail for mail in lab.mails() if mail["To"] == "ann@example.org"]
    assert "https://localhost:8444/tenancies/lab-o/join/" in mail.get_content()
    assert "Send the request" in lab.client(lab.person("ann")).get("/tenancies/lab-o/join/").content.decode()


def test_access_that_was_granted_for_less_is_not_reminded_at_once(lab: Any, clock: Any) -> None:
    member(lab, "ann", today() + timedelta(days=10))
    remind()
    assert subjects(lab, "ann") == []
    clock.pass_days(8)
    remind()
    assert len(subjects(lab, "ann")) == 1


def test_a_portal_that_was_off_sends_the_latest_reminder_alone(lab: Any, clock: Any) -> None:
    member(lab, "ann", today() + timedelta(days=100))
    clock.pass_days(99)
    remind()
    (subject,) = subjects(lab, "ann")
    assert subject.startswith("FINAL WARNING")
    assert subject.endswith("tomorrow")


def test_an_extension_is_reminded_of_anew(lab: Any, clock: Any) -> None:
    member(lab, "ann", today() + timedelta(days=30))
    clock.pass_days(20)
    remind()
    member(lab, "ann", today() + timedelta(days=100))
    clock.pass_days(90)
    remind()
    assert len(subjects(lab, "ann")) == 2


def test_who_is_suspended_or_has_no_account_is_not_written_to(lab: Any, clock: Any) -> None:
    from holdfast.admin.members import add_member
    from holdfast.admin.users import create_user, suspend_user

    member(lab, "ann", today() + timedelta(days=100))
    create_user(lab.house.office("test"), "cron", "cron@example.org")
    add_member(lab.house.office("test"), "lab-o", "cron", Role.USER, until_us=end_of(today() + timedelta(days=100)))
    suspend_user(lab.house.office("test"), "ann")
    clock.pass_days(99)
    remind()
    assert lab.mails() == []


def test_a_guest_is_told_to_ask_whoever_invited_them(lab: Any, clock: Any) -> None:
    member(lab, "gus", today() + timedelta(days=100), Role.GUEST)
    clock.pass_days(90)
    remind()
    (mail,) = [mail for mail in lab.mails() if mail["To"] == "gus@example.org"]
    assert "ask whoever invited you" in mail.get_content()


def test_an_operators_access_to_data_is_not_reminded_of(lab: Any, clock: Any) -> None:
    from holdfast.admin.break_glass import open_break_glass

    open_break_glass(lab.house.office("test"), "lab-o", "olga", reason="A user asked for help.", minutes=60)
    clock.pass_days(2)
    remind()
    assert lab.mails() == []


def test_the_end_of_the_last_manager_is_told_to_operators_before_and_after(lab: Any, clock: Any) -> None:
    """One of two MANAGERs ends: nobody else is told. Then the other: the operators are, each time once."""
    from holdfast.admin.members import remove_member

    member(lab, "mary", today() + timedelta(days=100), Role.MANAGER)
    clock.pass_days(50)
    remind()
    assert subjects(lab, "olga") == []
    remove_member(lab.house.office("test"), "lab-o", "max")
    remind()
    remind()
    assert subjects(lab, "olga") == ["lab-o is about to lose its last MANAGER"]
    clock.pass_days(52)
    remind()
    remind()
    assert subjects(lab, "olga")[-1] == "lab-o has no MANAGER any more"
    assert len(subjects(lab, "olga")) == 2


def test_of_two_managers_who_end_on_the_same_day_operators_are_told_once(lab: Any, clock: Any) -> None:
    for name in ("mary", "max"):
        member(lab, name, today() + timedelta(days=100), Role.MANAGER)
    clock.pass_days(99)
    remind()
    assert subjects(lab, "olga") == ["lab-o is about to lose its last MANAGER"]


def test_who_decides_is_reminded_weekly_of_a_request_that_waits(lab: Any, clock: Any) -> None:
    lab.client(lab.person("ann")).post("/tenancies/lab-o/join/", {"role": "USER", "answer_purpose": "Ice."})
    told = []
    for _ in range(22):
        before = len(subjects(lab, "mary"))
        remind()
        told.append(len(subjects(lab, "mary")) - before)
        clock.pass_days(1)
    assert [day for day, count in enumerate(told) if count] == [7, 14, 21]
    assert subjects(lab, "mary")[1].startswith("Still waiting. ann asks to be USER of lab-o")


def test_a_decided_request_is_reminded_of_no_more(lab: Any, clock: Any) -> None:
    from holdfast.portal.joining.models import AccessRequest

    lab.client(lab.person("ann")).post("/tenancies/lab-o/join/", {"role": "USER", "answer_purpose": "Ice."})
    AccessRequest.objects.update(state="REJECTED")
    before = len(lab.mails())
    clock.pass_days(8)
    remind()
    assert len(lab.mails()) == before


def test_operators_are_reminded_where_nobody_decides(lab: Any, clock: Any) -> None:
    lab.tenancy("empty-o")
    lab.client(lab.person("ann")).post("/tenancies/empty-o/join/", {"role": "USER", "answer_purpose": "Ice."})
    clock.pass_days(8)
    remind()
    assert [subject for subject in subjects(lab, "olga") if "empty-o" in subject] == [
        "Nobody decides requests of empty-o",
        "Still waiting. Nobody decides requests of empty-o",
    ]


# Days


@given(day=dates(date(2020, 1, 1), date(2090, 12, 31)), months=integers(-200, 200))
def test_months_added_lead_to_that_month_and_never_past_its_end(day: date, months: int) -> None:
    from holdfast.portal.joining.days import add_months

    there = add_months(day, months)
    assert there.year * 12 + there.month == day.year * 12 + day.month + months
    assert there.day == day.day or (there.day < day.day and (there + timedelta(days=1)).day == 1)


@given(day=dates(date(1970, 1, 2), date(2200, 12, 31)))
def test_a_last_day_and_its_end_are_inverse(day: date) -> None:
    from holdfast.portal.joining.days import end_of, last_day_of

    assert last_day_of(end_of(day)) == day


@given(last_day=dates(date(2026, 1, 1), date(2030, 12, 31)), length=integers(0, 800), left=integers(0, 800))
def test_the_reminder_that_is_due_is_the_latest_one_that_the_access_is_long_enough_for(
    last_day: date, length: int, left: int
) -> None:
    from holdfast.portal.joining.reminders import STEPS, due_step

    began, now = last_day - timedelta(days=length), last_day - timedelta(days=left)
    due = due_step(last_day, began, now)
    begun = [step for step in STEPS if step.begins(last_day) <= now and began < step.begins(last_day)]
    assert due == (begun[-1] if begun else None)
