"""The log: which events are written, and in which form."""

from __future__ import annotations

import io
import json
import logging

import structlog

from holdfast.telemetry.log import set_up_log


def test_events_below_the_least_level_are_left_out() -> None:
    stream = io.StringIO()
    before = structlog.get_config()
    try:
        set_up_log(stream, least_level=logging.WARNING)
        log = structlog.get_logger(room="test")
        log.info("a job went well")
        log.warning("a job went wrong", job="scrub")
    finally:
        structlog.configure(**before)
    (line,) = stream.getvalue().splitlines()
    assert json.loads(line)["event"] == "a job went wrong"
