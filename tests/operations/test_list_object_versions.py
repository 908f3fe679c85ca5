"""ListObjectVersions over objects that have one version each, `null`."""

from __future__ import annotations

from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis.strategies import integers, lists, sampled_from, sets, text
from tests.operations.site import Site

from holdfast.s3 import xml

# What minio-go knows; it takes any other child for a broken answer (api-s3-datatypes.go, ListVersionsResult).
KNOWN_TO_MINIO_GO = {
    "Name", "Prefix", "Delimiter", "EncodingType", "KeyMarker", "NextKeyMarker", "VersionIdMarker",
    "NextVersionIdMarker", "IsTruncated", "MaxKeys", "CommonPrefixes", "DeleteMarker", "Version",
}  # fmt: skip


def list_versions(site: Site, **parameters: str | int) -> xml.Element:
    query = "".join(f"&{name.replace('_', '-')}={quote(str(value), safe='')}" for name, value in parameters.items())
    return xml.parse_root(site.ask(site.alice, "GET", f"/b?versions{query}").body, "ListVersionsResult")


def keys_of(page: xml.Element) -> list[str]:
    return [xml.required_text(each, "Key") for each in xml.children(page, "Version")]


def prefixes_of(page: xml.Element) -> list[str]:
    return [xml.required_text(each, "Prefix") for each in xml.children(page, "CommonPrefixes")]


@pytest.fixture
def site(site: Site) -> Site:
    site.bucket("b")
    return site


def test_each_object_is_its_own_latest_version(site: Site) -> None:
    row = site.object("b", "k", b"body")
    page = list_versions(site)
    (version,) = xml.children(page, "Version")
    texts = {child.name: child.text for child in version.children}
    assert (texts["Key"], texts["VersionId"], texts["IsLatest"]) == ("k", "null", "true")
    assert (texts["ETag"], texts["Size"], texts["StorageClass"]) == (f'"{row.etag}"', "4", "STANDARD")
    assert texts["LastModified"].endswith(".000Z")
    owner = xml.child(version, "Owner")
    assert owner is not None
    assert (xml.child_text(owner, "ID"), xml.child_text(owner, "DisplayName")) == ("u-alice", "alice")


def test_an_empty_list_is_whole_and_echoes_what_was_asked(site: Site) -> None:
    page = list_versions(site, prefix="p/", key_marker="m", version_id_marker="null", delimiter="/", max_keys=5000)
    assert [(child.name, child.text) for child in page.children] == [
        ("Name", "b"), ("Prefix", "p/"), ("KeyMarker", "m"), ("VersionIdMarker", "null"), ("MaxKeys", "1000"),
        ("Delimiter", "/"), ("IsTruncated", "false"),
    ]  # fmt: skip


def test_no_element_is_unknown_to_the_strictest_client(site: Site) -> None:
    for key in ("a", "b/1", "c"):
        site.object("b", key)
    page = list_versions(site, delimiter="/", max_keys=2, encoding_type="url", prefix="", key_marker="0")
    assert {child.name for child in page.children} <= KNOWN_TO_MINIO_GO
    assert xml.child_text(page, "NextKeyMarker") == "b/"
    assert xml.child_text(page, "NextVersionIdMarker") is None, "a common prefix has no version"
    assert xml.child_text(list_versions(site, max_keys=1), "NextVersionIdMarker") == "null"


def test_names_are_spelt_as_encoding_type_asks(site: Site) -> None:
    site.object("b", "a b+c/é%")
    page = list_versions(site, encoding_type="url", prefix="a ", delimiter="%")
    assert xml.child_text(page, "EncodingType") == "url"
    assert (xml.child_text(page, "Prefix"), xml.child_text(page, "Delimiter")) == ("a%20", "%25")
    assert prefixes_of(page) == ["a%20b%2Bc/%C3%A9%25"]
    assert keys_of(list_versions(site)) == ["a b+c/é%"]
    assert site.refused(site.alice, "GET", "/b?versions&encoding-type=html") == "InvalidArgument"


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("version-id-marker=null", "InvalidArgument"),
        ("version-id-marker=a/b&key-marker=k", "InvalidArgument"),
        ("max-keys=-1", "InvalidArgument"),
        ("max-keys=many", "InvalidArgument"),
    ],
)
def test_markers_and_counts_that_mean_nothing_are_refused(site: Site, query: str, code: str) -> None:
    assert site.refused(site.alice, "GET", f"/b?versions&{query}") == code


def test_an_empty_version_marker_is_none_and_no_keys_is_a_whole_answer(site: Site) -> None:
    site.object("b", "k")
    assert keys_of(list_versions(site, version_id_marker="", key_marker="")) == ["k"]
    page = list_versions(site, max_keys=0)
    assert keys_of(page) == []
    assert xml.child_text(page, "IsTruncated") == "false"


@given(
    keys=sets(text(alphabet=sampled_from("ab/é\U0001f980"), min_size=1, max_size=4), max_size=12),
    page_size=integers(1, 4),
    delimiter=sampled_from(["", "/", "a"]),
    prefix=lists(sampled_from("ab/"), max_size=2).map("".join),
)
def test_paging_yields_every_version_and_prefix_once_in_order(
    keys: set[str], page_size: int, delimiter: str, prefix: str
) -> None:
    site = Site()
    site.bucket("b")
    for key in keys:
        site.object("b", key)
    whole = list_versions(site, delimiter=delimiter, prefix=prefix)
    found_keys: list[str] = []
    found_prefixes: list[str] = []
    markers: dict[str, str] = {}
    for _ in range(len(keys) + 1):
        page = list_versions(
            site, delimiter=delimiter, prefix=prefix, max_keys=page_size, encoding_type="url", **markers
        )
        found_keys += map(unquote, keys_of(page))
        found_prefixes += map(unquote, prefixes_of(page))
        if xml.child_text(page, "IsTruncated") == "false":
            break
        markers = {"key_marker": unquote(xml.required_text(page, "NextKeyMarker"))}
        if version := xml.child_text(page, "NextVersionIdMarker"):
            markers["version_id_marker"] = version
    else:
        pytest.fail("the list never ends")
    assert (found_keys, found_prefixes) == (keys_of(whole), prefixes_of(whole))
    listed = {key for key in keys if key.startswith(prefix)}
    rolled = {key for key in listed if delimiter and delimiter in key[len(prefix) :]}
    assert found_keys == sorted(listed - rolled, key=str.encode)


def test_a_token_with_prefixes_lists_below_them_only(site: Site) -> None:
    site.object("b", "run1/x")
    narrow = site.narrowed(site.alice, prefixes=("run1/",))
    assert site.ask(narrow, "GET", "/b?versions&prefix=run1/").status == 200
    assert site.refused(narrow, "GET", "/b?versions") == "AccessDenied"
    assert site.refused(narrow, "GET", "/b?versions&prefix=run&prefix=run1/") == "AccessDenied"
