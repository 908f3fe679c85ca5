"""A person at a browser: they know what they read on the page and nothing else, and their clicks are counted.

Everything is found by its visible name and its role, never by an id or a class. Whatever the browser complains of
(errors of scripts, refusals of the Content-Security-Policy, missing files) fails the test in the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from playwright.sync_api import BrowserContext, ConsoleMessage, Error, Locator, Page, expect

PATIENCE_MS: Final = 10_000
PRESSED: Final = ("link", "button", "menuitem", "tab", "switch")
_MISSING: Final = "Failed to load resource"
_GAPS: Final = re.compile(r"\s+")


class Lost(AssertionError):
    """The page shows nothing, or too much, by that name. The text says what it does show."""


class Visitor:
    """One person in one browser with a state of its own."""

    def __init__(self, context: BrowserContext, origin: str, folder: Path) -> None:
        self.context = context
        self.origin = origin
        """The portal's, without a path."""
        self.folder = folder
        """Where downloads go."""
        self.clicks = 0
        """How often the mouse was pressed, or on a keyboard its like: links, buttons, ticks and choices."""
        self.complaints: list[str] = []
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.complaints.append(f"a script failed: {error.error}"))
        context.set_default_timeout(PATIENCE_MS)
        self.page: Page
        self._scope: Locator
        self.open_tab()

    def open_tab(self) -> Self:
        """Open a tab and look at that one from now on."""
        self.page = self.context.new_page()
        self._scope = self.page.locator("html")
        return self

    # --- going and reading -----------------------------------------------------------------------------------------

    def go(self, address: str) -> Self:
        """Type an address: a path of the portal, or a whole URL."""
        self.page.goto(address if "://" in address else self.origin + address)
        return self

    @property
    def path(self) -> str:
        """The path of the page, without the origin and the query."""
        return self.page.url.removeprefix(self.origin).partition("?")[0]

    def sees(self, *texts: str) -> Self:
        """Assert that the page shows each of these texts, in time."""
        for text in texts:
            try:
                expect(self._text(text).first).to_be_visible(timeout=PATIENCE_MS)
            except AssertionError:
                raise Lost(f"{text!r} is not on the page {self.page.url}:\n{self.read()}") from None
        return self

    def sees_no(self, *texts: str) -> Self:
        """Assert that the page shows none of these texts. Only after something that the page must show."""
        for text in texts:
            found = self._text(text)
            assert found.count() == 0, f"{text!r} is on the page {self.page.url}:\n{self.read()}"
        return self

    def is_at(self, heading: str) -> Self:
        """Assert that the page is the one of this heading, in time."""
        try:
            expect(self.page.get_by_role("heading", level=1)).to_contain_text(heading, timeout=PATIENCE_MS)
        except AssertionError:
            raise Lost(f"the page {self.page.url} is not {heading!r}:\n{self.read()}") from None
        return self

    def holds(self, label: str, text: str) -> Self:
        """Assert that a field holds this text."""
        expect(self._field(label)).to_have_value(text)
        return self

    def read(self) -> str:
        """Return the text of the page's main part, or of what stands in its place."""
        main = self.page.locator("main")
        place = main.first if main.count() else self.page.locator("body")
        return place.inner_text()

    def has(self, name: str) -> bool:
        """Whether there is something to press by this name now."""
        return self._pressable(name).count() > 0

    @contextmanager
    def row(self, text: str) -> Iterator[Self]:
        """Look only at the row of a table, or of a list, that has this text."""
        rows = self.page.get_by_role("row").or_(self.page.get_by_role("listitem"))
        with self._within(self._one(rows.filter(has_text=text), f"row with {text!r}")):
            yield self

    @contextmanager
    def under(self, heading: str) -> Iterator[Self]:
        """Look only at the section or card that begins with this heading."""
        sections = self.page.locator("section, article, form, fieldset")
        part = sections.filter(has=self.page.get_by_role("heading", name=heading)).last
        part.wait_for(timeout=PATIENCE_MS)
        with self._within(part):
            yield self

    @contextmanager
    def _within(self, part: Locator) -> Iterator[None]:
        self._scope, before = part, self._scope
        try:
            yield
        finally:
            self._scope = before

    # --- doing -----------------------------------------------------------------------------------------------------

    def click(self, name: str) -> Self:
        """Press the link, button or menu of this name."""
        self.press(self._found(name))
        return self

    def fill(self, label: str, text: str) -> Self:
        """Type into a field, in the place of what it holds."""
        self._field(label).fill(text)
        return self

    def choose(self, label: str, option: str) -> Self:
        """Choose one of several, from a list or among radio buttons."""
        self.clicks += 1
        field = self._group_or_list(label)
        if field.evaluate("element => element.tagName") == "SELECT":
            field.select_option(index=place_of(field, option))
        else:
            self._one(self._choice(field, option), f"choice {option!r} of {label!r}").check()
        return self

    def tick(self, label: str, *, on: bool = True) -> Self:
        """Tick a box, or take the tick away. One that is so already costs no click."""
        box = self._box(label)
        if box.is_checked() is not on:
            self.clicks += 1
            box.set_checked(on)
        return self

    def download(self, name: str) -> Path:
        """Press what downloads a file, and return where it lies, under the name that the browser gives it."""
        with self.page.expect_download(timeout=PATIENCE_MS) as waiting:
            self.click(name)
        target = self.folder / waiting.value.suggested_filename
        waiting.value.save_as(target)
        return target

    def upload(self, label: str, *files: Path) -> Self:
        """Pick files, or one folder, in the field of this name."""
        self._field(label).set_input_files([*files] if len(files) > 1 else files[0])
        return self

    def log_in(self, name: str, password: str) -> Self:
        """Log in by name and password, from wherever the page to log in is shown."""
        if not self.page.url.startswith(self.origin):
            self.go("/account/login/")
        self.fill("User name or e-mail address", name).fill("Password", password).click("Log in")
        self.page.wait_for_url(lambda url: "/account/login/" not in url)
        return self

    def log_out(self) -> Self:
        """Log out by the menu of the account."""
        self.press(self.page.get_by_role("banner").locator("summary"))
        return self.click("Log out")

    # --- in the end ------------------------------------------------------------------------------------------------

    def forgive(self, pattern: str) -> None:
        """Take it for right that the browser complained of this (a regular expression). It must have."""
        found = [text for text in self.complaints if re.search(pattern, text)]
        assert found, f"nobody complained of {pattern!r}: {self.complaints}"
        self.complaints = [text for text in self.complaints if text not in found]

    def take_complaints(self) -> list[str]:
        """Return what the browser complained of up to now, and forget it."""
        taken, self.complaints = self.complaints, []
        return taken

    def leave(self) -> None:
        """Close the browser's state, and assert that it never complained. Idempotent."""
        try:
            self.context.close()
        except Error:
            pass  # a test that kills a tab closed it already
        complaints = self.take_complaints()
        assert not complaints, "\n".join(["The browser complained:", *complaints])

    # --- finding ---------------------------------------------------------------------------------------------------

    def press(self, thing: Locator) -> None:
        """Press one thing."""
        self.clicks += 1
        thing.click()

    def _text(self, text: str) -> Locator:
        return self._scope.get_by_text(text).filter(visible=True)

    def _found(self, name: str) -> Locator:
        return self._one(self._pressable(name, exact=True), f"link or button {name!r}", self._pressable(name))

    def _pressable(self, name: str, *, exact: bool = False) -> Locator:
        found = self._scope.get_by_role(PRESSED[0], name=name, exact=exact)
        for role in PRESSED[1:]:
            found = found.or_(self._scope.get_by_role(role, name=name, exact=exact))  # type: ignore[arg-type]
        words = re.compile(rf"^\s*{re.escape(name)}\s*$") if exact else name
        return found.or_(self._scope.locator("summary").filter(has_text=words)).filter(visible=True)

    def _field(self, label: str) -> Locator:
        kinds = self.page.locator("input:not([type=checkbox], [type=radio]), textarea, select")
        return self._labelled(label, kinds, "field")

    def _box(self, label: str) -> Locator:
        return self._labelled(label, self.page.locator("input[type=checkbox]"), "box")

    def _group_or_list(self, label: str) -> Locator:
        lists = self._scope.get_by_label(label).and_(self.page.locator("select"))
        groups = self._scope.get_by_role("group", name=label).or_(self._scope.get_by_role("radiogroup", name=label))
        return self._one(lists.or_(groups), f"list or group {label!r}")

    def _choice(self, group: Locator, option: str) -> Locator:
        # More may stand below the word, and other choices may be explained by it.
        return group.get_by_role("radio", name=re.compile(rf"^\s*{re.escape(option)}"))

    def _labelled(self, label: str, kinds: Locator, word: str) -> Locator:
        exact = self._scope.get_by_label(label, exact=True).and_(kinds)
        return self._one(exact, f"{word} {label!r}", self._scope.get_by_label(label).and_(kinds))

    def _one(self, wanted: Locator, words: str, otherwise: Locator | None = None) -> Locator:
        """Return the one thing that this finds in time, `otherwise` where it finds none. Raises Lost."""
        either = wanted if otherwise is None else wanted.or_(otherwise)
        try:
            either.first.wait_for(state="attached", timeout=PATIENCE_MS)
        except Error:
            raise Lost(f"there is no {words} on {self.page.url}:\n{self.read()}") from None
        found = wanted if otherwise is None or wanted.count() else otherwise
        if found.count() > 1:
            # The head of a page has links of its own, such as "Log in": people look at the middle first.
            inside = found.and_(self.page.locator("main *"))
            found = inside if inside.count() else found
        if len({each.get_attribute("href") or number for number, each in enumerate(found.all())}) == 1:
            # Two links to one place are as good as one.
            return found.first
        if found.count() != 1:
            texts = [_GAPS.sub(" ", each.inner_text()) for each in found.all()]
            raise Lost(f"{found.count()} things are a {words} on {self.page.url}: {texts}")
        return found

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        where = message.location["url"]
        # A page that is refused is one that is shown: what it has to say is for the test to read.
        if message.text.startswith(_MISSING) and message.page is not None and where == message.page.url:
            return
        self.complaints.append(f"{message.text} ({where})")


def place_of(options: Locator, option: str) -> int:
    """Return the place of an option in a list, by its words or by their beginning. Raises Lost."""
    texts = [text.strip() for text in options.locator("option").all_inner_texts()]
    if option in texts:
        return texts.index(option)
    found = [place for place, text in enumerate(texts) if text.startswith(option)]
    if len(found) != 1:
        raise Lost(f"{len(found)} of these begin with {option!r}: {texts}")
    return found[0]
