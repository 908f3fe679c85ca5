"""The page of the reference that says how a run of ceph/s3-tests went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

from tests.s3tests.expectations import REASONS, Expected, Outcome


class Run(NamedTuple):
    """What was run, when."""

    date: str
    suite_commit: str
    version: str


def write_page(run: Run, outcomes: Mapping[str, Outcome], expected: Mapping[str, Expected]) -> str:
    """Return the page, as Markdown."""
    passed = sum(outcome.passed for outcome in outcomes.values())
    lines = [
        "# ceph/s3-tests",
        "",
        "The public suite of the Ceph project, run against a store with two USERs of one tenancy as its main and alt users.",
        "Made by `make s3-tests S3TESTS=<checkout>`, which fails when a test fails that has no reason here.",
        "",
        f"**{run.date}: {passed} of {len(outcomes)} pass** · holdfast {run.version} · suite at"
        f" [`{run.suite_commit[:12]}`](https://github.com/ceph/s3-tests/tree/{run.suite_commit})",
        "",
        *_areas(outcomes, expected),
        "",
        "## Why the others do not",
    ]
    for reason in REASONS:
        lines += _reason(reason, outcomes, expected)
    return "\n".join(lines) + "\n"


def _areas(outcomes: Mapping[str, Outcome], expected: Mapping[str, Expected]) -> list[str]:
    rows: dict[str, Counter[str]] = {}
    for test, outcome in outcomes.items():
        because = "pass" if outcome.passed else expected[test].reason if test in expected else "unexplained"
        for area in (outcome.area, "all"):
            rows.setdefault(area, Counter())[because] += 1
    columns = ["pass", *REASONS]
    if rows["all"]["unexplained"]:
        columns.append("unexplained")
    head = ["area", "tests", *columns]
    lines = [_row(head), _row([":--", *("--:" for _ in head[1:])])]
    for area in sorted(rows, key=lambda name: (name == "all", name)):
        counts = rows[area]
        figures = [str(counts.total()), *(str(counts[column] or "") for column in columns)]
        lines.append(_row([f"**{area}**" if area == "all" else area, *figures]))
    return lines


def _reason(reason: str, outcomes: Mapping[str, Outcome], expected: Mapping[str, Expected]) -> list[str]:
    tests: dict[Expected, list[str]] = {}
    for test, because in expected.items():
        if because.reason == reason and test in outcomes and not outcomes[test].passed:
            tests.setdefault(because, []).append(test)
    lines = ["", f"### {reason}", ""]
    for because, names in tests.items():
        link = f" ([source]({because.link}))" if because.link else ""
        lines.append(f"- {because.why}{link}: {', '.join(f'`{name}`' for name in sorted(names))}")
    return lines if tests else []


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
