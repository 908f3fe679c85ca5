"""codec/requests.py: heads, queries and bodies become records, or S3's errors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.s3.codec import compile_request
from holdfast.s3.codes import S3Error
from holdfast.s3.head import Head
from holdfast.s3.shapes import (
    Document,
    Element,
    ETag,
    Header,
    HeaderMap,
    Label,
    Micros,
    Query,
    RawDocument,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    content_type: Annotated[str | None, Header("Content-Type")] = None
    metadata: Annotated[dict[str, str], HeaderMap("x-amz-meta-")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Stored):
    bucket: Annotated[str, Label("Bucket")]
    key: Annotated[str, Label("Key")]
    bypass: Annotated[bool | None, Header("x-amz-bypass-governance-retention")] = None
    since: Annotated[Micros | None, Header("If-Modified-Since")] = None
    until: Annotated[Micros | None, Header("x-amz-object-lock-retain-until-date")] = None
    attributes: Annotated[tuple[Literal["ETag", "Checksum"], ...] | None, Header("x-amz-object-attributes")] = None
    max_keys: Annotated[int, Query("max-keys")] = 1000
    encoding: Annotated[Literal["url"] | None, Query("encoding-type")] = None
    prefix: Annotated[str | None, Query("prefix")] = None
    disposition: Annotated[str | None, Query("response-content-disposition")] = None


@dataclass(frozen=True, slots=True)
class Part:
    part_number: Annotated[int, Element("PartNumber")]
    etag: Annotated[ETag, Element("ETag")]


@dataclass(frozen=True, slots=True)
class Parts:
    parts: Annotated[tuple[Part, ...], Element("Part")]


@dataclass(frozen=True, slots=True)
class Complete:
    upload_id: Annotated[str, Query("uploadId")]
    source: Annotated[str, Header("x-amz-source")]
    parts: Annotated[Parts, Document("CompleteMultipartUpload")]


@dataclass(frozen=True, slots=True)
class OptionalDocument:
    parts: Annotated[Parts | None, Document("CompleteMultipartUpload")] = None


@dataclass(frozen=True, slots=True)
class PutPolicy:
    policy: Annotated[bytes, RawDocument()]
    tags: Annotated[list[str], Query("tags")] = field(default_factory=list)


class Tuple(NamedTuple):
    key: Annotated[str, Label("Key")]
    version_id: Annotated[str | None, Query("versionId")] = None


read = compile_request(Request)


def request(headers: dict[str, str] | None = None, query: dict[str, str] | None = None) -> Request:
    return read(Head("GET", "/b/k", "", headers or {}), "b", "k", query or {}, b"")


def refusal(headers: dict[str, str] | None = None, query: dict[str, str] | None = None) -> S3Error:
    with pytest.raises(S3Error) as caught:
        request(headers, query)
    return caught.value


def test_fields_come_from_the_path_the_headers_and_the_query() -> None:
    assert request(
        {
            "host": "example.org",
            "content-type": "text/plain",
            "x-amz-meta-mtime": "1",
            "x-amz-meta-": "",
            "x-amz-bypass-governance-retention": "TRUE",
            "x-amz-object-attributes": "ETag, Checksum",
            "if-modified-since": "Mon, 23 Nov 2026 01:02:03 GMT",
            "x-amz-object-lock-retain-until-date": "2026-11-23T01:02:03Z",
        },
        {"max-keys": "7", "encoding-type": "url", "prefix": "", "x-id": "ListObjects"},
    ) == Request(
        bucket="b",
        key="k",
        content_type="text/plain",
        metadata={"mtime": "1", "": ""},
        bypass=True,
        since=Micros(1795395723_000_000),
        until=Micros(1795395723_000_000),
        attributes=("ETag", "Checksum"),
        max_keys=7,
        encoding="url",
        prefix="",
    )


def test_what_is_absent_has_its_default() -> None:
    assert request() == Request(bucket="b", key="k", metadata={})


def test_a_record_is_of_the_declared_class_and_frozen() -> None:
    made = request()
    assert type(made) is Request
    assert not hasattr(made, "__dict__")
    with pytest.raises(AttributeError):
        made.key = "other"  # type: ignore[misc]


def test_two_requests_share_no_mutable_value() -> None:
    assert request().metadata is not request().metadata


def test_an_empty_value_of_an_optional_number_or_choice_counts_as_absent() -> None:
    assert request(query={"max-keys": "", "encoding-type": ""}) == request()


@pytest.mark.parametrize("text", ["-1", "+1", "1_0", "1.0", "x", "٣", "0x10", "9" * 5000, str(2**63)])
def test_what_is_no_integer_in_range_is_refused_with_the_argument(text: str) -> None:
    error = refusal(query={"max-keys": text})
    assert error.code == "InvalidArgument"
    assert error.message == "Argument max-keys must be an integer between 0 and 9223372036854775807"
    assert error.details == {"ArgumentName": "max-keys", "ArgumentValue": text[:1024]}


@given(st.integers(0, 2**63 - 1))
def test_every_integer_in_range_is_read(number: int) -> None:
    assert request(query={"max-keys": str(number)}).max_keys == number


def test_a_choice_that_is_not_offered_is_refused_with_those_that_are() -> None:
    assert refusal(query={"encoding-type": "xml"}).message == "Argument encoding-type must be url"
    error = refusal({"x-amz-object-attributes": "ETag,Owner"})
    assert error.message == "Argument x-amz-object-attributes must be one of ETag, Checksum"
    assert error.details["ArgumentValue"] == "ETag,Owner"


def test_truth_is_true_or_false() -> None:
    assert request({"x-amz-bypass-governance-retention": "False"}).bypass is False
    assert refusal({"x-amz-bypass-governance-retention": "1"}).code == "InvalidArgument"


def test_a_malformed_date_is_refused_except_in_a_condition() -> None:
    assert request({"if-modified-since": "yesterday"}).since is None
    assert refusal({"x-amz-object-lock-retain-until-date": "tomorrow"}).code == "InvalidArgument"


@pytest.mark.parametrize("text", ["a\r\nSet-Cookie: x", "a\nb", "a\rb", "a\0b"])
def test_line_breaks_and_nul_are_refused_where_they_could_split_an_answer(text: str) -> None:
    assert refusal({"x-amz-meta-a": text}).code == "InvalidArgument"
    assert refusal({"content-type": text}).code == "InvalidArgument"
    assert (
        refusal(query={"response-content-disposition": text}).details["ArgumentName"] == "response-content-disposition"
    )


def test_an_override_outside_latin_1_is_refused_in_awss_words() -> None:
    # Seen: guardian/grid pull request 1716.
    error = refusal(query={"response-content-disposition": 'attachment; filename="D’Arcy"'})
    assert (error.code, error.message) == ("InvalidArgument", "Header value cannot be represented using ISO-8859-1.")
    assert request(query={"response-content-disposition": "é"}).disposition == "é"


def test_metadata_keeps_the_bytes_of_the_wire() -> None:
    wire = "Ä".encode().decode("latin-1")
    assert request({"x-amz-meta-a": wire}).metadata == {"a": wire}


def test_the_document_is_read_into_its_shape() -> None:
    body = b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&quot;ab&quot;</ETag></Part></CompleteMultipartUpload>"
    head = Head("POST", "/b/k", "uploadId=u", {"x-amz-source": "s"})
    made = compile_request(Complete)(head, "b", "k", {"uploadId": "u"}, body)
    assert made == Complete("u", "s", Parts((Part(1, ETag("ab")),)))


def test_what_is_required_and_missing_is_named() -> None:
    body = b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>"
    for headers, query, missing in (
        ({}, {"uploadId": "u"}, "header for this request: x-amz-source"),
        ({"x-amz-source": "s"}, {}, "query parameter for this request: uploadId"),
    ):
        with pytest.raises(S3Error, match=f"InvalidRequest: Missing required {missing}"):
            compile_request(Complete)(Head("POST", "/", "", headers), "b", "k", query, body)


def test_an_empty_body_is_malformed_unless_the_document_is_optional() -> None:
    head = Head("POST", "/", "", {"x-amz-source": "s"})
    with pytest.raises(S3Error, match="MalformedXML"):
        compile_request(Complete)(head, "b", "k", {"uploadId": "u"}, b"")
    assert compile_request(OptionalDocument)(head, "b", "k", {}, b"") == OptionalDocument()


def test_a_raw_document_is_the_body_untouched() -> None:
    made = compile_request(PutPolicy)(Head("PUT", "/", "", {}), "b", "", {}, b"{\xff}")
    assert made == PutPolicy(b"{\xff}", [])


def test_a_named_tuple_is_a_shape_too() -> None:
    assert compile_request(Tuple)(Head("GET", "/", "", {}), "b", "k", {"versionId": "null"}, b"") == Tuple("k", "null")


@dataclass(frozen=True, slots=True)
class Unmarked:
    key: str


@dataclass(frozen=True, slots=True)
class Twice:
    one: Annotated[str | None, Header("Range")] = None
    two: Annotated[str | None, Header("range")] = None


@pytest.mark.parametrize("shape", [Unmarked, Twice])
def test_a_shape_that_does_not_say_how_it_travels_is_not_compiled(shape: type) -> None:
    with pytest.raises(AssertionError, match=shape.__qualname__):
        compile_request(shape)
