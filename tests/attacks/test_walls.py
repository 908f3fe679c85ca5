"""The wall between tenancies: nothing behind it can be read, changed, listed, or known to be there."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from tests.attacks.conftest import NORTH, OPEN, SECRET, SOUTH, Besieged
from tests.attacks.wire import Answer, Letter, presigned, signed
from tests.serving import Key

from holdfast.auth.roles import Role

pytestmark = pytest.mark.usefixtures("unchanged")

# `plans` is there in the south and not in the north, `nowhere` in neither, `data` in both.
HIDDEN = "plans"
ABSENT = "nowhere"

DELETE = b"<Delete><Object><Key>secret</Key></Object><Object><Key>absent</Key></Object></Delete>"
COMPLETE = b"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>%s</ETag></Part></CompleteMultipartUpload>"
TAGS = b"<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"
POLICY = b'{"Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::%s","arn:aws:s3:::%s/*"]}]}'
CORS = b"<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>"

# Everything that can be asked of a bucket: method, path below it, query, body.
QUESTIONS: tuple[tuple[str, str, str, bytes], ...] = (
    ("HEAD", "", "", b""),
    ("GET", "", "", b""),
    ("GET", "", "list-type=2", b""),
    ("GET", "", "list-type=2&prefix=secret&delimiter=/", b""),
    ("GET", "", "versions", b""),
    ("GET", "", "uploads", b""),
    ("GET", "", "location", b""),
    ("GET", "", "acl", b""),
    ("GET", "", "policy", b""),
    ("GET", "", "policyStatus", b""),
    ("GET", "", "cors", b""),
    ("GET", "", "tagging", b""),
    ("GET", "", "versioning", b""),
    ("GET", "", "lifecycle", b""),
    ("PUT", "", "policy", POLICY),
    ("PUT", "", "cors", CORS),
    ("PUT", "", "tagging", TAGS),
    ("DELETE", "", "policy", b""),
    ("DELETE", "", "cors", b""),
    ("DELETE", "", "tagging", b""),
    ("DELETE", "", "", b""),
    ("POST", "", "delete", DELETE),
    ("HEAD", "/secret", "", b""),
    ("GET", "/secret", "", b""),
    ("GET", "/secret", "partNumber=1", b""),
    ("GET", "/secret", "versionId=null", b""),
    ("GET", "/secret", "attributes", b""),
    ("GET", "/secret", "acl", b""),
    ("GET", "/secret", "tagging", b""),
    ("PUT", "/secret", "", b"overwritten"),
    ("PUT", "/secret", "tagging", TAGS),
    ("DELETE", "/secret", "tagging", b""),
    ("DELETE", "/secret", "", b""),
    ("DELETE", "/secret", "versionId=null", b""),
    ("POST", "/secret", "uploads", b""),
    ("GET", "/uploaded", "uploadId=UPLOAD", b""),
    ("PUT", "/uploaded", "partNumber=1&uploadId=UPLOAD", b"another part"),
    ("POST", "/uploaded", "uploadId=UPLOAD", COMPLETE),
    ("DELETE", "/uploaded", "uploadId=UPLOAD", b""),
)


def ask(
    besieged: Besieged, bucket: str, question: tuple[str, str, str, bytes], key: Key | None, host: str | None = None
) -> Answer:
    method, below, query, body = question
    if body is POLICY:
        body = POLICY % (bucket.encode(), bucket.encode())
    if body is COMPLETE:
        body = COMPLETE % besieged.part_etag.encode()
    headers = {"x_amz_object_attributes": "ETag"} if query == "attributes" else {}
    query = query.replace("UPLOAD", besieged.upload_id)
    letter = besieged.letter(method, f"/{bucket}{below}", query, body, host=host, **headers)
    return besieged.send(signed(letter, key) if key is not None else letter)


def in_common(answer: Answer, *names: str) -> tuple[int, str, dict[str, str]]:
    """Return all of an answer that could tell two buckets apart: not its ids, its time, and the name that was asked."""
    body = re.sub(
        r"<(RequestId|HostId|CanonicalRequest\w*|StringToSign\w*)>.*?</\1>", "", answer.body.decode(), flags=re.S
    )
    for name in names:
        body = body.replace(name, "NAME")
    headers = {
        name: value
        for name, value in answer.headers.items()
        if name not in ("x-amz-request-id", "x-amz-id-2", "date", "content-length")
    }
    return answer.status, body, headers


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: f"{question[0]}{question[1]}?{question[2]}")
def test_a_bucket_of_another_tenancy_is_like_one_that_is_nowhere(
    besieged: Besieged, question: tuple[str, str, str, bytes]
) -> None:
    for host in (None, besieged.host_of(NORTH)):
        hidden = ask(besieged, HIDDEN, question, besieged.key, host)
        absent = ask(besieged, ABSENT, question, besieged.key, host)
        assert hidden.status == 404
        assert in_common(hidden, HIDDEN) == in_common(absent, ABSENT)
        assert SECRET not in hidden.body


@pytest.fixture(scope="module")
def guest(besieged: Besieged) -> Key:
    besieged.store.make_member(SOUTH, "gus", Role.GUEST, until_us=4_102_444_800_000_000)  # 2100
    return besieged.store.make_key(SOUTH, "gus", None)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: f"{question[0]}{question[1]}?{question[2]}")
def test_a_guest_cannot_tell_a_private_bucket_of_the_tenancy_from_one_that_is_nowhere(
    besieged: Besieged, guest: Key, question: tuple[str, str, str, bytes]
) -> None:
    hidden = ask(besieged, HIDDEN, question, guest)
    absent = ask(besieged, ABSENT, question, guest)
    assert hidden.status == 403
    if question[0] != "HEAD":
        sentence = "Access Denied. Ask the bucket's owner or your tenancy's managers for this right: s3:"
        assert hidden.detail("Message").startswith(sentence)
        assert hidden.detail("Message").endswith(f" on {HIDDEN}.")
    assert in_common(hidden, HIDDEN) == in_common(absent, ABSENT)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: f"{question[0]}{question[1]}?{question[2]}")
def test_an_anonymous_client_cannot_tell_what_is_there(
    besieged: Besieged, question: tuple[str, str, str, bytes]
) -> None:
    for host in (None, besieged.host_of(SOUTH), besieged.host_of("nobodys-o")):
        hidden = ask(besieged, HIDDEN, question, None, host)
        absent = ask(besieged, ABSENT, question, None, host)
        assert hidden.status == 403
        assert in_common(hidden, HIDDEN) == in_common(absent, ABSENT)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: f"{question[0]}{question[1]}?{question[2]}")
def test_a_key_is_unknown_at_another_tenancys_name(besieged: Besieged, question: tuple[str, str, str, bytes]) -> None:
    answer = ask(besieged, HIDDEN, question, besieged.key, besieged.host_of(SOUTH))
    assert answer.status == 403
    if question[0] != "HEAD":
        assert answer.code == "InvalidAccessKeyId"
    elsewhere = ask(besieged, HIDDEN, question, besieged.key, besieged.host_of("nobodys-o"))
    assert in_common(answer, SOUTH) == in_common(elsewhere, "nobodys-o")


def spellings(bucket: str, key: str) -> list[str]:
    """Return paths that a careless reader could take for another tenancy's bucket."""
    return [
        f"/{bucket}/{key}",
        f"//{bucket}/{key}",
        f"/./{bucket}/{key}",
        f"/data/../{bucket}/{key}",
        f"/data/%2e%2e/{bucket}/{key}",
        f"/data/%2E%2E%2F{bucket}%2F{key}",
        f"/data%2F..%2F{bucket}/{key}",
        f"/%2e%2e/{SOUTH}/{bucket}/{key}",
        f"/..%2F{SOUTH}%2F{bucket}/{key}",
        f"/{SOUTH}/{bucket}/{key}",
        f"/{SOUTH}%2F{bucket}/{key}",
        f"/{SOUTH}:{bucket}/{key}",
        f"/{bucket}.{SOUTH}/{key}",
        f"/{bucket}%00/{key}",
        f"/{bucket}%20/{key}",
        f"/{bucket.upper()}/{key}",
        f"/{bucket}./{key}",
        f"/{bucket};x/{key}",
        f"/{bucket}%5C{key}",
        "".join(f"%{byte:02x}" if byte != 47 else "/" for byte in f"/{bucket}/{key}".encode()),
        f"/arn:aws:s3:::{bucket}/{key}",
    ]


