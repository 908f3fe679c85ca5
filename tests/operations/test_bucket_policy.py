"""Bucket policies: kept byte for byte, honoured to the letter, public only where that is allowed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.operations.site import Site

from holdfast.auth.roles import Role
from holdfast.catalog.interface import Transaction
from holdfast.catalog.rows import MEMBERS, SITE_SETTINGS, USERS, SiteSettingRow
from holdfast.s3 import xml
from holdfast.s3.codes import S3Error
from holdfast.store.site import PUBLIC_FORBIDDEN


def document(*statements: dict[str, Any], **fields: Any) -> bytes:
    whole = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "b/*", **one} for one in statements]
    return json.dumps({"Version": "2012-10-17", "Statement": whole, **fields}).encode()


BOB = {"Principal": {"AWS": "bob"}}
EVERYONE = {"Principal": "*"}


@pytest.fixture
def site(site: Site) -> Site:
    site.bucket("b")
    site.object("b", "k")
    return site


@pytest.mark.parametrize(
    "text",
    [
        document(BOB),
        document(BOB, Id="spaces \u00e9 \U0001f980").replace(b", ", b" ,\r\n\t "),
        json.dumps(json.loads(document(BOB, Id="é")), ensure_ascii=False, indent=7).encode() + b"\n\n",
        # The seed system's dialect.
        b'{"Version":"2008-10-17","Statement":[{"Sid":"s","Effect":"Allow","Principal":{"user":["bob"],"group":[]},"Action":["GetObject","ListBucket"],"Resource":"/b/*"}]}',
    ],
)
def test_a_policy_comes_back_in_the_very_bytes_that_were_put(site: Site, text: bytes) -> None:
    assert site.ask(site.alice, "PUT", "/b?policy", body=text).status == 204
    answer = site.ask(site.alice, "GET", "/b?policy")
    assert answer.body == text
    assert answer.headers == [("Content-Type", "application/json")]
    assert site.ask(site.bob, "GET", "/b/k").status == 200


def test_a_bucket_without_a_policy_says_so_and_a_policy_can_be_taken_away(site: Site) -> None:
    for target in ("/b?policy", "/b?policyStatus"):
        assert site.refused(site.alice, "GET", target) == "NoSuchBucketPolicy"
    site.ask(site.alice, "PUT", "/b?policy", body=document(BOB))
    assert site.ask(site.alice, "DELETE", "/b?policy").status == 204
    assert site.refused(site.bob, "GET", "/b/k") == "AccessDenied"
    assert site.refused(site.alice, "GET", "/b?policy") == "NoSuchBucketPolicy"
    assert site.ask(site.alice, "DELETE", "/b?policy").status == 204


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"\xff{}",
        document(),
        document({"Principal": {"AWS": "nobody-here"}}),
        document({**BOB, "Resource": "other/*"}),
        document({**BOB, "Action": "s3:Nothing"}),
        document({**BOB, "Condition": {"StringEquals": {"aws:SourceVpc": "x"}}}),
        document({"NotPrincipal": {"AWS": "bob"}}),
        document(BOB, Id="x" * 20 * 1024),
    ],
)
def test_a_policy_that_cannot_be_honoured_is_refused_and_changes_nothing(site: Site, text: bytes) -> None:
    site.ask(site.alice, "PUT", "/b?policy", body=document(BOB))
    assert site.refused(site.alice, "PUT", "/b?policy", body=text) == "MalformedPolicy"
    assert site.ask(site.alice, "GET", "/b?policy").body == document(BOB)


def test_twenty_kibibytes_are_the_longest_policy(site: Site) -> None:
    text = document(BOB, Id="")
    longest = document(BOB, Id="x" * (20 * 1024 - len(text)))
    assert len(longest) == 20 * 1024
    site.ask(site.alice, "PUT", "/b?policy", body=longest)
    assert site.refused(site.alice, "PUT", "/b?policy", body=longest + b" ") == "MalformedPolicy"


def test_only_managers_and_deputies_open_a_bucket_to_everyone(site: Site) -> None:
    with pytest.raises(S3Error) as caught:
        site.ask(site.alice, "PUT", "/b?policy", body=document(EVERYONE))
    assert caught.value.code == "AccessDenied"
    assert "MANAGER or DEPUTY" in caught.value.message
    assert site.refused(site.nobody, "GET", "/b/k") == "AccessDenied"
    for caller in (site.dora, site.mary):
        site.ask(caller, "PUT", "/b?policy", body=document(EVERYONE))
        assert site.ask(site.nobody, "GET", "/b/k").status == 200
        site.ask(caller, "DELETE", "/b?policy")


def test_a_tenancy_may_let_its_users_publish() -> None:
    site = Site(users_may_publish=1)
    site.bucket("b")
    site.ask(site.alice, "PUT", "/b?policy", body=document(EVERYONE))


@pytest.mark.parametrize("reason", ["", "until the data policy is signed"])
def test_where_the_operators_forbid_it_nobody_opens_a_bucket_to_everyone(site: Site, reason: str) -> None:
    site.ask(site.mary, "PUT", "/b?policy", body=document(EVERYONE))
    switch = SiteSettingRow(PUBLIC_FORBIDDEN, reason)
    site.commit(lambda tx: tx.add(SITE_SETTINGS, switch))
    for caller in (site.alice, site.dora, site.mary):
        with pytest.raises(S3Error) as caught:
            site.ask(caller, "PUT", "/b?policy", body=document(EVERYONE))
        assert caught.value.code == "AccessDenied"
        assert "The operators of this site" in caught.value.message
        assert reason in caught.value.message
    # What is public stays so, and everything else can be said.
    assert site.ask(site.nobody, "GET", "/b/k").status == 200
    site.ask(site.alice, "PUT", "/b?policy", body=document(BOB))
    assert site.refused(site.nobody, "GET", "/b/k") == "AccessDenied"
    site.commit(lambda tx: tx.remove(SITE_SETTINGS, (PUBLIC_FORBIDDEN,)))
    site.ask(site.mary, "PUT", "/b?policy", body=document(EVERYONE))


def test_everyone_on_one_network_is_not_the_public(site: Site) -> None:
    networks = {"Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}
    site.ask(site.alice, "PUT", "/b?policy", body=document({**EVERYONE, **networks}))
    assert site.ask(site.nobody, "GET", "/b/k").status == 200
    assert site.refused(site.nobody, "GET", "/b/k", source_ip="198.51.100.1") == "AccessDenied"


@pytest.mark.parametrize(("principal", "expected"), [(BOB, "false"), (EVERYONE, "true")])
def test_the_status_says_whether_a_policy_is_public(site: Site, principal: dict[str, Any], expected: str) -> None:
    site.ask(site.mary, "PUT", "/b?policy", body=document(principal))
    status = xml.parse_root(site.ask(site.alice, "GET", "/b?policyStatus").body, "PolicyStatus")
    assert xml.child_text(status, "IsPublic") == expected


def test_nobody_is_locked_out_of_the_policy_of_a_bucket_they_answer_for(site: Site) -> None:
    deny_all = document({"Effect": "Deny", **EVERYONE, "Action": "s3:*", "Resource": ["b", "b/*"]})
    site.ask(site.alice, "PUT", "/b?policy", {"x-amz-confirm-remove-self-bucket-access": "true"}, deny_all)
    assert site.refused(site.alice, "GET", "/b/k") == "AccessDenied"
    assert site.refused(site.mary, "GET", "/b?tagging") == "AccessDenied"
    assert site.ask(site.alice, "GET", "/b?policy").body == deny_all
    assert site.ask(site.mary, "DELETE", "/b?policy").status == 204
    assert site.ask(site.alice, "GET", "/b/k").status == 200


def test_a_policy_never_grants_the_policy(site: Site) -> None:
    site.ask(site.alice, "PUT", "/b?policy", body=document({**BOB, "Action": "s3:*", "Resource": ["b", "b/*"]}))
    assert site.ask(site.bob, "GET", "/b?location").status == 200
    for method, target in (
        ("GET", "/b?policy"),
        ("PUT", "/b?policy"),
        ("DELETE", "/b?policy"),
        ("GET", "/b?policyStatus"),
    ):
        assert site.refused(site.bob, method, target, body=document(BOB)) == "AccessDenied"


def test_who_gets_a_name_later_inherits_nothing_that_was_granted_to_it(site: Site) -> None:
    site.ask(site.alice, "PUT", "/b?policy", body=document(BOB))
    bob = site.bob.user
    assert bob is not None
    gone = bob._replace(state="removed", live_name=bob.user_id)
    successor = bob._replace(user_id="u-other-bob")

    def rename(tx: Transaction) -> None:
        tx.replace(USERS, gone)
        tx.remove(MEMBERS, (site.tenancy.tenancy_id, gone.user_id))
        tx.add(USERS, successor)

    site.commit(rename)
    member = site.member("carol", Role.USER)
    other_bob = type(member)(member.subject._replace(user_id=successor.user_id), site.tenancy, successor)
    assert site.refused(other_bob, "GET", "/b/k") == "AccessDenied"
