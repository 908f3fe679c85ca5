"""codec/responses.py and codec/elements.py: records become heads and documents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.s3.answer import Answer
from holdfast.s3.codec import compile_response
from holdfast.s3.shapes import (
    Attribute,
    Document,
    Element,
    ETag,
    Header,
    HeaderMap,
    Micros,
    Payload,
    RawDocument,
    Status,
    Text,
)

MOMENT = Micros(1795395723_999_999)  # 2026-11-23T01:02:03.999999Z


@dataclass(frozen=True, slots=True)
class Get:
    modified: Annotated[Micros, Header("Last-Modified")]
    etag: Annotated[ETag, Header("ETag")]
    metadata: Annotated[dict[str, str], HeaderMap("x-amz-meta-")]
    size: Annotated[int, Header("Content-Length")]
    marker: Annotated[bool | None, Header("x-amz-delete-marker")] = None
    until: Annotated[Micros | None, Header("x-amz-object-lock-retain-until-date")] = None
    expires: Annotated[str | None, Header("Expires")] = None
    payload: Annotated[tuple[str, ...], Payload()] = ()
    status: Annotated[int, Status()] = 200


@dataclass(frozen=True, slots=True)
class Deleted:
    status: ClassVar[int] = 204


@dataclass(frozen=True, slots=True)
class Owner:
    id: Annotated[str, Element("ID")]
    kind: Annotated[str | None, Attribute("xsi:type")] = None


@dataclass(frozen=True, slots=True)
class Entry:
    key: Annotated[str, Element("Key")]
    modified: Annotated[Micros, Element("LastModified")]
    etag: Annotated[ETag | None, Element("ETag")] = None
    is_latest: Annotated[bool, Element("IsLatest")] = True
    owner: Annotated[Owner | None, Element("Owner")] = None


@dataclass(frozen=True, slots=True)
class Page:
    root: ClassVar[str] = "ListBucketResult"
    bucket: Annotated[str, Element("Name")]
    prefix: Annotated[str | None, Element("Prefix")]
    entries: Annotated[tuple[Entry, ...], Element("Contents")]
    buckets: Annotated[tuple[str, ...], Element("Bucket", wrapper="Buckets")] = ()
    charged: Annotated[str | None, Header("x-amz-request-charged")] = None


@dataclass(frozen=True, slots=True)
class Location:
    root: ClassVar[str] = "LocationConstraint"
    xmlns: ClassVar[str] = ""
    region: Annotated[str, Text()]


@dataclass(frozen=True, slots=True)
class Policy:
    content_type: Annotated[str, Header("Content-Type")]
    policy: Annotated[bytes, RawDocument()]


@dataclass(frozen=True, slots=True)
class GetOwner:
    owner: Annotated[Owner, Document("Owner")]


def test_headers_keep_the_order_of_the_fields_and_none_is_left_out() -> None:
    written = compile_response(Get)(Get(MOMENT, ETag("ab-2"), {"a": "1", "b": "2"}, 7, True, MOMENT, None, ("s",), 206))
    assert written == Answer(
        206,
        [
            ("Last-Modified", "Mon, 23 Nov 2026 01:02:03 GMT"),
            ("ETag", '"ab-2"'),
            ("x-amz-meta-a", "1"),
            ("x-amz-meta-b", "2"),
            ("Content-Length", "7"),
            ("x-amz-delete-marker", "true"),
            ("x-amz-object-lock-retain-until-date", "2026-11-23T01:02:03.000Z"),
        ],
        b"",
        ("s",),
    )


def test_a_shape_without_fields_answers_its_status_and_nothing_else() -> None:
    assert compile_response(Deleted)(Deleted()) == Answer(204, [], b"", None)


def test_elements_make_a_document_in_s3s_namespace() -> None:
    entry = Entry("a&b", MOMENT, ETag("ab"), False, Owner("me", "CanonicalUser"))
    written = compile_response(Page)(Page("b", "", (entry, Entry("c", MOMENT)), ("x", "y")))
    assert written.headers == [("Content-Type", "application/xml")]
    assert written.body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix></Prefix>'
        "<Contents><Key>a&amp;b</Key><LastModified>2026-11-23T01:02:03.000Z</LastModified><ETag>&quot;ab&quot;</ETag>"
        '<IsLatest>false</IsLatest><Owner xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">'
        "<ID>me</ID></Owner></Contents>"
        "<Contents><Key>c</Key><LastModified>2026-11-23T01:02:03.000Z</LastModified><IsLatest>true</IsLatest></Contents>"
        "<Buckets><Bucket>x</Bucket><Bucket>y</Bucket></Buckets></ListBucketResult>"
    )


def test_a_wrapper_stands_even_around_nothing_and_a_repetition_does_not() -> None:
    body = compile_response(Page)(Page("b", None, ())).body
    assert body.endswith(b"<Name>b</Name><Buckets></Buckets></ListBucketResult>")


def test_text_is_the_roots_own_and_an_empty_namespace_is_none() -> None:
    body = compile_response(Location)(Location("eu<west")).body
    assert body == b'<?xml version="1.0" encoding="UTF-8"?>\n<LocationConstraint>eu&lt;west</LocationConstraint>'


def test_a_raw_document_is_the_body_under_the_shapes_own_type() -> None:
    written = compile_response(Policy)(Policy("application/json", b"{}"))
    assert written == Answer(200, [("Content-Type", "application/json")], b"{}", None)


def test_a_document_field_is_the_whole_body() -> None:
    written = compile_response(GetOwner)(GetOwner(Owner("me")))
    assert written.headers == [("Content-Type", "application/xml")]
    assert written.body.endswith(b'<Owner xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><ID>me</ID></Owner>')


def test_metadata_of_the_wire_goes_back_byte_for_byte_and_other_text_as_an_encoded_word() -> None:
    wire = "ÄMÄZÕÑ S3".encode().decode("latin-1")
    written = compile_response(Get)(Get(MOMENT, ETag("a"), {"wire": wire, "form": "雪"}, 0))
    headers = dict(written.headers)
    assert headers["x-amz-meta-wire"].encode("latin-1").decode() == "ÄMÄZÕÑ S3"
    assert headers["x-amz-meta-form"] == "=?UTF-8?B?6Zuq?="


@given(value=st.text(), name=st.text())
def test_no_header_is_ever_split(value: str, name: str) -> None:
    try:
        written = compile_response(Get)(Get(MOMENT, ETag("a"), {name: value}, 0, expires=value))
    except AssertionError:
        assert any(character in value + name for character in "\r\n\0")
    else:
        for each in written.headers:
            line = ": ".join(each).encode("latin-1")
            assert not any(byte in line for byte in b"\r\n\0")


@dataclass(frozen=True, slots=True)
class TwoBodies:
    root: ClassVar[str] = "R"
    one: Annotated[str, Element("One")]
    two: Annotated[bytes, RawDocument()]


def test_a_shape_with_two_bodies_is_not_compiled() -> None:
    with pytest.raises(AssertionError, match="two bodies"):
        compile_response(TwoBodies)
