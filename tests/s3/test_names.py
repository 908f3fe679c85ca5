"""Names: what a bucket, a tenancy and a key may be called, and every odd spelling of them in a path."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.s3 import names
from holdfast.s3.codes import S3Error
from holdfast.s3.names import CopySource

keys = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=200)


def code_of(call, *args: str) -> str:  # type: ignore[no-untyped-def]
    with pytest.raises(S3Error) as caught:
        call(*args)
    return caught.value.code


# --- buckets and tenancies


@pytest.mark.parametrize(
    "name", ["abc", "my-bucket", "a.b", "1a2", "123", "a" * 63, "my.dotted-bucket.0", "1.2.3", "1.2.3.4.5"]
)
def test_a_bucket_name_by_the_rules_is_valid(name: str) -> None:
    names.check_bucket_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "ab",
        "a" * 64,
        "Abc",
        "a_b",
        "-abc",
        "abc-",
        ".abc",
        "abc.",
        "a..b",
        "a.-b",
        "a-.b",
        "192.168.5.4",
        "999.1.1.1",
        "xn--abc",
        "sthree-abc",
        "amzn-s3-demo-bucket",
        "abc-s3alias",
        "abc--ol-s3",
        "abc.mrap",
        "abc--x-s3",
        "abc--table-s3",
        "ab c",
        "abc\n",
        "a/b/c",
        "käse",
        "abc١",
        *sorted(names.RESERVED_NAMES),
    ],
)
def test_a_bucket_name_against_the_rules_is_refused(name: str) -> None:
    assert code_of(names.check_bucket_name, name) == "InvalidBucketName"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ab", "3 to 63 characters; this one has 2"),
        ("a" * 64, "this one has 64"),
        ("Data", "lower-case letters"),
        ("my bucket", "lower-case letters"),
        ("données", "lower-case letters"),
        ("-data", "begins and ends with a letter or a digit"),
        ("a..b", "each part between dots"),
        ("192.0.2.1", "IP address"),
        ("xn--data", "begin with xn--"),
        ("data-s3alias", "end with -s3alias"),
        ("data-1", None),
    ],
)
def test_a_person_is_told_what_is_wrong_with_a_bucket_s_name(name: str, said: str | None) -> None:
    fault = names.find_bucket_name_fault(name)
    assert fault is None if said is None else fault is not None and said in fault


@pytest.mark.parametrize("name", ["my-os-tenancy-o", "abc", "a1b", "1-a", "a" * 63])
def test_a_tenancy_name_is_a_label_of_a_hostname(name: str) -> None:
    assert names.is_tenancy_name(name)
    assert names.find_tenancy_name_fault(name) is None


@pytest.mark.parametrize(
    "name", ["", "ab", "a" * 64, "a.b.c", "-abc", "abc-", "Abc", "a_b", "abc\n", "xn--abc", "_admin", "é-o"]
)
def test_another_tenancy_name_is_refused_with_a_sentence(name: str) -> None:
    assert not names.is_tenancy_name(name)
    assert (names.find_tenancy_name_fault(name) or "").endswith(".")


# --- paths


@pytest.mark.parametrize(
    ("raw_path", "expected"),
    [
        ("/", ("", "")),
        ("/bucket", ("bucket", "")),
        ("/bucket/", ("bucket", "")),
        ("/bucket/key", ("bucket", "key")),
        ("/bucket/key/", ("bucket", "key/")),
        ("/bucket//key", ("bucket", "/key")),
        ("/bucket/a//b", ("bucket", "a//b")),
        ("/bucket/..", ("bucket", "..")),
        ("/bucket/../../etc/passwd", ("bucket", "../../etc/passwd")),
        ("/bucket/./a/.", ("bucket", "./a/.")),
        ("/bucket/%2e%2e/a", ("bucket", "../a")),
        ("/bucket/a%2Fb", ("bucket", "a/b")),
        ("/bucket/a%252Fb", ("bucket", "a%2Fb")),
        ("/bucket/a+b%2B", ("bucket", "a+b+")),
        ("/bucket/%20a&b%23%3F", ("bucket", " a&b#?")),
        ("/bucket/%01%7f", ("bucket", "\x01\x7f")),
        ("/bucket/%F0%9F%90%99", ("bucket", "🐙")),
        ("/bucket/\xf0\x9f\x90\x99", ("bucket", "🐙")),
        ("/bucket/e%CC%81", ("bucket", "e\u0301")),
        ("/bucket/%C3%A9", ("bucket", "\u00e9")),
        ("/bucket%2Fa/key", ("bucket/a", "key")),
        ("//key", ("", "key")),
        ("/_admin/portal", ("_admin", "portal")),
        ("/.TOKEN/", (".TOKEN", "")),
    ],
)
def test_a_path_names_a_bucket_and_a_key_decoded_once(raw_path: str, expected: tuple[str, str]) -> None:
    assert names.split_path(raw_path) == expected


@pytest.mark.parametrize(
    ("raw_path", "code"),
    [
        ("/bucket/%ff", "InvalidURI"),
        ("/bucket/\xff", "InvalidURI"),
        ("/bucket/%C0%AF", "InvalidURI"),  # an overlong slash
        ("/bucket/%ED%A0%80", "InvalidURI"),  # half a surrogate pair
        ("/bucket/%ED%A0%BD%ED%B0%99", "InvalidURI"),  # a whole one, as CESU-8 writes it
        ("/bucket/%F4%90%80%80", "InvalidURI"),
        ("/bucket/%zz", "InvalidURI"),
        ("/bucket/%4", "InvalidURI"),
        ("/bucket/%", "InvalidURI"),
        ("/%ff/key", "InvalidURI"),
        ("/%00/key", "InvalidURI"),
        ("/bucket/a%00b", "InvalidArgument"),
    ],
)
def test_a_path_that_is_not_utf8_or_has_a_nul_is_refused(raw_path: str, code: str) -> None:
    assert code_of(names.split_path, raw_path) == code


@given(key=keys)
def test_every_key_comes_through_a_path_and_a_copy_source_unharmed(key: str) -> None:
    for safe in ("/", "", "/~()*'!"):
        assert names.split_path(f"/bucket/{quote(key, safe=safe)}") == ("bucket", key)
        assert names.parse_copy_source(f"bucket/{quote(key, safe=safe)}") == CopySource("bucket", key, None)
    assert names.parse_copy_source(quote(f"bucket/{key}", safe="")) == CopySource("bucket", key, None)


@pytest.mark.parametrize("character", ["a", "é", "€", "🐙"])
def test_a_key_has_at_most_1024_bytes(character: str) -> None:
    size = len(character.encode())
    longest = character * (1024 // size)
    names.check_key(longest)
    assert names.split_path(f"/b/{quote(longest)}") == ("b", longest)
    for too_long in (longest + "a" * (1025 - len(longest.encode())), longest + character):
        assert code_of(names.check_key, too_long) == "KeyTooLongError"
        assert code_of(names.split_path, f"/b/{quote(too_long)}") == "KeyTooLongError"
        assert code_of(names.parse_copy_source, f"b/{quote(too_long)}") == "KeyTooLongError"


@pytest.mark.parametrize(
    ("key", "code"), [("", "InvalidArgument"), ("a\0", "InvalidArgument"), ("\ud800", "InvalidURI")]
)
def test_a_key_out_of_a_document_obeys_the_same_rules(key: str, code: str) -> None:
    assert code_of(names.check_key, key) == code


# --- copy sources


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("bucket/key", CopySource("bucket", "key", None)),
        ("/bucket/key", CopySource("bucket", "key", None)),
        ("%2Fbucket%2Fa%2Fb", CopySource("bucket", "a/b", None)),
        ("bucket//key", CopySource("bucket", "/key", None)),
        ("bucket/a+b%20c", CopySource("bucket", "a+b c", None)),
        ("bucket/a%252Fb", CopySource("bucket", "a%2Fb", None)),
        ("bucket/key?versionId=null", CopySource("bucket", "key", "null")),
        ("/bucket/key%3FversionId=1?versionId=a%2Fb", CopySource("bucket", "key?versionId=1", "a/b")),
        ("bucket/key%3FversionId%3D1", CopySource("bucket", "key?versionId=1", None)),
        ("bucket/../other/key", CopySource("bucket", "../other/key", None)),
        ("bucket/\xc3\xa9", CopySource("bucket", "é", None)),
    ],
)
def test_a_copy_source_is_decoded_once(text: str, expected: CopySource) -> None:
    assert names.parse_copy_source(text) == expected


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "InvalidArgument"),
        ("/", "InvalidArgument"),
        ("bucket", "InvalidArgument"),
        ("bucket/", "InvalidArgument"),
        ("//key", "InvalidArgument"),
        ("bucket/key?", "InvalidArgument"),
        ("bucket/key?versionId", "InvalidArgument"),
        ("bucket/key?versionId=", "InvalidArgument"),
        ("bucket/key?versionId=%00", "InvalidArgument"),
        ("bucket/a?b", "InvalidArgument"),
        ("bucket/%00", "InvalidArgument"),
        ("bucket/%ff", "InvalidURI"),
        ("bucket/key?versionId=%ff", "InvalidURI"),
        ("bucket/%ED%A0%80", "InvalidURI"),
        ("bucket/%", "InvalidURI"),
        ("arn:aws:s3:us-west-2:123456789012:accesspoint/my-ap/object/key", "NotImplemented"),
        ("arn%3Aaws%3As3%3Aus-west-2%3A123456789012%3Aaccesspoint/my-ap/object/key", "NotImplemented"),
    ],
)
def test_another_copy_source_is_refused(text: str, code: str) -> None:
    assert code_of(names.parse_copy_source, text) == code
