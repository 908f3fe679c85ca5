"""`holdfast doctor`: look for what is wrong with a home and this machine."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import click

from .desk import Desk, desk_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdfast.admin.endpoints import Serving
    from holdfast.assemble import Home
    from holdfast.config import Settings
    from holdfast.jobs.checkup import Check

TENANCIES_MAX: Final = 3
"""How many tenancies' names are looked up."""


@desk_command("holdfast doctor", "holdfast doctor --home /srv/store --json", name="doctor")
def command(desk: Desk) -> None:
    """Look at the home and this machine, and print one line for each thing, with the next step where one is needed.

    Changes nothing. Exit code 1 when something fails.
    """
    from holdfast.assemble import HomeError, find_serving
    from holdfast.jobs.checkup import Finding, examine

    settings = desk.settings()
    findings: list[Finding] = []
    try:
        home = desk.home(settings)
    except HomeError as error:
        findings.append(Finding("home", "fail", str(error), "name the home with --home"))
    else:
        findings += examine(_checks(settings, home, find_serving(home, settings)))
    width = max(len(finding.subject) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{finding.state:<4}  {finding.subject:<{width}}  {finding.text}")
        if finding.advice:
            lines.append(f"      {'':<{width}}  → {finding.advice}")
    desk.answer([finding._asdict() for finding in findings], lines)
    if any(finding.state == "fail" for finding in findings):
        raise click.exceptions.Exit(1)


def _checks(settings: Settings, home: Home, serving: Serving) -> Sequence[tuple[str, Check]]:
    from holdfast.jobs.checkup import home as homes
    from holdfast.jobs.checkup import machine, network

    now_us = time.time_ns() // 1000
    is_running = serving.is_running
    return (
        ("home", lambda: homes.check_modes(home)),
        ("catalog", lambda: homes.check_catalog(home, now_us)),
        ("disk", lambda: machine.check_disk(home)),
        ("file system", lambda: machine.check_file_system(home)),
        ("sync", lambda: machine.check_sync(home)),
        ("limits", machine.check_limits),
        ("packages", machine.check_packages),
        ("server", lambda: homes.check_board(home, now_us, is_running=is_running)),
        ("ports", lambda: network.check_ports(serving)),
        ("ready", lambda: network.check_ready(serving)),
        ("certificates", lambda: network.check_certificates([serving.tls_dir or home.tls])),
        ("certificates", lambda: network.check_served_certificates(serving, _tenancies(home))),
        ("names", lambda: network.check_names(serving, _tenancies(home))),
        ("jobs", lambda: homes.check_jobs(home, now_us, is_running=is_running)),
        ("backup", lambda: homes.check_backup(home, now_us)),
    )


def _tenancies(home: Home) -> list[str]:
    from holdfast.admin.tenancies import list_tenancies
    from holdfast.assemble import open_catalog

    catalog = open_catalog(home)
    try:
        with catalog.read() as rows:
            return [tenancy.name for tenancy in list_tenancies(rows)][:TENANCIES_MAX]
    finally:
        catalog.close()
