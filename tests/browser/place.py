"""A running holdfast with its portal, the clerk who changes its home, and its outbox."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Final

from playwright._impl._api_structures import SetCookieParam
from tests.browser.clerk import Clerk, clerk_of
from tests.browser.registry import session_of
from tests.serving import Store, serve

MAIL_TIMEOUT_S: Final = 20
_LINK: Final = re.compile(r"https://\S+")


@dataclass(frozen=True, slots=True)
class Place:
    """What a journey happens in."""

    store: Store
    clerk: Clerk

    @property
    def origin(self) -> str:
        """The portal's address, without a path."""
        return str(self.store.facts["portal_url"])

    def session(self, name: str) -> SetCookieParam:
        """Return the cookie with which a person is logged in since just now."""
        key = self.clerk.run(session_of, name)
        return {"name": "__Host-session", "value": key, "url": self.origin, "secure": True, "httpOnly": True}

    def mails(self, address: str) -> list[EmailMessage]:
        """Return what waits in the outbox for an address, the oldest first."""
        found = []
        for path in sorted((self.store.home / "outbox").glob("*.eml")):
            message = message_from_bytes(path.read_bytes(), policy=policy.default)
            assert isinstance(message, EmailMessage)
            if str(message["To"]) == address:
                found.append(message)
        return found

    def mail(self, address: str, subject: str) -> EmailMessage:
        """Return the newest mail to an address whose subject holds these words, as soon as it is in the outbox."""
        give_up_s = time.monotonic() + MAIL_TIMEOUT_S
        while True:
            found = [mail for mail in self.mails(address) if subject.lower() in str(mail["Subject"]).lower()]
            if found:
                return found[-1]
            subjects = [str(mail["Subject"]) for mail in self.mails(address)]
            assert time.monotonic() < give_up_s, f"no mail to {address} about {subject!r}, only {subjects}"
            time.sleep(0.1)

    def faults(self) -> list[str]:
        """Return the lines of the server's log that tell of a fault of ours."""
        lines = self.store.log.read_text(encoding="utf-8").splitlines()
        return [line for line in lines if '"level": "error"' in line or "Traceback" in line]


def text_of(mail: EmailMessage) -> str:
    """Return what a person reads of a mail."""
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def link_in(mail: EmailMessage) -> str:
    """Return the first link of a mail."""
    found = _LINK.search(text_of(mail))
    assert found is not None, text_of(mail)
    return found[0].rstrip(".")


@contextmanager
def place(home: Path, **settings: str) -> Iterator[Place]:
    """Run a holdfast with a portal until the block ends, and assert that its log tells of no fault.

    `settings` are settings by their names, such as sign_up="open".
    """
    environment = {f"HOLDFAST_{name.upper()}": value for name, value in settings.items()}
    with serve(home, portal=["127.0.0.1:0"], environment=environment) as store:
        options = {"portal": store.facts["portal"], "portal_url": store.facts["portal_url"]}
        with clerk_of(home, options, environment) as clerk:
            running = Place(store, clerk)
            yield running
    assert not running.faults(), "\n".join(running.faults())
