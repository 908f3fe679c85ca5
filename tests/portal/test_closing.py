"""Closing a tenancy: frozen, told, manifests, taken back, deleted by an operator's word, and a certificate (M7)."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote

import pytest
from tests.portal.test_asking import django_assert_max  # noqa: F401

from holdfast.admin.audit import Sought, search_audit
from holdfast.admin.errors import AdminError, Refused, Taken
from holdfast.admin.lookups import get_tenancy
from holdfast.admin.site import set_site_setting
from holdfast.admin.tenancies import close_tenancy, delete_tenancy, resume_tenancy, suspend_tenancy
from holdfast.auth.roles import Role
from holdfast.catalog.rows import BUCKETS, OBJECTS, TENANCIES, BucketRow
from holdfast.portal.house import use_house
from holdfast.store import versions
from holdfast.store.site import READ_ONLY

DAY_US = 86_400_000_000


@pytest.fixture
def mary(town: Any) -> Any:
    """The MANAGER of a tenancy with a deputy, a user, a guest, and two buckets."""
    town.member("a-o", "dan", Role.DEPUTY)
    town.member("a-o", "uma")
    manager = town.member("a-o", "mary", Role.MANAGER)
    fill(town, "cmip6", ["a", "b/c", "z"])
    fill(town, "empty", [])
    town.operator()
    return manager


def fill(town: Any, name: str, keys: list[str], size_bytes: int = 10) -> BucketRow:
    row = BucketRow(
        tenancy(town).tenancy_id, name, f"id-{name}", town.person("uma").principal_id, 1, "", "", "", "", None, None
    )

    def write(rows: Any) -> None:
        rows.add(BUCKETS, row)
        for key in keys:
            body = versions.Body(size_bytes, f"etag-{len(key)}", "CRC64NVME:FULL_OBJECT:abc=")
            versions.put(
                rows, rows.find(TENANCIES, (row.tenancy_id,)), row, key, versions.Facts("text/plain"), body,
                version_id="v", created_by="x", now_us=1_800_000_000_000_000,
            )  # fmt: skip

    assert town.house.catalog.commit([write])[0].error is None
    return row


def tenancy(town: Any, name: str = "a-o") -> Any:
    with town.house.catalog.read() as rows:
        return get_tenancy(rows, name)


def close(town: Any, name: str = "mary", **changes: Any) -> Any:
    said = {"reason": "The project is over", "typed_name": "a-o"}
    return town.client(town.person(name)).post("/tenancies/a-o/close/", {**said, **changes})


def closing() -> Any:
    from holdfast.portal.tenancies.models import Closing

    return Closing.objects.latest("pk")


def tend() -> int:
    from holdfast.portal.tenancies.closing import tend_closings

    return tend_closings()


def pass_days(town: Any, count: int) -> None:
    real = town.house.now_us
    town.house = replace(town.house, now_us=lambda: real() + count * DAY_US)
    use_house(town.house)


def confirm(town: Any, operator: str = "olga", typed: str = "a-o") -> Any:
    client = town.client(town.operator(operator))
    return client.post(f"/operators/closings/{closing().pk}/", {"typed_name": typed})


def erase() -> int:
    from holdfast.portal.tenancies.closing_erasure import erase as work

    return work()


def acts(town: Any, action: str) -> list[Any]:
    with town.house.catalog.read() as rows:
        return list(search_audit(rows, Sought(action=action), 100).rows)


def subjects(town: Any, to: str) -> list[str]:
    return [str(mail["Subject"]) for mail in town.mails() if f"{to}@" in str(mail["To"])]


# --- Freezing and telling ---


def test_a_manager_closes_a_tenancy_and_it_is_read_only_at_once(town: Any, mary: Any) -> None:
    answer = close(town)
    assert answer.status_code == 302
    found = tenancy(town)
    assert found.state == "readonly"
    assert found.reason.startswith("closing: The project is over. Data can be read until ")
    assert acts(town, "tenancy.close")[0].actor == mary.principal_id
    made = closing()
    assert (made.state, made.grace_ends_on - made.closed_at.date()) == ("GRACE", timedelta(days=30))


def test_all_members_are_told_by_notice_and_mail_and_operators_too(town: Any, mary: Any) -> None:
    from holdfast.portal.notices.models import Notice

    close(town)
    while tend():
        pass
    for name in ("mary", "dan", "uma"):
        assert any("a-o is being closed" in subject for subject in subjects(town, name)), name
        assert Notice.objects.filter(person=town.person(name), kind="tenancy_closing").count() == 1
    text = next(mail for mail in town.mails() if "uma@" in str(mail["To"])).get_content()
    assert "The project is over." in text
    assert f"{closing().grace_ends_on:%B %Y}" in text
    assert len(subjects(town, "olga")) == 1
    assert tend() == 0, "once each"


def test_many_members_are_told_a_hundred_at_a_time(town: Any, mary: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from holdfast.portal.tenancies import closing as module

    monkeypatch.setattr(module, "TOLD_AT_ONCE", 2)
    close(town)
    assert [tend(), tend(), tend()] == [2, 1, 0]
    assert closing().told_state == "GRACE"


@pytest.mark.parametrize(
    ("changes", "words"),
    [({"reason": ""}, "required"), ({"typed_name": "b-o"}, "Type a-o"), ({"typed_name": ""}, "required"),
     ({"reason": "x" * 301}, "at most 300")],
)  # fmt: skip
def test_closing_needs_a_reason_and_the_name_typed(town: Any, mary: Any, changes: dict[str, Any], words: str) -> None:
    answer = close(town, **changes)
    assert answer.status_code == 400
    assert words in answer.content.decode()
    assert tenancy(town).state == "active"


def test_only_managers_close_and_take_back(town: Any, mary: Any) -> None:
    for name in ("dan", "uma"):
        assert close(town, name).status_code == 403
        assert town.client(town.person(name)).post("/tenancies/a-o/close/take-back/").status_code == 403
    assert tenancy(town).state == "active"


def test_a_tenancy_is_closed_once(town: Any, mary: Any) -> None:
    from holdfast.portal.tenancies.models import Closing

    close(town)
    reason = tenancy(town).reason
    assert close(town, reason="Again").status_code == 302
    assert Closing.objects.count() == 1
    assert tenancy(town).reason == reason


@pytest.mark.parametrize(("change", "state"), [(suspend_tenancy, "suspended"), (close_tenancy, "readonly")])
def test_what_operators_said_is_not_lifted_by_closing_and_taking_back(
    town: Any, mary: Any, change: Any, state: str
) -> None:
    change(town.house.office("x"), "a-o", "a leaked key")
    answer = close(town)
    assert answer.status_code == 400
    assert "ask the operators" in answer.content.decode()
    assert (tenancy(town).state, tenancy(town).reason) == (state, "a leaked key")


def test_a_suspension_during_the_grace_is_not_lifted_by_taking_back(town: Any, mary: Any) -> None:
    close(town)
    suspend_tenancy(town.house.office("x"), "a-o", "a leaked key")
    answer = town.client(mary).post("/tenancies/a-o/close/take-back/")
    assert answer.status_code == 400
    assert "a leaked key" in answer.content.decode()
    assert tenancy(town).state == "suspended"
    assert closing().state == "GRACE"


# --- What is seen meanwhile ---


def test_every_page_of_a_closing_tenancy_says_so(town: Any, mary: Any) -> None:
    close(town)
    for name, path in (("uma", "quota/"), ("uma", ""), ("mary", "close/"), ("dan", "members/")):
        shown = town.client(town.person(name)).get(f"/tenancies/a-o/{path}").content.decode()
        assert "This tenancy is being closed" in shown, path
        assert "The project is over." in shown
    assert "taking it back" in town.client(mary).get("/tenancies/a-o/").content.decode()
    assert "taking it back" not in town.client(town.person("uma")).get("/tenancies/a-o/").content.decode()


def test_the_reason_of_a_suspension_is_for_those_who_answer_for_the_tenancy(town: Any, mary: Any) -> None:
    suspend_tenancy(town.house.office("x"), "a-o", "a leaked key")
    for name, sees_it in (("mary", True), ("dan", False), ("uma", False)):
        shown = town.client(town.person(name)).get("/tenancies/a-o/quota/").content.decode()
        assert "This tenancy is suspended" in shown
        assert ("a leaked key" in shown) is sees_it, name


def test_a_read_only_tenancy_says_so(town: Any, mary: Any) -> None:
    close_tenancy(town.house.office("x"), "a-o", "moving disks")
    for name, sees_why in (("mary", True), ("uma", False)):
        shown = town.client(town.person(name)).get("/tenancies/a-o/quota/").content.decode()
        assert "This tenancy is read-only" in shown
        assert ("moving disks" in shown) is sees_why


def test_nothing_that_a_manager_writes_is_more_than_text(town: Any, mary: Any) -> None:
    close(town, reason="<script>alert(1)</script>")
    for client, path in (
        (town.client(mary), "/tenancies/a-o/close/"), (town.client(town.person("uma")), "/tenancies/a-o/quota/"),
        (town.client(town.operator()), f"/operators/closings/{closing().pk}/"),
        (town.client(town.operator()), "/operators/tenancy-requests/"),
    ):  # fmt: skip
        assert "<script>alert" not in client.get(path).content.decode(), path


# --- Manifests ---


def download(town: Any, client: Any, bucket: str, name: str = "a-o") -> str:
    """Return the manifest of a bucket; empty when it is refused."""
    answer = client.get(f"/tenancies/{name}/close/manifest/{bucket}/")
    return town.text_of(answer) if answer.streaming else ""


def refusal(client: Any, bucket: str, name: str = "a-o") -> int:
    return int(client.get(f"/tenancies/{name}/close/manifest/{bucket}/").status_code)


def test_a_manifest_holds_every_key_with_its_size_and_checksums(town: Any, mary: Any) -> None:
    answer = town.client(mary).get("/tenancies/a-o/close/manifest/cmip6/")
    assert answer["Content-Disposition"] == 'attachment; filename="cmip6-manifest.csv"'
    rows = list(csv.DictReader(io.StringIO(download(town, town.client(mary), "cmip6"))))
    assert [(row["key"], row["size_bytes"], row["etag"], row["checksum"]) for row in rows] == [
        ("a", "10", "etag-1", "CRC64NVME:FULL_OBJECT:abc="), ("b/c", "10", "etag-3", "CRC64NVME:FULL_OBJECT:abc="),
        ("z", "10", "etag-1", "CRC64NVME:FULL_OBJECT:abc="),
    ]  # fmt: skip
    assert datetime.fromisoformat(rows[0]["last_modified"]) == datetime.fromtimestamp(1_800_000_000, UTC)
    assert acts(town, "bucket.manifest")[0].actor == mary.principal_id
    assert list(csv.DictReader(io.StringIO(download(town, town.client(mary), "empty")))) == []


def test_a_manifest_is_read_page_by_page(town: Any, mary: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from holdfast.portal.tenancies import closing_manifest

    monkeypatch.setattr(closing_manifest, "PAGE_ROWS", 3)
    keys = [f"k{number:02}" for number in range(10)]
    row = fill(town, "many", keys)
    pages = list(closing_manifest.manifest_lines(row))
    assert len(pages) == 5
    assert [line["key"] for line in csv.DictReader(io.StringIO("".join(pages)))] == keys


def test_no_key_is_a_formula_and_each_can_be_told_exactly(town: Any, mary: Any) -> None:
    keys = ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\tx", 'a"b', "line\nbreak", "é/ü", "'=x", "%41", "-a/-b"]
    fill(town, "evil", keys)
    rows = list(csv.DictReader(io.StringIO(download(town, town.client(mary), "evil"))))
    assert sorted(unquote(row["key_url_encoded"]) for row in rows) == sorted(keys)
    for row in rows:
        for cell in row.values():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell


def test_a_manifest_is_for_managers_who_are_members(town: Any, mary: Any) -> None:
    for name in ("dan", "uma"):
        assert refusal(town.client(town.person(name)), "cmip6") == 403
    assert refusal(town.client(town.operator()), "cmip6") == 403, "keys are data"
    assert refusal(town.client(mary), "absent") == 404
    town.member("b-o", "bob", Role.MANAGER)
    assert refusal(town.client(town.person("bob")), "cmip6", "b-o") == 404
    assert not acts(town, "bucket.manifest")


def test_of_a_suspended_tenancy_no_keys_are_told(town: Any, mary: Any) -> None:
    suspend_tenancy(town.house.office("x"), "a-o", "a leaked key")
    assert refusal(town.client(mary), "cmip6") == 403
    assert download(town, town.client(mary), "cmip6") == ""


# --- Taking back ---


def test_a_manager_takes_the_closing_back_and_those_who_were_told_are_told(town: Any, mary: Any) -> None:
    close(town)
    while tend():
        pass
    town.member("a-o", "new")
    answer = town.client(mary).post("/tenancies/a-o/close/take-back/")
    assert answer.status_code == 302
    assert (tenancy(town).state, tenancy(town).reason, closing().state) == ("active", "", "RESUMED")
    while tend():
        pass
    for name in ("mary", "dan", "uma"):
        assert any("a-o stays open" in subject for subject in subjects(town, name)), name
    assert not any("stays open" in subject for subject in subjects(town, "new"))
    assert town.client(mary).post("/tenancies/a-o/close/take-back/").status_code == 400
    assert close(town).status_code == 302, "and it may be closed again"


def test_a_closing_that_is_taken_back_before_anybody_was_told_tells_nobody(town: Any, mary: Any) -> None:
    close(town)
    town.client(mary).post("/tenancies/a-o/close/take-back/")
    while tend():
        pass
    assert subjects(town, "uma") == []


def test_operators_who_resume_a_tenancy_end_its_closing(town: Any, mary: Any) -> None:
    close(town)
    while tend():
        pass
    resume_tenancy(town.house.office("x"), "a-o")
    while tend():
        pass
    assert closing().state == "RESUMED"
    assert any("stays open" in subject for subject in subjects(town, "uma"))


def test_a_tenancy_that_operators_deleted_by_a_command_ends_its_closing(town: Any, mary: Any) -> None:
    town.member("b-o", "bob", Role.MANAGER)
    town.client(town.person("bob")).post("/tenancies/b-o/close/", {"reason": "over", "typed_name": "b-o"})
    delete_tenancy(town.house.office("x"), "b-o")
    tend()
    assert closing().state == "DELETED"
    text = town.client(town.person("bob")).get(f"/certificates/{closing().pk}/").content.decode()
    assert "by a command of the operators" in text


# --- What a crash leaves ---


def test_a_closing_that_was_not_put_into_force_is_by_the_worker(
    town: Any, mary: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from holdfast.portal.tenancies import closing as module

    monkeypatch.setattr(module, "freeze", lambda closing_id: None)
    close(town)
    assert tenancy(town).state == "active"
    monkeypatch.undo()
    tend()
    assert tenancy(town).state == "readonly"
    assert closing().frozen_at is not None


def test_a_closing_that_meets_an_operators_suspension_is_given_up(
    town: Any, mary: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from holdfast.portal.tenancies import closing as module

    monkeypatch.setattr(module, "freeze", lambda closing_id: None)
    close(town)
    monkeypatch.undo()
    suspend_tenancy(town.house.office("x"), "a-o", "a leaked key")
    tend()
    assert (closing().state, tenancy(town).state, tenancy(town).reason) == ("RESUMED", "suspended", "a leaked key")


def test_a_crash_in_taking_back_leaves_an_open_tenancy_without_a_closing(town: Any, mary: Any) -> None:
    from holdfast.portal.tenancies.closing import frozen_reason

    close(town)
    # The catalog's half is done, the portal's transaction was lost.
    resume_tenancy(town.house.office(mary.principal_id), "a-o", if_closed_for=frozen_reason(closing()))
    tend()
    assert closing().state == "RESUMED"


# --- Deleting ---


def test_nothing_is_deleted_before_the_grace_is_over_nor_without_the_name(town: Any, mary: Any) -> None:
    close(town)
    answer = confirm(town)
    assert answer.status_code == 400
    assert "wait until that day is over" in answer.content.decode()
    pass_days(town, 30)
    assert confirm(town).status_code == 400, "the last day counts whole"
    pass_days(town, 1)
    assert confirm(town, typed="b-o").status_code == 400
    assert tenancy(town).state == "readonly"
    assert erase() == 0


def test_managers_are_reminded_a_week_before_and_operators_when_it_is_over(town: Any, mary: Any) -> None:
    close(town)
    while tend():
        pass
    before = len(town.mails())
    pass_days(town, 22)
    assert tend() == 0
    pass_days(town, 1)
    assert [tend(), tend()] == [2, 0]
    assert {str(mail["To"]) for mail in town.mails()[before:]} == {"mary@example.org", "dan@example.org"}
    pass_days(town, 8)
    assert [tend(), tend()] == [1, 0]
    assert "may be deleted" in subjects(town, "olga")[-1]


def delete(town: Any) -> Any:
    close(town)
    while tend():
        pass
    pass_days(town, 31)
    assert confirm(town).status_code == 302
    return closing()


def test_an_operator_has_all_deleted_and_a_certificate_stays(town: Any, mary: Any) -> None:
    town.member("b-o", "bob", Role.MANAGER)
    made = delete(town)
    assert (made.state, tenancy(town).state) == ("DELETING", "suspended")
    assert (made.held_objects, made.held_bytes) == (3, 30)
    assert "being deleted" in town.client(mary).get("/tenancies/a-o/").content.decode()
    while erase():
        pass
    made = closing()
    assert (made.state, made.deleted_objects, made.deleted_bytes) == ("DELETED", 3, 30)
    with town.house.catalog.read() as rows:
        assert [row.name for row in rows.scan(TENANCIES)] == ["b-o"]
        assert [*rows.scan(BUCKETS), *rows.scan(OBJECTS)] == []
    olga = town.person("olga").principal_id
    for action in ("tenancy.erase", "bucket.delete", "tenancy.delete"):
        assert acts(town, action)[0].actor == olga, action
    for name in ("mary", "olga"):
        assert any("a-o is deleted" in subject for subject in subjects(town, name)), name
    text = town.client(mary).get(f"/certificates/{made.pk}/text/")
    assert text["Content-Disposition"] == f'attachment; filename="certificate-of-deletion-a-o-{made.pk}.txt"'
    for words in (
        "a-o",
        "The project is over.",
        "Objects: 3",
        "Bytes:   30",
        "by olga (operator)",
        "Closed by:          mary",
    ):
        assert words in text.content.decode()


def test_the_certificate_outlives_tenancy_and_people(town: Any, mary: Any) -> None:
    from holdfast.admin.users import remove_user

    delete(town)
    while erase():
        pass
    number = closing().pk
    town.member("a-o", "eve", Role.MANAGER)  # the name is somebody else's by now
    remove_user(town.house.office("x"), "olga")
    assert "by olga" in town.client(mary).get(f"/certificates/{number}/text/").content.decode()
    for name in ("eve", "uma", "dan"):
        client = town.client(town.person(name))
        assert client.get(f"/certificates/{number}/").status_code == 404, name
        assert client.get(f"/certificates/{number}/text/").status_code == 404
    assert town.client(town.operator("otto")).get(f"/certificates/{number}/").status_code == 200


def test_there_is_no_certificate_of_what_is_not_deleted(town: Any, mary: Any) -> None:
    delete(town)
    for person in (mary, town.operator()):
        assert town.client(person).get(f"/certificates/{closing().pk}/").status_code == 404


def test_only_operators_confirm_and_of_two_the_second_is_told(town: Any, mary: Any) -> None:
    close(town)
    pass_days(town, 31)
    path = f"/operators/closings/{closing().pk}/"
    for name in ("mary", "dan", "uma"):
        assert town.client(town.person(name)).post(path, {"typed_name": "a-o"}).status_code == 403
    assert confirm(town).status_code == 302
    answer = confirm(town, "otto")
    assert answer.status_code == 400
    assert "being deleted already" in answer.content.decode()
    assert len(acts(town, "tenancy.erase")) == 1


def test_a_manager_can_not_take_back_what_is_being_deleted(town: Any, mary: Any) -> None:
    delete(town)
    answer = town.client(mary).post("/tenancies/a-o/close/take-back/")
    assert answer.status_code == 400
    assert "being deleted already" in answer.content.decode()
    assert closing().state == "DELETING"


def test_a_tenancy_that_was_taken_back_is_not_deleted_whatever_is_posted(town: Any, mary: Any) -> None:
    close(town)
    pass_days(town, 31)
    town.client(mary).post("/tenancies/a-o/close/take-back/")
    assert confirm(town).status_code == 400
    assert tenancy(town).state == "active"
    assert not acts(town, "tenancy.erase")


def test_operators_who_resume_it_stop_the_deletion(town: Any, mary: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from holdfast.portal.tenancies import closing_erasure

    monkeypatch.setattr(closing_erasure, "ROUND_S", -1)
    delete(town)
    erase()
    resume_tenancy(town.house.office("x"), "a-o")
    assert erase() == 0
    assert (closing().state, tenancy(town).state) == ("RESUMED", "active")
    assert any("was taken back" in subject for subject in subjects(town, "mary"))
    assert erase() == 0


def test_the_deletion_waits_for_maintenance_and_goes_on_after_it(town: Any, mary: Any) -> None:
    delete(town)
    set_site_setting(town.house.office("x"), READ_ONLY, "disks")
    assert erase() == 0
    assert closing().state == "DELETING"
    set_site_setting(town.house.office("x"), READ_ONLY, None)
    assert erase() == 3
    assert closing().state == "DELETED"


def test_a_deletion_goes_on_in_rounds_and_after_a_crash(town: Any, mary: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from holdfast.admin import erasure
    from holdfast.portal.tenancies import closing_erasure

    fill(town, "many", [f"k{number:03}" for number in range(25)])
    made = delete(town)
    real = erasure.erase_step
    monkeypatch.setattr(closing_erasure, "ROUND_S", -1)
    monkeypatch.setattr(
        closing_erasure, "erase_step", lambda office, tenancy_id, reason: real(office, tenancy_id, reason, 4)
    )
    assert erase() == 3
    shown = town.client(town.operator()).get(f"/operators/closings/{made.pk}/").content.decode()
    assert "3 of 28 objects" in shown
    # A process dies when the tenancy is gone and the certificate not yet made.
    monkeypatch.setattr(closing_erasure, "_finish", lambda closing: None)
    for _ in range(20):
        erase()
    assert closing().state == "DELETING"
    monkeypatch.undo()
    assert erase() == 0
    assert closing().state == "DELETED"
    assert closing().deleted_objects == 28


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"legal_hold": 1}, "kept by a legal hold"),
        ({"retain_until_us": 4_102_444_800_000_000}, "locked until 01 January 2100, 00:00 UTC"),
    ],
)
def test_a_locked_object_stops_a_deletion_with_one_line_in_the_log(
    town: Any, mary: Any, capsys: pytest.CaptureFixture[str], changes: dict[str, int], says: str
) -> None:
    def lock(rows: Any) -> None:
        row = rows.find(OBJECTS, ("id-cmip6", "a"))
        rows.replace(OBJECTS, row._replace(**changes))

    assert town.house.catalog.commit([lock])[0].error is None
    delete(town)
    capsys.readouterr()
    for _ in range(3):
        assert erase() == 0
    assert "".join(capsys.readouterr()).count("can't be deleted further") == 1
    assert says in closing().fault
    assert closing().state == "DELETING"


def test_a_fault_is_shown_and_tried_again(town: Any, mary: Any) -> None:
    def lock(rows: Any) -> None:
        row = rows.find(OBJECTS, ("id-cmip6", "a"))
        rows.replace(OBJECTS, row._replace(legal_hold=1))

    assert town.house.catalog.commit([lock])[0].error is None
    made = delete(town)
    erase()
    shown = town.client(town.operator()).get(f"/operators/closings/{made.pk}/").content.decode()
    assert "The deletion does not go on" in shown
    assert "STUCK" in town.client(town.operator()).get("/operators/tenancy-requests/").content.decode()

    def unlock(rows: Any) -> None:
        row = rows.find(OBJECTS, ("id-cmip6", "a"))
        rows.replace(OBJECTS, row._replace(legal_hold=0))

    assert town.house.catalog.commit([unlock])[0].error is None
    while erase():
        pass
    assert closing().state == "DELETED"
    assert closing().fault == ""


def test_a_crash_in_confirming_is_confirmed_again(town: Any, mary: Any) -> None:
    from holdfast.admin.erasure import begin_erasure
    from holdfast.portal.tenancies.closing import frozen_reason
    from holdfast.portal.tenancies.closing_erasure import erased_reason

    close(town)
    pass_days(town, 31)
    made = closing()
    # The catalog's half is done, the portal's transaction was lost.
    begin_erasure(town.house.office("x"), made.tenancy_id, erased_reason(made), closed_for=frozen_reason(made))
    tend()
    assert closing().state == "GRACE"
    assert confirm(town).status_code == 302
    assert closing().held_objects == 3


@pytest.mark.parametrize("grace", [0, 5])
def test_the_grace_is_the_sites(town: Any, mary: Any, grace: int) -> None:
    site = replace(town.house.settings.site, closing_grace_days=grace)
    town.house = replace(town.house, settings=replace(town.house.settings, site=site))
    use_house(town.house)
    close(town)
    pass_days(town, grace)
    assert confirm(town).status_code == 400
    pass_days(town, 1)
    assert confirm(town).status_code == 302


def test_the_pages_take_a_bounded_number_of_queries(
    town: Any,
    mary: Any,
    django_assert_max: Callable[[int], Any],  # noqa: F811
) -> None:
    rows = [
        BucketRow(
            tenancy(town).tenancy_id, f"b{number:04}", f"i{number}", mary.principal_id, 1, "", "", "", "", None, None
        )
        for number in range(300)
    ]
    assert town.house.catalog.commit([lambda tx: [tx.add(BUCKETS, row) for row in rows]])[0].error is None
    close(town)
    client = town.client(mary)
    with django_assert_max(16):
        shown = client.get("/tenancies/a-o/close/?page=2").content.decode()
    assert shown.count("close/manifest/") == 50
    client = town.client(town.operator())
    with django_assert_max(16):
        assert client.get(f"/operators/closings/{closing().pk}/").status_code == 200


def test_of_many_who_close_it_in_one_moment_one_does(town: Any, mary: Any) -> None:
    import threading

    from holdfast.portal.access import find_standing
    from holdfast.portal.tenancies import closing as module

    standing = find_standing(mary, "a-o")
    assert standing is not None
    outcomes: list[str] = []
    barrier = threading.Barrier(4)

    def run(act: Callable[[], Any]) -> None:
        from django.db import connection

        barrier.wait()
        try:
            act()
            outcomes.append("done")
        except (Refused, Taken, AdminError) as error:
            outcomes.append(str(error))
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(lambda: module.close(standing, "over"),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("done") == 1, outcomes
    assert closing().state == "GRACE"
    assert tenancy(town).state == "readonly"


def test_who_has_data_deleted_proves_again_who_they_are(town: Any, mary: Any) -> None:
    from tests.portal.test_tokens import age_session

    close(town)
    client = town.client(town.operator())
    path = f"/operators/closings/{closing().pk}/"
    age_session(client, 16 * 60)
    assert client.get(path).status_code == 200
    pass_days(town, 31)
    for answer in (client.get(path), client.post(path, {"typed_name": "a-o"})):
        assert answer["Location"].startswith("/account/reauthenticate/")
    assert closing().state == "GRACE"
