"""May this version be removed? Every removal asks here, an operator's command included."""

from __future__ import annotations

from holdfast.catalog.rows import ObjectRow

from .errors import ObjectLocked


def check_removable(version: ObjectRow, now_us: int) -> None:
    """Raise `ObjectLocked` while a legal hold or a retention date keeps the version."""
    if version.legal_hold:
        raise ObjectLocked(version.key)
    if version.retain_until_us is not None and version.retain_until_us > now_us:
        raise ObjectLocked(version.key, version.retain_until_us)
