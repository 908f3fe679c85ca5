"""Tags as rows keep them and as S3 writes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from holdfast.s3.shapes import Element


@dataclass(frozen=True, slots=True)
class TagEntry:
    key: Annotated[str, Element("Key")]
    value: Annotated[str, Element("Value")]


def encode_tags(tags: Mapping[str, str]) -> str:
    """Return the text in which a row keeps tags; empty for none."""
    return json.dumps(dict(tags), separators=(",", ":"), ensure_ascii=False) if tags else ""


def decode_tags(text: str) -> dict[str, str]:
    """The inverse of `encode_tags`."""
    return json.loads(text) if text else {}


def entries(stored: str) -> tuple[TagEntry, ...]:
    """Return the tags that a row keeps, by key."""
    return tuple(TagEntry(key, value) for key, value in decode_tags(stored).items())
