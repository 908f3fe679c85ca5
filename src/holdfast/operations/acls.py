"""The one access control list there is: the owner's full control. ACLs are off: docs/decisions/0013-acls-are-off.md."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Final, Literal

from holdfast.s3.codec import compile_document
from holdfast.s3.codes import S3Error
from holdfast.s3.shapes import Attribute, Element, Header, HeaderMap, RawDocument

from .context import Context
from .owners import Owner, find_owner
from .stored_headers import acls_are_off, check_acl

FULL_CONTROL: Final = "FULL_CONTROL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grantee:
    """Whom a grant is for: an id of a user, an address, or the URI of one of S3's groups."""

    type: Annotated[Literal["CanonicalUser", "AmazonCustomerByEmail", "Group"], Attribute("xsi:type")]
    id: Annotated[str | None, Element("ID")] = None
    display_name: Annotated[str | None, Element("DisplayName")] = None
    email: Annotated[str | None, Element("EmailAddress")] = None
    uri: Annotated[str | None, Element("URI")] = None


@dataclass(frozen=True, slots=True)
class Grant:
    grantee: Annotated[Grantee, Element("Grantee")]
    permission: Annotated[Literal["FULL_CONTROL", "WRITE", "WRITE_ACP", "READ", "READ_ACP"], Element("Permission")]


@dataclass(frozen=True, slots=True)
class GivenOwner:
    """An owner as clients send it: the id counts."""

    id: Annotated[str, Element("ID")]
    display_name: Annotated[str | None, Element("DisplayName")] = None


@dataclass(frozen=True, slots=True)
class GivenAcl:
    """The document of PutBucketAcl and PutObjectAcl."""

    grants: Annotated[tuple[Grant, ...], Element("Grant", wrapper="AccessControlList")]
    owner: Annotated[GivenOwner | None, Element("Owner")] = None


@dataclass(frozen=True, slots=True)
class Acl:
    """The answer of GetBucketAcl and GetObjectAcl."""

    root: ClassVar[str] = "AccessControlPolicy"

    owner: Annotated[Owner, Element("Owner")]
    grants: Annotated[tuple[Grant, ...], Element("Grant", wrapper="AccessControlList")]


@dataclass(frozen=True, slots=True, kw_only=True)
class PutAcl:
    """What both requests to change an ACL bring besides its place: a name for a whole list, grants, or a list."""

    acl: Annotated[str | None, Header("x-amz-acl")] = None
    grants: Annotated[dict[str, str], HeaderMap("x-amz-grant-")]
    document: Annotated[bytes, RawDocument()]


_read = compile_document(GivenAcl, "AccessControlPolicy")


def owners_acl(context: Context, owner_id: str) -> Acl:
    """Return the list of a bucket of this owner, and of each object in it: the bucket's owner owns them all."""
    owner = find_owner(context, owner_id)
    grantee = Grantee(type="CanonicalUser", id=owner.id, display_name=owner.display_name)
    return Acl(owner, (Grant(grantee, FULL_CONTROL),))


def check_unchanged(request: PutAcl, owner_id: str) -> None:
    """Accept a list that gives nobody but the owner anything; refuse what would have to be kept.

    Raises AccessControlListNotSupported, MalformedACLError, UnexpectedContent for a list given in two ways, and
    MissingSecurityHeader for none.
    """
    by_header = request.acl is not None or bool(request.grants)
    if not request.document:
        if not by_header:
            raise S3Error(
                "MissingSecurityHeader",
                "Your request was missing a required header",
                details={"MissingHeaderName": "x-amz-acl"},
            )
        check_acl(request.acl, request.grants)
        return
    if by_header:
        raise S3Error("UnexpectedContent", "This request does not support content")
    given = _parse(request.document)
    if given.owner is not None and given.owner.id != owner_id:
        raise acls_are_off()
    if [(grant.grantee.type, grant.grantee.id, grant.permission) for grant in given.grants] != [
        ("CanonicalUser", owner_id, FULL_CONTROL)
    ]:
        raise acls_are_off()


def _parse(document: bytes) -> GivenAcl:
    try:
        given = _read(document)
    except S3Error as error:
        if error.code != "MalformedXML":
            raise
        raise _malformed() from error
    for grant in given.grants:
        grantee = grant.grantee
        named = {"CanonicalUser": grantee.id, "AmazonCustomerByEmail": grantee.email, "Group": grantee.uri}
        if not named[grantee.type]:
            raise _malformed()
    return given


def _malformed() -> S3Error:
    return S3Error(
        "MalformedACLError",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )
