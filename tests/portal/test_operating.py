"""The operators' pages: what each act does, who is told, and which row of the audit log names the operator."""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from holdfast.admin.access_keys import create_access_key, get_access_key
from holdfast.admin.audit import Sought, search_audit
from holdfast.admin.lookups import get_tenancy, get_user
from holdfast.admin.tenancies import suspend_tenancy
from holdfast.auth.roles import Role
from holdfast.catalog.rows import AUDIT, MEMBERS
from holdfast.config import Limits
from holdfast.store.site import ANNOUNCEMENT, READ_ONLY


@pytest.fixture
def operator(town: Any) -> Any:
    town.member("a-o", "mary", Role.MANAGER)
    town.member("a-o", "ben")
    return town.operator()


@pytest.fixture
def client(town: Any, operator: Any) -> Any:
    return town.client(operator)


def acts(town: Any, action: str = "") -> list[Any]:
    with town.house.catalog.read() as rows:
        return list(search_audit(rows, Sought(action=action), 100).rows)


@pytest.mark.parametrize(
    "path",
    [
        "", "tenancies/", "tenancies/a-o/", "new-tenancy/", "people/", "new-person/", "people/ben/", "people/ben/remove/", "tokens/",
        "jobs/", "mail/", "site/", "audit/", "tenancies/a-o/break-glass/", "tenancies/?q=a&state=active",
        "people/?q=ben", "tokens/?owner=ben&tenancy=a-o&state=active", "audit/?person=olga&action=user.&since=2026-01-01",
    ],
)  # fmt: skip
def test_each_page_is_shown(client: Any, path: str) -> None:
    answer = client.get(f"/operators/{path}")
    assert answer.status_code == 200
    assert "Operators" in answer.content.decode()


ACTS: list[tuple[str, dict[str, Any], str]] = [
    ("new-tenancy/", {"name": "b-o", "manager": "mary", "limit_bytes": "1TB"}, "tenancy.create"),
    ("tenancies/a-o/quota/", {"limit_bytes": "5GiB", "limit_objects": ""}, "tenancy.set-quota"),
    ("tenancies/a-o/suspend/", {"reason": "unpaid"}, "tenancy.suspend"),
    ("tenancies/a-o/close/", {"reason": "the project ended"}, "tenancy.close"),
    ("tenancies/a-o/resume/", {}, "tenancy.resume"),
    ("new-person/", {"name": "una", "email": "una@example.org"}, "person.invite"),
    ("people/ben/suspend/", {"reason": "lost laptop"}, "user.suspend"),
    ("people/ben/resume/", {}, "user.resume"),
    ("people/ben/log-out/", {}, "user.end-sessions"),
    ("people/ben/password-link/", {}, "user.password-link"),
    ("people/ben/reset-factors/", {"reason": "new telephone, known by voice"}, "user.reset-factors"),
    ("people/ben/operator/", {"is_operator": "yes"}, "operator.add"),
    ("people/ben/remove/", {"typed_name": "ben"}, "user.remove"),
    ("tokens/TOKEN/revoke/", {}, "key.revoke"),
    ("api-tokens/TOKEN/revoke/", {}, "api-token.revoke"),
    ("site/", {"announcement": "Down on Sunday"}, "site.set"),
    ("mail/MAIL/remove/", {}, "mail.remove"),
    (
        "tenancies/a-o/break-glass/",
        {"reason": "ticket 12: the owner can't read any more", "access": "read", "minutes": "60"},
        "break-glass.open",
    ),
    ("tenancies/a-o/break-glass/end/", {}, "break-glass.close"),
]


@pytest.fixture
def fill(town: Any) -> Callable[[str], str]:
    """Return what puts ids of things that exist into a path."""
    from django.core.mail import send_mail

    from holdfast.portal.notices.outbox import waiting

    def filled(path: str) -> str:
        if path == "tenancies/a-o/resume/":
            suspend_tenancy(town.house.office("test"), "a-o", "unpaid")
        if path.startswith("api-tokens/"):
            from holdfast.portal.tokens.api_tokens import make_site_token

            path = path.replace("TOKEN", make_site_token(town.operator(), "report", None).token.public_id)
        elif "TOKEN" in path:
            made = create_access_key(town.house.office("test"), town.house.keyring, Limits(), "a-o", "ben")
            path = path.replace("TOKEN", made.row.access_key_id)
        if "MAIL" in path:
            send_mail("subject", "text", None, ["ben@example.org"])
            (mail,) = waiting(town.house.home.outbox)
            path = path.replace("MAIL", mail.mail_id)
        return path

    return filled


