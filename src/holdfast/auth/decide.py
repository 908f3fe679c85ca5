"""May they? One pure function, asked at every call into the store with the resolved bucket and key.

The order is: the token's scope, an explicit deny of the bucket's policy, the role over all buckets, the owner's right,
what is named for a guest, an allow of the policy; else no. So the effective right is the live role ∩ the token's scope.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import Final, Literal, NamedTuple, TypeAlias

from holdfast.auth.roles import RIGHT_OF, Extent, Right, Role, extent
from holdfast.auth.scope import UNLIMITED, Scope, covers_bucket, is_within
from holdfast.s3.policy import Facts, Policy, PrincipalFacts, evaluate

GuestAccess: TypeAlias = Literal["read", "write"]
_NO_BUCKETS: Final[Mapping[str, GuestAccess]] = MappingProxyType({})
_NO_FACTS: Final[Facts] = MappingProxyType({})


class Subject(NamedTuple):
    """Who asks: a member with their live role, or nobody. An access key of another tenancy is nobody here."""

    user_id: str | None
    """The immutable id; None for an anonymous request, which has neither role nor groups."""
    role: Role | None
    groups: frozenset[str] = frozenset()
    """Ids of groups, the built-in one of all members but guests included."""
    scope: Scope = UNLIMITED
    guest_buckets: Mapping[str, GuestAccess] = _NO_BUCKETS
    """For a GUEST: bucket id → what is named for them there. `write` includes `read`."""


ANONYMOUS: Final = Subject(None, None)


class BucketFacts(NamedTuple):
    """What a decision needs of a bucket. For one that does not exist the ids are empty and there is no policy."""

    name: str
    bucket_id: str
    owner_id: str
    policy: Policy | None


class Rule(StrEnum):
    """The rule that decided. Its text is for logs and for explaining access; a client is told AccessDenied, no more."""

    SCOPE = "outside the scope of the token"
    POLICY_DENY = "an explicit deny in the bucket's policy"
    ROLE = "the role reaches all buckets"
    OWNER = "the owner of the bucket"
    GUEST = "named for this guest"
    POLICY = "an allow in the bucket's policy"
    ROLE_DENY = "no member of this role may do this"
    NOTHING = "nothing grants it"


class Decision(NamedTuple):
    """Whether, by which rule, and whether the subject may learn that a bucket of that name does not exist."""

    allowed: bool
    rule: Rule
    may_know_absence: bool

    @property
    def reason(self) -> str:
        return self.rule.value


# AWS keeps a bucket's policy open to the account that owns it, so that nobody locks a bucket for ever:
# https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketPolicy.html
UNDENIABLE_ACTIONS: Final = frozenset(("s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"))

# USERs create buckets, and a name that is taken is refused, so absence is no secret to them; it is to a GUEST.
_SEES_ALL_NAMES: Final = frozenset((Role.USER, Role.DEPUTY, Role.MANAGER))


def decide(
    subject: Subject, action: str, bucket: BucketFacts | None, key: str | None, facts: Facts = _NO_FACTS
) -> Decision:
    """Decide one action on one bucket or key.

    `action` is one of `holdfast.s3.policy.ACTIONS`. `bucket` is None only for s3:ListAllMyBuckets; for s3:CreateBucket
    it names the bucket to be. `facts` are the policy's, in the spelling of CONDITION_KEYS: those that
    `fact_keys` names, and `s3:prefix` for a token with prefixes.
    """
    if bucket is not None and bucket.policy is None and subject.scope is UNLIMITED and not subject.guest_buckets:
        return _decide_by_role(subject.role, action, subject.user_id is not None and subject.user_id == bucket.owner_id)
    rule = _rule(subject, action, bucket, key, facts)
    may_know = subject.role in _SEES_ALL_NAMES and bucket is not None and covers_bucket(subject.scope, bucket.name)
    return Decision(rule in _ALLOWING, rule, may_know)


@cache  # there are not more roles and actions than there are
def _decide_by_role(role: Role | None, action: str, owns: bool) -> Decision:
    """Decide where nothing but the role and the ownership has a say: no scope, no policy, nothing named for a guest."""
    bucket = BucketFacts("", "", "owner" if owns else "another", None)
    rule = _rule(Subject("owner", role), action, bucket, None, _NO_FACTS)
    return Decision(rule in _ALLOWING, rule, role in _SEES_ALL_NAMES)


_ALLOWING: Final = frozenset((Rule.ROLE, Rule.OWNER, Rule.GUEST, Rule.POLICY))


def _rule(subject: Subject, action: str, bucket: BucketFacts | None, key: str | None, facts: Facts) -> Rule:
    right = RIGHT_OF[action]
    reach = extent(subject.role, right)
    if subject.scope is not UNLIMITED and not is_within(
        subject.scope, action, None if bucket is None else bucket.name, key, facts
    ):
        return Rule.SCOPE
    if right is Right.LIST_BUCKETS or right is Right.CREATE_BUCKET:
        # There is no bucket yet whose owner or policy could say anything; the answer to a list is filtered by `sees`.
        return Rule.ROLE if reach is not Extent.NONE else Rule.ROLE_DENY
    assert bucket is not None
    owns = subject.user_id is not None and subject.user_id == bucket.owner_id
    answers_for_it = reach is Extent.ALL or (owns and reach in (Extent.OWN, Extent.OWN_OR_POLICY))
    verdict = "none"
    if bucket.policy is not None and not (answers_for_it and action in UNDENIABLE_ACTIONS):
        principal = PrincipalFacts(subject.user_id, subject.groups)
        verdict = evaluate(bucket.policy, principal, action, bucket.name, key, facts)
        if verdict == "deny":
            return Rule.POLICY_DENY
    if reach is Extent.ALL:
        return Rule.ROLE
    if answers_for_it:
        return Rule.OWNER
    if reach is Extent.NAMED and _is_named(subject, bucket, right):
        return Rule.GUEST
    if reach in (Extent.OWN_OR_POLICY, Extent.NAMED):
        return Rule.POLICY if verdict == "allow" else Rule.NOTHING
    return Rule.ROLE_DENY if reach in (Extent.NONE, Extent.BREAK_GLASS) else Rule.NOTHING


def _is_named(subject: Subject, bucket: BucketFacts, right: Right) -> bool:
    access = subject.guest_buckets.get(bucket.bucket_id)
    return access == "write" or (access == "read" and right is Right.READ_DATA)


def sees(subject: Subject, bucket: BucketFacts, facts: Facts = _NO_FACTS) -> bool:
    """Whether the bucket is in the subject's list of buckets.

    Those who answer for a bucket see its name whatever its policy denies; a USER also sees those that a policy lets
    them list, a GUEST those that are named for them, and a narrowed token shows only what it covers.
    """
    reach = extent(subject.role, Right.LIST_BUCKETS)
    if reach is Extent.NONE or not covers_bucket(subject.scope, bucket.name):
        return False
    if reach in (Extent.ALL, Extent.NAMES_AND_SIZES):
        return True
    if reach is Extent.OWN_OR_POLICY and subject.user_id == bucket.owner_id:
        return True
    if reach is Extent.NAMED and bucket.bucket_id in subject.guest_buckets:
        return True
    if bucket.policy is None:
        return False
    principal = PrincipalFacts(subject.user_id, subject.groups)
    return evaluate(bucket.policy, principal, "s3:ListBucket", bucket.name, None, facts) == "allow"


def may_make_public(subject: Subject, tenancy_allows_users: bool, site_forbids: bool = False) -> bool:
    """Whether the subject may put a policy that `is_public` calls public, on a bucket whose policy they may change."""
    if site_forbids:
        return False
    reach = extent(subject.role, Right.MAKE_PUBLIC)
    return reach is Extent.ALL or (reach is Extent.IF_TENANCY_ALLOWS and tenancy_allows_users)
