"""How lists are ordered, paged, spelt and written: `points.toml` says which test proves what."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, unquote, unquote_plus
from xml.etree import ElementTree

import pytest
from tests.behaviour.conftest import Spoken

# In the order of their bytes in UTF-8, which is not that of UTF-16.
KEYS = ["+", "a", "a b+c", "a-", "a/", "a//b", "a/1", "a/2", "a0", "b.d", "b/..", "b/./c", "é", "\ue000", "\U0001f600"]
LISTS = ["", "list-type=2&", "versions&"]


@pytest.fixture
def listed(spoken: Spoken) -> Spoken:
    for key in reversed(KEYS):
        spoken.s3.put_object(Bucket=spoken.bucket, Key=key, Body=b"")
    return spoken


def names(document: bytes, *, of: str = "Key") -> list[str]:
    """Return the text of every element of this name, as it stands."""
    root = ElementTree.fromstring(document)
    return [element.text or "" for element in root.iter() if element.tag.rpartition("}")[2] == of]


def test_the_test_has_its_keys_in_the_order_of_their_bytes() -> None:
    assert sorted(KEYS, key=str.encode) == KEYS
    assert sorted(KEYS, key=lambda key: key.encode("utf-16-be")) != KEYS


@pytest.mark.parametrize("query", LISTS)
def test_keys_are_listed_in_the_order_of_their_bytes(listed: Spoken, query: str) -> None:
    assert names(listed.ask("GET", listed.path, query.rstrip("&")).body) == KEYS


def expected(prefix: str, delimiter: str) -> list[str]:
    found: dict[str, None] = {}
    for key in KEYS:
        if key.startswith(prefix):
            head, mark, _ = key[len(prefix) :].partition(delimiter) if delimiter else (key, "", "")
            found[f"{prefix}{head}{mark} …" if mark else key] = None
    return list(found)


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2", "list_object_versions"])
@pytest.mark.parametrize(
    ("prefix", "delimiter"), [("", ""), ("", "/"), ("a", "/"), ("a/", "/"), ("", "-"), ("", " b"), ("", "é")]
)
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_paging_repeats_nothing_drops_nothing_and_ends(
    listed: Spoken, operation: str, prefix: str, delimiter: str, size: int
) -> None:
    asked = {"Bucket": listed.bucket, "Prefix": prefix, "Delimiter": delimiter}
    pages: Any = listed.s3.get_paginator(operation).paginate(**asked, PaginationConfig={"PageSize": size})
    found: list[str] = []
    for number, page in enumerate(pages):
        assert number < len(KEYS), "the list never ends"
        keys = [each["Key"] for each in page.get("Contents", page.get("Versions", []))]
        prefixes = [f"{each['Prefix']} …" for each in page.get("CommonPrefixes", [])]
        # What is grouped counts as one.
        assert len(keys) + len(prefixes) <= size
        assert page.get("KeyCount", len(keys) + len(prefixes)) == len(keys) + len(prefixes)
        found += sorted(keys + prefixes, key=str.encode)
    assert found == expected(prefix, delimiter)


def test_a_marker_is_exclusive_and_need_not_be_there(listed: Spoken) -> None:
    for name in ("marker=", "list-type=2&start-after=", "versions&key-marker="):
        for marker in ("a/1", "a/11"):
            found = names(listed.ask("GET", listed.path, f"{name}{quote(marker, safe='')}").body)
            assert found == KEYS[KEYS.index("a/2") :]


def test_version_1_names_a_next_marker_only_beside_a_delimiter(listed: Spoken) -> None:
    # AWS; without one the last key is the marker, and clients know.
    assert names(listed.ask("GET", listed.path, "max-keys=2").body, of="NextMarker") == []
    paged = listed.ask("GET", listed.path, "max-keys=5&delimiter=%2F")
    assert (names(paged.body, of="NextMarker"), paged.detail("IsTruncated")) == (["a/"], "true")
    rest = listed.ask("GET", listed.path, "marker=a%2F&delimiter=%2F")
    assert (names(rest.body)[0], "<Prefix>a/</Prefix>" in rest.body.decode()) == ("a0", False)


@pytest.mark.parametrize("query", LISTS)
def test_a_page_of_nothing_is_whole_and_says_how_long_it_may_be(listed: Spoken, query: str) -> None:
    empty = listed.ask("GET", listed.path, f"{query}max-keys=0")
    assert (empty.detail("IsTruncated"), empty.detail("MaxKeys"), names(empty.body)) == ("false", "0", [])
    assert listed.ask("GET", listed.path, f"{query}max-keys=5000").detail("MaxKeys") == "1000"


def echoed(document: bytes) -> dict[str, str]:
    """Return what stands in the document beside its entries."""
    root = ElementTree.fromstring(document)
    leaves = (element for element in root if not len(element))
    return {element.tag.rpartition("}")[2]: element.text or "" for element in leaves}


def test_what_was_asked_is_echoed_even_when_empty_and_nothing_else_is(spoken: Spoken) -> None:
    always = {"Name": spoken.bucket, "Prefix": "", "MaxKeys": "1000", "IsTruncated": "false"}
    first = {**always, "Marker": ""}
    second = {**always, "KeyCount": "0"}
    for query, found in (
        ("", first),
        ("marker=&prefix=&delimiter=", first),
        ("marker=x&prefix=y&delimiter=z", {**first, "Marker": "x", "Prefix": "y", "Delimiter": "z"}),
        ("list-type=2", second),
        ("list-type=2&continuation-token=", {**second, "ContinuationToken": ""}),
        ("list-type=2&start-after=", {**second, "StartAfter": ""}),
        ("list-type=2&start-after=x&encoding-type=url", {**second, "StartAfter": "x", "EncodingType": "url"}),
    ):
        assert echoed(spoken.ask("GET", spoken.path, query).body) == found, query


def test_a_token_is_echoed_as_it_was_given(listed: Spoken) -> None:
    token = listed.s3.list_objects_v2(Bucket=listed.bucket, MaxKeys=1)["NextContinuationToken"]
    page = listed.s3.list_objects_v2(Bucket=listed.bucket, MaxKeys=1, ContinuationToken=token)
    assert (page["ContinuationToken"], page["Contents"][0]["Key"]) == (token, KEYS[1])
    bogus = listed.ask("GET", listed.path, "list-type=2&continuation-token=bogus")
    assert bogus.verdict == (400, "InvalidArgument")
    assert bogus.detail("Message") == "The continuation token provided is incorrect"


# --- spelling


@pytest.mark.parametrize("query", LISTS)
def test_names_are_spelt_so_that_every_way_of_decoding_gives_them_back(listed: Spoken, query: str) -> None:
    marker = {"": "marker", "list-type=2&": "start-after", "versions&": "key-marker"}[query]
    answer = listed.ask("GET", listed.path, f"{query}encoding-type=url&delimiter=%20b&prefix=a%20&{marker}=a%20%2B")
    said = echoed(answer.body)
    assert said["EncodingType"] == "url"
    assert (said["Delimiter"], said["Prefix"]) == ("%20b", "a%20")
    element = {"marker": "Marker", "start-after": "StartAfter", "key-marker": "KeyMarker"}[marker]
    assert said[element] == "a%20%2B"
    spelt = names(listed.ask("GET", listed.path, f"{query}encoding-type=url").body)
    assert [unquote(name) for name in spelt] == [unquote_plus(name) for name in spelt] == KEYS
    assert (spelt[0], spelt[2], spelt[-1]) == ("%2B", "a%20b%2Bc", "%F0%9F%98%80")
    grouped = listed.ask("GET", listed.path, f"{query}encoding-type=url&delimiter=%2Bc").body
    assert names(grouped, of="Prefix") == ["", "a%20b%2Bc"]
    refused = listed.ask("GET", listed.path, f"{query}encoding-type=base64")
    assert refused.verdict == (400, "InvalidArgument")


@pytest.mark.parametrize("query", ["max-keys=5&delimiter=%20&", "versions&max-keys=3&"])
def test_the_next_marker_is_spelt_too_and_a_token_is_not(listed: Spoken, query: str) -> None:
    page = listed.ask("GET", listed.path, f"{query}encoding-type=url&prefix=a%20")
    assert page.detail("IsTruncated") == "false"
    listed.put(quote("a b+d"), b"")
    page = listed.ask(
        "GET",
        listed.path,
        f"{re.sub('max-keys=.', 'max-keys=1', query)}encoding-type=url&prefix=a%20b%2B&delimiter=%20",
    )
    element = "NextKeyMarker" if "versions" in query else "NextMarker"
    assert page.detail(element) == "a%20b%2Bc"
    token = listed.ask("GET", listed.path, "list-type=2&max-keys=1&encoding-type=url").detail("NextContinuationToken")
    assert unquote(token) == token
    following = listed.ask("GET", listed.path, f"list-type=2&continuation-token={quote(token, safe='')}")
    assert following.detail("ContinuationToken") == token


# --- what strict readers ask of the document

ENTRY = ["Key", "LastModified", "ETag", "ChecksumAlgorithm", "ChecksumType", "Size", "StorageClass"]


@pytest.mark.parametrize(
    ("query", "children"),
    [("", [*ENTRY, "Owner"]), ("list-type=2", ENTRY), ("list-type=2&fetch-owner=true", [*ENTRY, "Owner"])],
)
def test_an_entry_has_what_strict_clients_need_and_nothing_of_ours(
    spoken: Spoken, query: str, children: list[str]
) -> None:
    spoken.put("k", b"12345")
    answer = spoken.ask("GET", spoken.path, query)
    root = ElementTree.fromstring(answer.body)
    tags = [element.tag.rpartition("}")[2] for element in root]
    assert root.tag == "{http://s3.amazonaws.com/doc/2006-03-01/}ListBucketResult"
    assert (tags[0], tags[-1]) == ("Name", "Contents")
    (entry,) = (element for element in root if element.tag.endswith("}Contents"))
    assert [element.tag.rpartition("}")[2] for element in entry] == children
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", answer.detail("LastModified"))
    assert (answer.detail("Size"), answer.detail("StorageClass")) == ("5", "STANDARD")


def test_an_object_says_the_same_second_everywhere(spoken: Spoken) -> None:
    spoken.put("k")
    head = spoken.s3.head_object(Bucket=spoken.bucket, Key="k")["LastModified"]
    entry = spoken.s3.list_objects_v2(Bucket=spoken.bucket)["Contents"][0]["LastModified"]
    assert head == entry
    assert entry.microsecond == 0
