"""Walking through the sheets: one browser state for each person who looks, and their pages one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Browser
from tests.browser import world
from tests.browser.browsers import new_context
from tests.browser.place import Place, place
from tests.browser.sheets import Sheet
from tests.browser.visitor import Visitor

HEIGHT: Final = 900
WIDE: Final = 1280
NARROW: Final = 320

Theme = Literal["light", "dark"]
Show = Callable[[Sheet], Visitor]


@contextmanager
def gallery(browser: Browser, folder: Path) -> Iterator[Show]:
    """Run a holdfast in which there is everything to see, and give what shows a sheet: its page, in a person's browser.

    What the browser complains of is left to the caller (`Visitor.take_complaints`).
    """
    with place(
        folder / "home",
        site_name="Polar object store",
        support_contact="help@example.org",
        sign_up="open",
    ) as running:
        with _visitors(running, browser, folder, world.settle(running)) as show:
            yield show


@contextmanager
def _visitors(running: Place, browser: Browser, folder: Path, facts: Mapping[str, str]) -> Iterator[Show]:
    visitors: dict[str, Visitor] = {}

    def show(sheet: Sheet) -> Visitor:
        if sheet.viewer not in visitors:
            context = new_context(browser)
            if sheet.viewer:
                context.add_cookies([running.session(sheet.viewer)])
            visitors[sheet.viewer] = Visitor(context, running.origin, folder)
        visitor = visitors[sheet.viewer]
        look(visitor, WIDE, "light")
        visitor.go(sheet.address.format(**facts))
        if sheet.act is not None:
            sheet.act(visitor)
        return visitor

    yield show
    for visitor in visitors.values():
        visitor.context.close()


def look(visitor: Visitor, width: int, theme: Theme) -> None:
    """Look at the page through a window of this width, in one of the themes."""
    # Colours change at once when nothing may move.
    visitor.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    visitor.page.set_viewport_size({"width": width, "height": HEIGHT})
