"""Asking for a tenancy: what is checked, who decides, and what is there at once when it is approved (journey M1)."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from holdfast.admin.audit import Sought, search_audit
from holdfast.admin.errors import AdminError, Refused, Taken
from holdfast.admin.lookups import get_tenancy
from holdfast.admin.tenancies import create_tenancy, list_tenancies
from holdfast.admin.users import remove_user, suspend_user
from holdfast.catalog.rows import MEMBERS
from holdfast.portal.house import use_house

PURPOSE = "Model output of the polar project, read by twelve people."
TB = 10**12


@pytest.fixture
def ann(town: Any) -> Any:
    return town.person("ann", full_name="Ann Archer")


@pytest.fixture
def olga(town: Any) -> Any:
    """An operator, on a site that can promise 100 TB."""
    site = replace(town.house.settings.site, capacity=100 * TB)
    town.house = replace(town.house, settings=replace(town.house.settings, site=site))
    use_house(town.house)
    return town.operator()


def form(**changes: Any) -> dict[str, Any]:
    from holdfast.portal.joining.days import today

    said = {
        "name": "polar-o",
        "purpose": PURPOSE,
        "limit_bytes": "10TB",
        "ends_on": (today() + timedelta(days=1000)).isoformat(),
        "deputies": "",
        "is_harmless": "on",
    }
    return {name: value for name, value in {**said, **changes}.items() if value is not None}


def decision(number: int, **changes: Any) -> dict[str, Any]:
    from holdfast.portal.tenancies.models import TenancyRequest

    found = TenancyRequest.objects.get(pk=number)
    said = {
        "version": found.version,
        "decision": "approve",
        "limit_bytes": f"{found.limit_bytes}B",
        "ends_on": found.ends_on.isoformat(),
        "reason": "",
    }
    return {**said, **changes}


def ask(town: Any, person: Any, **changes: Any) -> int:
    answer = town.client(person).post("/ask-for-a-tenancy/", form(**changes))
    assert answer.status_code == 302, answer.content.decode()
    return int(answer["Location"].rstrip("/").rpartition("/")[2])


def decide(town: Any, operator: Any, number: int, **changes: Any) -> Any:
    return town.client(operator).post(f"/operators/tenancy-requests/{number}/", decision(number, **changes))


def state(number: int) -> str:
    from holdfast.portal.tenancies.models import TenancyRequest

    return str(TenancyRequest.objects.get(pk=number).state)


def names(town: Any) -> list[str]:
    with town.house.catalog.read() as rows:
        return [tenancy.name for tenancy in list_tenancies(rows)]


def subjects(town: Any, to: str) -> list[str]:
    return [str(mail["Subject"]) for mail in town.mails() if to in str(mail["To"])]


def test_a_request_that_is_approved_is_a_tenancy_at_once(town: Any, ann: Any, olga: Any) -> None:
    town.person("dan")
    number = ask(town, ann, deputies="dan\nnobody-there")
    assert subjects(town, "olga@")[-1].endswith("Ann Archer asks for the tenancy polar-o")
    assert decide(town, olga, number).status_code == 302
    with town.house.catalog.read() as rows:
        tenancy = get_tenancy(rows, "polar-o")
        members = {row.user_id: row for row in rows.scan(MEMBERS, (tenancy.tenancy_id,))}
    assert (tenancy.limit_bytes, tenancy.state) == (10 * TB, "active")
    manager, deputy = members[ann.principal_id], members[town.person("dan").principal_id]
    assert (manager.role, manager.until_us, manager.source) == ("MANAGER", None, "portal")
    assert deputy.role == "DEPUTY"
    assert len(members) == 2
    assert state(number) == "PROVISIONED"
    assert town.client(ann).get("/tenancies/polar-o/").status_code == 200
    mail = next(mail for mail in town.mails() if "is there" in str(mail["Subject"]) and "ann@" in str(mail["To"]))
    text = mail.get_content()
    assert "http://polar-o.s3.localhost" in text
    assert "nobody-there" in text, "the requester learns which deputies nobody is"
    assert any("DEPUTY of polar-o" in subject for subject in subjects(town, "dan@"))


def test_the_audit_names_who_asked_and_who_decided(town: Any, ann: Any, olga: Any) -> None:
    number = ask(town, ann)
    decide(town, olga, number)
    with town.house.catalog.read() as rows:
        found = [(row.action, row.actor, row.subject) for row in search_audit(rows, Sought(), 100).rows]
    assert ("tenancy-request.send", ann.principal_id, "polar-o") in found
    for action, subject in (
        ("tenancy-request.approve", "polar-o"), ("tenancy.create", "polar-o"), ("member.add", "polar-o/ann"),
    ):  # fmt: skip
        assert (action, olga.principal_id, subject) in found


def test_the_summary_of_the_new_tenancy_is_the_first_line_of_its_purpose(town: Any, ann: Any, olga: Any) -> None:
    from holdfast.portal.joining.models import TenancyPage

    decide(town, olga, ask(town, ann, purpose="Polar model output\n\nand more that only operators read."))
    with town.house.catalog.read() as rows:
        tenancy_id = get_tenancy(rows, "polar-o").tenancy_id
    assert TenancyPage.objects.get(tenancy_id=tenancy_id).summary == "Polar model output"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "Polar_O"}, "part of a host name"),
        ({"name": "ab"}, "part of a host name"),
        ({"name": "-polar-o"}, "part of a host name"),
        ({"name": "xn--polar-o"}, "part of a host name"),
        ({"name": "taken-o"}, "taken"),
        ({"name": None}, "required"),
        ({"purpose": "data"}, "at least 20"),
        ({"purpose": None}, "required"),
        ({"limit_bytes": "ten"}, "Write a size"),
        ({"limit_bytes": ""}, "required"),
        ({"limit_bytes": "0"}, "ask for some"),
        ({"limit_bytes": "-5TB"}, "Write a size"),
        ({"limit_bytes": "99999999999EB"}, "Write a size"),
        ({"ends_on": "2020-01-01"}, "to come"),
        ({"ends_on": "2199-01-01"}, "within 10 years"),
        ({"ends_on": "soon"}, "valid date"),
        ({"deputies": "Not A;Name!"}, "no user name"),
        ({"deputies": "ann"}, "MANAGER"),
        ({"deputies": " ".join(f"p{number}" for number in range(11))}, "At most 10"),
        ({"is_harmless": None}, "Tick this"),
    ],
)
def test_what_can_not_be_asked_for_is_said_at_its_field(
    town: Any, ann: Any, changes: dict[str, Any], words: str
) -> None:
    from holdfast.portal.tenancies.models import TenancyRequest

    town.tenancy("taken-o")
    answer = town.client(ann).post("/ask-for-a-tenancy/", form(**changes))
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert not TenancyRequest.objects.exists()


def test_a_form_names_its_fields_and_nothing_else_of_it_counts(town: Any, ann: Any, olga: Any) -> None:
    from holdfast.portal.tenancies.models import TenancyRequest

    number = ask(
        town, ann, state="PROVISIONED", requester_id=olga.principal_id, tenancy_id="x" * 32, version="9", decided_by="x"
    )
    found = TenancyRequest.objects.get(pk=number)
    assert (found.state, found.requester_id, found.tenancy_id, found.version, found.decided_by) == (
        "REQUESTED", ann.principal_id, "", 1, "",
    )  # fmt: skip


def test_the_same_request_is_not_sent_twice(town: Any, ann: Any) -> None:
    ask(town, ann)
    answer = town.client(ann).post("/ask-for-a-tenancy/", form())
    assert answer.status_code == 400
    assert "already" in answer.content.decode()


def test_one_person_sends_only_so_many(town: Any, ann: Any) -> None:
    from holdfast.portal.tenancies.asking import A_DAY_MAX, WAITING_MAX

    for number in range(WAITING_MAX):
        ask(town, ann, name=f"polar{number}-o")
    answer = town.client(ann).post("/ask-for-a-tenancy/", form(name="polar-more-o"))
    assert "wait already" in answer.content.decode()
    client = town.client(ann)
    for number in range(WAITING_MAX, A_DAY_MAX):
        from holdfast.portal.tenancies.models import TenancyRequest

        waiting = TenancyRequest.objects.filter(state="REQUESTED").first()
        client.post(f"/ask-for-a-tenancy/{waiting.pk}/withdraw/")
        ask(town, ann, name=f"polar{number}-o")
    client.post(f"/ask-for-a-tenancy/{waiting.pk + 1}/withdraw/")
    answer = client.post("/ask-for-a-tenancy/", form(name="one-more-o"))
    assert "within a day" in answer.content.decode()


# --- Names ---


def look(town: Any, person: Any, name: str) -> Any:
    return town.client(person).get("/ask-for-a-tenancy/name/", {"value": name})


def test_a_name_is_checked_while_it_is_typed(town: Any, ann: Any) -> None:
    town.tenancy("taken-o")
    assert look(town, ann, "free-o").json() == {"ok": True, "message": "This name is free."}
    assert look(town, ann, "free").json() == {"ok": True, "message": "This name is free. Most names here end in -o."}
    assert look(town, ann, "taken-o").json()["ok"] is False
    assert look(town, ann, "No!").json()["ok"] is False
    assert look(town, ann, "").json()["ok"] is False


def test_a_hidden_tenancy_gives_away_no_more_than_that_its_name_is_taken(town: Any, ann: Any) -> None:
    from tests.portal.samples import hide

    town.tenancy("open-o")
    town.tenancy("secret-o")
    hide(town, "secret-o")
    assert look(town, ann, "secret-o").json() == look(town, ann, "open-o").json()
    for near in ("secret", "secret-p", "ecret-o", "secret-oo", "secretly-o"):
        answer = look(town, ann, near)
        assert answer.json()["ok"] is True
        assert b"secret-o" not in answer.content
    page = town.client(ann).post("/ask-for-a-tenancy/", form(name="secret-o"))
    other = town.client(ann).post("/ask-for-a-tenancy/", form(name="open-o"))
    assert _shape(page, "secret-o") == _shape(other, "open-o")


def _shape(answer: Any, name: str) -> str:
    text = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", answer.content.decode())
    return text.replace(answer["X-Request-Id"], "").replace(name, "NAME")


def test_nobody_walks_through_a_dictionary_of_names(town: Any, ann: Any) -> None:
    from holdfast.portal.tenancies.asking_names import LOOKS_A_MINUTE_MAX

    now_us = town.house.now_us()
    use_house(replace(town.house, now_us=lambda: now_us))
    client = town.client(ann)
    answers = [
        client.get("/ask-for-a-tenancy/name/", {"value": f"a{number}-o"}) for number in range(LOOKS_A_MINUTE_MAX)
    ]
    assert {answer.status_code for answer in answers} == {200}
    assert client.get("/ask-for-a-tenancy/name/", {"value": "one-more-o"}).status_code == 429
    assert look(town, town.person("ben"), "one-more-o").status_code == 200


def test_the_portals_own_host_name_is_taken(town: Any, ann: Any) -> None:
    settings = replace(town.house.settings, domain="example.org", portal_url="https://portal.example.org")
    use_house(replace(town.house, settings=settings))
    assert look(town, ann, "portal").json()["ok"] is False


# --- Deciding ---


def test_a_rejection_needs_a_reason_which_reaches_the_requester_who_may_send_it_again(
    town: Any, ann: Any, olga: Any
) -> None:
    number = ask(town, ann)
    assert decide(town, olga, number, decision="reject").status_code == 400
    assert state(number) == "REQUESTED"
    assert decide(town, olga, number, decision="reject", reason="Say which data.").status_code == 302
    assert state(number) == "REJECTED"
    page = town.client(ann).get(f"/ask-for-a-tenancy/{number}/").content.decode()
    assert "Say which data." in page
    assert any("rejected" in subject for subject in subjects(town, "ann@"))
    again = town.client(ann).post(f"/ask-for-a-tenancy/{number}/", form(name="polar-data-o", limit_bytes="5TB"))
    assert again.status_code == 302
    page = town.client(olga).get(f"/operators/tenancy-requests/{number}/").content.decode()
    assert "Say which data." in page, "what was said before is kept"
    assert "polar-o, 10 TB" in page, "and so is what was asked for before"
    assert decide(town, olga, number).status_code == 302
    assert names(town) == ["polar-data-o"]


def test_of_two_operators_at_once_the_second_is_told(town: Any, ann: Any, olga: Any) -> None:
    number = ask(town, ann)
    late = decision(number, decision="reject", reason="No.")
    decide(town, olga, number)
    answer = town.client(town.operator("otto")).post(f"/operators/tenancy-requests/{number}/", late)
    assert answer.status_code == 409
    assert "already decided by olga: it is PROVISIONED" in answer.content.decode()
    assert state(number) == "PROVISIONED"
    assert names(town) == ["polar-o"]


def test_of_many_operators_in_one_moment_one_decides(town: Any, ann: Any, olga: Any) -> None:
    from holdfast.portal.tenancies.asking_review import approve, reject
    from holdfast.portal.tenancies.models import RequestEvent, TenancyRequest

    number = ask(town, ann)
    found = TenancyRequest.objects.get(pk=number)
    acts: list[Callable[[Any], Any]] = [
        lambda operator: approve(operator, number, 1, limit_bytes=TB, ends_on=found.ends_on),
        lambda operator: reject(operator, number, 1, "No."),
    ]
    outcomes: list[str] = []
    barrier = threading.Barrier(6)

    def run(index: int, operator: Any) -> None:
        from django.db import connection

        barrier.wait()
        try:
            acts[index % 2](operator)
            outcomes.append("done")
        except AdminError as error:
            outcomes.append(type(error).__name__)
        finally:
            connection.close()

    threads = [
        threading.Thread(target=run, args=(index, operator))
        for index, operator in enumerate([town.operator(f"op{index}") for index in range(6)])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["AlreadyDecided"] * 5 + ["done"]
    decided = RequestEvent.objects.filter(kind__in=("approved", "rejected")).count()
    assert decided == 1
    assert len(names(town)) == (state(number) == "PROVISIONED")


def test_a_request_that_was_changed_since_it_was_read_is_read_again(town: Any, ann: Any, olga: Any) -> None:
    number = ask(town, ann)
    stale = decision(number)
    decide(town, olga, number, decision="reject", reason="Ask for more.")
    town.client(ann).post(f"/ask-for-a-tenancy/{number}/", form(limit_bytes="90TB"))
    answer = town.client(olga).post(f"/operators/tenancy-requests/{number}/", stale)
    assert answer.status_code == 409
    assert "read it again" in answer.content.decode()
    assert state(number) == "REQUESTED"


def test_a_pending_request_reserves_no_name(town: Any, ann: Any, olga: Any) -> None:
    first, second = ask(town, ann), ask(town, town.person("ben"))
    decide(town, olga, first)
    page = town.client(olga).get(f"/operators/tenancy-requests/{second}/").content.decode()
    assert "belongs to another tenancy by now" in page
    answer = decide(town, olga, second)
    assert answer.status_code == 400
    assert "taken by now" in answer.content.decode()
    assert state(second) == "REQUESTED"
    decide(town, olga, second, decision="reject", reason="Choose another name, please.")
    taken = town.client(town.person("ben")).post(f"/ask-for-a-tenancy/{second}/", form())
    assert taken.status_code == 400
    assert "taken" in taken.content.decode()
    assert town.client(town.person("ben")).post(f"/ask-for-a-tenancy/{second}/", form(name="ben-o")).status_code == 302


def test_more_than_there_is_is_promised_only_on_purpose(town: Any, ann: Any, olga: Any) -> None:
    town.tenancy("big-o", limit_bytes=95 * TB)
    number = ask(town, ann)
    page = town.client(olga).get(f"/operators/tenancy-requests/{number}/").content.decode()
    assert "105 TB (105 %)" in page
    assert "more than there is" in page
    answer = decide(town, olga, number)
    assert answer.status_code == 400
    assert "Promise more than there is" in answer.content.decode()
    assert names(town) == ["big-o"]
    assert decide(town, olga, number, promises_more="on").status_code == 302
    assert names(town) == ["big-o", "polar-o"]


def test_promises_on_their_way_count_too(town: Any, ann: Any, olga: Any) -> None:
    from holdfast.portal.tenancies.asking_review import weigh
    from holdfast.portal.tenancies.models import TenancyRequest

    ask(town, ann)
    TenancyRequest.objects.update(state="APPROVED", tenancy_id="f" * 32)
    with town.house.catalog.read() as rows:
        assert weigh(rows, TB).would_be == 11 * TB


def test_an_operator_may_give_less_and_for_a_shorter_time(town: Any, ann: Any, olga: Any) -> None:
    from holdfast.portal.joining.days import today
    from holdfast.portal.tenancies.models import TenancyTerm

    number = ask(town, ann)
    until = today() + timedelta(days=30)
    decide(town, olga, number, limit_bytes="2TB", ends_on=until.isoformat(), reason="To begin with.")
    with town.house.catalog.read() as rows:
        tenancy = get_tenancy(rows, "polar-o")
    assert tenancy.limit_bytes == 2 * TB
    assert TenancyTerm.objects.get(tenancy_id=tenancy.tenancy_id).ends_on == until


@pytest.mark.parametrize("end", [suspend_user, remove_user])
def test_nothing_is_made_for_somebody_who_is_suspended_or_gone(town: Any, ann: Any, olga: Any, end: Any) -> None:
    number = ask(town, ann)
    end(town.house.office("test"), "ann")
    answer = decide(town, olga, number)
    assert answer.status_code == 400
    assert "nobody would answer" in answer.content.decode()
    assert names(town) == []


# --- What a crash or a race leaves ---


def approved(town: Any, ann: Any, olga: Any) -> Any:
    """A request that was approved by a process which died before it made anything."""
    from holdfast.portal.tenancies.models import TenancyRequest

    number = ask(town, ann)
    TenancyRequest.objects.filter(pk=number).update(state="APPROVED", tenancy_id="e" * 32, decided_by=olga.principal_id)
    return TenancyRequest.objects.get(pk=number)


def test_what_was_approved_and_not_made_is_made_by_the_worker(town: Any, ann: Any, olga: Any) -> None:
    from holdfast.portal.tenancies.asking_review import provision_waiting

    request = approved(town, ann, olga)
    assert provision_waiting() == 1
    assert provision_waiting() == 0
    assert state(request.pk) == "PROVISIONED"
    with town.house.catalog.read() as rows:
        assert get_tenancy(rows, "polar-o").tenancy_id == "e" * 32


def test_a_crash_after_the_tenancy_was_made_makes_no_second_one(town: Any, ann: Any, olga: Any) -> None:
    from holdfast.portal.tenancies.asking_review import provision_waiting

    request = approved(town, ann, olga)
    create_tenancy(town.house.office("x"), "polar-o", limit_bytes=10 * TB, tenancy_id=request.tenancy_id)
    assert provision_waiting() == 1
    assert names(town) == ["polar-o"]
    with town.house.catalog.read() as rows:
        members = rows.scan(MEMBERS, (request.tenancy_id,))
    assert [row.role for row in members] == ["MANAGER"]


def test_a_name_that_went_to_somebody_else_in_between_is_asked_for_anew(town: Any, ann: Any, olga: Any) -> None:
    from holdfast.portal.tenancies.asking_review import provision, provision_waiting

    request = approved(town, ann, olga)
    create_tenancy(town.house.office("x"), "polar-o")
    with pytest.raises(Taken):
        provision(request.pk)
    assert state(request.pk) == "REJECTED"
    assert provision_waiting() == 0
    page = town.client(ann).get(f"/ask-for-a-tenancy/{request.pk}/").content.decode()
    assert "Please choose another one" in page
    assert town.client(ann).get("/tenancies/polar-o/quota/").status_code == 200
    with town.house.catalog.read() as rows:
        assert not rows.scan(MEMBERS, (get_tenancy(rows, "polar-o").tenancy_id,)), "nobody got into the other one"


def test_who_was_removed_meanwhile_gets_no_tenancy(town: Any, ann: Any, olga: Any) -> None:
    from holdfast.portal.tenancies.asking_review import provision

    request = approved(town, ann, olga)
    remove_user(town.house.office("x"), "ann")
    with pytest.raises(Refused):
        provision(request.pk)
    assert state(request.pk) == "REJECTED"
    assert names(town) == []


# --- Whose requests are whose ---


def test_a_request_is_its_makers_and_operators_and_nobody_elses(town: Any, ann: Any, olga: Any) -> None:
    number = ask(town, ann)
    ben = town.client(town.person("ben"))
    for path in ("", "withdraw/", "comment/"):
        for method in (ben.get, ben.post):
            answer = method(f"/ask-for-a-tenancy/{number}/{path}")
            absent = method(f"/ask-for-a-tenancy/{number + 1000}/{path}")
            assert answer.status_code == absent.status_code
            assert answer.status_code in (404, 405)
            assert b"polar-o" not in answer.content
    assert state(number) == "REQUESTED"
    assert "polar-o" not in ben.get("/ask-for-a-tenancy/").content.decode()
    for client in (ben, town.client(ann)):
        assert client.get(f"/operators/tenancy-requests/{number}/").status_code == 403
        assert client.post(f"/operators/tenancy-requests/{number}/", decision(number)).status_code == 403
        assert client.post(f"/operators/tenancy-requests/{number}/comment/", {"text": "x"}).status_code == 403
    assert state(number) == "REQUESTED"


def test_a_request_is_withdrawn_by_its_maker_until_it_is_approved(town: Any, ann: Any, olga: Any) -> None:
    client = town.client(ann)
    number = ask(town, ann)
    for _ in range(2):
        assert client.post(f"/ask-for-a-tenancy/{number}/withdraw/").status_code == 302
    assert state(number) == "WITHDRAWN"
    assert decide(town, olga, number).status_code == 409
    assert client.post(f"/ask-for-a-tenancy/{number}/", form()).status_code == 400, "what is withdrawn stays so"
    second = ask(town, ann)
    decide(town, olga, second)
    assert client.post(f"/ask-for-a-tenancy/{second}/withdraw/").status_code == 400
    assert state(second) == "PROVISIONED"


def test_only_a_rejected_request_is_sent_again(town: Any, ann: Any) -> None:
    number = ask(town, ann)
    assert town.client(ann).post(f"/ask-for-a-tenancy/{number}/", form(limit_bytes="99TB")).status_code == 400
    from holdfast.portal.tenancies.models import TenancyRequest

    assert TenancyRequest.objects.get(pk=number).limit_bytes == 10 * TB


def test_requester_and_operators_talk_and_each_is_told_of_the_other(town: Any, ann: Any, olga: Any) -> None:
    number = ask(town, ann)
    town.client(olga).post(f"/operators/tenancy-requests/{number}/comment/", {"text": "How many files?"})
    assert subjects(town, "ann@")[-1].endswith("olga wrote about the request for polar-o")
    town.client(ann).post(f"/ask-for-a-tenancy/{number}/comment/", {"text": "A million."})
    assert subjects(town, "olga@")[-1].endswith("Ann Archer wrote about the request for polar-o")
    for page in (
        town.client(ann).get(f"/ask-for-a-tenancy/{number}/"),
        town.client(olga).get(f"/operators/tenancy-requests/{number}/"),
    ):
        assert "How many files?" in page.content.decode()
        assert "A million." in page.content.decode()


def test_comments_have_an_end(town: Any, ann: Any) -> None:
    from holdfast.portal.tenancies.asking import COMMENTS_A_DAY_MAX

    number = ask(town, ann)
    client = town.client(ann)
    for _ in range(COMMENTS_A_DAY_MAX):
        assert client.post(f"/ask-for-a-tenancy/{number}/comment/", {"text": "hello"}).status_code == 302
    assert client.post(f"/ask-for-a-tenancy/{number}/comment/", {"text": "hello"}).status_code == 400
    assert client.post(f"/ask-for-a-tenancy/{number}/comment/", {"text": " "}).status_code == 400


def test_nothing_that_people_write_is_more_than_text(town: Any, olga: Any) -> None:
    evil = "<script>alert(1)</script>" * 2
    person = town.person("eve", full_name=evil)
    number = ask(town, person, purpose=evil)
    town.client(person).post(f"/ask-for-a-tenancy/{number}/comment/", {"text": evil})
    decide(town, olga, number, decision="reject", reason=evil)
    for client, path in (
        (town.client(person), f"/ask-for-a-tenancy/{number}/"), (town.client(person), "/ask-for-a-tenancy/"),
        (town.client(olga), f"/operators/tenancy-requests/{number}/"),
        (town.client(olga), "/operators/tenancy-requests/?show=decided"),
    ):  # fmt: skip
        page = client.get(path).content.decode()
        assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_the_list_is_paged_and_takes_a_bounded_number_of_queries(
    town: Any, olga: Any, django_assert_max: Callable[[int], Any]
) -> None:
    from holdfast.portal.joining.days import now, today
    from holdfast.portal.tenancies.models import TenancyRequest

    people = [town.person(f"p{number}") for number in range(5)]
    TenancyRequest.objects.bulk_create(
        TenancyRequest(
            requester_id=people[number % 5].principal_id, name=f"t{number}-o", purpose=PURPOSE, limit_bytes=TB,
            ends_on=today(), asked_at=now(),
        )
        for number in range(120)
    )  # fmt: skip
    client = town.client(olga)
    with django_assert_max(20):
        page = client.get("/operators/tenancy-requests/?page=2").content.decode()
    assert page.count("/operators/tenancy-requests/") > 50
    assert "51 to 100 of 120" in page
    assert client.get("/operators/tenancy-requests/?page=3").content.decode().count("t11") > 5


@pytest.fixture
def django_assert_max() -> Any:
    from contextlib import contextmanager

    @contextmanager
    def at_most(count: int) -> Any:
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        with CaptureQueriesContext(connection) as captured:
            yield
        assert len(captured) <= count, [query["sql"] for query in captured]

    return at_most


def test_an_operator_decides_their_own_request_only_where_they_are_alone(town: Any, olga: Any) -> None:
    oscar = town.operator("oscar")
    number = ask(town, olga)
    for answer in (decide(town, olga, number), decide(town, olga, number, decision="reject", reason="no")):
        assert answer.status_code == 400
        assert "another operator decides it (oscar)" in answer.content.decode()
    assert state(number) == "REQUESTED"
    # One who can't log in decides nothing.
    suspend_user(town.house.office("test"), "oscar")
    assert decide(town, olga, number).status_code == 302
    assert state(number) == "PROVISIONED"
    with town.house.catalog.read() as rows:
        (row,) = search_audit(rows, Sought(action="tenancy-request.approve"), 5).rows
    assert json.loads(row.detail)["is_own_request"] is True
    assert oscar.is_operator
