"""The desk of a person who downloaded files in a browser: other people's clients, where the store's names resolve."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from tests.clients.running import Desk

# The one thing that is changed for these programs: what stands in /etc/hosts. Browsers know names below localhost.
_ENTER = 'mount --bind "$1" /etc/hosts && shift && exec "$@"'


def desk_with_names(home: Path, names: Iterable[str]) -> Desk:
    """Return a desk at which these host names are this machine's own. It needs root, or user namespaces."""
    home.mkdir(parents=True, exist_ok=True)
    hosts = home / ".hosts"
    hosts.write_text("".join(f"127.0.0.1 {name}\n" for name in ("localhost", *names)))
    user = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    return Desk(home, prefix=["unshare", "--mount", *user, "sh", "-c", _ENTER, "sh", str(hosts)])
