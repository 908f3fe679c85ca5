"""Switches of the whole site, which operators turn while it is served.

A switch is a row: it is on while there is one, and the row's value is what people are told.
"""

from __future__ import annotations

from typing import Final

from holdfast.catalog.interface import Snapshot
from holdfast.catalog.rows import SITE_SETTINGS

READ_ONLY: Final = "read_only"
"""Nobody writes or deletes by S3, in any tenancy. The value is the reason, or empty."""
PUBLIC_FORBIDDEN: Final = "public_forbidden"
"""Nobody makes a bucket public, whatever their role. The value is the reason, or empty."""
ANNOUNCEMENT: Final = "announcement"
"""What every page of the portal says at its top."""


def find_setting(rows: Snapshot, name: str) -> str | None:
    """Return the value of a switch, None when it is off."""
    row = rows.find(SITE_SETTINGS, (name,))
    return None if row is None else row.value
