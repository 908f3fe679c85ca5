"""The access log: one line of JSON for each request, and no secret in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from holdfast.telemetry.access import AccessLog, redact


def add(log: AccessLog, *, path: str = "/b/k", query: str = "", agent: str = "boto3") -> None:
    log.add(
        1_795_432_670_123_456,
        "ID",
        "192.0.2.7",
        "AK",
        "my-o",
        "GetObject",
        "GET",
        path,
        query,
        200,
        "",
        0,
        5,
        143,
        agent,
    )


def test_a_line_says_who_asked_what_and_what_became_of_it(tmp_path: Path) -> None:
    log = AccessLog(tmp_path / "log" / "access.log")
    add(log)
    log.close()
    line = json.loads((tmp_path / "log" / "access.log").read_text())
    assert line == {
        "at": "2026-11-23T11:17:50.123Z", "id": "ID", "from": "192.0.2.7", "key": "AK", "tenancy": "my-o",
        "operation": "GetObject", "method": "GET", "path": "/b/k", "query": "", "status": 200, "error": "", "in": 0, "out": 5,
        "us": 143, "agent": "boto3",
    }  # fmt: skip


@pytest.mark.parametrize("text", ['"}\n{"x":"', "\x00\x1f\x7f", "\xff\xe9", "a" * 100_000])
def test_no_text_of_a_client_breaks_a_line(tmp_path: Path, text: str) -> None:
    log = AccessLog(tmp_path / "access.log")
    add(log, path=text, query=text, agent=text)
    add(log)
    log.close()
    lines = (tmp_path / "access.log").read_text().splitlines()
    assert [json.loads(line)["status"] for line in lines] == [200, 200]


@pytest.mark.parametrize(
    "name",
    [
        "X-Amz-Signature",
        "x-amz-signature",
        "X%2DAmz%2DSignature",
        "X-Amz-Security-Token",
        "X-Amz-Credential",
        "Signature",
    ],
)
def test_what_signs_a_request_is_cut_out(name: str) -> None:
    assert redact(f"a=1&{name}=hidden&b=2") == f"a=1&{name}=…&b=2"
    assert "hidden" not in redact(f"{name}=hidden")


def test_lines_come_out_in_batches_and_in_order(tmp_path: Path) -> None:
    log = AccessLog(tmp_path / "access.log")
    for number in range(1000):
        add(log, path=f"/{number}")
    log.flush()
    lines = (tmp_path / "access.log").read_text().splitlines()
    assert [json.loads(line)["path"] for line in lines] == [f"/{number}" for number in range(1000)]
    log.close()


def test_after_a_rotation_lines_go_to_the_new_file(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    log = AccessLog(path)
    add(log, path="/old")
    path.rename(tmp_path / "access.log.1")
    log.reopen()
    add(log, path="/new")
    log.close()
    assert "/old" in (tmp_path / "access.log.1").read_text()
    assert "/new" in path.read_text()
