"""botocore as the judge of the codec: what its serializer sends we read, what we write its parser reads, and nothing else.

A whole client is used, with all of its handlers, and its socket replaced: so the claim holds for programs, not for a parser.
Every field of every operation is filled, and every one must be in S3's own model at the same place.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore import xform_name
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.config import Config
from botocore.exceptions import ClientError

from holdfast.operations.operation import Operation
from holdfast.operations.registry import OPERATIONS
from holdfast.s3.answer import Answer, error_document
from holdfast.s3.codec import compile_request, compile_response
from holdfast.s3.codec.fields import Field, Kind, fields_of
from holdfast.s3.codes import S3Error
from holdfast.s3.dates import http_date
from holdfast.s3.documents import cors
from holdfast.s3.head import Head
from holdfast.s3.routes import BUCKET_SUBRESOURCES, KEY_SUBRESOURCES, Router
from holdfast.s3.shapes import (
    Attribute,
    Document,
    Element,
    ETag,
    Header,
    HeaderMap,
    Label,
    Micros,
    Payload,
    Query,
    RawDocument,
    Status,
    Text,
)
from holdfast.s3.target import parse_query

MOMENT = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
MICROS = (MOMENT - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
BODY = b"payload"

OUTSIDE_THE_MODEL = {"if-range", "range", "x-amz-decoded-content-length"}
"""A header of the framing, which clients add below their model, one that S3 keeps to without naming it, and one that
CopyObject reads in order to refuse it."""

session = botocore.session.Session()
model = session.get_service_model("s3")
# Ours that are no operation of the model: the preflight that browsers send.
in_model = [each for each in OPERATIONS if each.name in model.operation_names]
by_name = pytest.mark.parametrize("operation", in_model, ids=lambda each: each.name)


class Wire:
    """A client whose socket is here: keeps the request it sent, and answers what it is given."""

    def __init__(self) -> None:
        self.sent: Any = None  # an AWSPreparedRequest; its stubs know less of its headers than it does
        self.answer = Answer(500, [], b"", None)
        self.client = session.create_client(
            "s3",
            region_name="us-east-1",
            endpoint_url="http://store.test",
            aws_access_key_id="AKIDEXAMPLE",
            aws_secret_access_key="secret",
            config=Config(
                s3={"addressing_style": "path"},
                retries={"total_max_attempts": 1},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
        events: Any = self.client.meta.events
        events.register("before-send.s3", self._send)

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        self.sent = request
        raw = _Raw(self.answer.body)
        headers: Any = HeadersDict(self.answer.headers)
        return AWSResponse(request.url, self.answer.status, headers, raw)

    def call(self, name: str, parameters: dict[str, Any]) -> Any:
        return getattr(self.client, xform_name(name))(**parameters)


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


@pytest.fixture(scope="module")
def wire() -> Wire:
    return Wire()


# --- Requests ---------------------------------------------------------------------------------------------------------


def member_at(members: dict[str, Any], location: str | None, name: str) -> tuple[str, Any] | None:
    """The member of a structure of botocore's that travels there under that name."""
    for member, shape in members.items():
        there = shape.serialization
        wire_name = there.get("name", member)
        if shape.type_name == "list" and shape.serialization.get("flattened"):
            wire_name = shape.member.serialization.get("name", wire_name)
        if there.get("location") == location and wire_name.lower() == name.lower():
            return member, shape
    return None


def argument(shape: Any, name: str) -> Any:
    """A value that botocore takes for a member."""
    if getattr(shape, "enum", None):
        return shape.enum[0]
    samples = {"string": f"{name} é&<" if "xml" in name else name, "integer": 7, "long": 7, "boolean": True}
    return MOMENT if shape.type_name == "timestamp" else samples[shape.type_name]


