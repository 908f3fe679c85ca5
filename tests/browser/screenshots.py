"""`make screenshots`: every sheet at two widths in both themes, and one HTML page that shows them all side by side.

python -m tests.browser.screenshots [--only PART-OF-A-NAME] [--to docs/_build/screenshots]
"""

from __future__ import annotations

import argparse
import html
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from playwright.sync_api import Error, sync_playwright
from tests.browser import browsers
from tests.browser.gallery import NARROW, WIDE, Show, Theme, gallery, look
from tests.browser.sheets import SHEETS, Sheet
from tests.browser.visitor import Visitor

ROOT: Final = Path(__file__).resolve().parents[2]
TARGET: Final = ROOT / "docs/_build/screenshots"
LOOKS: Final[Sequence[tuple[int, Theme]]] = ((WIDE, "light"), (WIDE, "dark"), (NARROW, "light"), (NARROW, "dark"))

_HEAD: Final = """\
<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Contact sheet of the portal</title>
<style>
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem; background: #e8eaed; color: #16191d }
  nav { columns: 14rem } nav a { display: block }
  h2 { margin: 3rem 0 0; padding-top: 1rem; border-top: 2px solid #9aa2ab }
  .looks { display: flex; gap: 1rem; align-items: start }
  figure { margin: 0 } figcaption { color: #4b535c; font-size: 13px }
  img { display: block; max-height: 70vh; border: 1px solid #9aa2ab; background: #fff }
</style>
"""


def take(visitor: Visitor, sheet: Sheet, folder: Path) -> None:
    """Photograph a sheet that is shown, in each look."""
    for width, theme in LOOKS:
        look(visitor, width, theme)
        visitor.page.screenshot(path=folder / picture_of(sheet, width, theme), full_page=True, animations="disabled")


def picture_of(sheet: Sheet, width: int, theme: Theme) -> str:
    """Return the file name of a picture."""
    return f"{sheet}-{width}-{theme}.png"


def contact_sheet(sheets: Sequence[Sheet]) -> str:
    """Return the page that shows all pictures, by page and state."""
    return "\n".join(_lines(sheets))


def _lines(sheets: Sequence[Sheet]) -> Iterator[str]:
    yield _HEAD
    yield f"<h1>Contact sheet of the portal</h1><p>{len(sheets)} sheets, {len(sheets) * len(LOOKS)} pictures.</p><nav>"
    yield from (f'<a href="#{sheet}">{html.escape(sheet.page)}: {html.escape(sheet.state)}</a>' for sheet in sheets)
    yield "</nav>"
    for page, of_page in groupby(sheets, key=lambda sheet: sheet.page):
        yield f"<h2>{html.escape(page)}</h2>"
        for sheet in of_page:
            viewer = sheet.viewer or "nobody"
            address = html.escape(sheet.address)
            yield f'<h3 id="{sheet}">{html.escape(sheet.state)}</h3><p><code>{address}</code>, seen by {viewer}</p>'
            yield '<div class="looks">'
            for width, theme in LOOKS:
                name = picture_of(sheet, width, theme)
                image = f'<a href="{name}"><img loading="lazy" src="{name}" alt="{sheet}, {width} px, {theme}"></a>'
                yield f"<figure>{image}<figcaption>{width} px, {theme}</figcaption></figure>"
            yield "</div>"


def main() -> None:
    """Make all pictures, or those whose names hold a text."""
    parser = argparse.ArgumentParser(description="Photograph every page of the portal in every state.")
    parser.add_argument("--only", default="", metavar="TEXT", help="only sheets whose names hold this")
    parser.add_argument("--to", type=Path, default=TARGET, metavar="FOLDER", help="where the pictures go")
    asked = parser.parse_args()
    sheets = [sheet for sheet in SHEETS if asked.only in str(sheet)]
    asked.to.mkdir(parents=True, exist_ok=True)
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        with browsers.chromium(playwright) as browser, gallery(browser, Path(folder)) as show:
            faults = [f"{sheet}: {fault}" for sheet in sheets for fault in _photograph(show, sheet, asked.to)]
    (asked.to / "index.html").write_text(contact_sheet(sheets), encoding="utf-8")
    count = len(sheets) * len(LOOKS)
    print(f"{count} pictures in {time.monotonic() - began_s:.0f} s: {asked.to / 'index.html'}")
    sys.exit("\n".join(faults))


def _photograph(show: Show, sheet: Sheet, folder: Path) -> list[str]:
    """Show and photograph a sheet, and return what went wrong; the others are wanted all the same."""
    try:
        visitor = show(sheet)
        take(visitor, sheet, folder)
    except (AssertionError, Error) as error:
        return [str(error)]
    return visitor.take_complaints()


if __name__ == "__main__":
    main()
