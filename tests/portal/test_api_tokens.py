"""Tokens by the management API: secrets once, never wider, and only one's own where the role says so."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.portal.api_map import ELSEWHERE, HERE, Caller, caller, once, settle, token_for

from holdfast.admin.office import DAY_US
from holdfast.auth.roles import Role
from holdfast.catalog.rows import ACCESS_KEYS
from holdfast.portal.house import use_house

TOKENS = f"/tenancies/{HERE}/tokens"


@pytest.fixture
def settled(town: Any) -> Any:
    return settle(town)


def pair_rows(town: Any) -> list[Any]:
    with town.house.catalog.read() as rows:
        return list(rows.scan(ACCESS_KEYS))


def test_a_pair_is_made_once_for_a_key_and_its_secret_shown_once(settled: Any) -> None:
    call = caller(settled, Role.USER)
    key = once()
    body = {"description": "nightly", "read_only": True, "buckets": ["later"], "prefixes": ["a/"]}
    made = call("POST", TOKENS, body, **key)
    assert made.status_code == 201, made.content
    assert made["Cache-Control"] == "no-store"
    facts = made.json()
    (row,) = pair_rows(settled)
    assert (row.access_key_id, row.read_only, json.loads(row.prefixes)) == (facts["id"], 1, ["a/"])
    assert row.user_id == settled.person("here-user").principal_id
    assert facts["token"] == facts["id"]
    assert facts["endpoint_url"].startswith(f"http://{HERE}.")
    assert facts["endpoint_url_ext"].startswith(f"https://{HERE}.")
    again = call("POST", TOKENS, body, **key)
    assert again.status_code == 409
    assert facts["secret"] not in again.content.decode()
    assert pair_rows(settled) == [row]
    shown = call("GET", f"{TOKENS}/{facts['id']}")
    assert shown.json()["owner"] == "here-user"
    assert facts["secret"] not in shown.content.decode() + call("GET", TOKENS).content.decode()


def test_without_a_key_no_secret_is_made_and_a_refusal_uses_none_up(settled: Any) -> None:
    call = caller(settled, Role.USER)
    missing = call("POST", TOKENS, {"description": "x"})
    assert missing.status_code == 422
    assert call("POST", TOKENS, {"description": "x"}, **{"idempotency-key": "short"}).status_code == 422
    key = once()
    past = {"description": "x", "last_day": "2020-01-01"}
    assert call("POST", TOKENS, past, **key).status_code == 400
    assert call("POST", TOKENS, {"description": "x", "last_day": "9999-12-31"}, **key).status_code == 400
    assert pair_rows(settled) == []
    assert call("POST", TOKENS, {"description": "x"}, **key).status_code == 201


def test_a_token_that_reads_makes_none_and_what_one_makes_reaches_no_further(settled: Any) -> None:
    person = settled.person("here-user")
    reads = Caller(settled, token_for(settled, person, HERE, read_only=True))
    assert reads("POST", TOKENS, {"description": "x"}, **once()).status_code == 403
    writes = caller(settled, Role.USER)
    made = writes("POST", TOKENS, {"description": "x", "s3": False}, **once()).json()
    assert [made[name] for name in ("token", "endpoint_url", "endpoint_url_ext")] == [None] * 3
    second = Caller(settled, made["secret"])
    assert second("GET", f"/tenancies/{HERE}").json()["role"] == "USER"
    assert second("GET", f"/tenancies/{ELSEWHERE}").status_code == 404
    assert second("PUT", f"/tenancies/{HERE}/rules", {}).status_code == 403
    refused = writes("POST", TOKENS, {"description": "x", "s3": False, "buckets": ["a"]}, **once())
    assert refused.status_code == 400
    guest = caller(settled, Role.GUEST)
    assert guest("POST", TOKENS, {"description": "x", "buckets": ["not-mine"]}, **once()).status_code == 400


def test_operators_suggest_tokens_to_others_and_see_no_secret(settled: Any) -> None:
    manager = caller(settled, Role.MANAGER)
    body = {"description": "x", "owner": "here-user"}
    assert manager("POST", TOKENS, body, **once()).status_code == 400
    operator = caller(settled, Role.OPERATOR)
    assert operator("POST", TOKENS, {"description": "x"}, **once()).status_code == 404
    for is_pair in (True, False):
        answer = operator("POST", TOKENS, {**body, "s3": is_pair}, **once())
        assert answer.status_code == 202, answer.content
        assert set(answer.json()) == {"done"}
    assert pair_rows(settled) == []
    assert not settled.person("here-user").api_tokens.filter(description="x").exists()
    assert len([mail for mail in settled.mails() if "suggests a token" in str(mail["Subject"])]) == 2


def test_others_tokens_are_seen_and_revoked_by_who_has_the_right(settled: Any) -> None:
    user, deputy, guest = (caller(settled, role) for role in (Role.USER, Role.DEPUTY, Role.GUEST))
    made = user("POST", TOKENS, {"description": "x"}, **once()).json()
    path = f"{TOKENS}/{made['id']}"
    assert guest("GET", path).status_code == guest("DELETE", path).status_code == 404
    assert made["id"] not in guest("GET", TOKENS).content.decode()
    assert made["id"] in deputy("GET", TOKENS).content.decode()
    assert made["id"] not in deputy("GET", f"{TOKENS}?mine=true").content.decode()
    assert deputy("POST", f"{path}/rotate", {}, **once()).status_code == 404
    for _ in range(2):
        assert deputy("DELETE", path).status_code == 200
    assert user("GET", path).json()["state"] == "REVOKED"
    told = [mail for mail in settled.mails() if "was revoked" in str(mail["Subject"])]
    assert len(told) == 1


def test_a_token_is_rotated_with_its_facts_and_once(settled: Any) -> None:
    call = caller(settled, Role.USER)
    last_day = str(datetime.now(UTC).date() + timedelta(days=9))
    made = call("POST", TOKENS, {"description": "x", "s3": False, "read_only": True, "last_day": last_day}, **once())
    old, key = made.json(), once()
    new = call("POST", f"{TOKENS}/{old['id']}/rotate", {"overlap_s": 3600}, **key)
    assert new.status_code == 201, new.content
    assert call("POST", f"{TOKENS}/{old['id']}/rotate", {"overlap_s": 3600}, **key).status_code == 409
    for secret in (old["secret"], new.json()["secret"]):
        assert Caller(settled, secret)("GET", TOKENS).status_code == 200
        assert Caller(settled, secret)("POST", TOKENS, {"description": "x"}, **once()).status_code == 403
    assert call("DELETE", f"{TOKENS}/{old['id']}").status_code == 200
    assert Caller(settled, old["secret"])("GET", TOKENS).status_code == 401
    assert call("POST", f"{TOKENS}/{old['id']}/rotate", {}, **once()).status_code == 400


def test_no_token_outlives_by_rotation_what_the_site_allows_by_now(settled: Any) -> None:
    call = caller(settled, Role.USER)
    made = call("POST", TOKENS, {"description": "x", "s3": False, "never_ends": True}, **once()).json()
    limits = replace(settled.house.settings.limits, key_life_days=30, key_life_days_max=30)
    use_house(replace(settled.house, settings=replace(settled.house.settings, limits=limits)))
    refused = call("POST", f"{TOKENS}/{made['id']}/rotate", {}, **once())
    assert refused.status_code == 400, refused.content
    assert "at most 30 days" in refused.json()["error"]["message"]
    assert Caller(settled, made["secret"])("GET", TOKENS).status_code == 200


def test_who_owns_a_token_is_told_once_that_an_operator_revoked_it(settled: Any) -> None:
    made = caller(settled, Role.USER)("POST", TOKENS, {"description": "x"}, **once()).json()
    call = caller(settled, Role.OPERATOR)
    for _ in range(2):
        assert call("DELETE", f"/tokens/{made['id']}").status_code == 200
    assert settled.client(settled.person("olga")).post(f"/operators/tokens/{made['id']}/revoke/").status_code == 302
    assert len([mail for mail in settled.mails() if "was revoked" in str(mail["Subject"])]) == 1


def test_the_list_is_paged_and_filtered(settled: Any) -> None:
    call = caller(settled, Role.USER)
    ids = [call("POST", TOKENS, {"description": f"job {n}"}, **once()).json()["id"] for n in range(5)]
    seen, after = [], ""
    while True:
        page = call("GET", f"{TOKENS}?limit=2&after={after}").json()
        assert len(page["items"]) <= 2
        seen += [item["id"] for item in page["items"]]
        after = page["next"]
        if after is None:
            break
    assert {*ids} < {*seen}
    assert len(seen) == len({*seen}) == 6  # the token that calls is among them
    assert call("GET", f"{TOKENS}?q=job+3").json()["items"][0]["id"] == ids[3]
    assert call("GET", f"{TOKENS}?state=REVOKED").json()["items"] == []


def test_the_audit_log_names_the_person_and_the_token_that_acted(settled: Any) -> None:
    from holdfast.admin.audit import Sought, search_audit
    from holdfast.portal.tokens.models import ApiToken

    call = caller(settled, Role.USER)
    token = ApiToken.objects.get(person=settled.person("here-user"))
    call("POST", TOKENS, {"description": "x"}, **once())
    with settled.house.catalog.read() as rows:
        (row,) = search_audit(rows, Sought(action="key.create"), 5).rows
    assert row.actor == settled.person("here-user").principal_id
    assert json.loads(row.detail)["token"] == token.public_id
    settled.house.office("cli:root").record("test.act", "nothing")
    with settled.house.catalog.read() as rows:
        (row,) = search_audit(rows, Sought(action="test.act"), 5).rows
    assert row.detail == ""


def test_operators_make_tokens_of_the_whole_site_in_person_and_each_once(settled: Any) -> None:
    import re

    olga = settled.person("olga")
    client = settled.client(olga)
    page = client.get("/operators/api-tokens/add/").content.decode()
    form_id = re.search(r'name="form_id" value="([^"]+)"', page)
    assert form_id is not None
    fields = {"form_id": form_id[1], "description": "billing", "expiration": "30"}
    made = client.post("/operators/api-tokens/add/", fields)
    assert made["Cache-Control"] == "no-store"
    secret = re.search(r"hft_[A-Za-z0-9]{40}", made.content.decode())
    assert secret is not None
    again = client.post("/operators/api-tokens/add/", fields)
    assert again.status_code == 302
    listed = client.get("/operators/api-tokens/").content.decode()
    assert "billing" in listed
    assert secret[0] not in listed
    call = Caller(settled, secret[0])
    (found,) = call("GET", "/api-tokens").json()["items"]
    assert (found["owner"], found["scope"], found["state"]) == ("olga", "read-write", "active")
    assert call("DELETE", f"/api-tokens/{found['id']}").status_code == 200
    assert call("GET", "/api-tokens").status_code == 401


def test_a_token_of_the_site_is_not_made_long_after_the_last_proof(settled: Any) -> None:
    client = settled.client()
    client.force_login(settled.person("olga"), backend="holdfast.portal.people.backends.ByPassword")
    answer = client.post("/operators/api-tokens/add/", {"description": "x"})
    assert answer.status_code == 302
    assert "reauthenticate" in answer["Location"]


def short_lived(town: Any, days: float) -> Any:
    """Return who calls with a token of some days, and the token."""
    from holdfast.portal.access import find_standing
    from holdfast.portal.tokens.api_tokens import make_api_token
    from holdfast.portal.tokens.models import READ_WRITE

    person = town.person("here-user")
    standing = find_standing(person, HERE)
    assert standing is not None
    end_us = town.house.now_us() + int(days * DAY_US)
    made = make_api_token(standing, person, "week", end_us, scope=READ_WRITE)
    return Caller(town, made.secret), made.token


def test_what_a_token_makes_ends_with_it_at_the_latest(settled: Any) -> None:
    call, token = short_lived(settled, 7)
    last = datetime.fromtimestamp((token.expires_at_us - 1) / 1e6, UTC).date()
    for body in ({"never_ends": True}, {"last_day": (last + timedelta(days=1)).isoformat()}):
        for is_pair in (True, False):
            refused = call("POST", TOKENS, {"description": "x", "s3": is_pair, **body}, **once())
            assert refused.status_code == 400
            assert last.isoformat() in refused.json()["error"]["message"]
    assert pair_rows(settled) == []
    for body in ({}, {"last_day": last.isoformat()}):
        made = call("POST", TOKENS, {"description": "x", **body}, **once())
        assert made.status_code == 201, made.content
        key = next(row for row in pair_rows(settled) if row.access_key_id == made.json()["id"])
        assert key.expires_at_us == token.expires_at_us
    sooner = call("POST", TOKENS, {"description": "x", "last_day": (last - timedelta(days=2)).isoformat()}, **once())
    assert sooner.status_code == 201
    # Nor does it live for longer by being rotated, or by rotating another.
    other = caller(settled, Role.USER)("POST", TOKENS, {"description": "y"}, **once()).json()
    for token_id in (other["id"], token.public_id):
        rotated = call("POST", f"{TOKENS}/{token_id}/rotate", {}, **once())
        assert rotated.status_code == 201, rotated.content
        end = datetime.fromisoformat(rotated.json()["expires_at"])
        assert end.timestamp() <= token.expires_at_us / 1e6 + 1


def test_lists_say_which_token_made_one_and_both_end_together_where_that_is_asked(settled: Any) -> None:
    call, token = short_lived(settled, 7)
    pair = call("POST", TOKENS, {"description": "x"}, **once()).json()["id"]
    child = call("POST", TOKENS, {"description": "x", "s3": False}, **once()).json()
    grandchild = Caller(settled, child["secret"])("POST", TOKENS, {"description": "x"}, **once()).json()["id"]
    assert call("GET", f"{TOKENS}/{pair}").json()["made_by"] == token.public_id
    page = settled.client(settled.person("here-user")).get(f"/tenancies/{HERE}/tokens/").text
    assert page.count(f"made by {token.public_id}") == 2
    rotated = call("POST", f"{TOKENS}/{pair}/rotate", {}, **once()).json()["id"]
    other = caller(settled, Role.USER)
    path = f"{TOKENS}/{token.public_id}"
    assert other("DELETE", path).status_code == 200
    assert other("GET", f"{TOKENS}/{rotated}").json()["state"] == "EXPIRING"
    assert other("DELETE", f"{path}?made=true").status_code == 200
    for token_id in (rotated, child["id"], grandchild):
        assert other("GET", f"{TOKENS}/{token_id}").json()["state"] == "REVOKED"


def test_the_page_that_revokes_a_token_offers_what_it_made(settled: Any) -> None:
    call, token = short_lived(settled, 7)
    pair = call("POST", TOKENS, {"description": "x"}, **once()).json()["id"]
    client = settled.client(settled.person("here-user"))
    path = f"/tenancies/{HERE}/tokens/{token.public_id}/revoke/"
    assert "1 were made that work" in client.get(path).text
    assert "were made that work" not in client.get(path.replace(token.public_id, pair)).text
    assert "revoked, too: 1" in client.post(path, {"made": "on"}, follow=True).text
    (row,) = pair_rows(settled)
    assert row.state == "revoked"
