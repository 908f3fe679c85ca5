"""E-mail addresses that somebody else gives."""

from __future__ import annotations

from typing import Final

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from holdfast.admin.errors import Refused

LENGTH_MAX: Final = 254
"""Source: https://www.rfc-editor.org/errata/eid1690"""
_NOT_WRITTEN: Final = frozenset('",;:<>()[]\\')
"""Standards allow them in a quoted name or for a host's number; to a mailer they may mean several addresses."""


def read_address(text: str) -> str:
    """Return one e-mail address in small letters. Raises Refused for what is none, or more than one."""
    email = text.strip(" ").lower()
    try:
        validate_email(email)
    except ValidationError:
        email = ""
    if not email or len(email) > LENGTH_MAX or not email.isprintable() or _NOT_WRITTEN & set(email):
        shown = "".join(letter if letter.isprintable() else "�" for letter in text[:100])
        raise Refused(f"`{shown}` is not an e-mail address")
    return email
