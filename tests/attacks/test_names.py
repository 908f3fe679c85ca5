"""Names that are made to mean something else: each key is exactly the bytes that it was put under, or is refused."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from urllib.parse import quote, unquote
from xml.sax.saxutils import escape

import pytest
from tests.attacks.conftest import NORTH, Besieged
from tests.attacks.wire import Answer, Letter, presigned, signed

BUCKET = "data"
KEYS = [
    "plain",
    ".",
    "..",
    "./x",
    "../x",
    "../../etc/passwd",
    "a/../b",
    "a/./b",
    "a//b",
    "//",
    "/",
    "/absolute",
    "a/",
    "a/b/",
    "a%2Fb",
    "a%252Fb",
    "%2e%2e/%2e%2e/etc/passwd",
    "%",
    "%zz",
    "%00",
    "a b",
    " a ",
    "a+b",
    "a&b=c",
    "a?versionId=null",
    "a#b",
    "a;b,c",
    "a\\b",
    "~a-_.!*'()",
    "<&>\"'",
    "]]>",
    "\u00e9",  # é in one piece,
    "e\u0301",  # and in two: two keys
    "\u212b",  # Ångström, and
    "\u00c5",  # what its normal form is
    "\ufb01",
    "🦆/🦆🦆",
    "\u202egpj.exe",
    "\ufeffmarked",
    "\ud7ff\ue000\uffff",
    "\U0010ffff",
    "\x01\x02\x1f",
    "\t",
    "\n",
    "\r\n",
    "a\rb",
    "\x7f\x85\xa0",
    "x-amz-meta-a: b\r\nSet-Cookie: c",
    "_admin/metrics",
    ".TOKEN/x",
    "con",
    "COM1.",
    "a" * 1024,
    "/" * 1024,
    "é" * 512,
    "🦆" * 256,
]
TOO_LONG = ["a" * 1025, "a" + "é" * 512, "🦆" * 256 + "a", "/" * 1025]


def spell(key: str) -> str:
    """Return a key for a path, every byte but the plainest encoded; slashes stay, so that `//` is on the wire."""
    return quote(key, safe="/")


def label(key: str) -> str:
    return ascii(key[:20])


def in_xml(key: str) -> str:
    return "".join(f"&#{ord(each)};" if ord(each) < 32 else each for each in escape(key))


def legal_in_xml(key: str) -> bool:
    return not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", key)


def listed(besieged: Besieged, query: str) -> list[str]:
    body = besieged.ask("GET", f"/{BUCKET}", query).body.decode()
    return re.findall("<Key>(.*?)</Key>", body, flags=re.S)


def batch(besieged: Besieged, *keys: str) -> Answer:
    objects = "".join(f"<Object><Key>{in_xml(key)}</Key></Object>" for key in keys)
    return besieged.ask("POST", f"/{BUCKET}", "delete", f"<Delete>{objects}</Delete>".encode())


@pytest.mark.parametrize("key", KEYS, ids=label)
def test_a_key_goes_round_through_every_door_as_it_is(besieged: Besieged, key: str, unchanged: None) -> None:
    body = key.encode()
    vhost = f"{BUCKET}.{besieged.host_of(NORTH)}"
    assert besieged.ask("PUT", f"/{BUCKET}/{spell(key)}", body=body).status == 200
    try:
        # Every other way to say the same name.
        everything_encoded = "".join(f"%{byte:02x}" for byte in body)
        for host, path in (
            (None, f"/{BUCKET}/{spell(key)}"),
            (None, f"/{BUCKET}/{everything_encoded}"),
            (besieged.host_of(NORTH), f"/{BUCKET}/{spell(key)}"),
            (vhost, f"/{spell(key)}"),
            (vhost, f"/{everything_encoded}"),
        ):
            letter = besieged.letter("GET", path, host=host)
            for answer in (besieged.send(signed(letter, besieged.key)), besieged.send(presigned(letter, besieged.key))):
                assert (answer.status, answer.body) == (200, body), (host, path)

        assert unquote(listed(besieged, "list-type=2&encoding-type=url&prefix=" + quote(key, safe=""))[0]) == key
        if legal_in_xml(key):
            client = besieged.client
            found = client.list_objects_v2(Bucket=BUCKET, Prefix=key)["Contents"]
            assert key in [entry["Key"] for entry in found]
            assert key in {entry["Key"] for entry in client.list_objects(Bucket=BUCKET, Prefix=key)["Contents"]}

        source = quote(f"/{BUCKET}/{key}", safe="")
        assert besieged.ask("PUT", f"/{BUCKET}/a-copy", x_amz_copy_source=source).status == 200
        assert besieged.ask("GET", f"/{BUCKET}/a-copy").body == body
        assert besieged.ask("PUT", f"/{BUCKET}/{spell(key)}", body=b"").status == 200
        assert besieged.ask("PUT", f"/{BUCKET}/{spell(key)}", x_amz_copy_source=f"{BUCKET}/a-copy").status == 200
        assert besieged.ask("GET", f"/{BUCKET}/{spell(key)}").body == body
        if legal_in_xml(key):
            assert batch(besieged, key).body.decode().count("<Deleted>") == 1
            assert besieged.ask("GET", f"/{BUCKET}/{spell(key)}").code == "NoSuchKey"
    finally:
        besieged.ask("DELETE", f"/{BUCKET}/a-copy")
        assert besieged.ask("DELETE", f"/{BUCKET}/{spell(key)}").status == 204


def test_no_two_of_these_keys_are_one(besieged: Besieged, unchanged: None) -> None:
    for key in KEYS:
        assert besieged.ask("PUT", f"/{BUCKET}/{spell(key)}", body=key.encode()).status == 200
    found = [unquote(text) for text in listed(besieged, "list-type=2&encoding-type=url")]
    assert found == sorted([*KEYS, "kept"], key=lambda key: key.encode())
    # A client that asks for no encoding still gets a document in which no key has become another.
    plain = listed(besieged, "list-type=2")
    assert len(plain) == len(set(plain)) == len(found)
    for key in KEYS:
        assert besieged.ask("GET", f"/{BUCKET}/{spell(key)}").body == key.encode()
    batch(besieged, *filter(legal_in_xml, KEYS))
    for key in KEYS:
        assert besieged.ask("DELETE", f"/{BUCKET}/{spell(key)}").status == 204


def test_paging_one_by_one_meets_every_odd_key(besieged: Besieged, unchanged: None) -> None:
    for key in KEYS:
        besieged.ask("PUT", f"/{BUCKET}/{spell(key)}")
    found: list[str] = []
    token = marker = ""
    for version in ("list-type=2&", ""):
        found.clear()
        for _ in KEYS:
            more = (
                f"&continuation-token={quote(token, safe='')}"
                if token
                else f"&marker={quote(marker, safe='')}"
                if marker
                else ""
            )
            answer = besieged.ask("GET", f"/{BUCKET}", f"{version}encoding-type=url&max-keys=7{more}")
            found += [unquote(text) for text in re.findall("<Key>(.*?)</Key>", answer.body.decode())]
            token = answer.detail("NextContinuationToken")
            marker = "" if version else found[-1]
            if answer.detail("IsTruncated") != "true":
                break
        assert found == sorted([*KEYS, "kept"], key=lambda key: key.encode())
        token = marker = ""
    for key in KEYS:
        besieged.ask("DELETE", f"/{BUCKET}/{spell(key)}")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("key", TOO_LONG, ids=label)
def test_a_key_that_is_too_long_is_refused_wherever_it_stands(besieged: Besieged, key: str) -> None:
    for method, path, query, body in (
        ("PUT", f"/{BUCKET}/{spell(key)}", "", b"x"),
        ("GET", f"/{BUCKET}/{spell(key)}", "", b""),
        ("DELETE", f"/{BUCKET}/{spell(key)}", "", b""),
        ("POST", f"/{BUCKET}/{spell(key)}", "uploads", b""),
    ):
        assert besieged.ask(method, path, query, body).verdict == (400, "KeyTooLongError")
    assert besieged.ask("HEAD", f"/{BUCKET}/{spell(key)}").status == 400
    copied = besieged.ask("PUT", f"/{BUCKET}/copied", x_amz_copy_source=quote(f"{BUCKET}/{key}", safe=""))
    assert copied.verdict == (400, "KeyTooLongError")
    assert b"KeyTooLongError" in batch(besieged, key, "absent").body


# Bytes that are no text, or none that a key may hold, as they may stand in a path.
NO_KEYS = {
    "%00": "InvalidArgument",
    "a%00b": "InvalidArgument",
    "%ff": "InvalidURI",
    "%c3": "InvalidURI",
    "%c3%28": "InvalidURI",
    "%ed%a0%80": "InvalidURI",  # an unpaired surrogate
    "%ed%a0%bd%ed%b8%80": "InvalidURI",  # a pair of them, as Java writes it
    "%c0%ae%c0%ae/": "InvalidURI",  # `..` in overlong form
    "%c0%af": "InvalidURI",
    "%f4%90%80%80": "InvalidURI",  # beyond Unicode
    "%": "InvalidURI",
    "%2": "InvalidURI",
    "%zz": "InvalidURI",
    "%u002e": "InvalidURI",
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(("path", "code"), NO_KEYS.items())
def test_what_is_no_text_is_no_key_wherever_it_stands(besieged: Besieged, path: str, code: str) -> None:
    vhost = f"{BUCKET}.{besieged.host_of(NORTH)}"
    for method, body in (("PUT", b"x"), ("GET", b""), ("DELETE", b"")):
        assert besieged.ask(method, f"/{BUCKET}/{path}", body=body).verdict == (400, code)
        assert besieged.ask(method, f"/{path}", body=body, host=vhost).verdict == (400, code)
        assert besieged.send(besieged.letter(method, f"/{BUCKET}/{path}", body=body)).verdict == (400, code)
    assert besieged.ask("PUT", f"/{BUCKET}/copied", x_amz_copy_source=f"{BUCKET}/{path}").verdict == (400, code)
    for query in (f"prefix={path}", f"list-type=2&start-after={path}", f"delimiter={path}", f"{path}=x"):
        answer = besieged.ask("GET", f"/{BUCKET}", query)
        # A NUL may be asked for: it is text, and no key has one.
        assert answer.status == (200 if "%00" in path else 400)


@pytest.mark.usefixtures("unchanged")
def test_raw_bytes_in_a_target_are_taken_for_what_they_are_or_refused(besieged: Besieged) -> None:
    utf8 = "/data/\u00e9".encode().decode("latin-1")
    assert besieged.ask("GET", utf8).code in ("NoSuchKey", "BadRequest")
    for path in ("/data/\xff", "/data/\xc3", "/\xff/x"):
        assert besieged.ask("GET", path).status == 400


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "key",
    ["&#0;", "&#xD800;", "&#xFFFF;", "&#x1;", "\x00", "\x01", "&#55296;&#56320;", "\udcff", "&undefined;", "<b/>"],
    ids=ascii,
)
def test_what_is_no_text_is_no_key_in_a_document(besieged: Besieged, key: str) -> None:
    body = f"<Delete><Object><Key>{key}</Key></Object></Delete>".encode(errors="surrogateescape")
    assert besieged.ask("POST", f"/{BUCKET}", "delete", body).verdict == (400, "MalformedXML")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("key", ["", "a" * 1025])
def test_a_batch_tells_of_each_key_that_is_none(besieged: Besieged, key: str) -> None:
    answer = batch(besieged, "absent", key)
    assert answer.status in (200, 400)
    if answer.status == 200:
        assert b"<Error>" in answer.body
        assert b"<Deleted><Key>absent</Key></Deleted>" in answer.body


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "name",
    [
        "a",
        "ab",
        "a" * 64,
        "Data",
        "da_ta",
        "-data",
        "data-",
        "da..ta",
        "data.",
        "192.168.0.1",
        "xn--data",
        "data--x-s3",
        "_admin",
        ".TOKEN",
    ],
)
def test_a_name_that_no_bucket_may_have_makes_none(besieged: Besieged, name: str) -> None:
    assert besieged.ask("PUT", f"/{name}").verdict == (400, "InvalidBucketName")


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("name", ["..", ".", "%2e%2e", "da%2Fta", "data%00", "data%20", "d\u00e4ta", "\U0001f986"])
def test_a_bucket_that_cannot_be_is_made_and_found_by_nobody(besieged: Besieged, name: str) -> None:
    path = quote(name, safe="%")
    assert besieged.ask("PUT", f"/{path}").code in ("InvalidBucketName", "InvalidURI")
    assert besieged.ask("GET", f"/{path}/kept").code in ("NoSuchBucket", "InvalidURI")


def test_a_home_holds_no_file_that_is_called_like_a_key(besieged: Besieged) -> None:
    besieged.ask("PUT", f"/{BUCKET}/..%2F..%2Fmarked-by-name", body=b"x" * 2_000_000)
    try:
        assert not [path for path in besieged.store.home.parent.rglob("*") if "marked" in path.name]
    finally:
        besieged.ask("DELETE", f"/{BUCKET}/..%2F..%2Fmarked-by-name")


def test_an_odd_name_makes_no_ill_formed_answer(besieged: Besieged) -> None:
    for key in KEYS:
        letter = Letter("GET", f"/absent/{spell(key)}", "", (("host", besieged.host),))
        for answer in (besieged.send(signed(letter, besieged.key)), besieged.send(letter)):
            root = ET.fromstring(answer.body)
            assert root.tag == "Error"
            assert root.findtext("RequestId") == answer.headers["x-amz-request-id"]
            # The resource is told as it was sent, encoded: nothing in it can be ill-formed.
            assert root.findtext("Resource") == letter.path
        missing = besieged.ask("GET", f"/{BUCKET}/{spell(key)}")
        if legal_in_xml(key):
            assert ET.fromstring(missing.body).findtext("Key") == key
