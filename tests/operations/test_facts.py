"""What conditions are told: every key has a supplier, and each fact is what the request is served by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from tests.operations.site import EPOCH_US, Site

from holdfast.auth.callers import Caller
from holdfast.operations.facts import SUPPLIERS, request_facts, tag_facts, version_facts
from holdfast.s3.head import Head
from holdfast.s3.policy import CONDITION_KEYS, TAG_KEYS

SIGNED = {
    "authorization": "AWS4-HMAC-SHA256 Credential=AK/20270115/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=00",
    "x-amz-date": "20270115T075950Z",
    "x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
}
PRESIGNED = (
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AK%2F20270115%2Fus-east-1%2Fs3%2Faws4_request"
    "&X-Amz-Date=20270115T075950Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00"
)


def facts(
    site: Site,
    query: str = "",
    headers: Mapping[str, str] | None = None,
    *,
    caller: Caller | None = None,
    key: str | None = "k",
    needed: Sequence[str] | None = None,
    more: Mapping[str, Sequence[str]] | None = None,
    **surroundings: Any,
) -> dict[str, Sequence[str]]:
    context = site.context(caller or site.alice, Head("GET", "/b/k", query, headers or {}), **surroundings)
    return request_facts(context, site.bucket_row("b"), key, needed or sorted(CONDITION_KEYS), more)


@pytest.fixture
def site(site: Site) -> Site:
    site.bucket("b")
    site.now_us = EPOCH_US
    return site


def test_every_key_that_a_policy_may_ask_for_has_a_supplier() -> None:
    assert SUPPLIERS.keys() == CONDITION_KEYS.keys()
    assert TAG_KEYS == ("s3:ExistingObjectTag/", "s3:RequestObjectTag/")


def test_a_bare_anonymous_request_has_the_facts_of_its_connection_alone(site: Site) -> None:
    assert facts(site, caller=site.nobody, is_secure=False) == {
        "aws:CurrentTime": ("2027-01-15T08:00:00.000Z",),
        "aws:EpochTime": ("1800000000",),
        "aws:SecureTransport": ("false",),
        "aws:SourceIp": ("192.0.2.7",),
    }


def test_a_member_is_told_by_id_name_and_arn(site: Site) -> None:
    found = facts(site)
    assert found["aws:userid"] == ("u-alice",)
    assert found["aws:username"] == ("alice",)
    assert found["aws:PrincipalArn"] == ("arn:aws:iam::alpha:user/alice",)


def test_an_arn_in_a_condition_is_the_arn_of_a_principal(site: Site) -> None:
    allow = {"Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::alpha:user/bob"}}}
    site.bucket("p", statements=[allow])
    site.object("p", "k")
    assert site.ask(site.bob, "GET", "/p/k").status == 200
    assert site.refused(site.nobody, "GET", "/p/k") == "AccessDenied"


@pytest.mark.parametrize(
    ("query", "headers", "auth_type", "payload"),
    [
        ("", SIGNED, "REST-HEADER", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
        (PRESIGNED, {}, "REST-QUERY-STRING", "UNSIGNED-PAYLOAD"),
        (PRESIGNED, {"x-amz-date": "20200101T000000Z"}, "REST-QUERY-STRING", "UNSIGNED-PAYLOAD"),
    ],
)
def test_the_signature_is_told_as_it_was_verified(
    site: Site, query: str, headers: Mapping[str, str], auth_type: str, payload: str
) -> None:
    found = facts(site, query, headers)
    assert found["s3:authType"] == (auth_type,)
    assert found["s3:signatureversion"] == ("AWS4-HMAC-SHA256",)
    assert found["s3:signatureAge"] == ("10000",), "milliseconds"
    assert found["s3:x-amz-content-sha256"] == (payload,)


def test_of_a_repeated_parameter_the_one_that_is_served_is_judged(site: Site) -> None:
    found = facts(site, "prefix=a%2Fb&prefix=c&max-keys=5&max-keys=900&delimiter=%2B&versionId=null&versionId=x")
    assert found["s3:prefix"] == ("a/b",)
    assert found["s3:max-keys"] == ("5",)
    assert found["s3:delimiter"] == ("+",)
    assert found["s3:VersionId"] == ("null",)
    allow = {"Action": "s3:ListBucket", "Condition": {"StringEquals": {"s3:prefix": "public/"}}}
    site.bucket("p", statements=[allow])
    for other, is_served in (("z", True), ("", False)):
        for query in (f"prefix=public/&prefix={other}", f"prefix={other}&prefix=public/"):
            if is_served:
                assert site.ask(site.bob, "GET", f"/p?list-type=2&{query}").status == 200
            else:
                assert site.refused(site.bob, "GET", f"/p?list-type=2&{query}") == "AccessDenied"


def test_an_empty_prefix_is_a_fact_and_an_absent_one_is_none(site: Site) -> None:
    assert facts(site, "prefix=&max-keys=")["s3:prefix"] == ("",)
    assert "s3:max-keys" not in facts(site, "prefix=&max-keys="), "the codec reads it as absent too"
    assert "s3:prefix" not in facts(site)


@pytest.mark.parametrize("key", sorted(key for key in CONDITION_KEYS if key.startswith("s3:x-amz-")))
def test_each_header_is_told_under_its_name(site: Site, key: str) -> None:
    value = "b/some" if key.endswith("copy-source") else "some"
    assert value in facts(site, headers={key.removeprefix("s3:"): value})[key]
    assert key not in facts(site)


@pytest.mark.parametrize(
    ("header", "key"),
    [("if-match", "s3:if-match"), ("if-none-match", "s3:if-none-match"), ("referer", "aws:Referer"), ("user-agent", "aws:UserAgent")],
)  # fmt: skip
def test_other_headers_have_keys_of_their_own(site: Site, header: str, key: str) -> None:
    assert facts(site, headers={header: "*"})[key] == ("*",)


def test_a_bucket_may_take_new_keys_only(site: Site) -> None:
    """The policy of AWS's page on enforcing conditional writes."""
    deny = {"Effect": "Deny", "Action": "s3:PutObject", "Condition": {"Null": {"s3:if-none-match": "true"}}}
    site.bucket("p", statements=[deny])
    assert site.refused(site.alice, "PUT", "/p/k", body=b"x") == "AccessDenied"
    assert site.ask(site.alice, "PUT", "/p/k", {"if-none-match": "*"}, b"x").status == 200


