"""What Django says by itself, in our log and in our words: it would write the path of each request that it refuses.

Paths hold links that stand in for a password. Each request is in the log already, by the name of its page
(`middleware.Visit`).
"""

from __future__ import annotations

import logging

from holdfast.telemetry.log import get_log

_log = get_log("portal")


class ToOurLog(logging.Handler):
    """Hands on faults with their tracebacks, and that a request was refused; nothing that a request said."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("django.security"):
            _log.warning("a request was refused before any page saw it", kind=record.name.rpartition(".")[2])
        elif record.levelno >= logging.ERROR:
            # The words alone, without what they would be filled with.
            _log.error("Django reports a fault", said=str(record.msg), exc_info=record.exc_info)


def listen() -> None:
    """Take Django's loggers over. Idempotent."""
    logger = logging.getLogger("django")
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    if not any(isinstance(handler, ToOurLog) for handler in logger.handlers):
        logger.addHandler(ToOurLog())
