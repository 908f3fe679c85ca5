"""`backup`, `restore`, `scrub` and `doctor`, as an operator runs them."""

from __future__ import annotations

import json
import re
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.request import urlopen

import pytest
from cryptography import x509
from tests.cli.conftest import Terminal
from tests.edge.test_tls import issue
from tests.jobs.depot import Depot
from tests.serving import serve

from holdfast import assemble
from holdfast.blobs.layout import Layout
from holdfast.config import Settings


@pytest.fixture
def filled(terminal: Terminal) -> Terminal:
    """A home with one tenancy, one key of it, and an object in a file of its own."""
    home = assemble.open_home(Settings(home=terminal.home), create=True)
    depot = Depot(assemble.open_catalog(home), lambda: assemble.open_blobs(home))
    depot.put("precious", depot.noise(2_000_000))
    depot.put("small", b"small")
    depot.blobs.close()
    depot.workshop.blobs.close()
    depot.catalog.close()
    terminal.ok("user", "create", "mary")
    terminal.ok("member", "add", "ten-o", "mary", "--role", "MANAGER")
    terminal.ok("key", "create", "ten-o", "mary")
    return terminal


def large_blob(home: Path) -> Path:
    (fact,) = [fact for fact in Layout(home / "blobs").scan() if fact.size_bytes > 1_000_000]
    return Layout(home / "blobs").path_of(fact.container_id)


