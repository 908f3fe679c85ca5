"""`holdfast` as a program of its own: what only a process shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

PROGRAM = [sys.executable, "-m", "holdfast.cli.main"]


def run(home: Path, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HOLDFAST_HOME": str(home)}
    return subprocess.run([*PROGRAM, *words], env=environment, capture_output=True, text=True, timeout=60, **more)


def test_a_tenancy_to_a_key_in_four_commands(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for words in (
        ("tenancy", "create", "my-os-tenancy-o", "--quota", "10TB"),
        ("user", "create", "uma"),
        ("member", "add", "my-os-tenancy-o", "uma", "--role", "USER"),
    ):
        done = run(home, *words)
        assert (done.returncode, "Next: " in done.stderr) == (0, True), done.stderr
    done = run(home, "key", "create", "my-os-tenancy-o", "uma", "--json")
    assert done.stderr == ""
    assert json.loads(done.stdout)["endpoint_url"].startswith("http://my-os-tenancy-o.s3.localhost")
    refused = run(home, "tenancy", "create", "my-os-tenancy-o")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == "holdfast: there is a tenancy `my-os-tenancy-o` already\n"


def test_commands_at_once_on_a_new_home_all_succeed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda number: run(home, "user", "create", f"user{number}"), range(4)))
    assert [each.returncode for each in done] == [0] * 4, [each.stderr for each in done]
    listed = json.loads(run(home, "user", "list", "--json").stdout)
    assert [user["name"] for user in listed] == ["user0", "user1", "user2", "user3"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_root_acts_as_the_owner_of_the_home() -> None:
    # Not in pytest's own folders, which are closed to every other user.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        home = Path(folder, "home")
        run(home, "user", "create", "uma")
        for path in (home, *home.rglob("*")):
            os.chown(path, 65534, 65534)
        done = run(home, "user", "create", "ben")
        assert done.returncode == 0, done.stderr
        assert {path.stat().st_uid for path in (home, *home.rglob("*"))} == {65534}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")
def test_a_home_that_root_restores_belongs_to_the_owner_of_the_backup() -> None:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        home, to, again = (Path(folder, name) for name in ("home", "to", "again"))
        run(home, "user", "create", "uma")
        for path in (home, *home.rglob("*")):
            os.chown(path, 65534, 65534)
        refused = run(home, "backup", str(to))
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
        assert "as user nobody, who owns the home: " in refused.stderr
        assert f"install -d -m 700 -o nobody {to}" in refused.stderr
        to.mkdir(mode=0o700)
        os.chown(to, 65534, 65534)
        assert run(home, "backup", str(to)).returncode == 0
        done = run(again, "restore", str(to))
        assert done.returncode == 0, done.stderr
        assert "belongs to nobody" in done.stdout
        assert {path.stat().st_uid for path in (again, *again.rglob("*"))} == {65534}
        assert run(again, "user", "create", "ben").returncode == 0
