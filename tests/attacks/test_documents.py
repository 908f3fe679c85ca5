"""Documents that are made to do something else than to be read: each refused by its code, in little time and memory."""

from __future__ import annotations

import json

import pytest
from tests.attacks.conftest import Besieged
from tests.attacks.wire import UNSIGNED, Answer, Letter, signed

pytestmark = pytest.mark.usefixtures("unchanged")

MALFORMED = (400, "MalformedXML")
TOO_LONG = (400, "MaxMessageLengthExceeded")

# Where a document goes: method, path, query, the document's root, and one that is well formed and changes nothing.
DOORS = {
    "Delete": ("POST", "/data", "delete", b"<Object><Key>absent</Key></Object>"),
    "CompleteMultipartUpload": (
        "POST",
        "/data/absent",
        "uploadId=absent",
        b"<Part><PartNumber>1</PartNumber><ETag>0</ETag></Part>",
    ),
    "Tagging": ("PUT", "/data/absent", "tagging", b"<TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet>"),
    "CORSConfiguration": (
        "PUT",
        "/absent",
        "cors",
        b"<CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule>",
    ),
    "CreateBucketConfiguration": ("PUT", "/a", "", b"<LocationConstraint>us-east-1</LocationConstraint>"),
}
# What is answered to the good documents above, which name nothing that is there.
GOOD = {
    "Delete": (200, ""),
    "CompleteMultipartUpload": (404, "NoSuchUpload"),
    "Tagging": (404, "NoSuchKey"),
    "CORSConfiguration": (404, "NoSuchBucket"),
    "CreateBucketConfiguration": (400, "InvalidBucketName"),
}
LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (level, b"&l%d;" % (level - 1) * 10) for level in range(1, 10))


def send(besieged: Besieged, root: str, document: bytes) -> Answer:
    method, path, query, _ = DOORS[root]
    if root == "CORSConfiguration":
        path = "/data"
    return besieged.ask(method, path, query, document)


def spoilt(root: str, name: str) -> bytes:
    good = DOORS[root][3]
    whole = f"<{root}>".encode() + good + f"</{root}>".encode()
    return {
        "empty": b" ",
        "no document": b"hello",
        "cut": whole[:-3],
        "two roots": whole * 2,
        "another root": whole.replace(root.encode(), b"Other"),
        "a document type": b"<!DOCTYPE %s>" % root.encode() + whole,
        "an external subset": b'<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">' + whole,
        "an external entity": b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + whole.replace(b">a", b">&e;"),
        "a parameter entity": b'<!DOCTYPE x [<!ENTITY %% e SYSTEM "file:///etc/passwd">%%e;]>' % () + whole,
        "a billion laughs": b'<!DOCTYPE x [<!ENTITY l0 "ha">' + LAUGHS + b"]>" + whole.replace(b">a", b">&l9;", 1),
        "an unknown entity": whole.replace(b"</", b"&nbsp;</", 1),
        "a processing instruction": b"<?php echo 1 ?>" + whole,
        "a stylesheet": b'<?xml-stylesheet href="http://127.0.0.1:1/"?>' + whole,
        "depth": b"<a>" * 40 + b"</a>" * 40,
        "great depth": f"<{root}>".encode() + b"<a>" * 50_000,
        "many elements": f"<{root}>".encode() + b"<a/>" * 150_000 + f"</{root}>".encode(),
        "attributes twice": whole.replace(b">", b' a="1" a="2">', 1),
        "UTF-16": whole.decode().encode("utf-16"),
        "a NUL": whole.replace(b"</", b"\x00</", 1),
        "bytes that are no text": whole.replace(b"</", b"\xff</", 1),
        "a bad reference": whole.replace(b"</", b"&#xFFFFFFFF;</", 1),
        "JSON": b"{}",
    }[name]


@pytest.mark.parametrize("root", DOORS)
@pytest.mark.parametrize(
    "name",
    [
        *("empty", "no document", "cut", "two roots", "another root", "a document type", "an external subset"),
        *(
            "an external entity",
            "a parameter entity",
            "a billion laughs",
            "an unknown entity",
            "a processing instruction",
        ),
        *("a stylesheet", "depth", "great depth", "many elements", "attributes twice", "UTF-16", "a NUL"),
        *("bytes that are no text", "a bad reference", "JSON"),
    ],
)
def test_a_spoilt_document_is_malformed(besieged: Besieged, root: str, name: str) -> None:
    answer = send(besieged, root, spoilt(root, name))
    # CORS documents are short by rule.
    assert answer.verdict == MALFORMED or (root == "CORSConfiguration" and answer.verdict == TOO_LONG)
    assert b"root:" not in answer.body


