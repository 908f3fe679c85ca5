"""A signature, a key and a body stay what they are behind nginx and HAProxy, with the configurations that we print."""

from __future__ import annotations

import re
import ssl
import urllib.request
from http.client import HTTPSConnection
from random import Random
from urllib.parse import urlencode

import pytest
from tests.attacks.wire import Answer, Letter, Wire, presigned, signed, sized
from tests.proxies.conftest import PORTAL, TENANCY, Front
from tests.serving import Key, Store

KEYS = [
    "plain",
    "a//b",
    "//",
    "a/b/",
    "a%2Fb",
    "a%252Fb",
    "a b+c&d=e?f#g",
    "é/e\u0301/🦆",
    "a/./b",
    "~-_.!*'()",
    "a\\b|c^d`e{f}",
    "%41%zz",
    "\x01\x7f\r\n",
]
ABOVE = ["a/../b", "../b"]


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("style", ["path", "virtual"])
def test_every_key_goes_through_as_it_is(front: Front, secure: bool, style: str) -> None:
    client = front.client(secure=secure, style=style)
    for key in [*KEYS, ABOVE[0]]:
        client.put_object(Bucket="data", Key=key, Body=key.encode(), Metadata={"file_name": "a b"})
        found = client.get_object(Bucket="data", Key=key)
        assert found["Body"].read() == key.encode()
        assert found["Metadata"] == {"file_name": "a b"}
        client.copy_object(Bucket="data", Key="copied", CopySource={"Bucket": "data", "Key": key})
        assert client.get_object(Bucket="data", Key="copied")["Body"].read() == key.encode()
        client.delete_object(Bucket="data", Key=key)


@pytest.mark.parametrize("secure", [False, True])
def test_presigned_urls_hold(front: Front, secure: bool) -> None:
    client = front.client(secure=secure)
    context = ssl.create_default_context(cafile=str(front.certificate))
    for key in ("a//b", "a%2Fb", "a b", "é"):
        url = client.generate_presigned_url("put_object", Params={"Bucket": "data", "Key": key})
        urllib.request.urlopen(urllib.request.Request(url, b"through", method="PUT"), context=context).close()
        url = client.generate_presigned_url("get_object", Params={"Bucket": "data", "Key": key})
        with urllib.request.urlopen(url, context=context) as answer:
            assert answer.read() == b"through"


