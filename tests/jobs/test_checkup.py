from __future__ import annotations

import json
import os
import resource
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from holdfast import assemble
from holdfast.admin.endpoints import Serving
from holdfast.auth.keyring import Keyring, secret_context
from holdfast.blobs.interface import Blobs
from holdfast.catalog.rows import ACCESS_KEYS, AUDIT, SITE_SETTINGS, AccessKeyRow, AuditRow, SiteSettingRow
from holdfast.config import Address, Settings
from holdfast.jobs.checkup import Finding, examine, machine, network
from holdfast.jobs.checkup import home as homes
from holdfast.jobs.patrol import note_pass
from holdfast.telemetry.board import Board

NOW_US = 1_800_000_000_000_000
MINUTE_US = 60_000_000
DAY_US = homes.DAY_US


@pytest.fixture
def home(tmp_path: Path) -> assemble.Home:
    home = assemble.open_home(Settings(home=tmp_path / "home"), create=True)
    assemble.open_catalog(home).close()
    return home


def states(found: Iterator[Finding]) -> dict[str, str]:
    """The worst state of each subject."""
    order = ["ok", "warn", "fail"]
    worst: dict[str, str] = {}
    for finding in found:
        assert (finding.advice != "") == (finding.state != "ok"), finding
        worst[finding.subject] = max(worst.get(finding.subject, "ok"), finding.state, key=order.index)
    return worst


def test_a_new_home_is_well(home: assemble.Home) -> None:
    assert states(homes.check_modes(home)) == {"home": "ok"}
    assert states(homes.check_catalog(home, NOW_US)) == {"catalog": "ok", "keyring": "ok", "clock": "ok"}
    assert states(machine.check_packages()) == {"packages": "ok"}
    assert states(homes.check_board(home, NOW_US, is_running=False)) == {"server": "ok"}


def test_a_home_that_others_may_read_fails(home: assemble.Home) -> None:
    home.root.chmod(0o755)
    assert states(homes.check_modes(home)) == {"home": "fail"}
    home.root.chmod(0o700)
    home.catalog_file.chmod(0o644)
    (finding,) = [each for each in homes.check_modes(home) if each.state == "fail"]
    assert finding.advice == f"chmod 600 {home.catalog_file}"


def test_a_lost_or_open_keyring_fails_once_there_are_access_keys(home: assemble.Home) -> None:
    catalog = assemble.open_catalog(home)
    row = AccessKeyRow("a", "t", "u", b"", 1, "", 0, None, "active", 0, "[]", "[]")
    catalog.commit([lambda tx: tx.add(ACCESS_KEYS, row)])
    catalog.close()
    assert states(homes.check_catalog(home, NOW_US))["keyring"] == "fail"
    Keyring.load_or_create(home.keyring_file, lambda: False)
    assert states(homes.check_catalog(home, NOW_US))["keyring"] == "ok"
    home.keyring_file.chmod(0o640)
    assert states(homes.check_catalog(home, NOW_US))["keyring"] == "fail"


def test_a_keyring_of_another_home_fails(home: assemble.Home) -> None:
    sealed, version = Keyring({1: bytes(32)}).seal("secret", secret_context("t", "a"))
    row = AccessKeyRow("a", "t", "u", sealed, version, "", 0, None, "active", 0, "[]", "[]")
    catalog = assemble.open_catalog(home)
    catalog.commit([lambda tx: tx.add(ACCESS_KEYS, row)])
    catalog.close()
    Keyring.load_or_create(home.keyring_file, lambda: False)
    (finding,) = [each for each in homes.check_catalog(home, NOW_US) if each.subject == "keyring"]
    assert finding.state == "fail"
    assert "1 of 1 access keys" in finding.text
    assert "holdfast keyring new" in finding.advice


def test_a_damaged_and_a_lost_catalog_fail(home: assemble.Home) -> None:
    home.catalog_file.write_bytes(b"not a database at all" * 1000)
    assert states(homes.check_catalog(home, NOW_US)) == {"catalog": "fail"}


def test_a_catalog_that_is_lost_is_not_made_anew_over_blobs(home: assemble.Home) -> None:
    blobs: Blobs = assemble.open_blobs(home)
    staged = blobs.stage(5)
    staged.write(b"bytes")
    staged.seal()
    blobs.flush([staged])
    blobs.close()
    home.catalog_file.unlink()
    with pytest.raises(assemble.HomeError, match=r"is lost, but there are blobs"):
        assemble.open_catalog(home)
    assert states(homes.check_catalog(home, NOW_US)) == {"catalog": "fail"}
    assert not home.catalog_file.exists()


def test_a_clock_behind_the_catalog_fails(home: assemble.Home) -> None:
    catalog = assemble.open_catalog(home)
    catalog.commit([lambda tx: tx.add(AUDIT, AuditRow(NOW_US, "a", "cli", "x", "y", "", ""))])
    catalog.close()
    assert states(homes.check_catalog(home, NOW_US - MINUTE_US))["clock"] == "ok"
    assert states(homes.check_catalog(home, NOW_US - 2 * MINUTE_US))["clock"] == "fail"


