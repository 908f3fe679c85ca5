"""GUESTs (C1): invited by mail to named buckets until a day; one link, one address, one acceptance."""

from __future__ import annotations

import json
import re
import threading
from datetime import date, timedelta
from typing import Any

import pytest

from holdfast.auth.roles import Role

PASSWORD = "an album of polar bears"
OUTSIDE = "gerda@example.com"
SCRIPT = "<script>alert(1)</script>"


def make_bucket(town: Any, tenancy: str, name: str, bucket_id: str = "") -> str:
    from holdfast.admin.lookups import get_tenancy
    from holdfast.catalog.rows import BUCKETS, BucketRow

    with town.house.catalog.read() as rows:
        tenancy_id = get_tenancy(rows, tenancy).tenancy_id
    bucket_id = bucket_id or f"id-of-{tenancy}-{name}"
    row = BucketRow(tenancy_id, name, bucket_id, "nobody", town.house.now_us(), "", "", "", "", None, None)
    assert town.house.catalog.commit([lambda rows: rows.add(BUCKETS, row)])[0].error is None
    return bucket_id


@pytest.fixture
def lab(town: Any) -> Any:
    """A tenancy with a MANAGER, mary, a DEPUTY, dave, a USER, uma, and the buckets data, drop and own."""
    for name, role in (("mary", Role.MANAGER), ("dave", Role.DEPUTY), ("uma", Role.USER)):
        town.member("lab-o", name, role)
    for bucket in ("data", "drop", "own"):
        make_bucket(town, "lab-o", bucket)
    town.operator()
    return town


def today() -> date:
    from holdfast.portal.joining.days import today

    return today()


def client(town: Any, name: str | None = None) -> Any:
    return town.client(town.person(name) if name else None)


def invite(town: Any, by: str = "mary", email: str = OUTSIDE, **given: Any) -> Any:
    given = {
        "email": email,
        "bucket_id-of-lab-o-data": "read",
        "bucket_id-of-lab-o-drop": "write",
        "last_day": (today() + timedelta(days=30)).isoformat(),
        **given,
    }
    return client(town, by).post("/tenancies/lab-o/members/invite/", given)


def link(town: Any, email: str = OUTSIDE) -> str:
    """Return the path of the newest link that was sent to an address."""
    mail = [mail for mail in town.mails() if mail["To"] == email][-1]
    found = re.search(r"https://localhost:8444(/invitations/[\w-]+/)", mail.get_content())
    assert found is not None
    return found[1]


def invitation() -> Any:
    from holdfast.portal.joining.models import Invitation

    return Invitation.objects.latest("pk")


def standing(town: Any, name: str) -> Any:
    from holdfast.portal.access import find_standing
    from holdfast.portal.people.models import Person

    return find_standing(Person.objects.get(name=name), "lab-o")


def sign_up(browser: Any, name: str = "gerda", **given: Any) -> Any:
    return browser.post("/invitation/", {"name": name, "full_name": "Gerda Outside", "password": PASSWORD, **given})


# Inviting


def test_who_is_invited_without_an_account_makes_one_by_the_link_and_reaches_the_named_buckets_alone(lab: Any) -> None:
    from allauth.account.models import EmailAddress

    from holdfast.portal.joining.days import last_day_of
    from holdfast.portal.people.models import Person

    assert invite(lab, message="Welcome!").status_code == 302
    (mail,) = lab.mails()
    assert mail["Reply-To"] == "mary@example.org"
    assert "data: read\n" in mail.get_content()
    assert "drop: read and write\n" in mail.get_content()
    assert "Welcome!" in mail.get_content()
    browser = lab.client()
    answer = browser.get(link(lab))
    assert answer["Location"] == "/invitation/"
    page = browser.get("/invitation/").content.decode()
    assert "mary invites you" in page
    assert "own" not in re.findall(r'class="mono break">(\w+)<', page)
    answer = sign_up(browser)
    assert answer["Location"] == "/tenancies/lab-o/"
    gerda = Person.objects.get(name="gerda")
    address = EmailAddress.objects.get(user=gerda)
    assert (address.email, address.verified, address.primary) == (OUTSIDE, True, True)
    assert (gerda.source, gerda.is_operator) == ("portal", False)
    assert gerda.check_password(PASSWORD)
    here = standing(lab, "gerda")
    assert here.role is Role.GUEST
    assert json.loads(here.member.buckets) == {"id-of-lab-o-data": "read", "id-of-lab-o-drop": "write"}
    assert last_day_of(here.member.until_us) == today() + timedelta(days=30)
    # They are logged in, with no second prompt.
    assert browser.get("/tenancies/lab-o/").status_code == 200
    assert any(
        mail["To"] == "mary@example.org" and "accepted your invitation" in mail["Subject"] for mail in lab.mails()
    )


