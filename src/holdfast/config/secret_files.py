"""Files that hold one secret each, such as a client secret: read late, never part of the settings."""

from __future__ import annotations

import stat
from pathlib import Path

from .kinds import SettingError


def read_secret(path: Path, setting: str) -> str:
    """Return the secret in a file, without the line's end. Raises SettingError when others may read it, or none can."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"`{setting}`: {path} can't be read: {getattr(error, 'strerror', None) or error}") from None
    if mode & 0o077:
        raise SettingError(f"`{setting}`: {path} has mode {mode:04o}, so others may read it: run chmod 600 {path}")
    if not text:
        raise SettingError(f"`{setting}`: {path} is empty: it must hold the secret")
    return text
