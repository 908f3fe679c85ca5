"""Tokens of the management API: what one is good for, and when it stops."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from typing import Any

import pytest
from tests.portal.test_tokens import ADD, LIST, TENANCY, audit, fields, form_id, mails, make, shown

from holdfast.admin.members import add_member, remove_member
from holdfast.admin.office import DAY_US
from holdfast.admin.tenancies import close_tenancy, delete_tenancy, resume_tenancy, suspend_tenancy
from holdfast.admin.users import remove_user, resume_user, suspend_user
from holdfast.auth.roles import Role
from holdfast.config import Limits
from holdfast.portal.house import use_house


@pytest.fixture
def clock(town: Any) -> Any:
    """A clock of the house that only a test moves: `clock.days(3)`."""

    class Clock:
        now_us = int(time.time()) * 1_000_000

        def days(self, count: float) -> None:
            self.now_us += int(count * DAY_US)

    made = Clock()
    town.house = dataclasses.replace(town.house, now_us=lambda: made.now_us)
    use_house(town.house)
    return made


@pytest.fixture
def ann(town: Any, clock: Any) -> Any:
    town.member(TENANCY, "mary", Role.MANAGER)
    return town.member(TENANCY, "ann")


def make_api_token(client: Any, **more: Any) -> str:
    """Make one by the page, and return its secret."""
    answer = client.post(ADD, fields(client, s3=None, **more))
    assert answer.status_code == 200, answer.content.decode()
    return shown(answer, "new-token-secret")


def find(secret: str) -> Any:
    from holdfast.portal.tokens.api_tokens import find_api_token

    return find_api_token(secret)


def test_a_token_is_found_by_its_secret_of_which_only_the_hash_is_kept(town: Any, ann: Any) -> None:
    secret = make_api_token(town.client(ann), description="dashboard")
    assert secret.startswith("hft_")
    assert len(secret) == 44
    token = find(secret)
    assert token is not None
    assert (token.person, token.description, token.scope) == (ann, "dashboard", "read-write")
    assert token.digest == hashlib.sha256(secret.encode()).hexdigest()
    assert [each.actor for each in audit(town, "api-token.create")] == [ann.principal_id]
    for other in ("", "hft_", secret[:-1], secret + "x", secret.upper(), f" {secret}", token.digest, token.public_id):
        assert find(other) is None


def test_a_token_and_a_pair_are_of_no_use_in_each_others_place(town: Any, ann: Any) -> None:
    client = town.client(ann)
    key_id, key_secret = make(client)
    for text in (key_id, key_secret, f"{key_id}:{key_secret}", f"hft_{key_secret}"):
        assert find(text) is None
    answer = client.post(ADD, fields(client, s3=None))
    page = answer.content.decode()
    # The page of a token offers no settings of S3 clients, and hands no id out as an access key.
    assert "s3cfg" not in page
    assert "Access key (token)" not in page
    assert "can’t sign S3 requests" in page


@pytest.mark.parametrize(
    "how", ["revoked", "expired", "left", "user suspended", "tenancy suspended", "membership over"]
)
def test_a_token_dies_at_once(town: Any, ann: Any, clock: Any, how: str) -> None:
    office = town.house.office("test")
    client = town.client(ann)
    secret = make_api_token(client, expiration="7")
    assert find(secret) is not None
    match how:
        case "revoked":
            client.post(f"{LIST}{find(secret).public_id}/revoke/")
        case "expired":
            clock.days(7)
        case "left":
            remove_member(office, TENANCY, "ann")
        case "user suspended":
            suspend_user(office, "ann")
        case "tenancy suspended":
            suspend_tenancy(office, TENANCY, "a leak")
        case "membership over":
            add_member(office, TENANCY, "ann", Role.USER, until_us=clock.now_us + DAY_US)
            clock.days(1)
    assert find(secret) is None


def test_a_suspension_is_taken_back_but_a_membership_that_ended_is_not(town: Any, ann: Any, clock: Any) -> None:
    office = town.house.office("test")
    secret = make_api_token(town.client(ann), expiration="never")
    suspend_user(office, "ann")
    suspend_tenancy(office, TENANCY, "")
    resume_user(office, "ann")
    assert find(secret) is None
    resume_tenancy(office, TENANCY)
    assert find(secret) is not None
    close_tenancy(office, TENANCY, "moving away")
    assert find(secret) is not None
    remove_member(office, TENANCY, "ann")
    clock.days(1)
    add_member(office, TENANCY, "ann", Role.USER)
    assert find(secret) is None
    assert "REVOKED" in town.client(ann).get(LIST).content.decode()


def test_a_token_of_somebody_or_something_removed_finds_nobody(town: Any, ann: Any) -> None:
    office = town.house.office("test")
    secret = make_api_token(town.client(ann))
    other = make_api_token(town.client(town.member(TENANCY, "ben")))
    remove_user(office, "ann")
    assert find(secret) is None
    ben = find(other).person
    ben.is_active = False
    ben.save()
    assert find(other) is None
    ben.is_active = True
    ben.save()
    assert find(other) is not None
    delete_tenancy(office, TENANCY)
    assert find(other) is None


def test_the_last_use_is_kept_to_the_minute_and_shown(town: Any, ann: Any, clock: Any) -> None:
    client = town.client(ann)
    secret = make_api_token(client)
    assert "not yet" in client.get(LIST).content.decode()
    first_us = clock.now_us
    find(secret)
    clock.now_us += 30_000_000
    assert find(secret).last_used_us == first_us
    clock.now_us += 31_000_000
    find(secret)
    assert find(secret).last_used_us == clock.now_us
    text = client.get(LIST).content.decode()
    assert "not yet" not in text
    assert "API: use the management API" in text


def test_a_token_reads_only_when_the_form_said_so_and_so_does_what_takes_its_place(town: Any, ann: Any) -> None:
    client = town.client(ann)
    answer = client.post(ADD, fields(client, s3=None, read_only="on"))
    assert "changes nothing" in answer.content.decode()
    token = find(shown(answer, "new-token-secret"))
    assert token.scope == "read-only"
    assert "API: read the management API" in client.get(LIST).content.decode()
    url = f"{LIST}{token.public_id}/rotate/"
    rotated = client.post(url, {"form_id": form_id(client.get(url)), "overlap": "0"})
    assert find(shown(rotated, "new-token-secret")).scope == "read-only"


def test_a_token_is_rotated_with_an_overlap_or_without(town: Any, ann: Any, clock: Any) -> None:
    client = town.client(ann)
    for overlap in ("0", "3600"):
        old = make_api_token(client, expiration="30", description=f"overlap {overlap}")
        name = find(old).public_id
        clock.days(10)
        client = town.client(ann)
        url = f"{LIST}{name}/rotate/"
        answer = client.post(url, {"form_id": form_id(client.get(url)), "overlap": overlap})
        new = find(shown(answer, "new-token-secret"))
        assert new.description == f"overlap {overlap}"
        assert new.expires_at_us == clock.now_us + 30 * DAY_US
        assert (find(old) is None) is (overlap == "0")
        clock.days(1)
        assert find(old) is None


def test_another_members_token_is_revoked_by_a_manager_and_its_owner_told(town: Any, ann: Any) -> None:
    secret = make_api_token(town.client(ann))
    name = find(secret).public_id
    assert town.client(town.member(TENANCY, "ben")).post(f"{LIST}{name}/revoke/").status_code == 404
    assert town.client(town.person("mary")).post(f"{LIST}{name}/revoke/").status_code == 302
    assert find(secret) is None
    assert [each.actor for each in audit(town, "api-token.revoke")] == [town.person("mary").principal_id]
    assert [mail["To"] for mail in mails(town)] == ["ann@example.org"]


def test_the_sites_longest_life_holds_for_these_tokens_too(town: Any, ann: Any) -> None:
    limits = dataclasses.replace(town.house.settings, limits=Limits(key_life_days=7, key_life_days_max=7))
    town.house = dataclasses.replace(town.house, settings=limits)
    use_house(town.house)
    client = town.client(ann)
    for choice in ("30", "90", "never"):
        assert client.post(ADD, fields(client, s3=None, expiration=choice)).status_code == 422
    make_api_token(client, expiration="7")