def test_a_store_that_operators_left_read_only_is_told(home: assemble.Home) -> None:
    catalog = assemble.open_catalog(home)
    catalog.commit([lambda rows: rows.add(SITE_SETTINGS, SiteSettingRow("read_only", "new disks"))])
    catalog.close()
    found = [finding for finding in homes.check_catalog(home, NOW_US) if finding.subject == "site"]
    text = "operators have made the store read-only: new disks"
    assert found == [Finding("site", "warn", text, "holdfast site read-only off")]


def test_a_read_only_home_and_a_silent_process_are_told(home: assemble.Home) -> None:
    board = Board.create(home.run / "board")
    slot = board.slot(0)
    slot.take("instance")
    (living,) = board.living()
    assert states(homes.check_board(home, living.beat_us, is_running=True)) == {"server": "ok"}
    assert states(homes.check_board(home, living.beat_us + 2 * MINUTE_US, is_running=True)) == {"server": "warn"}
    board.set_read_only()
    assert states(homes.check_board(home, living.beat_us, is_running=True)) == {"server": "fail"}
    (home.run / "board").unlink()
    assert states(homes.check_board(home, NOW_US, is_running=True)) == {"server": "fail"}


def test_jobs_that_fail_or_stand_still_are_told(home: assemble.Home) -> None:
    def write(at_us: int, fault: str) -> None:
        home.jobs_file.write_text(json.dumps({"collect": {"at_us": at_us, "fault": fault}}))

    home.scrub_file.write_text(json.dumps({"finished_us": NOW_US, "faults": []}))
    write(NOW_US - MINUTE_US, "")
    assert states(homes.check_jobs(home, NOW_US, is_running=True)) == {"jobs": "ok", "scrub": "ok"}
    write(NOW_US - 20 * MINUTE_US, "")
    home.serving_file.touch()
    os.utime(home.serving_file, ns=((NOW_US - MINUTE_US) * 1000,) * 2)
    assert states(homes.check_jobs(home, NOW_US, is_running=True))["jobs"] == "ok", "it has only just begun"
    home.serving_file.unlink()
    write(NOW_US - MINUTE_US, "no such thing")
    assert states(homes.check_jobs(home, NOW_US, is_running=True))["jobs"] == "warn"
    write(NOW_US - 20 * MINUTE_US, "")
    assert states(homes.check_jobs(home, NOW_US, is_running=True))["jobs"] == "warn"
    assert "jobs" not in states(homes.check_jobs(home, NOW_US, is_running=False))


@pytest.mark.parametrize(
    ("age_days", "faults", "state"), [(7, [], "ok"), (8, [], "warn"), (0, ["key k is rotten"], "fail")]
)
def test_what_the_last_scrub_found_and_when_is_told(
    home: assemble.Home, age_days: int, faults: list[str], state: str
) -> None:
    home.scrub_file.write_text(json.dumps({"finished_us": NOW_US - age_days * DAY_US, "faults": faults}))
    assert states(homes.check_jobs(home, NOW_US, is_running=False)) == {"scrub": state}


@pytest.mark.parametrize(("by_hand_us", "state"), [(NOW_US - 1, "ok"), (NOW_US - 3, "fail")])
def test_the_newer_of_two_scrubs_counts(home: assemble.Home, by_hand_us: int, state: str) -> None:
    home.scrub_file.write_text(json.dumps({"finished_us": NOW_US - 2, "faults": ["key k is rotten"]}))
    note_pass(home.last_scrub_file, by_hand_us, [])
    assert states(homes.check_jobs(home, NOW_US, is_running=False)) == {"scrub": state}


def test_a_home_without_a_pass_of_scrub_is_well_for_a_week(home: assemble.Home) -> None:
    for age_days, state in ((6, "ok"), (8, "warn")):
        os.utime(home.format_file, ns=((NOW_US - age_days * DAY_US) * 1000,) * 2)
        assert states(homes.check_jobs(home, NOW_US, is_running=False)) == {"scrub": state}


def test_the_age_of_the_backup_is_told(home: assemble.Home) -> None:
    assert states(homes.check_backup(home, NOW_US)) == {"backup": "warn"}
    for age_days, state in ((7, "ok"), (8, "warn")):
        home.last_backup_file.write_text(json.dumps({"at_us": NOW_US - age_days * DAY_US, "to": "/mnt/b"}))
        assert states(homes.check_backup(home, NOW_US)) == {"backup": state}


def test_a_full_disk_fails_and_one_that_fills_up_warns(home: assemble.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs(home.root)

    def disk_of(free_share: float) -> None:
        blocks = int(real.f_blocks * free_share)
        fields = list(real)
        fields[3] = fields[4] = blocks
        monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(fields))

    disk_of(0.9)
    assert states(machine.check_disk(home))["disk"] == "ok"
    disk_of(0.04)
    assert states(machine.check_disk(home))["disk"] == "warn"
    disk_of(0.0)
    assert states(machine.check_disk(home))["disk"] == "fail"


