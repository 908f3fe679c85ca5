"""Tags of objects and buckets, and what a policy may ask about them."""

from __future__ import annotations

import pytest
from tests.operations.site import Site

from holdfast.s3 import xml
from holdfast.s3.answer import Answer
from holdfast.store.versions import NULL_VERSION


def tagging(**tags: str) -> bytes:
    inner = "".join(f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>" for key, value in tags.items())
    return f"<Tagging><TagSet>{inner}</TagSet></Tagging>".encode()


def tags_in(answer: Answer) -> dict[str, str]:
    (tag_set,) = xml.parse_root(answer.body, "Tagging").children
    assert tag_set.name == "TagSet"
    return {xml.required_text(tag, "Key"): xml.required_text(tag, "Value") for tag in tag_set.children}


@pytest.fixture
def site(site: Site) -> Site:
    site.bucket("b")
    site.object("b", "k")
    return site


def test_an_object_without_tags_has_an_empty_set(site: Site) -> None:
    answer = site.ask(site.alice, "GET", "/b/k?tagging")
    assert answer.status == 200
    assert tags_in(answer) == {}
    assert b"<TagSet></TagSet>" in answer.body


def test_tags_are_put_read_by_key_replaced_and_taken_away(site: Site) -> None:
    assert site.ask(site.alice, "PUT", "/b/k?tagging", body=tagging(b="2", a="é")).status == 200
    assert list(tags_in(site.ask(site.alice, "GET", "/b/k?tagging")).items()) == [("a", "é"), ("b", "2")]
    site.ask(site.alice, "PUT", "/b/k?tagging", body=tagging(c=""))
    assert tags_in(site.ask(site.alice, "GET", "/b/k?tagging")) == {"c": ""}
    assert site.ask(site.alice, "DELETE", "/b/k?tagging").status == 204
    assert tags_in(site.ask(site.alice, "GET", "/b/k?tagging")) == {}
    assert site.ask(site.alice, "DELETE", "/b/k?tagging").status == 204


def test_tags_put_with_the_object_are_the_same_tags(site: Site) -> None:
    site.object("b", "tagged", x_amz_tagging="a=1&b")
    assert tags_in(site.ask(site.alice, "GET", "/b/tagged?tagging")) == {"a": "1", "b": ""}
    headers = dict(site.ask(site.alice, "HEAD", "/b/tagged").headers)
    assert headers["x-amz-tagging-count"] == "2"


def test_tagging_leaves_bytes_and_last_modified_alone(site: Site) -> None:
    before = site.object_row("b", "k")
    site.ask(site.alice, "PUT", "/b/k?tagging", body=tagging(a="1"))
    assert site.object_row("b", "k")._replace(tags=before.tags) == before


def test_the_null_version_is_the_object(site: Site) -> None:
    answer = site.ask(site.alice, "PUT", "/b/k?tagging&versionId=null", body=tagging(a="1"))
    assert dict(answer.headers) == {"x-amz-version-id": NULL_VERSION}
    assert tags_in(site.ask(site.alice, "GET", "/b/k?tagging&versionId=null")) == {"a": "1"}
    assert tags_in(site.ask(site.alice, "GET", "/b/k?tagging")) == {"a": "1"}
    assert site.ask(site.alice, "DELETE", "/b/k?tagging&versionId=null").status == 204
    for method in ("GET", "PUT", "DELETE"):
        assert site.refused(site.alice, method, "/b/k?tagging&versionId=abc", body=tagging()) == "NoSuchVersion"
        assert site.refused(site.alice, method, "/b/k?tagging&versionId=a/c", body=tagging()) == "InvalidArgument"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_key_that_is_not_there_has_no_tags_to_change(site: Site, method: str) -> None:
    assert site.refused(site.alice, method, "/b/absent?tagging", body=tagging()) == "NoSuchKey"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MalformedXML"),
        (b"<Tagging/>", "MalformedXML"),
        (tagging(**{f"k{n}": "" for n in range(11)}), "BadRequest"),
        (tagging(**{"k" * 129: ""}), "InvalidTag"),
        (tagging(k="v" * 257), "InvalidTag"),
        (tagging(**{"aws:k": "v"}), "InvalidTag"),
        (tagging(a="1").replace(b"</TagSet>", b"<Tag><Key>a</Key><Value/></Tag></TagSet>"), "InvalidTag"),
    ],
)
def test_tags_outside_the_rules_are_refused_and_change_nothing(site: Site, body: bytes, code: str) -> None:
    # AWS says BadRequest of too many tags; Ceph's suite expects InvalidTag there.
    assert site.refused(site.alice, "PUT", "/b/k?tagging", body=body) == code
    assert tags_in(site.ask(site.alice, "GET", "/b/k?tagging")) == {}


