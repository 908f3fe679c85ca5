"""Who can see this? The store's own decision for people who are not here to ask, with the rule that decided.

Every answer is `auth.decide.decide` on the bucket's rows, with the facts of a request from this browser; nothing of it
is worked out anew.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, NamedTuple

from holdfast.admin.managers import is_live
from holdfast.auth.callers import Caller, member_subject
from holdfast.auth.decide import ANONYMOUS, BucketFacts, Rule, Subject, decide
from holdfast.auth.policies import find_policy, members_group_id
from holdfast.auth.roles import Role
from holdfast.catalog.rows import MEMBERS, USERS, BucketRow, MemberRow
from holdfast.operations.context import Context
from holdfast.operations.facts import request_facts
from holdfast.portal.people.lookups import names_by_principal
from holdfast.s3.policy import Policy, PrincipalFacts, fact_keys

NAMED_MAX: Final = 50
"""People that are listed by name; anybody else is asked for by name."""
_NOBODY: Final = "-"
"""The id of a member who is nobody in particular. No id is spelt so."""
EXAMPLE_KEY: Final = "example"


class Act(NamedTuple):
    """Something that one may or may not do."""

    label: str
    action: str
    is_on_key: bool


ACTS: Final = (
    Act("List", "s3:ListBucket", False),
    Act("Download", "s3:GetObject", True),
    Act("Add, replace", "s3:PutObject", True),
    Act("Delete", "s3:DeleteObject", True),
    Act("Change sharing", "s3:PutBucketPolicy", False),
)


class Answer(NamedTuple):
    """Whether one may, and by which rule."""

    act: Act
    allowed: bool
    reason: str
    is_conditional: bool
    """Whether a statement about them has conditions, so that another request may be answered otherwise."""


class Access(NamedTuple):
    """What one person, or one kind of people, may do."""

    who: str
    role: str
    answers: Sequence[Answer]

    @property
    def is_conditional(self) -> bool:
        return any(answer.is_conditional for answer in self.answers)


class Party(NamedTuple):
    """Somebody to ask about."""

    who: str
    role: str
    caller: Caller


def access_of(context: Context, bucket: BucketRow, party: Party, key: str = EXAMPLE_KEY) -> Access:
    """Return what somebody may do with a bucket and a key in it, by a request like the one that this context is of."""
    asking = context._replace(caller=party.caller)
    policy = find_policy(bucket)
    facts_of_bucket = BucketFacts(bucket.name, bucket.bucket_id, bucket.owner_id, policy)
    answers = []
    for act in ACTS:
        on = key if act.is_on_key else None
        facts = request_facts(asking, bucket, on, fact_keys(policy, act.action)) if policy is not None else {}
        decision = decide(party.caller.subject, act.action, facts_of_bucket, on, facts)
        conditional = policy is not None and _is_conditional(policy, party.caller.subject, act.action)
        # Who has no account has no role either: that of the table means nothing to them.
        is_nobody = party.caller.subject == ANONYMOUS and decision.rule is Rule.ROLE_DENY
        reason = "only people with an account can" if is_nobody else decision.reason
        answers.append(Answer(act, decision.allowed, reason, conditional))
    return Access(party.who, party.role, answers)


def _is_conditional(policy: Policy, subject: Subject, action: str) -> bool:
    principal = PrincipalFacts(subject.user_id, subject.groups)
    return any(
        statement.conditions and action in statement.actions and statement.is_about(principal)
        for statement in (*policy.denies, *policy.allows)
    )


def parties_of(context: Context, bucket: BucketRow) -> Sequence[Party]:
    """Return whom people think of: anyone, any member, the owner, who answers for all, guests and who is named."""
    tenancy = context.tenancy
    members = {member.user_id: member for member in context.rows.scan(MEMBERS, (tenancy.tenancy_id,))}
    live = {user_id: member for user_id, member in members.items() if is_live(member, context.now_us)}
    named = [user_id for user_id in _named(bucket) if user_id in live and user_id != bucket.owner_id]
    guests = [
        user_id
        for user_id, member in live.items()
        if member.role == Role.GUEST and member.buckets and bucket.bucket_id in json.loads(member.buckets)
    ]
    wanted = list(dict.fromkeys([bucket.owner_id] * (bucket.owner_id in live) + named + guests))[:NAMED_MAX]
    names = names_by_principal(context.rows, wanted)
    groups = frozenset({members_group_id(tenancy.tenancy_id)})
    found = [
        Party("Anyone on the internet", "", Caller(ANONYMOUS, tenancy)),
        *(
            Party(who, role.value, Caller(Subject(_NOBODY, role, groups), tenancy))
            for who, role in (
                ("Any other member", Role.USER),
                ("Any deputy", Role.DEPUTY),
                ("Any manager", Role.MANAGER),
            )
        ),
    ]
    for user_id in wanted:
        label = names.get(user_id, user_id)
        role = live[user_id].role
        found.append(
            Party(label, f"owner, {role}" if user_id == bucket.owner_id else role, _caller(context, live[user_id]))
        )
    return found


def find_party(context: Context, name: str) -> Party | None:
    """Return the live member of this name; None for anybody else, of another tenancy or of none."""
    found = context.rows.scan(USERS, (name,), index="by_live_name", count_max=1)
    if not found or found[0].state != "active":
        return None
    member = context.rows.find(MEMBERS, (context.tenancy.tenancy_id, found[0].user_id))
    if member is None or not is_live(member, context.now_us):
        return None
    return Party(name, member.role, _caller(context, member))


def _caller(context: Context, member: MemberRow) -> Caller:
    user = context.rows.find(USERS, (member.user_id,))
    return Caller(member_subject(context.tenancy, member), context.tenancy, user)


def _named(bucket: BucketRow) -> Sequence[str]:
    policy = find_policy(bucket)
    if policy is None:
        return ()
    return list(dict.fromkeys(user for each in (*policy.denies, *policy.allows) for user in sorted(each.users)))


def reads_without_listing(table: Sequence[Access]) -> Sequence[str]:
    """Return who may download and not list: to them each missing object looks like one that they may not have.

    Zarr reads chunks that were never written as a matter of course, and fails at the first refusal:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html, "Permissions".
    """
    found = []
    for access in table:
        allowed = {answer.act.action for answer in access.answers if answer.allowed}
        if "s3:GetObject" in allowed and "s3:ListBucket" not in allowed:
            found.append(access.who)
    return found


class Difference(NamedTuple):
    """What a changed policy would change for somebody."""

    who: str
    act: str
    allowed: bool
    """Whether they may afterwards, and may not now; else the other way round."""
    reason: str


def differences(context: Context, before: BucketRow, after: BucketRow) -> Sequence[Difference]:
    """Return what a changed policy would change, for everybody whom either of the two names."""
    parties = {
        (party.caller.id, party.role): party for party in (*parties_of(context, after), *parties_of(context, before))
    }
    found = []
    for party in parties.values():
        old, new = access_of(context, before, party), access_of(context, after, party)
        found += [
            Difference(old.who, then.act.label, now.allowed, now.reason)
            for then, now in zip(old.answers, new.answers, strict=True)
            if then.allowed != now.allowed
        ]
    return found