@pytest.mark.parametrize("kind", ["Refused", "Taken"])
def test_whose_access_the_store_refuses_is_in_the_account_that_was_made_and_told_so(
    lab: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    from holdfast.admin import errors
    from holdfast.portal.joining import granting

    def refuse(*given: Any, **named: Any) -> None:
        raise getattr(errors, kind)("the bucket is gone")

    invite(lab)
    monkeypatch.setattr(granting, "add_member", refuse)
    browser = lab.client()
    browser.get(link(lab))
    answer = sign_up(browser)
    assert answer["Location"] == "/"
    page = browser.get("/").content.decode()
    assert "could not be opened for you: the bucket is gone" in page
    assert browser.get("/account/").status_code == 200
    assert standing(lab, "gerda") is None
    assert any("failed" in mail["Subject"] for mail in lab.mails() if mail["To"] == "mary@example.org")


def test_the_access_of_a_guest_ends_on_the_day_that_was_set(lab: Any, clock: Any) -> None:
    invite(lab)
    browser = lab.client()
    browser.get(link(lab))
    sign_up(browser)
    clock.pass_days(30)
    assert standing(lab, "gerda") is not None
    clock.pass_days(1)
    assert standing(lab, "gerda") is None
    assert "Request to join" in browser.get("/tenancies/lab-o/").content.decode()


def test_who_has_an_account_accepts_by_logging_in_with_the_invited_address(lab: Any) -> None:
    lab.person("gerda", email=OUTSIDE)
    invite(lab)
    browser = lab.client()
    browser.get(link(lab))
    page = browser.get("/invitation/").content.decode()
    assert "Log in to accept" in page
    assert 'href="/account/login/?next=/invitation/"' in page
    assert sign_up(browser, "other").status_code == 200
    gerda = client(lab, "gerda")
    gerda.get(link(lab))
    assert "Accept" in gerda.get("/invitation/").content.decode()
    assert gerda.post("/invitation/")["Location"] == "/tenancies/lab-o/"
    assert standing(lab, "gerda").role is Role.GUEST


def test_another_account_cant_accept_not_even_with_the_address_unverified(lab: Any) -> None:
    from allauth.account.models import EmailAddress

    invite(lab)
    eve = lab.person("eve")
    EmailAddress.objects.create(user=eve, email=OUTSIDE, verified=False, primary=False)
    browser = client(lab, "eve")
    browser.get(link(lab))
    for method in ("get", "post"):
        page = getattr(browser, method)("/invitation/").content.decode()
        assert "This invitation is for another address" in page
    assert standing(lab, "eve") is None
    assert invitation().state == "OPEN"
    # Whoever squats on the address keeps nobody from making their own account.
    stranger = lab.client()
    stranger.get(link(lab))
    assert sign_up(stranger).status_code == 302


def test_letters_of_an_address_count_whatever_their_case(lab: Any) -> None:
    lab.person("gerda", email=OUTSIDE)
    invite(lab, email="GERDA@Example.COM")
    gerda = client(lab, "gerda")
    gerda.get(link(lab))
    assert gerda.post("/invitation/").status_code == 302


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"email": "nobody"}, "valid email"),
        ({"email": ""}, "required"),
        ({"bucket_id-of-lab-o-data": "", "bucket_id-of-lab-o-drop": ""}, "Name at least one bucket"),
        ({"bucket_id-of-lab-o-data": "admin"}, "valid choice"),
        ({"last_day": ""}, "required"),
        ({"last_day": "2001-01-01"}, "after today"),
        ({"last_day": "2199-01-01"}, "at most 10 years"),
    ],
)
def test_an_invitation_names_an_address_buckets_and_an_end(lab: Any, given: dict[str, str], fault: str) -> None:
    answer = invite(lab, **given)
    assert answer.status_code == 400
    assert fault in answer.content.decode()
    assert lab.mails() == []


