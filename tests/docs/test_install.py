"""The systemd unit and the settings of the install page: one place for settings, and both families of addresses."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from holdfast.config import Address, load_settings

ROOT = Path(__file__).resolve().parents[2]
UNIT = (ROOT / "packaging" / "holdfast.service").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "how-to" / "install-on-one-machine.md").read_text(encoding="utf-8")
_SETTINGS_FILE = re.compile(r"^cat > /var/lib/holdfast/holdfast\.toml <<END\n(.*?)^END$", re.M | re.S)


def test_the_settings_of_the_install_page_serve_both_families_on_both_endpoints(tmp_path: Path) -> None:
    (text,) = _SETTINGS_FILE.findall(PAGE)
    (tmp_path / "holdfast.toml").write_text(text)
    settings = load_settings(tmp_path, {}, {})
    assert settings.s3 == (Address("0.0.0.0", 80), Address("::", 80))
    assert settings.s3_tls == (Address("0.0.0.0", 443), Address("::", 443))


def test_the_settings_of_the_install_page_have_a_portal_that_others_reach(tmp_path: Path) -> None:
    (text,) = _SETTINGS_FILE.findall(PAGE)
    (tmp_path / "holdfast.toml").write_text(text)
    settings = load_settings(tmp_path, {}, {})
    assert settings.portal == (Address("0.0.0.0", 8444), Address("::", 8444))
    assert settings.portal_origin == "https://portal.example.org:8444"
    assert "{doc}`sign-in`" in PAGE.partition("## Next")[2]


def test_the_unit_leaves_all_settings_to_the_file_that_every_command_reads() -> None:
    (line,) = re.findall(r"^ExecStart=(.*)$", UNIT, re.M)
    program, command, *options = shlex.split(line)
    assert program == "/opt/holdfast/bin/holdfast"
    assert command == "serve"
    assert options == []
    assert re.findall(r"^Environment(?:File)?=(\w+)", UNIT, re.M) == ["HOLDFAST_HOME"]


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "how-to").glob("*.md")), ids=lambda page: page.stem)
def test_no_page_installs_one_of_several_wheels(page: Path) -> None:
    for line in page.read_text(encoding="utf-8").splitlines():
        assert "pip install" not in line or ".whl" not in line or "ls -t" in line, line
