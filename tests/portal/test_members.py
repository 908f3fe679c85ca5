"""The members' pages: who sees whom, and what each may do to whom (M3); the last MANAGER; the directory's people."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from holdfast.auth.roles import Role

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def lab(town: Any) -> Any:
    """A tenancy with a member of each role, and an operator."""
    for name, role in (("mary", Role.MANAGER), ("max", Role.MANAGER), ("dave", Role.DEPUTY), ("uma", Role.USER)):
        town.member("lab-o", name, role)
    town.member("lab-o", "gus", Role.GUEST, until_us=town.house.now_us() + 90 * 86_400_000_000)
    town.operator()
    return town


def client(town: Any, name: str) -> Any:
    return town.client(town.person(name))


def standing(town: Any, name: str, tenancy: str = "lab-o") -> Any:
    from holdfast.portal.access import find_standing

    return find_standing(town.person(name), tenancy)


def role(town: Any, name: str) -> str:
    found = standing(town, name)
    return found.role.value if found is not None and not found.is_operator else ""


def last_day(town: Any, name: str) -> date | None:
    from holdfast.portal.joining.days import last_day_of

    until_us = standing(town, name).member.until_us
    return last_day_of(until_us) if until_us is not None else None


def today() -> date:
    from holdfast.portal.joining.days import today

    return today()


def page(town: Any, name: str, rest: str = "") -> str:
    return str(client(town, name).get(f"/tenancies/lab-o/members/{rest}").content.decode())


def post(town: Any, name: str, rest: str, **given: Any) -> Any:
    return client(town, name).post(f"/tenancies/lab-o/members/{rest}", given)


def revoke(town: Any, by: str, whom: str, reason: str = "The project has ended.") -> Any:
    return post(town, by, f"person/{whom}/revoke/", reason=reason)


# Who sees whom


def test_members_see_names_and_roles_and_those_who_decide_see_ends_too(lab: Any) -> None:
    seen = page(lab, "uma")
    for name in ("mary", "dave", "uma", "gus"):
        assert f">{name}" in seen
    assert "Last day" not in seen
    assert "Extend selected" not in seen
    assert 'href="person/dave/"' not in seen
    for name in ("dave", "mary", "olga"):
        assert "Last day" in page(lab, name), name


def test_a_guest_sees_those_who_decide_and_themselves(lab: Any) -> None:
    seen = page(lab, "gus")
    assert [name for name in ("mary", "max", "dave", "uma", "gus") if f">{name}" in seen] == [
        "mary",
        "max",
        "dave",
        "gus",
    ]


def test_the_list_is_filtered_by_name_role_and_status(lab: Any, clock: Any) -> None:
    lab.member("lab-o", "soon", Role.USER, until_us=lab.house.now_us() + 30 * 86_400_000_000)
    lab.member("lab-o", "past", Role.USER, until_us=lab.house.now_us() + 86_400_000_000)
    lab.member("lab-o", "away", Role.USER)
    revoke(lab, "mary", "away")
    clock.pass_days(2)
    names = ("mary", "max", "dave", "uma", "gus", "soon", "past", "away")

    def shown(query: str) -> list[str]:
        text = page(lab, "dave", query)
        return [name for name in names if f'href="person/{name}/"' in text]

    assert shown("") == list(names)
    assert shown("?role=MANAGER") == ["mary", "max"]
    assert shown("?role=guest") == ["gus"]
    assert shown("?status=EXPIRED") == ["past"]
    assert shown("?status=EXPIRING") == ["soon"]
    assert shown("?status=REVOKED") == ["away"]
    assert shown("?q=MA") == ["mary", "max", "uma"]
    assert shown("?q=ma&role=USER") == ["uma"]
    assert shown("?q=zebra") == []
    assert "No member matches" in page(lab, "dave", "?q=zebra")
    assert "past" not in page(lab, "uma")


def test_names_and_reasons_are_shown_as_text(lab: Any) -> None:
    lab.person("eve", full_name=SCRIPT)
    lab.member("lab-o", "eve", Role.USER)
    assert SCRIPT not in page(lab, "mary")
    assert SCRIPT not in page(lab, "mary", "person/eve/revoke/")
    revoke(lab, "mary", "eve", SCRIPT)
    for path in ("", "person/eve/", "?q=<script>alert(1)</script>"):
        assert SCRIPT not in page(lab, "mary", path), path
    for path in ("/notices/", "/tenancies/lab-o/join/"):
        assert SCRIPT not in client(lab, "eve").get(path).content.decode(), path


def test_two_thousand_members_are_listed_fifty_a_page_in_few_queries_and_little_time(lab: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from holdfast.catalog.rows import MEMBERS, USERS, MemberRow, UserRow
    from holdfast.portal.people.models import Person

    here = standing(lab, "mary").tenancy.tenancy_id
    ids = [f"{number:032x}" for number in range(1, 2001)]
    rows = [(UserRow(i, f"user{n}", "", "active", f"user{n}", 1), MemberRow(here, i, "USER", None, "", "portal", 1)) for n, i in enumerate(ids)]  # fmt: skip

    def add(transaction: Any) -> None:
        for user, member in rows:
            transaction.add(USERS, user)
            transaction.add(MEMBERS, member)

    assert lab.house.catalog.commit([add])[0].error is None
    # Every other one has an account.
    Person.objects.bulk_create(
        Person(principal_id=user.user_id, name=user.name, full_name=f"Person {user.name}", password="!")
        for user, _ in rows[::2]
    )
    mary = client(lab, "mary")
    mary.get("/tenancies/lab-o/members/")
    with CaptureQueriesContext(connection) as captured:
        text = mary.get("/tenancies/lab-o/members/?page=41").content.decode()
    assert "2,001 to 2,005 of 2,005" in text
    assert len(captured) <= 10


# Adding


def test_somebody_is_made_deputy_by_user_name(lab: Any) -> None:
    lab.person("ann")
    answer = post(lab, "mary", "add/", user_name="ann", role="DEPUTY", lasts="2y")
    assert answer.status_code == 302
    assert role(lab, "ann") == "DEPUTY"
    (mail,) = [mail for mail in lab.mails() if mail["To"] == "ann@example.org"]
    assert "mary has made you DEPUTY of lab-o" in mail.get_content()


@pytest.mark.parametrize(
    ("by", "given", "status"),
    [
        ("dave", "USER", 302),
        ("dave", "DEPUTY", 400),
        ("dave", "MANAGER", 400),
        ("mary", "MANAGER", 302),
        ("mary", "GUEST", 400),
        ("mary", "OPERATOR", 400),
        ("olga", "MANAGER", 302),
        ("uma", "USER", 403),
        ("gus", "USER", 403),
    ],
)
def test_who_may_make_whom_what_is_said_by_the_role_table(lab: Any, by: str, given: str, status: int) -> None:
    lab.person("ann")
    assert post(lab, by, "add/", user_name="ann", role=given, lasts="1y").status_code == status
    assert role(lab, "ann") == (given if status == 302 else "")


def test_a_user_without_an_account_is_added_too(lab: Any) -> None:
    from holdfast.admin.users import create_user

    create_user(lab.house.office("test"), "cron", "")
    assert post(lab, "mary", "add/", user_name="cron", role="USER", lasts="1y").status_code == 302
    assert "cron" in page(lab, "mary")


def test_an_unknown_name_is_said_so_without_suggesting_anybody_elses(lab: Any) -> None:
    lab.person("zacharias")
    text = post(lab, "mary", "add/", user_name="zachariax", role="USER", lasts="1y").content.decode()
    assert "Nobody has this name" in text
    assert "Write the user name, not the e-mail address." in text
    assert "zacharias" not in text


def test_who_is_a_member_already_is_not_added_again(lab: Any) -> None:
    answer = post(lab, "mary", "add/", user_name="dave", role="USER", lasts="1y")
    assert answer.status_code == 400
    assert role(lab, "dave") == "DEPUTY"


def test_nobody_adds_themselves(lab: Any) -> None:
    answer = post(lab, "olga", "add/", user_name="olga", role="MANAGER", lasts="1y")
    assert answer.status_code == 400
    assert "Nobody decides about themselves" in answer.content.decode()
    assert standing(lab, "olga").is_operator


# Changing and extending


def test_a_role_is_changed_and_the_history_tells_of_both(lab: Any) -> None:
    post(lab, "mary", "person/uma/change/", role="DEPUTY", lasts="1y")
    post(lab, "max", "person/uma/change/", role="USER", lasts="6m")
    assert role(lab, "uma") == "USER"
    text = page(lab, "mary", "person/uma/")
    assert "Became DEPUTY" in text
    assert "Is from then on USER" in text
    assert "max" in text


@pytest.mark.parametrize(
    ("by", "whom", "status"),
    [
        ("dave", "uma", 302),
        ("dave", "mary", 400),
        ("dave", "dave", 400),
        ("mary", "dave", 302),
        ("mary", "max", 302),
        ("mary", "mary", 400),
        ("uma", "gus", 403),
        ("olga", "mary", 302),
    ],
)
def test_who_may_change_whom_is_said_by_the_role_table(lab: Any, by: str, whom: str, status: int) -> None:
    before = role(lab, whom)
    answer = post(lab, by, f"person/{whom}/change/", role="USER", lasts="1y")
    assert answer.status_code == status
    assert role(lab, whom) == ("USER" if status == 302 else before)
    shown = page(lab, by, f"person/{whom}/")
    assert ("Revoke…" in shown) is (status == 302 and by != whom)


def test_a_form_that_names_another_tenancy_or_person_changes_neither(lab: Any) -> None:
    lab.member("other-o", "zoe", Role.USER)
    post(
        lab, "mary", "person/uma/change/", role="USER", lasts="1y", tenancy="other-o", member="zoe", user_name="zoe",
        principal_id=lab.person("zoe").principal_id, ends_on="2099-01-01", until_us="1", buckets="{}",
    )  # fmt: skip
    assert role(lab, "zoe") == ""
    assert standing(lab, "zoe", "other-o").member.until_us is None
    for path in ("", "change/", "revoke/", "buckets/"):
        assert client(lab, "mary").get(f"/tenancies/lab-o/members/person/zoe/{path}").status_code == 404
        assert post(lab, "mary", f"person/zoe/{path}", role="USER", lasts="1y", reason="x").status_code in (404, 405)
    assert standing(lab, "zoe", "other-o").role is Role.USER


def test_many_are_extended_at_once_each_in_their_own_role(lab: Any) -> None:
    from holdfast.portal.joining.days import add_months, end_of

    soon = end_of(today() + timedelta(days=20))
    lab.member("lab-o", "ann", Role.USER, until_us=soon)
    lab.member("lab-o", "bea", Role.DEPUTY, until_us=soon)
    lab.member("other-o", "zoe", Role.USER, until_us=soon)
    mary = client(lab, "mary")
    form = mary.get("/tenancies/lab-o/members/extend/?member=ann&member=bea&member=zoe").content.decode()
    assert "2 members" in form
    assert "zoe" not in form
    given = {"member": ["ann", "bea", "zoe", "nobody", "uma", "mary", "gus"], "lasts": "1y"}
    text = mary.post("/tenancies/lab-o/members/extend/", given, follow=True).content.decode()
    assert role(lab, "ann") == "USER"
    assert role(lab, "bea") == "DEPUTY"
    assert last_day(lab, "ann") == last_day(lab, "bea") == last_day(lab, "gus") == add_months(today(), 12)
    assert last_day(lab, "uma") is None
    assert "uma was left as they are" in text
    assert standing(lab, "zoe", "other-o").member.until_us == soon
    assert role(lab, "gus") == "GUEST"


def test_a_bulk_extension_shortens_nobodys_access(lab: Any) -> None:
    from holdfast.portal.joining.days import add_months, end_of

    far = add_months(today(), 24)
    lab.member("lab-o", "ann", Role.USER, until_us=end_of(far))
    post(lab, "mary", "extend/", member=["ann"], lasts="6m")
    assert last_day(lab, "ann") == far


def test_none_ticked_leads_back_to_the_list(lab: Any) -> None:
    for act in ("extend", "message"):
        answer = client(lab, "mary").get(f"/tenancies/lab-o/members/{act}/", follow=True)
        assert "Tick the members first." in answer.content.decode()


# Revoking: M3, R11


def test_a_revoked_member_is_cut_off_told_why_and_their_tokens_are_refused(lab: Any) -> None:
    from holdfast.admin.access_keys import create_access_key, list_access_keys

    house = lab.house
    made = create_access_key(house.office("test"), house.keyring, house.settings.limits, "lab-o", "uma")
    asked = page(lab, "dave", "person/uma/revoke/")
    assert "Revoke the access of uma?" in asked
    assert "refused at once" in asked
    answer = client(lab, "dave").post(
        "/tenancies/lab-o/members/person/uma/revoke/", {"reason": "The project has ended."}, follow=True
    )
    assert "uma is no longer a member" in answer.content.decode()
    assert standing(lab, "uma") is None
    with house.catalog.read() as rows:
        states = {key.row.access_key_id: key.row.state for key in list_access_keys(rows, house.now_us())}
    assert states[made.row.access_key_id] == "revoked"
    (mail,) = [mail for mail in lab.mails() if mail["To"] == "uma@example.org"]
    assert "The project has ended." in mail.get_content()
    assert "dave" in mail.get_content()
    text = page(lab, "mary", "person/uma/")
    assert "REVOKED" in text
    assert "The project has ended." in text


def test_a_reason_is_compulsory(lab: Any) -> None:
    for reason in ("", "  "):
        assert revoke(lab, "mary", "uma", reason).status_code == 400
    assert role(lab, "uma") == "USER"


def test_revoking_twice_says_that_it_is_done(lab: Any) -> None:
    revoke(lab, "mary", "uma")
    again = client(lab, "mary").post("/tenancies/lab-o/members/person/uma/revoke/", {"reason": "x"}, follow=True)
    assert "uma is no longer a member" in again.content.decode()
    from holdfast.portal.joining.models import Grant

    assert Grant.objects.get(principal_id=lab.person("uma").principal_id).revoked_reason == "The project has ended."


def test_the_reason_and_who_it_was_stand_in_the_audit_log(lab: Any) -> None:
    import json

    from holdfast.catalog.rows import AUDIT

    revoke(lab, "mary", "uma")
    with lab.house.catalog.read() as rows:
        (row,) = [row for row in rows.scan(AUDIT) if row.action == "member.remove"]
    assert row.actor == lab.person("mary").principal_id
    assert json.loads(row.detail)["reason"] == "The project has ended."


def test_who_was_revoked_may_ask_again_and_be_let_in_again(lab: Any) -> None:
    revoke(lab, "mary", "uma")
    text = client(lab, "uma").get("/tenancies/lab-o/join/").content.decode()
    assert "Access was revoked" in text
    assert "Request to join" in text
    assert "Let in again" in page(lab, "mary", "person/uma/")
    assert post(lab, "mary", "person/uma/change/", role="USER", lasts="1y").status_code == 302
    assert role(lab, "uma") == "USER"


def test_the_last_manager_can_be_neither_removed_nor_demoted(lab: Any) -> None:
    revoke(lab, "mary", "max")
    refused = revoke(lab, "olga", "mary")
    assert refused.status_code == 400
    assert "without a MANAGER: make somebody else MANAGER first." in refused.content.decode()
    assert "holdfast" not in refused.content.decode().split("without a MANAGER")[1][:80]
    changed = post(lab, "olga", "person/mary/change/", role="USER", lasts="1y")
    assert changed.status_code == 400
    assert role(lab, "mary") == "MANAGER"
    from holdfast.portal.joining.models import Grant

    assert not Grant.objects.filter(principal_id=lab.person("mary").principal_id).exclude(revoked_at=None).exists()


def test_two_managers_who_revoke_each_other_at_once_leave_one(lab: Any) -> None:
    import threading

    from django.db import connection

    from holdfast.admin.errors import AdminError
    from holdfast.portal.joining.granting import revoke as revoke_now
    from holdfast.portal.joining.roster import get_found

    start = threading.Barrier(2)
    refused = []

    def act(by: str, whom: str) -> None:
        try:
            here = standing(lab, by)
            found = get_found(here, whom)
            start.wait()
            revoke_now(here, found.user, "You or me.")
        except AdminError as error:
            refused.append(str(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=act, args=each) for each in (("mary", "max"), ("max", "mary"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(refused) == 1
    assert sorted((role(lab, "mary"), role(lab, "max"))) == ["", "MANAGER"]


# Of the command line, of the directory, of operators


def test_members_of_the_command_line_are_shown_and_changed_here(lab: Any) -> None:
    from dataclasses import replace

    from holdfast.admin.members import add_member

    lab.person("cleo")
    add_member(replace(lab.house.office("root"), source="cli"), "lab-o", "cleo", Role.USER)
    text = page(lab, "mary", "person/cleo/")
    assert "command line" in text
    post(lab, "mary", "person/cleo/change/", role="DEPUTY", lasts="1y")
    found = standing(lab, "cleo")
    assert (found.role, found.member.source) == (Role.DEPUTY, "portal")


def test_members_of_the_directory_are_shown_and_changed_there(lab: Any) -> None:
    from holdfast.admin.members import add_member

    lab.person("lena")
    add_member(lab.house.office("sync", source="ldap"), "lab-o", "lena", Role.USER)
    text = page(lab, "mary", "person/lena/")
    assert "comes from the site&#x27;s directory" in text
    assert "Revoke…" not in text
    assert revoke(lab, "mary", "lena").status_code == 400
    assert post(lab, "mary", "person/lena/change/", role="DEPUTY", lasts="1y").status_code == 400
    text = client(lab, "mary").post(
        "/tenancies/lab-o/members/extend/", {"member": ["lena"], "lasts": "1y"}, follow=True
    ).content.decode()  # fmt: skip
    assert role(lab, "lena") == "USER"
    assert standing(lab, "lena").member.source == "ldap"


def test_an_operator_who_broke_the_glass_is_seen_and_not_changed_here(lab: Any) -> None:
    from holdfast.admin.break_glass import open_break_glass

    open_break_glass(lab.house.office("test"), "lab-o", "olga", reason="A user asked for help with it.", minutes=60)
    text = page(lab, "mary")
    assert "operator&#x27;s access" in text
    assert "ends by itself" in page(lab, "mary", "person/olga/")
    assert revoke(lab, "mary", "olga").status_code == 400


# Messages


def test_a_message_goes_to_the_members_that_were_ticked_and_answers_to_who_wrote_it(lab: Any) -> None:
    lab.member("other-o", "zoe", Role.USER)
    mary = client(lab, "mary")
    form = mary.get("/tenancies/lab-o/members/message/?member=uma&member=dave&member=zoe").content.decode()
    assert "2 members" in form
    given = {"member": ["uma", "dave", "zoe"], "subject": "Quota", "text": "We are nearly full.\nPlease tidy up."}
    text = mary.post("/tenancies/lab-o/members/message/", given, follow=True).content.decode()
    assert "Sent to 2 people." in text
    mails = lab.mails()
    assert {mail["To"] for mail in mails} == {"uma@example.org", "dave@example.org"}
    assert all(mail["Reply-To"] == "mary@example.org" for mail in mails)
    assert all("We are nearly full.\nPlease tidy up." in mail.get_content() for mail in mails)
    assert post(lab, "uma", "message/", **given).status_code == 403


def test_messages_have_a_pace(lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from holdfast.portal.joining.member_pages import MESSAGES_AN_HOUR_MAX

    monkeypatch.setattr("holdfast.portal.pace.house", lambda: SimpleNamespace(now_us=lambda: 3600_000_000))
    given = {"member": ["uma", "dave"], "subject": "Quota", "text": "We are nearly full."}
    said = [post(lab, "mary", "message/", **given).status_code for _ in range(MESSAGES_AN_HOUR_MAX + 2)]
    assert said == [302] * MESSAGES_AN_HOUR_MAX + [429, 429]
    assert len(lab.mails()) == 2 * MESSAGES_AN_HOUR_MAX


def test_a_message_without_words_is_not_sent(lab: Any) -> None:
    assert post(lab, "mary", "message/", member=["uma"], subject="", text="x").status_code == 400
    assert lab.mails() == []


def test_managers_are_told_whom_an_operator_makes_a_member_or_removes(lab: Any) -> None:
    from holdfast.portal.notices.models import Notice

    def told(name: str) -> list[str]:
        return list(
            Notice.objects.filter(person=lab.person(name), kind="operator_acted").values_list("subject", flat=True)
        )

    lab.person("ann")
    assert post(lab, "olga", "add/", user_name="ann", role="USER", lasts="1y").status_code == 302
    assert post(lab, "olga", "person/uma/revoke/", reason="Asked for.").status_code == 302
    for manager in ("mary", "max"):
        assert set(told(manager)) == {
            "An operator made ann USER in lab-o",
            "An operator ended the membership of uma (USER) in lab-o",
        }
    assert told("dave") == []
    # What members do among themselves is not told there.
    assert post(lab, "max", "person/ann/revoke/", reason="Asked for.").status_code == 302
    assert len(told("mary")) == 2