def flip(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(1_000_000)
        byte = file.read(1)[0]
        file.seek(1_000_000)
        file.write(bytes([byte ^ 1]))


def test_a_backup_is_restored_and_says_what_to_keep_apart(filled: Terminal, tmp_path: Path) -> None:
    said = filled.ok("backup", str(tmp_path / "to"))
    assert str(filled.home / "keyring") in said
    other = Terminal(tmp_path / "other")
    answer = other.json("restore", str(tmp_path / "to"))
    assert answer["faults"] == []
    assert answer["keyring_is_there"] is False
    assert other.json("scrub") == {"faults": [], "repaired_counters": 0}
    assert [key["user"] for key in other.json("key", "list", "ten-o")] == ["mary"]
    said = Terminal(tmp_path / "third").ok("restore", str(tmp_path / "to"))
    assert "put the keyring in its place" in said
    assert str(tmp_path / "third" / "tls") in said


def test_scrub_names_the_key_of_a_flipped_byte_and_fails(filled: Terminal) -> None:
    assert filled.ok("scrub") == "everything reads back as it was written\n"
    flip(large_blob(filled.home))
    result = filled.run("scrub", "--json")
    assert result.exit_code == 1
    (fault,) = json.loads(result.stdout)["faults"]
    assert (fault["tenancy"], fault["bucket"], fault["key"]) == ("ten-o", "bucket", "precious")
    assert "block 15 (bytes from 983040): crc32c is" in fault["sentence"]
    result = filled.run("scrub", "--rate", "1GB")
    assert result.exit_code == 1
    assert "FAULT tenancy ten-o, bucket bucket, key precious: blob f" in result.stderr
    assert filled.ok("scrub", "--quick") == "every blob is there, and the rows agree\n"


def test_doctor_remembers_what_a_scrub_by_hand_found_until_one_finds_nothing(filled: Terminal) -> None:
    def told() -> tuple[str, str]:
        document = json.loads(filled.run("doctor", "--json").stdout)
        return next((finding["state"], finding["text"]) for finding in document if finding["subject"] == "scrub")

    flip(large_blob(filled.home))
    assert filled.run("scrub").exit_code == 1
    assert told()[0] == "fail"
    assert "key precious" in told()[1]
    flip(large_blob(filled.home))
    filled.ok("scrub", "--quick")
    assert told()[0] == "fail", "a quick one reads nothing"
    filled.ok("scrub")
    assert told() == ("ok", "the last pass, 0 days ago, found nothing")


def test_a_backup_of_a_rotten_home_is_made_and_fails(filled: Terminal, tmp_path: Path) -> None:
    flip(large_blob(filled.home))
    result = filled.run("backup", str(tmp_path / "to"), "--json")
    assert result.exit_code == 1
    assert len(json.loads(result.stdout)["faults"]) == 1
    result = Terminal(tmp_path / "other").run("restore", str(tmp_path / "to"))
    assert result.exit_code == 1
    assert "holdfast: 1 fault: see docs/how-to/repair.md" in result.stderr


def test_what_is_no_backup_is_refused_in_a_sentence(filled: Terminal, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "there is no backup in" in Terminal(tmp_path / "other").refused("restore", str(tmp_path / "empty"))
    assert "lies in the home itself" in filled.refused("backup", str(filled.home / "backup"))


def test_scrub_repairs_counters_only_when_asked(filled: Terminal) -> None:
    from holdfast.catalog.rows import USAGE

    catalog = assemble.open_catalog(assemble.Home(filled.home))
    with catalog.read() as rows:
        usage = rows.scan(USAGE)[0]
    catalog.commit([lambda tx: tx.replace(USAGE, usage._replace(live_objects=99))])
    catalog.close()
    assert filled.run("scrub", "--quick").exit_code == 1
    assert "1 wrong counter put right" in filled.ok("scrub", "--quick", "--repair-usage")
    assert filled.ok("scrub", "--quick").startswith("every blob is there")


def test_doctor_prints_a_line_for_each_thing_and_fails_when_one_fails(filled: Terminal, tmp_path: Path) -> None:
    (filled.home / "holdfast.toml").write_text('s3 = ["127.0.0.1:0"]\ns3_tls = []\nportal = []\n')
    found = {finding["subject"]: finding for finding in filled.json("doctor")}
    assert {"home", "catalog", "keyring", "disk", "sync", "clock", "packages", "backup", "names"} <= found.keys()
    assert found["backup"]["state"] == "warn"
    filled.ok("backup", str(tmp_path / "to"))
    assert "fail" not in filled.ok("doctor")
    (filled.home / "keyring").unlink()
    result = filled.run("doctor")
    assert result.exit_code == 1
    assert "fail  keyring" in result.stdout
    assert "→ put the copy that you keep apart at" in result.stdout


def test_doctor_says_that_the_port_of_former_addresses_is_taken(filled: Terminal) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        (filled.home / "holdfast.toml").write_text(
            f's3 = ["127.0.0.1:0"]\ns3_tls = []\nportal = ["127.0.0.1:0"]\nlegacy_portal = ["{address}"]\n'
        )
        result = filled.run("doctor", "--json")
    (found,) = [each for each in json.loads(result.stdout) if each["subject"] == "ports"]
    assert (found["state"], result.exit_code) == ("fail", 1)
    assert address in found["text"]


@pytest.mark.parametrize(("days_left", "state"), [(60, "ok"), (20, "warn"), (-1, "fail")])
def test_doctor_looks_at_the_certificates_that_are_really_served(tmp_path: Path, days_left: int, state: str) -> None:
    from holdfast.edge.authority import LIFE

    directory, home = tmp_path / "tls", tmp_path / "home"
    directory.mkdir()
    issue(directory, "site", ["s3-ext.localhost"], datetime.now(UTC) - LIFE + timedelta(days=days_left, hours=1))
    with serve(home, "--tls-dir", str(directory)) as store:
        metrics = urlopen(f"{store.endpoint_url}/_admin/metrics").read().decode()
        kept = (directory / "site.pem").read_bytes()
        (directory / "site.pem").write_text("half of a file")
        broken = Terminal(home).run("doctor", "--json")
        (directory / "site.pem").write_bytes(kept)
        found = Terminal(home).run("doctor", "--json")
    of_files, of_server = [each for each in json.loads(found.stdout) if each["subject"] == "certificates"]
    assert str(directory) in of_files["text"]
    assert (of_files["state"], of_server["state"]) == (state, state)
    assert (f"put the renewed one at {directory}" in of_files["advice"]) == (state != "ok")
    of_files, of_server = [each for each in json.loads(broken.stdout) if each["subject"] == "certificates"]
    assert (of_files["state"], of_server["state"]) == ("fail", state)
    (end,) = re.findall(r'^holdfast_certificate_expiry_seconds\{file="site.pem"\} (\S+)$', metrics, re.M)
    assert float(end) == x509.load_pem_x509_certificate(kept).not_valid_after_utc.timestamp()


def test_doctor_says_that_there_is_no_home(tmp_path: Path) -> None:
    result = Terminal(tmp_path / "none").run("doctor", "--json")
    assert result.exit_code == 1
    (finding,) = json.loads(result.stdout)
    assert "there is no holdfast home" in finding["text"]
