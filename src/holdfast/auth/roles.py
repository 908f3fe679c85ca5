"""Who may do what in a tenancy: one table, role × right, as data.

S3's decisions, the command line, the documentation and the portal read this record; nothing else says what a role may.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Final

from holdfast.s3.policy import ACTIONS, BUCKET_ACTIONS, OBJECT_ACTIONS


class Role(StrEnum):
    """A member's part in a tenancy, as the catalog's member row has it; OPERATOR is of the site, in no tenancy."""

    GUEST = "GUEST"
    USER = "USER"
    DEPUTY = "DEPUTY"
    MANAGER = "MANAGER"
    OPERATOR = "OPERATOR"


class Right(StrEnum):
    """A row of the table."""

    LIST_BUCKETS = "list buckets"
    CREATE_BUCKET = "create a bucket"
    READ_DATA = "read data"
    WRITE_DATA = "write data"
    CHANGE_BUCKET = "policy, CORS, delete of a bucket"
    MAKE_PUBLIC = "make something public"
    OWN_TOKENS = "tokens for oneself"
    OTHERS_TOKENS = "see and revoke others' tokens"
    DECIDE_REQUESTS = "decide requests of USERs"
    GRANT_ROLES = "grant DEPUTY, MANAGER; ask for quota; close"
    SUSPEND = "suspend"
    SET_QUOTA = "set quota"


class Extent(Enum):
    """How far a right reaches. The value is what people read."""

    NONE = "no"
    NAMED = "as named"
    """What the member row names for this GUEST, and what a policy grants them."""
    OWN = "own"
    OWN_OR_POLICY = "own; others by policy"
    IF_TENANCY_ALLOWS = "only if the tenancy allows"
    ALL = "all"
    NAMES_AND_SIZES = "names and sizes only"
    BREAK_GLASS = "no (break-glass: time-limited, reasoned, seen by managers)"
    FORBID = "may forbid site-wide"
    SUGGESTED = "suggested to others, who make them: audited and mailed"


def _row(guest: Extent, user: Extent, deputy: Extent, manager: Extent, operator: Extent) -> Mapping[Role, Extent]:
    return MappingProxyType(dict(zip(Role, (guest, user, deputy, manager, operator), strict=True)))


_NO, _ALL = Extent.NONE, Extent.ALL

TABLE: Final[Mapping[Right, Mapping[Role, Extent]]] = MappingProxyType(
    {
        #                           GUEST         USER                      DEPUTY MANAGER OPERATOR
        Right.LIST_BUCKETS: _row(Extent.NAMED, Extent.OWN_OR_POLICY, _ALL, _ALL, Extent.NAMES_AND_SIZES),
        Right.CREATE_BUCKET: _row(_NO, _ALL, _ALL, _ALL, _NO),
        Right.READ_DATA: _row(Extent.NAMED, Extent.OWN_OR_POLICY, _ALL, _ALL, Extent.BREAK_GLASS),
        Right.WRITE_DATA: _row(Extent.NAMED, Extent.OWN_OR_POLICY, _ALL, _ALL, Extent.BREAK_GLASS),
        Right.CHANGE_BUCKET: _row(_NO, Extent.OWN, _ALL, _ALL, _NO),
        Right.MAKE_PUBLIC: _row(_NO, Extent.IF_TENANCY_ALLOWS, _ALL, _ALL, Extent.FORBID),
        Right.OWN_TOKENS: _row(Extent.NAMED, _ALL, _ALL, _ALL, Extent.SUGGESTED),
        Right.OTHERS_TOKENS: _row(_NO, _NO, _ALL, _ALL, _ALL),
        Right.DECIDE_REQUESTS: _row(_NO, _NO, _ALL, _ALL, _ALL),
        Right.GRANT_ROLES: _row(_NO, _NO, _NO, _ALL, _ALL),
        Right.SUSPEND: _row(_NO, _NO, _NO, _NO, _ALL),
        Right.SET_QUOTA: _row(_NO, _NO, _NO, _NO, _ALL),
    }
)

ANONYMOUS_EXTENT: Final[Mapping[Right, Extent]] = MappingProxyType(
    {right: Extent.OWN_OR_POLICY if right in (Right.READ_DATA, Right.WRITE_DATA) else _NO for right in Right}
)
"""Nobody owns nothing, so that only a policy can grant an anonymous request anything, and only data."""


def extent(role: Role | None, right: Right) -> Extent:
    """How far a role's right reaches; None is an anonymous request."""
    return ANONYMOUS_EXTENT[right] if role is None else TABLE[right][role]


# What reveals or changes who may do what stays with those who answer for the bucket, whatever a policy says.
_GUARDED_READS: Final = frozenset(("s3:GetBucketPolicy", "s3:GetBucketPolicyStatus"))


def _right_of(action: str) -> Right:
    if action == "s3:ListAllMyBuckets":
        return Right.LIST_BUCKETS
    if action == "s3:CreateBucket":
        return Right.CREATE_BUCKET
    reads = action.startswith(("s3:Get", "s3:List"))
    if action in BUCKET_ACTIONS:
        return Right.READ_DATA if reads and action not in _GUARDED_READS else Right.CHANGE_BUCKET
    assert action in OBJECT_ACTIONS
    return Right.READ_DATA if reads else Right.WRITE_DATA


RIGHT_OF: Final[Mapping[str, Right]] = MappingProxyType({action: _right_of(action) for action in sorted(ACTIONS)})
"""Each of S3's actions → the row of the table that it belongs to."""
