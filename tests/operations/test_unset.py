"""Reads of what no bucket can have yet, and that whatever would set it is refused."""

from __future__ import annotations

import pytest
from tests.operations.site import Site

from holdfast.operations.registry import OPERATIONS
from holdfast.s3.codes import S3Error
from holdfast.s3.routes import BUCKET_SUBRESOURCES, KEY_SUBRESOURCES

XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
SERVED = {(each.route.method, each.route.level, frozenset(each.route.query)) for each in OPERATIONS}
WHOLE_LIST = [
    (method, "/b" if level == "bucket" else "/b/k", level, name)
    for level, table in (("bucket", BUCKET_SUBRESOURCES), ("key", KEY_SUBRESOURCES))
    for name in table
    for method in ("GET", "PUT", "POST", "DELETE")
]


@pytest.fixture
def site(site: Site) -> Site:
    site.bucket("b")
    site.object("b", "k")
    return site


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("/b?lifecycle", "NoSuchLifecycleConfiguration"),
        ("/b?website", "NoSuchWebsiteConfiguration"),
        ("/b?encryption", "ServerSideEncryptionConfigurationNotFoundError"),
        ("/b?object-lock", "ObjectLockConfigurationNotFoundError"),
        ("/b?replication", "ReplicationConfigurationNotFoundError"),
        ("/b?publicAccessBlock", "NoSuchPublicAccessBlockConfiguration"),
        ("/b?ownershipControls", "OwnershipControlsNotFoundError"),
        ("/b?policy", "NoSuchBucketPolicy"),
        ("/b?cors", "NoSuchCORSConfiguration"),
        ("/b?tagging", "NoSuchTagSet"),
        # AWS says InvalidRequest (400) while the bucket itself has no lock; clients look for this one.
        ("/b/k?retention", "NoSuchObjectLockConfiguration"),
        ("/b/k?legal-hold", "NoSuchObjectLockConfiguration"),
        ("/b/k?retention&versionId=null", "NoSuchObjectLockConfiguration"),
        ("/b/absent?retention", "NoSuchKey"),
        ("/b/k?legal-hold&versionId=abc", "NoSuchVersion"),
    ],
)
def test_what_is_not_set_is_said_to_be_not_set(site: Site, target: str, code: str) -> None:
    with pytest.raises(S3Error) as caught:
        site.ask(site.alice, "GET", target)
    assert caught.value.code == code
    assert caught.value.status == 404


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("versioning", f"<VersioningConfiguration {XMLNS}></VersioningConfiguration>"),
        ("accelerate", f"<AccelerateConfiguration {XMLNS}></AccelerateConfiguration>"),
        ("logging", f"<BucketLoggingStatus {XMLNS}></BucketLoggingStatus>"),
        ("notification", f"<NotificationConfiguration {XMLNS}></NotificationConfiguration>"),
        ("requestPayment", f"<RequestPaymentConfiguration {XMLNS}><Payer>BucketOwner</Payer></RequestPaymentConfiguration>"),
    ],
)  # fmt: skip
def test_what_is_always_so_is_answered(site: Site, name: str, document: str) -> None:
    answer = site.ask(site.alice, "GET", f"/b?{name}")
    assert answer.status == 200
    assert answer.body.decode() == f'<?xml version="1.0" encoding="UTF-8"?>\n{document}'


@pytest.mark.parametrize(("method", "path", "level", "name"), WHOLE_LIST)
def test_every_sub_resource_of_s3_is_served_or_refused_and_never_read_as_the_bare_one(
    site: Site, method: str, path: str, level: str, name: str
) -> None:
    table = BUCKET_SUBRESOURCES if level == "bucket" else KEY_SUBRESOURCES
    if name == "uploadId" or (method, level, frozenset({name})) in SERVED:
        return
    before = site.bucket_row("b"), site.object_row("b", "k")
    code = site.refused(site.alice, method, f"{path}?{name}", body=b"<Anything/>")
    if method in table[name].split():
        assert code == "NotImplemented", "S3 has it, this store has not"
    else:
        assert code in ("NotImplemented", "MethodNotAllowed"), "S3 has it not"
    assert (site.bucket_row("b"), site.object_row("b", "k")) == before


def test_what_would_not_be_applied_is_not_acknowledged(site: Site) -> None:
    for target in (
        "/b?versioning", "/b?lifecycle", "/b?object-lock", "/b?encryption", "/b?website", "/b?replication",
        "/b?publicAccessBlock", "/b?ownershipControls", "/b?requestPayment", "/b?accelerate", "/b?logging",
        "/b?notification", "/b/k?retention", "/b/k?legal-hold",
    ):  # fmt: skip
        assert site.refused(site.mary, "PUT", target, body=b"<Anything/>") == "NotImplemented"
    for name in ("lifecycle", "encryption", "website", "replication", "publicAccessBlock", "ownershipControls"):
        assert site.refused(site.mary, "DELETE", f"/b?{name}") == "NotImplemented"
