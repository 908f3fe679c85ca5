"""What is to be seen of the portal: each page in each of its states, and who looks. A page without a row fails a test.

The pictures of `make screenshots` and the tests of accessibility are made from this table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from tests.browser import world
from tests.browser.visitor import Visitor

ERRORS: Final = "errors"
"""What stands in the place of a page's name for pages that have no address of their own."""


class Sheet(NamedTuple):
    """One page in one state."""

    page: str
    """The name of its URL."""
    state: str
    address: str
    """Its path; what stands in braces is a fact of the world."""
    viewer: str = ""
    """Who looks; empty = somebody who is not logged in."""
    act: Callable[[Visitor], object] | None = None
    """What is done on the page first."""

    def __str__(self) -> str:
        return f"{self.page}-{self.state.replace(' ', '-')}"


def _open_menu(visitor: Visitor) -> None:
    visitor.page.locator("header summary").click()


SHEETS: Final = (
    Sheet("styleguide", "whole", "/styleguide/"),
    Sheet("styleguide", "logged in", "/styleguide/", world.ANN, _open_menu),
    Sheet("accessibility", "whole", "/accessibility/"),
    # --- My tenancies ---
    Sheet("home", "empty", "/", world.NED),
    Sheet("home", "one", "/", world.GUS),
    Sheet("home", "many", "/", world.MIA),
    Sheet("home", "long names", "/", world.LENA),
    Sheet("home", "operator", "/", world.OLGA),
    Sheet("tenancy", "empty", f"/tenancies/{world.EMPTY}/", world.MIA),
    Sheet("tenancy", "one", f"/tenancies/{world.ONE}/", world.ANN),
    Sheet("tenancy", "many", f"/tenancies/{world.MANY}/", world.MIA),
    Sheet("tenancy", "long names", f"/tenancies/{world.LONG}/", world.LENA),
    Sheet("tenancy", "suspended", f"/tenancies/{world.HELD}/", world.MIA),
    Sheet("tenancy", "closing", f"/tenancies/{world.CLOSING}/", world.ANN),
    Sheet("tenancy", "quota full", f"/tenancies/{world.FULL}/", world.ANN),
    Sheet("tenancy", "no rights", f"/tenancies/{world.ONE}/", world.NED),
    Sheet("tenancy", "not there", f"/tenancies/{world.NOWHERE}/", world.NED),
    Sheet("tenancy", "operator", f"/tenancies/{world.ONE}/", world.OLGA),
    # --- Errors ---
    Sheet(ERRORS, "no such page", "/nowhere/"),
    Sheet(ERRORS, "spent link", "/login-link/spent/"),
)

WITHOUT_PAGE: Final[Mapping[str, str]] = {
    "brand_css": "a stylesheet",
    "brand_logo": "a picture",
    "health": "one word for monitoring",
    "theme": "answers forms, by a redirect",
}
"""Name of a URL that shows no page of its own → what it does."""
