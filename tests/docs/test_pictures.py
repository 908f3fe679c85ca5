"""The pictures of the guides: each is taken by a program, is there, and is shown by a guide."""

from __future__ import annotations

import re
from pathlib import Path

from tests.browser.guide_pictures import PICTURES, TARGET

DOCS = Path(__file__).resolve().parents[2] / "docs"
_SHOWN = re.compile(r"!\[(?P<words>[^\]]*)\]\((?P<path>[^)]*images/portal/[^)]*)\)")


def shown() -> dict[str, str]:
    """Return the names of the pictures that guides show, and what each says to who can't see it."""
    found = {}
    for guide in DOCS.rglob("*.md"):
        for match in _SHOWN.finditer(guide.read_text()):
            assert (guide.parent / match["path"]).resolve().parent == TARGET.resolve(), guide
            found[Path(match["path"]).stem] = match["words"]
    return found


def test_guides_show_the_pictures_that_are_taken_and_no_others() -> None:
    assert sorted(shown()) == sorted(PICTURES) == sorted(path.stem for path in TARGET.iterdir())


def test_each_picture_is_told_in_words_too() -> None:
    assert not [name for name, words in shown().items() if len(words.split()) < 3]