@pytest.mark.parametrize("path", spellings(HIDDEN, "secret"))
def test_no_spelling_of_a_path_leads_over_the_wall(besieged: Besieged, path: str) -> None:
    host = besieged.host_of(NORTH)
    for method, body in (("GET", b""), ("HEAD", b""), ("DELETE", b"")):
        for sign in (signed, presigned):
            answer = besieged.send(sign(besieged.letter(method, path, body=body, host=host), besieged.key))
            # A key below our own `data` is a key like any other, and not there.
            assert answer.status in (400, 404) or (method == "DELETE" and answer.status == 204), answer
            assert SECRET not in answer.body


@pytest.mark.parametrize(
    "source",
    [
        *(path.removeprefix("/") for path in spellings(HIDDEN, "secret")),
        *spellings(HIDDEN, "secret"),
        f"{HIDDEN}/secret?versionId=null",
        f"{HIDDEN}%2Fsecret",
        quote(f"{HIDDEN}/secret", safe=""),
        f"http://{SOUTH}.s3.localhost/{HIDDEN}/secret",
        f"arn:aws:s3:us-east-1::accesspoint/{SOUTH}/object/{HIDDEN}/secret",
    ],
)
def test_no_spelling_of_a_copy_source_leads_over_the_wall(besieged: Besieged, source: str) -> None:
    copied = besieged.ask("PUT", "/data/copied", x_amz_copy_source=source)
    assert copied.status in (400, 404, 501), copied.body
    assert copied.code in ("NoSuchBucket", "NoSuchKey", "InvalidArgument", "InvalidURI", "NotImplemented")


