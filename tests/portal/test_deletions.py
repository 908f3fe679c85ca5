"""Deleting what is below a prefix behind the pages: what was there when it was ordered, as the person, while they may."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest

from holdfast.admin.members import add_member, remove_member
from holdfast.admin.quotas import set_tenancy_quota
from holdfast.admin.site import set_site_setting
from holdfast.admin.tenancies import suspend_tenancy
from holdfast.auth.roles import Role
from holdfast.store import buckets

from .shelves import audit_of, bucket_row, keys_of, make_bucket, put_objects, tenancy_row
from .test_objects import HOSTILE, put, value_of


@pytest.fixture
def ann(town: Any) -> Any:
    """A USER with a bucket of her own."""
    person = town.member("a-o", "ann")
    make_bucket(town, "a-o", person, "data")
    return person


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of three keys, so that a few objects are many batches."""
    from holdfast.portal.data import deletions

    monkeypatch.setattr(deletions, "BATCH_KEYS", 3)
    monkeypatch.setattr(deletions, "COUNT_ROWS", 4)


def asked(prefix: str, bucket: str = "data") -> str:
    return f"/tenancies/a-o/buckets/{bucket}/delete-prefix/?prefix={quote(prefix, safe='')}"


def order(town: Any, person: Any, prefix: str, **more: str) -> Any:
    """Order a deletion on its page, and return it as it is then."""
    from holdfast.portal.data.models import Deletion

    client = town.client(person)
    answer = client.post(asked(prefix), {"once": value_of(client, asked(prefix), "once"), **more})
    assert answer.status_code == 302, answer.content.decode()
    return Deletion.objects.get(id=int(answer["Location"].rstrip("/").rpartition("/")[2]))


def work(deletion: Any) -> Any:
    """Work on all deletions for a round, and return this one as it is then."""
    from holdfast.portal.data.deletions import work_on_deletions

    work_on_deletions()
    deletion.refresh_from_db()
    return deletion


def test_what_is_below_the_prefix_is_deleted_and_nothing_beside_it(town: Any, ann: Any, small: None) -> None:
    inside = [f"old/{number:02}" for number in range(20)]
    beside = ["ol", "old", "old.", "old0", "older/1", "Old/1", "z"]
    put_objects(town, "a-o", "data", [*inside, *beside], size_bytes=10)
    done = work(order(town, ann, "old/"))
    assert (done.state, done.deleted_count, done.deleted_bytes, done.found_count) == ("done", 20, 200, 20)
    assert keys_of(town, "a-o", "data") == sorted(beside)


@pytest.mark.parametrize("prefix", ["a/b\n/", "ü/", "%2F", "..", "a//", "\u202e"])
def test_a_prefix_is_text_whatever_is_in_it(town: Any, ann: Any, prefix: str) -> None:

    put_objects(town, "a-o", "data", [f"{prefix}k", "k"])
    client = town.client(ann)
    url = asked(prefix)
    answer = client.post(url, {"once": value_of(client, url, "once")})
    assert answer.status_code == 302
    from holdfast.portal.data.deletions import work_on_deletions

    assert work_on_deletions() == 1
    assert keys_of(town, "a-o", "data") == ["k"]


def test_what_is_written_after_the_order_is_left_alone(town: Any, ann: Any, small: None) -> None:
    put_objects(town, "a-o", "data", [f"old/{number}" for number in range(8)])
    deletion = order(town, ann, "old/")
    put(town, "old/3")  # written again
    put(town, "old/new")
    done = work(deletion)
    assert keys_of(town, "a-o", "data") == ["old/3", "old/new"]
    assert (done.state, done.deleted_count, done.newer_count) == ("done", 7, 2)


