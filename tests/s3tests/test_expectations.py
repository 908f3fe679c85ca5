"""The list of known failures, and how a run is held against it. The suite itself is not needed here."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.s3tests.expectations import REASONS, Expected, Outcome, compare, read_expected
from tests.s3tests.table import Run, write_page

KNOWN = {"test_known": Expected("SigV2", "signs with version 2", "")}
PASSED, FAILED = Outcome("list-v2", True, ""), Outcome("list-v2", False, "assert 1 == 2")


def test_every_known_failure_has_one_of_the_five_reasons() -> None:
    expected = read_expected()
    assert {because.reason for because in expected.values()} <= set(REASONS)
    assert all(because.why for because in expected.values())


def test_a_failure_that_is_not_on_the_list_is_found() -> None:
    assert compare({"test_new": FAILED, "test_known": FAILED}, KNOWN).unlisted == ("test_new",)


def test_a_test_that_passes_must_come_off_the_list() -> None:
    assert compare({"test_known": PASSED}, KNOWN).stale == ("test_known",)


def test_a_name_that_the_suite_does_not_have_is_found_when_all_of_it_ran() -> None:
    assert compare({}, KNOWN).unknown == ("test_known",)
    assert not compare({}, KNOWN, is_whole=False).unknown


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param('reason = "flaky"\nwhy = "now and then"\ntests = ["a"]', id="no such reason"),
        pytest.param('reason = "AWS differs"\nwhy = "it does"\ntests = ["a"]', id="AWS without a link"),
        pytest.param('reason = "SigV2"\nwhy = "old"\ntests = ["a", "a"]', id="twice"),
    ],
)
def test_an_entry_that_says_too_little_is_refused(tmp_path: Path, entry: str) -> None:
    (tmp_path / "list.toml").write_text(f"[[failure]]\n{entry}\n")
    with pytest.raises(ValueError):
        read_expected(tmp_path / "list.toml")


def test_the_page_counts_each_area_by_reason_and_says_what_is_unexplained() -> None:
    outcomes = {"test_known": FAILED, "test_new": FAILED, "test_good": PASSED}
    page = write_page(Run("2026-11-23", "8f0ae7b404a3", "0.1.0"), outcomes, KNOWN)
    assert "1 of 3 pass" in page
    assert "| list-v2 | 3 | 1 |  | 1 |  |  |  | 1 |" in page
    assert "- signs with version 2: `test_known`" in page