@pytest.mark.parametrize(("path", "fields", "action"), ACTS, ids=[act[0] for act in ACTS])
def test_each_act_stands_in_the_audit_log_under_the_operators_id(
    town: Any, client: Any, operator: Any, fill: Callable[[str], str], path: str, fields: dict[str, Any], action: str
) -> None:
    answer = client.post(f"/operators/{fill(path)}", fields)
    assert answer.status_code == 302, answer.content.decode()
    (row,) = acts(town, action)[:1]
    assert row.actor == operator.principal_id


def test_every_page_that_changes_something_is_among_the_acts() -> None:
    """By the URL map, so that a new act can't be left out of the test above."""
    import re

    from tests.portal.url_map import for_operators

    seen = {re.sub(r"(TOKEN|MAIL|a-o|ben)", "ID", f"operators/{path}") for path, _, _ in ACTS}
    shown_only = {
        "", "tenancies/", "tenancies/ID/", "people/", "people/ID/", "tokens/", "jobs/", "mail/", "mail/ID/", "audit/",
        "api-tokens/", "api-tokens/add/",
    }  # fmt: skip
    ours = {re.sub(r"<[^>]*>", "ID", page.route) for page in for_operators() if page.name.startswith("operators")}
    assert ours - {f"operators/{path}" for path in shown_only} <= seen


def test_a_tenancy_is_made_with_its_manager_or_not_at_all(town: Any, client: Any) -> None:
    answer = client.post("/operators/new-tenancy/", {"name": "b-o", "manager": "nobody"})
    assert "Nobody has this user name" in answer.content.decode()
    with town.house.catalog.read() as rows, pytest.raises(Exception, match="b-o"):
        get_tenancy(rows, "b-o")
    client.post("/operators/new-tenancy/", {"name": "b-o", "manager": "ben", "limit_bytes": "10 TB"})
    with town.house.catalog.read() as rows:
        assert get_tenancy(rows, "b-o").limit_bytes == 10**13


def test_who_is_invited_gets_a_link_by_mail_and_the_operator_sees_none_of_it(town: Any, client: Any) -> None:
    said = {"name": "una", "email": "una@example.org", "full_name": "Una Fields"}
    shown = client.post("/operators/new-person/", said, follow=True).text
    assert "una has an account now" in shown
    assert "Una Fields" in shown
    (mail,) = [mail for mail in town.mails() if mail["To"] == "una@example.org"]
    link = next(word for word in mail.get_content().split() if "/account/password/" in word)
    assert link.partition("/account/")[2] not in shown
    assert "una had an account already" in client.post("/operators/new-person/", said, follow=True).text


def test_an_invitation_that_cannot_be_is_refused_with_what_to_do(town: Any, client: Any) -> None:
    ben = {"name": "ben", "email": "other@example.org"}
    assert "they change it themselves" in client.post("/operators/new-person/", ben).text
    taken = {"name": "una", "email": "ben@example.org"}
    assert "belongs to another account" in client.post("/operators/new-person/", taken).text
    assert "address is not valid" not in client.get("/operators/new-person/").text
    wrong = client.post("/operators/new-person/", {"name": "Una Ä", "email": "una"})
    assert "valid email address" in wrong.text
    assert not [mail for mail in town.mails() if "una" in str(mail["To"])]


def test_a_quota_form_that_is_sent_as_it_is_changes_nothing(town: Any, client: Any) -> None:
    from holdfast.admin.quotas import set_tenancy_quota
    from holdfast.portal.sizes import exact_size

    for limit in (None, 1, 1_234_567_891, 10**13, 5 * 2**30):
        set_tenancy_quota(town.house.office("test"), "a-o", limit, None)
        client.post("/operators/tenancies/a-o/quota/", {"limit_bytes": exact_size(limit), "limit_objects": ""})
        with town.house.catalog.read() as rows:
            assert get_tenancy(rows, "a-o").limit_bytes == limit


