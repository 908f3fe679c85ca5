"""The id of one request to the portal: short enough to read out on the telephone, never the same twice."""

from __future__ import annotations

import secrets
from typing import Final

_LETTERS: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that is taken for another
LENGTH: Final = 12


def new_visit_id() -> str:
    """Return 12 random characters: 2^58 of them."""
    return "".join(secrets.choice(_LETTERS) for _ in range(LENGTH))
