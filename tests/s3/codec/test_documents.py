"""codec/documents.py: what is written can be read back, and what is ambiguous is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.s3.codec import compile_document, compile_document_writer
from holdfast.s3.codes import S3Error
from holdfast.s3.shapes import Attribute, Element, ETag, Micros, Text


@dataclass(frozen=True, slots=True)
class Tag:
    key: Annotated[str, Element("Key")]
    value: Annotated[str, Element("Value")]


@dataclass(frozen=True, slots=True)
class Grantee:
    kind: Annotated[str, Attribute("xsi:type")]
    id: Annotated[str | None, Element("ID")] = None


@dataclass(frozen=True, slots=True)
class Everything:
    tags: Annotated[tuple[Tag, ...], Element("Tag", wrapper="TagSet")]
    status: Annotated[Literal["Enabled", "Suspended"], Element("Status")]
    names: Annotated[tuple[str, ...], Element("Name")] = ()
    days: Annotated[int | None, Element("Days")] = None
    quiet: Annotated[bool, Element("Quiet")] = False
    date: Annotated[Micros | None, Element("Date")] = None
    etag: Annotated[ETag | None, Element("ETag")] = None
    grantee: Annotated[Grantee | None, Element("Grantee")] = None


@dataclass(frozen=True, slots=True)
class Location:
    region: Annotated[str, Text()]


@dataclass(frozen=True, slots=True)
class Object:
    key: Annotated[str, Element("Key")]


@dataclass(frozen=True, slots=True)
class Delete:
    objects: Annotated[tuple[Object, ...], Element("Object")]


read = compile_document(Everything, "Everything")
write = compile_document_writer(Everything, "Everything")

# XML 1.0, section 2.2: what a document can hold at all.
NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
texts = st.text(st.characters(codec="utf-8"))
spellable = texts.filter(lambda text: not NOT_IN_XML.search(text))


@given(
    st.builds(
        Everything,
        tags=st.lists(st.builds(Tag, spellable, spellable), max_size=3).map(tuple),
        status=st.sampled_from(["Enabled", "Suspended"]),
        names=st.lists(spellable, max_size=3).map(tuple),
        days=st.none() | st.integers(0, 2**63 - 1),
        quiet=st.booleans(),
        date=st.none() | st.integers(0, 4_000_000_000).map(lambda second: Micros(second * 1_000_000)),
        etag=st.none() | st.from_regex("[0-9a-f]{32}(-[0-9]+)?", fullmatch=True).map(ETag),
        grantee=st.none() | st.builds(Grantee, st.just("CanonicalUser"), st.none() | spellable),
    )
)
def test_a_document_that_is_written_and_read_is_the_same(value: Everything) -> None:
    assert read(write(value)) == value


@given(texts)
def test_text_comes_back_as_it_was_or_not_at_all(text: str) -> None:
    body = compile_document_writer(Location, "L")(Location(text))
    if NOT_IN_XML.search(text):
        with pytest.raises(S3Error, match="MalformedXML"):
            compile_document(Location, "L")(body)
    else:
        assert compile_document(Location, "L")(body) == Location(text)


LEAST = "<TagSet/><Status>Enabled</Status>"


def everything(inner: str, attributes: str = "") -> Everything:
    return read(f"<Everything{attributes}>{inner}</Everything>".encode())


@pytest.mark.parametrize(
    "attributes", ["", ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"', ' xmlns="urn:other"', ' version="1"']
)
def test_any_namespace_or_none_will_do(attributes: str) -> None:
    assert everything(LEAST, attributes) == Everything((), "Enabled")


def test_unknown_elements_are_tolerated() -> None:
    assert everything(LEAST + "<New><Key>x</Key></New>") == Everything((), "Enabled")


def test_white_space_around_elements_and_numbers_does_not_matter() -> None:
    assert everything(f"\n {LEAST} <Days> 7\n</Days><Quiet>TRUE</Quiet>") == Everything(
        (), "Enabled", days=7, quiet=True
    )


def test_a_tag_is_read_with_or_without_its_quotes() -> None:
    assert everything(f"{LEAST}<ETag>ab</ETag>") == everything(f'{LEAST}<ETag>"ab"</ETag>')


@pytest.mark.parametrize(
    ("inner", "why"),
    [
        ("<Status>Enabled</Status>", "Everything has no TagSet"),
        ("<TagSet/>", "Everything has no Status"),
        (LEAST + "<Status>Suspended</Status>", "more than one Status"),
        (LEAST + "<TagSet/>", "more than one TagSet"),
        ("<TagSet/><Status>Off</Status>", "Status must be one of Enabled, Suspended"),
        (LEAST + "<Days>-1</Days>", "Days must be an integer"),
        (LEAST + "<Days></Days>", "Days must be an integer"),
        (LEAST + f"<Days>{'9' * 5000}</Days>", "Days must be an integer"),
        (LEAST + "<Quiet>yes</Quiet>", "Quiet must be true or false"),
        (LEAST + "<Date>soon</Date>", "Date must be a date"),
        (LEAST + "<Days><Days>1</Days></Days>", "Days holds elements"),
        ("<TagSet><Tag><Key>k</Key></Tag></TagSet><Status>Enabled</Status>", "Tag has no Value"),
        (LEAST + "<Grantee><ID>x</ID></Grantee>", "Grantee has no"),
    ],
)
def test_what_is_missing_double_or_of_the_wrong_type_is_malformed_and_named(inner: str, why: str) -> None:
    with pytest.raises(S3Error, match=f"MalformedXML: .*{why}"):
        everything(inner)


@pytest.mark.parametrize("body", [b"", b"<Other/>", b"<Everything>", b"{}"])
def test_what_is_not_the_document_is_malformed(body: bytes) -> None:
    with pytest.raises(S3Error, match="MalformedXML"):
        read(body)


def test_a_repetition_that_is_required_is_there_at_least_once() -> None:
    with pytest.raises(S3Error, match="Delete has no Object"):
        compile_document(Delete, "Delete")(b"<Delete/>")


def test_lists_of_keys_and_parts_may_be_longer_than_other_documents() -> None:
    body = f"<Delete><Object><Key>{'k' * 2**20}</Key></Object></Delete>".encode()
    assert len(compile_document(Delete, "Delete")(body).objects) == 1
    with pytest.raises(S3Error, match="MaxMessageLengthExceeded"):
        compile_document(Delete, "Delete", max_bytes=2**20)(body)
    with pytest.raises(S3Error, match="MaxMessageLengthExceeded"):
        read(body)