def test_buckets_of_another_tenancy_are_not_given_away(lab: Any) -> None:
    lab.tenancy("other-o")
    theirs = make_bucket(lab, "other-o", "secret")
    answer = invite(lab, **{"bucket_id-of-lab-o-data": "", "bucket_id-of-lab-o-drop": "", f"bucket_{theirs}": "write"})
    assert answer.status_code == 400
    invite(lab, **{f"bucket_{theirs}": "write"})
    assert theirs not in invitation().buckets


@pytest.mark.parametrize(("by", "status"), [("mary", 302), ("dave", 302), ("olga", 302), ("uma", 403)])
def test_who_invites_is_said_by_the_role_table(lab: Any, by: str, status: int) -> None:
    assert invite(lab, by).status_code == status


def test_more_than_a_hundred_buckets_can_be_named(lab: Any) -> None:
    for number in range(120):
        make_bucket(lab, "lab-o", f"many-{number:03}")
    page = client(lab, "mary").get("/tenancies/lab-o/members/invite/").content.decode()
    assert "Other buckets" in page
    more = "many-117\nmany-118:write\n\n many-119 : read "
    assert invite(lab, more=more).status_code == 302
    named = invitation().buckets
    assert (named["id-of-lab-o-many-118"], named["id-of-lab-o-many-119"]) == ("write", "read")
    answer = invite(lab, email="x@example.com", more="nosuch\ndata:admin")
    assert "There is no bucket nosuch here." in answer.content.decode()
    assert "Write data or data:write." in answer.content.decode()


@pytest.mark.parametrize(
    "email",
    [
        "", "gerda", "gerda@example.com\nBcc: eve@example.com", "gerda@example.com\r", "a@example.com,b@example.com",
        "a@example.com b@example.com", '"a@example.com,"@example.com', "Gerda <gerda@example.com>", "gerda@[127.0.0.1]",
        "g\x00@example.com", '"\x01"@example.com', "g@" + "x." * 130 + "example", "\ud800@example.com",
    ],
)  # fmt: skip
def test_what_is_not_one_address_is_not_invited_by_the_page_nor_by_the_api(lab: Any, email: str) -> None:
    from tests.portal.api_map import Caller, token_for

    from holdfast.portal.joining.models import Invitation

    call = Caller(lab, token_for(lab, lab.person("mary"), "lab-o"))
    asked = {"email": email, "buckets": {"data": "read"}, "last_day": (today() + timedelta(days=30)).isoformat()}
    assert call("POST", "/tenancies/lab-o/invitations", asked).status_code in (400, 422)
    if email.strip() == email.encode(errors="ignore").decode():  # what a form can send
        assert invite(lab, email=email).status_code == 400
    assert not Invitation.objects.exists()
    assert not [mail for mail in lab.mails() if "invites you" in mail["Subject"]]


def test_no_more_than_a_hundred_invitations_a_day_are_sent(lab: Any, clock: Any) -> None:
    from holdfast.portal.joining.models import Invitation

    invite(lab)
    facts = {name: getattr(invitation(), name) for name in ("tenancy_id", "buckets", "ends_on", "invited_by", "invited_at", "link_ends_at")}  # fmt: skip
    Invitation.objects.bulk_create(
        Invitation(**facts, email=f"x{number}@example.com", digest=str(number), state="WITHDRAWN")
        for number in range(99)
    )
    assert "send more tomorrow" in invite(lab, email="y@example.com").content.decode()
    clock.pass_days(1.01)
    assert invite(lab, email="y@example.com").status_code == 302


def test_a_tenancy_without_buckets_says_what_to_do_first(lab: Any) -> None:
    lab.member("bare-o", "mary", Role.MANAGER)
    page = client(lab, "mary").get("/tenancies/bare-o/members/invite/").content.decode()
    assert "There is no bucket to invite to" in page


