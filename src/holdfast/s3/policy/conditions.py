"""Conditions of the policy language: operators, the keys they may ask for, and their compiled tests.

A key or operator that is not here is refused when the policy is put. S3 itself would let some pass that then never
match; a rule that silently never or always applies is worse than a refusal.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
"""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Final, Literal, NamedTuple, TypeAlias

from holdfast.s3.policy.wildcards import Facts, Matcher, Token, matcher, substitute, tokenize, variables_of


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

Value: TypeAlias = str
Compare: TypeAlias = Callable[[Value], bool]
Quantifier: TypeAlias = Literal["", "ForAnyValue", "ForAllValues"]


class _Family(NamedTuple):
    """How an operator reads the values of a policy into one comparison, and whether it is turned round."""

    name: str
    compile: Callable[[str], Compare]
    negated: bool = False
    wildcards: bool = False


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
            if tokens is not None and _compile_tokens(self.family, tokens)(value):
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
    family = _FAMILIES.get(base.lower())
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
                tests.append(_compile_tokens(family.name, tokens))
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


def _compile_tokens(family: str, tokens: Sequence[Token]) -> Matcher:
    if family == "StringIgnoreCase":
        wanted = "".join(str(token) for token in tokens).casefold()
        return lambda value: value.casefold() == wanted
    if family == "Arn":
        return _arn(tokens)
    return matcher(tokens)


def _arn(tokens: Sequence[Token]) -> Matcher:
    """ARNs match field by field, so that a `*` in one of the first five fields does not reach over a colon."""
    fields: list[list[Token]] = [[]]
    for token in tokens:
        if not isinstance(token, str):
            fields[-1].append(token)
            continue
        pieces = token.split(":") if len(fields) < 6 else [token]
        if len(fields) - 1 + len(pieces) > 6:
            pieces = token.split(":", 6 - len(fields))
        fields[-1].append(pieces[0])
        fields += [[piece] for piece in pieces[1:]]
    matchers = [matcher(field) for field in fields]

    def matches(value: str) -> bool:
        parts = value.split(":", 5)
        return len(parts) == len(matchers) and all(test(part) for test, part in zip(matchers, parts, strict=True))

    return matches


def _numeric(compare: Callable[[Decimal, Decimal], bool]) -> Callable[[str], Compare]:
    def compile_value(text: str) -> Compare:
        wanted = _number(text)

        def test(value: str) -> bool:
            try:
                return compare(_number(value), wanted)
            except (ValueError, InvalidOperation):
                return False

        return test

    return compile_value


def _number(text: str) -> Decimal:
    if len(text) > 64:
        raise ValueError("too long for a number")
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError("not a number")
    return number


def _date(compare: Callable[[datetime, datetime], bool]) -> Callable[[str], Compare]:
    def compile_value(text: str) -> Compare:
        wanted = _moment(text)

        def test(value: str) -> bool:
            try:
                return compare(_moment(value), wanted)
            except ValueError:
                return False

        return test

    return compile_value


def _moment(text: str) -> datetime:
    """An ISO 8601 date, with or without time, or seconds since 1970; UTC unless it says otherwise."""
    if text.isascii() and text.isdigit():
        try:
            return datetime.fromtimestamp(int(text[:20]), UTC)
        except (OverflowError, OSError) as error:
            raise ValueError(f"{text} is no time") from error
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _bool(text: str) -> Compare:
    wanted = text.lower()
    if wanted not in ("true", "false"):
        raise ValueError("neither true nor false")
    return lambda value: value.lower() == wanted


def _ip(text: str) -> Compare:
    network = ipaddress.ip_network(text, strict=False)

    def test(value: str) -> bool:
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return False
        # A dual-stack socket reports IPv4 clients as ::ffff:a.b.c.d; the policy means the address inside.
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None and network.version == 4:
            address = address.ipv4_mapped
        return address in network

    return test


def _never_called(_: str) -> Compare:
    raise AssertionError("strings are compiled from tokens")


def _families() -> dict[str, _Family]:
    string = {
        "StringEquals": _Family("String", _never_called),
        "StringNotEquals": _Family("String", _never_called, negated=True),
        "StringEqualsIgnoreCase": _Family("StringIgnoreCase", _never_called),
        "StringNotEqualsIgnoreCase": _Family("StringIgnoreCase", _never_called, negated=True),
        "StringLike": _Family("String", _never_called, wildcards=True),
        "StringNotLike": _Family("String", _never_called, negated=True, wildcards=True),
        # AWS: "ArnEquals and ArnLike condition operators behave identically."
        "ArnEquals": _Family("Arn", _never_called, wildcards=True),
        "ArnLike": _Family("Arn", _never_called, wildcards=True),
        "ArnNotEquals": _Family("Arn", _never_called, negated=True, wildcards=True),
        "ArnNotLike": _Family("Arn", _never_called, negated=True, wildcards=True),
        "Bool": _Family("Bool", _bool),
        "IpAddress": _Family("IpAddress", _ip),
        "NotIpAddress": _Family("IpAddress", _ip, negated=True),
    }
    compares = {
        "LessThan": operator.lt,
        "LessThanEquals": operator.le,
        "GreaterThan": operator.gt,
        "GreaterThanEquals": operator.ge,
    }
    for stem, build in (("Numeric", _numeric), ("Date", _date)):
        string[f"{stem}Equals"] = _Family(stem, build(operator.eq))
        string[f"{stem}NotEquals"] = _Family(stem, build(operator.eq), negated=True)
        for suffix, compare in compares.items():
            string[f"{stem}{suffix}"] = _Family(stem, build(compare))
    return {name.lower(): family for name, family in string.items()}


_FAMILIES: Final[Mapping[str, _Family]] = _families()
