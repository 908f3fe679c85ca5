"""The command line: its exact forms, its answers for programs and people, and its refusals."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from holdfast import __version__
from holdfast.assemble import Home
from holdfast.catalog.rows import BUCKETS, KEY_USES, BucketRow, KeyUseRow
from holdfast.catalog.sqlite import SqliteCatalog
from holdfast.cli.main import COMMANDS, cli

T = "my-os-tenancy-o"
OURS = ("tenancy", "user", "admin", "mail", "member", "key", "site", "usage", "dns")


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        return [(path, command)]
    context = click.Context(command)
    found = []
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        found += leaves(child, (*path, name))
    return found


@pytest.mark.parametrize(
    ("path", "command"),
    [each for each in leaves(cli) if each[0][0] in OURS],
    ids=lambda each: " ".join(each) if isinstance(each, tuple) else "",
)
def test_every_command_has_home_json_and_examples_that_parse(path: tuple[str, ...], command: click.Command) -> None:
    options = {option for parameter in command.params for option in parameter.opts}
    assert {"--home", "--json"} <= options
    help_text = CliRunner().invoke(cli, [*path, "--help"]).output
    examples = re.findall(r"^  holdfast (.+)$", help_text.partition("Examples:")[2].replace("\n    ", "\n  "), re.M)
    assert examples
    for example in examples:
        import shlex

        words = shlex.split(example.partition(" > ")[0])
        assert tuple(words[: len(path)]) == path
        command.make_context("x", words[len(path) :])


def test_the_list_of_commands_needs_no_import_and_names_each_module_that_is_there() -> None:
    shown = CliRunner().invoke(cli, ["--help"]).output
    directory = Path(str(cli.callback and cli.callback.__code__.co_filename)).parent
    for name, help_text in COMMANDS.items():
        is_there = (directory / f"{name}.py").exists() or (directory / name).is_dir()
        assert (f"  {name} " in shown and help_text in shown) == is_there
    assert CliRunner().invoke(cli, ["--version"]).output == f"holdfast {__version__}\n"


def test_a_key_as_json_is_the_seeds_credentials_file(settled: Any) -> None:
    document = settled.json("key", "create", T, "uma")
    assert list(document)[:3] == ["token", "secret", "endpoint_url"]
    assert document["endpoint_url"] == f"http://{T}.s3.localhost:8080"
    assert document["endpoint_url_ext"] == f"https://{T}.s3-ext.localhost:8443"
    life = datetime.fromisoformat(document["expires"]) - datetime.now(UTC)
    assert timedelta(days=89) < life < timedelta(days=91)


def test_a_key_for_people_shows_the_secret_once(settled: Any) -> None:
    shown = settled.ok(
        "key",
        "create",
        T,
        "uma",
        "--description",
        "nightly",
        "--expires",
        "2099-01-31",
        "--read-only",
        "--bucket",
        "b",
        "--prefix",
        "p/",
    )
    token = re.findall(r"^access key \(token\)\s+(\S+)$", shown, re.M)[0]
    secret = re.findall(r"^secret\s+(\S+)$", shown, re.M)[0]
    assert "2099-01-31" in shown
    assert "read in b below p/" in shown
    listed = settled.ok("key", "list", T) + settled.ok("key", "list", T, "uma", "--json")
    assert token in listed
    assert secret not in listed
    document = settled.json("key", "list", "--user", "uma")[0]
    assert document == {
        **document,
        "token": token,
        "expires": "2099-01-31T23:59:59Z",
        "read_only": True,
        "buckets": ["b"],
        "prefixes": ["p/"],
        "state": "active",
    }


def test_a_key_may_live_for_ever_and_be_rotated_and_revoked(settled: Any) -> None:
    first = settled.json("key", "create", T, "uma", "--expires", "never")
    assert first["expires"] is None
    second = settled.json("key", "rotate", first["token"], "--overlap", "24h")
    assert second["token"] != first["token"]
    assert second["endpoint_url"] == first["endpoint_url"]
    settled.ok("key", "revoke", first["token"])
    assert {key["token"]: key["state"] for key in settled.json("key", "list")} == {
        first["token"]: "revoked",
        second["token"]: "active",
    }
    assert "revoked or expired" in settled.refused("key", "rotate", first["token"])


def test_the_list_of_keys_says_when_from_where_and_by_what_each_was_last_used(settled: Any) -> None:
    token = settled.json("key", "create", T, "uma")["token"]
    head, row = settled.ok("key", "list", T).splitlines()
    assert row[head.index("LAST USED") :].startswith("never")
    (document,) = settled.json("key", "list", T)
    assert [document[name] for name in ("last_used", "last_used_from", "last_used_by")] == [None] * 3
    used_us = int(datetime(2026, 11, 23, 12, 30, 5, tzinfo=UTC).timestamp()) * 1_000_000
    catalog = SqliteCatalog(Home(settled.home).catalog_file)
    catalog.commit([lambda rows: rows.add(KEY_USES, KeyUseRow(token, used_us, "192.0.2.7", "s3cmd/2.4"))])
    catalog.close()
    head, row = settled.ok("key", "list", T).splitlines()
    assert row[head.index("LAST USED") :].startswith("2026-11-23  read and write")
    (document,) = settled.json("key", "list", T)
    assert document["last_used"] == "2026-11-23T12:30:05Z"
    assert (document["last_used_from"], document["last_used_by"]) == ("192.0.2.7", "s3cmd/2.4")


def test_the_secret_lies_nowhere_in_the_home(settled: Any) -> None:
    secret = settled.json("key", "create", T, "uma")["secret"].encode()
    files = [path for path in settled.home.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if secret in path.read_bytes()]


def test_everything_in_a_home_is_closed_to_others(settled: Any) -> None:
    settled.ok("key", "create", T, "uma")
    assert settled.home.stat().st_mode & 0o777 == 0o700
    assert not [path for path in settled.home.iterdir() if path.stat().st_mode & 0o077]


def test_the_endpoint_is_that_of_the_running_server(settled: Any) -> None:
    serving = {"pid": os.getpid(), "s3": ["0.0.0.0:80"], "s3_tls": ["[::]:9443"], "domain": "s3.example.org"}
    Home(settled.home).serving_file.write_text(json.dumps(serving))
    shown = settled.json("tenancy", "show", T)
    assert shown["endpoint_url"] == f"http://{T}.s3.example.org"
    assert shown["endpoint_url_ext"] == f"https://{T}.s3-ext.localhost:9443"


@pytest.mark.parametrize(
    "left", ['{"pid": 0x', '{"s3": []}', "[]", json.dumps({"pid": 2**22 + 1, "s3": [], "s3_tls": []})]
)
def test_what_a_killed_server_left_is_not_believed(settled: Any, left: str) -> None:
    Home(settled.home).serving_file.write_text(left)
    assert settled.json("tenancy", "show", T)["endpoint_url"] == f"http://{T}.s3.localhost:8080"


def test_a_tenancy_is_created_listed_limited_suspended_and_deleted(terminal: Any) -> None:
    shown = terminal.ok("tenancy", "create", "a-o", "--new-buckets", "members-read", "--users-may-publish")
    assert "members-read" in shown
    assert "create buckets, publish" in shown
    assert "10 TB" in terminal.ok("tenancy", "set-quota", "a-o", "10TB", "--objects", "5")
    document = terminal.json("tenancy", "show", "a-o")
    assert (document["limit_bytes"], document["limit_objects"]) == (10**13, 5)
    terminal.ok("tenancy", "set-quota", "a-o", "none")
    assert terminal.json("tenancy", "list")[0]["limit_bytes"] is None
    terminal.ok("tenancy", "suspend", "a-o", "--reason", "leaked key")
    assert "suspended: leaked key" in terminal.ok("tenancy", "show", "a-o")
    terminal.ok("tenancy", "suspend", "a-o", "--read-only", "--reason", "closing")
    assert "readonly: closing" in terminal.ok("tenancy", "show", "a-o")
    terminal.ok("tenancy", "resume", "a-o")
    terminal.ok("tenancy", "delete", "a-o")
    assert terminal.json("tenancy", "list") == []
    assert terminal.ok("tenancy", "list") == "none\n"


def test_users_and_members_come_and_go(settled: Any) -> None:
    settled.ok("user", "create", "gus", "--email", "gus@example.org")
    add_bucket(settled.home, "results")
    settled.ok("member", "add", T, "gus", "--role", "GUEST", "--until", "2099-01-31", "--bucket", "results:write")
    members = {each["user"]: each for each in settled.json("member", "list", T)}
    assert members["gus"]["buckets"] == {"results": "write"}
    assert members["gus"]["until"] == "2099-01-31T23:59:59Z"
    assert members["mary"]["until"] is None
    assert "results:write" in settled.ok("member", "list", T)
    settled.ok("member", "remove", T, "gus")
    settled.ok("user", "suspend", "uma")
    assert "user suspended" in settled.ok("member", "list", T)
    settled.ok("user", "resume", "uma")
    settled.ok("user", "remove", "uma")
    assert [user["name"] for user in settled.json("user", "list")] == ["gus", "mary"]


def add_bucket(home: Path, name: str) -> None:
    catalog = SqliteCatalog(Home(home).catalog_file)
    with catalog.read() as rows:
        from holdfast.admin.lookups import get_tenancy

        tenancy_id = get_tenancy(rows, T).tenancy_id
    row = BucketRow(tenancy_id, name, f"id-{name}", "x", 0, "", "", "", "", None, None)
    assert catalog.commit([lambda rows: rows.add(BUCKETS, row)])[0].error is None
    catalog.close()


def test_a_key_for_a_bucket_that_is_not_there_is_made_with_a_warning(settled: Any) -> None:
    add_bucket(settled.home, "results")
    made = settled.run("key", "create", T, "uma", "--bucket", "results", "--bucket", "result", "--json")
    assert json.loads(made.stdout)["buckets"] == ["result", "results"]
    assert (
        made.stderr
        == f"holdfast: warning: there is no bucket `result` in tenancy `{T}` yet: the key reaches it once it is made\n"
    )


def test_a_role_is_taken_in_any_case_and_a_guests_buckets_are_confirmed(settled: Any) -> None:
    add_bucket(settled.home, "results")
    words = ("member", "add", T, "uma", "--role", "guest", "--until", "2099-01-31", "--bucket", "results:write")
    assert settled.ok(*words) == f"uma is GUEST of tenancy {T} until 2099-01-31 and reaches results (write)\n"


def id_of(terminal: Any, user: str) -> str:
    (found,) = [each for each in terminal.json("user", "list") if each["name"] == user]
    return str(found["id"])


def give_bucket(terminal: Any, name: str, owner_id: str) -> None:
    tenancy_id = terminal.json("tenancy", "show", T)["id"]
    catalog = SqliteCatalog(Home(terminal.home).catalog_file)
    row = BucketRow(tenancy_id, name, f"id-{name}", owner_id, 1, "", "", "", "", None, None)
    assert catalog.commit([lambda rows: rows.add(BUCKETS, row)])[0].error is None
    catalog.close()


def test_buckets_of_who_left_are_given_to_a_member_after_a_look_at_what_would_change(settled: Any) -> None:
    uma = id_of(settled, "uma")
    for name in ("cmip6", "scratch"):
        give_bucket(settled, name, uma)
    settled.ok("member", "remove", T, "uma")
    planned = settled.json("tenancy", "transfer", T, "mary", "--from", "uma", "--dry-run")
    assert [(each["bucket"], each["from"], each["to"], each["is_done"]) for each in planned] == [
        ("cmip6", "uma", "mary", False),
        ("scratch", "uma", "mary", False),
    ]
    assert planned == settled.json("tenancy", "transfer", T, "mary", "--from", uma, "--dry-run"), "nothing was changed"
    (done,) = settled.json("tenancy", "transfer", T, "mary", "--bucket", "cmip6")
    assert (done["from_id"], done["is_done"]) == (uma, True)
    shown = settled.ok("tenancy", "transfer", T, "mary", "--from", "uma")
    assert "scratch  uma   mary" in shown
    assert "no owner of a bucket `uma`" in settled.refused("tenancy", "transfer", T, "mary", "--from", "uma")


def test_a_transfer_is_refused_to_who_is_no_member_and_needs_to_know_which(settled: Any) -> None:
    give_bucket(settled, "cmip6", id_of(settled, "uma"))
    settled.ok("user", "create", "eve")
    assert "no live member" in settled.refused("tenancy", "transfer", T, "eve", "--from", "uma")
    assert "no bucket `cmip5`" in settled.refused("tenancy", "transfer", T, "mary", "--bucket", "cmip5")
    assert settled.run("tenancy", "transfer", T, "mary").exit_code == 2
    assert settled.run("tenancy", "transfer", T, "mary", "--from", "uma", "--bucket", "cmip6").exit_code == 2


def test_usage_shows_the_tenancy_and_each_bucket(settled: Any) -> None:
    add_bucket(settled.home, "results")
    settled.ok("tenancy", "set-quota", T, "1TB", "--bucket", "results")
    document = settled.json("usage", T)
    assert (document["tenancy"], document["used_bytes"], document["limit_bytes"]) == (T, 0, 10**13)
    assert [bucket["name"] for bucket in document["buckets"]] == ["results"]
    assert settled.json("usage", T, "--bucket", "results")["limit_bytes"] == 10**12
    assert "results" in settled.ok("usage", T)
    assert "there is no bucket `other`" in settled.refused("usage", T, "--bucket", "other")


def test_the_site_is_made_read_only_forbids_public_buckets_and_announces(settled: Any) -> None:
    off = {"read_only": None, "public_forbidden": None, "announcement": None, "public_buckets": []}
    assert settled.json("site", "show") == off
    assert settled.json("site", "read-only", "on", "--reason", "new disks") == {"read_only": "new disks"}
    assert settled.json("site", "public", "forbid") == {"public_forbidden": ""}
    settled.ok("site", "announce", "Back at 14:00 UTC.")
    assert settled.json("site", "show") == {
        "read_only": "new disks",
        "public_forbidden": "",
        "announcement": "Back at 14:00 UTC.",
        "public_buckets": [],
    }
    assert settled.ok("site", "show").splitlines() == [
        "writes          refused: new disks",
        "making public   forbidden",
        "announcement    Back at 14:00 UTC.",
        "public buckets  none",
    ]
    settled.ok("site", "read-only", "off")
    settled.ok("site", "public", "allow")
    settled.ok("site", "announce", "--none")
    assert settled.json("site", "show") == off
    assert settled.run("site", "announce").exit_code == 2
    assert settled.run("site", "announce", "x", "--none").exit_code == 2
    assert settled.run("site", "read-only").exit_code == 2


def test_dns_names_every_tenancy_for_hosts_and_all_by_wildcards(settled: Any) -> None:
    add_bucket(settled.home, "results")
    document = settled.json("dns", "--address", "192.0.2.10")
    assert document["hosts"] == [f"192.0.2.10 {T}.s3.localhost {T}.s3-ext.localhost"]
    assert "*.s3.localhost.     300 IN A 192.0.2.10" in document["zone"]
    assert "AAAA 2001:db8::1" in settled.ok("dns", "--address", "2001:db8::1")
    assert f"results.{T}.s3.localhost" in settled.ok("dns", "--buckets")
    assert settled.json("dns")["addresses"] == ["127.0.0.1"]
    assert settled.run("dns", "--address", "nowhere").exit_code == 2


def test_dns_names_every_address_that_is_given_or_listened_on(settled: Any) -> None:
    zone = settled.json("dns", "--address", "192.0.2.10", "--address", "2001:db8::1")["zone"]
    assert [line.split()[-2] for line in zone] == ["A"] * 4 + ["AAAA"] * 4
    (settled.home / "holdfast.toml").write_text(
        's3 = ["192.0.2.10:80", "[2001:db8::1]:80"]\ns3_tls = ["192.0.2.10:443"]\n'
    )
    assert settled.json("dns")["addresses"] == ["192.0.2.10", "2001:db8::1"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("tenancy", "create", T), "there is a tenancy"),
        (("tenancy", "create", "A"), "can't be a tenancy's name"),
        (("tenancy", "show", "my-tenancy-o"), "did you mean `my-os-tenancy-o`"),
        (("member", "remove", T, "mary"), "without a MANAGER"),
        (("member", "add", T, "uma", "--role", "GUEST"), "add --until DATE"),
        (
            ("key", "create", T, "nobody"),
            "there is no user `nobody` in HOME: make them with holdfast user create nobody",
        ),
        (("member", "list", "zzz"), "there is no tenancy `zzz` in HOME: make it with holdfast tenancy create zzz"),
        (("key", "revoke", "X"), "there is no access key"),
    ],
)
def test_a_refusal_is_one_sentence_and_exit_code_1(settled: Any, words: tuple[str, ...], sentence: str) -> None:
    assert sentence in settled.refused(*words).replace(str(settled.home), "HOME")


@pytest.mark.parametrize("words", [("tenancy", "create", T), ("user", "create", "uma")], ids=" ".join)
def test_a_home_that_was_not_there_is_made_and_said(terminal: Any, words: tuple[str, ...]) -> None:
    line = f"holdfast: there was no home at {terminal.home}, so a new one is made\n"
    assert terminal.run(*words, "--json").stderr == line
    assert line not in terminal.run("user", "create", "other").stderr


@pytest.mark.parametrize(
    "words",
    [
        ("tenancy", "create"),
        ("tenancy", "create", "a-o", "--quota", "10T"),
        ("tenancy", "set-quota", T),
        ("tenancy", "set-quota", T, "1TB", "--objects", "-1"),
        ("member", "add", T, "uma"),
        ("member", "add", T, "uma", "--role", "BOSS"),
        ("member", "add", T, "uma", "--role", "USER", "--until", "never"),
        ("member", "add", T, "uma", "--role", "GUEST", "--bucket", "b:rw"),
        ("key", "create", T, "uma", "--expires", "tomorrow"),
        ("key", "create", T, "uma", "--expires", "9999-12-31x"),
        ("key", "rotate", "X", "--overlap", "1"),
        ("nonsense",),
    ],
)
def test_what_is_not_understood_ends_with_exit_code_2(settled: Any, words: tuple[str, ...]) -> None:
    result = settled.run(*words)
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.output


def test_only_making_something_makes_a_home(terminal: Any) -> None:
    assert "there is no holdfast home at" in terminal.refused("key", "list")
    assert not terminal.home.exists()
    terminal.ok("user", "create", "uma")
    assert terminal.json("key", "list") == []


def test_a_directory_with_something_else_in_it_is_not_made_a_home(terminal: Any) -> None:
    terminal.home.mkdir()
    (terminal.home / "thesis.tex").touch()
    assert "not empty and not a holdfast home" in terminal.refused("user", "create", "uma")
    assert [path.name for path in terminal.home.iterdir()] == ["thesis.tex"]


def test_a_home_that_is_open_to_others_or_newer_or_ill_set_or_without_its_keyring_is_refused(settled: Any) -> None:
    settled.ok("key", "create", T, "uma")
    home = Home(settled.home)
    settled.home.chmod(0o750)
    assert "chmod 700" in settled.refused("key", "list")
    settled.home.chmod(0o700)
    home.format_file.write_text("2\n")
    assert "newer holdfast" in settled.refused("key", "list")
    home.format_file.write_text("x\n")
    assert "damaged" in settled.refused("key", "list")
    home.format_file.write_text("1\n")
    (settled.home / "holdfast.toml").write_text("worker = 3\n")
    assert "did you mean `workers`" in settled.refused("key", "list")
    (settled.home / "holdfast.toml").unlink()
    home.keyring_file.unlink()
    assert "restore it" in settled.refused("key", "create", T, "uma")
    settled.ok("key", "list")
