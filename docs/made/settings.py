"""Settings and limits, from the records that the settings file is made from."""

from __future__ import annotations

from collections.abc import Sequence

import click

from holdfast.cli.serve import command as serve
from holdfast.config import ALL_SETTINGS, LIMITS, SETTINGS, SITE, Setting

from .markdown import code, table

_HEAD = ("setting", "environment", "option of `serve`", "default", "allowed", "what it does")


def settings() -> str:
    """Return the settings at the top of the file."""
    return _table(SETTINGS)


def limits() -> str:
    """Return those in its table `[limits]`."""
    return _table(LIMITS)


def site() -> str:
    """Return those in its table `[site]`."""
    return _table(SITE)


def _table(records: Sequence[Setting]) -> str:
    options = option_of()
    return table(
        _HEAD,
        [
            (
                code(each.name),
                code(each.variable),
                code(options.get(each.name, "")),
                code(each.default_text),
                each.kind.allowed,
                each.description,
            )
            for each in records
        ],
    )


def option_of() -> dict[str, str]:
    """Return the option of `holdfast serve` for each setting that has one."""
    names = {each.name for each in ALL_SETTINGS}
    return {
        parameter.name: parameter.opts[0]
        for parameter in serve.params
        if isinstance(parameter, click.Option) and parameter.name in names
    }