def test_a_member_of_this_tenancy_is_not_invited_and_one_address_only_once(lab: Any) -> None:
    assert "is a member already" in invite(lab, email="uma@example.org").content.decode()
    invite(lab)
    assert "is invited already" in invite(lab).content.decode()
    # Whether an address has an account at all is not told.
    assert invite(lab, email="olga@example.org").status_code == 302
    assert invite(lab, email="nobody@example.org").status_code == 302


# The link


def test_a_link_is_looked_at_without_being_spent_and_stands_in_the_database_as_a_hash_alone(lab: Any) -> None:
    invite(lab)
    path = link(lab)
    for _ in range(3):
        assert lab.client().get(path).status_code == 302
    assert lab.client().head(path).status_code == 302
    assert invitation().state == "OPEN"
    secret = path.split("/")[2]
    from django.db import connection

    assert secret not in "\n".join(connection.connection.iterdump())


def test_the_secret_stands_neither_in_the_next_address_nor_in_the_log(lab: Any, caplog: Any, capsys: Any) -> None:
    invite(lab)
    path = link(lab)
    browser = lab.client()
    answer = browser.get(path)
    secret = path.split("/")[2]
    assert secret not in answer["Location"]
    assert secret not in browser.get("/invitation/").content.decode()
    assert secret not in json.dumps(dict(browser.session))
    said = capsys.readouterr()
    assert secret not in caplog.text + said.out + said.err


def test_an_invitation_ends_after_two_weeks(lab: Any, clock: Any) -> None:
    invite(lab)
    path = link(lab)
    browser = lab.client()
    browser.get(path)
    clock.pass_days(13.9)
    assert browser.get("/invitation/").status_code == 200
    clock.pass_days(0.2)
    assert browser.get(path).status_code == 404
    assert sign_up(browser).status_code == 404
    assert invite(lab).status_code == 302  # The stale one stands in nobody's way.


def test_sending_again_ends_the_earlier_link_and_is_not_for_every_minute(lab: Any, clock: Any) -> None:
    invite(lab)
    old = link(lab)
    browser = lab.client()
    browser.get(old)
    number = invitation().pk
    hasty = client(lab, "dave").post(f"/tenancies/lab-o/members/invitations/{number}/send/", follow=True)
    assert "was sent a moment ago" in hasty.content.decode()
    assert link(lab) == old
    clock.pass_days(11 / 24 / 60)
    assert client(lab, "dave").post(f"/tenancies/lab-o/members/invitations/{number}/send/").status_code == 302
    new = link(lab)
    assert old != new
    assert lab.client().get(old).status_code == 404
    assert sign_up(browser).status_code == 404
    fresh = lab.client()
    fresh.get(new)
    assert sign_up(fresh).status_code == 302


def test_a_withdrawn_invitation_is_of_no_use_not_even_to_who_has_the_page_open(lab: Any) -> None:
    invite(lab)
    browser = lab.client()
    browser.get(link(lab))
    assert "gerda@example.com" in client(lab, "mary").get("/tenancies/lab-o/members/").content.decode()
    client(lab, "mary").post(f"/tenancies/lab-o/members/invitations/{invitation().pk}/withdraw/")
    answer = sign_up(browser)
    assert answer.status_code == 404
    assert "does not work any more" in answer.content.decode()
    from holdfast.portal.people.models import Person

    assert not Person.objects.filter(name="gerda").exists()
    again = client(lab, "mary").post(f"/tenancies/lab-o/members/invitations/{invitation().pk}/withdraw/", follow=True)
    assert "not open any more" in again.content.decode()


def test_an_accepted_invitation_is_accepted_once(lab: Any) -> None:
    invite(lab)
    first, second = lab.client(), lab.client()
    for browser in (first, second):
        browser.get(link(lab))
    assert sign_up(first).status_code == 302
    assert sign_up(second, "gerda2").status_code == 404
    from holdfast.portal.people.models import Person

    assert not Person.objects.filter(name="gerda2").exists()


