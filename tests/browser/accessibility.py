"""What makes a page usable by everybody, as far as a program can tell: WCAG 2.2 AA by axe-core, and the rest by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
LOOKS: Final = ("color-contrast", "link-in-text-block", "scrollable-region-focusable", "target-size")
"""The rules among them whose answer hangs on the theme or on the width."""
_AXE: Final = Axe()
# What takes longer than a twentieth of a second is a movement, which a person may have asked to be spared.
_MOVING: Final = """
() => [...document.querySelectorAll("*")].flatMap((element) => {
  const style = getComputedStyle(element);
  const longest = Math.max(...[style.transitionDuration, style.animationDuration].join().split(",").map(parseFloat));
  return longest > 0.05 ? [`${element.tagName} ${element.className}: ${longest} s`] : [];
})
"""
_WIDER: Final = """
() => {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return [];
  const wide = [...document.querySelectorAll("body *")].filter((element) => {
    const box = element.getBoundingClientRect();
    return box.width > 0 && box.right > root.clientWidth + 1;
  });
  return [`the page is ${root.scrollWidth} px wide in a window of ${root.clientWidth}`].concat(
    wide.slice(0, 8).map((element) => `${element.tagName} ${element.className} ${element.textContent.trim().slice(0, 40)}`)
  );
}
"""


def violations(page: Page, rules: Sequence[str] = RULES) -> Iterator[str]:
    """Yield what axe-core finds wrong by some rules or sets of them, one line for each element."""
    found: Any = _AXE.run(page, options={"runOnly": [*rules], "resultTypes": ["violations"]})
    for violation in found.response["violations"]:
        for node in violation["nodes"]:
            says = "; ".join(each["message"] for each in (*node["any"], *node["all"], *node["none"]))
            yield f"{violation['id']}: {' '.join(map(str, node['target']))}: {says}"


def what_is_cut_off(page: Page) -> list[str]:
    """Return what makes the page scroll sideways; nothing where it does not."""
    found: list[str] = page.evaluate(_WIDER)
    return found


def what_moves(page: Page) -> list[str]:
    """Return what moves although the person wants no motion."""
    page.emulate_media(reduced_motion="reduce")
    found: list[str] = page.evaluate(_MOVING)
    page.emulate_media(reduced_motion="no-preference")
    return found


def set_text_size(page: Page, percent: int) -> None:
    """Make all text larger, as a person does in the browser's settings. Windows stay as wide."""
    page.evaluate("percent => { document.documentElement.style.fontSize = `${percent}%` }", percent)
