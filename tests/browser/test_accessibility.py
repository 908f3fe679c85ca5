"""WCAG 2.2 AA on every page in every state: what a program can tell of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.accessibility import LOOKS, set_text_size, violations, what_is_cut_off, what_moves
from tests.browser.gallery import NARROW, WIDE, Show, gallery, look
from tests.browser.keyboard import walk
from tests.browser.sheets import SHEETS, Sheet

ONE_OF_EACH = {sheet.page: sheet for sheet in reversed(SHEETS) if sheet.act is None}.values()
"""One sheet of each page: enough for what does not hang on its state."""


@pytest.fixture(scope="module")
def show(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Show]:
    with gallery(chromium, tmp_path_factory.mktemp("gallery")) as showing:
        yield showing


@pytest.mark.parametrize("sheet", SHEETS, ids=str)
def test_a_page_is_for_everybody(show: Show, sheet: Sheet) -> None:
    visitor = show(sheet)
    page = visitor.page
    wrong = [f"wide, light: {each}" for each in violations(page)]
    wrong += [f"{WIDE} px: {each}" for each in what_is_cut_off(page)]
    # What is left of the width at a zoom of 200 %.
    look(visitor, WIDE // 2, "light")
    wrong += [f"zoom of 200 %: {each}" for each in what_is_cut_off(page)]
    look(visitor, NARROW, "dark")
    wrong += [f"{NARROW} px: {each}" for each in what_is_cut_off(page)]
    wrong += [f"narrow, dark: {each}" for each in violations(page, LOOKS)]
    look(visitor, WIDE, "light")
    set_text_size(page, 200)
    wrong += [f"text of 200 %: {each}" for each in what_is_cut_off(page)]
    wrong += [f"the browser complained: {each}" for each in visitor.take_complaints()]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("sheet", ONE_OF_EACH, ids=str)
def test_the_keyboard_reaches_everything_and_shows_where_it_is(show: Show, sheet: Sheet) -> None:
    visitor = show(sheet)
    page = visitor.page
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    visitor.go(page.url.partition("#")[0])
    stops = walk(page)
    assert stops == [], "\n".join(stops)


@pytest.mark.parametrize("sheet", ONE_OF_EACH, ids=str)
def test_nothing_moves_for_who_wants_no_motion(show: Show, sheet: Sheet) -> None:
    assert what_moves(show(sheet).page) == []