def test_unknown_spent_and_withdrawn_links_are_answered_alike(lab: Any) -> None:
    invite(lab)
    spent = link(lab)
    browser = lab.client()
    browser.get(spent)
    sign_up(browser)
    answers = [lab.client().get(path) for path in (spent, "/invitations/not-a-link-of-ours/")]
    texts = [answer.content.decode().replace(answer["X-Request-Id"], "") for answer in answers]
    texts = [re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", text) for text in texts]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert texts[0] == texts[1]


def test_of_two_who_accept_at_once_and_one_who_withdraws_exactly_one_has_their_way(lab: Any) -> None:
    from django.db import connection

    from holdfast.admin.errors import AdminError
    from holdfast.portal.access import find_standing
    from holdfast.portal.joining.inviting import accept, digest_of, find_offer, withdraw_invitation

    manager = find_standing(lab.person("mary"), "lab-o")
    for turn in range(5):
        email = f"g{turn}@example.com"
        person = lab.person(f"gerda{turn}", email=email)
        invite(lab, email=email)
        digest = digest_of(link(lab, email).split("/")[2])
        start = threading.Barrier(3)
        outcomes = []

        def accepts(digest: str = digest, person: Any = person, start: Any = start, outcomes: Any = outcomes) -> None:
            offer = find_offer(digest)
            start.wait()
            accept(offer, person)
            outcomes.append("accepted")

        def withdraws(number: int = invitation().pk, start: Any = start, outcomes: Any = outcomes) -> None:
            start.wait()
            withdraw_invitation(manager, number)
            outcomes.append("withdrawn")

        def act(what: Any) -> None:
            try:
                what()
            except AdminError:
                pass
            finally:
                connection.close()

        threads = [threading.Thread(target=act, args=(what,)) for what in (accepts, accepts, withdraws)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert len(outcomes) == 1
        assert (standing(lab, f"gerda{turn}") is not None) is (outcomes == ["accepted"])


def test_the_invitation_of_who_has_left_is_no_way_back_in(lab: Any) -> None:
    """A DEPUTY invites a friend, or themselves under another address, and is revoked before it is accepted."""
    invite(lab, "dave")
    client(lab, "mary").post("/tenancies/lab-o/members/person/dave/revoke/", {"reason": "Left."})
    assert lab.client().get(link(lab)).status_code == 404


def test_an_invitation_of_another_tenancy_is_not_there(lab: Any) -> None:
    lab.member("other-o", "otto", Role.MANAGER)
    invite(lab)
    otto = client(lab, "otto")
    for act in ("send", "withdraw"):
        answer = otto.post(f"/tenancies/other-o/members/invitations/{invitation().pk}/{act}/")
        assert answer.status_code == 404
    assert invitation().state == "OPEN"
    assert len([mail for mail in lab.mails() if mail["To"] == OUTSIDE]) == 1
    assert (
        client(lab, "uma").post(f"/tenancies/lab-o/members/invitations/{invitation().pk}/withdraw/").status_code == 403
    )


# The account


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"password": "short"}, "too short"),
        ({"password": "password1234"}, "too common"),
        ({"name": "Not A Name"}, "can&#x27;t be a user&#x27;s name"),
        ({"name": "uma"}, "taken"),
        ({"name": "cron"}, "there is a user `cron` already"),
        ({"full_name": ""}, "required"),
    ],
)
def test_an_account_needs_a_free_name_and_a_good_password(lab: Any, given: dict[str, str], fault: str) -> None:
    from holdfast.admin.users import create_user

    create_user(lab.house.office("test"), "cron", "cron@example.org")
    invite(lab)
    browser = lab.client()
    browser.get(link(lab))
    answer = sign_up(browser, **given)
    assert answer.status_code == 400
    assert fault.lower() in answer.content.decode().lower()
    assert PASSWORD not in answer.content.decode()
    assert invitation().state == "OPEN"
    assert sign_up(browser).status_code == 302


