"""What condition operators compare: strings and ARNs, numbers, dates, booleans and addresses.

Each reads a policy's value once, when the policy is compiled. A fact that is not of its kind matches nothing.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

import ipaddress
import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple, TypeAlias

from holdfast.s3.policy.wildcards import Matcher, Token, matcher

Compare: TypeAlias = Callable[[str], bool]


class Family(NamedTuple):
    """How an operator reads the values of a policy into one comparison, and whether it is turned round."""

    name: str
    compile: Callable[[str], Compare]
    negated: bool = False
    wildcards: bool = False


def compile_tokens(family: str, tokens: Sequence[Token]) -> Matcher:
    """The test of a String or Arn operator against a value whose variables are substituted."""
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


def _families() -> dict[str, Family]:
    families = {
        "StringEquals": Family("String", _never_called),
        "StringNotEquals": Family("String", _never_called, negated=True),
        "StringEqualsIgnoreCase": Family("StringIgnoreCase", _never_called),
        "StringNotEqualsIgnoreCase": Family("StringIgnoreCase", _never_called, negated=True),
        "StringLike": Family("String", _never_called, wildcards=True),
        "StringNotLike": Family("String", _never_called, negated=True, wildcards=True),
        # AWS: "ArnEquals and ArnLike condition operators behave identically."
        "ArnEquals": Family("Arn", _never_called, wildcards=True),
        "ArnLike": Family("Arn", _never_called, wildcards=True),
        "ArnNotEquals": Family("Arn", _never_called, negated=True, wildcards=True),
        "ArnNotLike": Family("Arn", _never_called, negated=True, wildcards=True),
        "Bool": Family("Bool", _bool),
        "IpAddress": Family("IpAddress", _ip),
        "NotIpAddress": Family("IpAddress", _ip, negated=True),
    }
    compares = {
        "LessThan": operator.lt,
        "LessThanEquals": operator.le,
        "GreaterThan": operator.gt,
        "GreaterThanEquals": operator.ge,
    }
    for stem, build in (("Numeric", _numeric), ("Date", _date)):
        families[f"{stem}Equals"] = Family(stem, build(operator.eq))
        families[f"{stem}NotEquals"] = Family(stem, build(operator.eq), negated=True)
        for suffix, compare in compares.items():
            families[f"{stem}{suffix}"] = Family(stem, build(compare))
    return {name.lower(): family for name, family in families.items()}


FAMILIES: Final[Mapping[str, Family]] = _families()
"""Operators by their lower-case names, without quantifier and `IfExists`."""
