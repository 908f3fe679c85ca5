"""Tags by document and by header, with the limits and errors of S3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.s3.codes import S3Error
from holdfast.s3.documents import tagging

characters = st.characters(categories=["L", "N", "Zs"], include_characters="_.:/=+-@")
tag_keys = st.text(characters, min_size=1, max_size=128).filter(lambda key: not key.lower().startswith("aws:"))
tag_sets = st.dictionaries(tag_keys, st.text(characters, max_size=256), max_size=10).map(
    lambda tags: tuple(sorted(tags.items()))
)


def body(*pairs: tuple[str, str]) -> bytes:
    tags = "".join(f"<Tag><Key>{key}</Key><Value>{value}</Value></Tag>" for key, value in pairs)
    return f"<Tagging><TagSet>{tags}</TagSet></Tagging>".encode()


def refusal(text: bytes | str) -> S3Error:
    with pytest.raises(S3Error) as caught:
        tagging.parse_object_tags(text) if isinstance(text, bytes) else tagging.parse_header(text)
    return caught.value


@given(tag_sets)
def test_tags_survive_the_document_and_the_header(tags: tagging.Tags) -> None:
    assert tagging.parse_object_tags(tagging.write(tags)) == tags
    assert tagging.parse_header(tagging.write_header(tags)) == tags


def test_equal_sets_are_equal_whatever_their_order() -> None:
    assert (
        tagging.parse_object_tags(body(("b", "1"), ("a", "2")))
        == tagging.parse_header("a=2&b=1")
        == (("a", "2"), ("b", "1"))
    )


def test_a_set_may_be_empty_and_so_may_a_value() -> None:
    assert tagging.parse_object_tags(body()) == ()
    assert tagging.parse_object_tags(body(("bar", ""))) == (("bar", ""),)
    assert tagging.parse_header("") == ()
    assert tagging.parse_header("foo=bar&bar") == (("bar", ""), ("foo", "bar"))


def test_a_header_is_a_query_in_utf_8() -> None:
    assert tagging.parse_header("a+b=c%2Bd&%C3%A9=%20") == (("a b", "c+d"), ("é", " "))


@pytest.mark.parametrize("header", ["a=1&a=2", "a=b=c", "%ff=1", "a&a"])
def test_a_header_that_is_no_such_query_is_an_invalid_argument(header: str) -> None:
    error = refusal(header)
    assert error.code == "InvalidArgument"
    assert error.details["ArgumentName"] == "x-amz-tagging"


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("", "v")], "The TagKey you have provided is invalid"),
        ([("k" * 129, "v")], "The TagKey you have provided is invalid"),
        ([("k", "v" * 257)], "The TagValue you have provided is invalid"),
        ([("k&amp;", "v")], "The TagKey you have provided is invalid"),
        ([("k", "line\nfeed")], "The TagValue you have provided is invalid"),
        ([("k", "🌊")], "The TagValue you have provided is invalid"),
        ([("k", "1"), ("j", "2"), ("k", "3")], "Cannot provide multiple Tags with the same key"),
        ([("aws:x", "v")], "System tags cannot be added/updated by requester"),
        ([("AWS:x", "v")], "System tags cannot be added/updated by requester"),
    ],
)
def test_an_invalid_tag_is_named_so(pairs: list[tuple[str, str]], message: str) -> None:
    error = refusal(body(*pairs))
    assert (error.code, error.message) == ("InvalidTag", message)


def test_limits_count_characters_and_not_bytes() -> None:
    assert tagging.parse_object_tags(body(("é" * 128, "水" * 256)))


def test_an_object_has_at_most_ten_tags_and_a_bucket_fifty() -> None:
    # ceph/s3-tests expects InvalidTag here; AWS answers BadRequest (hashicorp/terraform-provider-aws issue 19895).
    assert len(tagging.parse_object_tags(body(*((str(n), "") for n in range(10))))) == 10
    error = refusal(body(*((str(n), "") for n in range(11))))
    assert (error.code, error.message) == ("BadRequest", "Object tags cannot be greater than 10")
    assert refusal("&".join(f"k{n}" for n in range(11))).code == "BadRequest"
    assert len(tagging.parse_bucket_tags(body(*((str(n), "") for n in range(50))))) == 50
    with pytest.raises(S3Error, match="BadRequest: Bucket tags cannot be greater than 50"):
        tagging.parse_bucket_tags(body(*((str(n), "") for n in range(51))))


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<Tagging/>",
        b"<TagSet/>",
        b"<Tagging><TagSet><Tag><Key>a</Key></Tag></TagSet></Tagging>",
        b"<Tagging><TagSet><Tag><Value>a</Value></Tag></TagSet></Tagging>",
        b"<Tagging><TagSet/><TagSet/></Tagging>",
        b"<Tagging><TagSet><Tag><Key>a</Key><Key>b</Key><Value/></Tag></TagSet></Tagging>",
    ],
)
def test_another_document_is_malformed(document: bytes) -> None:
    assert refusal(document).code == "MalformedXML"