def as_read(kind: Kind, value: Any) -> Any:
    """What our record must hold for it."""
    if kind.type is Micros:
        return MICROS
    if kind.is_many and not isinstance(value, list):
        return (value,)
    return http_date(MICROS // 1_000_000) if value is MOMENT else value


def document_argument(shape_of_ours: type, structure: Any) -> tuple[dict[str, Any], Any]:
    """Arguments for a structure, with each of our elements filled, and the record that must come of them."""
    given: dict[str, Any] = {}
    values: dict[str, Any] = {}
    for field in fields_of(shape_of_ours):
        assert isinstance(field.marker, Element)
        found = member_at(structure.members, None, field.marker.wrapper or field.marker.name)
        assert found, f"S3 has no {field.marker.name} in {structure.name}"
        member, shape = found
        inner = shape.member if shape.type_name == "list" else shape
        if field.kind.is_shape:
            argument_one, value_one = document_argument(field.kind.type, inner)
        else:
            argument_one = argument(inner, f"xml {member}")
            value_one = as_read(field.kind._replace(is_many=False), argument_one)
        is_list = shape.type_name == "list"
        given[member] = [argument_one, argument_one] if is_list else argument_one
        values[field.name] = (value_one, value_one) if is_list else value_one
    return given, shape_of_ours(**values)


def fill(operation: Operation[Any, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arguments for a client, and what each field of our record must hold."""
    structure = model.operation_model(operation.name).input_shape
    members = structure.members if structure else {}
    given: dict[str, Any] = {}
    expected: dict[str, Any] = {}
    for field in fields_of(operation.request):
        marker = field.marker
        if isinstance(marker, Label):
            given[marker.name] = expected[field.name] = "bucket" if marker.name == "Bucket" else "a key"
            continue
        if isinstance(marker, RawDocument):
            continue  # each has a reader of its own, with tests of its own
        if isinstance(marker, HeaderMap):
            fill_map(field, members, given, expected)
            continue
        if isinstance(marker, Document):
            found = document_member(members, marker.root)
            given[found[0]], expected[field.name] = document_argument(field.kind.type, found[1])
            continue
        assert isinstance(marker, Header | Query)
        at = member_at(members, "header" if isinstance(marker, Header) else "querystring", marker.name)
        if at is None:
            assert marker.name.lower() in OUTSIDE_THE_MODEL, f"S3 has no {marker} in {operation.name}"
            continue
        member, shape = at
        value = [argument(shape.member, member)] if shape.type_name == "list" else argument(shape, member)
        given[member], expected[field.name] = value, as_read(field.kind, value[0] if isinstance(value, list) else value)
    if operation.body == "payload":
        given |= {"Body": BODY, "ContentLength": len(BODY)}
    # Required by the model, and read by something else than our shape: documents with a reader of their own.
    missing = set(structure.required_members if structure else ()) - given.keys()
    for name in missing:
        given[name] = MINIMAL[name]
    return given, expected


MINIMAL: dict[str, Any] = {
    "Tagging": {"TagSet": []},
    "CORSConfiguration": {"CORSRules": []},
    "Policy": "{}",
    "CopySource": "bucket/key",
    "ObjectAttributes": ["ETag"],
}


def document_member(members: dict[str, Any], root: str) -> tuple[str, Any]:
    for member, shape in members.items():
        if shape.type_name == "structure" and shape.serialization.get("name", member) == root:
            return member, shape
    raise AssertionError(f"S3 has no document {root}")


def fill_map(field: Field, members: dict[str, Any], given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert isinstance(field.marker, HeaderMap)
    prefix = field.marker.prefix.lower()
    if prefix == "x-amz-meta-":
        given["Metadata"] = expected[field.name] = {"mtime": "1", "x": "=?UTF-8?B?w4Q=?="}
        return
    choices = [
        (member, shape)
        for member, shape in members.items()
        if shape.serialization.get("location") == "header"
        and shape.serialization["name"].lower().startswith(prefix)
        and shape.type_name == "string"
    ]
    assert choices, f"S3 has no header {prefix}…"
    member, shape = next((each for each in choices if "SHA256" in each[0]), choices[0])
    given[member] = argument(shape, member)
    expected[field.name] = {shape.serialization["name"].lower().removeprefix(prefix): given[member]}


@by_name
def test_what_botocore_sends_is_read_field_by_field(operation: Operation[Any, Any], wire: Wire) -> None:
    given, expected = fill(operation)
    wire.answer = Answer(400, [], error_document(S3Error("InvalidRequest", "enough"), "/", "1", "2"), None)
    with pytest.raises(ClientError, match="enough"):
        wire.call(operation.name, given)
    sent = wire.sent
    assert sent is not None
    parts = urlsplit(sent.url)
    headers = {
        name.lower(): (value if isinstance(value, str) else value.decode("latin-1"))
        for name, value in sent.headers.items()
    }
    head = Head(sent.method, parts.path, parts.query, headers)
    body = sent.body if isinstance(sent.body, bytes) else b""
    query = parse_query(head.raw_query)

    read = compile_request(operation.request)(head, "bucket", "a key", query, body)

    for name, value in expected.items():
        got = getattr(read, name)
        if isinstance(value, dict):
            assert value.items() <= got.items()
        else:
            assert got == value, name
    router = Router((each.route, each) for each in OPERATIONS)
    assert router.find(head.method, operation.route.level, query, headers).name == operation.name


# --- Responses --------------------------------------------------------------------------------------------------------


def sample(kind: Kind, name: str) -> Any:
    if kind.is_many:
        one = kind._replace(is_many=False)
        return (sample(one, name), sample(one, name))
    if kind.is_shape:
        return kind.type(**{field.name: sample(field.kind, field.name) for field in fields_of(kind.type)})
    if kind.choices:
        return kind.choices[0]
    return {str: f"{name} é&<>'\"\n", int: 7, bool: True, Micros: MICROS, ETag: "abc"}[kind.type]


def compare(fields: tuple[Field, ...], record: Any, structure: Any, parsed: dict[str, Any]) -> set[str]:
    """Assert that each element of a record was parsed as it was; return the members that were seen."""
    seen = set()
    for field in fields:
        marker = field.marker
        if not isinstance(marker, Element | Attribute):
            continue
        at = member_at(structure.members, None, getattr(marker, "wrapper", "") or marker.name)
        assert at, f"S3 has no {marker.name} in {structure.name}"
        member, shape = at
        seen.add(member)
        check_value(field.kind, getattr(record, field.name), shape, parsed[member])
    return seen


def check_value(kind: Kind, ours: Any, shape: Any, theirs: Any) -> None:
    if kind.is_many:
        assert len(ours) == len(theirs) == 2
        for each, parsed in zip(ours, theirs, strict=True):
            check_value(kind._replace(is_many=False), each, shape.member, parsed)
    elif shape.type_name == "list":
        check_value(kind, ours, shape.member, *theirs)  # S3 may repeat it, and we have one
    elif kind.is_shape:
        assert compare(fields_of(kind.type), ours, shape, theirs) == theirs.keys()
    elif kind.type is Micros:
        assert theirs == MOMENT
    else:
        assert theirs == (f'"{ours}"' if kind.type is ETag else ours)


def stored(prefix: str) -> dict[str, str]:
    return {"": {"cache-control": "no-cache"}, "x-amz-checksum-": {"sha256": "abc="}}.get(prefix, {"a": "1"})


RAW_ANSWERS = {"GetBucketCors": cors.write((cors.Rule(("GET",), ("*",)),))}
"""Documents with a writer of their own, for the operations whose answer botocore reads as XML."""


@by_name
def test_what_we_answer_botocore_reads_member_by_member(operation: Operation[Any, Any], wire: Wire) -> None:
    fields = fields_of(operation.response)
    values: dict[str, Any] = {}
    for field in fields:
        if isinstance(field.marker, Header) and field.kind.type is str:
            values[field.name] = f"{field.name} ~"
        elif isinstance(field.marker, HeaderMap):
            values[field.name] = stored(field.marker.prefix)
        elif isinstance(field.marker, Text):
            values[field.name] = "eu-west"
        elif isinstance(field.marker, Payload | RawDocument):
            values[field.name] = RAW_ANSWERS.get(operation.name, BODY)
        else:
            values[field.name] = 206 if isinstance(field.marker, Status) else sample(field.kind, field.name)
    record = operation.response(**values)
    wire.answer = compile_response(operation.response)(record)
    if wire.answer.payload is not None:
        wire.answer = wire.answer._replace(body=BODY)

    given, _ = fill(operation)
    parsed = wire.call(operation.name, given)

    assert parsed["ResponseMetadata"]["HTTPStatusCode"] == wire.answer.status
    structure = model.operation_model(operation.name).output_shape
    assert structure is not None or not fields
    if structure is None:
        return
    # Some results lie one floor down: CopyObjectResult in CopyObjectOutput.
    payload = structure.serialization.get("payload")
    if payload and structure.members[payload].type_name == "structure":
        assert compare(fields, record, structure.members[payload], parsed[payload]) == parsed[payload].keys()
        seen = {payload}
    else:
        seen = compare(fields, record, structure, parsed)
    if any(isinstance(field.marker, Text) for field in fields):
        assert parsed["LocationConstraint"] == "eu-west"
        return
    for field in fields:
        if isinstance(field.marker, Header):
            if field.marker.name == "Content-Type" and any(isinstance(each.marker, RawDocument) for each in fields):
                continue  # says what the document is; no member of S3's
            at = member_at(structure.members, "header", field.marker.name)
            assert at, f"S3 has no {field.marker} in {operation.name}"
            seen.add(at[0])
            check_value(field.kind, getattr(record, field.name), at[1], parsed[at[0]])
        elif isinstance(field.marker, HeaderMap) and field.marker.prefix == "x-amz-checksum-":
            assert parsed["ChecksumSHA256"] == "abc="
    if any(isinstance(field.marker, Element) for field in fields):
        extra = {name for name in parsed if name != "ResponseMetadata"} - seen
        assert not extra, f"botocore reads {extra} where we declared nothing"


# --- Routes -----------------------------------------------------------------------------------------------------------


def test_every_sub_resource_that_botocore_can_ask_for_is_known() -> None:
    for name in model.operation_names:
        http = model.operation_model(name).http
        path, _, raw_query = http["requestUri"].partition("?")
        for parameter in parse_query(raw_query).keys() - {"list-type", "select-type"}:
            known = KEY_SUBRESOURCES if "{Key+}" in path else BUCKET_SUBRESOURCES
            assert http["method"] in known.get(parameter, "").split(), f"{name}: {http['method']} ?{parameter}"


def test_no_operation_of_botocores_reaches_another_one_of_ours() -> None:
    router = Router((each.route, each) for each in OPERATIONS)
    for name in model.operation_names:
        http = model.operation_model(name).http
        path, _, raw_query = http["requestUri"].partition("?")
        level = "key" if "{Key+}" in path else "bucket" if "{Bucket}" in path else "service"
        if not raw_query or name in {each.name for each in OPERATIONS}:
            continue
        with contextlib.suppress(S3Error):
            # Botocore has second names for some requests: GetBucketLifecycle, ListBucketMetricsConfigurations.
            found = router.find(http["method"], level, parse_query(raw_query), {}).route
            assert (found.method, found.level, "&".join(found.query)) == (http["method"], level, raw_query)