@pytest.mark.parametrize("root", DOORS)
@pytest.mark.parametrize(
    "spelling",
    [
        "<{root}>{good}</{root}>",
        '<{root} xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{good}</{root}>',
        '<{root} xmlns="urn:something-else">{good}</{root}>',
        '<s3:{root} xmlns:s3="urn:x">{good}</s3:{root}>',
        '<?xml version="1.0" encoding="UTF-8"?>\n<!-- a comment -->\n<{root}>\n {good} <Unknown/></{root}>',
        '<?xml version="1.0" encoding="ISO-8859-1"?><{root}>{good}</{root}>',
        "\ufeff<{root}>{good}</{root}>",
    ],
)
def test_a_document_is_read_whatever_its_namespace(besieged: Besieged, root: str, spelling: str) -> None:
    method, path, query, good = DOORS[root]
    document = spelling.format(root=root, good=good.decode()).encode()
    assert besieged.ask(method, path, query, document).verdict == GOOD[root]


@pytest.mark.parametrize(
    ("root", "document"),
    [
        ("Delete", b"<Object><Key>a</Key><Key>kept</Key></Object>"),
        ("Delete", b"<Quiet>true</Quiet><Quiet>false</Quiet><Object><Key>a</Key></Object>"),
        ("Delete", b"<Quiet>maybe</Quiet><Object><Key>a</Key></Object>"),
        ("Delete", b"<Object></Object>"),
        ("Delete", b""),
        ("Delete", b"<Object><Key>a</Key></Object>" * 1001),
        ("CompleteMultipartUpload", b""),
        ("CompleteMultipartUpload", b"<Part><ETag>0</ETag></Part>"),
        ("CompleteMultipartUpload", b"<Part><PartNumber>1</PartNumber><PartNumber>2</PartNumber><ETag>0</ETag></Part>"),
        ("CompleteMultipartUpload", b"<Part><PartNumber>one</PartNumber><ETag>0</ETag></Part>"),
        ("CompleteMultipartUpload", b"<Part><PartNumber>" + b"9" * 5000 + b"</PartNumber><ETag>0</ETag></Part>"),
        ("CompleteMultipartUpload", "<Part><PartNumber>\u0661</PartNumber><ETag>0</ETag></Part>".encode()),
        ("CompleteMultipartUpload", b"<Part><PartNumber>1e0</PartNumber><ETag>0</ETag></Part>"),
        ("CompleteMultipartUpload", b"<Part><PartNumber><a/></PartNumber><ETag>0</ETag></Part>"),
        ("Tagging", b"<TagSet><Tag><Key>a</Key></Tag></TagSet>"),
        ("Tagging", b"<TagSet><Tag><Key>a</Key><Key>b</Key><Value>c</Value></Tag></TagSet>"),
        ("Tagging", b"<TagSet/><TagSet/>"),
        ("CORSConfiguration", b""),
        ("CORSConfiguration", b"<CORSRule><AllowedMethod>GET</AllowedMethod></CORSRule>"),
        (
            "CORSConfiguration",
            DOORS["CORSConfiguration"][3].replace(b"</CORSRule>", b"<MaxAgeSeconds>" + b"9" * 400 + b"</MaxAgeSeconds></CORSRule>"),
        ),
    ],
)  # fmt: skip
def test_a_document_that_says_a_thing_twice_or_not_at_all_is_refused(
    besieged: Besieged, root: str, document: bytes
) -> None:
    path = "/data/kept" if root == "Tagging" else None
    whole = f"<{root}>".encode() + document + f"</{root}>".encode()
    method, _, query, _ = DOORS[root]
    answer = besieged.ask(method, path, query, whole) if path else send(besieged, root, whole)
    assert answer.verdict in (MALFORMED, (404, "NoSuchUpload")), answer.body
    if answer.code == "NoSuchUpload":
        assert document == b"" or b"PartNumber" in document


def test_a_thousand_keys_are_not_too_many(besieged: Besieged) -> None:
    document = b"<Delete>" + b"<Object><Key>absent</Key></Object>" * 1000 + b"</Delete>"
    assert send(besieged, "Delete", document).body.count(b"<Deleted>") == 1000


