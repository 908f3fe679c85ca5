"""What names of tenancies and people look like."""

from __future__ import annotations

import re
from typing import Final

from .errors import Refused

# One label of a host name (RFC 1123), so that a wildcard certificate and a wildcard record cover it. `xn--` would be
# read as another script.
_TENANCY: Final = re.compile(r"(?!xn--)[a-z0-9](?:[a-z0-9-]{1,61}[a-z0-9])", re.ASCII)
_USER: Final = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?", re.ASCII)
_ID: Final = re.compile(r"[0-9a-f]{32}", re.ASCII)
_EMAIL: Final = re.compile(r"[^\s@,;<>\"]{1,64}@[^\s@,;<>\"]{1,255}")
_RESERVED: Final = frozenset({"anonymous", "everyone", "root"})


def check_tenancy_name(name: str) -> None:
    """Raise Refused unless the name can be a tenancy's: 3 to 63 of a-z, 0-9 and inner hyphens, as in a host name."""
    if not _TENANCY.fullmatch(name):
        raise Refused(
            f"`{name}` can't be a tenancy's name: it becomes part of a host name, so use 3 to 63 characters of "
            "a-z, 0-9 and -, with a letter or digit at both ends, such as my-os-tenancy-o"
        )


def check_user_name(name: str) -> None:
    """Raise Refused unless the name can be a person's, and can't be taken for an id or a word of policies."""
    if not _USER.fullmatch(name) or _ID.fullmatch(name) or name in _RESERVED:
        raise Refused(
            f"`{name}` can't be a user's name: use 1 to 64 characters of a-z, 0-9, dot, hyphen and underscore, with a "
            f"letter or digit at both ends, and none of {', '.join(sorted(_RESERVED))}"
        )


def check_email(email: str) -> None:
    """Raise Refused for what can't be an e-mail address; empty is allowed."""
    if email and not (_EMAIL.fullmatch(email) and email.isprintable()):
        raise Refused(f"`{email}` is not an e-mail address")
