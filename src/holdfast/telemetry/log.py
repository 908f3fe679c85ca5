"""The log: one JSON object for each event on standard error, or a readable line where that is a terminal."""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO

import structlog


def set_up_log(stream: TextIO | None = None, *, readable: bool | None = None, least_level: int = logging.INFO) -> None:
    """Send every event of this process and its children, from a level on, to `stream` (standard error).

    Called once, before anything logs.
    """
    target = stream if stream is not None else sys.stderr
    renderer: Any = (
        structlog.dev.ConsoleRenderer(colors=False)
        if (target.isatty() if readable is None else readable)
        else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(least_level),
        logger_factory=structlog.PrintLoggerFactory(target),
        cache_logger_on_first_use=True,
    )


def get_log(room: str) -> Any:
    """Return the logger of one room. Events are short sentences; facts are given by name, never a secret among them."""
    return structlog.get_logger(room=room)