@pytest.mark.parametrize("question", ["copy", "part"])
def test_a_copy_source_behind_the_wall_is_like_one_that_is_nowhere(besieged: Besieged, question: str) -> None:
    client = besieged.client
    upload = client.create_multipart_upload(Bucket="data", Key="assembled")["UploadId"]
    try:
        query = f"partNumber=1&uploadId={upload}" if question == "part" else ""
        found = [
            besieged.ask("PUT", "/data/assembled", query, x_amz_copy_source=f"/{bucket}/{key}")
            for bucket in (HIDDEN, ABSENT)
            for key in ("secret", "absent")
        ]
    finally:
        client.abort_multipart_upload(Bucket="data", Key="assembled", UploadId=upload)
    answers = [in_common(answer, HIDDEN, ABSENT) for answer in found]
    assert answers == answers[:1] * 4
    assert found[0].verdict == (404, "NoSuchBucket")


def test_a_bucket_of_the_same_name_is_our_own(besieged: Besieged) -> None:
    assert besieged.ask("GET", "/data/secret").verdict == (404, "NoSuchKey")
    assert besieged.ask("GET", "/data/kept").body == b"kept"
    assert besieged.ask("PUT", "/data/copied", x_amz_copy_source="/data/secret").verdict == (404, "NoSuchKey")
    assert besieged.ask("GET", "/data/secret", key=besieged.other).body == SECRET


@pytest.mark.parametrize(
    ("method", "query", "body"),
    [
        ("GET", "uploadId=UPLOAD", b""),
        ("PUT", "partNumber=1&uploadId=UPLOAD", b"part"),
        ("POST", "uploadId=UPLOAD", COMPLETE),
        ("DELETE", "uploadId=UPLOAD", b""),
    ],
)
def test_an_upload_of_another_tenancy_is_unknown_in_a_bucket_of_ours(
    besieged: Besieged, method: str, query: str, body: bytes
) -> None:
    body = body % besieged.part_etag.encode() if body is COMPLETE else body
    with besieged.catalog.read() as rows:
        from holdfast.catalog.rows import UPLOADS

        theirs = next(row for row in rows.scan(UPLOADS, (), count_max=1000) if row.upload_id == besieged.upload_id)
    for upload_id in (
        theirs.upload_id,
        quote(f"{theirs.bucket_id}/{theirs.upload_id}", safe=""),
        "0" * len(theirs.upload_id),
    ):
        answer = besieged.ask(method, "/data/uploaded", query.replace("UPLOAD", upload_id), body)
        assert answer.verdict == (404, "NoSuchUpload")


