"""A person who has no mouse: everything is reached by Tab, and every stop of it must be plain to see."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Self

from playwright.sync_api import Locator, Page
from tests.browser.visitor import PATIENCE_MS, Visitor, place_of

STOPS_MAX: Final = 400
"""More stops of Tab than any page has."""

# What shows where the keyboard is: a ring of two pixels, around the thing or what stands for it on the screen: its label,
# or what it lies in. (WCAG 2.2: 2.4.7, and 2.4.11 for what hides it.)
_LOOK_AT_FOCUS: Final = """
() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const reached = (window.reached ??= new Set());
  // A field for a date has stops of its own, which the browser draws.
  if (reached.has(element) && element.type === "date") return { name: element.id, ring: true, inside: true };
  reached.add(element);
  const shown = [element, ...(element.labels || []), element.parentElement, element.nextElementSibling].filter(Boolean);
  const ring = shown.some((each) => {
    const style = getComputedStyle(each);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  });
  const inside = shown.some((each) => {
    const box = each.getBoundingClientRect();
    return box.width > 1 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
  });
  const name = element.getAttribute("aria-label") || element.textContent.trim() || element.name || element.id;
  return { name: `${element.tagName} ${name.slice(0, 60)}`, ring, inside };
}
"""
# What Tab should stop at. Of radio buttons it stops at one in a group.
_NOT_REACHED: Final = """
() => {
  const kinds = "a[href], button, input:not([type=hidden], [type=radio]), select, textarea, summary, [tabindex='0']";
  const left = [...document.querySelectorAll(kinds)].filter((element) =>
    element.checkVisibility({ visibilityProperty: true }) && !element.disabled && element.tabIndex >= 0
    && !element.closest("[inert]") && !window.reached?.has(element));
  return left.map((element) => `${element.tagName} ${element.textContent.trim().slice(0, 60)}`);
}
"""


def walk(page: Page) -> list[str]:
    """Press Tab from the beginning to the end of a page, and return what is wrong: one line for each stop."""
    wrong = []
    for _ in range(STOPS_MAX):
        page.keyboard.press("Tab")
        stop = page.evaluate(_LOOK_AT_FOCUS)
        if stop is None:
            break
        if not stop["ring"]:
            wrong.append(f"nothing shows that the focus is on {stop['name']!r}")
        if not stop["inside"]:
            wrong.append(f"the focus is on {stop['name']!r}, out of sight")
    else:
        wrong.append(f"Tab does not come to an end after {STOPS_MAX} stops")
    return wrong + [f"Tab does not stop at {thing}" for thing in page.evaluate(_NOT_REACHED)]


class KeyboardVisitor(Visitor):
    """One person at a keyboard. Presses of Enter and the space bar count as clicks."""

    def press(self, thing: Locator) -> None:
        self.clicks += 1
        self.reach(thing)
        self.page.keyboard.press("Enter")

    def fill(self, label: str, text: str) -> Self:
        field = self._field(label)
        self.reach(field)
        if field.get_attribute("type") == "date":
            # To the keyboard its parts are fields of their own, in the order of the browser's language (browsers.py).
            year, month, day = text.split("-")
            self.page.keyboard.type(f"{month}{day}{year}")
        else:
            self.page.keyboard.press("Control+a")
            self.page.keyboard.type(text)
        assert field.input_value() == text, f"{label!r} holds {field.input_value()!r}"
        return self

    def choose(self, label: str, option: str) -> Self:
        self.clicks += 1
        field = self._group_or_list(label)
        if field.evaluate("element => element.tagName") == "SELECT":
            self.reach(field)
            self.page.keyboard.press("Home")
            for _ in range(place_of(field, option)):
                self.page.keyboard.press("ArrowDown")
            assert field.locator("option:checked").inner_text().strip().startswith(option)
            return self
        choice = self._choice(field, option)
        chosen = field.locator("input:checked")
        # Tab stops at the chosen one alone, or at the first where there is none; arrows go round.
        self.reach(chosen if chosen.count() else field.get_by_role("radio").first)
        for _ in range(field.get_by_role("radio").count()):
            if choice.is_checked():
                return self
            self.page.keyboard.press("ArrowDown")
        self.page.keyboard.press("Space")
        assert choice.is_checked(), f"{option!r} of {label!r} can't be chosen by keyboard"
        return self

    def tick(self, label: str, *, on: bool = True) -> Self:
        box = self._box(label)
        if box.is_checked() is not on:
            self.clicks += 1
            self.reach(box)
            self.page.keyboard.press("Space")
            assert box.is_checked() is on, f"{label!r} does not heed the space bar"
        return self

    def upload(self, label: str, *files: Path) -> Self:
        self.reach(self._field(label))
        with self.page.expect_file_chooser(timeout=PATIENCE_MS) as asked:
            self.page.keyboard.press("Enter")
        asked.value.set_files([*files])
        return self

    def reach(self, thing: Locator) -> None:
        """Press Tab until the focus is on this, from wherever it is, and look at every stop on the way."""
        target = thing.element_handle()
        assert target is not None
        for _ in range(STOPS_MAX):
            if target.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
            stop = self.page.evaluate(_LOOK_AT_FOCUS)
            if stop is not None:
                assert stop["ring"], f"nothing shows that the focus is on {stop['name']!r} of {self.page.url}"
                assert stop["inside"], f"the focus is on {stop['name']!r} of {self.page.url}, out of sight"
        raise AssertionError(f"Tab does not reach {thing} on {self.page.url}")
