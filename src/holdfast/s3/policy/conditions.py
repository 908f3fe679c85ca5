"""Conditions of the policy language: the keys they may ask for, and their compiled tests.

A key or operator that is not here is refused when the policy is put. S3 itself would let some pass that then never
match; a rule that silently never or always applies is worse than a refusal.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import InvalidOperation
from enum import Enum
from typing import Final, Literal, NamedTuple, TypeAlias

from holdfast.s3.policy.comparisons import FAMILIES, Compare, compile_tokens
from holdfast.s3.policy.wildcards import Facts, Token, substitute, tokenize, variables_of


class Kind(Enum):
    """What a key's values are, and so which operators may ask for it (`Null` always may)."""

    STRING = ("String",)
    NUMERIC = ("Numeric", "String")
    DATE = ("Date",)
    EPOCH = ("Date", "Numeric")
    BOOL = ("Bool", "String")
    IP = ("IpAddress",)
    ARN = ("Arn", "String")


def _headers(names: str) -> dict[str, Kind]:
    return {f"s3:x-amz-{name}": Kind.STRING for name in names.split()}


CONDITION_KEYS: Final[Mapping[str, Kind]] = {
    "aws:CurrentTime": Kind.DATE,
    "aws:EpochTime": Kind.EPOCH,
    "aws:PrincipalArn": Kind.ARN,
    "aws:Referer": Kind.STRING,
    "aws:SecureTransport": Kind.BOOL,
    "aws:SourceIp": Kind.IP,
    "aws:UserAgent": Kind.STRING,
    "aws:userid": Kind.STRING,
    "aws:username": Kind.STRING,
    "s3:RequestObjectTagKeys": Kind.STRING,
    "s3:VersionId": Kind.STRING,
    "s3:authType": Kind.STRING,
    "s3:delimiter": Kind.STRING,
    "s3:if-match": Kind.STRING,
    "s3:if-none-match": Kind.STRING,
    "s3:max-keys": Kind.NUMERIC,
    "s3:prefix": Kind.STRING,
    "s3:signatureAge": Kind.NUMERIC,
    "s3:signatureversion": Kind.STRING,
    **_headers(
        "acl content-sha256 copy-source grant-full-control grant-read grant-read-acp grant-write grant-write-acp"
        " metadata-directive server-side-encryption server-side-encryption-aws-kms-key-id"
        " server-side-encryption-customer-algorithm storage-class"
    ),
}
"""The keys whose facts the store can tell, as facts spell them. `s3:x-amz-*` is a request header."""

TAG_KEYS: Final = ("s3:ExistingObjectTag/", "s3:RequestObjectTag/")
"""Keys that end in the key of a tag, whose case matters as it does in the tag."""

_KEYS_BY_LOWER_CASE: Final = {key.lower(): key for key in CONDITION_KEYS}

Quantifier: TypeAlias = Literal["", "ForAnyValue", "ForAllValues"]


class Condition(NamedTuple):
    """One operator applied to one key, ready to test. `key` is in the spelling of CONDITION_KEYS."""

    operator: str
    key: str
    values: tuple[str, ...]
    quantifier: Quantifier
    if_exists: bool
    negated: bool
    tests: tuple[Compare, ...]
    templates: tuple[tuple[Token, ...], ...]
    """Values with variables, matched after substitution; their operator is one of String or Arn."""
    family: str

    def holds(self, facts: Facts) -> bool:
        """Whether the request's facts meet the condition. An absent key meets only what is negated, or `IfExists`."""
        values = facts.get(self.key)
        if self.family == "Null":
            return (not values) is (self.values[0] == "true")
        if not values:
            if self.quantifier == "ForAnyValue":
                return self.if_exists
            return self.if_exists or self.negated or self.quantifier == "ForAllValues"
        if self.quantifier == "ForAllValues":
            return all(self._matches(value, facts) is not self.negated for value in values)
        if self.quantifier == "ForAnyValue":
            return any(self._matches(value, facts) is not self.negated for value in values)
        return any(self._matches(value, facts) for value in values) is not self.negated

    def _matches(self, value: str, facts: Facts) -> bool:
        for test in self.tests:
            if test(value):
                return True
        for template in self.templates:
            tokens = substitute(template, facts)
            if tokens is not None and compile_tokens(self.family, tokens)(value):
                return True
        return False

    @property
    def fact_keys(self) -> list[str]:
        """The facts it asks for."""
        return [self.key, *(variable.name for template in self.templates for variable in variables_of(template))]


