"""`holdfast keyring`: a new sealing key while the same access keys go on working, and the way on when it is lost."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner
from tests.serving import CannotStart, serve

from holdfast.assemble import open_catalog, open_home
from holdfast.auth.keyring import Keyring, secret_context
from holdfast.catalog.rows import ACCESS_KEYS, AUDIT
from holdfast.cli.main import cli
from holdfast.config import load_settings

T = "my-os-tenancy-o"


def secrets_of(home: Path, keyring: Keyring) -> dict[str, str]:
    catalog = open_catalog(open_home(load_settings(home, {}, {}), create=False))
    with catalog.read() as rows:
        found = {
            row.access_key_id: keyring.unseal(
                row.sealed_secret, row.key_version, secret_context(row.tenancy_id, row.access_key_id)
            )
            for row in rows.scan(ACCESS_KEYS)
        }
    catalog.close()
    return found


def test_a_rotation_seals_every_secret_anew_and_changes_none(settled: Any) -> None:
    keys = [settled.json("key", "create", T, user) for user in ("mary", "uma", "uma")]
    settled.ok("key", "revoke", keys[2]["token"])
    old = json.loads((settled.home / "keyring").read_text())["keys"]
    assert settled.json("keyring", "rotate") == {"keyring": str(settled.home / "keyring"), "version": 2, "sealed": 3}
    new = json.loads((settled.home / "keyring").read_text())["keys"]
    assert new["1"] == old["1"]  # backups from before still open
    only_the_newest = Keyring({2: base64.b64decode(new["2"])})
    assert secrets_of(settled.home, only_the_newest) == {key["token"]: key["secret"] for key in keys}
    later = settled.json("key", "create", T, "uma")
    assert secrets_of(settled.home, only_the_newest)[later["token"]] == later["secret"]


def test_a_rotation_is_audited_without_a_secret(settled: Any) -> None:
    key = settled.json("key", "create", T, "uma")
    settled.ok("keyring", "rotate")
    catalog = open_catalog(open_home(load_settings(settled.home, {}, {}), create=False))
    with catalog.read() as rows:
        row = rows.scan(AUDIT)[-1]
    catalog.close()
    assert (row.action, row.subject, json.loads(row.detail)) == (
        "keyring.rotate",
        "keyring",
        {"version": 2, "sealed": 1},
    )
    assert key["secret"] not in str(row)


def test_a_lost_keyring_is_not_replaced(settled: Any) -> None:
    settled.ok("key", "create", T, "uma")
    (settled.home / "keyring").unlink()
    assert "is missing" in settled.refused("keyring", "rotate")
    assert not (settled.home / "keyring").exists()


def test_keys_work_in_a_running_store_across_a_rotation(tmp_path: Path) -> None:
    with serve(tmp_path / "home", workers=2) as store:
        before = store.make_key(T, "alice")
        store.client(before).create_bucket(Bucket="data")
        done = CliRunner().invoke(cli, ["keyring", "rotate", "--home", str(store.home)])
        assert done.exit_code == 0, done.output
        after = store.make_key(T, "bob")
        for key in (before, after) * 4:
            assert store.client(key).list_buckets()["Owner"]


def lose(keyring: Path) -> None:
    keyring.unlink()


def exchange(keyring: Path) -> None:
    keyring.unlink()
    Keyring.load_or_create(keyring, lambda: False)


@pytest.mark.parametrize("befall", [lose, exchange])
def test_a_new_keyring_revokes_what_the_lost_one_sealed_and_only_when_told_to(
    settled: Any, befall: Callable[[Path], None]
) -> None:
    for user in ("mary", "uma", "uma"):
        last = settled.json("key", "create", T, user)
    settled.ok("key", "revoke", last["token"])
    settled.ok("keyring", "rotate")
    befall(settled.home / "keyring")
    assert "2 access keys for good" in settled.refused("keyring", "new")
    assert {key["state"] for key in settled.json("key", "list", T)} == {"active", "revoked"}
    assert settled.json("keyring", "new", "--revoke-keys")["revoked"] == 2
    assert {key["state"] for key in settled.json("key", "list", T)} == {"revoked"}
    assert settled.json("keyring", "new", "--revoke-keys") == {
        "keyring": str(settled.home / "keyring"),
        "version": 3,  # above the lost one's, so that running servers look into the file
        "revoked": 0,
    }
    made = settled.json("key", "create", T, "uma")
    assert settled.json("keyring", "rotate")["sealed"] == 1
    assert settled.json("keyring", "new")["revoked"] == 0
    assert [key["state"] for key in settled.json("key", "list", T) if key["token"] == made["token"]] == ["active"]


def test_a_new_keyring_is_audited_in_one_commit(settled: Any) -> None:
    settled.ok("key", "create", T, "uma")
    (settled.home / "keyring").unlink()
    settled.ok("keyring", "new", "--revoke-keys")
    catalog = open_catalog(open_home(load_settings(settled.home, {}, {}), create=False))
    with catalog.read() as rows:
        row = rows.scan(AUDIT)[-1]
        (key,) = rows.scan(ACCESS_KEYS)
    catalog.close()
    assert (row.action, json.loads(row.detail)) == ("keyring.new", {"version": 2, "revoked": 1})
    assert (key.state, key.sealed_secret) == ("revoked", b"")


def test_a_running_store_refuses_keys_of_another_keyring_and_goes_on_with_new_ones(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serve(home) as store:
        key = store.make_key(T, "alice")
        store.client(key).create_bucket(Bucket="data")
    exchange(home / "keyring")
    with serve(home) as store:
        for _ in range(3):
            with pytest.raises(ClientError) as refused:
                store.client(key).list_buckets()
            assert refused.value.response["Error"]["Code"] == "InvalidAccessKeyId"
        told = [line for line in store.log.read_text().splitlines() if key.token in line]
        assert len(told) == 1
        assert "does not open" in told[0]
        done = CliRunner().invoke(cli, ["keyring", "new", "--revoke-keys", "--home", str(home)])
        assert done.exit_code == 0, done.output
        found = store.client(store.make_key(T, "alice")).list_buckets()["Buckets"]
        assert [bucket["Name"] for bucket in found] == ["data"]


def test_a_store_without_its_keyring_does_not_start_and_says_so_in_one_sentence(tmp_path: Path) -> None:
    with serve(tmp_path / "home") as store:
        store.make_key(T, "alice")
        store.log.write_text("")
    (tmp_path / "home" / "keyring").unlink()
    with pytest.raises(CannotStart, match="holdfast keyring new"):
        with serve(tmp_path / "home"):
            pass
    assert len(store.log.read_text().splitlines()) == 1
