"""Settings: what each source may say, and which of them wins."""

from __future__ import annotations

import tomllib
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.config import (
    LIMITS,
    SETTINGS,
    SITE,
    Address,
    Limits,
    SettingError,
    Settings,
    Site,
    default_home,
    load_settings,
    parse_size,
    read_secret,
    show_size,
    template,
)


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("10TB", 10**13),
        ("10TiB", 10 * 2**40),
        ("5 MiB", 5 * 2**20),
        ("1.5GB", 1_500_000_000),
        ("0", 0),
        ("7b", 7),
        ("1e", None),
        ("1T", None),
        ("", None),
        ("TB", None),
        ("-1TB", None),
        ("1.0000001KB", None),
        ("9EiB", None),
        ("٣TB", None),
        ("1 0TB", None),
    ],
)
def test_a_size_is_decimal_or_binary_by_its_unit_and_never_guessed(text: str, size_bytes: int | None) -> None:
    if size_bytes is None:
        with pytest.raises(ValueError):
            parse_size(text)
    else:
        assert parse_size(text) == size_bytes


@example(999_500)  # three digits of it are written as 1e+03
@example(999_499_999_999)
@given(st.integers(0, 2**63 - 1))
def test_a_shown_size_is_within_half_a_percent_of_the_truth(size_bytes: int) -> None:
    shown = parse_size(show_size(size_bytes).replace(",", ""))
    assert abs(shown - size_bytes) <= size_bytes * 0.005


@pytest.mark.parametrize("setting", [*SETTINGS, *LIMITS, *SITE], ids=lambda setting: setting.name)
def test_every_setting_is_described_and_its_shown_default_reads_back(setting, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert setting.description.endswith((".", ")."))
    table = f"[{setting.table}]\n" if setting.table else ""
    (tmp_path / "holdfast.toml").write_text(f"{table}{setting.name} = {setting.default_text}\n")
    settings = load_settings(tmp_path, {}, {})
    record = getattr(settings, setting.table) if setting.table else settings
    assert getattr(record, setting.name) == setting.default


def test_every_field_of_the_records_is_a_setting() -> None:
    assert {field.name for field in fields(Settings)} == {setting.name for setting in SETTINGS} | {
        "home",
        "limits",
        "site",
    }
    assert {field.name for field in fields(Limits)} == {setting.name for setting in LIMITS}
    assert {field.name for field in fields(Site)} == {setting.name for setting in SITE}


def test_the_template_means_the_defaults_commented_or_not(tmp_path: Path) -> None:
    assert tomllib.loads(template()) == {"limits": {}, "site": {}}
    plain = "\n".join(line[1:] if line[:1] == "#" and line[:2] != "# " else line for line in template().splitlines())
    (tmp_path / "holdfast.toml").write_text(plain)
    assert load_settings(tmp_path, {}, {}) == Settings(home=tmp_path)


def test_an_option_wins_over_the_environment_and_that_over_the_file_and_that_over_the_default(tmp_path: Path) -> None:
    environment: dict[str, str] = {}
    options: dict[str, str | None] = {"domain": None}
    assert load_settings(tmp_path, options, environment).domain == "s3.localhost"
    (tmp_path / "holdfast.toml").write_text('domain = "file.example.org"\n')
    assert load_settings(tmp_path, options, environment).domain == "file.example.org"
    environment["HOLDFAST_DOMAIN"] = "env.example.org"
    assert load_settings(tmp_path, options, environment).domain == "env.example.org"
    options["domain"] = "option.example.org"
    assert load_settings(tmp_path, options, environment).domain == "option.example.org"


def test_lists_come_from_options_given_twice_commas_in_the_environment_and_arrays_in_the_file(tmp_path: Path) -> None:
    wanted = (Address("0.0.0.0", 80), Address("::", 80))
    assert load_settings(tmp_path, {"s3": ("0.0.0.0:80", "[::]:80")}, {}).s3 == wanted
    assert load_settings(tmp_path, {}, {"HOLDFAST_S3": "0.0.0.0:80,[::]:80"}).s3 == wanted
    (tmp_path / "holdfast.toml").write_text(
        's3 = ["0.0.0.0:80", "[::]:80"]\n[limits]\npart_bytes_min = "5 KiB"\nparts_max = 7\n'
    )
    settings = load_settings(tmp_path, {}, {})
    assert (settings.s3, settings.limits.part_bytes_min, settings.limits.parts_max) == (wanted, 5120, 7)


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ('domian = "x"', "there is no setting `domian`; did you mean `domain`?"),
        ("[limits]\nparts = 3", "there is no setting `limits.parts`"),
        ("domain = 3", "`domain` is 3: allowed is a host name"),
        ('domain = "-x"', "`domain` is '-x': allowed is a host name"),
        ('s3 = "localhost"', "allowed is a list of HOST:PORT"),
        ('s3 = ["127.0.0.1:70000"]', "allowed is a list of HOST:PORT"),
        ("workers = true", "allowed is a whole number from 0 to 1024"),
        ("workers = 1025", "allowed is a whole number from 0 to 1024"),
        ("limits = 3", "`limits` is a table"),
        ("[limits]\npart_bytes_min = -1", "allowed is a size"),
        ("[limits]\npart_bytes_min = 5.5", "allowed is a size"),
        ('trusted_proxies = ["10.0.0.1/8"]', "allowed is a list of a network"),
        ("a b", "is not a TOML file"),
    ],
)
def test_a_bad_file_is_refused_with_a_sentence_that_names_file_key_and_what_is_allowed(
    tmp_path: Path, file: str, sentence: str
) -> None:
    path = tmp_path / "holdfast.toml"
    path.write_text(file)
    with pytest.raises(SettingError) as caught:
        load_settings(tmp_path, {}, {})
    assert str(path) in str(caught.value)
    assert sentence in str(caught.value)