def find_key(name: str) -> str | None:
    """The spelling that facts use for a condition key, or None if the store has no such fact."""
    lower = name.lower()
    for tag_key in TAG_KEYS:
        if lower.startswith(tag_key.lower()) and len(name) > len(tag_key):
            return tag_key + name[len(tag_key) :]
    return _KEYS_BY_LOWER_CASE.get(lower)


def compile_condition(operator_name: str, key_name: str, values: Sequence[str], *, variables: bool) -> Condition:
    """Make one entry of a Condition block ready to test. `variables`: whether `${…}` means anything (2012-10-17).

    Raises ValueError, whose text says which operator, key or value is refused.
    """
    quantifier, base, if_exists = _take_apart(operator_name)
    key = find_key(key_name)
    if key is None:
        raise ValueError(f"Policy has an invalid condition key: {key_name}")
    if not values:
        raise ValueError(f"Condition {operator_name} has no value for {key_name}")
    if base.lower() == "null":
        if if_exists or quantifier:
            raise ValueError(f"Invalid Condition type : {operator_name}")
        lowered = tuple(value.lower() for value in values)
        if lowered not in (("true",), ("false",)):
            raise ValueError(f"Null takes true or false for {key_name}")
        return Condition("Null", key, lowered, "", False, False, (), (), "Null")
    family = FAMILIES.get(base.lower())
    if family is None:
        raise ValueError(f"Invalid Condition type : {operator_name}")
    kind = _kind_of(key)
    stem = next((stem for stem in kind.value if family.name.startswith(stem)), None)
    if stem is None:
        raise ValueError(f"{operator_name} cannot test {key_name}")
    tests: list[Compare] = []
    templates: list[tuple[Token, ...]] = []
    for value in values:
        if family.name.startswith(("String", "Arn")):
            tokens = tokenize(value, wildcards=family.wildcards, variables=variables)
            if variables_of(tokens):
                templates.append(with_known_variables(tokens))
            else:
                tests.append(compile_tokens(family.name, tokens))
        else:
            try:
                tests.append(family.compile(value))
            except (ValueError, InvalidOperation) as error:
                raise ValueError(f"{value} is no value for {operator_name}") from error
    return Condition(
        operator_name,
        key,
        tuple(values),
        quantifier,
        if_exists,
        family.negated,
        tuple(tests),
        tuple(templates),
        family.name,
    )


def with_known_variables(tokens: Sequence[Token]) -> tuple[Token, ...]:
    """The tokens with each variable named as facts name it. Raises ValueError for one that the store cannot tell."""
    known: list[Token] = []
    for token in tokens:
        if isinstance(token, tuple):
            name = find_key(token.name)
            if name is None:
                raise ValueError(f"Policy has an invalid policy variable: {token.name}")
            token = token._replace(name=name)
        known.append(token)
    return tuple(known)


def _take_apart(name: str) -> tuple[Quantifier, str, bool]:
    quantifier: Quantifier = ""
    prefix, colon, base = name.partition(":")
    if not colon:
        base = name
    elif prefix.lower() == "foranyvalue":
        quantifier = "ForAnyValue"
    elif prefix.lower() == "forallvalues":
        quantifier = "ForAllValues"
    else:
        raise ValueError(f"Invalid Condition type : {name}")
    if_exists = base.lower().endswith("ifexists")
    return quantifier, base[: -len("IfExists")] if if_exists else base, if_exists


def _kind_of(key: str) -> Kind:
    return CONDITION_KEYS.get(key, Kind.STRING)
