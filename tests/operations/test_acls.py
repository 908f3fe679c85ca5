"""ACLs are off: the owner's full control is all there is to read, and all that may be put."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from tests.operations.site import Site

from holdfast.s3.codes import S3Error

PLACES = ["/b?acl", "/b/k?acl", "/b/k?acl&versionId=null"]
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
GROUP = "http://acs.amazonaws.com/groups/global/AllUsers"


def grant(grantee: str = '<Grantee {xsi} xsi:type="CanonicalUser"><ID>u-alice</ID></Grantee>', permission: str = "FULL_CONTROL") -> str:  # fmt: skip
    return f"<Grant>{grantee.format(xsi=XSI)}<Permission>{permission}</Permission></Grant>"


def acl(*grants: str, owner: str = "<Owner><ID>u-alice</ID><DisplayName>whoever</DisplayName></Owner>") -> bytes:
    inner = "".join(grants or (grant(),))
    return f"<AccessControlPolicy>{owner}<AccessControlList>{inner}</AccessControlList></AccessControlPolicy>".encode()


@pytest.fixture
def site(site: Site) -> Site:
    site.bucket("b")
    site.object("b", "k")
    return site


@pytest.mark.parametrize("place", PLACES)
def test_the_owner_has_full_control_in_the_very_form_that_aws_writes(site: Site, place: str) -> None:
    assert site.ask(site.alice, "GET", place).body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<AccessControlPolicy xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        "<Owner><ID>u-alice</ID><DisplayName>alice</DisplayName></Owner><AccessControlList><Grant>"
        f'<Grantee {XSI} xsi:type="CanonicalUser"><ID>u-alice</ID><DisplayName>alice</DisplayName></Grantee>'
        "<Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>"
    )


def test_an_object_is_the_bucket_owners_whoever_wrote_it(site: Site) -> None:
    site.ask(site.mary, "PUT", "/b/by-mary", body=b"x")
    assert b"<ID>u-alice</ID>" in site.ask(site.alice, "GET", "/b/by-mary?acl").body


@pytest.mark.parametrize("place", PLACES)
def test_what_says_what_holds_anyway_is_accepted(site: Site, place: str) -> None:
    for canned in ("private", "bucket-owner-full-control"):
        assert site.ask(site.alice, "PUT", place, {"x-amz-acl": canned}).status == 200
    for body in (acl(), acl(owner=""), site.ask(site.alice, "GET", place).body):
        assert site.ask(site.alice, "PUT", place, body=body).status == 200


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"x-amz-acl": "public-read"}, b""),
        ({"x-amz-grant-read": f'uri="{GROUP}"'}, b""),
        ({}, acl(grant(permission="READ"))),
        ({}, acl(grant(), grant())),
        ({}, acl(grant(), grant(f'<Grantee {{xsi}} xsi:type="Group"><URI>{GROUP}</URI></Grantee>', "READ"))),
        ({}, acl(owner="<Owner><ID>u-bob</ID></Owner>")),
        ({}, acl().replace(b"u-alice", b"u-bob")),
        ({}, b"<AccessControlPolicy><AccessControlList/></AccessControlPolicy>"),
    ],
)
def test_what_would_have_to_be_kept_is_refused(site: Site, place: str, headers: Mapping[str, str], body: bytes) -> None:
    with pytest.raises(S3Error) as caught:
        site.ask(site.alice, "PUT", place, headers, body)
    assert caught.value.code == "AccessControlListNotSupported"
    assert "bucket policy" in caught.value.message


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({}, b"", "MissingSecurityHeader"),
        ({"x-amz-acl": "private"}, acl(), "UnexpectedContent"),
        ({}, b"<AccessControlPolicy>", "MalformedACLError"),
        ({}, b"<AccessControlPolicy/>", "MalformedACLError"),
        ({}, b"<Tagging/>", "MalformedACLError"),
        ({}, acl(grant(permission="EVERYTHING")), "MalformedACLError"),
        ({}, acl(grant("<Grantee><ID>u-alice</ID></Grantee>")), "MalformedACLError"),
        ({}, acl(grant('<Grantee {xsi} xsi:type="Group"><ID>u-alice</ID></Grantee>')), "MalformedACLError"),
        ({}, b'<!DOCTYPE a [<!ENTITY b "c">]>' + acl(), "MalformedACLError"),
    ],
)
def test_what_is_no_acl_is_refused(site: Site, place: str, headers: Mapping[str, str], body: bytes, code: str) -> None:
    assert site.refused(site.alice, "PUT", place, headers, body) == code


def test_an_object_that_is_not_there_has_no_acl(site: Site) -> None:
    assert site.refused(site.alice, "GET", "/b/absent?acl") == "NoSuchKey"
    assert site.refused(site.alice, "PUT", "/b/absent?acl", {"x-amz-acl": "private"}) == "NoSuchKey"
    assert site.refused(site.alice, "GET", "/b/k?acl&versionId=abc") == "NoSuchVersion"
