"""The head of an HTTP request, as it came over the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Head(NamedTuple):
    """One request head, undecoded: signatures are made over exactly these characters.

    All text is the wire's bytes read as Latin-1, so that `text.encode("latin-1")` gives the bytes back.
    """

    method: str
    """Upper-case: `GET`."""
    raw_path: str
    """The target up to the first `?`: percent-encoding untouched, `//`, `.` and a trailing `/` kept."""
    raw_query: str
    """The target after the first `?`, or empty."""
    headers: Mapping[str, str]
    """Lower-case name → value with outer white space stripped. Repeated headers are joined by `,`."""
