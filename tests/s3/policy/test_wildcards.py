"""Patterns match as the policy language says, in linear time."""

from __future__ import annotations

import fnmatch
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.s3.policy.wildcards import matcher, substitute, tokenize


def matches(pattern: str, text: str) -> bool:
    return matcher(tokenize(pattern, wildcards=True, variables=False))(text)


@given(st.text("ab*?/", max_size=12), st.text("ab/", max_size=12))
def test_wildcards_match_what_the_standard_library_matches(pattern: str, text: str) -> None:
    assert matches(pattern, text) == (re.fullmatch(fnmatch.translate(pattern), text) is not None)


@given(st.text(max_size=20))
def test_a_pattern_without_wildcards_matches_itself_alone(text: str) -> None:
    test = matcher(tokenize(text, wildcards=False, variables=False))
    assert test(text)
    assert not test(text + "x")


def test_the_ends_of_a_pattern_do_not_share_characters() -> None:
    assert not matches("a*a", "a")
    assert not matches("ab*ba", "aba")
    assert not matches("ab*b*ba", "abba")
    assert matches("ab*ba", "abba")


def test_a_star_crosses_slashes_and_line_feeds_and_a_question_mark_is_one_character() -> None:
    assert matches("a*z", "a/\n/z")
    assert matches("a?z", "a\nz")
    assert not matches("a?z", "az")
    assert not matches("*a?", "a\nbc")


@pytest.mark.parametrize(
    "pattern", ["*a" * 5000 + "b", "*a" * 300 + "*b*", "*a?" * 300 + "*b?", "a?*" * 30 + "b", "?*" * 300 + "b"]
)
def test_a_hostile_pattern_costs_next_to_nothing(pattern: str) -> None:
    test = matcher(tokenize(pattern, wildcards=True, variables=False))
    began = time.process_time()
    assert not test("a" * 1024)
    assert time.process_time() - began < 0.5


def expanded(pattern: str, facts: dict[str, list[str]], text: str) -> bool:
    tokens = substitute(tokenize(pattern, wildcards=True, variables=True), facts)
    return tokens is not None and matcher(tokens)(text)


def test_a_variable_stands_for_its_fact_and_its_wildcards_for_themselves() -> None:
    assert expanded("b/${aws:username}/*", {"aws:username": ["alice"]}, "b/alice/x")
    assert not expanded("b/${aws:username}/*", {"aws:username": ["alice"]}, "b/bob/x")
    assert not expanded("b/${aws:username}/*", {"aws:username": ["*"]}, "b/bob/x")
    assert expanded("b/${*}${?}${$}", {}, "b/*?$")


def test_an_absent_or_manifold_fact_matches_nothing_unless_there_is_a_default() -> None:
    assert not expanded("b/${aws:username}", {}, "b/")
    assert not expanded("b/${aws:username}", {"aws:username": ["a", "b"]}, "b/a")
    assert expanded("b/${aws:username, 'nobody'}", {}, "b/nobody")


def test_a_variable_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError):
        tokenize("${}", wildcards=True, variables=True)