@pytest.mark.parametrize("secure", [False, True])
def test_large_bodies_stream_both_ways_with_their_checksums(front: Front, secure: bool) -> None:
    client = front.client(secure=secure)
    data = Random(1).randbytes(12_000_000)
    # Over https botocore sends chunks with a trailer and no length; over http a body with a length, after 100 Continue.
    put = client.put_object(Bucket="data", Key="large", Body=data, ChecksumAlgorithm="SHA256")
    assert put["ChecksumType"] == "FULL_OBJECT"
    found = client.get_object(Bucket="data", Key="large", ChecksumMode="ENABLED")
    assert found["Body"].read() == data
    assert client.get_object(Bucket="data", Key="large", Range="bytes=-1000")["Body"].read() == data[-1000:]
    upload = client.create_multipart_upload(Bucket="data", Key="large")["UploadId"]
    part = client.upload_part(Bucket="data", Key="large", UploadId=upload, PartNumber=1, Body=data)
    client.complete_multipart_upload(
        Bucket="data",
        Key="large",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    assert client.head_object(Bucket="data", Key="large")["ContentLength"] == len(data)


def send(port: int, letter: Letter) -> Answer:
    with Wire(port) as wire:
        return wire.send(letter.head + letter.body).read(is_head=letter.method == "HEAD")


def test_a_client_that_waits_for_continue_gets_it_and_a_long_url_goes_through(front: Front) -> None:
    host = f"{TENANCY}.s3.localhost:{front.port}"
    letter = sized(Letter("PUT", "/data/expected", "", (("host", host), ("expect", "100-continue")), b"body"))
    letter = signed(letter, front.key)
    with Wire(front.port) as wire:
        assert wire.send(letter.head).read().status == 100
        assert wire.send(letter.body).read().status == 200
    letter = Letter("GET", "/data/expected", f"response-content-disposition={'a' * 10_000}", (("host", host),))
    assert send(front.port, presigned(letter, front.key)).body == b"body"


def test_a_proxy_overrules_what_a_client_says_was_forwarded(front: Front) -> None:
    host = f"{TENANCY}.s3.localhost:{front.port}"
    front.client().put_object(Bucket="data", Key="mine", Body=b"mine")
    letter = signed(Letter("GET", "/data/mine", "", (("host", host),)), front.key)
    spoofed = letter.add("X-Forwarded-Host", f"other.{TENANCY}.s3.localhost").add(
        "Forwarded", "host=nowhere;proto=https"
    )
    assert send(front.port, spoofed).body == b"mine"
    # A signature that was made for another name does not become good by saying so.
    letter = signed(Letter("GET", "/data/mine", "", (("host", "elsewhere.example"),)), front.key).put("host", host)
    assert send(front.port, letter.add("X-Forwarded-Host", "elsewhere.example")).code == "SignatureDoesNotMatch"


def test_metrics_are_not_told_through_a_proxy(front: Front) -> None:
    letter = Letter("GET", "/_admin/metrics", "", (("host", f"localhost:{front.port}"),))
    assert send(front.port, letter).status in (400, 403, 404)


def test_the_portal_is_reached_by_its_name_and_takes_its_own_forms(front: Front) -> None:
    def call(method: str, path: str, body: str = "", **headers: str) -> tuple[int, str, str]:
        context = ssl.create_default_context(cafile=str(front.certificate))
        connection = HTTPSConnection(PORTAL, front.tls_port, timeout=20, context=context)
        connection.request(method, path, body, {"Host": PORTAL, **headers})
        with connection.getresponse() as answer:
            return answer.status, answer.headers.get("Set-Cookie", ""), answer.read().decode()

    assert call("GET", "/health/")[0] == 200
    status, cookie, page = call("GET", "/account/login/")
    assert status == 200
    word = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert word is not None
    form = urlencode({"csrfmiddlewaretoken": word[1], "login": "nobody", "password": "wrong"})
    status, _, page = call(
        "POST",
        "/account/login/",
        form,
        **{"Content-Type": "application/x-www-form-urlencoded"},
        Cookie=cookie.partition(";")[0],
        Origin=f"https://{PORTAL}",
    )
    assert status == 200
    assert "nobody" in page


def test_the_portal_by_http_leads_to_https(front: Front) -> None:
    answer = send(front.port, Letter("GET", "/services/", "a=b", (("host", PORTAL),)))
    assert answer.status == 301
    assert answer.headers["location"] == f"https://{PORTAL}/services/?a=b"


def test_a_forwarded_host_leads_no_presigned_url_to_another_bucket(store: Store, key: Key) -> None:
    # A proxy may pass on what the client says was forwarded, and the Host beside it.
    client = store.client(key)
    client.put_object(Bucket="data", Key="k", Body=b"shared")
    client.put_object(Bucket="other", Key="k", Body=b"not shared")
    port = int(store.facts["s3"][0].rpartition(":")[2])
    for host, path in ((f"data.{TENANCY}.s3.localhost:{port}", "/k"), (f"127.0.0.1:{port}", "/data/k")):
        letter = presigned(Letter("GET", path, "", (("host", host),)), key)
        assert send(port, letter).body == b"shared"
        for name in ("X-Forwarded-Host", "Forwarded"):
            for other in (f"other.{TENANCY}.s3.localhost:{port}", f"other.{TENANCY}.s3.localhost"):
                moved = letter.add(name, other if name != "Forwarded" else f'host="{other}"')
                assert send(port, moved).code == "SignatureDoesNotMatch"


def test_a_forwarded_host_and_port_stand_for_the_name_that_was_signed(store: Store, key: Key) -> None:
    port = int(store.facts["s3"][0].rpartition(":")[2])
    store.client(key).put_object(Bucket="data", Key="k", Body=b"shared")
    outside = f"{TENANCY}.s3-ext.localhost"
    for asked, forwarded in (
        (outside, {"X-Forwarded-Host": outside, "X-Forwarded-Port": "443"}),
        (f"{outside}:8443", {"X-Forwarded-Host": outside, "X-Forwarded-Port": "8443"}),
        (f"{outside}:8443", {"X-Forwarded-Host": f"{outside}:8443"}),
        (outside, {"Forwarded": f"for=192.0.2.7;host={outside};proto=https"}),
        (outside, {"X-Forwarded-Host": f"made-up.example, {outside}"}),
    ):
        letter = signed(Letter("GET", "/data/k", "", (("host", asked),)), key).put("host", "storage.internal")
        for name, value in forwarded.items():
            letter = letter.add(name, value)
        assert send(port, letter).body == b"shared", forwarded
