"""`holdfast keyring rotate`: a new sealing key, while the same access keys go on working."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from tests.serving import serve

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
