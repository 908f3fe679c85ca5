"""Tokens in the portal: who may make, see, rotate and revoke which, and where a secret is and is not."""

from __future__ import annotations

import dataclasses
import html
import json
import re
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from tests.portal.conftest import PASSWORD

from holdfast.admin.lookups import get_tenancy
from holdfast.admin.members import add_member
from holdfast.admin.office import DAY_US
from holdfast.admin.tenancies import suspend_tenancy
from holdfast.auth.roles import Role
from holdfast.catalog.rows import ACCESS_KEYS, AUDIT, BUCKETS, KEY_USES, AccessKeyRow, BucketRow, KeyUseRow
from holdfast.config import Limits
from holdfast.portal.house import use_house

TENANCY = "a-o"
LIST = f"/tenancies/{TENANCY}/tokens/"
ADD = f"{LIST}add/"


def form_id(answer: Any) -> str:
    found = re.search(r'name="form_id" value="([^"]+)"', answer.content.decode())
    assert found is not None, answer.content.decode()
    return found[1]


def fields(client: Any, url: str = ADD, **more: Any) -> dict[str, Any]:
    """What a browser would send of the form as it is shown, with changes."""
    given = {"form_id": form_id(client.get(url)), "description": "laptop", "expiration": "90", "s3": "on", **more}
    return {name: value for name, value in given.items() if value is not None}


def shown(answer: Any, name: str) -> str:
    """Return a value of the page that hands out: `new-token-id` or `new-token-secret`."""
    found = re.search(rf'id="{name}"[^>]*>([^<]+)<', answer.content.decode())
    assert found is not None, answer.content.decode()[:3000]
    return found[1]


def make(client: Any, **more: Any) -> tuple[str, str]:
    answer = client.post(ADD, fields(client, **more))
    assert answer.status_code == 200, answer.content.decode()
    return shown(answer, "new-token-id"), shown(answer, "new-token-secret")


def key_rows(town: Any) -> list[Any]:
    with town.house.catalog.read() as rows:
        return list(rows.scan(ACCESS_KEYS))


def test_a_member_makes_a_pair_and_finds_it_in_the_list(town: Any) -> None:
    client = town.client(town.member(TENANCY, "ann"))
    assert "No tokens yet" in client.get(LIST).content.decode()
    token, secret = make(client)
    (row,) = key_rows(town)
    assert re.fullmatch("[A-Z0-9]{20}", token)
    assert re.fullmatch("[A-Za-z0-9]{40}", secret)
    assert (row.access_key_id, row.description, row.read_only) == (token, "laptop", 0)
    text = client.get(LIST).content.decode()
    for word in (token, "laptop", "ACTIVE", "read and write", "not yet", "ann"):
        assert word in text
    assert secret not in text


@pytest.mark.parametrize("role", [Role.USER, Role.DEPUTY, Role.MANAGER])
def test_a_token_says_what_the_form_said(town: Any, role: Role) -> None:
    client = town.client(town.member(TENANCY, "ann", role))
    make_buckets(town, "radar", "lidar", owner="ann")
    token, _ = make(
        client, read_only="on", buckets=["radar"], more_buckets="later other,third", prefixes="a/\r\n b \r\n\r\n"
    )
    (row,) = key_rows(town)
    assert row.access_key_id == token
    assert (row.read_only, json.loads(row.buckets)) == (1, ["later", "other", "radar", "third"])
    assert json.loads(row.prefixes) == [" b ", "a/"]
    assert "S3: read in later, other, radar, third below  b , a/" in client.get(LIST).content.decode()


