"""Where pages about one bucket are, and how keys are shown on them. A key is any text, so it travels as a parameter."""

from __future__ import annotations

import unicodedata
from typing import Final
from urllib.parse import quote, urlencode

from holdfast.portal.tenancies.pages import Crumb, tenancy_path

_PICTURES: Final = 0x2400  # Unicode, "Control Pictures": one for each of the first 32 characters
_HIDDEN: Final = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"))


def bucket_path(tenancy: str, bucket: str, rest: str = "", **parameters: str) -> str:
    """Return the path of a page about a bucket. Parameters that are empty are left out."""
    query = urlencode({name: value for name, value in parameters.items() if value}, quote_via=quote)
    return tenancy_path(tenancy, f"buckets/{quote(bucket, safe='')}/{rest}") + (f"?{query}" if query else "")


def object_path(tenancy: str, bucket: str, key: str, rest: str = "") -> str:
    """Return the path of a page about an object."""
    return bucket_path(tenancy, bucket, f"object/{rest}", key=key)


def folder_of(key: str) -> str:
    """Return the folder that a key is shown in: all up to the last slash before its name."""
    head, slash, _ = key.rstrip("/").rpartition("/")
    return head + slash


def name_of(key: str) -> str:
    """Return what a key is called within its folder; a key of slashes alone is its own name."""
    return key[len(folder_of(key)) :] or key


def shown(text: str) -> str:
    """Return a key or value as people can read it: what is invisible, or turns the text round, is made visible."""
    if text.isprintable() and text == text.strip(" "):
        return text
    inner = text.strip(" ")
    before = len(text) - len(text.lstrip(" "))
    after = len(text) - before - len(inner)
    return "␠" * before + "".join(map(_shown, inner)) + "␠" * after


def _shown(character: str) -> str:
    code = ord(character)
    if code < 0x20:
        return chr(_PICTURES + code)
    if code == 0x7F:
        return "␡"
    if unicodedata.category(character) in _HIDDEN:
        return f"‹U+{code:04X}›"
    return character


def bucket_crumbs(tenancy: str, bucket: str, prefix: str = "") -> list[Crumb]:
    """Return the way back from a page below a bucket: the list of buckets, the bucket, each folder of a prefix."""
    crumbs = [Crumb("Buckets", tenancy_path(tenancy, "buckets/")), Crumb(bucket, bucket_path(tenancy, bucket))]
    position = 0
    while (slash := prefix.find("/", position)) >= 0:
        name = prefix[position:slash]
        crumbs.append(Crumb(shown(name) or "/", bucket_path(tenancy, bucket, prefix=prefix[: slash + 1])))
        position = slash + 1
    return crumbs
