"""The home page and the page of a tenancy: what each person sees of what there is."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.portal.test_tokens import ADD, TENANCY, fields, make, make_buckets, move_clock, stop_clock, tenancy_id

from holdfast.admin.members import add_member
from holdfast.admin.office import DAY_US
from holdfast.admin.quotas import set_tenancy_quota
from holdfast.admin.tenancies import close_tenancy, suspend_tenancy
from holdfast.auth.roles import Role
from holdfast.catalog.rows import KEY_USES, USAGE, KeyUseRow, UsageRow

HERE = f"/tenancies/{TENANCY}/"
GIB = 1024**3


def fill(town: Any, scope_id: str, live_bytes: int, live_objects: int = 1, upload_bytes: int = 0) -> None:
    """Say what a tenancy or bucket holds, as its counters would."""
    row = UsageRow(scope_id, live_bytes, live_objects, 0, 0, upload_bytes, 1 if upload_bytes else 0, 0, 0)

    def put(rows: Any) -> None:
        if rows.find(USAGE, (scope_id,)) is not None:
            rows.remove(USAGE, (scope_id,))
        rows.add(USAGE, row)

    town.house.catalog.commit([put])


def text_of(client: Any, path: str = HERE) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    # As people read it: no tags, and gaps of any kind as one.
    body = re.sub(r"<head>.*?</head>", "", answer.content.decode(), flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", body).split())


def steps(client: Any, path: str) -> list[str]:
    return re.findall(r'class="checklist-step checklist-(\w+)"', client.get(path).content.decode())


def test_who_belongs_to_no_tenancy_is_shown_the_way_to_services(town: Any) -> None:
    client = town.client(town.person("ann"))
    text = text_of(client, "/")
    assert "You belong to no tenancy yet" in text
    assert 'href="/services/"' in client.get("/").content.decode()
    assert 'href="/ask-for-a-tenancy/"' in client.get("/").content.decode()
    assert steps(client, "/") == ["now", "later", "later", "later"]


def test_the_first_steps_are_told_from_facts(town: Any) -> None:
    ann = town.member(TENANCY, "ann")
    client = town.client(ann)
    for path in ("/", HERE):
        assert steps(client, path) == ["done", "now", "later", "later"]
    assert f'href="{ADD}"' in client.get("/").content.decode()
    token, _ = make(client)
    assert steps(client, "/") == []
    assert steps(client, HERE) == ["done", "done", "now", "later"]
    town.house.catalog.commit([lambda rows: rows.add(KEY_USES, KeyUseRow(token, 1, "192.0.2.1", ""))])
    assert steps(client, HERE) == ["done", "done", "done", "now"]
    town.member(TENANCY, "ben")
    make_buckets(town, "bens", owner="ben")
    fill(town, "id of bens", 10)
    assert steps(client, HERE) == ["done", "done", "done", "now"]
    make_buckets(town, "anns", owner="ann")
    assert steps(client, HERE) == ["done", "done", "done", "now"]
    fill(town, "id of anns", 10)
    assert steps(client, HERE) == []
    # A GUEST makes no buckets, so that nobody waits for one.
    gus = town.member(TENANCY, "gus", Role.GUEST, until_us=town.house.now_us() + DAY_US)
    assert steps(town.client(gus), HERE) == ["done", "now", "later"]


def test_a_card_shows_role_quota_end_and_what_needs_attention(town: Any) -> None:
    now_us = stop_clock(town)
    ann = town.member(TENANCY, "ann", Role.DEPUTY, until_us=(now_us // DAY_US + 40) * DAY_US)
    town.member("b-o", "ann")
    town.member("c-o", "ben")
    set_tenancy_quota(town.house.office("test"), TENANCY, limit_bytes=10 * GIB)
    fill(town, tenancy_id(town, TENANCY), 9 * GIB)
    client = town.client(ann)
    make(client, expiration="7")
    text = text_of(client, "/")
    assert "a-o DEPUTY 9 GiB of 10 GiB used 90 % Almost full EXPIRING 1 token ends within a week" in text
    assert "EXPIRING Your access ends on" in text
    assert "b-o USER 0 B used, no limit Your access has no end." in text
    assert "c-o" not in text
    make(client, expiration="7")
    assert "2 tokens end within a week" in text_of(client, "/")
    add_member(town.house.office("test"), TENANCY, "ann", Role.DEPUTY, until_us=now_us + 80 * DAY_US)
    move_clock(town, now_us + 8 * DAY_US)
    text = text_of(client, "/")
    assert "within a week" not in text
    assert "EXPIRING" not in text
    move_clock(town, now_us + 81 * DAY_US)
    assert "a-o" not in text_of(client, "/")


@pytest.mark.parametrize(("last_day", "is_near"), [("2027-09-09", True), ("2027-09-10", False)])
def test_access_is_expiring_on_every_page_from_the_same_day_on(town: Any, last_day: str, is_near: bool) -> None:
    """July and August have 62 days: counted in days, some pages would say it and others not."""
    from datetime import UTC, date, datetime

    from holdfast.portal.joining.days import end_of

    move_clock(town, int(datetime(2027, 7, 10, 12, tzinfo=UTC).timestamp()) * 1_000_000)
    ann = town.member(TENANCY, "ann", until_us=end_of(date.fromisoformat(last_day)))
    client = town.client(ann)
    for page in ("/", "/services/object-store/", f"{HERE}"):
        assert ("EXPIRING" in text_of(client, page)) is is_near, page


def test_the_chart_has_the_eight_fullest_buckets_and_the_rest_as_other(town: Any) -> None:
    client = town.client(town.member(TENANCY, "ann", Role.MANAGER))
    names = [f"bucket-{number:02}" for number in range(11)]
    make_buckets(town, *names, owner="ann")
    for number, name in enumerate(names):
        fill(town, f"id of {name}", number * GIB)
    fill(town, tenancy_id(town, TENANCY), 55 * GIB, 12_345, upload_bytes=3 * GIB)
    text = text_of(client)
    shown = re.search(r"Usage by bucket Bucket Size (.*?) 11 buckets that you can see", text)
    assert shown is not None
    expected = [f"bucket-{number:02} {number} GiB" for number in range(10, 2, -1)]
    assert shown[1] == " ".join([*expected, "Other (3) 3 GiB"])
    page = client.get(HERE).content.decode()
    widths = re.findall(r'<rect width="(\d+)%"', page)
    assert widths == ["100", "90", "80", "70", "60", "50", "40", "30", "30"]
    assert f'href="{HERE}buckets/bucket-10/"' in page
    assert "58 GiB in 12,345 objects, without a limit. 3 GiB of it lie in unfinished uploads." in text


@pytest.mark.parametrize("role", list(Role))
def test_each_role_sees_the_buckets_that_s3_would_list_for_it(town: Any, role: Role) -> None:
    town.member(TENANCY, "owner")
    options: dict[str, Any] = {"until_us": town.house.now_us() + DAY_US} if role is Role.GUEST else {}
    who = town.operator() if role is Role.OPERATOR else town.member(TENANCY, "rob", role, **options)
    make_buckets(town, "hidden", "named", owner="owner")
    if role is not Role.OPERATOR:
        make_buckets(town, "robs", owner="rob")
    if role is Role.GUEST:
        add_member(town.house.office("test"), TENANCY, "rob", role, buckets={"named": "read"}, **options)
    fill(town, tenancy_id(town, TENANCY), 77 * GIB)
    text = text_of(town.client(who))
    sees_all = role in (Role.DEPUTY, Role.MANAGER, Role.OPERATOR)
    assert ("hidden" in text) is sees_all
    assert ("named 0 B" in text) is (sees_all or role is Role.GUEST)
    assert ("robs" in text) is (role in (Role.USER, Role.DEPUTY, Role.MANAGER))
    # The sum of what others hold is no guest's business.
    assert ("77 GiB" in text) is (role is not Role.GUEST)
    if role is Role.OPERATOR:
        assert "you see names and sizes, not data" in text
        assert "/buckets/hidden/" not in town.client(who).get(HERE).content.decode()


def test_a_bucket_that_a_policy_opens_is_seen_and_one_that_it_closes_is_not(town: Any) -> None:
    from holdfast.auth.policies import resolver
    from holdfast.catalog.rows import BUCKETS, TENANCIES
    from holdfast.s3.policy import parse, to_json

    town.member(TENANCY, "owner")
    client = town.client(town.member(TENANCY, "ann"))
    make_buckets(town, "shared", owner="owner")
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"group": [f"{TENANCY}-members"]},
                "Action": "s3:ListBucket",
                "Resource": "arn:aws:s3:::shared",
            }
        ],
    }

    def open_it(rows: Any) -> None:
        tenancy = rows.find(TENANCIES, (tenancy_id(town, TENANCY),))
        row = rows.find(BUCKETS, (tenancy.tenancy_id, "shared"))
        compiled = to_json(parse(json.dumps(document), "shared", resolver(rows, tenancy)))
        rows.replace(BUCKETS, row._replace(policy=json.dumps(document), compiled_policy=compiled))

    assert "shared" not in text_of(client)
    town.house.catalog.commit([open_it])
    assert "shared 0 B" in text_of(client)


def test_the_endpoints_are_told_with_what_works_from_where(town: Any) -> None:
    client = town.client(town.member(TENANCY, "ann"))
    text = text_of(client)
    assert "Outside: works from everywhere, encrypted https://a-o.s3-ext.localhost:8443" in text
    assert "Inside: only on the site’s own network, quicker http://a-o.s3.localhost:8080" in text
    assert "https://a-o.s3-ext.localhost:8443/my-bucket/my-key" in text
    assert "path style" in text
    assert 'href="/ca.pem"' in client.get(HERE).content.decode()


def test_managers_deputies_and_ones_own_role_and_end_are_named(town: Any) -> None:
    now_us = stop_clock(town)
    mary = town.member(TENANCY, "mary", Role.MANAGER)
    mary.full_name = "Mary Sund"
    mary.save()
    town.member(TENANCY, "dora", Role.DEPUTY)
    town.member(TENANCY, "gone", Role.DEPUTY, until_us=now_us + DAY_US)
    ann = town.member(TENANCY, "ann", Role.USER, until_us=(now_us // DAY_US + 5) * DAY_US)
    move_clock(town, now_us + 2 * DAY_US)
    text = text_of(town.client(ann))
    assert "Managers and deputies Mary Sund MANAGER dora DEPUTY" in text
    assert "gone" not in text
    assert re.search(r"Your access USER EXPIRING until \d+ \w+ \d{4}", text)


def test_why_a_tenancy_is_suspended_is_told_to_managers_and_operators_alone(town: Any) -> None:
    mary = town.member(TENANCY, "mary", Role.MANAGER)
    dora = town.member(TENANCY, "dora", Role.DEPUTY)
    ann = town.member(TENANCY, "ann")
    make_buckets(town, "anns", owner="ann")
    suspend_tenancy(town.house.office("test"), TENANCY, "leaked key <b>4711</b>")
    for person, knows in ((mary, True), (town.operator(), True), (dora, False), (ann, False)):
        client = town.client(person)
        page = client.get(HERE).content.decode()
        assert "This tenancy is suspended" in page
        assert ("leaked key &lt;b&gt;4711&lt;/b&gt;" in page) is knows
        assert "mary" in page
        assert ("Endpoints" in page) is knows
        if person != town.person("olga"):
            assert ("leaked key" in client.get("/").content.decode()) is (person == mary)
            assert "SUSPENDED" in client.get("/").content.decode()


def test_a_tenancy_that_closes_says_what_still_works(town: Any) -> None:
    mary, ann = town.member(TENANCY, "mary", Role.MANAGER), town.member(TENANCY, "ann")
    close_tenancy(town.house.office("test"), TENANCY, "moved to tape")
    for person, knows in ((mary, True), (ann, False)):
        text = text_of(town.client(person))
        assert "This tenancy is read-only Reading and deleting work; nothing new can be written." in text
        assert ("moved to tape" in text) is knows
        assert "READ-ONLY" in text_of(town.client(person), "/")


@pytest.mark.parametrize("path", ["/", HERE])
def test_as_many_queries_are_made_whatever_there_is(town: Any, path: str) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = town.client(town.member(TENANCY, "ann", Role.MANAGER))
    make(client)
    counts = []
    for more in range(2):
        for number in range(more * 12):
            town.member(f"t{number}-o", "ann", Role.MANAGER)
            town.member(TENANCY, f"manager-{number}", Role.MANAGER)
            make_buckets(town, f"bucket-{number}", owner="ann")
        client.get(path)
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_names_of_people_buckets_and_reasons_are_text(town: Any) -> None:
    evil = "<script>alert(1)</script>"
    mary = town.member(TENANCY, "mary", Role.MANAGER)
    mary.full_name = evil
    mary.save()
    make_buckets(town, evil, owner="mary")
    close_tenancy(town.house.office("test"), TENANCY, evil)
    for path in ("/", HERE):
        page = town.client(mary).get(path).content.decode()
        assert evil not in page
        assert "&lt;script&gt;" in page


def test_a_form_of_a_page_that_was_open_before_the_role_changed_counts_by_the_live_role(town: Any) -> None:
    client = town.client(town.member(TENANCY, "ann"))
    given = fields(client)
    from holdfast.admin.members import remove_member

    town.member(TENANCY, "mary", Role.MANAGER)
    remove_member(town.house.office("test"), TENANCY, "ann")
    answer = client.post(ADD, given)
    assert "new-token-secret" not in answer.content.decode()