def test_managers_are_told_why_their_tenancy_is_suspended(town: Any, client: Any) -> None:
    client.post("/operators/tenancies/a-o/suspend/", {"reason": "unpaid since <May>"})
    (mail,) = town.mails()
    assert mail["To"] == "mary@example.org"
    assert "unpaid since <May>" in mail.get_content()
    client.post("/operators/tenancies/a-o/resume/", {})
    client.post("/operators/tenancies/a-o/suspend/", {"reason": ""})
    with town.house.catalog.read() as rows:
        assert get_tenancy(rows, "a-o").state == "active"


def test_a_suspended_person_is_out_at_once(town: Any, client: Any) -> None:
    ben = town.client(town.person("ben"))
    assert ben.get("/").status_code == 200
    client.post("/operators/people/ben/suspend/", {"reason": "lost laptop"})
    assert ben.get("/").status_code == 302
    client.post("/operators/people/ben/resume/")
    # The session is gone, too: they log in again.
    assert ben.get("/").status_code == 302


def test_why_a_member_is_suspended_is_read_by_those_who_decide_about_them_until_it_is_over(
    town: Any, client: Any
) -> None:
    from holdfast.admin.users import resume_user
    from holdfast.portal.people.models import Person
    from holdfast.portal.people.tidy import tidy

    manager = town.client(town.person("mary"))
    client.post("/operators/people/ben/suspend/", {"reason": "a lost laptop"})
    assert "a lost laptop" in manager.get("/tenancies/a-o/members/person/ben/").content.decode()
    assert "a lost laptop" in client.get("/operators/people/ben/").content.decode()
    client.post("/operators/people/ben/resume/")
    assert "a lost laptop" not in manager.get("/tenancies/a-o/members/person/ben/").content.decode()
    assert Person.objects.get(name="ben").suspended_reason == ""
    # A command knows nothing of the portal.
    client.post("/operators/people/ben/suspend/", {"reason": "a lost telephone"})
    assert tidy() == 0
    resume_user(town.house.office("cli:root"), "ben")
    assert "telephone" not in manager.get("/tenancies/a-o/members/person/ben/").content.decode()
    assert [tidy(), tidy()] == [1, 0]
    assert Person.objects.get(name="ben").suspended_reason == ""


def test_operators_do_not_lock_themselves_out(town: Any, client: Any, operator: Any) -> None:
    for path in ("suspend/", "remove/", "reset-factors/"):
        answer = client.post(f"/operators/people/olga/{path}", {"reason": "x", "typed_name": "olga"})
        assert answer.status_code == 400
    assert client.post("/operators/people/olga/operator/", {"is_operator": "no"}).status_code == 400
    client.post("/operators/people/ben/operator/", {"is_operator": "yes"})
    assert client.post("/operators/people/olga/operator/", {"is_operator": "no"}).status_code == 302
    assert client.get("/operators/").status_code == 403


def test_an_operator_who_is_suspended_is_nobody_to_leave_the_site_to(town: Any, client: Any) -> None:
    client.post("/operators/people/ben/operator/", {"is_operator": "yes"})
    client.post("/operators/people/ben/suspend/", {"reason": "lost laptop"})
    answer = client.post("/operators/people/olga/operator/", {"is_operator": "no"})
    assert answer.status_code == 400
    assert "the last operator who can log in" in answer.content.decode()
    assert client.get("/operators/").status_code == 200


def test_two_operators_who_remove_each_other_at_once_leave_one(town: Any, operator: Any) -> None:
    from django.db import connection

    from holdfast.admin.errors import Refused
    from holdfast.portal.people.accounts import set_operator
    from holdfast.portal.people.models import Person

    town.operator("otto")
    begin = threading.Barrier(2)

    def take_from(name: str) -> str:
        person = Person.objects.get(name=name)
        begin.wait()
        try:
            set_operator(town.house.office("test"), person, is_operator=False)
        except Refused:
            return "refused"
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(take_from, ("olga", "otto"))) == ["done", "refused"]
    assert Person.objects.filter(is_operator=True).count() == 1


