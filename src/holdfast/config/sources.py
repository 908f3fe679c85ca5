"""Where settings come from: an option wins over the environment, that over HOME/holdfast.toml, that over defaults."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from .kinds import SettingError
from .settings import ALL_SETTINGS, LIMITS, SETTINGS, SITE, Limits, Setting, Settings
from .site import Site

FILE_NAME: Final = "holdfast.toml"
HOME_VARIABLE: Final = "HOLDFAST_HOME"

# Kubernetes puts the first two into every container when a service is called `holdfast`; our tests use the others.
_FOREIGN_VARIABLES: Final = ("HOLDFAST_SERVICE_", "HOLDFAST_PORT", "HOLDFAST_TOOLS", "HOLDFAST_TEST_")

_OPTION_OF: Final = {"trusted_proxies": "--trusted-proxy"}  # One network at a time, so in the singular.

_TABLES: Final = {"limits": LIMITS, "site": SITE}

Given = str | int | bool | Path | Sequence[str]


def default_home(environment: Mapping[str, str]) -> Path:
    """Return HOLDFAST_HOME, or where a home lies when nothing is said: ~/.holdfast, for root /var/lib/holdfast."""
    if given := environment.get(HOME_VARIABLE):
        return Path(given).expanduser()
    return Path("/var/lib/holdfast") if os.geteuid() == 0 else Path.home() / ".holdfast"


def load_settings(home: Path, options: Mapping[str, Given | None], environment: Mapping[str, str]) -> Settings:
    """Return the settings of a home. `options` maps the names of settings to what the command line gave, None =
    nothing.

    Raises SettingError for an unknown name or a value that is not allowed, in whichever source it stands.
    """
    known = {setting.name: setting for setting in ALL_SETTINGS}
    values = _from_file(home / FILE_NAME)
    values |= _from_environment(known, environment)
    for name, given in options.items():
        if given is not None and given != ():
            setting = known[name]
            values[name] = _read(setting, given, f"option {_OPTION_OF.get(name) or '--' + name.replace('_', '-')}")
    limits = Limits(**{setting.name: values.pop(setting.name) for setting in LIMITS if setting.name in values})
    site = Site(**{setting.name: values.pop(setting.name) for setting in SITE if setting.name in values})
    return Settings(home=home, limits=limits, site=site, **values)


def template() -> str:
    """Return the text of a new settings file: every setting with its description and default, as comments."""
    lines = [
        "# holdfast's settings. Each line shows a default: take away its # to change it, and start holdfast again."
    ]
    lines += ["# A command-line option wins over the environment variable, and that over this file.", ""]
    for setting in SETTINGS:
        lines += _described(setting)
    for table, settings in _TABLES.items():
        lines += [f"[{table}]", ""]
        for setting in settings:
            lines += _described(setting)
    return "\n".join(lines).rstrip("\n") + "\n"


def _described(setting: Setting) -> Iterable[str]:
    return (f"# {setting.description}", f"# Allowed: {setting.kind.allowed}. Environment: {setting.variable}.",
            f"#{setting.name} = {setting.default_text}", "")  # fmt: skip


def _from_file(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingError(f"{path} is not a TOML file: {error}") from None
    except OSError as error:
        raise SettingError(f"{path} can't be read: {error.strerror}") from None
    values: dict[str, Any] = {}
    for name, settings in _TABLES.items():
        table = document.pop(name, {})
        if not isinstance(table, dict):
            raise SettingError(f"{path}: `{name}` is a table: write [{name}] on a line of its own")
        values |= _from_table(path, f"{name}.", table, settings)
    return _from_table(path, "", document, SETTINGS) | values


def _from_table(path: Path, prefix: str, table: Mapping[str, Any], settings: Sequence[Setting]) -> dict[str, Any]:
    known = {setting.name: setting for setting in settings}
    values = {}
    for name, given in table.items():
        if name not in known:
            raise SettingError(f"{path}: there is no setting `{prefix}{name}`; {_advice(name, known)}")
        values[name] = _read(known[name], given, f"{path}: `{prefix}{name}`")
    return values


def _from_environment(known: Mapping[str, Setting], environment: Mapping[str, str]) -> dict[str, Any]:
    by_variable = {setting.variable: setting for setting in known.values()}
    values = {}
    for variable, given in environment.items():
        if setting := by_variable.get(variable):
            # A list is written with commas; an empty variable means what an empty line in the file would.
            values[setting.name] = _read(
                setting, given.split(",") if setting.is_list and given else given, f"environment {variable}"
            )
        elif (
            variable.startswith("HOLDFAST_")
            and variable != HOME_VARIABLE
            and not variable.startswith(_FOREIGN_VARIABLES)
        ):
            raise SettingError(f"environment: there is no setting {variable}; {_advice(variable, by_variable)}")
    return values


def _advice(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    return f"did you mean `{near[0]}`?" if near else "allowed are " + ", ".join(names)


def _read(setting: Setting, given: Any, where: str) -> Any:
    """Return the value of a setting from what a source gave for it. Raises SettingError naming the source."""
    try:
        if setting.is_list:
            items = [given] if isinstance(given, str) else given
            if isinstance(items, (list, tuple)) and all(isinstance(item, str) for item in items):
                return tuple(setting.kind.parse(item) for item in items if item.strip())
            raise ValueError
        if given == "" and setting.default is None:
            return None
        if isinstance(given, str | Path):
            return setting.kind.parse(str(given))
        if isinstance(given, int) and not isinstance(given, bool) and setting.kind.is_number:
            return setting.kind.parse(str(given))
        raise ValueError
    except ValueError:
        allowed = f"a list of {setting.kind.allowed}" if setting.is_list else setting.kind.allowed
        raise SettingError(f"{where} is {given!r}: allowed is {allowed}") from None