@pytest.mark.parametrize("spelling", ["b/public/x", "/b/public/x", "%62%2Fpublic%2Fx", "b/public/x?versionId=null"])
def test_a_copy_source_is_judged_as_it_is_read_with_and_without_its_slash(site: Site, spelling: str) -> None:
    found = facts(site, headers={"x-amz-copy-source": spelling})
    assert found["s3:x-amz-copy-source"] == ("b/public/x", "/b/public/x")


def test_the_version_of_a_copy_source_and_of_an_entry_is_not_the_querys(site: Site) -> None:
    assert facts(site, "versionId=null", more=version_facts("abc"))["s3:VersionId"] == ("abc",)
    assert "s3:VersionId" not in facts(site, "versionId=null", more=version_facts(None))


def test_tags_in_the_header_of_a_copy_count_only_where_they_replace(site: Site) -> None:
    """Else a copy could take secret tags along under a header that says otherwise."""
    needed = ["s3:RequestObjectTag/class", "s3:RequestObjectTagKeys"]
    headers = {"x-amz-copy-source": "b/other", "x-amz-tagging": "class=open"}
    assert facts(site, headers=headers, needed=needed) == {}
    assert facts(site, headers={**headers, "x-amz-tagging-directive": "COPY"}, needed=needed) == {}
    replaced = facts(site, headers={**headers, "x-amz-tagging-directive": "REPLACE"}, needed=needed)
    assert replaced == {"s3:RequestObjectTag/class": ("open",), "s3:RequestObjectTagKeys": ("class",)}


def test_a_policy_on_versions_judges_the_version_that_a_copy_or_an_entry_names(site: Site) -> None:
    null_only = {"Condition": {"StringEquals": {"s3:VersionId": "null"}}}
    site.bucket("p", statements=[{"Action": ["s3:GetObjectVersion", "s3:DeleteObjectVersion"], **null_only}])
    site.bucket("mine", owner=site.bob)
    site.object("p", "k")
    assert site.ask(site.bob, "PUT", "/mine/k", {"x-amz-copy-source": "p/k?versionId=null"}).status == 200
    for target in ("/mine/k", "/mine/k?x-id=CopyObject"):
        assert site.refused(site.bob, "PUT", target, {"x-amz-copy-source": "p/k?versionId=abc"}) == "AccessDenied"
    entry = b"<Delete><Object><Key>k</Key><VersionId>%s</VersionId></Object></Delete>"
    assert b"AccessDenied" in site.ask(site.bob, "POST", "/p?delete", body=entry % b"abc").body
    assert b"<Deleted>" in site.ask(site.bob, "POST", "/p?delete", body=entry % b"null").body


def test_tags_of_a_body_are_all_the_tags_there_are(site: Site) -> None:
    needed = ["s3:RequestObjectTag/a", "s3:RequestObjectTag/b", "s3:RequestObjectTagKeys"]
    header = {"x-amz-tagging": "b=header&c=1"}
    assert facts(site, headers=header, needed=needed) == {
        "s3:RequestObjectTag/b": ("header",),
        "s3:RequestObjectTagKeys": ("b", "c"),
    }
    assert facts(site, headers=header, needed=needed, more=tag_facts([("a", "body")])) == {
        "s3:RequestObjectTag/a": ("body",),
        "s3:RequestObjectTagKeys": ("a",),
    }
    assert facts(site, headers=header, needed=needed, more=tag_facts([])) == {}


@pytest.mark.parametrize("value", ["a=1&a=2", "a=%zz", "a=b=c", "&".join(f"k{n}=1" for n in range(11))])
def test_a_header_that_holds_no_tags_tells_of_none(site: Site, value: str) -> None:
    needed = ["s3:RequestObjectTag/a", "s3:RequestObjectTagKeys"]
    assert facts(site, headers={"x-amz-tagging": value}, needed=needed) == {}


def test_tags_are_looked_up_for_the_key_that_is_asked_about(site: Site) -> None:
    site.object("b", "tagged", x_amz_tagging="Class=open&class=other")
    needed = ["s3:ExistingObjectTag/Class", "s3:ExistingObjectTag/absent"]
    assert facts(site, key="tagged", needed=needed) == {"s3:ExistingObjectTag/Class": ("open",)}
    assert facts(site, key="k", needed=needed) == facts(site, key=None, needed=needed) == {}


def test_nothing_is_found_that_nobody_needs(site: Site) -> None:
    assert facts(site, "prefix=a", SIGNED, needed=["s3:delimiter"]) == {}