def test_an_account_takes_no_more_from_its_form_than_the_form_names(lab: Any) -> None:
    from allauth.account.models import EmailAddress

    from holdfast.portal.people.models import Person

    invite(lab)
    browser = lab.client()
    browser.get(link(lab))
    sign_up(
        browser, is_operator="1", is_active="0", email="mary@example.org", principal_id=lab.person("mary").principal_id,
        role="MANAGER", source="cli", last_day="2099-01-01", buckets="{}",
    )  # fmt: skip
    gerda = Person.objects.get(name="gerda")
    assert (gerda.is_operator, gerda.is_active, gerda.source, gerda.email) == (False, True, "portal", OUTSIDE)
    assert gerda.principal_id != lab.person("mary").principal_id
    assert list(EmailAddress.objects.filter(user=gerda).values_list("email", flat=True)) == [OUTSIDE]
    assert standing(lab, "gerda").role is Role.GUEST


def test_the_session_gets_another_key_when_the_account_is_made(lab: Any) -> None:
    invite(lab)
    browser = lab.client()
    browser.get(link(lab))
    before = browser.cookies["__Host-session"].value
    sign_up(browser)
    assert browser.cookies["__Host-session"].value != before


def test_words_of_an_invitation_are_shown_as_text(lab: Any) -> None:
    lab.person("eve", full_name=SCRIPT)
    lab.member("lab-o", "eve", Role.MANAGER)
    invite(lab, "eve", message=SCRIPT)
    browser = lab.client()
    browser.get(link(lab))
    assert SCRIPT not in browser.get("/invitation/").content.decode()


# A GUEST, once there


def test_a_guest_is_not_downgraded_nor_a_member_by_an_invitation(lab: Any) -> None:
    from holdfast.admin.members import add_member

    gerda = lab.person("gerda", email=OUTSIDE)
    invite(lab)
    add_member(lab.house.office("test"), "lab-o", "gerda", Role.DEPUTY)
    browser = client(lab, "gerda")
    browser.get(link(lab))
    answer = browser.post("/invitation/")
    assert answer.status_code == 409
    assert "you are a member of lab-o already" in answer.content.decode().lower()
    assert standing(lab, gerda.name).role is Role.DEPUTY


def test_an_invitation_to_buckets_that_are_gone_is_refused_in_plain_words(lab: Any) -> None:
    from holdfast.catalog.rows import BUCKETS

    gerda = lab.person("gerda", email=OUTSIDE)
    invite(lab)
    tenancy_id = standing(lab, "mary").tenancy.tenancy_id
    lab.house.catalog.commit([lambda rows: [rows.remove(BUCKETS, (tenancy_id, name)) for name in ("data", "drop")]])
    # One of the same name is another bucket.
    make_bucket(lab, "lab-o", "data", "another-id")
    browser = client(lab, "gerda")
    browser.get(link(lab))
    answer = browser.post("/invitation/")
    assert answer.status_code == 409
    assert "are gone" in answer.content.decode()
    assert standing(lab, gerda.name) is None


def test_the_buckets_and_the_end_of_a_guest_are_changed_on_their_page(lab: Any) -> None:
    from holdfast.portal.joining.days import last_day_of

    invite(lab)
    browser = lab.client()
    browser.get(link(lab))
    sign_up(browser)
    dave = client(lab, "dave")
    form = dave.get("/tenancies/lab-o/members/person/gerda/buckets/").content.decode()
    assert '<option value="write" selected>' in form
    later = today() + timedelta(days=60)
    given = {"bucket_id-of-lab-o-own": "read", "last_day": later.isoformat()}
    assert dave.post("/tenancies/lab-o/members/person/gerda/buckets/", given).status_code == 302
    member = standing(lab, "gerda").member
    assert json.loads(member.buckets) == {"id-of-lab-o-own": "read"}
    assert last_day_of(member.until_us) == later
    assert dave.get("/tenancies/lab-o/members/person/uma/buckets/").status_code == 404
    text = dave.get("/tenancies/lab-o/members/person/gerda/").content.decode()
    assert "own" in text