def test_a_bucket_without_tags_says_so_with_an_error(site: Site) -> None:
    assert site.refused(site.alice, "GET", "/b?tagging") == "NoSuchTagSet"
    assert site.ask(site.alice, "PUT", "/b?tagging", body=tagging(**{f"k{n:02}": "v" for n in range(50)})).status == 204
    assert len(tags_in(site.ask(site.alice, "GET", "/b?tagging"))) == 50
    assert site.refused(site.alice, "PUT", "/b?tagging", body=tagging(**{f"k{n}": "v" for n in range(51)})) == "BadRequest"  # fmt: skip
    assert site.ask(site.alice, "DELETE", "/b?tagging").status == 204
    assert site.refused(site.alice, "GET", "/b?tagging") == "NoSuchTagSet"


def test_a_policy_judges_new_tags_by_the_body_and_never_by_a_header_beside_it(site: Site) -> None:
    allow = {"Action": "s3:PutObjectTagging", "Condition": {"StringEquals": {"s3:RequestObjectTag/security": "public"}}}
    site.bucket("p", statements=[allow])
    site.object("p", "k")
    site.ask(site.bob, "PUT", "/p/k?tagging", body=tagging(security="public"))
    for body in (tagging(security="private"), tagging(other="public"), tagging()):
        headers = {"x-amz-tagging": "security=public"}
        assert site.refused(site.bob, "PUT", "/p/k?tagging", headers, body) == "AccessDenied"


def test_a_policy_may_fix_the_keys_of_new_tags(site: Site) -> None:
    allow = {
        "Action": "s3:PutObjectTagging",
        "Condition": {"ForAllValues:StringEquals": {"s3:RequestObjectTagKeys": ["a", "b"]}},
    }
    site.bucket("p", statements=[allow])
    site.object("p", "k")
    site.ask(site.bob, "PUT", "/p/k?tagging", body=tagging(a="1"))
    assert site.refused(site.bob, "PUT", "/p/k?tagging", body=tagging(a="1", c="1")) == "AccessDenied"


def test_a_policy_judges_a_change_by_the_tags_that_are_there(site: Site) -> None:
    condition = {"StringEquals": {"s3:ExistingObjectTag/security": "public"}}
    actions = ["s3:PutObjectTagging", "s3:GetObjectTagging", "s3:GetObject"]
    site.bucket("p", statements=[{"Action": actions, "Condition": condition}])
    site.object("p", "open", x_amz_tagging="security=public")
    site.object("p", "closed", x_amz_tagging="security=private")
    assert site.ask(site.bob, "GET", "/p/open").status == 200
    for key in ("closed", "absent"):
        assert site.refused(site.bob, "GET", f"/p/{key}") == "AccessDenied"
        assert site.refused(site.bob, "GET", f"/p/{key}?tagging") == "AccessDenied"
    site.ask(site.bob, "PUT", "/p/open?tagging", body=tagging(security="private"))
    assert site.refused(site.bob, "PUT", "/p/open?tagging", body=tagging(security="public")) == "AccessDenied"


def test_a_copy_that_takes_tags_along_is_judged_by_those_tags(site: Site) -> None:
    secret = {"StringEquals": {"s3:RequestObjectTag/class": "secret"}}
    site.bucket("p", statements=[{}, {"Effect": "Deny", "Action": "s3:PutObjectTagging", "Condition": secret}])
    site.object("b", "secret", x_amz_tagging="class=secret")
    headers = {"x-amz-copy-source": "b/secret", "x-amz-tagging": "class=open"}
    assert site.refused(site.alice, "PUT", "/p/copy", headers) == "AccessDenied"
    site.ask(site.alice, "PUT", "/p/copy", {**headers, "x-amz-tagging-directive": "REPLACE"})
    assert tags_in(site.ask(site.alice, "GET", "/p/copy?tagging")) == {"class": "open"}
