"""Request bodies are read with guards, and text is escaped so that a parser gives it back."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.s3 import xml
from holdfast.s3.codes import S3Error


def refusal(body: bytes, **limits: int) -> str:
    with pytest.raises(S3Error) as caught:
        xml.parse(body, **limits)
    return caught.value.code


def test_names_lose_their_namespace_however_it_is_spelt() -> None:
    plain = xml.parse(b"<Tagging><TagSet/></Tagging>")
    assert xml.parse(b'<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet/></Tagging>') == plain
    assert xml.parse(b'<x:Tagging xmlns:x="http://other/"><x:TagSet/></x:Tagging>') == plain
    assert xml.parse(b"<x:Tagging><x:TagSet/></x:Tagging>") == plain, "an undeclared prefix is forgiven"


def test_attributes_are_kept_without_prefixes_and_declarations() -> None:
    root = xml.parse(b'<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"/>')
    assert root.attributes == {"type": "CanonicalUser"}


def test_the_text_of_a_leaf_is_kept_to_the_letter_and_layout_between_elements_is_not() -> None:
    root = xml.parse(b"<Delete>\n  <Key> a \n</Key>\n</Delete>")
    assert root.text == ""
    assert xml.child_text(root, "Key") == " a \n"


def test_text_in_pieces_comes_whole() -> None:
    root = xml.parse(b"<Key>a&amp;b<![CDATA[<c>]]>&#xE9;<!-- no -->d" + b"x" * 20_000 + b"</Key>")
    assert root.text == "a&b<c>éd" + "x" * 20_000


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"plain",
        b"<a>",
        b"<a></b>",
        b"<a/><b/>",
        b"<a>&nbsp;</a>",
        b"<a>\x00</a>",
        b"<a>&#1;</a>",
        b"<a>\xff</a>",
        '<?xml version="1.0" encoding="ISO-8859-1"?><a>é</a>'.encode("latin-1"),
        "<a>é</a>".encode("utf-16"),
        b"<!DOCTYPE a><a/>",
        b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>',
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1/x"><a/>',
        b"<?php echo ?><a/>",
        b"<a b='1' b='2'/>",
    ],
)
def test_what_is_no_plain_document_is_malformed(body: bytes) -> None:
    assert refusal(body) == "MalformedXML"


def test_a_billion_laughs_is_refused_at_its_document_type() -> None:
    entities = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 10))
    assert refusal(b'<!DOCTYPE a [<!ENTITY l0 "lol">' + entities + b"]><a>&l9;</a>") == "MalformedXML"


def test_depth_count_and_size_are_limited() -> None:
    assert xml.parse(b"<a>" * 32 + b"</a>" * 32).name == "a"
    assert refusal(b"<a>" * 33 + b"</a>" * 33) == "MalformedXML"
    assert refusal(b"<a>" * 100_000) == "MalformedXML"
    assert xml.parse(b"<a>" + b"<b/>" * 9 + b"</a>", max_elements=10).name == "a"
    assert refusal(b"<a>" + b"<b/>" * 10 + b"</a>", max_elements=10) == "MalformedXML"
    assert refusal(b"<a>xxxx</a>", max_bytes=10) == "MaxMessageLengthExceeded"


def test_a_wrong_root_is_malformed() -> None:
    with pytest.raises(S3Error, match="MalformedXML"):
        xml.parse_root(b"<Delete/>", "Tagging")


def test_a_doubled_singleton_is_refused_and_an_absent_one_is_none() -> None:
    root = xml.parse(b"<Object><Key>a</Key><Key>b</Key><ETag><x/></ETag></Object>")
    with pytest.raises(S3Error, match="MalformedXML"):
        xml.child_text(root, "Key")
    with pytest.raises(S3Error, match="MalformedXML"):
        xml.child_text(root, "ETag")
    assert xml.child_text(root, "VersionId") is None
    with pytest.raises(S3Error, match="MalformedXML"):
        xml.required_text(root, "VersionId")
    assert [one.text for one in xml.children(root, "Key")] == ["a", "b"]


@pytest.mark.parametrize("text", ["", "1.0", "1e3", "٣", "0x1", "1 2", "9" * 20, "9" * 100_000, "-1", "10001", "+1"])
def test_a_number_that_is_odd_or_out_of_limits_is_malformed(text: str) -> None:
    with pytest.raises(S3Error, match="MalformedXML"):
        xml.child_integer(xml.parse(f"<Part><PartNumber>{text}</PartNumber></Part>".encode()), "PartNumber", 1, 10_000)


def test_a_number_may_stand_between_white_space() -> None:
    assert xml.child_integer(xml.parse(b"<a><n>\n 7 </n></a>"), "n", 1, 10) == 7


readable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=[chr(n) for n in range(32) if n not in (9, 10, 13)] + ["\ufffe", "\uffff"]))  # fmt: skip


@given(readable)
def test_escaped_text_is_given_back_by_a_parser_in_elements_and_attributes(text: str) -> None:
    document = xml.document("a", [xml.element("b", text)])
    assert (ElementTree.fromstring(document)[0].text or "") == text
    root = (
        xml.parse(document.replace(b"<b>", b'<b c="').replace(b"</b>", b'"/>'))
        if "\n" not in text and "\t" not in text
        else None
    )
    assert root is None or root.children[0].attributes["c"] == text


def test_a_control_character_becomes_a_reference_that_no_client_can_take_for_another_key() -> None:
    assert xml.escape("a\x01b\x0b\ufffe") == "a&#x1;b&#xB;&#xFFFE;"
    with pytest.raises(ElementTree.ParseError):
        ElementTree.fromstring(xml.document("a", [xml.escape("\x01")]))


def test_an_error_document_has_no_namespace_and_others_do() -> None:
    assert xml.document("Error", [], namespace=False) == b'<?xml version="1.0" encoding="UTF-8"?>\n<Error></Error>'
    assert b'<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' in xml.document("Tagging", [])