def test_the_ends_of_a_token_are_those_that_were_chosen(town: Any) -> None:
    now_us = stop_clock(town)
    client = town.client(town.member(TENANCY, "ann"))
    for choice, end in (
        ({"expiration": "7"}, now_us + 7 * DAY_US),
        ({"expiration": "365"}, now_us + 365 * DAY_US),
        ({"expiration": "never"}, None),
        ({"expiration": "custom", "last_day": day(now_us, 10)}, (now_us // DAY_US + 11) * DAY_US),
        ({"expiration": "custom", "last_day": day(now_us, 0)}, (now_us // DAY_US + 1) * DAY_US),
    ):
        token, _ = make(client, **choice)
        assert [row.expires_at_us for row in key_rows(town) if row.access_key_id == token] == [end], choice


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"description": " "}, "This field is required"),
        ({"description": "a\nb"}, "Use one line of text"),
        ({"description": "x" * 201}, "at most 200 characters"),
        ({"expiration": "custom"}, "Say the last day"),
        ({"expiration": "custom", "last_day": "2020-01-31"}, "This day is past"),
        ({"expiration": "custom", "last_day": "9999-12-31"}, "Choose a nearer day"),
        ({"expiration": "custom", "last_day": "tomorrow"}, "Enter a valid date"),
        ({"expiration": "31"}, "31 is not one of the available choices"),
        ({"buckets": ["secret"]}, "secret is not one of the available choices"),
        ({"more_buckets": " ".join(f"b{n}" for n in range(101))}, "At most 100"),
        ({"prefixes": "\n".join(f"p{n}/" for n in range(101))}, "at most 100 prefixes"),
        ({"prefixes": "x" * 1025}, "at most 1024 bytes"),
        ({"s3": None, "more_buckets": "radar"}, "narrow an S3 pair only"),
        ({"form_id": "short"}, "The form is damaged"),
    ],
)
def test_a_form_that_can_not_be_meant_makes_nothing_and_says_why(town: Any, wrong: dict[str, Any], words: str) -> None:
    client = town.client(town.member(TENANCY, "ann"))
    make_buckets(town, "radar", owner="ann")
    answer = client.post(ADD, fields(client, **wrong))
    assert answer.status_code == 422
    assert words in html.unescape(answer.content.decode())
    assert key_rows(town) == []
    # The form that was refused is not used up.
    if "form_id" not in wrong:
        again = {"form_id": form_id(answer), "description": "laptop", "expiration": "90", "s3": "on"}
        assert client.post(ADD, again).status_code == 200


def test_a_site_with_a_longest_life_offers_no_longer_one(town: Any) -> None:
    now_us = stop_clock(town, limits=Limits(key_life_days=30, key_life_days_max=30))
    client = town.client(town.member(TENANCY, "ann"))
    page = client.get(ADD).content.decode()
    assert "At most 30 days here." in page
    assert '<option value="30" selected>30 days</option>' in page
    for value in ("90", "365", "never"):
        assert f'value="{value}"' not in page
        assert client.post(ADD, fields(client, expiration=value)).status_code == 422
    answer = client.post(ADD, fields(client, expiration="custom", last_day=day(now_us, 31)))
    assert "at most 30 days here" in answer.content.decode()
    assert key_rows(town) == []
    make(client, expiration="custom", last_day=day(now_us, 30))


def test_the_same_form_sent_again_makes_no_second_token(town: Any) -> None:
    client = town.client(town.member(TENANCY, "ann"))
    given = fields(client)
    first = client.post(ADD, given)
    secret = shown(first, "new-token-secret")
    again = client.post(ADD, given)
    assert again.status_code == 409
    assert "Already made; rotate to get a new one" in again.content.decode()
    assert secret not in again.content.decode()
    assert len(key_rows(town)) == 1
    # A form is one person's: nobody uses up another's.
    ben = town.client(town.member(TENANCY, "ben"))
    assert ben.post(ADD, given).status_code == 200


def test_of_two_that_send_the_same_form_at_once_one_gets_a_token(town: Any) -> None:
    from django.db import connection

    person = town.member(TENANCY, "ann")
    given = fields(town.client(person))
    clients = [town.client(person) for _ in range(4)]
    start = threading.Barrier(len(clients))

    def send(client: Any) -> int:
        start.wait()
        try:
            return int(client.post(ADD, given).status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(clients)) as pool:
        assert sorted(pool.map(send, clients)) == [200, 409, 409, 409]
    assert len(key_rows(town)) == 1


