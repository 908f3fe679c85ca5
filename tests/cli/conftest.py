"""The command line in this process, on a home of its own."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from holdfast.cli.main import cli


@dataclass
class Terminal:
    home: Path

    def run(self, *words: str) -> Result:
        return CliRunner().invoke(cli, [*words, "--home", str(self.home)])

    def ok(self, *words: str) -> str:
        result = self.run(*words)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *words: str) -> Any:
        return json.loads(self.ok(*words, "--json"))

    def refused(self, *words: str) -> str:
        """Run what must be refused with one sentence on standard error, and return that."""
        result = self.run(*words)
        assert result.exit_code == 1, result.output
        assert result.stdout == ""
        assert result.stderr.startswith("holdfast: ")
        assert result.stderr.count("\n") == 1
        return result.stderr


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    return Terminal(tmp_path / "home")


@pytest.fixture
def settled(terminal: Terminal) -> Terminal:
    """A tenancy with a MANAGER and a USER."""
    terminal.ok("tenancy", "create", "my-os-tenancy-o", "--quota", "10TB")
    for user, role in (("mary", "MANAGER"), ("uma", "USER")):
        terminal.ok("user", "create", user)
        terminal.ok("member", "add", "my-os-tenancy-o", user, "--role", role)
    return terminal
