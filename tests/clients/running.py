"""Running other people's clients: on an own home directory, by the names that people type, with a clear failure."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.clients.tools import get_client

RUN_TIMEOUT_S = 120


@dataclass
class Desk:
    """A person's desk: a home directory, a PATH with the clients, and nothing of the machine's own settings."""

    home: Path
    environment: dict[str, str] = field(default_factory=dict)
    prefix: Sequence[str] = ()
    """A command that runs the others, such as one that enters a namespace."""

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.bin.mkdir(exist_ok=True)
        self.environment = {
            "HOME": str(self.home),
            "PATH": f"{self.bin}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "AWS_EC2_METADATA_DISABLED": "true",
            "PYTHONWARNINGS": "ignore",
            **self.environment,
        }
        self.install("python3", Path(sys.executable))

    @property
    def bin(self) -> Path:
        return self.home / ".clients"

    def install(self, name: str, program: Path) -> None:
        """Put a program on the PATH by a name."""
        path = self.bin / name
        path.unlink(missing_ok=True)
        # Not a link: a virtual environment's Python finds its packages by where it was started from.
        path.write_text(f'#!/bin/sh\nexec "{program}" "$@"\n')
        path.chmod(0o755)

    def use(self, *clients: str) -> Desk:
        """Put clients of tools.py on the PATH by the names that people type, and return this. Raises MissingClient."""
        for client in clients:
            self.install(get_client(client).name, get_client(client))
        return self

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file of this home, closed to others."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        path.chmod(0o600)
        return path

    def try_(
        self, command: str | Sequence[str | Path], environment: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a shell line (a text) or a program (a list) in this home, and return what came of it."""
        words = ["bash", "-c", command] if isinstance(command, str) else [*map(str, command)]
        return subprocess.run(
            [*self.prefix, *words],
            cwd=self.home,
            env=self.environment | dict(environment or {}),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=RUN_TIMEOUT_S,
            check=False,
        )

    def run(self, command: str | Sequence[str | Path], environment: Mapping[str, str] | None = None) -> str:
        """Run what must succeed, and return what it printed."""
        done = self.try_(command, environment)
        assert done.returncode == 0, f"{command}\nexit code {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def python(self, code: str, environment: Mapping[str, str] | None = None) -> str:
        """Run a Python program in this home with the packages of the tests, and return what it printed."""
        return self.run(["python3", self.write("program.py", code)], environment)
