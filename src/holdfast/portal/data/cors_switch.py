"""The CORS switch: whether web pages of other origins may read a bucket, as one rule that viewers of data need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from holdfast.s3.documents import cors

# What viewers of Zarr ask for (ranges and conditions) and have to see of an answer. Writing is for programs, not for
# any page; who may read at all is still said by policies and signatures.
RULE: Final = cors.Rule(
    allowed_methods=("GET", "HEAD"),
    allowed_origins=("*",),
    allowed_headers=("*",),
    expose_headers=("Accept-Ranges", "Content-Encoding", "Content-Length", "Content-Range", "ETag", "Last-Modified"),
    max_age_s=3600,
    id="read-by-web-pages",
)
DOCUMENT: Final = cors.write((RULE,))


class Switch(NamedTuple):
    """How the switch stands."""

    is_on: bool
    """Whether any page may read, by the rule above."""
    rules: Sequence[str]
    """Rules of somebody's own in plain words, where there are such."""


def switch_of(document: str) -> Switch:
    """Return how the switch stands by a bucket's CORS document, empty for none."""
    if not document:
        return Switch(False, ())
    rules = cors.parse(document.encode())
    if rules == (RULE,):
        return Switch(True, ())
    return Switch(False, [_words(rule) for rule in rules])


def _words(rule: cors.Rule) -> str:
    origins = "any web page" if "*" in rule.allowed_origins else f"pages of {', '.join(rule.allowed_origins)}"
    return f"{', '.join(rule.allowed_methods)} by {origins}"
