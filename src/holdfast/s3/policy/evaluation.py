"""What a stored policy says of a request: compiled once, asked at every request.

The stored form is JSON in which people and groups are ids, so that a name that is used again does not inherit what was
granted to the one before. Actions stay patterns in it: `s3:*` also means what a later release adds.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
from functools import lru_cache
from ipaddress import ip_network
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from holdfast.s3.policy.actions import ACTIONS, expand
from holdfast.s3.policy.conditions import Condition, compile_condition, with_known_variables
from holdfast.s3.policy.wildcards import Facts, Matcher, Token, matcher, substitute, tokenize, variables_of

COMPILED_FORM: Final = 1
"""The version of the stored form that this module writes and reads."""
COMPILED_CACHE_COUNT: Final = 128

Verdict: TypeAlias = Literal["allow", "deny", "none"]


class PrincipalFacts(NamedTuple):
    """Who asks, as far as a policy can tell. Nobody (`user_id` None) has no groups either."""

    user_id: str | None
    groups: frozenset[str] = frozenset()


ANONYMOUS: Final = PrincipalFacts(None)


class Statement(NamedTuple):
    """One statement, ready to test."""

    allows: bool
    everyone: bool
    users: frozenset[str]
    groups: frozenset[str]
    but_principals: bool
    """NotPrincipal: the statement is about everybody else."""
    actions: frozenset[str]
    resources: tuple[Matcher, ...]
    templates: tuple[tuple[Token, ...], ...]
    """Resources with variables in them."""
    but_resources: bool
    """NotResource: the statement is about all others."""
    conditions: tuple[Condition, ...]
    needed: frozenset[str]
    """Facts without which an allow grants nothing: those whose absence would turn a `Not…` into "anything"."""

    def is_about(self, principal: PrincipalFacts) -> bool:
        named = (
            self.everyone
            or (principal.user_id is not None and principal.user_id in self.users)
            or not self.groups.isdisjoint(principal.groups)
        )
        return named is not self.but_principals

    def covers(self, resource: str, facts: Facts) -> bool:
        covered = any(matches(resource) for matches in self.resources)
        if self.templates and not covered:
            for template in self.templates:
                tokens = substitute(template, facts)
                if tokens is not None and matcher(tokens)(resource):
                    covered = True
        return covered is not self.but_resources

    def applies(self, principal: PrincipalFacts, resource: str, facts: Facts) -> bool:
        if not self.is_about(principal) or not self.covers(resource, facts):
            return False
        if self.allows and self.needed and not all(len(facts.get(name, ())) == 1 for name in self.needed):
            return False
        for condition in self.conditions:  # noqa: SIM110 - a loop costs half of all() with a generator
            if not condition.holds(facts):
                return False
        return True


class Policy(NamedTuple):
    """A bucket's policy, ready to evaluate. `source` is its stored form."""

    denies: tuple[Statement, ...]
    allows: tuple[Statement, ...]
    source: str


def evaluate(
    policy: Policy, principal: PrincipalFacts, action: str, bucket: str, key: str | None, facts: Facts
) -> Verdict:
    """What the policy says: an explicit deny wins over any allow, and silence is "none".

    `action` is one of ACTIONS. `key` is None for what concerns the bucket itself. `facts` maps condition keys in the
    spelling of CONDITION_KEYS to their values; an absent fact is absent, not empty. `fact_keys` says which are needed.
    """
    assert action in ACTIONS, action
    resource = bucket if key is None else f"{bucket}/{key}"
    for statement in policy.denies:
        if action in statement.actions and statement.applies(principal, resource, facts):
            return "deny"
    for statement in policy.allows:
        if action in statement.actions and statement.applies(principal, resource, facts):
            return "allow"
    return "none"


def fact_keys(policy: Policy, action: str) -> frozenset[str]:
    """The condition keys that `evaluate` may ask for with this action, so that no other fact need be looked up."""
    found: set[str] = set()
    for statement in (*policy.denies, *policy.allows):
        if action in statement.actions:
            for condition in statement.conditions:
                found.update(condition.fact_keys)
            for template in statement.templates:
                found.update(variable.name for variable in variables_of(template))
    return frozenset(found)


IPV4_PREFIX_MIN: Final = 8
IPV6_PREFIX_MIN: Final = 32
_FIXING_KEYS: Final = frozenset(("aws:PrincipalArn", "aws:userid", "aws:username"))


def is_public(policy: Policy) -> bool:
    """Whether the policy grants anything to everyone, signed or not, in AWS's sense of public.

    A statement for everyone is not public when a condition fixes who they are: a user without wildcards, or networks no
    broader than /8 (IPv4) or /32 (IPv6). What a client may say of itself (Referer, any header) fixes nothing. Denies
    take nothing back: the question is what an allow alone would open.
    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    """
    return any(
        statement.everyone and not any(_fixes(condition) for condition in statement.conditions)
        for statement in policy.allows
    )


def _fixes(condition: Condition) -> bool:
    if condition.negated or condition.if_exists or condition.quantifier == "ForAllValues":
        return False
    if condition.key == "aws:SourceIp" and condition.family == "IpAddress":
        networks = [ip_network(value, strict=False) for value in condition.values]
        return all(net.prefixlen >= (IPV4_PREFIX_MIN if net.version == 4 else IPV6_PREFIX_MIN) for net in networks)
    return condition.key in _FIXING_KEYS and not any(
        wild in value for value in condition.values for wild in ("*", "?", "${")
    )


def to_json(policy: Policy) -> str:
    """The stored form."""
    return policy.source


@lru_cache(maxsize=COMPILED_CACHE_COUNT)
def from_json(source: str) -> Policy:
    """Make a stored policy ready to evaluate. A pure function of its text, so that remembering results is safe.

    Raises ValueError for a text that this release did not write: a policy that cannot be read must not pass for none.
    """
    document = json.loads(source)
    if document["form"] != COMPILED_FORM:
        raise ValueError(f"compiled policy of form {document['form']}, this release reads {COMPILED_FORM}")
    statements = [_statement(fields) for fields in document["statements"]]
    return Policy(
        tuple(statement for statement in statements if not statement.allows),
        tuple(statement for statement in statements if statement.allows),
        source,
    )


def _statement(fields: dict[str, Any]) -> Statement:
    actions = expand(fields["actions"])
    variables = fields["variables"]
    resources: list[Matcher] = []
    templates: list[tuple[Token, ...]] = []
    for pattern in fields["resources"]:
        tokens = tokenize(pattern, wildcards=True, variables=variables)
        if variables_of(tokens):
            templates.append(with_known_variables(tokens))
        else:
            resources.append(matcher(tokens))
    conditions = tuple(
        compile_condition(operator, key, values, variables=variables) for operator, key, values in fields["conditions"]
    )
    turned = [template for condition in conditions if condition.negated for template in condition.templates]
    if fields["but_resources"]:
        turned += templates
    return Statement(
        allows=fields["allows"],
        everyone=fields["everyone"],
        users=frozenset(fields["users"]),
        groups=frozenset(fields["groups"]),
        but_principals=fields["but_principals"],
        actions=ACTIONS - actions if fields["but_actions"] else actions,
        resources=tuple(resources),
        templates=tuple(templates),
        but_resources=fields["but_resources"],
        conditions=conditions,
        needed=frozenset(
            variable.name for template in turned for variable in variables_of(template) if variable.default is None
        ),
    )
