"""Discovering tenancies and asking to join: R1, hidden and absent tenancies, limits, and what nobody may slip in."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from holdfast.auth.roles import Role

SCRIPT = "<script>alert(1)</script>"


def face(town: Any, tenancy: str, **facts: Any) -> Any:
    from holdfast.admin.lookups import get_tenancy
    from holdfast.portal.joining.models import TenancyPage

    with town.house.catalog.read() as rows:
        tenancy_id = get_tenancy(rows, tenancy).tenancy_id
    made, _ = TenancyPage.objects.update_or_create(tenancy_id=tenancy_id, defaults=facts)
    return made


def ask(client: Client, tenancy: str, role: str = "USER", **answers: Any) -> Any:
    answers = answers or {"answer_purpose": "Sea ice."}
    return client.post(f"/tenancies/{tenancy}/join/", {"role": role, **answers})


def requests() -> Any:
    from holdfast.portal.joining.models import AccessRequest

    return AccessRequest.objects


@pytest.fixture
def lab(town: Any) -> Any:
    """A tenancy with a MANAGER, mary, and a DEPUTY, dave."""
    town.member("lab-o", "mary", Role.MANAGER)
    town.member("lab-o", "dave", Role.DEPUTY)
    return town


# Discovering


def test_services_lead_to_the_object_store_and_to_tenancies_with_their_managers(lab: Any) -> None:
    face(lab, "lab-o", summary="Ice and snow")
    client = lab.client(lab.person("ann"))
    assert 'href="/services/object-store/"' in client.get("/services/").content.decode()
    page = client.get("/services/object-store/").content.decode()
    assert "lab-o" in page
    assert "Ice and snow" in page
    assert "mary" in page
    assert 'href="/tenancies/lab-o/join/"' in page


def test_the_list_says_how_one_stands_to_each_tenancy(lab: Any, clock: Any) -> None:
    from holdfast.portal.joining.days import end_of, today

    ann = lab.person("ann")
    day_us = 86_400_000_000
    lab.member("user-o", "ann", Role.USER)
    lab.member("soon-o", "ann", Role.DEPUTY, until_us=end_of(today()) + 30 * day_us)
    lab.member("past-o", "ann", Role.USER, until_us=end_of(today()))
    client = lab.client(ann)
    ask(client, "lab-o")
    clock.pass_days(2)
    text = re.sub(r"\s+", " ", client.get("/services/object-store/").content.decode())
    for name, word in (("lab-o", "PENDING"), ("user-o", "USER"), ("soon-o", "EXPIRING"), ("past-o", "EXPIRED")):
        row = text.split(f">{name}</a>")[1].split("</tr>")[0]
        assert f"<span>{word}</span>" in row, name
    shown = client.get("/services/object-store/?show=mine").content.decode()
    assert "user-o" in shown
    assert "lab-o" not in shown


def test_searching_finds_by_a_part_of_the_name_or_of_the_summary(lab: Any) -> None:
    face(lab, "lab-o", summary="Glaciers")
    lab.tenancy("other-o")
    client = lab.client(lab.person("ann"))
    for query in ("LAB", "glac"):
        page = client.get(f"/services/object-store/?q={query}").content.decode()
        assert "lab-o" in page
        assert "other-o" not in page
    assert "No tenancy matches" in client.get("/services/object-store/?q=zebra").content.decode()


def test_a_hidden_tenancy_is_in_the_list_of_its_members_and_of_operators_alone(lab: Any) -> None:
    face(lab, "lab-o", hidden=True, summary="A secret")
    for person, sees in ((lab.person("ann"), False), (lab.person("mary"), True), (lab.operator(), True)):
        assert ("lab-o" in lab.client(person).get("/services/object-store/").content.decode()) is sees, person


def test_the_list_costs_the_same_queries_whatever_its_length(lab: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = lab.client(lab.person("ann"))
    counts = []
    for number in range(3):
        with CaptureQueriesContext(connection) as captured:
            client.get("/services/object-store/")
        counts.append(len(captured))
        for each in range(6):
            lab.member(f"more-{number}-{each}-o", f"boss-{number}-{each}", Role.MANAGER)
    assert len(set(counts)) == 1
    assert counts[0] <= 12


# Asking: R1


def test_a_request_waits_and_those_who_decide_are_mailed_the_answers_and_the_note(lab: Any) -> None:
    face(lab, "lab-o", approver_message="Ask for the project's number.")
    client = lab.client(lab.person("ann"))
    page = client.get("/tenancies/lab-o/").content.decode()
    assert "Request to join" in page
    assert "mary" in page
    answer = ask(client, "lab-o", answer_purpose="I model\nsea ice.")
    assert answer.status_code == 302
    page = client.get(answer["Location"]).content.decode()
    assert "PENDING" in page
    mails = {mail["To"]: mail for mail in lab.mails()}
    assert set(mails) == {"mary@example.org", "dave@example.org"}
    mail = mails["mary@example.org"]
    assert mail["Reply-To"] == "ann@example.org"
    text = mail.get_content()
    assert "I model\nsea ice." in text
    assert "Ask for the project's number." in text
    assert f"/tenancies/lab-o/requests/{requests().get().pk}/" in text
    assert "project's number" not in page


def test_a_request_for_deputy_goes_to_managers_alone(lab: Any) -> None:
    ask(lab.client(lab.person("ann")), "lab-o", "DEPUTY")
    assert {mail["To"] for mail in lab.mails()} == {"mary@example.org"}


def test_a_tenancy_without_anybody_who_decides_is_told_of_to_the_operators(lab: Any) -> None:
    lab.tenancy("empty-o")
    lab.operator()
    ask(lab.client(lab.person("ann")), "empty-o")
    (mail,) = lab.mails()
    assert mail["To"] == "olga@example.org"
    assert "Nobody decides requests of empty-o" in mail["Subject"]


def test_a_decider_who_is_suspended_decides_nothing_and_is_not_told(lab: Any) -> None:
    from holdfast.admin.users import suspend_user

    suspend_user(lab.house.office("test"), "mary")
    suspend_user(lab.house.office("test"), "dave")
    lab.operator()
    ask(lab.client(lab.person("ann")), "lab-o")
    assert {mail["To"] for mail in lab.mails()} == {"olga@example.org"}


def test_a_second_identical_request_is_refused_and_one_for_another_role_is_not(lab: Any) -> None:
    client = lab.client(lab.person("ann"))
    ask(client, "lab-o")
    again = ask(client, "lab-o")
    assert again.status_code == 400
    assert "You have asked to be USER already" in again.content.decode()
    assert requests().count() == 1
    assert ask(client, "lab-o", "DEPUTY").status_code == 302


def test_the_database_itself_allows_one_live_request_of_a_person_for_a_role(lab: Any) -> None:
    from django.db import IntegrityError, transaction

    from holdfast.portal.joining.models import AccessRequest

    for tenancy_id in ("some-id", ""):
        facts = {"tenancy_id": tenancy_id, "tenancy_name": "x-o", "applicant_id": "p", "role": "USER"}
        made = requests().create(**facts, asked_at="2026-01-01T00:00:00Z")
        with pytest.raises(IntegrityError), transaction.atomic():
            requests().create(**facts, asked_at="2026-01-01T00:00:00Z")
        made.state = AccessRequest.REJECTED
        made.save()
        requests().create(**facts, asked_at="2026-01-01T00:00:00Z")


def test_a_request_without_its_answers_is_not_taken_and_what_was_written_stays(lab: Any) -> None:
    face(
        lab,
        "lab-o",
        questions=[
            {"id": "q1", "label": "Project", "kind": "text", "help": "", "options": [], "required": True},
            {"id": "q2", "label": "Why", "kind": "paragraph", "help": "", "options": [], "required": True},
        ],
    )
    client = lab.client(lab.person("ann"))
    answer = ask(client, "lab-o", answer_q1="ICE-7", answer_q2="")
    assert answer.status_code == 400
    page = answer.content.decode()
    assert "There is a problem" in page
    assert 'value="ICE-7"' in page
    assert not requests().exists()


def test_a_withdrawn_request_waits_no_more_and_makes_room(lab: Any) -> None:
    client = lab.client(lab.person("ann"))
    ask(client, "lab-o")
    client.post("/tenancies/lab-o/join/withdraw/", {"request": requests().get().pk})
    assert requests().get().state == "WITHDRAWN"
    assert ask(client, "lab-o").status_code == 302


def test_nobody_withdraws_the_request_of_another(lab: Any) -> None:
    ask(lab.client(lab.person("ann")), "lab-o")
    number = requests().get().pk
    for person in ("bob", "mary"):
        lab.client(lab.person(person)).post("/tenancies/lab-o/join/withdraw/", {"request": number})
    for odd in ("", "x", "-1", "9" * 30, f"{number} "):
        lab.client(lab.person("ann")).post("/tenancies/lab-o/join/withdraw/", {"request": odd})
    assert requests().get().is_pending


def test_what_a_form_does_not_name_is_not_taken_from_it(lab: Any) -> None:
    ann, bob = lab.person("ann"), lab.person("bob")
    lab.tenancy("other-o")
    answer = lab.client(ann).post(
        "/tenancies/lab-o/join/",
        {
            "role": "USER",
            "answer_purpose": "x",
            "state": "APPROVED",
            "applicant_id": bob.principal_id,
            "applicant": bob.pk,
            "tenancy": "other-o",
            "tenancy_id": "other-o",
            "is_incomplete": "1",
            "decided_by": ann.principal_id,
        },
    )
    assert answer.status_code == 302
    made = requests().get()
    assert (made.state, made.applicant_id, made.tenancy_name) == ("PENDING", ann.principal_id, "lab-o")
    assert (made.is_incomplete, made.decided_by) == (False, "")
    for role in ("GUEST", "OPERATOR", "user", ""):
        assert ask(lab.client(bob), "lab-o", role).status_code == 400
    assert requests().count() == 1


def test_names_answers_and_descriptions_are_shown_as_text(lab: Any) -> None:
    lab.person("eve", full_name=SCRIPT)
    face(
        lab,
        "lab-o",
        summary=SCRIPT,
        description=f"{SCRIPT}\n\nSee https://example.org/?a=1&b=2 or javascript:alert(1)",
        questions=[{"id": "q1", "label": SCRIPT, "kind": "text", "help": SCRIPT, "options": [], "required": True}],
    )
    eve, mary = lab.client(lab.person("eve")), lab.client(lab.person("mary"))
    first = eve.get("/tenancies/lab-o/").content.decode()
    assert 'href="https://example.org/?a=1&amp;b=2"' in first
    assert 'href="javascript' not in first
    ask(eve, "lab-o", answer_q1=SCRIPT)
    number = requests().get().pk
    for client, path in (
        (eve, "/services/object-store/"),
        (eve, "/tenancies/lab-o/"),
        (eve, "/tenancies/lab-o/join/"),
        (mary, "/tenancies/lab-o/requests/"),
        (mary, f"/tenancies/lab-o/requests/{number}/"),
        (mary, "/tenancies/lab-o/settings/"),
        (mary, "/notices/"),
        (mary, "/tenancies/lab-o/activity/"),
    ):
        page = client.get(path)
        assert page.status_code == 200, path
        assert SCRIPT not in page.content.decode(), path


def test_a_name_with_a_line_break_makes_no_header_of_a_mail(lab: Any) -> None:
    lab.person("eve", full_name="Eve\r\nBcc: all@example.org")
    ask(lab.client(lab.person("eve")), "lab-o")
    for mail in lab.mails():
        assert mail["Bcc"] is None
        assert "Eve Bcc: all@example.org asks to be USER" in mail["Subject"]


# Members


def test_a_member_is_told_until_when_and_may_ask_to_extend_only_near_the_end(lab: Any, clock: Any) -> None:
    from holdfast.portal.joining.days import end_of, today

    lab.member("lab-o", "uma", Role.USER, until_us=end_of(today()) + 100 * 86_400_000_000)
    client = lab.client(lab.person("uma"))
    page = client.get("/tenancies/lab-o/join/").content.decode()
    assert "You are USER of lab-o until" in page
    assert "You can ask to extend that from" in page or "you can ask to extend that from" in page
    assert ask(client, "lab-o").status_code == 400
    clock.pass_days(36)
    assert ask(client, "lab-o").status_code == 302
    assert requests().get().role == "USER"


def test_a_member_may_ask_for_more_but_not_for_less(lab: Any) -> None:
    client = lab.client(lab.person("dave"))
    assert ask(client, "lab-o", "USER").status_code == 400
    assert ask(client, "lab-o", "DEPUTY").status_code == 400
    assert ask(client, "lab-o", "MANAGER").status_code == 302


def test_who_is_a_member_by_the_directory_asks_there(lab: Any) -> None:
    from holdfast.admin.members import add_member

    lab.person("lena")
    add_member(lab.house.office("sync", source="ldap"), "lab-o", "lena", Role.USER)
    client = lab.client(lab.person("lena"))
    page = client.get("/tenancies/lab-o/join/").content.decode()
    assert "comes from the site&#x27;s directory" in page
    assert ask(client, "lab-o", "DEPUTY").status_code == 400
    assert not requests().exists()


def test_the_form_holds_the_answers_that_were_given_before(lab: Any) -> None:
    client = lab.client(lab.person("ann"))
    ask(client, "lab-o", answer_purpose="Sea ice, since 1979.")
    client.post("/tenancies/lab-o/join/withdraw/", {"request": requests().get().pk})
    assert "Sea ice, since 1979.</textarea>" in client.get("/tenancies/lab-o/join/").content.decode()


# Hidden and absent tenancies


def _alike(answer: Any, name: str) -> tuple[int, str]:
    text = answer.content.decode().replace(name, "NAME")
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", text)
    text = re.sub(r'name="request" value="\d+"', "", text)
    text = re.sub(r"<time .*?</time>", "", text)
    return answer.status_code, text.replace(answer["X-Request-Id"], "")


def test_hidden_and_absent_tenancies_are_alike_through_the_whole_life_of_a_request(lab: Any) -> None:
    face(
        lab,
        "lab-o",
        hidden=True,
        summary="Hush",
        description="Hush",
        questions=[{"id": "q1", "label": "Hush", "kind": "text", "help": "", "options": [], "required": True}],
    )
    client = lab.client(lab.person("ann"))
    names = ("lab-o", "bal-o")

    def both(act: Any) -> list[Any]:
        answers = []
        for name in names:
            answers.append(act(name))
            client.get("/notices/")  # Takes the messages of what was sent, so that the next page shows its own alone.
        assert _alike(answers[0], names[0]) == _alike(answers[1], names[1])
        assert answers[0].get("Location", "").replace(names[0], "") == answers[1].get("Location", "").replace(
            names[1], ""
        )
        return answers

    both(lambda name: client.get(f"/tenancies/{name}/"))
    both(lambda name: client.get(f"/tenancies/{name}/members/"))
    both(lambda name: client.post(f"/tenancies/{name}/members/add/", {"user_name": "ann"}))
    both(lambda name: client.get(f"/tenancies/{name}/join/"))
    both(lambda name: client.post(f"/tenancies/{name}/join/", {"role": "USER"}))
    both(lambda name: ask(client, name))
    shown = both(lambda name: client.get(f"/tenancies/{name}/join/"))
    assert "PENDING" in shown[0].content.decode()
    assert "Hush" not in shown[0].content.decode()
    both(lambda name: ask(client, name))
    both(lambda name: ask(client, name, "MANAGER"))
    both(lambda name: client.get(f"/tenancies/{name}/join/"))
    page = client.get("/services/object-store/").content.decode()
    assert page.count(">lab-o</a>") == page.count(">bal-o</a>") == 2
    numbers = {each.tenancy_name: each.pk for each in requests().filter(role="USER")}
    both(lambda name: client.post(f"/tenancies/{name}/join/withdraw/", {"request": numbers[name]}))
    both(lambda name: client.get(f"/tenancies/{name}/join/"))


def test_a_request_to_a_hidden_tenancy_reaches_those_who_decide_from_the_worker_and_not_the_page(lab: Any) -> None:
    from holdfast.portal.joining.asking import tell_waiting

    face(lab, "lab-o", hidden=True)
    client = lab.client(lab.person("ann"))
    ask(client, "lab-o")
    ask(client, "bal-o")
    assert lab.mails() == []
    assert tell_waiting() == 1
    assert {mail["To"] for mail in lab.mails()} == {"mary@example.org", "dave@example.org"}
    assert tell_waiting() == 0


def test_who_was_answered_by_a_hidden_tenancy_sees_its_face(lab: Any) -> None:
    face(lab, "lab-o", hidden=True, summary="No more a secret")
    ann = lab.client(lab.person("ann"))
    ask(ann, "lab-o")
    lab.client(lab.person("mary")).post(
        f"/tenancies/lab-o/requests/{requests().get().pk}/", {"decision": "incomplete", "reason": "Which project?"}
    )
    page = ann.get("/tenancies/lab-o/join/").content.decode()
    assert "No more a secret" in page
    assert "Which project?" in page


def test_a_request_finds_a_tenancy_that_comes_to_be(lab: Any) -> None:
    from holdfast.portal.joining.asking import tell_waiting
    from holdfast.portal.joining.reconcile import reconcile

    ask(lab.client(lab.person("ann")), "new-o")
    lab.member("new-o", "nell", Role.MANAGER)
    assert reconcile() > 0
    tell_waiting()
    assert {mail["To"] for mail in lab.mails()} == {"nell@example.org"}
    page = lab.client(lab.person("nell")).get("/tenancies/new-o/requests/").content.decode()
    assert "ann" in page


def test_a_tenancy_of_a_used_name_does_not_inherit_requests(lab: Any) -> None:
    from holdfast.admin.tenancies import delete_tenancy
    from holdfast.portal.joining.reconcile import reconcile

    client = lab.client(lab.person("ann"))
    lab.tenancy("brief-o")
    ask(client, "brief-o", answer_purpose="For their eyes.")
    delete_tenancy(lab.house.office("test"), "brief-o")
    assert "PENDING" in client.get("/tenancies/brief-o/join/").content.decode()
    lab.member("brief-o", "nell", Role.MANAGER)
    reconcile()
    assert "For their eyes" not in lab.client(lab.person("nell")).get("/tenancies/brief-o/requests/").content.decode()


@pytest.mark.parametrize("name", ["UPPER-o", "a", "x_y-o", "a" * 64, "-a-o", "é-o", "a.b"])
def test_what_can_be_no_tenancys_name_is_no_page(lab: Any, name: str) -> None:
    client = lab.client(lab.person("ann"))
    assert client.get(f"/tenancies/{name}/").status_code == 404
    assert ask(client, name).status_code == 404
    assert client.post(f"/tenancies/{name}/join/withdraw/", {"request": "1"}).status_code == 404
    assert not requests().exists()


def test_requests_of_one_person_are_few_at_a_time_and_few_a_day(lab: Any, clock: Any) -> None:
    client = lab.client(lab.person("ann"))
    for number in range(10):
        assert ask(client, f"guess-{number}-o").status_code == 302
    for name in ("lab-o", "guess-99-o"):
        refused = ask(client, name)
        assert refused.status_code == 400
        assert "10 of your requests wait already" in refused.content.decode()
    for each in requests().all():
        client.post(f"/tenancies/{each.tenancy_name}/join/withdraw/", {"request": each.pk})
    for number in range(10, 20):
        assert ask(client, f"guess-{number}-o").status_code == 302
    for each in requests().filter(state="PENDING"):
        client.post(f"/tenancies/{each.tenancy_name}/join/withdraw/", {"request": each.pk})
    assert "try again tomorrow" in ask(client, "lab-o").content.decode()
    assert ask(lab.client(lab.person("bob")), "lab-o").status_code == 302
    clock.pass_days(1.01)
    assert ask(client, "lab-o").status_code == 302


def test_what_a_stranger_sends_to_a_members_page_is_refused_with_the_page_that_asks_to_join(lab: Any) -> None:
    client = lab.client(lab.person("ann"))
    answer = client.post("/tenancies/lab-o/members/person/dave/revoke/", {"reason": "x"})
    assert answer.status_code == 403
    assert "Request to join" in answer.content.decode()
    assert not requests().exists()


# Accepting at once


def test_a_tenancy_may_accept_users_at_once_but_never_deputies(lab: Any) -> None:
    from holdfast.portal.access import find_standing

    face(lab, "lab-o", auto_accept=True)
    ann = lab.person("ann")
    client = lab.client(ann)
    answer = ask(client, "lab-o")
    assert answer["Location"] == "/tenancies/lab-o/"
    standing = find_standing(ann, "lab-o")
    assert standing is not None
    assert standing.role is Role.USER
    assert standing.member is not None
    assert standing.member.until_us is not None
    assert ask(client, "lab-o", "DEPUTY")["Location"] == "/tenancies/lab-o/join/"
    standing = find_standing(ann, "lab-o")
    assert standing is not None
    assert standing.role is Role.USER


def test_a_hidden_tenancy_never_accepts_at_once(lab: Any) -> None:
    face(lab, "lab-o", auto_accept=True, hidden=True)
    ask(lab.client(lab.person("ann")), "lab-o")
    assert requests().get().is_pending


def test_each_request_is_in_the_audit_log_under_its_makers_name(lab: Any) -> None:
    from holdfast.catalog.rows import AUDIT

    ann = lab.person("ann")
    ask(lab.client(ann), "lab-o")
    ask(lab.client(ann), "bal-o")
    with lab.house.catalog.read() as rows:
        made = [row for row in rows.scan(AUDIT) if row.action == "request.make"]
    assert [(row.actor, row.subject) for row in made] == [
        (ann.principal_id, "lab-o/ann"),
        (ann.principal_id, "bal-o/ann"),
    ]
    assert made[0].tenancy_id
    assert not made[1].tenancy_id