def test_a_sync_that_fails_or_is_slow_is_told(home: assemble.Home, monkeypatch: pytest.MonkeyPatch) -> None:
    (finding,) = machine.check_sync(home)
    assert finding.state in ("ok", "warn")
    assert list(home.run.glob("doctor-*")) == []

    def fail(fd: int) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", fail)
    assert states(machine.check_sync(home)) == {"sync": "fail"}
    assert list(home.run.glob("doctor-*")) == []


def test_the_file_system_is_that_of_the_longest_mount(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mounts = f"/dev/a / ext4 rw 0 0\nnone {tmp_path} tmpfs rw 0 0\nnone {tmp_path}/ho nfs rw 0 0\n"
    monkeypatch.setattr(Path, "read_text", lambda self, **_: mounts)
    assert machine.file_system_of(tmp_path / "home") == "tmpfs"
    assert machine.file_system_of(Path("/")) == "ext4"


class Answering(BaseHTTPRequestHandler):
    status = "ok"

    def do_GET(self) -> None:
        body = json.dumps({"status": self.status}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()
    Answering.status = "ok"


def serving(port: int, *, is_running: bool) -> Serving:
    return Serving("s3.localhost", "ext.localhost", (Address("127.0.0.1", port),), (), is_running)


def test_a_running_server_answers_and_is_ready(server: HTTPServer) -> None:
    here = serving(server.server_port, is_running=True)
    assert states(network.check_ports(here)) == {"ports": "ok"}
    assert states(network.check_ready(here)) == {"ready": "ok"}
    Answering.status = "read-only"
    assert states(network.check_ready(here)) == {"ready": "fail"}


def test_ports_that_are_taken_or_dead_fail() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert states(network.check_ports(serving(port, is_running=False))) == {"ports": "fail"}
    assert states(network.check_ports(serving(port, is_running=False))) == {"ports": "ok"}
    dead = serving(port, is_running=True)
    assert states(network.check_ports(dead)) == {"ports": "fail"}
    assert states(network.check_ready(dead)) == {"ready": "fail"}


@pytest.mark.parametrize("kind", ["portal", "legacy_portal"])
def test_the_ports_of_the_portal_are_looked_at_too(server: HTTPServer, kind: str) -> None:
    here = serving(0, is_running=False)
    for is_running, state in ((True, "ok"), (False, "fail")):
        ports = {kind: (Address("127.0.0.1", server.server_port),)}
        found = here._replace(s3=(), is_running=is_running, **ports)
        assert states(network.check_ports(found)) == {"ports": state}


def certificate(path: Path, starts: datetime, ends: datetime) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "example")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(starts)
        .not_valid_after(ends)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(made.public_bytes(serialization.Encoding.PEM))


@pytest.mark.parametrize(("days_left", "state"), [(60, "ok"), (20, "warn"), (-1, "fail")])
def test_the_days_that_a_certificate_has_left_are_told(tmp_path: Path, days_left: int, state: str) -> None:
    now = datetime(2027, 1, 1, tzinfo=UTC)
    certificate(tmp_path / "site.pem", now - timedelta(days=90), now + timedelta(days=days_left, hours=1))
    assert states(network.check_certificates([tmp_path], now)) == {"certificates": state}


def test_a_certificate_that_is_no_certificate_or_of_the_future_fails(tmp_path: Path) -> None:
    now = datetime(2027, 1, 1, tzinfo=UTC)
    certificate(tmp_path / "site.pem", now + timedelta(days=1), now + timedelta(days=90))
    assert states(network.check_certificates([tmp_path], now)) == {"certificates": "fail"}
    (tmp_path / "site.pem").write_text("nonsense")
    assert states(network.check_certificates([tmp_path], now)) == {"certificates": "fail"}


@pytest.mark.parametrize(("hard", "state"), [(1024, "warn"), (4096, "ok"), (resource.RLIM_INFINITY, "ok")])
def test_the_hard_limit_of_open_files_counts(monkeypatch: pytest.MonkeyPatch, hard: int, state: str) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1024, hard))
    assert states(machine.check_limits()) == {"limits": state}


def test_names_that_lead_here_are_well_and_others_warn(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {"a.s3.localhost": "127.0.0.1", "a.ext.localhost": "192.0.2.1"}

    def look_up(host: str, *_: object, **__: object) -> list[object]:
        if host not in known:
            raise socket.gaierror(-2, "Name or service not known")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (known[host], 0))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    found = list(network.check_names(serving(1, is_running=True), ["a", "b"]))
    assert [finding.state for finding in found] == ["ok", "warn", "warn", "warn"]


def test_a_check_that_fails_itself_keeps_no_other_from_being_made() -> None:
    def broken() -> Iterator[Finding]:
        raise RuntimeError("oh")
        yield

    found = list(examine([("a", broken), ("b", lambda: iter([Finding("b", "ok", "")]))]))
    assert [(finding.subject, finding.state) for finding in found] == [("a", "fail"), ("b", "ok")]