def test_a_removal_needs_the_name_typed(town: Any, client: Any) -> None:
    client.post("/operators/people/ben/remove/", {"typed_name": "bem"})
    with town.house.catalog.read() as rows:
        assert get_user(rows, "ben").state == "active"


def test_a_revoked_token_is_revoked_and_its_owner_told(town: Any, client: Any) -> None:
    made = create_access_key(town.house.office("test"), town.house.keyring, Limits(), "a-o", "ben")
    client.post(f"/operators/tokens/{made.row.access_key_id}/revoke/")
    with town.house.catalog.read() as rows:
        assert get_access_key(rows, made.row.access_key_id).state == "revoked"
    assert [mail["To"] for mail in town.mails()] == ["ben@example.org"]
    page = client.get("/operators/tokens/?state=revoked").content.decode()
    assert made.row.access_key_id in page
    assert made.secret not in page


def test_the_sites_switches_are_set_and_taken_back(town: Any, client: Any) -> None:
    from holdfast.admin.site import list_site_settings

    fields = {"announcement": "Down on Sunday", "is_read_only": "on", "read_only_reason": "moving disks"}
    client.post("/operators/site/", fields)
    with town.house.catalog.read() as rows:
        assert list_site_settings(rows) == {ANNOUNCEMENT: "Down on Sunday", READ_ONLY: "moving disks"}
    page = town.client(town.person("ben")).get("/").content.decode()
    assert "Down on Sunday" in page
    assert "moving disks" in page
    client.post("/operators/site/", {})
    with town.house.catalog.read() as rows:
        assert list_site_settings(rows) == {}


def test_the_outbox_shows_mail_as_text_and_no_other_file(town: Any, client: Any) -> None:
    from django.core.mail import send_mail

    from holdfast.portal.notices.outbox import waiting

    send_mail("<script>alert(1)</script>", "<img src=x>", None, ["ben@example.org"])
    (mail,) = waiting(town.house.home.outbox)
    for path in ("", f"{mail.mail_id}/"):
        page = client.get(f"/operators/mail/{path}").content.decode()
        assert "<script>alert(1)" not in page
        assert "<img src=x>" not in page
    for bad in ("..%2Fkeyring", "../keyring", "1234567890-00000000", "x" * 300):
        assert client.get(f"/operators/mail/{bad}/").status_code == 404
    assert [row.subject for row in acts(town, "mail.show")] == ["ben@example.org"]


def test_a_search_of_the_audit_log_names_people_and_its_csv_holds_no_formula(town: Any, client: Any) -> None:
    town.house.office(town.person("ben").principal_id).record("key.create", "=HYPERLINK(1)", detail={"x": "y"})
    page = client.get("/operators/audit/?person=ben").content.decode()
    assert "=HYPERLINK(1)" in page
    answer = client.get("/operators/audit/?person=ben&format=csv")
    lines = list(csv.reader(io.StringIO(town.text_of(answer))))
    assert lines[0][0] == "when"
    assert [*lines[1][1:3], *lines[1][4:6]] == ["ben", "ben", "key.create", "'=HYPERLINK(1)"]
    assert "Nothing found" in client.get("/operators/audit/?tenancy=never-there").content.decode()


def test_breaking_the_glass_needs_a_reason_tells_managers_and_stays_in_their_history(town: Any, client: Any) -> None:
    fields = {"reason": "because", "access": "read", "minutes": "60"}
    assert client.post("/operators/tenancies/a-o/break-glass/", fields).status_code == 200
    assert acts(town, "break-glass.open") == []
    fields["reason"] = "ticket 12: the owner can't read results"
    client.post("/operators/tenancies/a-o/break-glass/", fields)
    assert [mail["To"] for mail in town.mails()] == ["mary@example.org"]
    page = town.client(town.person("mary")).get("/tenancies/a-o/break-glass/").content.decode()
    assert "ticket 12" in page
    assert town.client(town.person("ben")).get("/tenancies/a-o/break-glass/").status_code == 403
    client.post("/operators/tenancies/a-o/break-glass/end/")
    from holdfast.portal.operating.models import BreakGlass

    assert BreakGlass.objects.get().closed_at is not None


