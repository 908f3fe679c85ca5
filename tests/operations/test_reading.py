"""Who learns whether a key or a bucket is there."""

from __future__ import annotations

import pytest
from tests.operations.site import Site

LISTS_PUBLIC = {"Action": "s3:ListBucket", "Condition": {"StringLike": {"s3:prefix": "public/*"}}}
READS = {"Action": "s3:GetObject"}


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_missing_key_is_told_to_those_who_may_list_it_alone(site: Site, method: str) -> None:
    site.bucket("b", statements=[LISTS_PUBLIC, READS])
    assert site.refused(site.alice, method, "/b/private/x") == "NoSuchKey"
    assert site.refused(site.bob, method, "/b/public/x") == "NoSuchKey"
    assert site.refused(site.bob, method, "/b/private/x") == "AccessDenied"
    assert site.refused(site.bob, method, "/b/private/x?prefix=public/") == "AccessDenied", "the key counts"


def test_a_token_with_prefixes_learns_of_missing_keys_below_them(site: Site) -> None:
    site.bucket("b")
    narrow = site.narrowed(site.alice, prefixes=("run1/",))
    assert site.refused(narrow, "GET", "/b/run1/x") == "NoSuchKey"
    assert site.refused(narrow, "GET", "/b/run2/x") == "AccessDenied"


def test_the_source_of_a_copy_is_found_or_not_by_the_same_rule(site: Site) -> None:
    site.bucket("b", statements=[LISTS_PUBLIC, READS])
    site.bucket("mine", owner=site.bob)
    for key, code in (("public/x", "NoSuchKey"), ("private/x", "AccessDenied")):
        headers = {"x-amz-copy-source": f"b/{key}", "x-amz-expected-bucket-owner": site.bob.id}
        assert site.refused(site.bob, "PUT", "/mine/k", headers) == code


def test_a_token_with_prefixes_finds_its_bucket_and_lists_below_them_only(site: Site) -> None:
    site.bucket("b")
    narrow = site.narrowed(site.alice, prefixes=("run1/",))
    assert site.ask(narrow, "HEAD", "/b").status == 200
    assert site.refused(narrow, "GET", "/b?list-type=2") == "AccessDenied"
    assert site.ask(narrow, "GET", "/b?list-type=2&prefix=run1/").status == 200


def test_a_narrowed_token_finds_no_bucket_that_its_member_would_not(site: Site) -> None:
    site.bucket("b", statements=[LISTS_PUBLIC])
    site.bucket("c")
    for target in ("/b", "/c"):
        assert site.refused(site.bob, "HEAD", target) == "AccessDenied"
        assert site.refused(site.narrowed(site.bob, prefixes=("public/",)), "HEAD", target) == "AccessDenied"
    elsewhere = site.narrowed(site.alice, buckets=frozenset({"c"}), prefixes=("public/",))
    assert site.refused(elsewhere, "HEAD", "/b") == "AccessDenied"
