"""Which tests of ceph/s3-tests are known not to pass, and why: the list beside this file, and a run held against it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

LIST: Final = Path(__file__).with_name("expected-failures.toml")

REASONS: Final = (
    "ACLs off",
    "SigV2",
    "operation not in this issue",
    "Ceph's extension",
    "AWS differs",
)
"""Why a test may fail. There is no other reason: what fits none of these is a fault of ours."""


class Expected(NamedTuple):
    """Why one test does not pass."""

    reason: str
    why: str
    link: str
    """Where AWS says so; empty where the reason is our own decision."""


class Outcome(NamedTuple):
    """One test of a run."""

    area: str
    passed: bool
    message: str


class Findings(NamedTuple):
    """What a run says that the list does not."""

    unlisted: tuple[str, ...]
    """Tests that fail without a reason."""
    stale: tuple[str, ...]
    """Tests that pass and are on the list."""
    unknown: tuple[str, ...]
    """Names on the list that the suite does not have."""


def read_expected(path: Path = LIST) -> dict[str, Expected]:
    """Return test → why it fails. Raises ValueError for an entry that says too little, or a test named twice."""
    expected: dict[str, Expected] = {}
    for entry in tomllib.loads(path.read_text())["failure"]:
        because = Expected(entry["reason"], entry["why"], entry.get("link", ""))
        if because.reason not in REASONS:
            raise ValueError(f"{because.reason} is no reason; there are: {', '.join(REASONS)}")
        if because.reason == "AWS differs" and not because.link:
            raise ValueError(f"where does AWS say so? {because.why}")
        for test in entry["tests"]:
            if test in expected:
                raise ValueError(f"{test} is on the list twice")
            expected[test] = because
    return expected


def compare(outcomes: Mapping[str, Outcome], expected: Mapping[str, Expected], *, is_whole: bool = True) -> Findings:
    """Hold a run against the list. `is_whole` is False for a run of some areas, which says nothing of the others."""
    return Findings(
        tuple(sorted(test for test, outcome in outcomes.items() if not outcome.passed and test not in expected)),
        tuple(sorted(test for test, outcome in outcomes.items() if outcome.passed and test in expected)),
        tuple(sorted(test for test in expected if is_whole and test not in outcomes)),
    )
