"""CSV documents that people open in a spreadsheet: no cell is a formula, wherever the spreadsheet divides a line."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.portal.csv_cells import csv_text, safe_cell

FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]")
TEXTS = st.text(alphabet="ab=+-@＝＋－＠;,\"'|\t\r\n ", max_size=12)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1+1", "'=1+1"),
        (" =1", "' =1"),
        ("＝1", "'＝1"),
        ("＠SUM(1)", "'＠SUM(1)"),
        ("\tx", "'\tx"),
        ("\nx", "'\nx"),
        ("a;=1", "a;'=1"),
        ("a; ＋1", "a; '＋1"),
        ("a\n-1", "a\n'-1"),
        ("a-b", "a-b"),
        ("2026-11-27T10:00:00+00:00", "2026-11-27T10:00:00+00:00"),
        ("run1/a;b.nc", "run1/a;b.nc"),
    ],
)
def test_what_a_spreadsheet_takes_for_a_formula_gets_an_apostrophe(text: str, safe: str) -> None:
    assert safe_cell(text) == safe


@given(st.lists(st.lists(TEXTS, min_size=1, max_size=3), max_size=3))
def test_no_cell_is_a_formula_by_commas_nor_by_semicolons(lines: list[list[str]]) -> None:
    document = csv_text(lines)
    read = list(csv.reader(io.StringIO(document, newline="")))
    assert read == [[safe_cell(cell) for cell in cells] for cells in lines]
    assert not [cell for cells in read for cell in cells if FORMULA.match(cell)]
    # As where `;` divides lists: only a quote at the beginning of a cell counts there.
    for piece in re.split(r"[;\t\r\n]", document):
        assert not FORMULA.match(piece), document


@given(TEXTS)
def test_what_is_safe_stays_as_it_is(text: str) -> None:
    assert safe_cell(safe_cell(text)) == safe_cell(text)


def test_each_cell_stands_in_quotes() -> None:
    assert csv_text([("when", "1", 'a"b')]) == '"when","1","a""b"\r\n'