def break_the_glass_and_crash(town: Any, operator: Any, minutes: int = 60) -> None:
    """Commit access to the catalog, and nothing of it to the portal's tables."""
    from holdfast.admin.break_glass import open_break_glass

    office = town.house.office(operator.principal_id)
    open_break_glass(office, "a-o", operator.name, reason="ticket 12: the owner is away", minutes=minutes)


def members_of(town: Any, tenancy: str) -> list[str]:
    with town.house.catalog.read() as rows:
        found = rows.scan(MEMBERS, (get_tenancy(rows, tenancy).tenancy_id,))
        return [member.source for member in found]


@pytest.mark.parametrize("days_later", [0, 2])
def test_managers_are_told_of_access_to_data_that_a_crash_kept_from_them(
    town: Any, operator: Any, clock: Any, days_later: int
) -> None:
    from holdfast.portal.operating.glass_acts import tell_untold
    from holdfast.portal.operating.models import BreakGlass

    break_the_glass_and_crash(town, operator)
    clock.pass_days(days_later)
    assert [tell_untold(), tell_untold()] == [1, 0]
    (mail,) = town.mails()
    assert mail["To"] == "mary@example.org"
    assert ("had access" if days_later else "has access") in str(mail["Subject"]) + str(mail.get_payload())
    assert "ticket 12: the owner is away" in str(mail.get_payload())
    made = BreakGlass.objects.get()
    assert (made.operator, made.reason, made.access) == (operator, "ticket 12: the owner is away", "read")
    assert (made.ends_at - made.opened_at).total_seconds() == 3600


def test_access_to_data_that_was_told_of_is_not_told_of_again(town: Any, client: Any) -> None:
    from holdfast.portal.operating.glass_acts import tell_untold

    fields = {"reason": "ticket 12: the owner can't read results", "access": "read", "minutes": "60"}
    client.post("/operators/tenancies/a-o/break-glass/", fields)
    assert tell_untold() == 0
    assert len(town.mails()) == 1


def test_access_to_data_that_a_crash_kept_is_in_the_history_when_it_is_given_back(
    town: Any, operator: Any, client: Any
) -> None:
    from holdfast.portal.operating.models import BreakGlass

    break_the_glass_and_crash(town, operator)
    client.post("/operators/tenancies/a-o/break-glass/end/")
    assert BreakGlass.objects.get().closed_at is not None
    assert [mail["To"] for mail in town.mails()] == ["mary@example.org"] * 2


def test_access_to_data_that_nobody_says_what_for_is_ended(town: Any, operator: Any) -> None:
    from holdfast.portal.operating.glass_acts import tell_untold

    break_the_glass_and_crash(town, operator)
    with town.house.catalog.read() as rows:
        (opened,) = search_audit(rows, Sought(action="break-glass.open"), 100).rows
    town.house.catalog.commit([lambda rows: rows.remove(AUDIT, (opened.at_us, opened.audit_id))])
    assert [tell_untold(), tell_untold()] == [1, 0]
    assert "break-glass" not in members_of(town, "a-o")
    assert sorted(str(mail["To"]) for mail in town.mails()) == ["mary@example.org", "olga@example.org"]


def test_the_glass_is_not_broken_long_after_the_log_in(town: Any, operator: Any) -> None:
    client = town.client(operator)
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 3600
    session.save()
    answer = client.get("/operators/tenancies/a-o/break-glass/")
    assert answer.status_code == 302
    assert "reauthenticate" in answer["Location"]


