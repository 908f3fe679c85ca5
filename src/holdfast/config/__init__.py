"""Settings: one frozen record, made once at start from options, environment and one file."""

from __future__ import annotations

from .kinds import Address, GroupRole, Network, SettingError
from .secret_files import read_secret
from .settings import ALL_SETTINGS, LIMITS, SETTINGS, SITE, Limits, Setting, Settings
from .site import Site
from .sizes import parse_size, show_size
from .sources import FILE_NAME, default_home, load_settings, template

__all__ = [
    "ALL_SETTINGS",
    "SITE",
    "GroupRole",
    "Site",
    "FILE_NAME",
    "LIMITS",
    "SETTINGS",
    "Address",
    "Limits",
    "Network",
    "Setting",
    "SettingError",
    "Settings",
    "default_home",
    "load_settings",
    "parse_size",
    "read_secret",
    "show_size",
    "template",
]
