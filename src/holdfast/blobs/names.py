"""How containers are named. A name says who made it, is never used twice, and never comes from a client."""

from __future__ import annotations

import base64
import re
import secrets

_RANDOM_BYTES = 5
_SEGMENT = re.compile(r"s([a-z2-7]{8})-[0-9]+")
_FILE = re.compile(r"f([a-z2-7]{8})-[0-9]+-[a-z2-7]{8}")


def random_name() -> str:
    """Return eight lower-case base32 characters (40 bits)."""
    return base64.b32encode(secrets.token_bytes(_RANDOM_BYTES)).decode("ascii").lower()


def segment_id(instance: str, number: int) -> str:
    """Name the n-th segment of an instance; many small blobs share it."""
    return f"s{instance}-{number}"


def file_id(instance: str, number: int) -> str:
    """Name the n-th large blob of an instance; it is a container of its own."""
    return f"f{instance}-{number}-{random_name()}"


def instance_of(container_id: str) -> str | None:
    """Return the instance that made a container, or None if this is no container's name."""
    match = _SEGMENT.fullmatch(container_id) or _FILE.fullmatch(container_id)
    return match[1] if match else None


def is_segment(container_id: str) -> bool:
    """Whether a container's name is a segment's."""
    return container_id.startswith("s")
