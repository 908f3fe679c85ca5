"""Changes to a home beside its running server, as people and time would make them: Django in a process of its own.

Django is configured once in a process, and each server has its own home: what a test needs there is done by a clerk.

    clerk.run(make_person, "gus")    # calls make_person(registry, "gus") over there
"""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec, TypeVar

if TYPE_CHECKING:
    from tests.browser.registry import Registry

Given = ParamSpec("Given")
Answer = TypeVar("Answer")
_REGISTRY: Final[list[Registry]] = []


class Clerk:
    """Does things to a home, one after the other."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def run(
        self, act: Callable[Concatenate[Registry, Given], Answer], *args: Given.args, **kwargs: Given.kwargs
    ) -> Answer:
        """Call a function of a module with the home's registry first, over there, and return what it returns."""
        return self._pool.submit(_run, act, args, kwargs).result(timeout=120)


@contextmanager
def clerk_of(home: Path, options: Mapping[str, Any], environment: Mapping[str, str]) -> Iterator[Clerk]:
    """Employ a clerk at a home that is there, until the block ends. Its settings are read as its server's are."""
    # Not a fork: a browser's driver runs threads in this process.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, _open, (home, options, environment)) as pool:
        yield Clerk(pool)


def _open(path: Path, options: Mapping[str, Any], environment: Mapping[str, str]) -> None:
    from tests.browser.registry import Registry

    from holdfast import assemble
    from holdfast.config import load_settings
    from holdfast.portal.house import open_house
    from holdfast.portal.start import configure, migrate
    from holdfast.telemetry.log import set_up_log

    set_up_log(least_level=logging.WARNING)
    settings = load_settings(path, options, environment)
    home = assemble.open_home(settings, create=False)
    configure(settings, home)
    migrate(home)
    _REGISTRY.append(Registry(open_house(settings, home)))


def _run(act: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    from django.db import close_old_connections

    try:
        return act(_REGISTRY[0], *args, **kwargs)
    finally:
        close_old_connections()