def test_it_goes_on_where_it_was_when_its_process_ended(town: Any, ann: Any, small: None, monkeypatch: Any) -> None:
    from holdfast.portal.data import deletions

    put_objects(town, "a-o", "data", [f"old/{number}" for number in range(10)])
    deletion = order(town, ann, "old/")
    commit = deletions.Acting.commit
    calls = []

    def commit_twice(*args: Any, **more: Any) -> Any:
        calls.append(1)
        done = commit(*args, **more)
        if len(calls) == 2:
            raise SystemExit  # after the commit, before it is written down
        return done

    monkeypatch.setattr(deletions.Acting, "commit", commit_twice)
    with pytest.raises(SystemExit):
        deletions.work_on_deletions()
    assert len(keys_of(town, "a-o", "data")) == 4
    monkeypatch.setattr(deletions.Acting, "commit", commit)
    done = work(deletion)
    assert done.state == "done"
    assert keys_of(town, "a-o", "data") == []


def test_it_stops_when_the_person_is_no_member_any_more(town: Any, ann: Any, small: None) -> None:
    put_objects(town, "a-o", "data", ["old/1"])
    town.member("a-o", "mary", Role.MANAGER)
    deletion = order(town, ann, "old/")
    remove_member(town.house.office("test"), "a-o", "ann")
    done = work(deletion)
    assert (done.state, done.reason) == ("stopped", "Who ordered it is no member of the tenancy any more.")
    assert keys_of(town, "a-o", "data") == ["old/1"]


def test_it_stops_when_the_role_does_not_reach_the_bucket_any_more(town: Any, ann: Any, small: None) -> None:
    put_objects(town, "a-o", "data", [f"old/{number}" for number in range(10)])
    dora = town.member("a-o", "dora", Role.DEPUTY)
    deletion = order(town, dora, "old/")
    add_member(town.house.office("test"), "a-o", "dora", Role.USER)
    done = work(deletion)
    assert done.state == "stopped"
    assert "AccessDenied" in done.reason
    assert len(keys_of(town, "a-o", "data")) == 10


def test_it_stops_at_a_suspended_tenancy_and_at_another_bucket_of_the_name(town: Any, ann: Any) -> None:
    put_objects(town, "a-o", "data", ["old/1"])
    deletion = order(town, ann, "old/")
    from holdfast.portal.data.models import Deletion

    Deletion.objects.filter(id=deletion.id).update(bucket_id="another")
    done = work(deletion)
    assert (done.state, "NoSuchBucket" in done.reason) == ("stopped", True)
    second = order(town, ann, "old/")
    suspend_tenancy(town.house.office("test"), "a-o", "why")
    done = work(second)
    assert (done.state, "TenancySuspended" in done.reason) == ("stopped", True)
    assert keys_of(town, "a-o", "data") == ["old/1"]


def test_it_waits_while_the_site_takes_no_writes_and_goes_on_afterwards(town: Any, ann: Any) -> None:
    put_objects(town, "a-o", "data", ["old/1"])
    deletion = order(town, ann, "old/")
    office = town.house.office("test")
    set_site_setting(office, "read_only", "new disks")
    waiting = work(deletion)
    assert waiting.is_active
    assert waiting.reason.startswith("It waits: ")
    set_site_setting(office, "read_only", None)
    assert work(deletion).state == "done"
    assert keys_of(town, "a-o", "data") == []


def test_it_works_at_a_full_quota(town: Any, ann: Any) -> None:
    put_objects(town, "a-o", "data", ["old/1", "old/2"], size_bytes=100)
    set_tenancy_quota(town.house.office("test"), "a-o", 1)
    assert work(order(town, ann, "old/")).deleted_bytes == 200
    assert keys_of(town, "a-o", "data") == []


def test_keys_that_a_policy_keeps_are_left_and_counted(town: Any, ann: Any, small: None) -> None:
    policy = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Deny", "Principal": "*", "Action": ["s3:DeleteObject"], "Resource": ["arn:aws:s3:::kept/old/5*"]}
            ],
        }
    )  # fmt: skip
    make_bucket(town, "a-o", ann, "kept", policy=policy)
    put_objects(town, "a-o", "kept", [f"old/{number}" for number in range(8)])
    client = town.client(ann)
    url = asked("old/", "kept")
    answer = client.post(url, {"once": value_of(client, url, "once")})
    from holdfast.portal.data.models import Deletion

    done = work(Deletion.objects.get(id=int(answer["Location"].rstrip("/").rpartition("/")[2])))
    assert (done.state, done.deleted_count, done.refused_count) == ("done", 7, 1)
    assert "old/5" in done.reason
    assert keys_of(town, "a-o", "kept") == ["old/5"]


