"""Who may look around in the demo's portal, and the links that let them in: made in a process of its own.

    python -m holdfast.cli.demo.visitors HOME     prints JSON: name → link

The demo itself goes on as the parent of all servers, and must have no database open.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final, NamedTuple

LINK_HOURS: Final = 24


class Visitor(NamedTuple):
    """Somebody to be in the portal."""

    full_name: str
    part: str
    """What they are there, in words."""


VISITORS: Final[Mapping[str, Visitor]] = {
    "bob": Visitor("Bob Researcher", "a researcher"),
    "alice": Visitor("Alice Manager", "the manager of his tenancy"),
    "olga": Visitor("Olga Operator", "an operator of the site"),
}
OPERATOR: Final = "olga"


def login_links(home: Path) -> Mapping[str, str]:
    """Return name → a link that logs in once, within a day. Links of an earlier call stop working."""
    words = [sys.executable, "-m", "holdfast.cli.demo.visitors", str(home)]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    links: Mapping[str, str] = json.loads(done.stdout)
    return links


def _make(home: Path) -> dict[str, str]:
    from holdfast.cli.desk import Desk
    from holdfast.cli.reception import accounts

    with accounts(Desk(home, as_json=True)) as office:
        from holdfast.portal.people.accounts import get_account, invite, set_operator
        from holdfast.portal.people.backends import find_by_login
        from holdfast.portal.people.links import login_link
        from holdfast.portal.people.models import LoginLink

        links = {}
        for name, visitor in VISITORS.items():
            person = find_by_login(name)
            if person is None:
                # Nothing is delivered to .invalid (RFC 2606).
                person = invite(office, name, f"{name}@demo.invalid", visitor.full_name, tells=False).person
            LoginLink.objects.filter(person=person).delete()
            links[name] = login_link(person, timedelta(hours=LINK_HOURS))
        set_operator(office, get_account(OPERATOR), is_operator=True)
    return links


if __name__ == "__main__":
    print(json.dumps(_make(Path(sys.argv[1]))))
