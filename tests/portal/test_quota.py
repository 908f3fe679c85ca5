"""A tenancy's quota: what is shown to whom, asking for another one, limits of buckets, and the mails of a full tenancy."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.portal.test_asking import django_assert_max  # noqa: F401

from holdfast.admin.audit import Sought, search_audit
from holdfast.admin.errors import AdminError
from holdfast.admin.lookups import get_tenancy
from holdfast.admin.quotas import set_tenancy_quota
from holdfast.admin.tenancies import close_tenancy, delete_tenancy, suspend_tenancy
from holdfast.auth.roles import Role
from holdfast.catalog.rows import BUCKETS, TENANCIES, BucketRow
from holdfast.portal.house import use_house
from holdfast.store import quotas

TB = 10**12


@pytest.fixture
def mary(town: Any) -> Any:
    """The MANAGER of a tenancy of 10 TB on a site of 100 TB, which has a deputy, a user and a guest besides."""
    site = replace(town.house.settings.site, capacity=100 * TB)
    town.house = replace(town.house, settings=replace(town.house.settings, site=site))
    use_house(town.house)
    town.tenancy("a-o", limit_bytes=10 * TB)
    town.member("a-o", "dan", Role.DEPUTY)
    town.member("a-o", "uma")
    town.operator()
    return town.member("a-o", "mary", Role.MANAGER)


def tenancy(town: Any, name: str = "a-o") -> Any:
    with town.house.catalog.read() as rows:
        return get_tenancy(rows, name)


def bucket(town: Any, name: str, owner: str, size_bytes: int = 0, objects: int = 1, upload_bytes: int = 0) -> BucketRow:
    row = BucketRow(
        tenancy(town).tenancy_id, name, f"id-{name}", town.person(owner).principal_id, 1, "", "", "", "", None, None
    )

    def add(rows: Any) -> None:
        rows.add(BUCKETS, row)
        hold(rows, row, size_bytes, objects, upload_bytes)

    assert town.house.catalog.commit([add])[0].error is None
    return row


def hold(rows: Any, row: BucketRow, size_bytes: int, objects: int = 0, upload_bytes: int = 0) -> None:
    delta = quotas.Delta(size_bytes, objects, upload_bytes, 1 if upload_bytes else 0)
    quotas.apply(rows, rows.find(TENANCIES, (row.tenancy_id,)), row, delta)


def page(town: Any, name: str, path: str = "quota/") -> str:
    return str(town.client(town.person(name)).get(f"/tenancies/a-o/{path}").content.decode())


# --- What is shown ---


def test_the_page_shows_what_is_used_by_state_and_by_bucket(town: Any, mary: Any) -> None:
    bucket(town, "cmip6", "uma", 3 * TB, 7, upload_bytes=TB)
    bucket(town, "scratch", "mary", TB)
    shown = page(town, "mary")
    assert "<strong>5 TB</strong> of 10 TB used" in shown
    assert shown.index("cmip6") < shown.index("scratch"), "the fullest first"
    for words in ("Unfinished uploads", "Reserved", "4 TB", "1 TB"):
        assert words in shown


def test_who_sees_which_buckets_and_totals(town: Any, mary: Any) -> None:
    bucket(town, "cmip6", "uma", 3 * TB)
    bucket(town, "marys", "mary", TB)
    town.member("a-o", "gus", Role.GUEST, until_us=town.house.now_us() + 10**12, buckets={"marys": "read"})
    for name, seen, unseen in (
        ("dan", ("cmip6", "marys", "4 TB"), ()), ("uma", ("cmip6", "4 TB"), ("marys",)),
        ("olga", ("cmip6", "marys", "4 TB"), ()), ("gus", ("marys",), ("cmip6", "4 TB", "10 TB")),
    ):  # fmt: skip
        shown = page(town, name)
        assert [word for word in seen if word not in shown] == [], name
        assert [word for word in unseen if word in shown] == [], name


def test_a_full_tenancy_says_what_still_works(town: Any, mary: Any) -> None:
    bucket(town, "cmip6", "uma", 10 * TB)
    shown = page(town, "uma")
    assert "Full: nothing that needs more room can be written" in shown
    assert "deletes of every kind" in shown


def test_a_tenancy_without_a_limit_is_never_full(town: Any, mary: Any) -> None:
    set_tenancy_quota(town.house.office("x"), "a-o", None)
    bucket(town, "cmip6", "uma", 10 * TB)
    assert "there is no limit" in page(town, "mary")


def test_a_thousand_buckets_cost_a_bounded_number_of_queries(
    town: Any,
    mary: Any,
    django_assert_max: Callable[[int], Any],  # noqa: F811
) -> None:
    rows = [
        BucketRow(
            tenancy(town).tenancy_id, f"b{number:04}", f"id{number}", mary.principal_id, 1, "", "", "", "", None, None
        )
        for number in range(1000)
    ]
    assert town.house.catalog.commit([lambda tx: [tx.add(BUCKETS, row) for row in rows]])[0].error is None
    client = town.client(mary)
    for path in ("quota/", "quota/?page=7", "quota/buckets/", "quota/buckets/?page=20"):
        with django_assert_max(16):
            shown = client.get(f"/tenancies/a-o/{path}").content.decode()
        assert 50 <= shown.count(">b0") <= 60
    assert "b0999" in shown


# --- Asking for another one ---


def ask(town: Any, name: str = "mary", **changes: Any) -> Any:
    said = {"limit_bytes": "20TB", "reason": "More data are coming.", "ends_on": ""}
    return town.client(town.person(name)).post("/tenancies/a-o/quota/ask/", {**said, **changes})


def waiting() -> Any:
    from holdfast.portal.tenancies.models import QuotaRequest

    return QuotaRequest.objects.get(state="REQUESTED")


def decide(town: Any, number: int, operator: str = "olga", **changes: Any) -> Any:
    said = {"decision": "approve", "limit_bytes": "20TB", "ends_on": "", "answer": ""}
    return town.client(town.operator(operator)).post(f"/operators/quota-requests/{number}/", {**said, **changes})


def test_another_quota_is_asked_for_approved_and_holds_at_once(town: Any, mary: Any) -> None:
    assert ask(town).status_code == 302
    request = waiting()
    mail = town.mails()[-1]
    assert "olga@" in str(mail["To"])
    assert "20 TB in the place of 10 TB" in mail.get_content()
    shown = town.client(town.operator()).get(f"/operators/quota-requests/{request.pk}/").content.decode()
    assert "More data are coming." in shown
    assert decide(town, request.pk, answer="As you wish.").status_code == 302
    assert tenancy(town).limit_bytes == 20 * TB
    history = page(town, "dan")
    for words in ("20 TB in the place of 10 TB", "APPROVED", "As you wish.", "by olga"):
        assert words in history
    assert {str(mail["To"]) for mail in town.mails() if "new quota" in str(mail["Subject"])} == {
        "mary@example.org", "dan@example.org",
    }  # fmt: skip
    with town.house.catalog.read() as rows:
        found = [(row.action, row.actor) for row in search_audit(rows, Sought(text="a-o"), 50).rows]
    olga = town.person("olga").principal_id
    assert ("quota-request.send", mary.principal_id) in found
    assert ("quota-request.approve", olga) in found
    assert ("tenancy.set-quota", olga) in found


def test_the_history_is_for_those_who_decide(town: Any, mary: Any) -> None:
    ask(town)
    assert "20 TB in the place of" in page(town, "dan")
    for name in ("uma",):
        assert "20 TB in the place of" not in page(town, name)


def test_only_managers_ask(town: Any, mary: Any) -> None:
    for name in ("dan", "uma"):
        assert ask(town, name).status_code == 403
        assert town.client(town.person(name)).get("/tenancies/a-o/quota/buckets/").status_code == 403
    from holdfast.portal.tenancies.models import QuotaRequest

    assert not QuotaRequest.objects.exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"limit_bytes": "10TB"}, "has already"),
        ({"limit_bytes": ""}, "required"),
        ({"limit_bytes": "0"}, "some room"),
        ({"limit_bytes": "many"}, "Write a size"),
        ({"reason": ""}, "required"),
        ({"ends_on": "2020-01-01"}, "to come"),
    ],
)
def test_what_can_not_be_asked_for_is_said(town: Any, mary: Any, changes: dict[str, Any], words: str) -> None:
    answer = ask(town, **changes)
    assert answer.status_code == 400
    assert words in answer.content.decode()


def test_one_request_of_a_tenancy_waits_at_a_time_and_can_be_taken_back(town: Any, mary: Any) -> None:
    ask(town)
    second = ask(town, limit_bytes="30TB")
    assert second.status_code == 400
    assert "waits for a decision already" in second.content.decode()
    number = waiting().pk
    client = town.client(mary)
    assert client.post(f"/tenancies/a-o/quota/requests/{number}/withdraw/").status_code == 302
    again = client.post(f"/tenancies/a-o/quota/requests/{number}/withdraw/")
    assert again.status_code == 409
    assert "already decided by mary" in again.content.decode()
    assert ask(town, limit_bytes="30TB").status_code == 302


def test_a_request_of_another_tenancy_is_not_there(town: Any, mary: Any) -> None:
    ask(town)
    town.member("b-o", "bob", Role.MANAGER)
    answer = town.client(town.person("bob")).post(f"/tenancies/b-o/quota/requests/{waiting().pk}/withdraw/")
    assert answer.status_code == 404
    assert waiting().state == "REQUESTED"


def test_a_form_names_its_fields(town: Any, mary: Any) -> None:
    town.tenancy("b-o")
    ask(town, tenancy_id=tenancy(town, "b-o").tenancy_id, state="APPROVED", requester_id="x", answer="yes")
    request = waiting()
    assert (request.tenancy_id, request.requester_id, request.answer) == (
        tenancy(town).tenancy_id, mary.principal_id, "",
    )  # fmt: skip


def test_a_rejection_needs_a_reason_which_the_managers_read(town: Any, mary: Any) -> None:
    ask(town)
    number = waiting().pk
    assert decide(town, number, decision="reject").status_code == 400
    assert decide(town, number, decision="reject", answer="Use the tape.", limit_bytes="").status_code == 302
    assert tenancy(town).limit_bytes == 10 * TB
    assert "Use the tape." in page(town, "mary")


def test_of_many_operators_one_decides_and_the_others_are_told(town: Any, mary: Any) -> None:
    from holdfast.portal.tenancies.quota import approve_quota, reject_quota

    ask(town)
    number = waiting().pk
    operators = [town.operator(f"op{index}") for index in range(6)]
    outcomes: list[str] = []
    barrier = threading.Barrier(6)

    def run(index: int) -> None:
        from django.db import connection

        barrier.wait()
        try:
            if index % 2:
                reject_quota(operators[index], number, "No.")
            else:
                approve_quota(operators[index], number, limit_bytes=20 * TB)
            outcomes.append("done")
        except AdminError as error:
            outcomes.append(type(error).__name__)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(index,)) for index in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["QuotaAlreadyDecided"] * 5 + ["done"]
    from holdfast.portal.tenancies.models import QuotaRequest

    state = QuotaRequest.objects.get(pk=number).state
    assert (tenancy(town).limit_bytes == 20 * TB) is (state == "APPROVED")
    late = decide(town, number)
    assert late.status_code == 409
    assert "Nothing was changed" in late.content.decode()


def test_more_than_there_is_is_promised_only_on_purpose(town: Any, mary: Any) -> None:
    town.tenancy("big-o", limit_bytes=85 * TB)
    ask(town)
    number = waiting().pk
    answer = decide(town, number)
    assert answer.status_code == 400
    assert "105 TB would be promised of 100 TB" in answer.content.decode()
    assert decide(town, number, promises_more="on").status_code == 302
    assert tenancy(town).limit_bytes == 20 * TB


def test_less_may_always_be_promised(town: Any, mary: Any) -> None:
    town.tenancy("big-o", limit_bytes=200 * TB)
    ask(town, limit_bytes="5TB")
    assert decide(town, waiting().pk, limit_bytes="5TB").status_code == 302


def test_a_later_end_is_asked_for_and_given(town: Any, mary: Any) -> None:
    from holdfast.portal.joining.days import today
    from holdfast.portal.tenancies.models import TenancyTerm

    until = today() + timedelta(days=400)
    ask(town, limit_bytes="10TB", ends_on=until.isoformat())
    assert waiting().ends_on == until
    decide(town, waiting().pk, limit_bytes="10TB", ends_on=until.isoformat())
    assert TenancyTerm.objects.get(tenancy_id=tenancy(town).tenancy_id).ends_on == until
    assert f"Granted until {until.day} {until:%B %Y}" in page(town, "uma")


@pytest.mark.parametrize("change", [suspend_tenancy, close_tenancy])
def test_a_tenancy_that_is_not_open_gets_no_other_quota(town: Any, mary: Any, change: Any) -> None:
    change(town.house.office("x"), "a-o", "why")
    answer = ask(town)
    assert answer.status_code == 400
    assert "ask the operators" in answer.content.decode()


def test_a_request_of_a_tenancy_that_is_gone_can_be_looked_at_and_not_decided(town: Any, mary: Any) -> None:
    ask(town)
    number = waiting().pk
    delete_tenancy(town.house.office("x"), "a-o")
    shown = town.client(town.operator()).get(f"/operators/quota-requests/{number}/")
    assert shown.status_code == 200
    assert "a tenancy that is gone" in shown.content.decode()
    assert decide(town, number).status_code == 400
    assert "a tenancy that is gone" in town.client(town.operator()).get("/operators/tenancy-requests/").content.decode()
    from holdfast.portal.tenancies.quota import withdraw_of_gone

    assert [withdraw_of_gone(), withdraw_of_gone()] == [1, 0]
    decided = town.client(town.operator()).get("/operators/tenancy-requests/?show=decided").content.decode()
    assert "WITHDRAWN" in decided


def test_operators_see_how_much_waits_for_them(town: Any, mary: Any) -> None:
    from holdfast.portal.joining.days import today
    from holdfast.portal.tenancies.asking import Wanted
    from holdfast.portal.tenancies.asking import ask as ask_for_tenancy
    from holdfast.portal.tenancies.review_queue import waiting_count

    client = town.client(town.operator())
    assert waiting_count() == 0
    ask(town)
    ask_for_tenancy(mary, Wanted("new-o", "more data", TB, today() + timedelta(days=9)))
    assert waiting_count() == 2
    assert '<a href="/operators/tenancy-requests/">2</a>' in client.get("/operators/").content.decode()


def test_only_operators_decide(town: Any, mary: Any) -> None:
    ask(town)
    number = waiting().pk
    for name in ("mary", "dan", "uma"):
        client = town.client(town.person(name))
        assert client.get(f"/operators/quota-requests/{number}/").status_code == 403
        said = {"decision": "approve", "limit_bytes": "20TB"}
        assert client.post(f"/operators/quota-requests/{number}/", said).status_code == 403
    assert tenancy(town).limit_bytes == 10 * TB


def test_nothing_that_people_write_is_more_than_text(town: Any, mary: Any) -> None:
    evil = "<script>alert(1)</script>"
    ask(town, reason=evil)
    number = waiting().pk
    decide(town, number, decision="reject", answer=evil)
    for client, path in (
        (town.client(mary), "/tenancies/a-o/quota/"),
        (town.client(town.operator()), f"/operators/quota-requests/{number}/"),
    ):
        shown = client.get(path).content.decode()
        assert "<script>alert" not in shown
        assert "&lt;script&gt;" in shown


# --- Limits of buckets ---


def cap(town: Any, name: str, person: str = "mary", **said: Any) -> Any:
    return town.client(town.person(person)).post(f"/tenancies/a-o/quota/buckets/{name}/", said)


def test_a_manager_limits_a_bucket(town: Any, mary: Any) -> None:
    bucket(town, "scratch", "uma", 3 * TB)
    path = "/tenancies/a-o/quota/buckets/scratch/"
    shown = town.client(mary).post(path, {"limit_bytes": "1TB", "limit_objects": "5"}, follow=True).content.decode()
    assert "holds 3 TB already" in shown
    assert "300 %" in shown
    with town.house.catalog.read() as rows:
        row = rows.find(BUCKETS, (tenancy(town).tenancy_id, "scratch"))
    assert (row.limit_bytes, row.limit_objects) == (TB, 5)
    unchanged = town.client(mary).get("/tenancies/a-o/quota/buckets/scratch/").content.decode()
    assert 'value="1TB"' in unchanged
    cap(town, "scratch", limit_bytes="", limit_objects="")
    with town.house.catalog.read() as rows:
        row = rows.find(BUCKETS, (tenancy(town).tenancy_id, "scratch"))
        found = list(search_audit(rows, Sought(action="bucket.set-quota"), 9).rows)
    assert (row.limit_bytes, row.limit_objects) == (None, None)
    assert [each.actor for each in found] == [mary.principal_id] * 2


def test_limits_of_buckets_are_checked(town: Any, mary: Any) -> None:
    bucket(town, "scratch", "uma")
    for said in ({"limit_bytes": "much"}, {"limit_objects": "-1"}, {"limit_objects": "x"}):
        assert cap(town, "scratch", **said).status_code == 400
    assert cap(town, "absent", limit_bytes="1TB").status_code == 404
    for name in ("dan", "uma"):
        assert cap(town, "scratch", name, limit_bytes="1TB").status_code == 403


# --- Mails of a tenancy that fills up ---


def fill(town: Any, percent: float) -> list[str]:
    """Bring the tenancy to this share of its quota, let the worker look, and return the subjects of new mails."""
    from holdfast.portal.tenancies.quota_marks import watch_quotas

    def change(rows: Any) -> None:
        row = rows.find(BUCKETS, (tenancy(town).tenancy_id, "data"))
        used = quotas.get_usage(rows, row.bucket_id).live_bytes
        hold(rows, row, int(percent * TB / 10) - used)

    before = len(town.mails())
    assert town.house.catalog.commit([change])[0].error is None
    watch_quotas()
    assert watch_quotas() == 0, "nothing is told twice"
    return [
        f"{mail['To']}: {mail['Subject']}".split("@")[0] + " " + str(mail["Subject"]) for mail in town.mails()[before:]
    ]


def test_nobody_is_told_that_a_tenancy_is_full_while_it_is_not(town: Any, mary: Any) -> None:
    bucket(town, "data", "uma", 0)
    assert [line.endswith("a-o is 90 % full") for line in fill(town, 99.9)] == [True, True]
    assert [line.endswith("a-o is full") for line in fill(town, 100)] == [True, True]


def test_managers_and_deputies_are_told_at_80_90_and_100_percent_once_each(town: Any, mary: Any) -> None:
    bucket(town, "data", "uma", 0)
    assert fill(town, 79.4) == []
    told = fill(town, 80)
    assert len(told) == 2
    assert {line.split()[0] for line in told} == {"mary", "dan"}
    assert all(line.endswith("a-o is 80 % full") for line in told)
    assert fill(town, 85) == []
    assert all(line.endswith("90 % full") for line in fill(town, 91))
    full = fill(town, 100)
    assert len(full) == 2
    assert all(line.endswith("a-o is full") for line in full)
    text = town.mails()[-1].get_content()
    assert "deletes of every kind" in text
    assert "403 QuotaExceeded" in text
    assert "/tenancies/a-o/quota/" in text


def test_who_jumps_over_marks_is_told_once(town: Any, mary: Any) -> None:
    bucket(town, "data", "uma", 0)
    assert [line.endswith("is full") for line in fill(town, 100)] == [True, True]


def test_going_up_and_down_around_a_mark_tells_nothing_and_falling_well_below_it_does_again(
    town: Any, mary: Any
) -> None:
    bucket(town, "data", "uma", 0)
    assert len(fill(town, 80)) == 2
    for percent in (79, 81, 76, 82):
        assert fill(town, percent) == []
    assert fill(town, 74) == []
    assert len(fill(town, 80)) == 2
    assert len(fill(town, 91)) == 2
    assert fill(town, 83) == [], "what was told at 80 stands"
    assert len(fill(town, 90)) == 2


def test_a_larger_quota_clears_the_marks_and_a_smaller_one_tells(town: Any, mary: Any) -> None:
    from holdfast.portal.tenancies.models import QuotaMark

    bucket(town, "data", "uma", 0)
    fill(town, 91)
    set_tenancy_quota(town.house.office("x"), "a-o", 100 * TB)
    assert fill(town, 91) == []
    assert not QuotaMark.objects.exists()
    set_tenancy_quota(town.house.office("x"), "a-o", 10 * TB)
    assert len(fill(town, 91)) == 2


def test_the_count_of_objects_fills_a_tenancy_too(town: Any, mary: Any) -> None:
    from holdfast.portal.tenancies.quota_marks import watch_quotas

    set_tenancy_quota(town.house.office("x"), "a-o", 10 * TB, 10)
    bucket(town, "data", "uma", 5, objects=9)
    assert watch_quotas() == 1
    assert "9 objects of 10: 90 %" in town.mails()[-1].get_content()


def test_marks_of_a_tenancy_that_is_gone_go(town: Any, mary: Any) -> None:
    from holdfast.portal.tenancies.models import QuotaMark
    from holdfast.portal.tenancies.quota_marks import watch_quotas

    QuotaMark.objects.create(tenancy_id="x" * 32, percent=90)
    assert watch_quotas() == 0
    assert not QuotaMark.objects.exists()


@given(st.lists(st.integers(0, 130), min_size=1, max_size=40))
def test_a_mark_is_told_only_when_it_is_reached_from_well_below(percents: list[int]) -> None:
    from holdfast.portal.tenancies.quota_marks import MARKS, SLACK, next_mark

    mark = 0
    lowest_since = dict.fromkeys(MARKS, 0)
    for percent in percents:
        following = next_mark(mark, percent)
        for each in MARKS:
            lowest_since[each] = min(lowest_since[each], percent)
        if following > mark:
            assert percent >= following
            assert lowest_since[following] <= following - SLACK
            for each in MARKS:
                if each <= following:
                    lowest_since[each] = 1000
        assert following == 0 or percent > following - SLACK
        assert not [each for each in MARKS if percent >= each and each > following]
        mark = following


# --- Terms ---


def test_managers_are_reminded_before_the_end_and_operators_after_it(town: Any, mary: Any) -> None:
    from holdfast.portal.joining.days import today
    from holdfast.portal.tenancies.models import TenancyTerm
    from holdfast.portal.tenancies.quota_terms import remind_of_terms

    real = town.house.now_us
    TenancyTerm.objects.create(tenancy_id=tenancy(town).tenancy_id, ends_on=today() + timedelta(days=100))
    TenancyTerm.objects.create(tenancy_id="gone", ends_on=today())
    told = []
    for days_on in (0, 40, 41, 87, 99, 100, 101, 150):
        use_house(replace(town.house, now_us=lambda days_on=days_on: real() + days_on * 86_400_000_000))
        told.append((days_on, remind_of_terms(), remind_of_terms()))
    assert told == [(0, 0, 0), (40, 1, 0), (41, 0, 0), (87, 1, 0), (99, 1, 0), (100, 0, 0), (101, 1, 0), (150, 0, 0)]
    assert "mary@" in str(town.mails()[0]["To"])
    assert "olga@" in str(town.mails()[-1]["To"])
    assert tenancy(town).state == "active"
    assert not TenancyTerm.objects.filter(tenancy_id="gone").exists()


def test_an_operator_decides_their_own_request_for_quota_only_where_they_are_alone(town: Any, mary: Any) -> None:
    from holdfast.portal.access import find_standing
    from holdfast.portal.tenancies.quota import approve_quota, ask_for_quota, reject_quota

    olga = town.member("a-o", "olga", Role.MANAGER)
    standing = find_standing(olga, "a-o")
    assert standing is not None
    made = ask_for_quota(standing, 20 * TB, None, "more data")
    town.operator("oscar")
    with pytest.raises(AdminError, match="oscar"):
        approve_quota(olga, made.pk, limit_bytes=20 * TB)
    with pytest.raises(AdminError, match="oscar"):
        reject_quota(olga, made.pk, "no")
    assert tenancy(town).limit_bytes == 10 * TB
    town.person("oscar").delete()
    approve_quota(olga, made.pk, limit_bytes=20 * TB)
    assert tenancy(town).limit_bytes == 20 * TB
