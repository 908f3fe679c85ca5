"""The tutorial, run as it is printed: every snippet, in its order, on a machine of its own."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.clients.running import Desk
from tests.clients.site import machine
from tests.clients.tools import ROOT

TUTORIAL = ROOT / "docs/tutorials/use-the-store.md"
_FENCE = re.compile(r"^```(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Each snippet begins where the one before it ended: variables, functions and the umask stay.
_SHELL = 'set -e\n. ./.state 2>/dev/null || true\n%s\n{ export -p; declare -f; echo "umask $(umask)"; } > .state\n'
_BOBS = 's3cmd -c s3cfg --access_key="$(field bob.json token)" --secret_key="$(field bob.json secret)" ls'


class Snippet(NamedTuple):
    language: str
    text: str


def snippets() -> list[Snippet]:
    return [Snippet(*match.groups()) for match in _FENCE.finditer(TUTORIAL.read_text(encoding="utf-8"))]


@pytest.fixture
def person(tmp_path: Path) -> Iterator[Desk]:
    """Somebody on a machine with nothing but loopback, who is root there and uses another store already."""
    with machine(tmp_path) as prefix:
        desk = Desk(tmp_path / "person", prefix=prefix).use("s3cmd", "mc")
        command = shlex.join([sys.executable, "-m", "holdfast.cli.main"])
        desk.write(".clients/holdfast", f'#!/bin/sh\nexec {command} "$@"\n').chmod(0o755)
        desk.write(".s3cfg", "# another store's\n")
        yield desk


def test_every_snippet_of_the_tutorial_works_in_its_order(person: Desk) -> None:
    start, *rest = snippets()
    assert start.text == "holdfast serve --home my-store\n"
    assert {snippet.language for snippet in rest} == {"sh", "python"}
    last_python = max(index for index, snippet in enumerate(rest) if snippet.language == "python")
    program = "".join(snippet.text for snippet in rest if snippet.language == "python")
    server = subprocess.Popen(
        [*person.prefix, "bash", "-c", f"exec {start.text}"],
        cwd=person.home,
        env=person.environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert server.stdout is not None
    try:
        said = []
        for line in server.stdout:
            said.append(line)
            if "Ctrl-C" in line:
                break
        assert any("not reachable from other machines" in line for line in said)
        for index, snippet in enumerate(rest):
            if snippet.language == "sh":
                person.run(_SHELL % snippet.text)
                if "key revoke" in snippet.text:
                    assert "InvalidAccessKeyId" in person.try_(_SHELL % _BOBS).stderr
            elif index == last_python:
                printed = person.python(program)
                assert "b'a temperature\\n'" in printed
                assert person.run(["curl", "--silent", "--fail", printed.split()[-1]]) == "a temperature\n"
                outside = program.replace('["endpoint_url"]', '["endpoint_url_ext"]')
                assert outside != program
                person.python(outside, {"AWS_CA_BUNDLE": str(person.home / "my-store/tls/ca.pem")})
    finally:
        server.terminate()
        assert server.wait(timeout=60) == 0
        server.stdout.close()
    for name in ("back", "bob"):
        assert (person.home / f"object-1.{name}").read_text() == "a temperature\n"
    assert (person.home / ".s3cfg").read_text() == "# another store's\n"
    hosts = person.home / "hosts-kept"
    assert "localhost" in hosts.read_text()
    assert "my-os-tenancy-o" not in hosts.read_text()
