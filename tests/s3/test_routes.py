"""routes.py: the most specific route wins, and nothing falls through to the bare bucket or object."""

from __future__ import annotations

import contextlib
import itertools

import pytest

from holdfast.s3.codes import S3Error
from holdfast.s3.routes import BUCKET_SUBRESOURCES, KEY_SUBRESOURCES, Router
from holdfast.s3.shapes import Route
from holdfast.s3.target import parse_query

ROUTES = {
    "ListBuckets": Route("GET", "service"),
    "CreateBucket": Route("PUT", "bucket"),
    "DeleteBucket": Route("DELETE", "bucket"),
    "HeadBucket": Route("HEAD", "bucket"),
    "ListObjects": Route("GET", "bucket"),
    "ListObjectsV2": Route("GET", "bucket", ("list-type=2",)),
    "ListMultipartUploads": Route("GET", "bucket", ("uploads",)),
    "GetBucketAcl": Route("GET", "bucket", ("acl",)),
    "DeleteObjects": Route("POST", "bucket", ("delete",)),
    "Preflight": Route("OPTIONS", "key"),
    "GetObject": Route("GET", "key"),
    "HeadObject": Route("HEAD", "key"),
    "PutObject": Route("PUT", "key"),
    "CopyObject": Route("PUT", "key", (), ("x-amz-copy-source",)),
    "UploadPart": Route("PUT", "key", ("partNumber", "uploadId")),
    "UploadPartCopy": Route("PUT", "key", ("partNumber", "uploadId"), ("x-amz-copy-source",)),
    "DeleteObject": Route("DELETE", "key"),
    "AbortMultipartUpload": Route("DELETE", "key", ("uploadId",)),
    "ListParts": Route("GET", "key", ("uploadId",)),
    "CreateMultipartUpload": Route("POST", "key", ("uploads",)),
    "CompleteMultipartUpload": Route("POST", "key", ("uploadId",)),
    "PutObjectTagging": Route("PUT", "key", ("tagging",)),
}
COPY = {"x-amz-copy-source": "/b/k"}

router = Router((route, name) for name, route in ROUTES.items())


def find(method: str, level: str, raw_query: str = "", headers: dict[str, str] | None = None) -> str:
    return router.find(method, level, parse_query(raw_query), headers or {})


def refusal(method: str, level: str, raw_query: str = "") -> S3Error:
    with pytest.raises(S3Error) as caught:
        find(method, level, raw_query)
    return caught.value


@pytest.mark.parametrize("name", ROUTES)
def test_every_route_is_found_by_exactly_what_it_demands(name: str) -> None:
    route = ROUTES[name]
    assert find(route.method, route.level, "&".join(route.query), dict.fromkeys(route.headers, "x")) == name


def test_the_order_in_which_routes_are_given_does_not_matter() -> None:
    for order in itertools.islice(itertools.permutations(ROUTES.items()), 0, 10**6, 50_000):
        shuffled = Router((route, name) for name, route in order)
        assert shuffled.find("PUT", "key", {"uploadId": "u", "partNumber": "1"}, COPY) == "UploadPartCopy"


@pytest.mark.parametrize(
    ("method", "level", "raw_query", "name"),
    [
        ("GET", "bucket", "list-type=1", "ListObjects"),
        ("GET", "bucket", "prefix=&delimiter=&max-keys=5&x-id=ListObjects", "ListObjects"),
        ("GET", "bucket", "list-type=2&prefix&X-Amz-Signature=s", "ListObjectsV2"),
        ("GET", "key", "versionId=null&partNumber=1&response-expires=", "GetObject"),
        ("GET", "key", "20260101", "GetObject"),
        ("DELETE", "key", "versionId=v&x-id=DeleteObject", "DeleteObject"),
        ("PUT", "key", "tagging&versionId=v", "PutObjectTagging"),
        ("PUT", "key", "x-id=PutObject&foo=bar", "PutObject"),
        ("OPTIONS", "key", "uploads", "Preflight"),
        ("GET", "service", "max-buckets=2&x-id=ListBuckets", "ListBuckets"),
    ],
)
def test_other_parameters_do_not_disturb(method: str, level: str, raw_query: str, name: str) -> None:
    assert find(method, level, raw_query) == name


def _not_served() -> list[tuple[str, str, str]]:
    served = {(route.method, route.level, name) for route in ROUTES.values() for name in route.query}
    return [
        (method, level, name)
        for level, known in (("bucket", BUCKET_SUBRESOURCES), ("key", KEY_SUBRESOURCES))
        for name, methods in known.items()
        for method in methods.split()
        if (method, level, name) not in served
    ]


@pytest.mark.parametrize(("method", "level", "name"), _not_served())
def test_what_s3_has_and_we_do_not_is_not_implemented(method: str, level: str, name: str) -> None:
    for raw_query in (name, f"{name}=1", f"versionId=v&{name}", f"x-id=X&id=i&{name}="):
        error = refusal(method, level, raw_query)
        assert (error.code, error.status) == ("NotImplemented", 501)
        assert name in error.message


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE"])
@pytest.mark.parametrize("level", ["bucket", "key"])
def test_no_sub_resource_is_ever_read_as_the_bare_thing(method: str, level: str) -> None:
    for name in BUCKET_SUBRESOURCES if level == "bucket" else KEY_SUBRESOURCES:
        with contextlib.suppress(S3Error):
            assert name in ROUTES[find(method, level, name)].query


@pytest.mark.parametrize(
    ("method", "level"), [("PUT", "bucket"), ("DELETE", "bucket"), ("PUT", "key"), ("DELETE", "key")]
)
def test_a_sub_resource_that_nobody_knows_yet_writes_and_deletes_nothing(method: str, level: str) -> None:
    assert refusal(method, level, "newThing").code == "NotImplemented"


def test_half_of_an_upload_parts_address_never_overwrites_the_object() -> None:
    assert refusal("PUT", "key", "uploadId=u").code == "InvalidArgument"
    assert refusal("PUT", "key", "partNumber=1").code == "InvalidArgument"
    assert refusal("PUT", "key", "versionId=v").code == "InvalidArgument"


def test_two_sub_resources_contradict_each_other() -> None:
    error = refusal("GET", "bucket", "uploads&acl")
    assert (error.code, error.message) == ("InvalidArgument", "Conflicting query string parameters: acl, uploads")
    assert error.details["ArgumentName"] == "ResourceType"
    assert refusal("GET", "bucket", "list-type=2&versions").code == "InvalidArgument"


@pytest.mark.parametrize(
    ("method", "level", "raw_query", "allow"),
    [
        ("PUT", "service", "", "GET"),
        ("POST", "bucket", "", "DELETE, GET, HEAD, PUT"),
        ("DELETE", "bucket", "acl", "GET"),
        ("PUT", "bucket", "uploads", "GET"),
        ("GET", "key", "uploads", "POST"),
        ("POST", "key", "", "DELETE, GET, HEAD, OPTIONS, PUT"),
        ("PATCH", "key", "", "DELETE, GET, HEAD, OPTIONS, PUT"),
    ],
)
def test_a_method_that_is_not_for_this_names_those_that_are(
    method: str, level: str, raw_query: str, allow: str
) -> None:
    error = refusal(method, level, raw_query)
    assert (error.code, error.status, error.headers) == ("MethodNotAllowed", 405, {"Allow": allow})


def test_two_operations_may_not_have_the_same_route() -> None:
    with pytest.raises(AssertionError):
        Router([(Route("GET", "key"), 1), (Route("GET", "key"), 2)])
