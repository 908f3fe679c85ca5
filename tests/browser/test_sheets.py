"""The table of sheets is whole: no page of the portal is without one."""

from __future__ import annotations

import re
from collections import Counter

from tests.browser.place import Place
from tests.browser.sheets import ERRORS, SHEETS, WITHOUT_PAGE
from tests.browser.urlmap import names_of, names_of_pages

PAGES = {sheet.page for sheet in SHEETS} - {ERRORS}


def test_every_page_of_the_url_map_has_a_sheet(town: Place) -> None:
    missing = town.clerk.run(names_of_pages) - PAGES - WITHOUT_PAGE.keys()
    assert not missing, f"say in tests/browser/sheets.py in which states these are to be seen: {sorted(missing)}"


def test_no_sheet_is_of_a_page_that_is_not_there(town: Place) -> None:
    known = town.clerk.run(names_of_pages)
    assert known >= PAGES
    assert WITHOUT_PAGE.keys() <= known
    assert not WITHOUT_PAGE.keys() & PAGES


def test_the_address_of_a_sheet_is_of_its_page(town: Place) -> None:
    sheets = [sheet for sheet in SHEETS if sheet.page != ERRORS]
    # What stands in braces is one part of a path, a number or a word.
    found = town.clerk.run(names_of, [re.sub(r"\{\w+\}", "1", sheet.address) for sheet in sheets])
    assert [(sheet.address, name) for sheet, name in zip(sheets, found, strict=True)] == [
        (sheet.address, sheet.page) for sheet in sheets
    ]


def test_no_two_sheets_have_one_name() -> None:
    assert [name for name, count in Counter(map(str, SHEETS)).items() if count > 1] == []
