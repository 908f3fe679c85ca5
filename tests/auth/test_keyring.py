"""The keyring: what it seals opens only where it was sealed for, and it fails closed."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.auth.keyring import Keyring, KeyringError, secret_context

CONTEXT = secret_context("tenancy", "AK")


def never() -> bool:
    return False


@given(st.text(), st.binary())
def test_a_sealed_secret_opens_in_its_context(secret: str, context: bytes) -> None:
    keyring = Keyring({1: bytes(32)})
    sealed, version = keyring.seal(secret, context)
    assert keyring.unseal(sealed, version, context) == secret


def test_a_secret_moved_to_another_row_or_changed_or_under_another_keyring_does_not_open() -> None:
    keyring = Keyring({1: bytes(32)})
    sealed, version = keyring.seal("s", CONTEXT)
    for other in (secret_context("other", "AK"), secret_context("tenancy", "BK"), b""):
        with pytest.raises(KeyringError):
            keyring.unseal(sealed, version, other)
    for place in range(len(sealed)):
        flipped = bytearray(sealed)
        flipped[place] ^= 1
        with pytest.raises(KeyringError):
            keyring.unseal(bytes(flipped), version, CONTEXT)
    with pytest.raises(KeyringError):
        Keyring({1: bytes(31) + b"x"}).unseal(sealed, version, CONTEXT)
    with pytest.raises(KeyringError):
        keyring.unseal(b"", version, CONTEXT)


def test_the_same_secret_sealed_twice_looks_different() -> None:
    keyring = Keyring({1: bytes(32)})
    assert keyring.seal("s", CONTEXT)[0] != keyring.seal("s", CONTEXT)[0]


def test_a_new_keyring_is_private_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "keyring"
    sealed, version = Keyring.load_or_create(path, never).seal("s", CONTEXT)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["keyring"]
    assert Keyring.load_or_create(path, never).unseal(sealed, version, CONTEXT) == "s"


def test_a_lost_keyring_is_not_made_anew_while_something_is_sealed(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="is missing, and the secrets"):
        Keyring.load_or_create(tmp_path / "keyring", lambda: True)
    assert not (tmp_path / "keyring").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o601])
def test_a_keyring_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keyring"
    Keyring.load_or_create(path, never)
    path.chmod(mode)
    with pytest.raises(KeyringError, match="chmod 600"):
        Keyring.load(path)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"format": 1, "keys": {}}', '{"format": 1, "keys": {"1": "AAAA"}}', '{"format": 1, "keys": []}'],
)
def test_a_damaged_keyring_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "keyring"
    path.touch(mode=0o600)
    path.write_text(text)
    with pytest.raises(KeyringError, match="damaged"):
        Keyring.load(path)


def test_a_keyring_of_a_newer_holdfast_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "keyring"
    path.touch(mode=0o600)
    path.write_text(json.dumps({"format": 2, "keys": {}}))
    with pytest.raises(KeyringError, match="newer holdfast"):
        Keyring.load(path)


def test_a_new_version_seals_and_old_ones_still_open(tmp_path: Path) -> None:
    path = tmp_path / "keyring"
    before = Keyring.load_or_create(path, never)
    old, old_version = before.seal("old", CONTEXT)
    after = Keyring.add_version(path)
    new, new_version = after.seal("new", CONTEXT)
    assert (old_version, new_version) == (1, 2)
    assert after.unseal(old, old_version, CONTEXT) == "old"
    # A process that runs since before looks into the file again, and so seals with the newest from then on.
    assert before.unseal(new, new_version, CONTEXT) == "new"
    assert before.seal("x", CONTEXT)[1] == 2
    with pytest.raises(KeyringError, match="version 3"):
        before.unseal(new, 3, CONTEXT)
