"""Run ceph/s3-tests against a store of its own, write the table, and fail for what has no reason to fail.

    python tests/s3tests/run.py --checkout ../s3-tests [--areas list-v2,multipart]

The suite and the harness that makes it robust are not part of this project: `--checkout` and `--harness` say where they
are. The suite runs in a Python of its own, which is made below build/ unless `--python` names one.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # this is run as a script

from tests.s3tests.expectations import Outcome, compare, read_expected  # noqa: E402
from tests.s3tests.table import Run, write_page  # noqa: E402
from tests.serving import Key, serve  # noqa: E402

PAGE: Final = ROOT / "docs/reference/s3-tests.md"
VENV: Final = ROOT / "build/s3tests/venv"

AREAS: Final = (
    "bucket-crud/naming",
    "bucket-policy",
    "checksum",
    "conditional-read",
    "conditional-write",
    "copy",
    "cors",
    "list-v1",
    "list-v2",
    "multi-delete",
    "multipart",
    "object-attributes",
    "object-crud/meta",
    "presigned/raw/anonymous",
    "range/atomic",
    "raw-headers/auth",
    "tagging",
)
"""Those of the suite's areas whose operations are served. The others are for issues to come."""

TENANCY: Final = "s3-tests"
WORKERS: Final = 2


def main(words: Sequence[str]) -> int:
    """Return the exit code: 0 when each failure has its reason and each reason its failure, else 1."""
    options = _options(words)
    areas = tuple(options.areas.split(",")) if options.areas else AREAS
    python = options.python or _make_python(options.checkout)
    with tempfile.TemporaryDirectory(prefix="holdfast-s3tests-") as folder:
        home = Path(folder) / "home"
        with serve(home, "--default-tenancy", TENANCY, workers=WORKERS) as store:
            # Several tests publish a bucket of theirs through its policy, which a USER may where the tenancy says so.
            store.make_tenancy(TENANCY, users_may_publish=True)
            main_key, alt_key = store.make_key(TENANCY, "main-user"), store.make_key(TENANCY, "alt-user")
            out = Path(folder) / "out"
            _run_suite(options, python, areas, store.endpoint_url, main_key, alt_key, out)
            outcomes = _read_outcomes(out, areas)
    if not any(outcome.passed for outcome in outcomes.values()):
        print("Nothing passed: the suite did not run. What it said is above.", file=sys.stderr)
        return 1
    expected = read_expected()
    is_whole = set(areas) == set(AREAS)
    findings = compare(outcomes, expected, is_whole=is_whole)
    for test in findings.unlisted:
        print(f"fails without a reason   {test}   {outcomes[test].message}")
    for test in findings.stale:
        print(f"passes, take it off {Path('tests/s3tests/expected-failures.toml')}   {test}")
    for test in findings.unknown:
        print(f"is listed, and no test of the suite   {test}")
    passed = sum(outcome.passed for outcome in outcomes.values())
    print(f"{passed} of {len(outcomes)} pass")
    if is_whole:
        today = datetime.now(UTC).date().isoformat()
        PAGE.write_text(write_page(Run(today, _commit(options.checkout), version("holdfast")), outcomes, expected))
        print(f"wrote {PAGE.relative_to(ROOT)}")
    return 1 if any(findings) else 0


def _options(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run ceph/s3-tests against a store of its own.")
    parser.add_argument("--checkout", type=Path, required=True, help="a checkout of https://github.com/ceph/s3-tests")
    parser.add_argument(
        "--harness", type=Path, default=ROOT.parent / "shared/s3-tests", help="where run-s3tests.sh is [%(default)s]"
    )
    parser.add_argument("--python", type=Path, help="a Python that has the suite's requirements [default: one is made]")
    parser.add_argument("--areas", default="", help="only these, with commas between them; no table is written then")
    options = parser.parse_args(words)
    for name, path in (("checkout", options.checkout / "s3tests"), ("harness", options.harness / "run-s3tests.sh")):
        if not path.exists():
            parser.error(f"--{name}: there is no {path}")
    return options


def _make_python(checkout: Path) -> Path:
    python = VENV / "bin/python"
    if not python.exists():
        print(f"installing what the suite needs into {VENV.relative_to(ROOT)}", flush=True)
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        wanted = ["-r", str(checkout / "requirements.txt"), "pytest-timeout", "pytest-xdist"]
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted], check=True)
    return python


def _run_suite(
    options: argparse.Namespace,
    python: Path,
    areas: Sequence[str],
    endpoint_url: str,
    main_key: Key,
    alt_key: Key,
    out: Path,
) -> None:
    credentials = [main_key.token, main_key.secret, alt_key.token, alt_key.secret]
    command = [str(options.harness.resolve() / "run-s3tests.sh"), endpoint_url, *credentials, str(out)]
    environment = os.environ | {
        "S3TESTS_SRC": str(options.checkout.resolve()),
        "PYTHON": str(python.absolute()),
        "AREAS": ",".join(areas),
        "SHARDS": "1",
        "WORKERS": "2",
    }
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        print(done.stdout, file=sys.stderr)


def _read_outcomes(out: Path, areas: Sequence[str]) -> dict[str, Outcome]:
    """Return test → how it went. A test that did not come to its end has failed."""
    listed: Mapping[str, tuple[str, str, list[str]]] = json.loads((out / "all-tests.json").read_text())
    lines = (out / "results.jsonl").read_text().splitlines() if (out / "results.jsonl").exists() else []
    results = {result["id"]: result for result in map(json.loads, lines)}
    outcomes: dict[str, Outcome] = {}
    for test_id, (area, tier, _) in sorted(listed.items()):
        if tier != "core" or area not in areas:
            continue
        result = results.get(test_id, {"outcome": "did not run"})
        message = " ".join(str(result.get("msg") or result["outcome"]).split())[:300]
        outcomes[test_id.rpartition("::")[2]] = Outcome(area, result["outcome"] == "passed", message)
    return outcomes


def _commit(checkout: Path) -> str:
    command = ["git", "-C", str(checkout), "rev-parse", "HEAD"]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
