"""Patterns of the policy language: `*`, `?`, and variables such as `${aws:username}`.

Matching takes time linear in the text for each literal run of the pattern and never backtracks, so that no policy can
make a request expensive. Case matters; who needs otherwise lowers both sides first.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import Final, NamedTuple, TypeAlias


class Wild(Enum):
    ANY_RUN = "*"
    ANY_ONE = "?"


class Variable(NamedTuple):
    """`${name}` or `${name, 'default'}`: stands for a fact of the request, literally (its `*` matches only a `*`)."""

    name: str
    default: str | None


Token: TypeAlias = str | Wild | Variable
Facts: TypeAlias = Mapping[str, Sequence[str]]
Matcher: TypeAlias = Callable[[str], bool]

_VARIABLE: Final = re.compile(r"\$\{([^}]*)\}")
_WITH_DEFAULT: Final = re.compile(r"\s*([^,\s]+)\s*(?:,\s*'([^']*)'\s*)?")
_ESCAPES: Final = {"*": "*", "?": "?", "$": "$"}


def tokenize(pattern: str, *, wildcards: bool, variables: bool) -> tuple[Token, ...]:
    """Take a pattern apart. With `wildcards` false `*` and `?` stand for themselves; with `variables` false `${` does.

    Raises ValueError for a variable without a name.
    """
    tokens: list[Token] = []
    position = 0
    if variables:
        for match in _VARIABLE.finditer(pattern):
            tokens += _split(pattern[position : match.start()], wildcards)
            tokens.append(_variable(match.group(1)))
            position = match.end()
    tokens += _split(pattern[position:], wildcards)
    return tuple(tokens)


def variables_of(tokens: Sequence[Token]) -> list[Variable]:
    return [token for token in tokens if isinstance(token, Variable)]


def substitute(tokens: Sequence[Token], facts: Facts) -> tuple[Token, ...] | None:
    """The pattern with each variable's value in its place, or None if a fact is absent and has no default.

    A fact with several values cannot stand in a pattern and counts as absent.
    """
    result: list[Token] = []
    for token in tokens:
        if isinstance(token, Variable):
            values = facts.get(token.name)
            if values is not None and len(values) == 1:
                result.append(values[0])
            elif token.default is not None:
                result.append(token.default)
            else:
                return None
        else:
            result.append(token)
    return tuple(result)


def matcher(tokens: Sequence[Token]) -> Matcher:
    """A function that says whether a whole text matches. The tokens hold no variables any more."""
    if Wild.ANY_ONE in tokens:
        return _expression(tokens)
    if Wild.ANY_RUN not in tokens:
        return "".join(str(token) for token in tokens).__eq__
    runs: list[list[str]] = [[]]
    for token in tokens:
        if token is Wild.ANY_RUN:
            runs.append([])
        else:
            runs[-1].append(str(token))
    head, *middle, tail = ("".join(run) for run in runs)
    middle = [run for run in middle if run]
    if not middle and not tail:
        return _prefix(head) if head else _anything
    return _runs(head, middle, tail)


def _anything(_: str) -> bool:
    return True


def _prefix(head: str) -> Matcher:
    return lambda text: text.startswith(head)


def _runs(head: str, middle: Sequence[str], tail: str) -> Matcher:
    def matches(text: str) -> bool:
        if not text.startswith(head) or not text.endswith(tail):
            return False
        position, end = len(head), len(text) - len(tail)
        # The leftmost place for each run leaves the most room for the rest, so there is nothing to try twice.
        for run in middle:
            found = text.find(run, position, end)
            if found < 0:
                return False
            position = found + len(run)
        return position <= end

    return matches


def _expression(tokens: Sequence[Token]) -> Matcher:
    """With `?` inside, an expression whose atomic groups forbid going back, for the same reason."""
    runs: list[list[str]] = [[]]
    for token in tokens:
        if token is Wild.ANY_RUN:
            runs.append([])
        elif token is Wild.ANY_ONE:
            runs[-1].append(".")
        else:
            runs[-1].append(re.escape(str(token)))
    head, *rest = ("".join(run) for run in runs)
    if not rest:
        whole = head
    else:
        *middle, tail = rest
        whole = head + "".join(f"(?>.*?{run})" for run in middle if run) + ".*" + tail
    fullmatch = re.compile(whole, re.DOTALL).fullmatch
    return lambda text: fullmatch(text) is not None


def _split(text: str, wildcards: bool) -> list[Token]:
    if not wildcards:
        return [text] if text else []
    tokens: list[Token] = []
    for piece in re.split(r"([*?])", text):
        if piece in ("*", "?"):
            wild = Wild(piece)
            if not (wild is Wild.ANY_RUN and tokens and tokens[-1] is wild):
                tokens.append(wild)
        elif piece:
            tokens.append(piece)
    return tokens


def _variable(inside: str) -> Token:
    if inside in _ESCAPES:
        return _ESCAPES[inside]
    match = _WITH_DEFAULT.fullmatch(inside)
    if match is None:
        raise ValueError(f"${{{inside}}} is not a variable")
    return Variable(match.group(1), match.group(2))
