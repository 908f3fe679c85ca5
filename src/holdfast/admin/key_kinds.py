"""Kinds of access keys: what their ids say.

A token that people make has an id of letters and digits. Keys that the portal makes for itself have an id that no token
can have, so that no list, no change of a token and no client ever takes one for the other.
"""

from __future__ import annotations

from typing import Final

PORTAL: Final = "PORTAL-"
"""Begins the id of a key that the portal signs with for a person who is logged in."""
LINK: Final = "LINK-"
"""Begins the id of a key that signed one shared link, and ends with it."""

INTERNAL: Final = (PORTAL, LINK)


def is_internal(access_key_id: str) -> bool:
    """Whether the portal made this key for itself. Nobody is ever shown its secret."""
    return access_key_id.startswith(INTERNAL)


def stop_of(kind: str) -> str:
    """Return the least text above every id of a kind: the bound of a scan."""
    return kind[:-1] + chr(ord(kind[-1]) + 1)