def test_who_came_by_an_invitation_sees_no_list_of_tenancies_and_their_faces_are_closed(lab: Any) -> None:
    from holdfast.admin.lookups import get_tenancy
    from holdfast.portal.joining.models import TenancyPage

    lab.member("open-o", "otto", Role.MANAGER)
    with lab.house.catalog.read() as rows:
        TenancyPage.objects.create(tenancy_id=get_tenancy(rows, "open-o").tenancy_id, summary="Open to members")
    invite(lab)
    browser = lab.client()
    browser.get(link(lab))
    sign_up(browser)
    page = browser.get("/services/object-store/").content.decode()
    assert "lab-o" in page
    assert "open-o" not in page
    asked = browser.get("/tenancies/open-o/").content.decode()
    assert "Open to members" not in asked
    assert "otto" not in asked
    # Who becomes a member somewhere is no outsider any more.
    lab.member("open-o", "gerda", Role.USER)
    lab.member("third-o", "otto", Role.MANAGER)
    assert "third-o" in browser.get("/services/object-store/").content.decode()


def test_a_guest_may_ask_to_be_a_user(lab: Any) -> None:
    invite(lab)
    browser = lab.client()
    browser.get(link(lab))
    sign_up(browser)
    answer = browser.post("/tenancies/lab-o/join/", {"role": "USER", "answer_purpose": "More."})
    assert answer.status_code == 302
    from holdfast.portal.joining.models import AccessRequest

    number = AccessRequest.objects.get().pk
    last_day = (today() + timedelta(days=90)).isoformat()
    client(lab, "mary").post(
        f"/tenancies/lab-o/requests/{number}/",
        {"decision": "approve", "role": "USER", "lasts": "custom", "last_day": last_day},
    )
    here = standing(lab, "gerda")
    assert (here.role, here.member.buckets) == (Role.USER, "")


# Operators, who reach data by break-glass alone


def notices_of(town: Any, name: str, kind: str) -> list[str]:
    from holdfast.portal.notices.models import Notice

    return list(Notice.objects.filter(person=town.person(name), kind=kind).values_list("subject", flat=True))


def test_an_operator_who_is_no_member_invites_neither_themselves_nor_another_operator(lab: Any) -> None:
    from allauth.account.models import EmailAddress

    from holdfast.portal.joining.models import Invitation

    olga = lab.person("olga")
    lab.operator("oscar")
    EmailAddress.objects.create(user=olga, email="olga@elsewhere.example", verified=False)
    for email in ("olga@example.org", "Olga@Example.org", "olga@elsewhere.example", "oscar@example.org"):
        assert invite(lab, "olga", email).status_code == 400
    assert not Invitation.objects.exists()
    # A MANAGER may: it is their data.
    assert invite(lab, "mary", "oscar@example.org").status_code == 302


def test_an_address_that_becomes_the_operators_after_they_invited_it_makes_them_no_guest(lab: Any) -> None:
    from allauth.account.models import EmailAddress

    assert invite(lab, "olga", "new@example.com").status_code == 302
    olga = lab.person("olga")
    EmailAddress.objects.create(user=olga, email="new@example.com", verified=True)
    browser = lab.client(olga)
    browser.get(link(lab, "new@example.com"))
    assert browser.post("/invitation/").status_code == 409
    assert standing(lab, "olga").member is None
    assert invitation().state == "OPEN"
    # Nor another operator, by the operator's right.
    EmailAddress.objects.filter(user=olga, email="new@example.com").delete()
    oscar = lab.operator("oscar")
    EmailAddress.objects.create(user=oscar, email="new@example.com", verified=True)
    browser = lab.client(oscar)
    browser.get(link(lab, "new@example.com"))
    assert browser.post("/invitation/").status_code == 409


def test_managers_are_told_what_an_operator_does_to_memberships(lab: Any) -> None:
    assert invite(lab, "olga").status_code == 302
    (told,) = notices_of(lab, "mary", "operator_acted")
    assert told == f"An operator invited {OUTSIDE} as GUEST in lab-o"
    client(lab, "olga").post(f"/tenancies/lab-o/members/invitations/{invitation().pk}/withdraw/")
    assert len(notices_of(lab, "mary", "operator_acted")) == 2
    assert notices_of(lab, "dave", "operator_acted") == []
    # Of what members do they hear nothing here.
    assert invite(lab, "dave").status_code == 302
    assert len(notices_of(lab, "mary", "operator_acted")) == 2
