"""Presigned URLs, what they carry as parameters, and requests that nobody signed."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from tests.operations.wired import Wired, plain, refused


def publish(wired: Wired, *actions: str) -> None:
    """Allow everyone these actions, on the bucket and what is in it."""
    arn = f"arn:aws:s3:::{wired.bucket}"
    allowed = {"Effect": "Allow", "Principal": "*", "Action": list(actions), "Resource": [arn, f"{arn}/*"]}
    wired.s3.put_bucket_policy(
        Bucket=wired.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    )


# --- presigned


def test_parameters_that_are_signed_are_headers(wired: Wired) -> None:
    # The SDKs for JavaScript, Java and Go put metadata, tags and checksums there.
    said = {"x-amz-meta-a": "é 1", "x-amz-tagging": "t=u", "x-amz-storage-class": "STANDARD_IA", "x-id": "PutObject"}
    assert plain("PUT", wired.presign("PUT", wired.url("k", urlencode(said))), b"body").status == 200
    head = wired.s3.head_object(Bucket=wired.bucket, Key="k")
    assert (head["StorageClass"], head["Metadata"]) == ("STANDARD_IA", {"a": "é 1".encode().decode("latin-1")})
    assert head["TagCount"] == 1


def test_a_checksum_among_the_parameters_is_held_to(wired: Wired) -> None:
    url = wired.presign("PUT", wired.url("k", urlencode({"x-amz-checksum-crc32": "AAAAAA=="})))
    assert plain("PUT", url, b"body").code == "BadDigest"
    assert plain("PUT", url, b"").status == 200


def test_a_copy_source_among_the_parameters_is_copied(wired: Wired) -> None:
    wired.s3.put_object(Bucket=wired.bucket, Key="from", Body=b"body")
    url = wired.presign("PUT", wired.url("to", urlencode({"x-amz-copy-source": f"/{wired.bucket}/from"})))
    assert b"CopyObjectResult" in plain("PUT", url, b"").body
    assert wired.s3.get_object(Bucket=wired.bucket, Key="to")["Body"].read() == b"body"


def test_a_parameter_that_was_not_signed_is_refused(wired: Wired) -> None:
    url = wired.presign("PUT", wired.url("k")) + "&x-amz-meta-a=1"
    assert plain("PUT", url, b"body").code == "SignatureDoesNotMatch"


def test_parameters_of_a_request_that_is_not_presigned_are_no_headers(wired: Wired) -> None:
    publish(wired, "s3:PutObject")
    wired.s3.put_object(Bucket=wired.bucket, Key="from", Body=b"secret")
    source = urlencode({"x-amz-copy-source": f"/{wired.bucket}/from", "x-amz-meta-a": "1"})
    assert plain("PUT", wired.url("to", source), b"body").status == 200
    found = wired.s3.get_object(Bucket=wired.bucket, Key="to")
    assert (found["Body"].read(), found["Metadata"]) == (b"body", {})


@pytest.mark.parametrize("expires_s", [-1000, 0, 7 * 86_400 + 1])
def test_a_url_lasts_between_a_second_and_a_week(wired: Wired, expires_s: int) -> None:
    # AWS: 400; the suite wants 403.
    answer = plain("GET", wired.presign("GET", wired.url("k"), expires_s=expires_s))
    assert (answer.status, answer.code) == (400, "AuthorizationQueryParametersError")


def test_headers_of_the_answer_may_be_chosen_by_who_signs(wired: Wired) -> None:
    wired.s3.put_object(Bucket=wired.bucket, Key="k", Body=b"body")
    chosen = {
        "response-content-type": "foo/bar",
        "response-content-disposition": "bla",
        "response-content-language": "esperanto",
        "response-content-encoding": "aaa",
        "response-expires": "123",
        "response-cache-control": "no-cache",
    }
    answer = plain("GET", wired.presign("GET", wired.url("k", urlencode(chosen))))
    for name, value in chosen.items():
        assert answer.headers[name.removeprefix("response-")] == value
    publish(wired, "s3:GetObject")
    assert plain("GET", wired.url("k", urlencode(chosen))).code == "InvalidRequest"


# --- anonymous


def test_what_a_policy_publishes_is_read_and_listed_by_nobody_in_particular(wired: Wired) -> None:
    wired.s3.put_object(Bucket=wired.bucket, Key="k", Body=b"body")
    assert refused(wired.nobody.get_object, Bucket=wired.bucket, Key="k") == "AccessDenied"
    publish(wired, "s3:GetObject", "s3:ListBucket")
    assert wired.nobody.get_object(Bucket=wired.bucket, Key="k")["Body"].read() == b"body"
    assert [each["Key"] for each in wired.nobody.list_objects_v2(Bucket=wired.bucket)["Contents"]] == ["k"]
    assert refused(wired.nobody.get_object, Bucket=wired.bucket, Key="nothing") == "NoSuchKey"
    assert refused(wired.nobody.put_object, Bucket=wired.bucket, Key="k", Body=b"x") == "AccessDenied"


def test_who_may_not_list_does_not_learn_of_absence(wired: Wired) -> None:
    publish(wired, "s3:GetObject")
    assert refused(wired.nobody.get_object, Bucket=wired.bucket, Key="nothing") == "AccessDenied"


def test_who_may_list_but_not_read_learns_of_absence_below_what_is_listed(wired: Wired) -> None:
    wired.s3.put_object(Bucket=wired.bucket, Key="public/there", Body=b"body")
    arn = f"arn:aws:s3:::{wired.bucket}"
    below = {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": arn}
    below["Condition"] = {"StringLike": {"s3:prefix": "public/*"}}  # type: ignore[assignment]
    wired.s3.put_bucket_policy(Bucket=wired.bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [below]}))
    for key, status in (("public/nothing", "404"), ("public/there", "403"), ("private/nothing", "403")):
        assert refused(wired.other.head_object, Bucket=wired.bucket, Key=key) == status


def test_an_anonymous_write_needs_a_policy_and_no_signature(wired: Wired) -> None:
    assert plain("PUT", wired.url("k"), b"body").code == "AccessDenied"
    publish(wired, "s3:PutObject")
    assert plain("PUT", wired.url("k"), b"body").status == 200
    wired.nobody.put_object(Bucket=wired.bucket, Key="l", Body=b"with a checksum in a trailer or a header")


def test_a_bucket_that_is_gone_is_like_a_private_one_to_an_anonymous_client(wired: Wired) -> None:
    # Which names are taken in a tenancy is nobody's business; the suite wants 404.
    wired.s3.delete_bucket(Bucket=wired.bucket)
    assert refused(wired.nobody.get_object, Bucket=wired.bucket, Key="k") == "AccessDenied"
    assert refused(wired.s3.get_object, Bucket=wired.bucket, Key="k") == "NoSuchBucket"


@pytest.mark.parametrize("method", ["list_objects", "list_objects_v2", "put_object"])
def test_a_request_may_say_whose_bucket_it_expects(wired: Wired, method: str) -> None:
    publish(wired, "s3:ListBucket", "s3:PutObject")
    owner = wired.s3.list_buckets()["Owner"]["ID"]
    where = {"Bucket": wired.bucket, **({"Key": "k", "Body": b"x"} if method == "put_object" else {})}
    for client in (wired.s3, wired.nobody):
        getattr(client, method)(**where, ExpectedBucketOwner=owner)
        assert refused(getattr(client, method), **where, ExpectedBucketOwner=f"{owner}foo") == "AccessDenied"


# --- CORS, on a bucket that everyone may list

RULES = [
    {"AllowedMethods": ["GET"], "AllowedOrigins": ["*suffix"]},
    {"AllowedMethods": ["GET"], "AllowedOrigins": ["start*end"]},
    {"AllowedMethods": ["GET"], "AllowedOrigins": ["prefix*"]},
    {"AllowedMethods": ["PUT"], "AllowedOrigins": ["*.put"]},
]
ACTUAL = [
    ("GET", "", "foo.suffix", 200, "GET"),
    ("GET", "", "foo.bar", 200, None),
    ("GET", "", "foo.suffix.get", 200, None),
    ("GET", "", "startend", 200, "GET"),
    ("GET", "", "start12end", 200, "GET"),
    ("GET", "", "0start12end", 200, None),
    ("GET", "", "prefix.suffix", 200, "GET"),
    ("GET", "", "bla.prefix", 200, None),
    ("GET", "bar", "foo.suffix", 404, "GET"),
    ("PUT", "bar", "foo.suffix", 403, None),
    ("PUT", "bar", "foo.put", 403, "PUT"),
]


def test_rules_of_a_bucket_are_kept_by_actual_requests_and_refusals_too(wired: Wired) -> None:
    publish(wired, "s3:ListBucket", "s3:GetObject")
    wired.s3.put_bucket_cors(Bucket=wired.bucket, CORSConfiguration={"CORSRules": RULES})
    for method, key, origin, status, allowed in ACTUAL:
        answer = plain(method, wired.url(key), b"" if method == "PUT" else None, {"Origin": origin})
        said = answer.headers.get("access-control-allow-origin"), answer.headers.get("access-control-allow-methods")
        assert (answer.status, *said) == (status, origin if allowed else None, allowed), (method, key, origin)


PREFLIGHTS = [
    (None, None, 400),
    ("foo.suffix", None, 400),
    ("foo.suffix", "GET", 200),
    ("foo.bar", "GET", 403),
    ("foo.suffix.get", "GET", 403),
    ("start1end", "GET", 200),
    ("0start12end", "GET", 403),
    ("foo.put", "GET", 403),
    ("foo.put", "PUT", 200),
]


@pytest.mark.parametrize("is_presigned", [False, True])
def test_preflights_are_answered_by_the_rules(wired: Wired, is_presigned: bool) -> None:
    wired.s3.put_bucket_cors(Bucket=wired.bucket, CORSConfiguration={"CORSRules": RULES})
    url = wired.presign("PUT", wired.url("k")) if is_presigned else wired.url("k")
    for origin, method, status in PREFLIGHTS:
        headers = {"Origin": origin, "Access-Control-Request-Method": method}
        answer = plain("OPTIONS", url, headers={name: value for name, value in headers.items() if value})
        assert answer.status == status, (origin, method)
        if status == 200:
            assert answer.headers["access-control-allow-origin"] == origin
            assert answer.headers["access-control-allow-methods"] == method
