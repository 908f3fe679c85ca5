"""One holdfast and one browser of each kind for all tests here, and a state of its own for each person in a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright
from tests.browser import browsers
from tests.browser.keyboard import KeyboardVisitor
from tests.browser.place import Place, place
from tests.browser.visitor import Visitor

Visit = Callable[..., Visitor]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark all tests of this directory as slow, and keep those of a module in one process."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.xdist_group(f"browser-{item.path.stem}"))


# No longer than a module's tests, which stay together: while Playwright runs, nobody else in this process can run an
# event loop, nor Django ask its database.
@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    with browsers.chromium(playwright) as browser:
        yield browser


@pytest.fixture(scope="module")
def firefox(playwright: Playwright, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browsers.firefox(playwright, tmp_path_factory.mktemp("firefox")) as browser:
        yield browser


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """A holdfast where anybody may sign up. Each test has tenancies and people of its own."""
    with place(
        tmp_path_factory.mktemp("town") / "home",
        site_name="Polar object store",
        support_contact="help@example.org",
        sign_up="open",
    ) as running:
        yield running


@pytest.fixture
def visit(request: pytest.FixtureRequest, town: Place, tmp_path: Path) -> Iterator[Visit]:
    """Return what sits a person down at a browser: `visit()`, `visit("ann")`, who is logged in, `visit(by="firefox")`."""
    visitors: list[Visitor] = []

    def sit_down(name: str = "", by: str = "mouse") -> Visitor:
        browser = request.getfixturevalue("firefox" if by == "firefox" else "chromium")
        folder = tmp_path / f"downloads-{len(visitors)}"
        folder.mkdir()
        kind = KeyboardVisitor if by == "keyboard" else Visitor
        visitors.append(kind(browsers.new_context(browser), town.origin, folder))
        if name:
            visitors[-1].context.add_cookies([town.session(name)])
        return visitors[-1]

    yield sit_down
    for visitor in visitors:
        visitor.leave()
