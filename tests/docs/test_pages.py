"""What documents say of each other and of the code is so: links, decisions, glossary."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *(path for path in DOCS.rglob("*.md") if "_build" not in path.parts)])
DECISIONS = sorted(path for path in (DOCS / "decisions").glob("*.md") if path.name != "index.md")

_LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
_DOC = re.compile(r"\{doc\}`(?:[^`<]*<)?([^`>]+)>?`")
_CODE = re.compile(r"^```.*?^```", re.M | re.S)
_NAMED = re.compile(r"docs/[a-z0-9/-]+\.md|docs/decisions/\d{4}")


def prose(path: Path) -> str:
    return _CODE.sub("", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = prose(page)
    targets = [page.parent / link for link in _LINK.findall(text)]
    targets += [page.parent / f"{name}.md" for name in _DOC.findall(text)]
    missing = [str(target) for target in targets if not target.exists()]
    assert not missing


def test_every_page_that_the_code_sends_an_operator_to_is_there() -> None:
    missing = set()
    for path in sorted((ROOT / "src").rglob("*.py")):
        for name in _NAMED.findall(path.read_text(encoding="utf-8")):
            found = (ROOT / name).exists() or (not name.endswith(".md") and list(ROOT.glob(f"{name}*.md")))
            if not found:
                missing.add(f"{path.relative_to(ROOT)}: {name}")
    assert not missing


def test_decisions_are_numbered_without_gaps_and_named_for_what_they_say() -> None:
    numbers = [path.name[:4] for path in DECISIONS]
    assert numbers == [f"{number:04d}" for number in range(1, len(DECISIONS) + 1)]
    for path in DECISIONS:
        assert re.fullmatch(r"\d{4}-[a-z0-9-]+\.md", path.name)
        assert path.read_text(encoding="utf-8").startswith(f"# {int(path.name[:4])}. ")


@pytest.mark.parametrize("page", DECISIONS, ids=lambda page: page.stem)
def test_a_decision_says_why_what_follows_and_what_would_change_it(page: Path) -> None:
    headings = re.findall(r"^## (.+)$", page.read_text(encoding="utf-8"), re.M)
    assert [heading for heading in headings if heading in ("Context", "Decision", "Consequences")] == [
        "Context",
        "Decision",
        "Consequences",
    ]
    assert "What would change our mind" in headings


def test_every_decision_is_in_the_index() -> None:
    index = (DOCS / "decisions" / "index.md").read_text(encoding="utf-8")
    # The index takes every page there is; one that lists names has to list them all.
    assert re.search(r":glob:\n\n\*\n", index) or all(path.stem in index for path in DECISIONS)


def test_the_glossary_is_in_order_and_has_each_word_once() -> None:
    text = (DOCS / "glossary.md").read_text(encoding="utf-8")
    words = re.findall(r"^([a-z][a-zA-Z -]*)\n    ", text, re.M)
    assert len(words) > 30
    assert words == sorted(set(words), key=str.lower)


def test_what_a_key_shows_changes_in_one_module() -> None:
    """docs/decisions/0011: versions and the change log hook in there. `relocation` changes only where bytes lie."""
    writes = re.compile(r"\.(?:add|replace|remove)\(\s*OBJECTS\b")
    found = [path for path in (ROOT / "src").rglob("*.py") if writes.search(path.read_text(encoding="utf-8"))]
    assert {path.name for path in found} == {"versions.py", "relocation.py"}


def test_every_news_fragment_has_a_name_that_towncrier_gathers() -> None:
    names = [path.name for path in (ROOT / "newsfragments").iterdir() if path.name != "README.md"]
    assert [name for name in names if not re.fullmatch(r"\d+\.(feature|change|fix|removal)(\.\d+)?\.md", name)] == []
