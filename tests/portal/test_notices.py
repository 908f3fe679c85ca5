"""Notices: whose they are, in which order, and that they lead nowhere else."""

from __future__ import annotations

from typing import Any

import pytest

SCRIPT = "<script>alert(1)</script>"


def tell(town: Any, name: str, subject: str, **options: Any) -> int:
    from django.db import transaction

    from holdfast.portal.notices.notify import notify

    with transaction.atomic():
        return notify([town.person(name)], "test", subject, options.pop("text", "text"), **options)


def notices(town: Any, name: str) -> Any:
    from holdfast.portal.notices.models import Notice

    return Notice.objects.filter(person=town.person(name))


def test_unread_notices_stand_first_and_are_counted_until_they_are_read(town: Any) -> None:
    for number in range(3):
        tell(town, "ann", f"subject {number}")
    client = town.client(town.person("ann"))
    newest = notices(town, "ann").get(subject="subject 2")
    assert client.post(f"/notices/{newest.pk}/read/").status_code == 302
    page = client.get("/notices/").content.decode()
    places = [page.index(f">subject {number}<") for number in (1, 0, 2)]
    assert places == sorted(places)
    assert "2<span" in page.split('class="count">')[1]
    client.post("/notices/read/")
    page = client.get("/notices/").content.decode()
    assert "2 notices were marked as read" in page
    assert 'class="count"' not in page
    assert "Mark all as read" not in page


def test_nobody_reads_or_marks_the_notices_of_another(town: Any) -> None:
    tell(town, "ann", "for ann alone", url="/services/")
    notice = notices(town, "ann").get()
    bob = town.client(town.person("bob"))
    assert "for ann alone" not in bob.get("/notices/").content.decode().lower()
    for act in ("read", "open"):
        assert bob.post(f"/notices/{notice.pk}/{act}/").status_code == 404
    bob.post("/notices/read/")
    notice.refresh_from_db()
    assert notice.read_at is None


def test_notices_change_by_post_alone(town: Any) -> None:
    tell(town, "ann", "one")
    notice = notices(town, "ann").get()
    client = town.client(town.person("ann"))
    for path in ("/notices/read/", f"/notices/{notice.pk}/read/", f"/notices/{notice.pk}/open/"):
        assert client.get(path).status_code == 405
    notice.refresh_from_db()
    assert notice.read_at is None


@pytest.mark.parametrize(
    ("url", "leads_to"),
    [
        ("/tenancies/a-o/", "/tenancies/a-o/"),
        ("", "/notices/"),
        ("https://evil.example/", "/notices/"),
        ("//evil.example/", "/notices/"),
        ("/\\evil.example/", "/notices/"),
        ("javascript:alert(1)", "/notices/"),
        ("evil", "/notices/"),
    ],
)
def test_opening_a_notice_marks_it_and_leads_to_a_page_of_this_site_alone(town: Any, url: str, leads_to: str) -> None:
    tell(town, "ann", "one", url=url, by_mail=False)
    client = town.client(town.person("ann"))
    assert ("Open<" in client.get("/notices/").content.decode()) is (leads_to != "/notices/")
    answer = client.post(f"/notices/{notices(town, 'ann').get().pk}/open/")
    assert answer["Location"] == leads_to
    assert notices(town, "ann").get().read_at is not None


def test_the_list_pages_with_a_bounded_number_of_queries(town: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    for number in range(120):
        tell(town, "ann", f"subject {number}", by_mail=False)
    client = town.client(town.person("ann"))
    with CaptureQueriesContext(connection) as captured:
        page = client.get("/notices/?page=3").content.decode()
    assert len(captured) <= 8
    assert "101 to 120 of 120" in page
    assert page.count("<article") == 20
    for odd in ("0", "-1", "x", "9" * 40, ""):
        assert client.get(f"/notices/?page={odd}").status_code == 200


def test_words_of_a_notice_are_shown_as_text(town: Any) -> None:
    tell(town, "ann", SCRIPT, text=SCRIPT)
    assert SCRIPT not in town.client(town.person("ann")).get("/notices/").content.decode().replace("Script", "script")


def test_who_was_never_told_anything_reads_what_will_stand_here(town: Any) -> None:
    assert "No notices yet" in town.client(town.person("ann")).get("/notices/").content.decode()


def test_the_same_notice_goes_to_a_person_once(town: Any) -> None:
    assert tell(town, "ann", "one", once="x") == 1
    assert tell(town, "ann", "one", once="x") == 0
    assert tell(town, "bob", "one", once="x") == 1
    assert len(town.mails()) == 2


def test_a_subject_of_any_length_and_lines_fits_a_header_and_the_table(town: Any) -> None:
    tell(town, "ann", "a\r\nBcc: all@example.org\n" + "x" * 500)
    (mail,) = town.mails()
    assert mail["Bcc"] is None
    assert len(mail["Subject"].strip()) == 200
    assert len(notices(town, "ann").get().subject) == 200


def test_a_mail_goes_out_only_when_what_it_tells_of_was_committed(town: Any) -> None:
    from django.db import transaction

    from holdfast.portal.notices.notify import notify

    with transaction.atomic():
        notify([town.person("ann")], "test", "subject", "text")
        assert town.mails() == []
        transaction.set_rollback(True)
    assert town.mails() == []
    assert not notices(town, "ann").exists()