def test_mail_that_waits_is_counted_without_reading_it_and_read_a_page_at_a_time(
    town: Any, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from holdfast.portal.notices import outbox

    for number in range(60):
        outbox.put(town.house.home.outbox, f"To: a{number}@example.org\r\nSubject: s\r\n\r\n".encode())
    seen: list[Any] = []
    whole = outbox.read
    monkeypatch.setattr(outbox, "read", lambda path: seen.append(path) or whole(path))
    assert client.get("/operators/").status_code == 200
    assert seen == []
    page = client.get("/operators/mail/").content.decode()
    assert "60 mails" in page
    assert len(seen) == 50
    assert page.index("a59@") < page.index("a10@")
    assert "a9@" not in page


@pytest.mark.parametrize("path", ["people/?q=p&state=active", "tenancies/?q=t", "tokens/?owner=ben", "api-tokens/?x=y"])
def test_long_lists_come_in_pages_that_count_from_one_as_everywhere_else(town: Any, client: Any, path: str) -> None:
    from holdfast.admin.users import create_user
    from holdfast.portal.tokens.api_tokens import make_site_token

    office = town.house.office("test")
    for number in range(51):
        match path.partition("/")[0]:
            case "people":
                create_user(office, f"p{number:02}", "")
            case "tenancies":
                town.tenancy(f"t{number:02}-o")
            case "tokens":
                create_access_key(office, town.house.keyring, Limits(), "a-o", "ben")
            case _:
                make_site_token(town.person("olga"), f"d{number:02}", None)
    first = client.get(f"/operators/{path}").content.decode()
    assert "page=2" in first
    assert 'rel="prev"' not in first
    second = client.get(f"/operators/{path}&page=2").content.decode()
    assert "page=1" in second
    assert 'rel="next"' not in second
    # What is too much, or no page, is one that there is.
    assert second.count("<tr>") == client.get(f"/operators/{path}&page=99").content.decode().count("<tr>")
    for odd in ("0", "-1", "x"):
        assert client.get(f"/operators/{path}&page={odd}").content.decode().count("<tr>") == first.count("<tr>")
    assert second.count("<tr>") < first.count("<tr>")


def test_an_operator_makes_others_manager_of_a_new_tenancy_and_never_themselves(town: Any, client: Any) -> None:
    answer = client.post("/operators/new-tenancy/", {"name": "b-o", "manager": "olga"})
    assert "makes themselves MANAGER of nothing" in answer.content.decode()
    with town.house.catalog.read() as rows, pytest.raises(Exception, match="b-o"):
        get_tenancy(rows, "b-o")
    oscar = town.operator("oscar")
    assert client.post("/operators/new-tenancy/", {"name": "b-o", "manager": "oscar"}).status_code == 302
    assert oscar.notices.filter(kind="manager_set").exists()


def test_every_link_with_a_secret_is_veiled_by_the_url_map() -> None:
    """A new page for whoever holds its link has to be named there, and no operator reads the link."""
    from tests.portal.url_map import pages

    from holdfast.portal.access import Need
    from holdfast.portal.notices.veil import SECRET_PAGES

    secret = {page.name for page in pages() if {"secret", "key"} & set(page.kwargs)}
    open_to_all = {page.name for page in pages() if page.need is Need.ANYBODY and page.kwargs}
    assert secret | open_to_all == set(SECRET_PAGES)


def test_an_operator_reads_no_link_of_somebody_elses_mail(town: Any, client: Any) -> None:
    from django.core.mail import send_mail
    from django.urls import reverse

    from holdfast.portal.notices.outbox import waiting
    from holdfast.portal.notices.veil import IN_ITS_PLACE, SECRET_PAGES
    from holdfast.portal.people.links import absolute

    links = [absolute(reverse(name, kwargs=dict.fromkeys(names, "s3cr3t"))) for name, names in SECRET_PAGES.items()]
    send_mail("Links", "".join(f"Before {link}?s3cr3t after.\n<{link}>\n" for link in links), None, ["ben@example.org"])
    (mail,) = waiting(town.house.home.outbox)
    page = client.get(f"/operators/mail/{mail.mail_id}/").text
    assert "s3cr3t" not in page
    assert page.count(IN_ITS_PLACE) == 2 * len(links)
    assert page.count("Before") == page.count("after.") == len(links)
    assert f"holdfast mail show {mail.mail_id}" in page


def test_an_operator_gives_no_account_of_a_member_to_an_address_of_their_choice(town: Any, client: Any) -> None:
    from holdfast.admin.members import add_member
    from holdfast.admin.users import create_user
    from holdfast.portal.people.models import Person

    office = town.house.office("test")
    for name, email in (("cron", ""), ("dora", "dora@example.org"), ("free", "")):
        create_user(office, name, email)
    for name in ("cron", "dora"):
        add_member(office, "a-o", name, Role.USER)
    for name in ("cron", "dora"):
        answer = client.post("/operators/new-person/", {"name": name, "email": "olga@elsewhere.example"})
        assert f"holdfast user invite {name} --email ADDRESS" in answer.text
    assert not Person.objects.filter(name__in=("cron", "dora")).exists()
    # At the address that the store knows, and who is a member of nothing, as before.
    for name, email in (("dora", "Dora@example.org"), ("free", "free@example.org")):
        assert client.post("/operators/new-person/", {"name": name, "email": email}).status_code == 302


def test_the_name_of_who_is_invited_is_one_line(client: Any) -> None:
    said = {"name": "una", "email": "una@example.org", "full_name": "Una\nBcc: x"}
    assert "signs that can be seen" in client.post("/operators/new-person/", said).text


SENSITIVE = [
    "new-tenancy/", "tenancies/a-o/quota/", "tenancies/a-o/suspend/", "tenancies/a-o/close/", "new-person/",
    "people/ben/suspend/", "people/ben/password-link/", "people/ben/reset-factors/", "people/ben/operator/",
    "people/ben/remove/", "site/", "tenancies/a-o/break-glass/",
]  # fmt: skip
FORM_PAGES = ["new-tenancy/", "new-person/", "people/ben/remove/", "site/", "tenancies/a-o/break-glass/"]


@pytest.mark.parametrize("path", SENSITIVE)
def test_what_is_sensitive_asks_again_who_it_is(town: Any, client: Any, path: str) -> None:
    from tests.portal.test_tokens import age_session

    (fields,) = [fields for at, fields, _ in ACTS if at == path]
    age_session(client, 16 * 60)
    count = len(acts(town))
    answer = client.post(f"/operators/{path}", fields)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/reauthenticate/")
    assert len(acts(town)) == count
    # A page that is a form asks before anything is typed; one that shows is shown.
    if path in FORM_PAGES:
        assert client.get(f"/operators/{path}")["Location"].startswith("/account/reauthenticate/")
    for shown in ("people/ben/", "tenancies/a-o/"):
        assert client.get(f"/operators/{shown}").status_code == 200


def test_signed_urls_end_with_a_log_out_by_an_operator_and_elsewhere(town: Any, client: Any, operator: Any) -> None:
    from holdfast.portal.data.credentials import portal_key

    ben = town.person("ben")

    def signed() -> str:
        with town.house.catalog.read() as rows:
            tenancy_id = get_tenancy(rows, "a-o").tenancy_id
        return str(portal_key(tenancy_id, ben.principal_id).access_key_id)

    def state(key: str) -> str:
        with town.house.catalog.read() as rows:
            return str(get_access_key(rows, key).state)

    key = signed()
    assert client.post("/operators/people/ben/log-out/").status_code == 302
    assert state(key) == "revoked"
    assert [row.actor for row in acts(town, "key.portal-end")] == [operator.principal_id]
    key = signed()
    assert town.client(ben).post("/account/security/log-out-elsewhere/").status_code == 302
    assert state(key) == "revoked"
    assert state(signed()) == "active"


def test_nobody_is_taken_for_somebody_else_in_the_audit_log_or_its_csv(town: Any, client: Any, operator: Any) -> None:
    eve = town.member("a-o", "eve")
    eve.full_name = "olga"
    eve.save()
    with town.house.catalog.read() as rows:
        tenancy_id = get_tenancy(rows, "a-o").tenancy_id
    town.house.office(eve.principal_id).record("bucket.delete", "a-o/data", tenancy_id)
    town.house.office("cli:root").record("bucket.create", "a-o/data", tenancy_id)
    mary = town.client(town.person("mary"))
    for browser, path in ((client, "/operators/audit/?action=bucket."), (mary, "/tenancies/a-o/activity/")):
        assert "olga (eve)" in browser.get(path).text
    for browser, path in (
        (client, "/operators/audit/?action=bucket.&format=csv"),
        (mary, "/tenancies/a-o/activity/export/?action=bucket."),
    ):
        first, second = csv.DictReader(io.StringIO(town.text_of(browser.get(path))))
        assert (first["user"], first["principal"]) == ("", "cli:root")
        assert (second["who"], second["user"], second["principal"]) == ("olga (eve)", "eve", eve.principal_id)