@pytest.mark.parametrize("root", DOORS)
@pytest.mark.parametrize("framing", ["length", "promised", "chunks", "aws-chunked"])
def test_a_document_that_is_too_long_is_refused_however_it_is_framed(
    besieged: Besieged, root: str, framing: str
) -> None:
    method, path, query, good = DOORS[root]
    path = "/data" if root == "CORSConfiguration" else path
    size = (9 if root in ("Delete", "CompleteMultipartUpload") else 2) << 20
    letter = besieged.letter(method, path, query)
    if framing == "promised":
        letter = signed(
            letter.put("content-length", str(size)).put("expect", "100-continue"), besieged.key, payload=UNSIGNED
        )
        with besieged.connect() as wire:
            answer = wire.send(letter.head).read()
            assert (answer.code, wire.is_closed()) == (TOO_LONG[1], True)
        return
    body = f"<{root}>".encode() + good + b" " * size
    if framing == "aws-chunked":
        letter = letter.put("x-amz-decoded-content-length", str(len(body)))
        letter = signed(letter, besieged.key, payload="STREAMING-UNSIGNED-PAYLOAD-TRAILER")
        body = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    else:
        letter = signed(letter, besieged.key, payload=UNSIGNED)
    if framing == "chunks":
        letter = letter.without("content-length").put("transfer-encoding", "chunked")
        body = b"".join(
            f"{len(body[at : at + 65536]):x}\r\n".encode() + body[at : at + 65536] + b"\r\n"
            for at in range(0, len(body), 65536)
        )
        body += b"0\r\n\r\n"
    else:
        letter = letter.put("content-length", str(len(body)))
    assert _send_while_refused(besieged, letter, body).verdict == TOO_LONG


def _send_while_refused(besieged: Besieged, letter: Letter, body: bytes) -> Answer:
    with besieged.connect() as wire:
        wire.send(letter.head)
        for at in range(0, len(body), 65536):
            wire.send(body[at : at + 65536])
        return wire.read()


# --- policies


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'"x"',
        b"{}",
        b"[" * 200_000,
        b'{"Statement":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::data/*","Condition":' + b'{"Bool":' * 900 + b"1" + b"}" * 900 + b"}]}",
        b'{"Statement":' + b"9" * 15_000 + b"}",
        b'{"Statement":NaN}',
        b'{"Statement":[],"Statement":[]}',
        b"\xff\xfe{}",
        b'{"Statement":[{"Effect":"Maybe","Principal":"*","Action":"*","Resource":"*"}]}',
        b'{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"arn:aws:s3:::plans/*"}]}',
        b'{"Statement":[{"Effect":"Allow","Principal":{"AWS":"south-o"},"Action":"*","Resource":"arn:aws:s3:::data/*"}]}',
        b'{"Statement":[{"Effect":"Allow","Principal":{"user":["sam"]},"Action":"*","Resource":"*"}]}',
        b'{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:NoSuch","Resource":"*"}]}',
    ],
    ids=lambda document: document[:40].decode("latin-1"),
)  # fmt: skip
def test_a_policy_that_cannot_be_read_or_reaches_elsewhere_is_refused(besieged: Besieged, document: bytes) -> None:
    answer = besieged.ask("PUT", "/data", "policy", document)
    assert answer.status == 400
    assert answer.code in ("MalformedPolicy", "InvalidPolicyDocument", "InvalidRequest", "MissingRequestBodyError")


def test_a_policy_has_a_longest_size(besieged: Besieged) -> None:
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::data/" + "x" * 200,
    }
    document = json.dumps({"Statement": [statement] * 200}).encode()
    assert besieged.ask("PUT", "/data", "policy", document).status == 400
    assert besieged.ask("PUT", "/data", "policy", document * 40).status == 400


def test_a_pattern_with_many_stars_costs_no_time(besieged: Besieged) -> None:
    resource = "arn:aws:s3:::data/" + "a*" * 400 + "b"
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": resource}
    answer = besieged.ask("PUT", "/data", "policy", json.dumps({"Statement": [statement]}).encode())
    try:
        if answer.status == 204:
            # A backtracking matcher would not come back from this.
            assert besieged.ask("GET", "/data/" + "a" * 1000).verdict == (404, "NoSuchKey")
    finally:
        besieged.ask("DELETE", "/data", "policy")
