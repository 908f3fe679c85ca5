"""Names for people who come from elsewhere: a legal one that nobody has, as near to their own as can be."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from holdfast.admin.errors import Refused
from holdfast.admin.names import check_user_name

from .principals import is_name_taken

LENGTH_MAX: Final = 64
_ILLEGAL: Final = re.compile(r"[^a-z0-9._-]+")


def legal_name(wanted: str) -> str:
    """Return a name that a user can have, made from any text: `Ælfred@uni.example` → `aelfred`; else `user`."""
    text = wanted.partition("@")[0].translate(_SPELT)
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    text = _ILLEGAL.sub("-", text)[:LENGTH_MAX].strip("._-")
    try:
        check_user_name(text)
    except Refused:
        return "user"
    return text


def free_name(wanted: str) -> str:
    """Return a legal name that nobody has now: `ann`, else `ann-2` and so on."""
    return next(name for name in _candidates(legal_name(wanted)) if not is_name_taken(name))


def _candidates(name: str) -> Iterator[str]:
    yield name
    number = 2
    while True:
        end = f"-{number}"
        yield name[: LENGTH_MAX - len(end)] + end
        number += 1


_SPELT: Final = str.maketrans({"Æ": "ae", "æ": "ae", "Ø": "o", "ø": "o", "ß": "ss", "ð": "d", "þ": "th", "ł": "l"})