def test_a_misspelt_variable_is_refused_and_what_kubernetes_sets_is_not() -> None:
    nowhere = Path("/nonexistent")
    with pytest.raises(SettingError, match="HOLDFAST_DOMIAN; did you mean `HOLDFAST_DOMAIN`"):
        load_settings(nowhere, {}, {"HOLDFAST_DOMIAN": "x"})
    load_settings(
        nowhere, {}, {"HOLDFAST_SERVICE_HOST": "10.0.0.1", "HOLDFAST_PORT": "tcp://10.0.0.1:80", "HOLDFAST_HOME": "/x"}
    )


def test_an_empty_value_takes_an_optional_setting_away(tmp_path: Path) -> None:
    (tmp_path / "holdfast.toml").write_text('default_tenancy = "a-o"\n')
    assert load_settings(tmp_path, {}, {}).default_tenancy == "a-o"
    assert load_settings(tmp_path, {}, {"HOLDFAST_DEFAULT_TENANCY": ""}).default_tenancy is None


def test_settings_are_frozen_and_addresses_read_back() -> None:
    settings = load_settings(Path("/nonexistent"), {}, {})
    with pytest.raises(FrozenInstanceError):
        settings.region = "x"  # type: ignore[misc]
    assert [str(Address("::1", 80)), str(Address("127.0.0.1", 80))] == ["[::1]:80", "127.0.0.1:80"]
    assert settings.worker_count >= 1
    assert default_home({"HOLDFAST_HOME": "/srv/x"}) == Path("/srv/x")


def test_a_bad_option_is_refused_by_its_name_on_the_command_line() -> None:
    with pytest.raises(SettingError, match=r"^option --trusted-proxy is .*: allowed is a list of a network"):
        load_settings(Path("/nonexistent"), {"trusted_proxies": ("x",)}, {})
    with pytest.raises(SettingError, match=r"^option --ext-domain is '-x'"):
        load_settings(Path("/nonexistent"), {"ext_domain": "-x", "s3": ()}, {})


@pytest.mark.parametrize(
    ("portal", "url", "origin"),
    [
        ((), "https://portal.example.org", ""),
        (("127.0.0.1:8444",), "", "https://localhost:8444"),
        (("[::1]:443",), "", "https://localhost"),
        (("[2001:db8::7]:443",), "", "https://[2001:db8::7]"),
        (("192.0.2.7:8444",), "", "https://192.0.2.7:8444"),
        (("0.0.0.0:443",), "https://Portal.Example.org:443/store/", "https://portal.example.org"),
        (("0.0.0.0:443",), "https://portal.example.org:8444", "https://portal.example.org:8444"),
        (("0.0.0.0:443",), "http://[2001:db8::7]:80", "http://[2001:db8::7]"),
    ],
)
def test_the_portals_origin_is_what_a_browser_writes(portal: tuple[str, ...], url: str, origin: str) -> None:
    options = {"portal": portal, "portal_url": url}
    environment = {} if portal else {"HOLDFAST_PORTAL": ""}
    assert load_settings(Path("/nonexistent"), options, environment).portal_origin == origin


@pytest.mark.parametrize(
    "url",
    [
        "portal.example.org",
        "https://",
        "https://portal.example.org:99999",
        "https://u@x",
        "https://portal.éu",
        "https://a b",
    ],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(SettingError, match=r"--portal-url is .*: allowed is a URL with its scheme and host"):
        load_settings(Path("/nonexistent"), {"portal_url": url}, {})


def test_a_secret_is_read_from_a_file_that_is_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_text("hush \n")
    path.chmod(0o600)
    assert read_secret(path, "oidc_client_secret_file") == "hush"
    for mode, text, reason in ((0o640, "hush", "chmod 600"), (0o600, "\n", "is empty")):
        path.write_text(text)
        path.chmod(mode)
        with pytest.raises(SettingError, match=f"`oidc_client_secret_file`.*{reason}"):
            read_secret(path, "oidc_client_secret_file")
    with pytest.raises(SettingError, match="can't be read: No such file"):
        read_secret(tmp_path / "absent", "oidc_client_secret_file")
