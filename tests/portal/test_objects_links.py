"""Links that share an object: made once for a form, listed, and revoked by who made them or answers for all."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from holdfast.auth.roles import Role
from holdfast.catalog.rows import ACCESS_KEYS, AccessKeyRow

from .shelves import audit_of, guest, make_bucket
from .test_objects import HOSTILE, page, put, value_of

LINKS = "/tenancies/a-o/links/"
HOUR_US = 3600 * 1_000_000


@pytest.fixture
def ann(town: Any) -> Any:
    """A USER with a bucket of her own."""
    person = town.member("a-o", "ann")
    make_bucket(town, "a-o", person, "data")
    put(town, "k")
    return person


def share(client: Any, key: str = "k", life: str = "3600", once: str = "") -> Any:
    url = page(key, "share/")
    return client.post(url, {"once": once or value_of(client, url, "once"), "life": life})


def url_in(answer: Any) -> str:
    text: str = answer.content.decode()
    return text.partition('id="link"')[2].partition(">")[2].partition("<")[0].replace("&amp;", "&")


def keys(town: Any) -> list[AccessKeyRow]:
    with town.house.catalog.read() as rows:
        return [row for row in rows.scan(ACCESS_KEYS) if row.access_key_id.startswith("LINK-")]


def test_links_have_a_pace(town: Any, ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from types import SimpleNamespace

    from holdfast.portal.data.objects_links import LINKS_A_MINUTE_MAX

    monkeypatch.setattr("holdfast.portal.pace.house", lambda: SimpleNamespace(now_us=lambda: 60_000_000))
    client = town.client(ann)
    said = [share(client).status_code for _ in range(LINKS_A_MINUTE_MAX + 2)]
    assert said == [200] * LINKS_A_MINUTE_MAX + [429, 429]
    assert len(keys(town)) == LINKS_A_MINUTE_MAX


def test_a_link_is_signed_with_a_key_that_reads_that_object_and_ends_with_it(town: Any, ann: Any) -> None:
    answer = share(town.client(ann), life="86400")
    query = parse_qs(urlsplit(url_in(answer)).query)
    [row] = keys(town)
    assert query["X-Amz-Credential"][0].partition("/")[0] == row.access_key_id
    assert query["X-Amz-Expires"] == ["86400"]
    assert (row.user_id, row.read_only, json.loads(row.buckets), json.loads(row.prefixes)) == (
        ann.principal_id,
        1,
        ["data"],
        ["k"],
    )
    assert row.expires_at_us is not None
    assert 24 * HOUR_US - 10**6 < row.expires_at_us - row.created_at_us <= 24 * HOUR_US
    assert answer["Cache-Control"] == "no-store"
    [audit] = audit_of(town, "link.create")
    assert (audit.actor, audit.subject) == (ann.principal_id, "a-o/data/k")
    assert "Signature" not in audit.detail


def test_the_page_says_who_can_use_the_link_and_when_it_ends(town: Any, ann: Any) -> None:
    text = town.client(ann).get(page("k", "share/")).content.decode()
    assert "without an account" in text
    assert "leave the tenancy" in text
    for life in ("1 hour", "1 day", "7 days"):
        assert life in text


def test_a_form_that_is_sent_twice_makes_one_link_and_shows_it_once(town: Any, ann: Any) -> None:
    client = town.client(ann)
    once = value_of(client, page("k", "share/"), "once")
    assert url_in(share(client, once=once))
    again = share(client, once=once)
    assert "X-Amz-Signature" not in again.content.decode()
    assert "made already" in again.content.decode()
    assert len(keys(town)) == 1


@pytest.mark.parametrize("life", ["0", "-1", "604801", "x", ""])
def test_no_other_life_is_taken(town: Any, ann: Any, life: str) -> None:
    answer = share(town.client(ann), life=life)
    assert "X-Amz-Signature" not in answer.content.decode()
    assert not keys(town)


def test_a_site_s_shorter_limits_bound_links_too(town: Any, ann: Any) -> None:
    from dataclasses import replace

    from holdfast.portal.house import use_house

    settings = town.house.settings
    for limits in ({"presigned_life_s_max": 7200}, {"key_life_days_max": 1}):
        use_house(replace(town.house, settings=replace(settings, limits=replace(settings.limits, **limits))))
        text = town.client(ann).get(page("k", "share/")).content.decode()
        assert "1 hour" in text
        assert "7 days, the longest" not in text
        assert not url_in(share(town.client(ann), life="604800"))
    assert not keys(town)


def test_who_may_not_read_the_object_shares_nothing(town: Any, ann: Any) -> None:
    assert share(town.client(town.member("a-o", "ben")), once="x").status_code == 403
    assert share(town.client(town.operator()), once="x").status_code == 403
    bob = town.client(town.member("b-o", "bob", Role.MANAGER))
    assert bob.post(page("k", "share/", tenancy="b-o"), {"once": "x", "life": "3600"}).status_code == 404
    assert not keys(town)
    assert url_in(share(town.client(guest(town, "a-o", "gus", data="read"))))


def test_people_see_their_own_links_and_managers_all(town: Any, ann: Any) -> None:
    dora, ben = town.member("a-o", "dora", Role.DEPUTY), town.client(town.member("a-o", "ben"))
    share(town.client(ann))
    assert "data/k" in town.client(ann).get(LINKS).content.decode()
    for client, query in ((ben, ""), (ben, "?of=all"), (town.client(dora), "")):
        assert "data/k" not in client.get(LINKS + query).content.decode()
    assert "data/k" in town.client(dora).get(f"{LINKS}?of=all").content.decode()
    assert town.client(town.operator()).get(LINKS).status_code == 403


def test_a_link_is_revoked_by_nobody_but_its_maker_and_managers(town: Any, ann: Any) -> None:
    share(town.client(ann))
    [row] = keys(town)
    revoke = f"{LINKS}{row.access_key_id.removeprefix('LINK-')}/revoke/"
    ben, mary = town.client(town.member("a-o", "ben")), town.client(town.member("a-o", "mary", Role.MANAGER))
    bob = town.client(town.member("b-o", "bob", Role.MANAGER))
    assert ben.post(revoke).status_code == 404
    assert bob.post(revoke.replace("a-o", "b-o")).status_code == 404
    assert town.client(ann).get(revoke).status_code == 405
    assert keys(town)[0].state == "active"
    assert mary.post(revoke).status_code == 302
    assert keys(town)[0].state == "revoked"
    [audit] = audit_of(town, "link.revoke")
    assert json.loads(audit.detail) == {"user_id": ann.principal_id, "access_key": row.access_key_id}
    assert "Revoked" in town.client(ann).get(LINKS).content.decode()


def test_a_token_is_no_link_to_revoke_here(town: Any, ann: Any) -> None:
    from holdfast.admin.access_keys import create_access_key
    from holdfast.config import Limits

    token = create_access_key(town.house.office("test"), town.house.keyring, Limits(), "a-o", "ann")
    mary = town.client(town.member("a-o", "mary", Role.MANAGER))
    assert mary.post(f"{LINKS}{token.row.access_key_id}/revoke/").status_code == 404
    with town.house.catalog.read() as rows:
        assert rows.find(ACCESS_KEYS, (token.row.access_key_id,)).state == "active"


def test_hostile_keys_are_shown_as_text_in_the_list(town: Any, ann: Any) -> None:
    put(town, HOSTILE)
    client = town.client(ann)
    assert HOSTILE not in share(client, HOSTILE).content.decode()
    assert HOSTILE not in client.get(LINKS).content.decode()


def test_links_are_paged_and_each_is_shown_once(town: Any, ann: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from holdfast.portal.data import objects_links

    monkeypatch.setattr(objects_links, "PAGE_MAX", 2)
    client = town.client(ann)
    for number in range(5):
        put(town, f"k{number}")
        share(client, f"k{number}")
    seen, url = [], LINKS
    for _ in range(5):
        text = client.get(url).content.decode()
        seen += re.findall(r">data/(k\d)<", text)
        following = re.search(r'rel="next" href="([^"]+)"', text)
        if following is None:
            break
        url = following[1].replace("&amp;", "&")
    assert sorted(seen) == [f"k{number}" for number in range(5)]


@pytest.mark.parametrize("start", ["-1", "x", "99999999999999999999", "9" * 5_000, "²"])
def test_a_page_that_can_t_be_is_an_empty_or_the_first_one(town: Any, ann: Any, start: str) -> None:
    assert town.client(ann).get(f"{LINKS}?from={start}").status_code == 200
