"""The page of clients says what the tests drive."""

from __future__ import annotations

import re
from importlib.metadata import version

from tests.clients.page import PACKAGES, PAGE, render, versions_of
from tests.clients.tools import CLIENTS, Debian


def _without_debians(text: str) -> str:
    """Leave out the versions of what Debian brings: another release of Debian has others."""
    names = [name for name, client in CLIENTS.items() if isinstance(client.source, Debian)]
    return re.sub(rf"^(\| (?:{'|'.join(names)}) \|)[^|]+\|", r"\1", text, flags=re.MULTILINE)


def test_the_page_names_each_client_its_version_and_where_it_comes_from() -> None:
    assert _without_debians(PAGE.read_text(encoding="utf-8")) == _without_debians(render())


def test_the_python_packages_that_run_are_those_of_the_page() -> None:
    for package in PACKAGES:
        assert version(package) in [each.partition(" ")[0] for each in versions_of(package)]