def test_a_deletion_is_cancelled_before_its_next_batch(town: Any, ann: Any, small: None, monkeypatch: Any) -> None:
    from holdfast.portal.data import deletions

    put_objects(town, "a-o", "data", [f"old/{number}" for number in range(10)])
    deletion = order(town, ann, "old/")
    client = town.client(ann)
    here = f"/tenancies/a-o/deletions/{deletion.id}/"
    commit = deletions.Acting.commit

    def commit_and_cancel(*args: Any, **more: Any) -> Any:
        done = commit(*args, **more)
        if len(keys_of(town, "a-o", "data")) == 4:
            assert client.post(f"{here}cancel/").status_code == 302
        return done

    monkeypatch.setattr(deletions.Acting, "commit", commit_and_cancel)
    done = work(deletion)
    assert (done.state, done.deleted_count) == ("cancelled", 6)
    assert len(keys_of(town, "a-o", "data")) == 4
    assert "had ended already" in client.post(f"{here}cancel/", follow=True).content.decode()


def test_who_cancels_somebody_elses_deletion_is_named_in_the_audit_and_to_who_ordered_it(town: Any, ann: Any) -> None:
    from holdfast.portal.notices.models import Notice

    put_objects(town, "a-o", "data", ["old/1"])
    deletion = order(town, ann, "old/")
    dora = town.member("a-o", "dora", Role.DEPUTY)
    assert town.client(dora).post(f"/tenancies/a-o/deletions/{deletion.id}/cancel/").status_code == 302
    [end] = audit_of(town, "deletion.end")
    assert end.actor == dora.principal_id
    assert json.loads(end.detail)["user_id"] == ann.principal_id
    assert "dora (dora) cancelled it." in Notice.objects.get(person=ann, kind="deletion").text


def test_begin_and_end_are_in_the_audit_with_counts_and_the_person_is_told(town: Any, ann: Any) -> None:
    from holdfast.portal.notices.models import Notice

    put_objects(town, "a-o", "data", ["old/1", "old/2"], size_bytes=5)
    work(order(town, ann, "old/"))
    [begin], [end] = audit_of(town, "deletion.begin"), audit_of(town, "deletion.end")
    assert {begin.actor, end.actor} == {ann.principal_id}
    assert begin.subject == end.subject == "a-o/data/old/"
    detail = json.loads(end.detail)
    assert (detail["state"], detail["deleted"], detail["deleted_bytes"]) == ("done", 2, 10)
    [notice] = Notice.objects.filter(person=ann)
    assert "2 objects were deleted" in notice.text


def test_two_deletions_go_on_side_by_side(town: Any, ann: Any, small: None) -> None:
    put_objects(town, "a-o", "data", [f"{folder}/{number}" for folder in "ab" for number in range(7)])
    first, second = order(town, ann, "a/"), order(town, ann, "b/")
    assert (work(first).state, work(second).state) == ("done", "done")
    assert keys_of(town, "a-o", "data") == []


# --- the question


def test_the_question_says_how_many_and_how_large(town: Any, ann: Any) -> None:
    put_objects(town, "a-o", "data", [f"old/{number}" for number in range(12)], size_bytes=1_000)
    text = town.client(ann).get(asked("old/")).content.decode()
    assert "Delete 12 objects?" in text
    assert "12 kB" in text or "12 KB" in text
    assert "can&#x27;t be undone" in text
    assert len(keys_of(town, "a-o", "data")) == 12


