"""The list of buckets, the page that makes one, its settings and its end."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st
from tests.portal.shelves import audit_of, bucket_row, guest, make_bucket, put_objects, tenancy_row, text_of

from holdfast.admin.members import remove_member
from holdfast.admin.site import set_site_setting
from holdfast.auth.roles import TABLE, Extent, Right, Role
from holdfast.catalog.rows import BUCKETS, TENANCIES
from holdfast.s3.documents import cors
from holdfast.store.site import PUBLIC_FORBIDDEN

LIST = "/tenancies/a-o/buckets/"
NEW = "/tenancies/a-o/new-bucket/"
MEMBERS_READ = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"user": ["*"]},
            "Action": ["s3:ListBucket"],
            "Resource": ["arn:aws:s3:::shared"],
        }
    ],
}


def names_in(answer: Any, tenancy: str = "a-o") -> list[str]:
    """Return the buckets that a list links to, in order."""
    return re.findall(rf'<a href="/tenancies/{tenancy}/buckets/([^/"]+)/">', answer.content.decode())


def change_tenancy(town: Any, **facts: Any) -> None:
    row = tenancy_row(town, "a-o")
    town.house.catalog.commit([lambda rows: rows.replace(TENANCIES, row._replace(**facts), row)])


def create(client: Any, name: str = "data", preset: str = "private", **more: str) -> Any:
    return client.post(NEW, {"name": name, "preset": preset, **more})


# --- The list


def test_each_role_sees_the_buckets_that_the_store_lets_it_list(town: Any) -> None:
    ann = town.member("a-o", "ann")
    make_bucket(town, "a-o", ann, "anns")
    make_bucket(town, "a-o", ann, "shared", policy=json.dumps(MEMBERS_READ))
    seen = {
        Role.MANAGER: names_in(town.client(town.member("a-o", "mary", Role.MANAGER)).get(LIST)),
        Role.DEPUTY: names_in(town.client(town.member("a-o", "dave", Role.DEPUTY)).get(LIST)),
        Role.USER: names_in(town.client(town.member("a-o", "bob")).get(LIST)),
        Role.GUEST: names_in(town.client(guest(town, "a-o", "gus", anns="read")).get(LIST)),
    }
    assert seen == {
        Role.MANAGER: ["anns", "shared"],
        Role.DEPUTY: ["anns", "shared"],
        Role.USER: ["shared"],
        Role.GUEST: ["anns"],
    }
    assert names_in(town.client(ann).get(LIST)) == ["anns", "shared"]


def test_a_bucket_is_listed_with_owner_size_objects_and_who_can_see_it(town: Any) -> None:
    ann = town.member("a-o", "ann")
    mary = town.member("a-o", "mary", Role.MANAGER)
    make_bucket(town, "a-o", ann, "data")
    put_objects(town, "a-o", "data", (f"{number}" for number in range(1_204)), size_bytes=1_000_000)
    text = text_of(town.client(mary).get(LIST))
    assert "data Private: owner, managers and deputies ann 1,204 1204 MB" in text
    assert "data Private: owner, managers and deputies ann (you) 1,204 1204 MB" in text_of(town.client(ann).get(LIST))
    remove_member(town.house.office("test"), "a-o", "ann")
    assert "ann (former member)" in text_of(town.client(mary).get(LIST))


@pytest.mark.parametrize("role", [Role.GUEST, Role.USER, Role.MANAGER])
def test_pages_of_buckets_lead_to_links_and_deletions(town: Any, role: Role) -> None:
    owner = town.member("a-o", "owner")
    make_bucket(town, "a-o", owner, "ice")
    person = guest(town, "a-o", "gus", ice="read") if role is Role.GUEST else town.member("a-o", "ann", role)
    client = town.client(person)
    pages = [LIST]
    pages += [] if role is Role.USER else [f"{LIST}ice/"]
    for page in pages:
        shown = client.get(page).content.decode()
        for there in ("/tenancies/a-o/links/", "/tenancies/a-o/deletions/"):
            assert f'href="{there}"' in shown
            assert client.get(there).status_code == 200


def test_without_buckets_the_list_says_what_to_do(town: Any) -> None:
    ann, gus = town.member("a-o", "ann"), guest(town, "a-o", "gus")
    assert "No buckets yet" in text_of(town.client(ann).get(LIST))
    assert "Create a bucket" in text_of(town.client(ann).get(LIST))
    assert "No buckets that you can see" in text_of(town.client(gus).get(LIST))
    assert "Create a bucket" not in text_of(town.client(gus).get(LIST))


def test_the_filter_finds_names_by_any_part_of_them(town: Any) -> None:
    ann = town.member("a-o", "ann")
    for name in ("cmip6-tas", "cmip6-pr", "era5-tas"):
        make_bucket(town, "a-o", ann, name)
    client = town.client(ann)
    assert names_in(client.get(LIST, {"q": "TAS "})) == ["cmip6-tas", "era5-tas"]
    answer = client.get(LIST, {"q": "<script>"})
    assert names_in(answer) == []
    assert "No bucket of that name" in text_of(answer)
    assert "<script>" not in answer.content.decode().partition("<main")[2]


def test_long_lists_come_in_pages_that_show_every_bucket_once(town: Any) -> None:
    ann = town.member("a-o", "ann")
    names = [f"bucket-{number:03}" for number in range(103)]
    for name in names:
        make_bucket(town, "a-o", ann, name)
    client = town.client(ann)
    url, seen = LIST, []
    while url:
        answer = client.get(url)
        seen.append(names_in(answer))
        found = re.search(r'rel="next" href="([^"]+)"', answer.content.decode())
        url = html.unescape(found[1]) if found else ""
    assert [len(page) for page in seen] == [50, 50, 3]
    assert [name for page in seen for name in page] == names
    assert "101–103 of 103" in text_of(answer)
    for odd in ("0", "-1", "99", "x", "9" * 30, "²"):
        assert client.get(LIST, {"page": odd}).status_code == 200


def test_a_page_of_buckets_takes_as_many_queries_as_a_short_one(town: Any) -> None:
    mary = town.member("a-o", "mary", Role.MANAGER)
    make_bucket(town, "a-o", mary, "first")
    client = town.client(mary)
    client.get(LIST)
    with CaptureQueriesContext(connection) as few:
        client.get(LIST)
    for number in range(49):
        make_bucket(town, "a-o", town.member("a-o", f"person-{number}"), f"bucket-{number}")
    with CaptureQueriesContext(connection) as many:
        assert len(names_in(client.get(LIST))) == 50
    assert len(many) == len(few)


def test_buckets_of_other_tenancies_are_in_no_list(town: Any) -> None:
    mary = town.member("a-o", "mary", Role.MANAGER)
    make_bucket(town, "b-o", town.member("b-o", "mary", Role.MANAGER), "elsewhere")
    make_bucket(town, "a-o", mary, "here")
    assert names_in(town.client(mary).get(LIST)) == ["here"]


def test_operators_who_are_no_members_see_no_buckets_here(town: Any) -> None:
    ann = town.member("a-o", "ann")
    make_bucket(town, "a-o", ann, "data")
    client = town.client(town.operator())
    for path in (LIST, NEW, f"{LIST}data/", f"{LIST}data/sharing/", f"{LIST}data/settings/"):
        assert client.get(path).status_code == 403, path


def test_a_suspended_tenancy_says_so_with_s3_s_code_and_the_reason_to_its_managers(town: Any) -> None:
    ann, mary = town.member("a-o", "ann"), town.member("a-o", "mary", Role.MANAGER)
    change_tenancy(town, state="suspended", reason="A leak is being looked into.")
    for person, is_told in ((ann, False), (mary, True)):
        answer = town.client(person).get(LIST)
        assert answer.status_code == 403
        assert "TenancySuspended" in text_of(answer)
        assert ("A leak is being looked into." in text_of(answer)) is is_told
        assert "mary" in text_of(answer), "whom to ask"


def test_a_read_only_tenancy_offers_nothing_that_writes(town: Any) -> None:
    ann = town.member("a-o", "ann")
    make_bucket(town, "a-o", ann, "data")
    change_tenancy(town, state="readonly")
    text = text_of(town.client(ann).get(LIST))
    assert "read-only" in text
    assert "Create a bucket" not in text
    assert create(town.client(ann), "more").status_code == 403


# --- Making one


@pytest.mark.parametrize("role", [Role.USER, Role.DEPUTY, Role.MANAGER])
@pytest.mark.parametrize("preset", ["private", "members-read", "members-write", "drop-box"])
def test_a_bucket_is_made_with_its_preset_in_one_transaction(town: Any, role: Role, preset: str) -> None:
    from holdfast.portal.data.sharing_presets import visibility_of

    person = town.member("a-o", "ann", role)
    answer = create(town.client(person), "data", preset)
    assert answer.status_code == 302
    assert answer["Location"] == f"{LIST}data/"
    row = bucket_row(town, "a-o", "data")
    assert row.owner_id == person.principal_id
    found = visibility_of(row).preset
    assert found is not None
    assert found.name == preset
    assert row.cors == ""
    [audit] = audit_of(town, "bucket.create")
    assert (audit.actor, audit.subject) == (person.principal_id, "a-o/data")
    assert json.loads(audit.detail) == {"preset": preset, "web_pages": False}


def test_a_preset_wins_over_what_the_tenancy_gives_to_new_buckets(town: Any) -> None:
    ann = town.member("a-o", "ann")
    change_tenancy(town, new_buckets="members-write")
    client = town.client(ann)
    assert re.search(r'value="members-write"[^>]*checked', client.get(NEW).content.decode())
    create(client, "data", "private")
    assert bucket_row(town, "a-o", "data").policy == ""


def test_web_pages_can_be_let_in_from_the_start(town: Any) -> None:
    create(town.client(town.member("a-o", "ann")), "data", web_pages="on")
    [rule] = cors.parse(bucket_row(town, "a-o", "data").cors.encode())
    assert (rule.allowed_origins, rule.allowed_methods) == (("*",), ("GET", "HEAD"))


@pytest.mark.parametrize(
    ("name", "said"),
    [("", "required"), ("ab", "3 to 63"), ("A" * 8, "lower-case"), ("a" * 70, "63"), ("192.0.2.1", "IP address")],
)
def test_a_bad_name_is_refused_in_plain_words_with_what_was_typed_kept(town: Any, name: str, said: str) -> None:
    client = town.client(town.member("a-o", "ann"))
    answer = create(client, name, "members-read")
    assert answer.status_code == 400
    assert said in text_of(answer)
    assert re.search(r'value="members-read"[^>]*checked', answer.content.decode())
    with town.house.catalog.read() as rows:
        assert not rows.scan(BUCKETS)


def test_a_taken_name_is_refused_and_the_bucket_left_alone(town: Any) -> None:
    ann, bob = town.member("a-o", "ann"), town.member("a-o", "bob")
    make_bucket(town, "a-o", ann, "data")
    for person in (ann, bob):
        answer = create(town.client(person), "data", "members-write")
        assert answer.status_code == 400
        assert "There is a bucket named data in a-o already." in text_of(answer)
    assert bucket_row(town, "a-o", "data").policy == ""
    assert not audit_of(town, "bucket.create")


def check_name(client: Any, name: str) -> Mapping[str, Any]:
    answer = client.get(f"{NEW}check/", {"value": name})
    assert answer["Content-Type"] == "application/json"
    found: Mapping[str, Any] = answer.json()
    return found


def test_a_name_is_checked_while_it_is_typed(town: Any) -> None:
    ann = town.member("a-o", "ann")
    make_bucket(town, "a-o", ann, "taken")
    make_bucket(town, "b-o", town.member("b-o", "ann"), "elsewhere")
    client = town.client(ann)
    assert check_name(client, "data") == {"ok": True, "message": "The name is free."}
    assert check_name(client, "elsewhere")["ok"]
    assert check_name(client, "taken") == {"ok": False, "message": "There is a bucket named taken in a-o already."}
    assert "Hyphens" in check_name(client, "a.b")["message"]
    assert not check_name(client, "")["ok"]
    assert f'data-check-url="{NEW}check/"' in client.get(NEW).content.decode()


@given(name=st.text(max_size=70))
def test_what_the_check_lets_pass_the_store_takes(name: str) -> None:
    from holdfast.s3 import names

    assert (names.find_bucket_name_fault(name) is None) == names.is_bucket_name(name)


def test_who_may_not_make_buckets_finds_no_way_to(town: Any) -> None:
    assert TABLE[Right.CREATE_BUCKET][Role.GUEST] is Extent.NONE
    gus = guest(town, "a-o", "gus")
    assert town.client(gus).get(NEW).status_code == 403
    assert create(town.client(gus)).status_code == 403
    ann, dave = town.member("a-o", "ann"), town.member("a-o", "dave", Role.DEPUTY)
    change_tenancy(town, users_may_create=0)
    assert "Create a bucket" not in text_of(town.client(ann).get(LIST))
    assert create(town.client(ann)).status_code == 403
    assert create(town.client(dave)).status_code == 302


def test_a_public_bucket_is_asked_for_twice(town: Any) -> None:
    client = town.client(town.member("a-o", "mary", Role.MANAGER))
    answer = create(client, "data", "public-read", web_pages="on")
    assert answer.status_code == 200
    assert "Make the bucket data public?" in text_of(answer)
    assert "Anyone on the internet" in text_of(answer)
    with town.house.catalog.read() as rows:
        assert not rows.scan(BUCKETS)
    sent = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', answer.content.decode()))
    sent.pop("csrfmiddlewaretoken")
    assert client.post(NEW, sent).status_code == 302
    assert bucket_row(town, "a-o", "data").cors
    assert "Public" in text_of(client.get(LIST))


def test_a_confirmation_is_for_the_bucket_that_it_named(town: Any) -> None:
    client = town.client(town.member("a-o", "mary", Role.MANAGER))
    answer = create(client, "data", "public-read", confirmed="another")
    assert answer.status_code == 200
    assert "Make the bucket data public?" in text_of(answer)


@pytest.mark.parametrize("role", [Role.USER, Role.DEPUTY, Role.MANAGER])
@pytest.mark.parametrize("users_may", [0, 1])
@pytest.mark.parametrize("site_forbids", [False, True])
def test_public_is_offered_and_taken_as_table_tenancy_and_site_say(
    town: Any, role: Role, users_may: int, site_forbids: bool
) -> None:
    person = town.member("a-o", "ann", role)
    change_tenancy(town, users_may_publish=users_may)
    if site_forbids:
        set_site_setting(town.house.office("test"), PUBLIC_FORBIDDEN, "personal data leaked")
    reach = TABLE[Right.MAKE_PUBLIC][role]
    allowed = not site_forbids and (reach is Extent.ALL or (reach is Extent.IF_TENANCY_ALLOWS and bool(users_may)))
    client = town.client(person)
    assert ('value="public-read"' in client.get(NEW).content.decode()) is allowed
    answer = create(client, "data", "public-read", confirmed="data")
    assert answer.status_code == (302 if allowed else 400)
    with town.house.catalog.read() as rows:
        assert bool(rows.scan(BUCKETS)) is allowed


def test_fields_that_the_form_does_not_name_are_not_taken(town: Any) -> None:
    ann, bob = town.member("a-o", "ann"), town.member("a-o", "bob")
    create(town.client(ann), "data", owner_id=bob.principal_id, limit_bytes="1", policy="{}", tenancy="b-o")
    row = bucket_row(town, "a-o", "data")
    assert (row.owner_id, row.limit_bytes, row.policy) == (ann.principal_id, None, "")


# --- Settings


def settings(client: Any, bucket: str = "data") -> Any:
    return client.get(f"{LIST}{bucket}/settings/")


def seen_in(answer: Any) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]{64})"', answer.content.decode())
    assert found is not None
    return found[1]


def test_the_switch_lets_web_pages_read_and_takes_it_back(town: Any) -> None:
    ann = town.member("a-o", "ann")
    make_bucket(town, "a-o", ann, "data")
    client = town.client(ann)
    answer = settings(client)
    assert "Off" in text_of(answer)
    done = client.post(f"{LIST}data/settings/cors/", {"web_pages": "on", "seen": seen_in(answer)})
    assert done["Location"] == f"{LIST}data/settings/"
    [rule] = cors.parse(bucket_row(town, "a-o", "data").cors.encode())
    assert rule.allowed_origins == ("*",)
    assert set(rule.allowed_methods) == {"GET", "HEAD"}
    assert {"ETag", "Content-Range", "Content-Length", "Accept-Ranges"} <= set(rule.expose_headers)
    assert cors.check_preflight([rule], "https://gridlook.pages.dev", "GET", "range")
    answer = settings(client)
    assert "On: any web page may read" in text_of(answer)
    client.post(f"{LIST}data/settings/cors/", {"web_pages": "off", "seen": seen_in(answer)})
    assert bucket_row(town, "a-o", "data").cors == ""
    assert [row.actor for row in audit_of(town, "bucket.set-cors")] == [ann.principal_id] * 2


def test_to_turn_the_switch_where_it_stands_is_no_conflict_and_no_record(town: Any) -> None:
    ann = town.member("a-o", "ann")
    make_bucket(town, "a-o", ann, "data")
    client = town.client(ann)
    first = seen_in(settings(client))
    for _ in range(2):
        assert client.post(f"{LIST}data/settings/cors/", {"web_pages": "on", "seen": first}).status_code == 302
    assert len(audit_of(town, "bucket.set-cors")) == 1


def put_cors(town: Any, bucket: str, *rules: cors.Rule) -> None:
    row = bucket_row(town, "a-o", bucket)
    document = cors.write(rules).decode()
    town.house.catalog.commit([lambda rows: rows.replace(BUCKETS, row._replace(cors=document), row)])


def test_rules_of_ones_own_are_shown_and_never_lost_unseen(town: Any) -> None:
    ann = town.member("a-o", "ann")
    make_bucket(town, "a-o", ann, "data")
    client = town.client(ann)
    before = seen_in(settings(client))
    put_cors(town, "data", cors.Rule(("PUT",), ("https://lab.example.org",)))
    answer = client.post(f"{LIST}data/settings/cors/", {"web_pages": "off", "seen": before})
    assert answer.status_code == 412
    assert "Somebody changed" in text_of(answer)
    assert "lab.example.org" in bucket_row(town, "a-o", "data").cors
    page = settings(client)
    assert "PUT by pages of https://lab.example.org" in text_of(page)
    client.post(f"{LIST}data/settings/cors/", {"web_pages": "off", "seen": seen_in(page)})
    assert bucket_row(town, "a-o", "data").cors == ""


def test_only_who_answers_for_a_bucket_sees_its_settings(town: Any) -> None:
    ann = town.member("a-o", "ann")
    make_bucket(town, "a-o", ann, "data", policy=json.dumps(MEMBERS_READ).replace("shared", "data"))
    for person, status in (
        (ann, 200),
        (town.member("a-o", "dave", Role.DEPUTY), 200),
        (town.member("a-o", "mary", Role.MANAGER), 200),
        (town.member("a-o", "bob"), 403),
        (guest(town, "a-o", "gus", data="write"), 403),
    ):
        client = town.client(person)
        assert settings(client).status_code == status, person.name
        assert client.get(f"{LIST}data/settings/delete/").status_code == status, person.name
        refused = client.post(f"{LIST}data/settings/cors/", {"web_pages": "on", "seen": "x"})
        assert (refused.status_code == 403) is (status == 403), person.name
        listing = client.get(f"{LIST}data/").content.decode()
        assert ("Bucket settings" in listing) is (status == 200), person.name


def test_managers_set_the_limits_of_a_bucket_where_all_limits_are_set(town: Any) -> None:
    ann, mary = town.member("a-o", "ann"), town.member("a-o", "mary", Role.MANAGER)
    make_bucket(town, "a-o", ann, "data")
    put_objects(town, "a-o", "data", ["a"], size_bytes=2_000)
    client = town.client(mary)
    url = "/tenancies/a-o/quota/buckets/data/"
    assert f'href="{url}"' in settings(client).content.decode()
    assert client.post(url, {"limit_bytes": "5 TiB", "limit_objects": "1000"}).status_code == 302
    row = bucket_row(town, "a-o", "data")
    assert (row.limit_bytes, row.limit_objects) == (5 * 1024**4, 1000)
    assert "At most 5 TiB and 1,000 objects" in text_of(settings(client))
    assert client.post(url, {"limit_bytes": "1 KB", "limit_objects": ""}, follow=True).status_code == 200
    assert "2 KB of 1 KB used" in text_of(settings(client))
    client.post(url, {"limit_bytes": "", "limit_objects": ""})
    row = bucket_row(town, "a-o", "data")
    assert (row.limit_bytes, row.limit_objects) == (None, None)
    [first, *_] = audit_of(town, "bucket.set-quota")
    assert first.actor == mary.principal_id


@pytest.mark.parametrize(
    "sent",
    [
        {"limit_bytes": "5T"}, {"limit_bytes": "-1"}, {"limit_bytes": "lots"}, {"limit_objects": "-1"},
        {"limit_objects": "1.5"}, {"limit_bytes": "9EiB"},
    ],
)  # fmt: skip
def test_what_is_no_limit_is_refused_in_plain_words(town: Any, sent: dict[str, str]) -> None:
    mary = town.member("a-o", "mary", Role.MANAGER)
    make_bucket(town, "a-o", mary, "data")
    answer = town.client(mary).post("/tenancies/a-o/quota/buckets/data/", sent)
    assert answer.status_code == 400
    assert "There is a problem" in text_of(answer)
    assert bucket_row(town, "a-o", "data").limit_bytes is None


@pytest.mark.parametrize("role", [Role.USER, Role.DEPUTY])
def test_others_than_managers_see_the_limits_and_set_none(town: Any, role: Role) -> None:
    person = town.member("a-o", "ann", role)
    make_bucket(town, "a-o", person, "data")
    client = town.client(person)
    assert client.post("/tenancies/a-o/quota/buckets/data/", {"limit_bytes": "1 GB"}).status_code == 403
    assert "Set the limits" not in text_of(settings(client))
    assert "no limit" in text_of(settings(client))


@given(size_bytes=st.integers(0, 2**63 - 1))
def test_a_limit_is_shown_so_that_it_reads_back_the_same(size_bytes: int) -> None:
    from holdfast.config import parse_size
    from holdfast.portal.sizes import exact_size

    assert parse_size(exact_size(size_bytes)) == size_bytes


# --- The end


def test_an_empty_bucket_goes_when_its_name_is_typed(town: Any) -> None:
    ann = town.member("a-o", "ann")
    make_bucket(town, "a-o", ann, "data")
    client = town.client(ann)
    url = f"{LIST}data/settings/delete/"
    assert "Delete the bucket data?" in text_of(client.get(url))
    for wrong in ("", "Data", "data2"):
        answer = client.post(url, {"typed_name": wrong})
        assert answer.status_code == 400
    assert bucket_row(town, "a-o", "data")
    answer = client.post(url, {"typed_name": "data"})
    assert answer["Location"] == LIST
    with town.house.catalog.read() as rows:
        assert not rows.scan(BUCKETS)
    [row] = audit_of(town, "bucket.delete")
    assert (row.actor, row.subject) == (ann.principal_id, "a-o/data")
    assert client.post(url, {"typed_name": "data"}).status_code == 404, "a second time"


def test_a_bucket_with_objects_says_how_many_and_where_they_are_deleted(town: Any) -> None:
    ann = town.member("a-o", "ann")
    make_bucket(town, "a-o", ann, "data")
    put_objects(town, "a-o", "data", ["a", "b"], size_bytes=1_500)
    client = town.client(ann)
    answer = client.get(f"{LIST}data/settings/delete/")
    assert "It holds 2 objects, 3 KB." in text_of(answer)
    assert f'href="{LIST}data/delete-prefix/"' in answer.content.decode()
    assert "typed_name" not in answer.content.decode()
    answer = client.post(f"{LIST}data/settings/delete/", {"typed_name": "data"})
    assert answer.status_code == 409
    assert bucket_row(town, "a-o", "data")


# --- Another's


def test_a_bucket_of_another_tenancy_is_not_there(town: Any) -> None:
    mary = town.member("a-o", "mary", Role.MANAGER)
    make_bucket(town, "b-o", town.member("b-o", "bill"), "elsewhere")
    client = town.client(mary)
    for rest in ("", "sharing/", "sharing/policy/", "settings/", "settings/delete/"):
        assert client.get(f"{LIST}elsewhere/{rest}").status_code == 404, rest
    for rest in (
        "settings/cors/",
        "settings/quota/",
        "settings/delete/",
        "sharing/change/",
        "sharing/policy/",
        "delete/",
    ):
        sent = {"typed_name": "elsewhere", "preset": "private", "document": "", "key": "a", "web_pages": "on"}
        assert client.post(f"{LIST}elsewhere/{rest}", sent).status_code == 404, rest
    assert bucket_row(town, "b-o", "elsewhere")


def test_a_guest_learns_nothing_of_buckets_that_are_not_theirs(town: Any) -> None:
    ann = town.member("a-o", "ann")
    make_bucket(town, "a-o", ann, "hidden")
    make_bucket(town, "a-o", ann, "open")
    client = town.client(guest(town, "a-o", "gus", open="read"))

    def told(name: str) -> str:
        answer = client.get(f"{LIST}{name}/")
        assert answer.status_code == 403
        return text_of(answer).replace(name, "NAME").replace(answer["X-Request-Id"], "")

    assert told("hidden") == told("not-there")
    assert client.get(f"{LIST}open/").status_code == 200
