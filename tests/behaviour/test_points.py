"""The list of what clients rely on names only tests that there are, and leaves no point out."""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parents[1]
POINTS = 45


def read() -> dict[str, dict[str, Any]]:
    """Return point → claim → its tests, or why there is none."""
    document = tomllib.loads(Path(__file__).with_name("points.toml").read_text(encoding="utf-8"))
    return {**document["points"], "what others miss": document["what others miss"]}


@cache
def names_in(path: Path) -> frozenset[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_point_is_listed_and_says_something() -> None:
    points = read()
    assert [name for name in points if name.isdigit()] == [str(number) for number in range(1, POINTS + 1)]
    assert all(points.values())


def test_every_claim_has_a_test_or_a_reason() -> None:
    for point, claims in read().items():
        for claim, proof in claims.items():
            if isinstance(proof, str):
                assert proof.endswith("."), f"{point}: the reason of {claim!r} is no sentence"
            else:
                assert proof, f"{point}: {claim!r} has neither tests nor a reason"
                assert len(set(proof)) == len(proof), f"{point}: a test stands twice under {claim!r}"


def test_every_test_that_is_named_is_there() -> None:
    named = {
        test for claims in read().values() for proof in claims.values() if isinstance(proof, list) for test in proof
    }
    missing = []
    for test in sorted(named):
        path, separator, name = test.partition("::")
        file = TESTS / path
        if not separator or not name.startswith("test_") or not file.is_file() or name not in names_in(file):
            missing.append(test)
    assert missing == []
