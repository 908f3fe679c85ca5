"""Debian's browsers, driven by Playwright: Chromium, and Firefox through `relay.py`. None is downloaded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, Playwright

CHROMIUM: Final = "/usr/bin/chromium"
# What is switched off asks addresses of its maker; nothing here leaves the machine.
CHROMIUM_OPTIONS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    # The one language that Debian's package always has. The parts of a date stand in its order, whatever the page's.
    "--lang=en-US",
)
FIREFOX_SETTINGS: Final = {
    "app.normandy.enabled": False,
    "app.update.auto": False,
    "browser.safebrowsing.update.enabled": False,
    "browser.search.update": False,
    # A page that answered a form is loaded anew without a question.
    "dom.confirm_repost.testing.always_accept": True,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "data:,",
}
RELAY: Final = Path(__file__).with_name("relay.py")

# A page says nothing of what its policy refused, and Firefox writes it to no console that a driver reads.
_TELL_VIOLATIONS: Final = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`refused by the Content-Security-Policy: ${event.violatedDirective} ${event.blockedURI}`);
});
"""


@contextmanager
def chromium(playwright: Playwright) -> Iterator[Browser]:
    """Run Chromium, with a profile of its own, until the block ends."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=CHROMIUM_OPTIONS)
    try:
        yield browser
    finally:
        browser.close()


@contextmanager
def firefox(playwright: Playwright, folder: Path) -> Iterator[Browser]:
    """Run Firefox, with a profile of its own, until the block ends. `folder` is for the program that starts it."""
    starter = folder / "firefox"
    starter.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{RELAY}" "$@"\n')
    starter.chmod(0o755)
    browser = playwright.firefox.launch(
        channel="moz-firefox", executable_path=starter, firefox_user_prefs=FIREFOX_SETTINGS
    )
    try:
        yield browser
    finally:
        browser.close()


def new_context(browser: Browser, **options: Any) -> BrowserContext:
    """Return a browser's state that nobody used before. The store's local authority is taken for granted."""
    facts: dict[str, Any] = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", **options}
    context = browser.new_context(ignore_https_errors=True, **facts)
    context.add_init_script(_TELL_VIOLATIONS)
    return context