def test_an_internal_id_is_no_name(besieged: Besieged) -> None:
    with besieged.catalog.read() as rows:
        from holdfast.catalog.rows import BUCKETS

        theirs = next(row for row in rows.scan(BUCKETS, (), count_max=1000) if row.name == HIDDEN)
    for name in (
        theirs.bucket_id,
        theirs.tenancy_id,
        f"{theirs.tenancy_id}%2F{HIDDEN}",
        f"{theirs.tenancy_id}%00{HIDDEN}",
    ):
        assert besieged.ask("GET", f"/{name}/secret").code in ("NoSuchBucket", "InvalidURI")


# --- the host


@pytest.mark.parametrize("sign", [signed, presigned])
@pytest.mark.parametrize(
    "host",
    [
        f"{HIDDEN}.{SOUTH}.s3.localhost",
        f"{HIDDEN}.{SOUTH}.s3-ext.localhost",
        f"{HIDDEN.upper()}.{SOUTH.upper()}.S3.LOCALHOST",
        f"{HIDDEN}.{SOUTH}.s3.localhost.",
        f"{HIDDEN}.{SOUTH}.s3.localhost:80",
        f"{NORTH}.{SOUTH}.s3.localhost",
    ],
)
def test_a_host_of_another_tenancy_knows_no_key_of_ours(
    besieged: Besieged, sign: Callable[[Letter, Key], Letter], host: str
) -> None:
    assert besieged.send(sign(besieged.letter("GET", "/secret", host=host), besieged.key)).code == "InvalidAccessKeyId"


@pytest.mark.parametrize(
    "host",
    [
        f"{HIDDEN}.{NORTH}.s3.localhost",
        f"{HIDDEN}..{NORTH}.s3.localhost",
        f"{HIDDEN}.{SOUTH}.{NORTH}.s3.localhost",
        f".{NORTH}.s3.localhost",
        f"{SOUTH}@{NORTH}.s3.localhost",
        f"{NORTH}.s3.localhost/{SOUTH}",
        f"{NORTH}.s3.localhost#.{SOUTH}.s3.localhost",
        f"{SOUTH}_{NORTH}.s3.localhost",
        f"{NORTH}\xe9.s3.localhost",
        f"{NORTH}%2e{SOUTH}.s3.localhost",
        "s3.localhost",
        ".s3.localhost",
        "[::1]",
        "[::1",
        "]",
        ":",
        "",
        "a" * 300,
    ],
)
def test_no_trick_with_a_host_leads_over_the_wall(besieged: Besieged, host: str) -> None:
    letter = besieged.letter("GET", f"/{HIDDEN}/secret").put("host", host)
    answer = besieged.send(signed(letter, besieged.key))
    assert answer.status in (400, 403, 404)
    assert SECRET not in answer.body
    assert SOUTH in host or SOUTH.encode() not in answer.body


@pytest.mark.parametrize(
    "header",
    [
        "x-forwarded-host",
        "forwarded",
        "x-original-host",
        "x-host",
        "x-forwarded-server",
        "x-original-url",
        "x-rewrite-url",
    ],
)
def test_what_an_unknown_peer_says_was_forwarded_is_not_believed(besieged: Besieged, header: str) -> None:
    value = {
        "forwarded": f'host="{besieged.host_of(SOUTH)}";proto=https',
        "x-original-url": f"/{HIDDEN}/secret",
        "x-rewrite-url": f"/{HIDDEN}/secret",
    }.get(header, besieged.host_of(SOUTH))
    letter = besieged.letter("GET", "/data/kept", host=besieged.host_of(NORTH))
    assert besieged.send(signed(letter, besieged.key).add(header, value)).body == b"kept"
    letter = besieged.letter("GET", "/data/secret", host=besieged.host_of(NORTH))
    assert besieged.send(signed(letter, besieged.other).add(header, value)).code == "InvalidAccessKeyId"


