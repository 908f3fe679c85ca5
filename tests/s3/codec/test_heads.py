"""codec/heads.py: a typed request's head is read as that request again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.operations import list_objects_v2, upload_part
from holdfast.operations.registry import OPERATIONS
from holdfast.s3.codec import compile_request
from holdfast.s3.codec.fields import fields_of
from holdfast.s3.codec.heads import compile_head
from holdfast.s3.names import split_path
from holdfast.s3.routes import Router
from holdfast.s3.shapes import ETag, Header, HeaderMap, Label, Micros, Query, Route
from holdfast.s3.target import parse_query

TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), min_size=1, max_size=20)
HEADER_TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=20).map(str.strip)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    bucket: Annotated[str, Label("Bucket")]
    key: Annotated[str, Label("Key")]
    metadata: Annotated[dict[str, str], HeaderMap("x-amz-meta-")]
    count: Annotated[int | None, Query("max-keys")] = None
    owners: Annotated[bool | None, Query("fetch-owner")] = None
    prefix: Annotated[str | None, Query("prefix")] = None
    if_match: Annotated[ETag | None, Header("If-Match")] = None
    since: Annotated[Micros | None, Header("If-Modified-Since")] = None
    attributes: Annotated[tuple[str, ...] | None, Header("x-amz-object-attributes")] = None
    tagging: Annotated[str | None, Header("x-amz-tagging")] = None


REQUESTS = st.builds(
    Asked,
    bucket=st.from_regex(r"[a-z0-9]{3,10}", fullmatch=True),
    key=TEXT,
    metadata=st.dictionaries(st.from_regex(r"[a-z]{1,5}", fullmatch=True), HEADER_TEXT, max_size=2),
    count=st.none() | st.integers(0, 2**40),
    owners=st.none() | st.booleans(),
    prefix=st.none() | TEXT,
    if_match=st.none() | st.from_regex(r"[0-9a-f]{1,32}", fullmatch=True),
    since=st.none() | st.integers(0, 2**31).map(lambda seconds: Micros(seconds * 1_000_000)),
    attributes=st.none() | st.lists(st.from_regex(r"[A-Za-z]{1,8}", fullmatch=True), min_size=1, max_size=3).map(tuple),
    tagging=st.none() | HEADER_TEXT.filter(bool),
)


@given(request=REQUESTS)
def test_a_request_survives_being_written_as_a_head_and_read_again(request: Asked) -> None:
    head = compile_head(Route("GET", "key", ("attributes",)), Asked)(request, {"user-agent": "a browser"})
    bucket, key = split_path(head.raw_path)
    query = parse_query(head.raw_query)
    assert "attributes" in query
    assert head.headers["user-agent"] == "a browser"
    assert compile_request(Asked)(head, bucket, key, query, b"") == request


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_the_router_finds_an_operation_by_the_head_of_its_request(operation: Any) -> None:
    """Of a request with its required fields alone, and the headers that its route asks for."""
    values = dict.fromkeys((field.name for field in fields_of(operation.request)), None)
    values |= {"bucket": "data"} if "bucket" in values else {}
    values |= {"key": "a/b c"} if "key" in values else {}
    for field in fields_of(operation.request):
        if isinstance(field.marker, HeaderMap):
            values[field.name] = {}
        elif isinstance(field.marker, Query) and not field.is_nullable:
            values[field.name] = 1 if field.kind.type is int else "x"
        elif isinstance(field.marker, Header) and field.marker.name.lower() in operation.route.headers:
            values[field.name] = "data/key"
    head = compile_head(operation.route, operation.request)(_Loose(values), {})
    router = Router((each.route, each.name) for each in OPERATIONS)
    bucket, key = split_path(head.raw_path)
    level = "key" if key else "bucket" if bucket else "service"
    assert router.find(head.method, level, parse_query(head.raw_query), head.headers) == operation.name


class _Loose:
    """A request of any operation, of attributes alone."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)


def test_a_prefix_is_told_as_a_client_tells_it() -> None:
    write = compile_head(list_objects_v2.operation.route, list_objects_v2.Request)
    head = write(list_objects_v2.Request("data", prefix="a b/ü&", delimiter="/"), {})
    assert head.method == "GET"
    assert head.raw_path == "/data"
    assert head.raw_query == "list-type=2&delimiter=%2F&prefix=a%20b%2F%C3%BC%26"


def test_a_parameter_that_chooses_the_operation_and_is_a_field_is_written_once() -> None:
    request = upload_part.Request(bucket="b", key="k", upload_id="u", part_number=3)
    head = compile_head(upload_part.operation.route, upload_part.Request)(request, {})
    assert sorted(head.raw_query.split("&")) == ["partNumber=3", "uploadId=u"]
