"""Keys in forms: spelt so that a browser gives them back unchanged.

A key is any text, and browsers turn each line break in a field into CR LF.
"""

from __future__ import annotations

from urllib.parse import quote, unquote_to_bytes


def spell(key: str) -> str:
    """Return a key in the spelling of a hidden field or a checkbox: percent-encoded, of ASCII alone."""
    return quote(key, safe="/")


def unspell(text: str) -> str | None:
    """Return the key that `spell` wrote; None for what it never wrote."""
    try:
        key = unquote_to_bytes(text).decode()
    except UnicodeError:
        return None
    return key if spell(key) == text else None