def test_the_question_counts_only_so_far(town: Any, ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from holdfast.portal.data import deletions

    monkeypatch.setattr(deletions, "COUNT_MAX", 1_000)
    put_objects(town, "a-o", "data", [f"old/{number}" for number in range(1_200)])
    assert "Delete more than 1,000 objects?" in town.client(ann).get(asked("old/")).content.decode()


def test_a_whole_bucket_wants_its_name_typed(town: Any, ann: Any) -> None:
    from holdfast.portal.data.models import Deletion

    put_objects(town, "a-o", "data", ["a", "b"])
    client = town.client(ann)
    once = value_of(client, asked(""), "once")
    for typed in ("", "dat", "DATA"):
        answer = client.post(asked(""), {"once": once, "typed": typed})
        assert answer.status_code == 200
    assert not Deletion.objects.exists()
    assert client.post(asked(""), {"once": once, "typed": "data"}).status_code == 302
    assert work(Deletion.objects.get()).deleted_count == 2
    assert bucket_row(town, "a-o", "data") is not None


def test_what_is_deleted_is_below_the_prefix_that_the_page_asked_about_line_breaks_and_all(town: Any, ann: Any) -> None:
    from holdfast.portal.data.models import Deletion

    put_objects(town, "a-o", "data", ["a\nb/1", "a\r\nb/1"])
    client = town.client(ann)
    assert client.post(asked("a\nb/"), {"once": value_of(client, asked("a\nb/"), "once")}).status_code == 302
    assert Deletion.objects.get().prefix == "a\nb/"
    # Without a prefix it is the whole bucket, which wants its name.
    assert client.post(asked(""), {"once": "x" * 32}).status_code == 200
    assert Deletion.objects.count() == 1


def test_one_form_orders_once_and_nobody_else_s_order(town: Any, ann: Any) -> None:
    from holdfast.portal.data.models import Deletion

    put_objects(town, "a-o", "data", ["old/1"])
    client = town.client(ann)
    given = {"once": value_of(client, asked("old/"), "once")}
    first, second = client.post(asked("old/"), given), client.post(asked("old/"), given)
    assert first["Location"] == second["Location"]
    mary = town.client(town.member("a-o", "mary", Role.MANAGER))
    assert mary.post(asked("old/"), given)["Location"] != first["Location"]
    assert Deletion.objects.count() == 2
    assert len(audit_of(town, "deletion.begin")) == 2


def test_who_may_not_delete_is_not_asked(town: Any, ann: Any) -> None:
    from holdfast.portal.data.models import Deletion

    put_objects(town, "a-o", "data", ["old/1"])
    ben = town.client(town.member("a-o", "ben"))
    assert ben.get(asked("old/")).status_code == 403
    assert ben.post(asked("old/"), {"once": "x"}).status_code == 403
    assert town.client(town.operator()).get(asked("old/")).status_code == 403
    bob = town.client(town.member("b-o", "bob", Role.MANAGER))
    bob.post(asked("old/"), {"once": "x"})
    assert not Deletion.objects.exists()


def test_nothing_below_the_prefix_is_said_so(town: Any, ann: Any) -> None:
    answer = town.client(ann).get(asked("none/"), follow=False)
    assert answer.status_code == 302


# --- pages of a deletion


def test_only_who_ordered_it_and_who_writes_everywhere_see_a_deletion(town: Any, ann: Any) -> None:
    put_objects(town, "a-o", "data", ["old/1"])
    deletion = order(town, ann, "old/")
    here = f"/tenancies/a-o/deletions/{deletion.id}/"
    ben, dora = town.client(town.member("a-o", "ben")), town.client(town.member("a-o", "dora", Role.DEPUTY))
    bob = town.client(town.member("b-o", "bob", Role.MANAGER))
    for rest in ("", "state/"):
        assert ben.get(here + rest).status_code == 404
        assert dora.get(here + rest).status_code == 200
        assert bob.get(here.replace("a-o", "b-o") + rest).status_code == 404
    assert ben.post(f"{here}cancel/").status_code == 404
    assert bob.post(here.replace("a-o", "b-o") + "cancel/").status_code == 404
    shown = town.client(ann).get(f"{here}cancel/")
    assert (shown.status_code, shown["Allow"]) == (405, "POST")
    assert "This address takes what a form sends" in shown.text
    deletion.refresh_from_db()
    assert deletion.is_active
    assert "old/" not in ben.get("/tenancies/a-o/deletions/").content.decode()
    assert "data/old/" in dora.get("/tenancies/a-o/deletions/").content.decode()


def test_the_page_and_its_script_s_answer_tell_how_far_it_has_come(town: Any, ann: Any) -> None:
    put_objects(town, "a-o", "data", ["old/1", "old/2"])
    deletion = order(town, ann, "old/")
    client = town.client(ann)
    here = f"/tenancies/a-o/deletions/{deletion.id}/"
    assert client.get(f"{here}state/").json()["is_active"] is True
    assert "Cancel the deletion" in client.get(here).content.decode()
    work(deletion)
    assert client.get(f"{here}state/").json() == {
        "state": "done",
        "is_active": False,
        "value": 2,
        "max": 2,
        "text": "2 of 2 objects deleted",
        "reason": "",
    }
    text = client.get(here).content.decode()
    assert "2 of 2 objects deleted" in text
    assert "Cancel the deletion" not in text


def test_hostile_prefixes_are_shown_as_text(town: Any, ann: Any) -> None:

    put_objects(town, "a-o", "data", [f"{HOSTILE}k"])
    client = town.client(ann)
    url = asked(HOSTILE)
    answer = client.post(url, {"once": value_of(client, url, "once")})
    for address in (url, answer["Location"], "/tenancies/a-o/deletions/"):
        assert HOSTILE not in client.get(address).content.decode()


def test_the_list_of_deletions_costs_the_same_whatever_its_length(town: Any, ann: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    from holdfast.portal.data.models import Deletion

    client = town.client(ann)

    def queries(count: int) -> int:
        Deletion.objects.all().delete()
        Deletion.objects.bulk_create(
            Deletion(
                tenancy_id=tenancy_row(town, "a-o").tenancy_id,
                bucket="data",
                bucket_id="x",
                principal_id=ann.principal_id,
                once=str(number),
                ordered_at_us=0,
            )
            for number in range(count)
        )
        with CaptureQueriesContext(connection) as captured:
            assert client.get("/tenancies/a-o/deletions/").status_code == 200
        return len(captured)

    assert queries(1) == queries(60)


def test_a_deletion_that_ended_long_ago_is_forgotten(town: Any, ann: Any) -> None:
    from datetime import timedelta

    from django.utils import timezone

    from holdfast.portal.data.deletions import KEPT_DAYS, forget_old_deletions
    from holdfast.portal.data.models import Deletion

    put_objects(town, "a-o", "data", ["old/1", "new/1"])
    old, new = order(town, ann, "old/"), order(town, ann, "new/")
    Deletion.objects.filter(id=old.id).update(state="done", ended_at=timezone.now() - timedelta(days=KEPT_DAYS + 1))
    assert forget_old_deletions() == 1
    assert list(Deletion.objects.values_list("id", flat=True)) == [new.id]


def test_a_bucket_that_is_gone_stops_it(town: Any, ann: Any) -> None:
    put_objects(town, "a-o", "data", ["old/1"])
    deletion = order(town, ann, "old/")
    from holdfast.portal.data.models import Deletion

    Deletion.objects.filter(id=deletion.id).update(state="deleting")
    row = bucket_row(town, "a-o", "data")

    def remove(rows: Any) -> None:
        from holdfast.store import versions

        versions.remove(rows, tenancy_row(town, "a-o"), row, "old/1", now_us=town.house.now_us())
        buckets.remove(rows, tenancy_row(town, "a-o"), row, town.house.now_us())

    assert town.house.catalog.commit([remove])[0].error is None
    done = work(deletion)
    assert (done.state, "NoSuchBucket" in done.reason) == ("stopped", True)


def test_the_worker_has_the_rounds_of_this_slice(town: Any) -> None:
    from holdfast.portal.worker import rounds

    assert {"deletions", "old deletions", "ended keys"} <= {each.name for each in rounds()}


def test_a_failing_disk_leaves_a_deletion_waiting(town: Any, ann: Any) -> None:
    from holdfast.portal.house import use_house
    from holdfast.telemetry.board import Board

    put_objects(town, "a-o", "data", ["old/1"])
    deletion = order(town, ann, "old/")
    board = Board.private()
    board.set_read_only()
    use_house(replace(town.house, board=board))
    waiting = work(deletion)
    assert waiting.is_active
    assert "It waits" in waiting.reason
    assert keys_of(town, "a-o", "data") == ["old/1"]