def test_what_a_form_has_no_field_for_changes_nothing(town: Any) -> None:
    """Mass assignment: owner, tenancy, state and secret are never the browser's to say."""
    town.member(TENANCY, "mary", Role.MANAGER)
    other = town.member("b-o", "mary", Role.MANAGER)
    client = town.client(town.member(TENANCY, "ann"))
    make(
        client,
        owner="mary",
        user_id=other.principal_id,
        person=other.pk,
        tenancy="b-o",
        tenancy_id="b-o",
        secret="chosen",
        sealed_secret="chosen",
        access_key_id="CHOSEN",
        state="revoked",
        scope="*",
    )
    (row,) = key_rows(town)
    assert row.user_id == town.person("ann").principal_id
    assert row.tenancy_id == tenancy_id(town, TENANCY)
    assert (row.state, row.access_key_id == "CHOSEN") == ("active", False)
    made = client.post(ADD, fields(client, s3=None, read_only="on", owner="mary", scope="read-write", person=other.pk))
    from holdfast.portal.tokens.models import ApiToken

    assert made.status_code == 200
    token = ApiToken.objects.get()
    assert (token.person.name, token.scope, token.tenancy_id) == ("ann", "read-only", row.tenancy_id)


def test_a_secret_page_is_kept_by_nobody_and_the_secret_is_nowhere_else(
    town: Any, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    client = town.client(town.member(TENANCY, "ann"))
    answers = [client.post(ADD, fields(client)), client.post(ADD, fields(client, s3=None))]
    secrets = [shown(answer, "new-token-secret") for answer in answers]
    token = shown(answers[0], "new-token-id")
    rotated = client.post(
        f"{LIST}{token}/rotate/", {"form_id": form_id(client.get(f"{LIST}{token}/rotate/")), "overlap": "0"}
    )
    secrets.append(shown(rotated, "new-token-secret"))
    for answer in (*answers, rotated):
        assert answer["Cache-Control"] == "no-store"
    assert len(set(secrets)) == 3
    elsewhere = [client.get(path).content.decode() for path in (LIST, "/", f"/tenancies/{TENANCY}/", ADD, "/notices/")]
    elsewhere += [str(dict(client.session)), str(mails(town)), caplog.text, "".join(capsys.readouterr())]
    elsewhere += dumps(town)
    assert any("api-token.create" in text for text in elsewhere), "the dumps hold the rows"
    for secret in secrets:
        assert not [text for text in elsewhere if secret in text]
        assert secret.removeprefix("hft_") not in "".join(elsewhere)


def test_a_secret_wants_somebody_who_proved_lately_who_they_are(town: Any) -> None:
    client = town.client(town.member(TENANCY, "ann"))
    token, _ = make(client)
    given = fields(client, description="made after the prompt")
    # Within 15 minutes, nobody is asked again.
    age_session(client, 14 * 60)
    assert client.get(ADD).status_code == 200
    age_session(client, 16 * 60)
    for url in (ADD, f"{LIST}{token}/rotate/"):
        asked = client.get(url)
        assert (asked.status_code, asked["Location"]) == (302, f"/account/reauthenticate/?next={quote(url, safe='')}")
    assert client.get(LIST).status_code == 200
    asked = client.post(ADD, given)
    assert asked.status_code == 302
    assert len(key_rows(town)) == 1
    wrong = client.post(asked["Location"], {"password": "not this", "next": ADD})
    assert "new-token-secret" not in wrong.content.decode()
    assert len(key_rows(town)) == 1
    # What was sent is kept over the prompt, and goes on with the right password.
    answer = client.post(asked["Location"], {"password": PASSWORD, "next": ADD})
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    assert [row.description for row in key_rows(town) if row.access_key_id == shown(answer, "new-token-id")] == [
        "made after the prompt"
    ]
    assert client.get(ADD).status_code == 200


def test_who_has_nothing_to_be_asked_for_logs_in_anew(town: Any) -> None:
    from allauth.account.models import EmailAddress

    person = town.member(TENANCY, "ann")
    person.set_unusable_password()
    person.save()
    EmailAddress.objects.all().delete()  # Else a code would be mailed.
    client = town.client(person)
    age_session(client, 16 * 60)
    answer = client.get(ADD)
    assert answer["Location"].startswith("/account/log-in-again/")
    assert "Log out" in client.get(answer["Location"]).content.decode()


def test_a_guest_makes_tokens_for_named_buckets_alone(town: Any) -> None:
    town.member(TENANCY, "ann")
    make_buckets(town, "radar", "lidar", owner="ann")
    end = town.house.now_us() + 30 * DAY_US
    client = town.client(town.member(TENANCY, "gus", Role.GUEST, until_us=end, buckets={"radar": "read"}))
    page = client.get(ADD).content.decode()
    assert "radar" in page
    assert "lidar" not in page
    assert client.post(ADD, fields(client, buckets=["lidar"])).status_code == 422
    make(client, buckets=["radar"], more_buckets="lidar")  # There is no such field for a GUEST with few buckets.
    assert [json.loads(row.buckets) for row in key_rows(town)] == [["radar"]]
    make(client)


def test_an_operator_sends_a_member_the_filled_in_form_and_makes_no_token(town: Any) -> None:
    from holdfast.portal.notices.models import Notice

    olga = town.operator()
    ann = town.member(TENANCY, "ann")
    make_buckets(town, "radar", owner="ann")
    town.person("stranger")
    client = town.client(olga)
    for owner in ("olga", "stranger", "nobody"):
        answer = client.post(ADD, fields(client, owner=owner))
        assert answer.status_code == 422, owner
        assert "there is no member" in answer.content.decode()
    asked = {"read_only": "on", "more_buckets": "radar later", "prefixes": "a b/&c"}
    answer = client.post(ADD, fields(client, owner="ann", description="night & day", **asked))
    assert answer.status_code == 302
    assert key_rows(town) == []
    assert [(each.actor, each.subject) for each in audit(town, "key.suggest")] == [(olga.principal_id, "a-o/ann")]
    (mail,) = mails(town)
    assert mail["To"] == "ann@example.org"
    assert "olga, an operator of this site, suggests" in mail.get_content()
    (notice,) = Notice.objects.all()
    assert (notice.kind, notice.person) == ("token_suggested", ann)
    assert notice.url in mail.get_content().replace("=\n", "")
    hers = town.client(ann)
    page = html.unescape(hers.get(notice.url).content.decode())
    assert "A link filled in this form" in page
    # She presses Add on what the page holds.
    given = {
        "form_id": form_id(hers.get(notice.url)),
        **{
            name: found[1]
            for name in ("description", "last_day", "more_buckets")
            if (found := re.search(rf'name="{name}"[^>]* value="([^"]*)"', page))
        },
        "buckets": re.findall(r'name="buckets" value="([^"]*)"[^>]* checked', page),
        "prefixes": re.search(r'name="prefixes"[^>]*>\s*([^<]*)<', page)[1],  # type: ignore[index]
        "expiration": "custom",
    }
    assert re.search(r'<option value="custom" selected', page)
    for name in ("s3", "read_only"):
        assert re.search(rf'name="{name}"[^>]* checked', page), name
        given[name] = "on"
    assert hers.post(notice.url, given).status_code == 200
    (row,) = key_rows(town)
    assert (row.user_id, row.description, row.read_only) == (ann.principal_id, "night & day", 1)
    assert (json.loads(row.buckets), json.loads(row.prefixes)) == (["later", "radar"], ["a b/&c"])


def test_a_link_to_the_form_that_somebody_wrote_by_hand_breaks_nothing(town: Any) -> None:
    client = town.client(town.member(TENANCY, "ann"))
    query = "description=%00%0a&last_day=never&bucket=%3Cscript%3E&prefix=&never=2&api=yes"
    page = client.get(f"{ADD}?{query}").content.decode()
    assert "<script>" not in page.partition("more_buckets")[2].partition("Cancel")[0]
    assert "A link filled in" not in page


def test_what_is_too_much_for_a_link_is_not_suggested_in_part(town: Any) -> None:
    town.member(TENANCY, "ann")
    client = town.client(town.operator())
    answer = client.post(ADD, fields(client, owner="ann", prefixes="\n".join(f"{'x' * 40}{i}" for i in range(90))))
    assert answer.status_code == 422
    assert "too much for one link" in answer.content.decode()


def test_nobody_is_given_a_token_in_a_suspended_tenancy(town: Any) -> None:
    client = town.client(town.member(TENANCY, "ann", Role.MANAGER))
    given = fields(client)
    suspend_tenancy(town.house.office("test"), TENANCY, "a leak")
    answer = client.post(ADD, given)
    assert answer.status_code == 422
    assert "is suspended" in answer.content.decode()
    assert key_rows(town) == []


@pytest.mark.parametrize("role", list(Role))
def test_a_member_sees_their_own_tokens_and_those_who_may_see_everybodys(town: Any, role: Role) -> None:
    mine = {"owner_of_mine": town.member(TENANCY, "ann")}
    theirs, _ = make(town.client(mine["owner_of_mine"]), description="anns own")
    options: dict[str, Any] = {"until_us": town.house.now_us() + DAY_US} if role is Role.GUEST else {}
    who = town.operator() if role is Role.OPERATOR else town.member(TENANCY, "rob", role, **options)
    client = town.client(who)
    sees = role in (Role.DEPUTY, Role.MANAGER, Role.OPERATOR)
    assert ("anns own" in client.get(LIST).content.decode()) is sees
    assert client.get(f"{LIST}{theirs}/revoke/").status_code == (200 if sees else 404)
    # Nobody sees another's secret: only owners rotate.
    assert client.get(f"{LIST}{theirs}/rotate/").status_code == (403 if role is Role.OPERATOR else 404)
    answer = client.post(f"{LIST}{theirs}/revoke/")
    assert answer.status_code == (302 if sees else 404)
    assert [row.state for row in key_rows(town)] == ["revoked" if sees else "active"]
    if sees:
        (mail,) = mails(town)
        assert (mail["To"], "was revoked" in mail["Subject"]) == ("ann@example.org", True)
        assert [each.actor for each in audit(town, "key.revoke")] == [who.principal_id]


def test_a_token_is_revoked_after_a_question_and_only_once(town: Any) -> None:
    client = town.client(town.member(TENANCY, "ann"))
    token, _ = make(client)
    question = client.get(f"{LIST}{token}/revoke/").content.decode()
    assert f"Revoke {token}?" in question
    assert key_rows(town)[0].state == "active"
    assert client.post(f"{LIST}{token}/revoke/").status_code == 302
    assert "is revoked. Nothing is accepted" in client.get(LIST).content.decode()
    client.post(f"{LIST}{token}/revoke/")
    text = client.get(LIST).content.decode()
    assert "was revoked before" in text
    assert "REVOKED" in text
    assert len(audit(town, "key.revoke")) == 1
    assert mails(town) == []


def test_a_rotated_token_has_a_new_secret_and_the_old_one_ends_as_chosen(town: Any) -> None:
    now_us = stop_clock(town)
    client = town.client(town.member(TENANCY, "ann"))
    make_buckets(town, "radar", owner="ann")
    for overlap, left in (("0", None), ("86400", now_us + DAY_US)):
        old, secret = make(client, read_only="on", buckets=["radar"], expiration="7")
        url = f"{LIST}{old}/rotate/"
        given = {"form_id": form_id(client.get(url)), "overlap": overlap}
        answer = client.post(url, given)
        new = shown(answer, "new-token-id")
        assert new != old
        assert shown(answer, "new-token-secret") != secret
        rows = {row.access_key_id: row for row in key_rows(town)}
        assert rows[new][5:] == rows[old]._replace(state="active", expires_at_us=now_us + 7 * DAY_US)[5:]
        assert rows[old].state == ("revoked" if left is None else "active")
        assert left is None or rows[old].expires_at_us == left
        before = len(rows)
        repeated = client.post(url, given)
        assert repeated.status_code == (302 if left is None else 409)
        assert len(key_rows(town)) == before


def test_all_of_ones_own_tokens_in_a_tenancy_are_revoked_at_once(town: Any) -> None:
    from holdfast.portal.tokens.models import ApiToken

    ann = town.member(TENANCY, "ann", Role.MANAGER)
    town.member("b-o", "ann")
    client, ben = town.client(ann), town.client(town.member(TENANCY, "ben"))
    make(client)
    client.post(ADD, fields(client, s3=None))
    make(ben)
    elsewhere = "/tenancies/b-o/tokens/add/"
    client.post(elsewhere, fields(client, elsewhere))
    assert "Revoke all your tokens in a-o: 2?" in client.get(f"{LIST}revoke-mine/").content.decode()
    client.post(f"{LIST}revoke-mine/")
    assert "are revoked: 2." in client.get(LIST).content.decode()
    states = {
        (row.user_id == ann.principal_id, row.tenancy_id == tenancy_id(town, TENANCY)): row.state
        for row in key_rows(town)
    }
    assert states == {(True, True): "revoked", (False, True): "active", (True, False): "active"}
    assert ApiToken.objects.get().revoked_at_us is not None


def test_the_list_is_filtered_and_paged_with_as_many_queries_whatever_its_length(town: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    manager = town.member(TENANCY, "mary", Role.MANAGER)
    client = town.client(manager)
    town.member(TENANCY, "ann")
    counts = []
    for wanted in (1, 120):
        add_rows(town, "ann", wanted)
        client.get(LIST)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            text = client.get(LIST).content.decode()
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert "1–50 of 120" in text
    seen = [re.findall(r"KEY\d{17}", client.get(f"{LIST}?page={number}").content.decode()) for number in (1, 2, 3)]
    assert [len(set(each)) for each in seen] == [50, 50, 20]
    assert len({each for page in seen for each in page}) == 120
    assert "101–120 of 120" in client.get(f"{LIST}?page=99999").content.decode()
    assert "No token fits" in client.get(f"{LIST}?whose=mine&q=job").content.decode()
    assert "No tokens yet" in client.get(f"{LIST}?whose=mine").content.decode()
    assert "1–11 of 11" in client.get(f"{LIST}?q=JOB+7").content.decode()  # 7 and 70 to 79
    assert "1–50 of 120" in client.get(f"{LIST}?q=ann").content.decode()
    assert "No token fits" in client.get(f"{LIST}?state=REVOKED").content.decode()
    assert "1–50 of 120" in client.get(f"{LIST}?state=ACTIVE&page=x").content.decode()


def test_states_are_those_that_requests_meet(town: Any) -> None:
    now_us = stop_clock(town)
    ann = town.member(TENANCY, "ann")
    client = town.client(ann)
    for days in (3, 20):
        make(client, expiration="custom", last_day=day(now_us, days), description=f"ends in {days}")
    assert states(client) == ["ACTIVE", "EXPIRING"]
    town.house = move_clock(town, now_us + 5 * DAY_US)
    client = town.client(ann)
    assert states(client) == ["ACTIVE", "EXPIRED"]
    add_member(town.house.office("test"), TENANCY, "ann", Role.USER, until_us=town.house.now_us() + DAY_US)
    assert states(client) == ["EXPIRED", "EXPIRING"]
    suspend_tenancy(town.house.office("test"), TENANCY, "")
    assert states(town.client(town.operator())) == ["EXPIRED", "SUSPENDED"]


def test_the_last_use_of_a_key_is_shown(town: Any) -> None:
    client = town.client(town.member(TENANCY, "ann"))
    token, _ = make(client)
    use = KeyUseRow(token, 1_800_000_000_000_000, "192.0.2.7", "s3cmd/<b>2</b> Linux")
    town.house.catalog.commit([lambda rows: rows.add(KEY_USES, use)])
    text = client.get(LIST).content.decode()
    assert "15 Jan 2027, 08:00 UTC" in text
    assert "from 192.0.2.7 by s3cmd/&lt;b&gt;2&lt;/b&gt;" in text


def test_what_people_write_is_text_on_every_page_about_tokens(town: Any) -> None:
    evil = "<script>alert(1)</script>\"'&"
    ann = town.member(TENANCY, "ann", Role.MANAGER)
    ann.full_name = evil
    ann.save()
    client = town.client(ann)
    make_buckets(town, "<img src=x>", owner="ann")  # No client can make such a bucket; the page must not rely on that.
    answer = client.post(ADD, fields(client, description=evil, prefixes=evil, buckets=["<img src=x>"]))
    assert answer.status_code == 200
    token = shown(answer, "new-token-id")
    pages = [
        answer,
        *(
            client.get(path)
            for path in (LIST, ADD, f"{LIST}?q={quote(evil)}", f"{LIST}{token}/revoke/", f"{LIST}{token}/rotate/")
        ),
    ]
    pages.append(client.post(ADD, fields(client, description=evil, expiration="custom", prefixes=evil)))
    for each in pages:
        text = each.content.decode()
        assert "<script>alert" not in text
        assert "<img src=x>" not in text
    # A name of a file that is downloaded is ours alone.
    assert set(re.findall(r'download="([^"]*)"', answer.content.decode())) == {
        "s3cfg", "s3cfg-ext", "credentials.json", "rclone.conf", "config", "credentials", "env", "zarr2.py", "zarr3.py", "list_boto3.py",
        "list_obstore.py",
    }  # fmt: skip


def test_owners_are_told_once_a_week_before_a_token_ends(town: Any) -> None:
    from holdfast.portal.tokens.reminders import remind_owners

    now_us = stop_clock(town)
    client = town.client(town.member(TENANCY, "ann"))
    token, _ = make(client, expiration="30", description="nightly job")
    client.post(ADD, fields(client, s3=None, expiration="30", description="for the dashboard"))
    make(client, expiration="365")
    make(client, expiration="never")
    gone, _ = make(client, expiration="30")
    client.post(f"{LIST}{gone}/revoke/")
    assert remind_owners() == 0
    move_clock(town, now_us + 24 * DAY_US)
    assert [remind_owners(), remind_owners()] == [2, 0]
    told = mails(town)
    assert {mail["To"] for mail in told} == {"ann@example.org"}
    text = "".join(mail.get_content() for mail in told)
    assert token in text
    assert "“nightly job”" in text
    assert "“for the dashboard”" in text
    assert f"https://localhost:8444{LIST}" in text


def test_operators_are_told_once_a_week_before_a_token_of_the_whole_site_ends(town: Any) -> None:
    from holdfast.portal.tokens.api_tokens import make_site_token, revoke_api_token
    from holdfast.portal.tokens.reminders import remind_owners

    now_us = stop_clock(town)
    olga = town.operator()
    kept = make_site_token(olga, "monitoring", now_us + 30 * DAY_US).token
    make_site_token(olga, "later", now_us + 90 * DAY_US)
    make_site_token(olga, "for ever", None)
    revoke_api_token(olga, make_site_token(olga, "revoked", now_us + 30 * DAY_US).token)
    make_site_token(town.person("otto"), "of no operator", now_us + 30 * DAY_US)
    assert remind_owners() == 0
    move_clock(town, now_us + 24 * DAY_US)
    assert [remind_owners(), remind_owners()] == [1, 0]
    (mail,) = mails(town)
    assert mail["To"] == "olga@example.org"
    text = mail.get_content()
    assert kept.public_id in text
    assert "“monitoring” of the whole site" in text
    assert "https://localhost:8444/operators/api-tokens/" in text


def test_used_forms_are_forgotten_when_no_page_can_be_open_any_more(town: Any) -> None:
    from holdfast.portal.tokens.models import UsedForm
    from holdfast.portal.tokens.once import forget_used_forms

    now_us = stop_clock(town)
    make(town.client(town.member(TENANCY, "ann")))
    move_clock(town, now_us + 29 * DAY_US)
    assert forget_used_forms() == 0
    move_clock(town, now_us + 31 * DAY_US)
    assert (forget_used_forms(), UsedForm.objects.count()) == (1, 0)


def test_the_authoritys_certificate_is_open_to_anybody_where_there_is_one(town: Any) -> None:
    client = town.client()
    assert client.get("/ca.pem").status_code == 404
    (town.house.home.tls / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    answer = client.get("/ca.pem")
    assert b"".join(answer.streaming_content).startswith(b"-----BEGIN CERTIFICATE")
    assert answer["Content-Disposition"] == 'attachment; filename="ca.pem"'


def make_buckets(town: Any, *names: str, owner: str) -> None:
    tenancy, user = tenancy_id(town, TENANCY), town.person(owner).principal_id
    for name in names:
        row = BucketRow(tenancy, name, f"id of {name}", user, 0, "", "", "", "", None, None)
        town.house.catalog.commit([lambda rows, row=row: rows.add(BUCKETS, row)])


def add_rows(town: Any, user: str, count: int) -> None:
    """Bring a person's keys to a number, without their cost."""
    tenancy, user_id = tenancy_id(town, TENANCY), town.person(user).principal_id

    def fill(rows: Any) -> None:
        for number in range(len(rows.scan(ACCESS_KEYS)), count):
            name = f"KEY{number:017}"
            rows.add(
                ACCESS_KEYS,
                AccessKeyRow(name, tenancy, user_id, b"x", 1, f"job {number}", number, None, "active", 0, "[]", "[]"),
            )

    town.house.catalog.commit([fill])


def tenancy_id(town: Any, name: str) -> str:
    with town.house.catalog.read() as rows:
        return get_tenancy(rows, name).tenancy_id


def audit(town: Any, action: str) -> list[Any]:
    with town.house.catalog.read() as rows:
        return [row for row in rows.scan(AUDIT) if row.action == action]


def states(client: Any) -> list[str]:
    text = client.get(LIST).content.decode()
    return sorted(re.findall(r'class="status[^>]*>.*?<span>([A-Z]{6,})</span>', text, re.S))


def mails(town: Any) -> list[Any]:
    """Mail goes out on commit: at once where no transaction is open."""
    return list(town.mails())


def dumps(town: Any) -> list[str]:
    """Return every row of both databases, as text."""
    from django.conf import settings

    texts = []
    for path in (town.house.home.catalog_file, settings.DATABASES["default"]["NAME"]):
        with closing(sqlite3.connect(path)) as database:
            texts.append("\n".join(database.iterdump()))
    return texts


def age_session(client: Any, by_s: float) -> None:
    """Make the last proof of a browser's person older."""
    session = client.session
    session["account_authentication_methods"] = [
        {**record, "at": time.time() - by_s} for record in session["account_authentication_methods"]
    ]
    session.save()


def stop_clock(town: Any, limits: Limits | None = None) -> int:
    """Stop the house's clock, now, and return the time."""
    now_us = int(time.time()) * 1_000_000
    settings = town.house.settings if limits is None else dataclasses.replace(town.house.settings, limits=limits)
    town.house = dataclasses.replace(town.house, now_us=lambda: now_us, settings=settings)
    use_house(town.house)
    return now_us


def move_clock(town: Any, now_us: int) -> Any:
    town.house = dataclasses.replace(town.house, now_us=lambda: now_us)
    use_house(town.house)
    return town.house


def day(now_us: int, after_days: int) -> str:
    return datetime.fromtimestamp(now_us / 1_000_000 + after_days * 86_400, UTC).date().isoformat()