def test_an_absolute_target_says_the_host_and_nothing_else_does(besieged: Besieged) -> None:
    south, north = besieged.host_of(SOUTH), besieged.host_of(NORTH)
    letter = signed(besieged.letter("GET", "/data/secret", host=north), besieged.key)
    absolute = letter.head.replace(b"GET /", f"GET http://{south}/".encode(), 1)
    with besieged.connect() as wire:
        # The key that is looked for is one of the south's.
        assert wire.send(absolute).read().code == "InvalidAccessKeyId"
    letter = signed(besieged.letter("GET", "/data/kept", host=north), besieged.key)
    with besieged.connect() as wire:
        absolute = letter.put("host", south).head.replace(b"GET /", f"GET http://{north}/".encode(), 1)
        assert wire.send(absolute).read().body == b"kept"


# --- what is told


def test_buckets_are_listed_of_one_tenancy_only(besieged: Besieged) -> None:
    listed = besieged.ask("GET", "/")
    assert listed.status == 200
    assert re.findall(rb"<Name>(.*?)</Name>", listed.body) == [b"data", OPEN.encode()]
    assert SOUTH.encode() not in listed.body
    assert besieged.send(besieged.letter("GET", "/", host=besieged.host_of(SOUTH))).verdict == (403, "AccessDenied")


def test_a_bucket_that_is_taken_behind_the_wall_is_free_here(besieged: Besieged) -> None:
    assert besieged.ask("PUT", f"/{HIDDEN}").status == 200
    assert besieged.ask("GET", f"/{HIDDEN}/secret").verdict == (404, "NoSuchKey")
    assert besieged.ask("DELETE", f"/{HIDDEN}").status == 204


@pytest.mark.parametrize("name", ["nobodys-o", SOUTH, NORTH])
def test_anonymous_clients_do_not_learn_which_tenancies_there_are(besieged: Besieged, name: str) -> None:
    found = besieged.send(besieged.letter("GET", f"/{ABSENT}/key", host=besieged.host_of(name)))
    assert found.verdict == (403, "AccessDenied")
    unknown = besieged.send(besieged.letter("GET", f"/{ABSENT}/key", host=besieged.host_of("unknown-o")))
    assert in_common(found) == in_common(unknown)


def test_a_preflight_does_not_tell_which_buckets_there_are(besieged: Besieged) -> None:
    def preflight(bucket: str, host: str) -> Answer:
        headers = {"origin": "https://evil.example", "access_control_request_method": "GET"}
        return besieged.send(besieged.letter("OPTIONS", f"/{bucket}/k", host=host, **headers))

    found = [preflight(bucket, besieged.host_of(name)) for bucket in (HIDDEN, ABSENT) for name in (SOUTH, "nobodys-o")]
    answers = [in_common(answer, HIDDEN, ABSENT) for answer in found]
    assert answers == answers[:1] * 4
    assert found[0].status == 403


def test_a_condition_is_no_oracle(besieged: Besieged) -> None:
    for headers in ({"if_none_match": "*"}, {"if_match": "*"}, {"if_match": '"0"'}):
        answers = [
            in_common(besieged.ask(method, f"/{bucket}/{key}", **headers), HIDDEN, ABSENT, "secret", "absent")
            for bucket in (HIDDEN, ABSENT)
            for key in ("secret", "absent")
            for method in ("GET",)
        ]
        assert answers == answers[:1] * 4
    letter = besieged.letter("GET", f"/{HIDDEN}/secret", host=besieged.host_of(SOUTH), if_none_match="*")
    assert besieged.send(letter).verdict == (403, "AccessDenied")


def test_what_a_bucket_owner_is_called_is_told_to_its_own_tenancy_only(besieged: Besieged) -> None:
    everything = b"".join(ask(besieged, OPEN, question, besieged.key).body for question in QUESTIONS[1:14])
    assert b"sam" not in everything
    assert SOUTH.encode() not in everything
